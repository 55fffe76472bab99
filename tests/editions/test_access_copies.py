"""Access copies are compared with their masters before they are recorded; one that fails stops nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Row, func, select, update

from phonotheque.editions.access import make_access_copies
from phonotheque.editions.plan_folder import save_plan
from phonotheque.editions.planning import planned
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.ledger.files import each_file
from phonotheque.ledger.schema import events, files
from phonotheque.model.progress import QUIET
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path
from tests.conftest import MakeArchive
from tests.tones import flac

NOW = "2026-11-21T10:15:00Z"
DAYS = (datetime(2026, 11, 21, 10, 15, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


@pytest.fixture
def stocked(make_archive: MakeArchive, tmp_path: Path) -> Archive:
    archive = make_archive(mandate="A test")
    for seed, name in enumerate(("one", "two", "three"), 1):
        flac(tmp_path / "music" / f"{name}.flac", seed, {"TITLE": name}, seconds=16)
    add_folder(archive, tmp_path / "music")
    return archive


def rows(archive: Archive, kind: str) -> dict[str, Row[Any]]:
    with archive.ledger.connect() as ledger:
        return {row.tags["title"]: row for row in each_file(ledger, kind=kind)}


def orders(archive: Archive) -> list[tuple[Row[Any], Path]]:
    return [(row, incoming_path(archive.incoming, row.sha256)) for row in rows(archive, "master").values()]


def test_copies_are_recorded_with_what_was_heard_in_them(stocked: Archive) -> None:
    assert make_access_copies(stocked, orders(stocked), at=NOW, progress=QUIET) == []
    masters, copies = rows(stocked, "master"), rows(stocked, "access")
    assert copies.keys() == masters.keys()
    for title, copied in copies.items():
        assert copied.master_id == masters[title].id
        assert copied.integrity == "intact"
        assert abs(copied.duration - masters[title].duration) < 0.001
        assert incoming_path(stocked.incoming, copied.sha256).stat().st_size == copied.size
        gain = round((-23 - masters[title].loudness) * 256)
        assert copied.tags["raw"]["r128_track_gain"] == [str(gain)]


def test_what_cannot_be_shown_to_be_its_master_is_not_recorded(stocked: Archive) -> None:
    masters = rows(stocked, "master")
    with stocked.ledger.begin() as ledger:  # as if the copy of “one” had come out as other music
        other = {"fingerprint": masters["two"].fingerprint}
        ledger.execute(update(files).where(files.c.id == masters["one"].id), other)
    gone = incoming_path(stocked.incoming, masters["two"].sha256)
    gone.unlink()
    before = set(stocked.incoming.rglob("*"))
    failures = make_access_copies(stocked, orders(stocked), at=NOW, progress=QUIET)
    said = {Path(failure.path).stem: failure.detail for failure in failures}
    assert said.keys() == {"one", "two"}
    assert "% of its fingerprint differ from its master's" in said["one"]
    assert "its master cannot be read: No such file" in said["two"]
    assert rows(stocked, "access").keys() == {"three"}
    added = {path.name for path in set(stocked.incoming.rglob("*")) - before if path.is_file()}
    assert added == {rows(stocked, "access")["three"].sha256}


def derived(archive: Archive) -> int:
    with archive.ledger.connect() as ledger:
        query = select(func.count()).select_from(events).where(events.c.type == "derivation")
        return int(ledger.execute(query).scalar_one())


def test_copies_are_made_where_the_plan_asks_for_them_and_once(archive: Archive, tmp_path: Path) -> None:
    create_keys(archive.keys)
    for seed, name in enumerate(("one", "two", "three"), 1):
        free = {"TITLE": name, "LICENSE": "https://creativecommons.org/publicdomain/zero/1.0/"}
        flac(tmp_path / "music" / f"{name}.flac", seed, free, seconds=16)
    add_folder(archive, tmp_path / "music")
    rebuild_catalogue(archive, at=DAYS[0])
    with planned(archive, None) as found:
        sizes = pq.read_table(found.candidates)["master_bytes"].to_pylist()
    with planned(archive, sum(sizes) - 1) as found:
        plan = found.plan
        assert plan.access_copies > 0
        assert plan.masters > 0
        save_plan(archive.plans, plan, found.items, DAYS[0], snapshot=found.snapshot.stamp)
    assert not rows(archive, "access")
    for day in DAYS:
        publish(archive, at=day)
        assert derived(archive) == len(rows(archive, "access")) == plan.access_copies
