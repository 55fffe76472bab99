"""Staff log in: nobody learns who there is, guessing is slow, and a session is one browser's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from phonotheque.ledger.staff import add_account, change_password, end_sessions, remove_account
from phonotheque.ledger.visitor_tables import staff, staff_actions, staff_sessions
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.web.staff import login, sessions
from phonotheque.web.staff.attempts import Attempts
from phonotheque.web.staff.passwords import fits, hash_password, parse_name
from tests.conftest import MakeArchive
from tests.web.room.desks import Browser, at_the_desk, cheap_passwords, token_of, with_requests, words_of

NAME, PASSWORD = "anna", "a long pass phrase"


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    """Let hashes take less memory than they do, and so less time."""
    with cheap_passwords():
        yield


@pytest.fixture
def archive(make_archive: MakeArchive) -> Archive:
    """Return an archive with one who may log in."""
    archive = with_requests(make_archive("reviewed"))
    with archive.ledger.begin() as ledger:
        add_account(ledger, NAME, hash_password(NAME, PASSWORD), at="2026-11-26T10:00:00Z")
    return archive


@pytest.fixture
def browser(archive: Archive) -> Iterator[Browser]:
    """Open its room."""
    with at_the_desk(archive) as visitor:
        yield visitor


def log_in(browser: Browser, password: str = PASSWORD, name: str = NAME, **more: str) -> int:
    """Log in; return the status of the answer."""
    return browser.fill_in("en/staff/login", {"name": name, "password": password}, **more).status


def test_who_is_not_logged_in_is_led_to_the_login_and_back(browser: Browser) -> None:
    answer = browser.get("fr/staff/audit")
    assert (answer.status, answer.headers["location"]) == (303, "/fr/staff/login?next=%2Ffr%2Fstaff%2Faudit")
    form = browser.page("fr/staff/login?next=%2Ffr%2Fstaff%2Faudit")
    fields = {"name": NAME, "password": PASSWORD, "next": "/fr/staff/audit", "token": token_of(form)}
    answer = browser.post("fr/staff/login", fields)
    assert (answer.status, answer.headers["location"]) == (303, "/fr/staff/audit")
    assert "Connexion : anna" in words_of(browser.page("fr/staff/audit"))


@pytest.mark.parametrize("goal", ["https://evil.example/", "//evil.example", "/en/staff/../..", "/en/x"])
def test_a_login_leads_nowhere_else(browser: Browser, goal: str) -> None:
    answer = browser.fill_in("en/staff/login", {"name": NAME, "password": PASSWORD, "next": goal})
    assert answer.headers["location"] == "/en/staff/"


def test_whether_there_is_somebody_of_a_name_is_not_told(browser: Browser) -> None:
    answers = []
    for name in (NAME, "nobody", "No Body!", "\0", ""):
        answer = browser.fill_in("en/staff/login", {"name": name, "password": "wrong"})
        answers.append((answer.status, words_of(answer.data), dict(answer.headers).keys()))
    assert {answer[0] for answer in answers} == {403}
    assert all(answer == answers[0] for answer in answers)
    assert not browser.cookies


def test_guessing_gets_slower_and_the_right_password_has_to_wait_too(browser: Browser) -> None:
    browser.desk.attempts = Attempts(lambda: 0.0)
    for name in (NAME, "nobody"):
        statuses = [log_in(browser, "wrong", name) for _ in range(5)]
        assert statuses == [403] * 4 + [429]
    answer = browser.fill_in("en/staff/login", {"name": NAME, "password": PASSWORD})
    assert answer.status == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 2


def test_waits_grow_to_a_bound_for_each_account_and_address() -> None:
    at = [0.0]
    attempts = Attempts(lambda: at[0])
    waits = []
    for _ in range(14):
        while wait := attempts.begin("anna", ""):
            waits.append(wait)
            at[0] += wait
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    for number in range(20):
        if wait := attempts.begin(f"name {number}", "192.0.2.1"):
            break
    assert number == 4
    at[0] += wait
    assert attempts.begin("one more", "192.0.2.1") == 0
    attempts.succeeded("one more", "192.0.2.1")
    assert attempts.begin("another", "192.0.2.1") == 0
    at[0] += 4000
    assert attempts.begin("anna", "") == 0


def test_a_cookie_is_for_this_host_and_for_no_script(browser: Browser) -> None:
    assert log_in(browser) == 303
    line = next(one for one in browser.set_cookies if "Max-Age=0" not in one)
    assert line.startswith("staff=")
    for word in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert word in line
    assert "Secure" not in line
    https = browser.url.rstrip("/").replace("http:", "https:")
    assert log_in(browser, origin=https) == 303  # a proxy took the https off
    line = next(one for one in browser.set_cookies if "Max-Age=0" not in one)
    assert line.startswith("__Host-staff=")
    for word in ("HttpOnly", "SameSite=strict", "Path=/", "Secure"):
        assert word in line
    assert set(browser.cookies) == {"__Host-staff"}
    token = browser.cookies.pop("__Host-staff")
    browser.cookies["staff"] = token  # it counts under its own name only
    assert browser.get("en/staff/").status == 303


def test_logging_in_again_makes_a_new_session_of_the_old(archive: Archive, browser: Browser) -> None:
    log_in(browser)
    first = browser.cookies["staff"]
    log_in(browser)
    assert browser.cookies["staff"] != first
    browser.cookies["staff"] = first
    assert browser.get("en/staff/").status == 303
    with archive.ledger.connect() as ledger:
        kept = ledger.execute(select(staff_sessions.c.token_sha256)).scalars().all()
    assert len(kept) == 1
    assert first not in kept


def test_a_session_ends_by_itself_when_idle_and_when_old(
    archive: Archive, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(browser)
    begun = now()
    at = [begun]
    monkeypatch.setattr(sessions, "now", lambda: at[0])
    for _ in range(24):
        at[0] += timedelta(minutes=29)
        assert browser.get("en/staff/").status == 200
    with archive.ledger.connect() as ledger:
        seen = ledger.execute(select(staff_sessions.c.seen_at)).scalar_one()
    assert datetime.fromisoformat(seen) == at[0]
    at[0] = begun + timedelta(hours=12, minutes=1)
    assert browser.get("en/staff/").status == 303
    at[0] = begun
    log_in(browser)
    at[0] += timedelta(minutes=31)
    assert browser.get("en/staff/").status == 303


@pytest.mark.parametrize("everywhere", [False, True])
def test_logging_out_ends_one_session_or_all(browser: Browser, everywhere: bool) -> None:
    log_in(browser)
    other = Browser(browser.url, browser.desk)
    log_in(other)
    do = "everywhere" if everywhere else "here"
    token = token_of(browser.page("en/staff/"))
    assert browser.post("en/staff/logout", {"token": "x", "do": do}).status == 403
    assert (
        browser.post("en/staff/logout", {"token": token, "do": do}, origin="https://x.example").status == 403
    )
    assert browser.get("en/staff/").status == 200
    assert browser.post("en/staff/logout", {"token": token, "do": do}).status == 303
    assert not browser.cookies
    assert other.get("en/staff/").status == (303 if everywhere else 200)


def test_who_is_removed_or_has_another_password_is_out_at_once(archive: Archive, browser: Browser) -> None:
    log_in(browser)
    with archive.ledger.begin() as ledger:
        change_password(ledger, NAME, hash_password(NAME, "another pass phrase"), at=timestamp(now()))
    assert browser.get("en/staff/").status == 303
    assert log_in(browser) == 403
    assert log_in(browser, "another pass phrase") == 303
    with archive.ledger.begin() as ledger:
        remove_account(ledger, NAME)
        assert ledger.execute(select(staff)).all() == []
    assert browser.get("en/staff/").status == 303


@pytest.mark.parametrize("change", [change_password, remove_account])
def test_who_is_let_out_while_logging_in_stays_out(
    archive: Archive, browser: Browser, monkeypatch: pytest.MonkeyPatch, change: Callable[..., None]
) -> None:
    def meanwhile(password: str, kept: str | None) -> bool:
        right = fits(password, kept)
        with archive.ledger.begin() as ledger:
            if change is remove_account:
                change(ledger, NAME)
            else:
                change(ledger, NAME, hash_password(NAME, "another pass phrase"), at=timestamp(now()))
        return right

    monkeypatch.setattr(login, "fits", meanwhile)
    assert log_in(browser) == 403
    assert not browser.cookies
    assert browser.get("en/staff/").status == 303
    with archive.ledger.connect() as ledger:
        assert ledger.execute(select(staff_sessions)).all() == []
        assert ledger.execute(select(staff_actions)).all() == []


def test_a_password_is_not_sent_where_others_can_read_it(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("starlette.requests.Request.client", property(lambda _self: None))
    answer = browser.get("en/staff/login")
    assert answer.status == 403
    assert "https" in words_of(answer.data)
    assert browser.get("en/staff/login", **{"Sec-Fetch-Site": "none"}).status == 200


def test_logins_go_on_record_and_nothing_is_kept_by_caches(archive: Archive, browser: Browser) -> None:
    log_in(browser)
    answer = browser.get("en/staff/audit")
    assert answer.headers["cache-control"] == "no-store"
    assert "log in" in words_of(answer.data)
    with archive.ledger.connect() as ledger:
        rows = ledger.execute(select(staff_actions.c.name, staff_actions.c.action)).all()
    assert [tuple(row) for row in rows] == [(NAME, "log in")]


def test_without_staff_there_are_no_such_pages(archive: Archive) -> None:
    with at_the_desk(with_requests(archive, staff=False)) as browser:
        for path in ("staff/login", "staff/", "staff", "staff/audit", f"staff/request/{'0' * 36}"):
            assert browser.get(f"en/{path}").status == 404
        assert browser.post("en/staff/login", {"name": NAME, "password": PASSWORD}).status == 404


def test_passwords_are_compared_as_typed_and_weak_ones_refused() -> None:
    composed, decomposed = "e\u0301te\u0301 long assez", "\u00e9t\u00e9 long assez"
    assert fits(decomposed, hash_password("x", composed))
    kept = hash_password(NAME, PASSWORD)
    assert fits(PASSWORD, kept)
    assert not fits(PASSWORD + "!", kept)
    assert not fits(PASSWORD, None)
    assert kept.startswith("$argon2id$")
    for weak in ("short", "my name is anna!", "x" * 1001, "not utf-8: \udcff"):
        with pytest.raises(UsageError, match="easily guessed"):
            hash_password("anna", weak)


def test_names_have_one_form() -> None:
    assert parse_name(" Anna.K@example.org ") == "anna.k@example.org"
    for name in ("", "a b", "é", "-x", "x" * 65):
        with pytest.raises(UsageError, match="cannot be the name"):
            parse_name(name)


def test_ending_sessions_of_nobody_is_no_error(archive: Archive) -> None:
    with archive.ledger.begin() as ledger:
        end_sessions(ledger, "nobody")
