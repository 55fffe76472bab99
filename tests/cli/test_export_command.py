"""phono export as a command: what it prints, its exit codes, and what it leaves in the ledger."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from phonotheque.ledger.schema import files, rights_statements
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import now
from tests.cli.conftest import Phono
from tests.conftest import MakeArchive
from tests.tones import flac

NC = "https://creativecommons.org/licenses/by-nc/4.0/"


def test_exports_once_and_refuses_what_nothing_allows(
    make_archive: MakeArchive, phono: Phono, tmp_path: Path
) -> None:
    archive = make_archive(mandate="Tests keep everything.")
    flac(tmp_path / "music" / "a.flac", 1, {"TITLE": "=Sum\x1b[31m", "ARTIST": "A", "LICENSE": NC})
    phono("add", archive.folder, tmp_path / "music")
    out = tmp_path / "out"
    done = phono("export", archive.folder, out, "--for", "radio", "--in", "de, at", "--json")
    assert (done.code, done.data["files"], done.data["made"]) == (0, 1, 1)
    assert done.data["licences"] == {"CC-BY-NC-4.0": 1}
    assert "'=Sum" in (out / "run-down.csv").read_text(encoding="utf-8-sig")
    again = phono("export", archive.folder, out, "--for", "radio", "--in", "AT DE")
    assert (again.code, "Written now 0, as before 1" in again.out) == (0, True)
    refused = phono("export", archive.folder, tmp_path / "mined", "--for", "training")
    assert (refused.code, "Nothing in" in refused.err) == (6, True)
    for words, why in (
        (("--for", "radio", "--in", "XX"), "is no country"),
        (("--for", "radio", "--format", "parquet"), "cannot be parquet"),
        (("--for", "player"), "another kind"),
        (("--for", "radio", "--only", "qqqq zzzz"), "Nothing in the catalogue"),
    ):
        wrong = phono("export", archive.folder, out, *words)
        assert wrong.code in (2, 3)
        assert why in wrong.err
    assert phono("export", archive.folder, out, "--for", "radio", "--in", "AT DE").code == 0
    listed = phono("jobs", archive.folder, "--json")
    assert "export" in listed.out


def test_what_was_taken_back_and_came_in_again_does_not_go_out(
    make_archive: MakeArchive, phono: Phono, tmp_path: Path
) -> None:
    archive = make_archive(mandate="Tests keep everything.")
    tags = {"TITLE": "One", "ARTIST": "A", "LICENSE": NC}
    flac(tmp_path / "first" / "a.flac", 1, tags)
    phono("add", archive.folder, tmp_path / "first")
    why = ("--by", "An Artist", "--reason", "It is mine.", "--accept", "--yes")
    assert phono("withdraw", "request", archive.folder, "a.flac", *why).code == 0
    flac(tmp_path / "second" / "b.flac", 1, tags | {"ALBUM": "Two"})  # the same sound
    assert phono("add", archive.folder, tmp_path / "second").code == 0
    with archive.ledger.connect() as ledger:
        withdrawn = (
            select(files.c.name).join(rights_statements).where(rights_statements.c.kind == "withdrawal")
        )
        assert set(ledger.execute(withdrawn).scalars()) == {"a.flac", "b.flac"}
    flac(tmp_path / "third" / "c.flac", 1, tags | {"ALBUM": "Three"})
    add_folder(archive, tmp_path / "third")
    rebuild_catalogue(archive, at=now())
    refused = phono("export", archive.folder, tmp_path / "out", "--for", "radio")
    assert (refused.code, "Nothing in" in refused.err) == (6, True)
