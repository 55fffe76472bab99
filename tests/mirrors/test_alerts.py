"""Alerts that strangers cause: they push nothing out of the feed, and do not fill the ledger."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from phonotheque.ledger.copy_counts import Measure, last_alerts
from phonotheque.ledger.mirror_tables import copy_alerts
from phonotheque.ledger.mirrors import claimants
from phonotheque.mirrors.health import count_copies, look
from phonotheque.mirrors.telling_health import FEED, update_health
from phonotheque.vault.archive import Archive, timestamp
from tests.mirrors.reported import NOW, SIZES, Somebody, ago, publishing

A, B = Somebody("a"), Somebody("b")


@pytest.fixture
def archive(archive: Archive) -> Archive:
    return publishing(archive)


def titles(archive: Archive) -> list[tuple[str, bool, str, int]]:
    with archive.ledger.connect() as ledger:
        found = last_alerts(ledger, 50).values()
    return [(alert.measure, alert.fell, alert.level, len(alert.bags)) for alert in found]


def test_who_claims_all_and_nothing_in_turn_hides_nothing_and_fills_nothing(archive: Archive) -> None:
    A.proves(archive, "bag-1", at=ago(days=100))
    with archive.writing("test"):
        count_copies(archive, at=ago(days=100))
        count_copies(archive, at=ago(days=5))
    for day in range(4, 0, -1):
        for turn in range(30):
            at = ago(days=day) + timedelta(minutes=11 * turn)
            B.tells(archive, SIZES if turn % 2 == 0 else [], at=at)
            with archive.writing("test"):
                count_copies(archive, at=at)
    with archive.writing("test"):
        update_health(archive, at=NOW)
    assert titles(archive)[-2:] == [("proven", True, "none", 1), ("proven", False, "one", 1)]
    assert b"1 bag fell to no proven copy" in (archive.public / FEED).read_bytes()
    with archive.ledger.connect() as ledger:
        assert int(ledger.execute(select(func.count()).select_from(copy_alerts)).scalar_one()) <= 6


def test_what_is_claimed_at_the_end_of_a_day_is_what_it_tells(archive: Archive) -> None:
    def told(mirror: Somebody, bags: list[str], **before: float) -> None:
        mirror.tells(archive, bags, at=ago(**before))
        with archive.writing("test"):
            count_copies(archive, at=ago(**before))

    told(A, ["bag-1"], days=2)
    told(A, ["bag-1", "bag-2"], days=1, hours=3)
    told(A, ["bag-2", "bag-3"], days=1, hours=2)
    assert titles(archive) == [
        ("claimed", True, "none", 1),  # bag-1, which the mirror had the day before
        ("claimed", False, "one", 2),
        ("claimed", False, "one", 1),
    ]
    told(A, ["bag-1"], days=1, hours=1)  # as it was when the day began
    assert titles(archive) == [("claimed", False, "one", 1)]


def test_only_the_last_alerts_on_claims_are_kept(archive: Archive) -> None:
    for day in range(120, 0, -1):
        A.tells(archive, ["bag-1"] if day % 2 else [], at=ago(days=day))
        with archive.writing("test"):
            count_copies(archive, at=ago(days=day))
    with archive.ledger.connect() as ledger:
        rows = list(ledger.execute(select(copy_alerts.c.at).order_by(copy_alerts.c.id)).scalars())
    assert len(rows) == 100
    assert rows[-1] == timestamp(ago(days=1))
    assert len([1 for one in titles(archive) if one[0] == Measure.CLAIMED]) == 50


def test_who_is_silent_claims_nothing_any_more(archive: Archive) -> None:
    A.tells(archive, ["bag-1"], at=ago(days=31))
    B.tells(archive, ["bag-1"], at=ago(days=29))
    with archive.ledger.connect() as ledger:
        found = claimants(ledger, "bag-1", since=timestamp(ago(days=30)))
    assert [mirror.id for mirror, _ in found] == [B.id]


def test_what_trackers_said_is_kept_until_they_say_something_else(archive: Archive) -> None:
    def seeders(said: dict[str, int] | None) -> list[int | None]:
        with archive.writing("test"):
            found = count_copies(archive, at=NOW, seeders=said).bags
        return [bag.count.seeders for bag in sorted(found, key=lambda bag: bag.id)]

    assert seeders({"bag-1": 5, "bag-2": 1}) == [5, 1, None]
    assert seeders(None) == [5, 1, None]
    assert seeders({"bag-2": 2}) == [None, 2, None]  # the trackers that told of the first say nothing
    assert [bag.count.seeders for bag in look(archive, at=NOW).bags].count(2) == 1
