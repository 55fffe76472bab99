"""On a full disk nothing is done by halves, and staff and visitors are told in words."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from phonotheque.editions import inbox, withdrawing
from phonotheque.ledger.staff import actions, add_account
from phonotheque.ledger.visitor_tables import request_steps
from phonotheque.vault.archive import Archive
from phonotheque.web.staff import deciding
from phonotheque.web.staff.passwords import hash_password
from tests.web.room.archives import Title
from tests.web.room.desks import ASKED, Browser, at_the_desk, cheap_passwords, taking, words_of

pytestmark = pytest.mark.sqlite("fills the file of a ledger")
NAME, PASSWORD = "anna", "a long pass phrase"


@pytest.fixture
def archive(library: Archive, tmp_path: Path) -> Archive:
    """Return a copy of the library with one who may log in."""
    archive = taking(library, tmp_path / "archive")
    with cheap_passwords(), archive.ledger.begin() as ledger:
        add_account(ledger, NAME, hash_password(NAME, PASSWORD), at="2026-11-26T10:00:00Z")
    return archive


@pytest.fixture
def browser(archive: Archive) -> Iterator[Browser]:
    """Return a browser of staff, in a room that has one request."""
    with cheap_passwords(), at_the_desk(archive) as found:
        assert found.fill_in("en/staff/login", {"name": NAME, "password": PASSWORD}).status == 303
        yield found


@contextmanager
def full(archive: Archive) -> Iterator[None]:
    """Let the ledger take not a page more."""

    def cap(connection: sqlite3.Connection, *_: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")

    archive.ledger.dispose()
    event.listen(archive.ledger, "connect", cap)
    try:
        yield
    finally:
        event.remove(archive.ledger, "connect", cap)
        archive.ledger.dispose()


def asked(browser: Browser, what: str) -> str:
    answer = browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": what})
    browser.desk.rest()
    return str(answer.headers["location"]).rpartition("/")[2]


def recorded(archive: Archive) -> tuple[int, list[str]]:
    with archive.ledger.connect() as ledger:
        steps = ledger.execute(select(func.count()).select_from(request_steps)).scalar_one()
        return steps, [one.action for one in actions(ledger, before=None, most=9)]


@pytest.mark.parametrize("do", ["hold", "accept", "refuse"])
def test_a_decision_is_recorded_with_who_made_it_or_not_at_all(
    archive: Archive, browser: Browser, do: str
) -> None:
    page = browser.page(f"en/correct?find={Title.OPENING.value}")
    key = asked(browser, page.partition('href="/en/recording/')[2][:36])
    before = recorded(archive)
    place = f"en/staff/request/{key}"
    long = "A long story. " * 350
    with full(archive):
        answer = browser.fill_in(place, {"do": do, "answer": long, "note": long})
        assert answer.status == 507
        assert "The disk is full. Nothing was done." in words_of(answer.data)
    assert recorded(archive) == before
    assert browser.fill_in(place, {"do": do, "answer": long, "note": long}).status == 303
    steps, done = recorded(archive)
    assert (steps, done[0]) == (before[0] + 1, do)


def test_no_decision_is_without_who_made_it(
    archive: Archive, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = browser.page(f"en/correct?find={Title.OPENING.value}")
    key = asked(browser, page.partition('href="/en/recording/')[2][:36])
    words = asked(browser, "a tune")
    before = recorded(archive)

    def no_room(*_args: object, **_named: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(deciding, "record_action", no_room)
        answers = [
            browser.fill_in(f"en/staff/request/{key}", {"do": "accept"}),
            browser.fill_in(f"en/staff/request/{words}", {"do": "file", "named": Title.OPENING.value}),
            browser.fill_in(f"en/staff/request/{words}", {"do": "answer", "answer": "Soon."}),
        ]
    assert [answer.status for answer in answers] == [507, 422, 507]
    assert recorded(archive) == before
    with monkeypatch.context() as patched:
        patched.setattr(withdrawing, "remove_erased", no_room)
        answer = browser.fill_in(f"en/staff/request/{key}", {"do": "accept"})
    assert answer.status == 507
    assert "What you decided is recorded" in words_of(answer.data)
    assert recorded(archive)[1][0] == "accept"


def test_a_visitor_is_told_that_nothing_was_kept(
    archive: Archive, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_args: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", no_room)
    letter = ("letter.pdf", bytes(2_000_000))
    answer = browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "x", "document": letter})
    assert answer.status == 507
    assert "nothing was kept" in words_of(answer.data)
    assert inbox.waiting(archive) == []
