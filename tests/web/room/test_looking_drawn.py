"""Drawings: made once, by a process beside the server, kept by what they show."""

from __future__ import annotations

import re
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from phonotheque.model.errors import BusyError
from phonotheque.vault.archive import Archive
from phonotheque.web.looking.drawings import clear_drawings, draw_all
from phonotheque.web.looking.kept import folder_of, read_kept
from phonotheque.web.looking.making import _alone, renew_and_draw
from phonotheque.web.looking.renewing import Renewer
from phonotheque.web.palette import DARK, LIGHT
from tests.web.report_archive import empty_archive
from tests.web.room.drawn_figures import KEPT, drawn_archive
from tests.web.room.visits import Visit, visiting

pytestmark = pytest.mark.ledger


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return drawn_archive(tmp_path_factory.mktemp("drawn") / "archive")


@pytest.fixture(scope="module")
def visit(drawn: Archive) -> Iterator[Visit]:
    with visiting(drawn) as open_room:
        yield open_room


def pictures(page: str) -> list[str]:
    """Return the addresses of all drawings on a page, without their first slash."""
    return [one.removeprefix("/") for one in re.findall(r'(?:src|srcset)="([^"]+/drawn/[^"]+)"', page)]


def test_a_page_shows_a_drawing_for_each_width_and_theme(visit: Visit) -> None:
    for language in ("en", "fr"):
        found = pictures(visit.text(f"{language}/figures/countries"))
        assert len(set(found)) == 4
        for address in found:
            answer = visit.ask(address)
            assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")
            assert "immutable" in answer.headers["cache-control"]
            assert "sandbox" in answer.headers["content-security-policy"]
            text = answer.data.decode()
            assert ("1\u202f234" if language == "fr" else "1,234") in text
            assert "<script" not in text
            assert "<b>" not in text
            palette = DARK if address.endswith("-dark.svg") else LIGHT
            colours = {getattr(palette, name) for name in palette.__slots__}
            assert set(re.findall(r'(?:fill|stroke)="(#[^"]+)"', text)) <= colours


def test_drawings_have_their_size_and_words_instead(visit: Visit) -> None:
    page = visit.text("fr/figures/copies-over-time")
    assert 'width="720" height="300"' in page
    assert "Trois lignes, du 21 novembre 2026 au 26 novembre 2026." in page
    assert len(set(pictures(visit.text("fr/figures")))) == 4  # two plots, in two themes


def test_drawings_can_be_taken_away(visit: Visit) -> None:
    for language, title in (("en", "Countries"), ("fr", "Pays")):
        svg = visit.ask(f"{language}/figures/countries.svg").data.decode()
        assert title in svg
        assert f'fill="{LIGHT.paper}"' in svg
    answer = visit.ask("fr/figures/countries.png")
    if answer.status == 404:
        pytest.skip("this system has no font")
    assert answer.headers["content-type"] == "image/png"
    assert answer.data.startswith(b"\x89PNG")


def test_only_what_shows_something_else_is_drawn_anew(drawn: Archive, tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    folder = folder_of(archive) / "drawn"
    shutil.copytree(folder_of(drawn), folder_of(archive))
    before = {path.name for path in folder.iterdir()}
    assert draw_all(archive, KEPT) == 0
    fewer = replace(KEPT, counts={"countries": KEPT.counts["countries"]})
    (folder / ".left.tmp").touch()
    clear_drawings(archive, fewer, KEPT)
    assert {path.name for path in folder.iterdir()} == before
    clear_drawings(archive, fewer)
    assert {path.name for path in folder.iterdir()} < before
    assert draw_all(archive, fewer) == 0


def test_one_process_at_a_time_renews(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    now = datetime(2026, 11, 26, tzinfo=UTC)
    with _alone(archive), pytest.raises(BusyError, match="renewed by another process"):
        renew_and_draw(archive, at=now)
    kept, number = renew_and_draw(archive, at=now)
    assert number == 0
    assert read_kept(archive) == kept


def test_a_server_has_them_renewed_by_a_process_and_tells_what_went_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = empty_archive(tmp_path / "archive")
    asked, told = threading.Event(), threading.Event()

    def command(of: Archive) -> list[str]:
        assert of == archive
        asked.set()
        return [sys.executable, "-c", "import sys; sys.exit('no room')"]

    class Hearing(Renewer):
        def _renew(self) -> float:
            rest = super()._renew()
            told.set()
            return rest

    with Hearing(archive, command=command, first=0.0):
        assert asked.wait(60)
        assert told.wait(60)
    assert "Figures could not be renewed" in caplog.text
    assert "no room" in caplog.text


def test_a_server_that_ends_ends_the_process(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    asked = threading.Event()

    def command(of: Archive) -> list[str]:
        asked.set()
        return [sys.executable, "-c", "import sys; sys.stdin.read(); import time; time.sleep(3600)"]

    renewer = Renewer(archive, command=command, first=0.0)
    with renewer:
        assert asked.wait(60)
    assert not renewer._thread.is_alive()
