"""In a real browser: somebody asks that a recording be taken back, staff do so, and everybody is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from phonotheque.editions.publish import publish
from phonotheque.ledger.staff import add_account
from phonotheque.vault.archive import Archive, now
from phonotheque.web.staff.passwords import hash_password
from tests.browser.conftest import OpenWindow
from tests.web.room.archives import Title
from tests.web.room.desks import Browser as Desk
from tests.web.room.desks import at_the_desk, taking

pytestmark = pytest.mark.once("about pages; tests/web/staff asks the ledger what this does")
PASSWORD = "a long pass phrase"
_RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


@pytest.fixture
def archive(library: Archive, tmp_path: Path) -> Archive:
    """Return a copy of the library with one who may log in."""
    archive = taking(library, tmp_path / "archive")
    with archive.ledger.begin() as ledger:
        add_account(ledger, "anna", hash_password("anna", PASSWORD), at="2026-11-26T10:00:00Z")
    return archive


@pytest.fixture
def desk(archive: Archive) -> Iterator[Desk]:
    """Open its room."""
    with at_the_desk(archive) as opened:
        yield opened


def is_sound(page: Page) -> None:
    """No violation that axe knows of, and nothing beside the window: wide and light, narrow and dark."""
    for theme, width in (("light", 1280), ("dark", 320)):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page, options=_RULES)
        assert found.violations_count == 0, (page.url, theme, width, found.generate_report())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (page.url, width)
    page.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("script", [True, False])
def test_from_a_request_to_the_tombstone(
    archive: Archive, desk: Desk, window: OpenWindow, script: bool
) -> None:
    check = is_sound if script else lambda _page: None  # axe is a script
    page = window(f"{desk.url}en/correct", script=script).page
    check(page)
    page.get_by_label("Title, artist or ISRC").fill(Title.OPENING.value)
    page.get_by_role("button", name="Look for it").click()
    page.get_by_role("link", name=re.compile("^Choose")).first.click()
    page.get_by_role("link", name="Take something back").click()
    expect(page.locator("#answer")).to_contain_text(Title.OPENING.value)
    if script:  # what is typed is looked up at once
        what = page.get_by_label("What it is about, one thing a line")
        chosen = what.input_value()
        what.fill("the tune my aunt sang")
        what.blur()
        expect(page.locator("#answer")).to_contain_text("a person will look up what this is")
        what.fill(chosen)
        what.blur()
        expect(page.locator("#answer")).to_contain_text(Title.OPENING.value)
    page.get_by_label("Why").fill("A secret reason.")
    page.get_by_label("One sentence that everybody may read").fill("It was ours.")
    page.get_by_label("Your name, and for whom you speak").fill("Mx Secret Name")
    page.get_by_label("How you can be reached").fill("secret@example.org")
    page.get_by_label("A document").set_input_files(
        {"name": "letter.txt", "mimeType": "text/plain", "buffer": b"a secret letter"}
    )
    check(page)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("It waits for a person")
    check(page)
    desk.desk.rest()
    inside = window(f"{desk.url}en/staff/", script=script).page
    check(inside)
    inside.get_by_label("Name").fill("anna")
    inside.get_by_label("Password").fill(PASSWORD)
    inside.get_by_role("main").get_by_role("button", name="Log in").click()
    check(inside)
    inside.locator(".rows a.name").click()
    check(inside)
    inside.get_by_label("Answer").fill("We are sorry.")
    inside.get_by_role("button", name="Accept: take it back now").click()
    expect(inside.get_by_role("button", name="Reverse the decision")).to_be_visible()
    check(inside)
    inside.get_by_role("link", name="Who did what").click()
    expect(inside.get_by_role("row").nth(1)).to_contain_text("accept")
    check(inside)
    publish(archive, at=now())
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Accepted")
    expect(page.get_by_role("main")).to_contain_text("We are sorry.")
    check(page)
    page.get_by_role("link", name=re.compile("^Edition")).click()
    expect(page.get_by_role("main")).to_contain_text("It was ours.")
    inside.get_by_role("button", name="Log out", exact=True).click()
    expect(inside.get_by_role("heading", level=1)).to_have_text("Log in")


def test_what_is_wrong_can_be_reached_by_keyboard(desk: Desk, window: OpenWindow) -> None:
    opened = window(f"{desk.url}fr/correct?kind=correction&what=x")
    page = opened.page
    page.locator("form.asking").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Envoyer").press("Enter")
    faults = page.get_by_role("alert")
    expect(faults).to_contain_text("Dites qui vous êtes.")
    is_sound(page)
    faults.get_by_role("link", name="Dites qui vous êtes.").press("Enter")
    assert page.evaluate("location.hash") == "#name"
    expect(page.locator("#name")).to_have_attribute("aria-invalid", "true")
    opened.meant.append("422")  # Chromium calls this status an error
