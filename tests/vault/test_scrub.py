"""The scrub: it reads what was read the longest ago, ends anywhere, goes on, and tells how it stands."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from phonotheque.ledger.bags import BagPlace, record_place
from phonotheque.ledger.files import record_file
from phonotheque.ledger.schema import accessions, events, fixity_checks
from phonotheque.ledger.scrubs import all_scrubs
from phonotheque.model.bags import Finding
from phonotheque.model.durations import parse_duration
from phonotheque.model.errors import BusyError, NetworkError, UsageError
from phonotheque.vault.archive import Archive
from phonotheque.vault.scrub import Budget, End, Run, scrub
from phonotheque.vault.scrub_standing import Amount, standing
from phonotheque.vault.scrub_units import Member, Unit, units_of_archive
from tests.ledger.ledger_facts import BAG, facts
from tests.vault.vault_content import content, overwrite, place

pytestmark = pytest.mark.ledger

TODAY = datetime(2026, 2, 1, tzinfo=UTC)
MONTH = timedelta(days=30)


def run(archive: Archive, at: datetime = TODAY, units: list[Unit] | None = None, **budget: object) -> Run:
    listed = units_of_archive(archive, at) if units is None else units
    return scrub(archive, listed, Budget(**budget), clock=lambda: at)  # type: ignore[arg-type]


def found(done: Run) -> set[tuple[str, str, str]]:
    return {(one.unit, one.finding.what, one.finding.path) for one in done.wrong}


def verified(archive: Archive) -> dict[str, str | None]:
    with archive.ledger.connect() as ledger:
        return {unit: one.verified_at for (_, unit), one in all_scrubs(ledger, "9999").items()}


def unit(name: str, sizes: list[int], came_at: str = "2026-01-01T00:00:00Z", **more: object) -> Unit:
    """A unit of made-up files, all of them right."""
    members = [Member(f"{name}/{i:03d}", size, "ab" * 32) for i, size in enumerate(sizes)]
    made = Unit(name, name, sum(sizes), came_at, lambda: members, lambda _: None, list)
    return replace(made, **more)  # type: ignore[arg-type]


# --- what is read ---


def test_all_that_an_archive_holds_is_read(archive: Archive, bag: Path) -> None:
    (archive.evidence / "ab").mkdir(parents=True)
    letter = sha256(b"a letter").hexdigest()
    (archive.evidence / letter[:2]).mkdir(exist_ok=True)
    (archive.evidence / letter[:2] / letter).write_bytes(b"a letter")
    done = run(archive)
    assert (done.ended, done.wrong, done.unreachable) == (End.DONE, [], {})
    in_bag = sum(path.stat().st_size for path in bag.rglob("*") if path.is_file())
    assert done.bytes == in_bag + len(content("first")) + len(content("second")) + len(b"a letter")
    stands = standing(archive, units_of_archive(archive, TODAY), MONTH, TODAY, done)
    assert (stands.never, stands.overdue, stands.wrong) == (Amount(0, 0), Amount(0, 0), ())
    assert stands.verified == stands.all
    assert stands.covers


def test_everything_wrong_is_named_recorded_and_told_at_once(
    archive: Archive, held: dict[str, Path], bag: Path
) -> None:
    overwrite(held["first"], content("second"))
    held["second"].unlink()
    overwrite(bag / "data" / "third.flac", b"x" * len(content("third")))
    (bag / "README.txt").unlink()
    (bag / "data" / "more.flac").write_bytes(b"more")
    told: list[str] = []

    class Telling:
        def start(self, *_: object, **__: object) -> None: ...
        def advance(self, **_: object) -> None: ...
        def grow(self, **_: object) -> None: ...
        def say(self, message: str) -> None:
            told.append(message)

    done = scrub(archive, units_of_archive(archive, TODAY), Budget(), progress=Telling(), clock=lambda: TODAY)
    first, second = held["first"], held["second"]
    assert found(done) == {
        (f"incoming/{first.parent.name}", "damaged", f"vault/incoming/{first.parent.name}/{first.name}"),
        (f"incoming/{second.parent.name}", "missing", f"vault/incoming/{second.parent.name}/{second.name}"),
        (BAG.id, "damaged", "data/third.flac"),
        (BAG.id, "missing", "README.txt"),
        (BAG.id, "extra", "data/more.flac"),
    }
    assert len(told) == 5
    with archive.ledger.connect() as ledger:
        failed = ledger.execute(select(events.c.detail).where(events.c.outcome == "fail")).scalars().all()
        checks = ledger.execute(select(fixity_checks)).all()
    assert len([one for one in failed if one.get("by") == "scrub"]) == 5
    assert sorted((row.subject, len(row.findings)) for row in checks if row.findings) == [
        ("incoming", 2),
        (BAG.id, 3),
    ]
    stands = standing(archive, units_of_archive(archive, TODAY), MONTH, TODAY, done)
    assert len(stands.wrong) == 3


def test_a_lost_folder_is_one_finding_and_strays_are_named(archive: Archive, bag: Path) -> None:
    shutil.rmtree(bag)
    (archive.bags / "a stray").mkdir()
    (archive.bags / ".partial-x").mkdir()
    stray = place(archive, "nobody knows this")
    later = datetime.now(UTC) + timedelta(days=2)
    assert found(run(archive, later)) == {
        (BAG.id, "missing", BAG.id),
        ("strays", "extra", "vault/bags/a stray"),
        (f"incoming/{stray.parent.name}", "extra", f"vault/incoming/{stray.parent.name}/{stray.name}"),
    }
    assert ("strays", "extra", "vault/bags/a stray") not in found(run(archive, datetime.now(UTC), seconds=60))


def test_a_bag_elsewhere_is_read_there_and_a_place_that_is_gone_is_left(
    archive: Archive, bag: Path, tmp_path: Path
) -> None:
    there = tmp_path / "disk"
    shutil.copytree(bag, there / BAG.id)
    with archive.ledger.begin() as ledger:
        record_place(ledger, BagPlace(BAG.id, str(there), True, "2026-01-01T00:00:00Z"))
    shutil.rmtree(bag / "data")
    assert run(archive).wrong == []
    overwrite(there / BAG.id / "data" / "third.flac", b"x")
    later = TODAY + MONTH
    ((place_, unit_, finding),) = ((one.place, one.unit, one.finding) for one in run(archive, later).wrong)
    assert (place_, unit_, finding.what, finding.path) == (str(there), BAG.id, "damaged", "data/third.flac")
    there.rename(tmp_path / "unplugged")
    done = run(archive, later + MONTH)
    assert list(done.unreachable) == [str(there)]
    assert done.wrong == []


# --- in which order, and how much ---


def test_what_was_read_the_longest_ago_is_read_first_and_nothing_twice_too_soon(archive: Archive) -> None:
    order: list[str] = []

    def ordered(name: str, day: int) -> Unit:
        def rest() -> list[Finding]:
            order.append(name)
            return []

        return unit(name, [10], came_at=f"2026-01-0{day}T00:00:00Z", rest=rest)

    units = [ordered("c", 1), ordered("a", 3), ordered("b", 2)]
    assert run(archive, units=units, bytes=20).ended is End.BYTES
    assert order == ["c", "b"]
    assert run(archive, TODAY + timedelta(days=1), units).ended is End.DONE
    assert order == ["c", "b", "a"]
    assert run(archive, TODAY + timedelta(days=14), units).bytes == 0
    run(archive, TODAY + timedelta(days=15, seconds=1), units)
    assert order == ["c", "b", "a", "b", "c"], "in the order of names where nothing else tells"


def test_every_night_a_part_until_all_was_read_within_the_period(archive: Archive) -> None:
    units = [unit(f"bag {i}", [70, 30]) for i in range(20)]
    began = TODAY
    for night in range(10):
        done = run(archive, began + timedelta(days=night), units, bytes=200)
        assert (done.bytes, done.finished) == (200, 2)
    at = began + timedelta(days=9)
    stands = standing(archive, units, MONTH, at, done)
    assert stands.verified == Amount(20, 2000)
    assert stands.overdue.units == 0
    assert (stands.a_day, stands.covers) == (200, True)


def test_a_budget_that_cannot_keep_the_period_is_said(archive: Archive) -> None:
    units = [unit(f"bag {i}", [100], came_at="2025-01-01T00:00:00Z") for i in range(20)]
    done = run(archive, units=units, bytes=50)
    stands = standing(archive, units, MONTH, TODAY, done)
    assert stands.covers is True  # 100 bytes a night are 3,000 in 30
    assert stands.overdue == Amount(19, 1900)
    assert stands.overdue_until == "2026-02-20"
    stands = standing(archive, units, timedelta(days=10), TODAY, done)
    assert stands.covers is False
    assert stands.needed_a_day == 200


def test_a_run_ends_within_a_unit_and_the_next_goes_on_at_the_next_file(archive: Archive) -> None:
    read: list[str] = []

    def check(member: Member) -> Finding | None:
        read.append(member.path)
        return None

    units = [unit("bag", [10] * 7, check=check)]
    assert run(archive, units=units, bytes=30).finished == 0
    assert verified(archive) == {"bag": None}
    later = TODAY + timedelta(days=3)
    done = run(archive, later, units)
    assert (done.files, done.finished) == (4, 1)
    assert read == [f"bag/{i:03d}" for i in range(7)]
    assert verified(archive) == {"bag": "2026-02-01T00:00:00Z"}, "all of it was read since the pass began"


def test_one_file_larger_than_the_budget_is_read_all_the_same(archive: Archive) -> None:
    assert run(archive, units=[unit("bag", [1000, 1000])], bytes=10).bytes == 1000


def test_it_stops_when_told_to_and_an_error_loses_nothing_that_was_read(archive: Archive) -> None:
    stop = threading.Event()

    def check(member: Member) -> Finding | None:
        if member.path == "bag/050":
            stop.set()
        return None

    units = [unit("bag", [1] * 100, check=check)]
    done = scrub(archive, units, Budget(), stop=stop, clock=lambda: TODAY)
    assert done.ended is End.STOPPED
    assert 50 <= done.files < 100

    def broken(member: Member) -> Finding | None:
        raise NetworkError("the storage is gone")

    away = replace(units[0], check=broken, place="s3://away", came_at="2025-01-01T00:00:00Z")
    done = run(archive, units=[away, units[0], unit("other", [5], place="s3://away")], bytes=1)
    assert list(done.unreachable) == ["s3://away"]
    assert done.finished == 0
    after = run(archive, units=units)
    assert after.finished == 1
    assert after.files < 50


def test_only_one_scrub_at_a_time_and_other_work_goes_on(archive: Archive) -> None:
    seen: list[str] = []

    def check(member: Member) -> Finding | None:
        with archive.writing("add"), pytest.raises(BusyError, match="being scrubbed already"):
            run(archive, units=[])
        seen.append(member.path)
        return None

    run(archive, units=[unit("bag", [1], check=check)])
    assert seen == ["bag/000"]


# --- what changes meanwhile ---


def test_what_has_gone_where_it_belongs_meanwhile_is_nothing_wrong(archive: Archive) -> None:
    listed = [Member("a", 1, "ab" * 32), Member("b", 1, "cd" * 32)]

    def check(member: Member) -> Finding | None:
        if member.path != "a":
            return None
        listed[:] = [one for one in listed if one.path != "a"]  # it was bagged, or withdrawn
        return Finding("missing", "a", "is not there")

    done = run(archive, units=[unit("shelf", [], members=lambda: list(listed), check=check)])
    assert (done.wrong, done.unsteady, done.finished) == ([], [], 1)


def test_what_is_right_when_read_again_is_told_as_unsteady(archive: Archive) -> None:
    answers = iter([Finding("damaged", "bag/000", "its SHA-256 is another"), None])
    done = run(archive, units=[unit("bag", [1], check=lambda _: next(answers))])
    assert done.wrong == []
    assert [one.finding.path for one in done.unsteady] == ["bag/000"]
    with archive.ledger.connect() as ledger:
        assert "warning" in ledger.execute(select(events.c.outcome)).scalars().all()


def test_what_comes_in_is_read_and_what_is_gone_is_forgotten(archive: Archive, held: dict[str, Path]) -> None:
    run(archive)
    with archive.ledger.begin() as ledger:
        accession = ledger.execute(select(accessions.c.id)).scalar_one()
        what = replace(facts("new"), sha256=sha256(content("new")).hexdigest(), size=len(content("new")))
        record_file(ledger, what, kind="master", held=True, accession=accession, name="new", at="2026-02-05")
    new = place(archive, "new")
    done = run(archive, TODAY + timedelta(days=20))
    assert done.wrong == []
    overwrite(new, b"x" * len(content("new")))
    assert {what for _, what, _ in found(run(archive, TODAY + timedelta(days=40)))} == {"damaged"}
    run(archive, units=[unit("other", [1])])
    assert set(verified(archive)) == {"other"}


@pytest.mark.once("asks no ledger")
@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("2h", 7200), ("1h30m", 5400), ("30d", 2_592_000), ("1.5 h", 5400)]
)
def test_lengths_of_time(text: str, seconds: int) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.once("asks no ledger")
@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2h x", "0h", "9" * 30 + "d", "two hours"])
def test_no_lengths_of_time(text: str) -> None:
    with pytest.raises(UsageError, match="is no length of time"):
        parse_duration(text)
