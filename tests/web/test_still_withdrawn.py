"""Pages as plain files, and what was taken back since they were written: they name it no more, at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from phonotheque.editions.covering import covered_by
from phonotheque.editions.upholding import uphold
from phonotheque.editions.withdrawing import Asked, accept, hold, request
from phonotheque.ledger.schema import bag_files, files
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.still.writing import write_still
from tests.postgresql import copy_tree
from tests.web.room.archives import Title
from tests.web.still_tree import assert_whole, told

pytestmark = pytest.mark.once("about files; tests/web/room and tests/editions ask the ledger")
AT = "2026-11-25T09:00:00Z"


@pytest.fixture
def changed(library: Archive, tmp_path: Path, own_settings: Path) -> Archive:
    copy_tree(library.folder, tmp_path / "library")
    archive = open_archive(tmp_path / "library")
    assert write_still(archive)
    return archive


def ask(archive: Archive) -> tuple[str, str]:
    """Ask for the opening to be taken back; return the request, and a bag that it is in."""
    with archive.ledger.connect() as ledger:
        query = select(files.c.sha256, files.c.tags, bag_files.c.bag_id).join(
            bag_files, bag_files.c.file_id == files.c.id
        )
        rows = ledger.execute(query.where(files.c.kind == "master")).all()
    sha256, bag = next(
        (row.sha256, row.bag_id) for row in rows if row.tags.get("title") == Title.OPENING.value
    )
    (recording,) = {
        row["recording"] for row in told(archive.public, "recordings") if row["title"] == Title.OPENING
    }
    asked = Asked("Somebody", "because", (recording,))
    assert sha256 in {one.sha256 for one in covered_by(archive, asked.words).files}
    return request(archive, asked, covered_by(archive, asked.words), at=AT).id, bag


@pytest.mark.parametrize("take_effect", [hold, accept])
def test_what_is_taken_back_is_looked_up_no_more(
    changed: Archive, take_effect: Callable[..., object]
) -> None:
    public = changed.public
    before = {name: told(public, name) for name in ("recordings", "titles", "isrcs")}
    name, bag = ask(changed)
    assert (public / "en" / "bag" / bag / "index.html").is_file()
    take_effect(changed, name, by="tests", note=None, at=AT)
    (gone,) = {row["recording"] for row in before["recordings"] if row["title"] == Title.OPENING}
    for table, rows in before.items():
        assert told(public, table) == [row for row in rows if row["recording"] != gone]
        assert told(public, table) != rows
    for page in (*(public / "en").rglob("*.html"), *(public / "fr").rglob("*.html")):
        assert gone not in page.read_text()
        assert "opening" not in page.read_text().lower(), page
    assert not (public / "en" / "bag" / bag).exists()
    assert not list((public / "look-up").glob(".*"))
    uphold(changed, at=AT)
    assert told(public, "titles") == [row for row in before["titles"] if row["recording"] != gone]
    changed.close()


def test_pages_written_after_that_tell_of_it_no_more_either(changed: Archive) -> None:
    name, bag = ask(changed)
    accept(changed, name, by="tests", note=None, at=AT)
    assert write_still(changed)
    assert Title.OPENING not in {row["title"] for row in told(changed.public, "titles")}
    assert Title.SECOND_AIR in {row["title"] for row in told(changed.public, "titles")}
    assert not (changed.public / "fr" / "bag" / bag).exists()
    assert_whole(changed.public)
    changed.close()


def test_tables_that_cannot_be_read_go(changed: Archive) -> None:
    (changed.public / "look-up" / "titles.parquet").write_bytes(b"no table")
    accept(changed, ask(changed)[0], by="tests", note=None, at=AT)
    assert not list((changed.public / "look-up").iterdir())
    changed.close()


def test_elsewhere_it_is_told_no_more_either(library: Archive, tmp_path: Path, own_settings: Path) -> None:
    copy_tree(library.folder, tmp_path / "library")
    settings, place = tmp_path / "library" / "phonotheque.toml", tmp_path / "elsewhere"
    place.mkdir()
    settings.write_text(f'{settings.read_text()}[storage]\npublic = "{place}"\n')
    archive = open_archive(tmp_path / "library")
    assert write_still(archive)
    for folder in ("metadata", "en", "fr", "look-up"):
        copy_tree(archive.public / folder, place / folder)
    name, bag = ask(archive)
    accept(archive, name, by="tests", note=None, at=AT)
    assert Title.OPENING not in {row["title"] for row in told(place, "titles")}
    assert told(place, "recordings") == told(archive.public, "recordings")
    assert not (place / "en" / "bag" / bag / "index.html").exists()
    assert (place / "en" / "index.html").exists()
    archive.close()
