"""A publisher and mirrors that lie, replay, forge, flood, or lose their keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from phonotheque.ledger.mirrors import all_mirrors, changes_of, find_mirror, holds_of
from phonotheque.ledger.packed import Held, held_of, pack, unpack, whole_bags
from phonotheque.mirrors.report import ReportedBag
from phonotheque.mirrors.taking_reports import AHEAD, NEW_IN_A_DAY, NoRoomError, NotNewerError, take_report
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.model.settings import HealthSettings
from phonotheque.vault.archive import Archive, timestamp
from tests.conftest import ARCHIVE_ID, MakeArchive
from tests.mirrors.reported import NOW, SIZES, Somebody, ago, publishing


@pytest.fixture
def archive(archive: Archive) -> Archive:
    return publishing(archive)


def with_health(archive: Archive, **changes: object) -> Archive:
    health = replace(HealthSettings(), **changes)  # type: ignore[arg-type]
    return replace(archive, settings=replace(archive.settings, health=health))


def test_what_is_packed_is_unpacked_the_same() -> None:
    held = [Held(7, 2**40, "2026-01-01T00:00:00Z", True), Held(3, 5, None, False)]
    records = unpack(pack(held))
    assert [held_of(records, number) for number in (3, 7, 5)] == [held[1], held[0], None]
    assert list(whole_bags(records)) == [7]
    assert len(unpack(pack([]))) == len(unpack(None)) == 0


def test_a_report_is_kept_and_one_that_changes_nothing_leaves_no_row(archive: Archive) -> None:
    one = Somebody("one")
    first = one.tells(archive, ["bag-1", "bag-2"], at=ago(days=3), name="One", country="FR")
    assert (first.first, first.again, first.bags, first.bytes, first.gained) == (True, False, 2, 3000, 2)
    second = one.tells(archive, ["bag-1", "bag-2"], at=ago(days=2))
    assert (second.first, second.gained, second.lost) == (False, 0, 0)
    third = one.tells(archive, ["bag-2", "bag-3"], at=ago(days=1))
    assert (third.gained, third.lost) == (1, 1)
    with archive.ledger.connect() as ledger:
        (mirror,) = all_mirrors(ledger)
        assert (mirror.reported_at, mirror.bags, mirror.name) == (timestamp(ago(days=1)), 2, None)
        changes = changes_of(ledger, mirror.number)
        assert [(c.at, c.gained, c.lost) for c in changes] == [
            (timestamp(ago(days=1)), 1, 1),
            (timestamp(ago(days=3)), 2, 0),
        ]


def test_a_report_that_comes_twice_is_taken_once_and_an_older_one_never(archive: Archive) -> None:
    one = Somebody("one")
    old = one.report(["bag-1"], at=ago(hours=2))
    new = one.report(["bag-2"], at=ago(hours=1))
    take_report(archive, old, at=ago(minutes=20))
    take_report(archive, new, at=ago(minutes=9))
    assert take_report(archive, new, at=NOW).again
    other_of_the_same_moment = one.report(["bag-3"], at=ago(hours=1))
    for late in (old, other_of_the_same_moment):
        with pytest.raises(NotNewerError, match="was taken already"):
            take_report(archive, late, at=NOW)
    with archive.ledger.connect() as ledger:
        (mirror,) = all_mirrors(ledger)
        assert len(whole_bags(holds_of(ledger, mirror.number))) == 1


def test_nobody_reports_for_another(archive: Archive) -> None:
    one, thief = Somebody("one"), Somebody("one")  # the same id, another key
    one.tells(archive, ["bag-1"], at=ago(hours=1))
    with pytest.raises(VerificationError, match="another key"):
        thief.tells(archive, [], at=NOW)
    with archive.ledger.connect() as ledger:
        found = find_mirror(ledger, one.id)
        assert found is not None
        assert (found.bags, found.key) == (1, one.key.public_key().public_bytes_raw().hex())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"archive": "0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c"}, "another archive"),
        ({"mirror": ARCHIVE_ID}, "its mirror is this archive"),
        ({"edition": 2}, "the newest is 1"),
        ({"web": "http://Music.Example.ORG:8080/other"}, "own address"),
        ({"bags": (ReportedBag("bag-1", 1001, None, False),)}, "it has 1000"),
        ({"bags": (ReportedBag("bag-1", 999, timestamp(ago(days=1)), True),)}, "it has 1000"),
        ({"time": timestamp(NOW + AHEAD + timedelta(seconds=1))}, "of the future"),
    ],
)
def test_what_cannot_be_so_is_refused(archive: Archive, changes: dict[str, object], said: str) -> None:
    publish = replace(archive.settings.publish, url="https://music.example.org/")
    shown = replace(archive, settings=replace(archive.settings, publish=publish))
    with pytest.raises(VerificationError, match=said):
        Somebody("one").tells(shown, at=NOW, **changes)
    with archive.ledger.connect() as ledger:
        assert all_mirrors(ledger) == []


def test_bags_that_nobody_knows_count_for_nothing(archive: Archive) -> None:
    taken = Somebody("one").tells(archive, [f"made-up-{n}" for n in range(500)] + ["bag-1"])
    assert (taken.bags, taken.unknown, taken.bytes) == (1, 500, SIZES["bag-1"])
    with archive.ledger.connect() as ledger:
        (mirror,) = all_mirrors(ledger)
        assert (mirror.unknown, len(holds_of(ledger, mirror.number))) == (500, 1)


def test_before_the_first_edition_nobody_holds_anything(make_archive: MakeArchive) -> None:
    empty = make_archive("empty")
    with pytest.raises(NotFoundError, match="Nothing was published"):
        Somebody("one").tells(empty, [])


def test_strangers_are_taken_as_the_settings_say(archive: Archive) -> None:
    known, stranger = Somebody("known"), Somebody("stranger")
    choosy = with_health(archive, reports="known")
    take_report(choosy, known.report(at=ago(hours=1)), at=ago(hours=1), by_hand=True)
    assert take_report(choosy, known.report(at=NOW), at=NOW).bags == 3
    with pytest.raises(UsageError, match="that it knows"):
        take_report(choosy, stranger.report(), at=NOW)


def test_a_crowd_of_made_up_mirrors_is_bounded_and_makes_room(archive: Archive) -> None:
    small = with_health(archive, mirrors=3)
    old, silent, proven = Somebody("old"), Somebody("silent"), Somebody("proven")
    old.tells(small, at=ago(days=80))
    silent.tells(small, at=ago(days=90))
    proven.tells(small, at=ago(days=200))
    proven.proves(small, "bag-1", at=ago(days=150))
    Somebody("new").tells(small, at=ago(hours=3))
    with archive.ledger.connect() as ledger:
        assert find_mirror(ledger, silent.id) is None  # the longest silent of those that proved nothing
        assert find_mirror(ledger, proven.id)
    Somebody("newer").tells(small, at=ago(hours=2))
    with pytest.raises(NoRoomError, match="no room for more than 3"):
        Somebody("newest").tells(small, at=ago(hours=1))
    with archive.ledger.connect() as ledger:
        assert find_mirror(ledger, old.id) is None


def test_a_flood_of_new_mirrors_ends_for_the_day_and_not_for_who_is_known(archive: Archive) -> None:
    known = Somebody("known")
    known.tells(archive, [], at=ago(days=2))
    with archive.writing("test"):
        for number in range(NEW_IN_A_DAY):
            take_report(archive, Somebody(f"flood-{number}").report([]), at=NOW)
    with pytest.raises(NoRoomError, match="Too many new mirrors"):
        Somebody("one more").tells(archive, [])
    assert known.tells(archive).bags == 3
    take_report(archive, Somebody("by hand").report([]), at=NOW, by_hand=True)
