"""Bags that nobody has any more: they keep no room from others, and come when somebody has them again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from phonotheque.mirrors.home import arriving, open_mirror
from phonotheque.mirrors.in_vain import IN_VAIN, note_searches, nothing_of, passed_over
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.sync import SyncResult, sync
from phonotheque.model.errors import NetworkError, VerificationError
from phonotheque.vault.archive import Archive
from tests.mirrors.mirror_publisher import LOCAL, NOW, Publisher, noise
from tests.mirrors.mirror_runs import PACE, complete
from tests.mirrors.test_choosing import say_copies

pytestmark = pytest.mark.ledger  # a mirror has one

SIZE = 200_000
ROOM = 300_000  # for one bag and the catalogue


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.with_about = publisher.with_index = True
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000}, wave=0)
    for name in ("common", "lost"):
        publisher.bag(name, {"1.ogg": noise(name, SIZE)})
    publisher.publish(1)
    say_copies(publisher, {"common": 4, "lost": 0})
    return publisher


def lose(publisher: Publisher) -> Path:
    """Move away what the publisher has of a bag; its metadata stays."""
    away = publisher.folder / "away"
    (publisher.folder / "vault" / "bags" / "lost").rename(away)
    return away


def look(mirror: Archive, day: float, **options: Any) -> SyncResult | None:
    """One round, so many days after the first; None if something is missing after it."""
    settings: dict[str, Any] = {"budget": ROOM, "once": True, "swarm": LOCAL, "pace": PACE}
    at = NOW + timedelta(days=day)
    try:
        return sync(
            mirror, open_origin(mirror.settings.mirror.origin), clock=lambda: at, **settings | options
        )
    except NetworkError:
        return None


def left_out(result: SyncResult | None) -> dict[str, str]:
    assert result is not None
    return dict(result.left_out)


def test_what_nobody_has_keeps_no_room_and_comes_when_somebody_has_it(
    published: Publisher, tmp_path: Path
) -> None:
    away = lose(published)
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    for day in (0.0, 1.0, 1.9):
        assert look(mirror, day) is None
        assert complete(mirror) == {"catalogue-1"}
        assert (arriving(mirror) / "lost").exists()  # begun, and nothing of it has come
    assert "nobody has given any of it since" in left_out(look(mirror, 2.5))["lost"]
    assert complete(mirror) == {"catalogue-1", "common"}
    assert not (arriving(mirror) / "lost").exists()
    # Its week is over, and what is held stays.
    assert "are left of the budget" in left_out(look(mirror, 9.5))["lost"]
    assert complete(mirror) == {"catalogue-1", "common"}
    # Where there is room for it, it is looked for each time.
    assert look(mirror, 9.6, budget=2 * ROOM) is None
    away.rename(published.folder / "vault" / "bags" / "lost")
    assert look(mirror, 9.7, budget=2 * ROOM) is not None
    assert complete(mirror) == {"catalogue-1", "common", "lost"}
    assert passed_over(mirror, NOW + timedelta(days=9.8), offline=False) == {}


def test_what_is_passed_over_has_its_turn_again_while_there_is_room(
    published: Publisher, tmp_path: Path
) -> None:
    lose(published)
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    search(mirror, [-3, -2, 0])
    assert passed_over(mirror, NOW + timedelta(days=6), offline=False).keys() == {"lost"}
    assert look(mirror, 8) is None  # after a week it is the first again, once
    assert complete(mirror) == {"catalogue-1"}
    assert look(mirror, 8.1) is not None
    assert complete(mirror) == {"catalogue-1", "common"}


def search(mirror: Archive, days: list[float], *, offline: bool = False) -> datetime:
    """Let a bag be looked for in vain on these days; returns the last one."""
    for day in days:
        note_searches(mirror, (), ["lost"], NOW + timedelta(days=day), offline=offline)
    return NOW + timedelta(days=days[-1])


@pytest.mark.parametrize(
    ("days", "offline", "now_offline", "passed"),
    [
        ([0, 3], False, False, False),  # too few rounds
        ([0, 1, 1.5], False, False, False),  # too short a time
        ([0, 1, 2], False, False, True),
        ([0, 1, 2], False, True, True),
        ([0, 1, 2], True, True, False),  # it may be our own network
        ([0, 7, 14], True, True, True),
        ([0, 7, 14], True, False, False),  # the origin is back, and may have it
        ([0, 1, -5], False, False, False),  # a clock that was wrong
    ],
)
def test_when_a_bag_is_passed_over(
    published: Publisher, tmp_path: Path, days: list[float], offline: bool, now_offline: bool, passed: bool
) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    last = search(mirror, days, offline=offline)
    assert (passed_over(mirror, last, offline=now_offline).keys() == {"lost"}) is passed
    assert passed_over(mirror, last + timedelta(days=7), offline=now_offline) == {}


def test_an_origin_that_is_back_begins_the_count_anew(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    search(mirror, [0, 1, 2, 3], offline=True)
    assert passed_over(mirror, search(mirror, [4, 5]), offline=False) == {}
    assert passed_over(mirror, search(mirror, [6]), offline=False).keys() == {"lost"}


def test_of_what_something_has_come_the_rest_is_waited_for(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    last = search(mirror, [0, 1, 2])
    begun = arriving(mirror) / "lost" / "data"
    begun.mkdir(parents=True)
    with (begun / "1.ogg").open("wb") as file:
        file.truncate(SIZE)
    assert nothing_of(mirror, "lost")
    assert passed_over(mirror, last, offline=False)
    (begun / "1.ogg").write_bytes(noise("lost", SIZE // 2))
    assert passed_over(mirror, last, offline=False) == {}
    search(mirror, [3])
    assert "lost" not in (mirror.folder / IN_VAIN).read_text()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"lost": {"since": "2026-01-01", "last": "2026-01-01", "rounds": 3, "alone": false}}',
        '{"lost": {"since": "yesterday", "last": "2026-01-01", "rounds": 3, "alone": false}}',
        '{"lost": {"since": 1}}',
    ],
)
def test_a_note_that_makes_no_sense_is_named(published: Publisher, tmp_path: Path, text: str) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    (mirror.folder / IN_VAIN).write_text(text)
    with pytest.raises(VerificationError, match=r"in-vain\.json makes no sense"):
        passed_over(mirror, NOW, offline=False)
