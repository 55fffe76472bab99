"""The room as plain files, in a browser: nothing answers but a server that sends files and parts of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.serve import public_application
from phonotheque.web.server import Beside
from phonotheque.web.still.writing import write_still
from tests.browser.conftest import OpenWindow
from tests.postgresql import copy_tree
from tests.web.room.archives import ISRCS, Title

_PLAYS: Final = "audio => new Promise(done => { audio.onplaying = () => done(true); audio.play(); })"


@pytest.fixture
def still(library: Archive, tmp_path: Path) -> Archive:
    copy_tree(library.folder, tmp_path / "library")
    archive = open_archive(tmp_path / "library")
    with ThreadPoolExecutor(1) as thread:  # in this one, the browser's event loop runs
        thread.submit(write_still, archive).result()
    return archive


def test_a_recording_is_looked_up_and_heard(still: Archive, window: OpenWindow) -> None:
    with Beside(public_application(still), "127.0.0.1", 0) as server:
        page = window(f"{server.url}en/index.html").page
        page.get_by_role("link", name="Listen").first.click()
        page.get_by_role("searchbox").fill("openi")
        page.get_by_role("button", name="Look up").click()
        page.get_by_role("link", name=Title.OPENING).click()
        audio = page.locator("audio")
        expect(audio).to_have_count(1)
        assert audio.evaluate(
            "audio => new Promise(done => { audio.onplaying = () => done(true); audio.play(); })"
        )
        page.get_by_role("searchbox").fill(ISRCS[Title.SECOND_AIR])
        page.get_by_role("button", name="Look up").click()
        expect(page.locator("#found li").filter(has_text=Title.SECOND_AIR)).to_have_count(1)
        page.get_by_role("searchbox").fill("there is no such title")
        page.get_by_role("button", name="Look up").click()
        expect(page.get_by_role("status")).to_have_text("Nothing was found.")
        page.get_by_role("link", name="Français").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Retrouver un enregistrement")
