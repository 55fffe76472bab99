"""Listening in a real browser: what plays goes on while pages change, by mouse and by keyboard."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from phonotheque.vault.archive import Archive
from phonotheque.web.guard import Visitors
from phonotheque.web.room.quota import Quota
from tests.browser.conftest import OpenWindow
from tests.web.room.visits import visiting

pytestmark = pytest.mark.once("what is in the ledger is read by tests/web/room")


def until_playing(page: Page) -> None:
    """Wait until there is sound: that it says so, and that its position moves on."""
    expect(page.locator("#player")).to_have_class(re.compile("is-playing"))
    expect(page.locator("#player [data-seek]")).to_have_value(re.compile("[1-9]"))


def title_of(page: Page) -> str:
    return page.locator("#player [data-title]").inner_text()


def test_music_goes_on_while_pages_change(library: Archive, window: OpenWindow) -> None:
    with visiting(library, Visitors("FR")) as visit:
        page = window(f"{visit.url}en/listen").page
        page.get_by_role("button", name="Play Opening").click()
        until_playing(page)
        assert title_of(page) == "Opening"
        expect(page.locator("#player [data-licence]")).to_have_text("Creative Commons Attribution 4.0")
        assert page.evaluate("navigator.mediaSession.metadata.title") == "Opening"
        page.evaluate("window.stays = true")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Listen").click()
        page.get_by_role("link", name="Most listened").click()
        page.wait_for_url("**/listen?by=listens")
        expect(page.get_by_role("link", name="Most listened")).to_have_attribute("aria-current", "page")
        assert page.evaluate("window.stays")
        assert page.evaluate("document.activeElement.id") == "content"
        until_playing(page)
        page.go_back()
        page.wait_for_url("**/listen")
        page.locator("#player [data-title]").click()
        page.wait_for_url("**/recording/*")
        expect(page.get_by_role("heading", level=1)).to_have_text("Opening")
        assert page.evaluate("window.stays")
        page.get_by_role("link", name="Français").click()  # a page as a whole, where the player goes on
        page.wait_for_url("**/fr/recording/*")
        until_playing(page)
        expect(page.locator("#player [data-toggle]")).to_have_attribute("aria-label", "Pause")


def test_a_queue_is_played_and_put_in_order_by_keyboard(library: Archive, window: OpenWindow) -> None:
    with visiting(library, Visitors("FR")) as visit:
        page = window(f"{visit.url}en/listen?by=listens").page
        page.get_by_role("button", name="Play all").focus()
        page.keyboard.press("Enter")
        until_playing(page)
        expect(page.locator("#player [data-count]")).to_have_text("5")
        page.keyboard.press("Alt+Shift+P")
        page.keyboard.press("q")
        queue = page.locator("#player [data-list] li")
        expect(queue).to_have_count(5)
        assert title_of(page) == "Opening"
        page.keyboard.press("n")
        expect(page.locator("#player [data-title]")).to_have_text("Second Air")
        expect(page.locator("#player-says")).to_have_text(re.compile("^Playing: Second Air"))
        queue.nth(1).locator("[data-does=play]").focus()
        page.keyboard.press("Alt+ArrowUp")
        expect(queue.nth(0)).to_contain_text("Second Air")
        expect(page.locator("#player-says")).to_have_text("Second Air is now number 1 of 5")
        assert page.evaluate("document.activeElement.closest('li').dataset.place") == "0"
        page.keyboard.press("k")
        expect(page.locator("#player")).not_to_have_class(re.compile("is-playing"))
        page.keyboard.press("k")
        until_playing(page)
        page.reload()
        expect(page.locator("#player [data-count]")).to_have_text("5")
        page.locator("#player [data-close]").click()
        expect(page.locator("#player")).to_be_hidden()
        page.reload()
        expect(page.locator("#player")).to_be_hidden()


def test_a_position_is_sought(library: Archive, window: OpenWindow) -> None:
    with visiting(library) as visit:
        page = window(f"{visit.url}en/listen").page
        page.get_by_role("button", name="Play Opening").click()
        until_playing(page)
        page.locator("#player [data-seek]").focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#player [data-seek]")).to_have_value(re.compile("[89]|1[0-2]"))


def test_letters_in_a_field_are_letters(library: Archive, window: OpenWindow) -> None:
    with visiting(library) as visit:
        page = window(f"{visit.url}en/listen").page
        page.get_by_role("button", name="Play Opening").click()
        until_playing(page)
        field = page.get_by_role("searchbox")
        field.click()
        field.press_sequentially("kmq")
        assert field.input_value() == "kmq"
        expect(page.locator("#player")).to_have_class(re.compile("is-playing"))
        expect(page.locator("#queue")).to_be_hidden()


def test_without_scripts_there_is_a_plain_player(library: Archive, window: OpenWindow) -> None:
    with visiting(library) as visit:
        page = window(f"{visit.url}en/listen", script=False).page
        expect(page.locator("#player")).to_be_hidden()
        expect(page.get_by_role("button", name="Play Opening")).to_have_count(0)
        page.get_by_role("link", name="Opening").click()
        expect(page.locator("audio[controls] source")).to_have_count(2)


def test_whoever_heard_enough_is_told_so(
    library: Archive, window: OpenWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota = Quota(0, 1, place=lambda host: host)
    monkeypatch.setattr("phonotheque.web.room.state.Quota", lambda *_: quota)
    with visiting(library) as visit:
        opened = window(f"{visit.url}en/listen")
        opened.meant.append("429")
        page = opened.page
        page.get_by_role("button", name="Play Opening").click()
        until_playing(page)
        page.get_by_role("button", name="Play Second Air").click()
        expect(page.locator("#player-says")).to_contain_text("go on a little later")
        expect(page.locator("#player")).not_to_have_class(re.compile("is-playing"))


def test_what_the_browser_kept_may_be_anything(library: Archive, window: OpenWindow) -> None:
    kept = json.dumps(
        {
            "tracks": [
                {
                    "sources": [{"src": "https://elsewhere.example/a.mp3", "type": "audio/mpeg"}],
                    "page": "/en/",
                },
                {"sources": 3},
                None,
                {"sources": [{"src": "/stream/x"}], "page": "javascript:alert(1)"},
            ],
            "at": "x",
        }
    )
    with visiting(library) as visit:
        page = window(f"{visit.url}en/listen").page
        page.evaluate("kept => sessionStorage.setItem('phonotheque.player', kept)", kept)
        page.reload()
        expect(page.locator("#player")).to_be_hidden()
