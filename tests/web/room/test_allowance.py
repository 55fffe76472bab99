"""Nobody shuts the form for others by having many addresses; who is turned away is told where to write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from phonotheque.editions.inbox import waiting
from phonotheque.ledger.requests import RequestKind
from phonotheque.model.settings import ServeSettings
from phonotheque.vault.archive import Archive
from phonotheque.web.room import desk, forms
from phonotheque.web.room.allowance import Allowance, neighbourhood
from tests.conftest import MakeArchive
from tests.web.room.desks import ASKED, CORRECTED, Browser, at_the_desk, with_requests, words_of

pytestmark = pytest.mark.once("about how many requests there are")
WITHDRAWAL, CORRECTION = RequestKind.WITHDRAWAL, RequestKind.CORRECTION


@pytest.fixture
def archive(make_archive: MakeArchive) -> Archive:
    """Return an archive that takes requests in, and says how else it is reached."""
    made = with_requests(make_archive("asked"))
    settings = replace(made.settings, serve=ServeSettings(contact="mail@example.org"))
    return replace(made, settings=settings)


@pytest.fixture
def browser(archive: Archive) -> Iterator[Browser]:
    """Open its room."""
    with at_the_desk(archive) as visitor:
        yield visitor


def test_many_addresses_side_by_side_leave_room_for_others() -> None:
    allowance = Allowance(lambda: 0.0)
    for hoster in ("203.0.113.{}", "2001:db8:7:{}::/64"):
        sent = [allowance.take(hoster.format(number), WITHDRAWAL) for number in range(1, 100)]
        assert sum(sent) == 12
    assert allowance.take("198.51.100.7", WITHDRAWAL)


def test_the_last_are_for_who_has_sent_nothing_lately() -> None:
    now = [0.0]
    allowance = Allowance(lambda: now[0])
    sent = [allowance.take(f"100.{number}.0.1", kind) for number in range(7) for kind in (WITHDRAWAL,) * 6]
    assert sum(sent) == 40
    assert not allowance.take("100.1.0.2", WITHDRAWAL)
    assert not allowance.take("198.51.100.7", CORRECTION)
    assert allowance.take("198.51.100.7", WITHDRAWAL)
    assert not allowance.take("198.51.100.7", WITHDRAWAL)
    now[0] = 3600.0
    assert allowance.take("100.1.0.2", WITHDRAWAL)


def test_corrections_have_a_share_and_cost_nothing_when_refused() -> None:
    allowance = Allowance(lambda: 0.0)
    assert sum(allowance.take(f"100.{number}.0.1", CORRECTION) for number in range(99)) == 30
    assert sum(allowance.take("198.51.100.7", CORRECTION) for _ in range(99)) == 0
    assert sum(allowance.take("198.51.100.7", WITHDRAWAL) for _ in range(99)) == 6


def test_who_cannot_be_told_apart_shares_one_allowance() -> None:
    allowance = Allowance(lambda: 0.0)
    assert sum(allowance.take("", WITHDRAWAL) for _ in range(99)) == 60


@pytest.mark.parametrize(
    ("who", "near"),
    [("", ""), ("192.0.2.77", "192.0.2.0/24"), ("2001:db8:7:1::/64", "2001:db8:7::/48")],
)
def test_neighbours(who: str, near: str) -> None:
    assert neighbourhood(who) == near


def test_who_is_turned_away_is_told_where_to_write_and_loses_nothing(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "place_of", lambda _address: "192.0.2.1")
    for number in range(6):
        assert browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": str(number)}).status == 303
    answer = browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "once more"})
    assert answer.status == 429
    assert "If it cannot wait, write to the archive instead." in words_of(answer.data)
    assert b'href="mailto:mail@example.org"' in answer.data
    assert b"once more" in answer.data


def test_corrections_leave_room_for_withdrawals(
    archive: Archive, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "MOST_WAITING", 2)
    ask = "en/correct?kind=correction"
    assert browser.fill_in(ask, CORRECTED | {"what": "1"}).status == 303
    answer = browser.fill_in(ask, CORRECTED | {"what": "2"})
    assert answer.status == 503
    assert b'href="mailto:mail@example.org"' in answer.data
    assert browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "3"}).status == 303
    browser.desk.rest()
    assert waiting(archive) == []


def test_the_log_says_that_nobody_can_be_told_where_to_write(
    make_archive: MakeArchive, caplog: pytest.LogCaptureFixture
) -> None:
    with at_the_desk(with_requests(make_archive("asked"))):
        assert "[serve] contact is not set" in caplog.text
