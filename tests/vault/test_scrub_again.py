"""When a scrub reads something again: a clock that was wrong, what was mended, bags that nobody had."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert

from phonotheque.ledger.bags import BagPlace, record_place
from phonotheque.ledger.schema import bag_places, bags
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NetworkError
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.scrub import End
from phonotheque.vault.scrub_standing import Amount, standing
from phonotheque.vault.scrub_units import Member, units_of_archive
from tests.ledger.ledger_facts import BAG
from tests.vault.test_scrub import MONTH, TODAY, found, run, unit

pytestmark = pytest.mark.ledger


def test_a_clock_that_was_ahead_proves_nothing(archive: Archive) -> None:
    ahead = TODAY + timedelta(days=4 * 365)
    units = [unit("a", [10, 10]), unit("b", [5]), unit("new", [5], came_at=timestamp(ahead))]
    assert run(archive, ahead, units[:2]).ended is End.DONE
    stands = standing(archive, units, MONTH, TODAY)
    assert (stands.verified, stands.never, stands.a_day) == (Amount(0, 0), Amount(3, 30), 0)
    assert stands.oldest == "2026-01-01T00:00:00Z"
    done = run(archive, TODAY, units)
    assert (done.bytes, done.finished) == (30, 3)
    stands = standing(archive, units, MONTH, TODAY, done)
    assert (stands.verified, stands.oldest) == (Amount(3, 30), timestamp(TODAY))


def test_a_pass_that_began_under_a_wrong_clock_begins_again(archive: Archive) -> None:
    units = [unit("a", [10] * 5)]
    run(archive, TODAY + timedelta(days=400), units, bytes=20)
    assert run(archive, TODAY, units).bytes == 50
    assert standing(archive, units, MONTH, TODAY).oldest == timestamp(TODAY)


def test_what_was_wrong_is_read_again_soon_and_last(archive: Archive) -> None:
    wrong, order = [Finding("damaged", "b/000", "its SHA-256 is another")], list[str]()

    def check(member: Member) -> Finding | None:
        order.append(member.path)
        return wrong[0] if wrong and member.path == "b/000" else None

    units = [unit("a", [1], check=check), unit("b", [1], check=check)]
    run(archive, TODAY, units)
    wrong.clear()
    order.clear()
    day = TODAY + timedelta(days=1)
    assert run(archive, day, [*units, unit("c", [1], check=check)]).wrong == []
    assert order == ["c/000", "b/000"]
    assert standing(archive, units, MONTH, day).wrong == ()
    assert run(archive, day, units).files == 0


def test_a_bag_of_which_no_file_is_on_record_is_missing_all_the_same(archive: Archive) -> None:
    with archive.ledger.begin() as ledger:
        ledger.execute(insert(bags), asdict(BAG))
    done = run(archive)
    assert found(done) == {(BAG.id, "missing", BAG.id)}
    stands = standing(archive, units_of_archive(archive, TODAY), MONTH, TODAY, done)
    assert stands.wrong == (("", BAG.id),)


def test_a_place_that_is_out_of_reach_does_not_show_that_the_budget_is_enough(archive: Archive) -> None:
    def gone(member: Member) -> Finding | None:
        raise NetworkError("the storage is gone")

    units = [unit("here", [10]), unit("there", [1000], place="s3://away", check=gone)]
    done = run(archive, TODAY, units)
    assert (done.ended, list(done.unreachable)) == (End.DONE, ["s3://away"])
    assert standing(archive, units, MONTH, TODAY, done).covers is None


def test_a_bag_that_leaves_a_place_while_it_is_read(archive: Archive, bag: Path, tmp_path: Path) -> None:
    shutil.copytree(bag, tmp_path / "disk" / BAG.id)
    with archive.ledger.begin() as ledger:
        record_place(ledger, BagPlace(BAG.id, str(tmp_path / "disk"), False, "2026-01-01T00:00:00Z"))
    (there,) = [one for one in units_of_archive(archive, TODAY) if one.place]
    first, *_, last = there.members()
    with archive.ledger.begin() as ledger:
        ledger.execute(delete(bag_places))
    shutil.rmtree(tmp_path / "disk" / BAG.id)
    assert there.members() == []
    for member in (first, last):  # they were about to be read
        assert there.check(member) is not None
    assert there.rest() == []


def test_what_is_wrong_is_looked_up_once_for_each_file(archive: Archive) -> None:
    asked: list[int] = []
    listed = [Member(f"bag/{number:03d}", 1, "ab" * 32) for number in range(30)]

    def members() -> list[Member]:
        asked.append(1)
        return listed

    wrong = unit("bag", [1] * 30, check=lambda one: Finding("missing", one.path, "is not there"))
    assert len(run(archive, TODAY, [replace(wrong, members=members)]).wrong) == 30
    assert len(asked) == 31
