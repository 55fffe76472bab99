"""What a mirror shows audits clean: bags for some countries, after a withdrawal, and without old editions."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from phonotheque.editions.covering import covered_by
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.editions.withdrawing import Asked, accept, request
from phonotheque.ledger.files import each_file
from phonotheque.ledger.statements import record_grant
from phonotheque.mirrors.home import open_mirror
from phonotheque.model.rights import Kind, Statement
from phonotheque.rights.grant import checked
from phonotheque.sources.decide import redecide
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import open_archive, timestamp
from tests.conftest import MakeArchive
from tests.mirrors.audits import CC0, NOW, audited
from tests.mirrors.mirror_publisher import served
from tests.mirrors.mirror_runs import run
from tests.tones import flac

pytestmark = pytest.mark.ledger
LATER = NOW + timedelta(days=1)


def test_what_a_mirror_shows_is_clean(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive("archive", mandate="x")
    create_keys(archive.keys)
    settings = archive.folder / "phonotheque.toml"
    settings.write_text(settings.read_text() + '[publish]\naudiences = ["FR"]\n')
    archive.close()
    archive = open_archive(archive.folder)
    for number, (name, licence) in enumerate((("one", CC0), ("two", CC0), ("here", ""))):
        tags = {"TITLE": name, "ARTIST": "The Testers", "ALBUM": name}
        tags |= {"LICENSE": licence} if licence else {}
        flac(tmp_path / "in" / f"{name}.flac", number, tags)
    add_folder(archive, tmp_path / "in")
    french = checked(Statement(Kind.LICENCE, "CC0-1.0", "a letter", "grant", "Ada", territory="FR"))
    with archive.ledger.begin() as ledger:
        here = next(int(row.id) for row in each_file(ledger) if row.name == "here.flac")
        record_grant(ledger, [here], french, at=timestamp(NOW))
        redecide(ledger, [here], archive.settings, at=timestamp(NOW))
    rebuild_catalogue(archive, at=NOW)
    with archive.writing("test"):
        publish(archive, at=NOW)
    mirror = open_mirror(tmp_path / "mirror", str(archive.folder), country="FR")
    run(mirror)
    result, found = audited(mirror)
    assert (found, result.absent, len(result.bags)) == ([], [], 3)

    with archive.writing("test"):
        asked = Asked("An Artist", "This is mine.", ("two.flac",))
        one = request(archive, asked, covered_by(archive, ["two.flac"]), at=timestamp(NOW))
        accept(archive, one.id, by="me", note=None, at=timestamp(LATER))
        publish(archive, at=LATER)
    run(mirror)
    for tree in (archive, mirror):
        result, found = audited(tree, now=LATER, every_byte=True)
        assert (found, result.withdrawn, result.tombstones, result.oldest) == ([], 1, 1, 1)
        with served(tree.public) as web:
            assert audited(web.url, now=LATER)[1] == []

    bare = tmp_path / "bare"  # as of a mirror that began late
    shutil.copytree(mirror.public, bare)
    for old in (bare / "targets" / "editions" / "1").glob("*edition.json"):
        old.unlink()
    result, found = audited(bare, now=LATER)
    assert (found, result.oldest) == ([], 2)
