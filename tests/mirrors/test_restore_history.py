"""What was taken back, lost or said by many sources, in an archive that was rebuilt from its mirrors."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from phonotheque.editions.publish import publish
from phonotheque.editions.withdrawing import reverse
from phonotheque.ledger.schema import files
from phonotheque.ledger.withdrawals import State, all_withdrawals
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import Stamp, open_origin
from phonotheque.mirrors.repair import repair
from phonotheque.mirrors.restore import RestoreReport, Ways, restore
from phonotheque.mirrors.seeking import seek
from phonotheque.vault.archive import Archive, open_archive, timestamp
from phonotheque.vault.check import check_incoming
from tests.editions.test_revision import (
    LATER,
    LATEST,
    NOW,
    WITHDRAWN,
    edition,
    music_bags,
    payload,
    sha256,
    stocked,
    take_in,
    withdraw,
)
from tests.mirrors.mirror_publisher import LOCAL
from tests.mirrors.mirror_runs import run
from tests.mirrors.test_lost_by_the_publisher import hashes_below, in_bag, spoil

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


@pytest.fixture
def back(tmp_path: Path) -> Iterator[Any]:
    """A function that rebuilds the archive from the mirror, with its keys."""
    made: list[Archive] = []

    def rebuild(stocked: Archive, *sources: Archive) -> tuple[RestoreReport, Archive]:
        origins = [open_origin(str(source.folder)) for source in sources]
        report = restore(
            origins,
            tmp_path / "back",
            keys=stocked.keys,
            ways=Ways(swarm=LOCAL),
            listen=False,
            clock=lambda: AFTER,
        )
        made.append(open_archive(tmp_path / "back"))
        return report, made[-1]

    yield rebuild
    for archive in made:
        archive.close()


def test_what_was_taken_back_stays_so(stocked: Archive, mirror: Archive, back: Any, tmp_path: Path) -> None:
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    gone = withdraw(stocked, "one.flac", at=LATEST)
    publish(stocked, at=LATEST)
    reverse(stocked, gone.withdrawal.id, by="me", note="A mistake.", at=timestamp(LATEST))
    publish(stocked, at=LATEST + timedelta(days=1))
    run(mirror)
    said = edition(stocked)
    assert [stone.reinstated is None for stone in said.tombstones].count(True) == 1
    report, archive = back(stocked, mirror)
    assert (report.missing, report.differences, report.remarks) == ([], [], [])
    assert not publish(archive, at=AFTER).new
    assert edition(archive) == said
    with archive.ledger.connect() as ledger:
        requests = all_withdrawals(ledger)
    assert sorted(one.state for one in requests) == [State.ACCEPTED, State.REVERSED]
    assert {one.public_reason for one in requests} == {WITHDRAWN}
    # What was taken back does not come in again by another door.
    take_in(archive, tmp_path / "music")
    publish(archive, at=AFTER)
    stone = next(stone for stone in said.tombstones if stone.reinstated is None)
    assert not set(stone.sha256) & {
        digest for bag in music_bags(archive) for digest in payload(archive, bag).values()
    }
    archive.folder.rename(tmp_path / "moved")
    stocked.folder.rename(tmp_path / "old")
    (tmp_path / "moved").rename(stocked.folder)
    assert run(mirror).refused == ()


def test_without_old_indexes_the_next_edition_says_no_less(
    stocked: Archive, mirror: Archive, back: Any
) -> None:
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    run(mirror)
    for old in (mirror.public / "targets" / "editions" / "1").glob("*.*"):
        old.unlink()
    report, archive = back(stocked, mirror)
    assert report.differences == []
    assert any("Edition 1 is lost" in remark for remark in report.remarks)
    assert not publish(archive, at=AFTER).new


def test_what_is_sought_comes_back_with_the_archive(stocked: Archive, mirror: Archive, back: Any) -> None:
    (old,) = music_bags(stocked)
    lost = sha256(in_bag(stocked, old, "01 One.flac"))
    spoil(in_bag(stocked, old, "01 One.flac"))
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    run(mirror)
    assert edition(stocked).sought == ((lost, "WORLD"),)
    report, archive = back(stocked, mirror)
    assert (report.sought, report.still_sought, report.differences) == ([lost], [], [])
    assert lost in hashes_below(archive.incoming)
    assert check_incoming(archive).findings == ()
    publish(archive, at=AFTER)
    assert edition(archive).sought == ((lost, "WORLD"),), "nobody knows its terms: mirrors keep it on"


def test_repair_brings_back_what_is_sought(stocked: Archive, mirror: Archive) -> None:
    (old,) = music_bags(stocked)
    lost = sha256(in_bag(stocked, old, "01 One.flac"))
    spoil(in_bag(stocked, old, "01 One.flac"))
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    run(mirror)
    report = repair(stocked, open_origin(str(mirror.folder)), swarm=LOCAL, clock=lambda: LATEST)
    assert (report.sought, report.still_sought) == ([lost], [])
    assert report.whole
    publish(stocked, at=LATEST)
    assert edition(stocked).sought == ()
    assert lost in {digest for bag in music_bags(stocked) for digest in payload(stocked, bag).values()}
    assert repair(stocked, open_origin(str(mirror.folder)), swarm=LOCAL, clock=lambda: AFTER).sought == []


@pytest.mark.once("asks what the test before it does")
class Endless:
    """An origin that answers everything with bytes, and would go on for long."""

    where = "https://endless.example.org/"
    web_seed = None

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        yield from [b"x" * 1000] * 99
        raise AssertionError("it was read for ever")

    def read_if_changed(self, path: str, max_bytes: int, known: Stamp | None) -> tuple[bytes, Stamp] | None:
        return b"", Stamp()


@pytest.mark.once("about the disk")
def test_where_no_size_is_known_no_answer_fills_the_disk(
    stocked: Archive, mirror: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = music_bags(stocked)
    lost = sha256(in_bag(stocked, old, "01 One.flac"))
    spoil(in_bag(stocked, old, "01 One.flac"))
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    with stocked.ledger.begin() as ledger:
        ledger.execute(update(files).where(files.c.sha256 == lost).values(size=0))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20_000))
    assert seek(stocked, [Endless()], at=timestamp(LATEST)) == ([], [lost])


def test_what_is_sought_and_nobody_has_is_told(stocked: Archive, mirror: Archive) -> None:
    (old,) = music_bags(stocked)
    lost = sha256(in_bag(stocked, old, "01 One.flac"))
    spoil(in_bag(stocked, old, "01 One.flac"))
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    run(mirror)
    for file in list((mirror.folder / "vault" / "leaving").rglob("*.flac")):
        spoil(file)
    report = repair(stocked, open_origin(str(mirror.folder)), swarm=LOCAL, clock=lambda: LATEST)
    assert (report.sought, report.still_sought, report.whole) == ([], [lost], True)
    assert lost not in hashes_below(stocked.folder / "vault" / "incoming")
    with stocked.ledger.connect() as ledger:
        assert ledger.execute(select(files.c.held).where(files.c.sha256 == lost)).scalar()


@pytest.mark.once("about the bytes of bags")
def test_a_whole_disk_that_was_lost_is_filled_again(stocked: Archive, mirror: Archive) -> None:
    like = hashes_below(stocked.bags)
    shutil.rmtree(stocked.bags)
    report = repair(stocked, open_origin(str(mirror.folder)), swarm=LOCAL, clock=lambda: LATER)
    assert report.whole
    assert hashes_below(stocked.bags) == like


@pytest.mark.once("about the bytes of bags")
def test_a_mirror_that_lost_its_ledger_fetches_nothing_again(mirror: Archive, tmp_path: Path) -> None:
    like = hashes_below(mirror.bags)
    mirror.close()
    copy = tmp_path / "copy"
    shutil.copytree(mirror.folder, copy, symlinks=True, ignore=shutil.ignore_patterns("ledger.sqlite*"))
    without = open_archive(copy)
    result = run(without)
    without.close()
    assert (result.fetched, result.missing, result.refused) == (0, (), ())
    assert hashes_below(copy / "vault" / "bags") == like
