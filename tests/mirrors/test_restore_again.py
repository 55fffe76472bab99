"""Restoring again, or where something is left: nothing older than what is there takes its place."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from phonotheque.editions.publish import publish
from phonotheque.ledger.bags import all_bags
from phonotheque.ledger.connect import connect
from phonotheque.ledger.schema import accessions, files
from phonotheque.mirrors import restore as restoring
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.restore import RestoreReport, Ways, restore
from phonotheque.mirrors.restore_ledger import record_whole
from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError, VerificationError
from phonotheque.vault.archive import Archive, open_archive
from tests.editions.test_revision import LATER, LATEST, NOW, edition, sha256, stocked, withdraw
from tests.mirrors.mirror_publisher import LOCAL
from tests.mirrors.mirror_runs import run

__all__ = ["stocked"]
pytestmark = pytest.mark.ledger

AFTER = LATEST + timedelta(days=7)


@pytest.fixture
def mirror(stocked: Archive, tmp_path: Path) -> Iterator[Archive]:
    """A mirror that has what was first published, and follows when a test says so."""
    publish(stocked, at=NOW)
    mirror = open_mirror(tmp_path / "mirror", str(stocked.folder))
    run(mirror)
    yield mirror
    mirror.close()


def restored(folder: Path, mirror: Archive, **options: Any) -> RestoreReport:
    origins = [open_origin(str(mirror.folder))]
    return restore(origins, folder, ways=Ways(swarm=LOCAL), listen=False, clock=lambda: AFTER, **options)


def lose_ledger(archive: Archive) -> Path:
    archive.close()
    for file in archive.folder.glob("ledger.sqlite*"):
        file.unlink()
    return archive.folder


def shown(folder: Path) -> set[str]:
    """The SHA-256 of every file that a public tree shows in bags."""
    bags = [bag for bag in (folder / "public" / "bags").iterdir() if not bag.name.startswith(".")]
    return {sha256(path) for bag in bags for path in (bag / "data").rglob("*") if path.is_file()}


def assert_second_edition_stands(folder: Path, said: Any, gone: str) -> None:
    archive = open_archive(folder)
    try:
        assert edition(archive) == said
        assert gone not in shown(folder)
        with archive.ledger.connect() as ledger:
            assert {bag.id for bag in all_bags(ledger)} == {bag.id for bag in said.bags}
        assert not publish(archive, at=AFTER).new
        assert edition(archive) == said
    finally:
        archive.close()


def test_a_mirror_that_is_behind_rolls_back_nothing(
    stocked: Archive, mirror: Archive, tmp_path: Path
) -> None:
    restored(tmp_path / "back", mirror, keys=stocked.keys)
    archive = open_archive(tmp_path / "back")
    withdraw(archive, "two.flac")
    publish(archive, at=LATEST)
    said = edition(archive)
    archive.close()
    (gone,) = said.tombstones[0].sha256
    report = restored(tmp_path / "back", mirror)
    assert (report.edition, report.differences) == (2, [])
    assert any("too old" in remark for remark in report.remarks)
    assert_second_edition_stands(tmp_path / "back", said, gone)


def test_with_its_ledger_lost_it_is_as_far_as_its_own_public_tree(stocked: Archive, mirror: Archive) -> None:
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    said = edition(stocked)
    (gone,) = said.tombstones[0].sha256
    report = restored(lose_ledger(stocked), mirror)
    assert (report.edition, report.missing, report.differences) == (2, [], [])
    assert_second_edition_stands(stocked.folder, said, gone)


def test_what_is_newer_here_and_does_not_verify_is_not_replaced_by_what_is_older(
    stocked: Archive, mirror: Archive, tmp_path: Path
) -> None:
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    shutil.copytree(stocked.folder, tmp_path / "known", symlinks=True)
    (stocked.public / "metadata" / "timestamp.json").write_bytes(b"{}")
    with pytest.raises(VerificationError, match="has published edition 2"):
        restored(lose_ledger(stocked), mirror)
    assert edition(stocked).number == 2


def test_the_ledger_knows_how_far_it_was_without_a_public_tree(
    stocked: Archive, mirror: Archive, tmp_path: Path
) -> None:
    restored(tmp_path / "back", mirror, keys=stocked.keys)
    archive = open_archive(tmp_path / "back")
    withdraw(archive, "two.flac")
    publish(archive, at=LATEST)
    archive.close()
    shutil.rmtree(tmp_path / "back" / "public")
    with pytest.raises(VerificationError, match="has published edition 2"):
        restored(tmp_path / "back", mirror)
    assert not (tmp_path / "back" / "public" / "bags").exists()


def test_what_a_newer_edition_took_back_is_shown_no_more(
    stocked: Archive, mirror: Archive, tmp_path: Path
) -> None:
    restored(tmp_path / "back", mirror, keys=stocked.keys)
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    said = edition(stocked)
    (gone,) = said.tombstones[0].sha256
    run(mirror)
    report = restored(tmp_path / "back", mirror)
    assert (report.edition, report.missing, report.differences) == (2, [], [])
    assert gone not in shown(tmp_path / "back")
    assert_second_edition_stands(tmp_path / "back", said, gone)


def test_what_is_withdrawn_and_not_published_yet_stays_unseen(
    stocked: Archive, mirror: Archive, tmp_path: Path
) -> None:
    restored(tmp_path / "back", mirror, keys=stocked.keys)
    archive = open_archive(tmp_path / "back")
    before = shown(archive.folder)
    withdraw(archive, "two.flac")
    archive.close()
    (gone,) = before - shown(tmp_path / "back")
    shutil.rmtree(
        next(bag for bag in (tmp_path / "back" / "vault" / "bags").iterdir() if "one" not in bag.name)
    )
    report = restored(tmp_path / "back", mirror)
    assert report.whole
    assert gone not in shown(tmp_path / "back")


def test_until_it_has_come_to_its_end_nothing_is_published(
    stocked: Archive, mirror: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, stop = lose_ledger(stocked), threading.Event()
    shutil.rmtree(folder / "vault" / "bags")

    def stopping(*args: Any) -> None:
        record_whole(*args)
        stop.set()

    with monkeypatch.context() as patched:
        patched.setattr(restoring, "record_whole", stopping)
        assert restored(folder, mirror, stop=stop).stopped
    with pytest.raises(PhonothequeError, match="is being restored"):
        open_archive(folder)
    assert restored(folder, mirror).whole
    archive = open_archive(folder)
    assert not publish(archive, at=AFTER).new
    archive.close()


@pytest.mark.once("asks no ledger")
def test_after_a_first_contact_that_failed_it_begins_again(
    stocked: Archive, mirror: Archive, tmp_path: Path
) -> None:
    with pytest.raises(VerificationError, match="fingerprint"):
        restored(tmp_path / "back", mirror, trust="ab" * 32)
    assert restored(tmp_path / "back", mirror).whole


@pytest.mark.sqlite("names a database of its own")
def test_the_ledger_of_another_archive_is_not_written_into(
    stocked: Archive, mirror: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'other.sqlite'}"
    other = connect(url)
    with other.begin() as ledger:
        row = {"id": "x" * 36, "source": "folder", "location": "theirs", "agent": "me", "started_at": "2020"}
        ledger.execute(insert(accessions), row)
    monkeypatch.setenv("PHONOTHEQUE_LEDGER_URL", url)
    with pytest.raises(UsageError, match="is in use"):
        restored(tmp_path / "back", mirror)
    with other.begin() as ledger:
        assert ledger.execute(select(files.c.id)).all() == []
        ledger.execute(delete(accessions))
    assert restored(tmp_path / "back", mirror).whole
    assert restored(tmp_path / "back", mirror).already, "it goes on in the ledger that it has begun"
    other.dispose()


@pytest.mark.sqlite("names a database of its own")
def test_an_archive_that_lost_its_database_is_mended_where_it_is(
    stocked: Archive, mirror: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lose_ledger(stocked)
    settings = folder / "phonotheque.toml"
    settings.write_text(f"{settings.read_text()}\n[ledger]\nurl = 'sqlite:///{tmp_path / 'new.sqlite'}'\n")
    assert restored(folder, mirror).whole


@pytest.mark.once("asks no ledger")
def test_a_folder_without_keys_is_refused_before_anything_comes(
    stocked: Archive, mirror: Archive, tmp_path: Path
) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(NotFoundError, match="holds no keys"):
        restored(tmp_path / "back", mirror, keys=tmp_path / "nothing")
    assert not (tmp_path / "back" / "vault").exists()
