"""The third door: what strangers ask for is kept, changes nothing, and is nobody else's business."""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from phonotheque.editions import inbox
from phonotheque.editions.inbox import settle, waiting
from phonotheque.ledger.requests import request_with
from phonotheque.ledger.withdrawals import State, withdrawal
from phonotheque.model.settings import MirrorSettings, ServeSettings
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.evidence import read_evidence
from phonotheque.web.room import desk, forms
from tests.web.room.archives import ARTIST_MBID, Title
from tests.web.room.desks import (
    ASKED,
    CORRECTED,
    SECRETS,
    Browser,
    at_the_desk,
    taking,
    token_of,
    with_requests,
    words_of,
)

pytestmark = pytest.mark.ledger


@pytest.fixture
def archive(library: Archive, tmp_path: Path) -> Archive:
    """Return a copy of the library that takes requests in."""
    return taking(library, tmp_path / "archive")


@pytest.fixture
def browser(archive: Archive) -> Iterator[Browser]:
    """Open its room."""
    with at_the_desk(archive) as visitor:
        yield visitor


def id_of(browser: Browser, title: Title) -> str:
    """Return the id of a recording, as a visitor finds it on the form."""
    page = browser.page(f"en/correct?find={title.value.replace(' ', '+')}")
    return str(re.findall(r'href="/en/recording/([0-9a-f-]{36})"', page)[0])


def sent(answer: object) -> str:
    """Return the id of the request that was sent."""
    assert answer.status == 303, words_of(answer.data)  # type: ignore[attr-defined]
    where: str = answer.headers["location"]  # type: ignore[attr-defined]
    assert re.fullmatch(r"/(en|fr)/request/[0-9a-f-]{36}", where)
    return where.rpartition("/")[2]


def test_two_forms_can_be_chosen_and_what_it_is_about_goes_with_them(browser: Browser) -> None:
    name = id_of(browser, Title.OPENING)
    doors = browser.page(f"en/correct?what={name}")
    assert f"/en/correct?kind=correction&amp;what={name}" in doors
    for kind in ("correction", "withdrawal"):
        form = browser.page(f"en/correct?kind={kind}&what={name}")
        assert f">\n{name}</textarea>" in form
        assert "Opening" in words_of(form).partition("This is about")[2]
    french = words_of(browser.page(f"fr/correct?kind=withdrawal&what={name}"))
    assert "Ceci concerne" in french


def test_a_request_is_filed_and_hides_nothing(archive: Archive, browser: Browser) -> None:
    name = id_of(browser, Title.OPENING)
    letter = ("letter.pdf", b"a secret letter")
    fields = ASKED | {"what": f"https://music.example.org/en/recording/{name}?x=1", "document": letter}
    key = sent(browser.fill_in("en/correct?kind=withdrawal", fields | {"public_reason": "It is ours."}))
    browser.desk.rest()
    with archive.ledger.connect() as ledger:
        asked = request_with(ledger, key)
        assert asked is not None
        assert asked.withdrawal_id is not None
        assert asked.withdrawal_id != key
        one = withdrawal(ledger, asked.withdrawal_id)
    assert (one.state, one.asked_for, one.contact) == (State.REQUESTED, (name,), "secret@example.org")
    assert read_evidence(archive, str(one.document_sha256)) == b"a secret letter"
    assert waiting(archive) == []
    status = browser.get(f"en/request/{key}")
    assert status.headers["cache-control"] == "no-store"
    assert "noindex" in status.headers["x-robots-tag"]
    said = words_of(status.data)
    assert "It waits for a person" in said
    assert "filed as a request" in said
    assert "It is ours." in said
    assert not [secret for secret in SECRETS if secret in said]
    assert "Elle attend" in words_of(browser.page(f"fr/request/{key}"))
    assert browser.get(f"en/recording/{name}").status == 200
    assert browser.get(f"en/request/{asked.withdrawal_id}").status == 404  # tombstones tell that id


def test_what_only_words_name_waits_for_somebody_to_look_it_up(archive: Archive, browser: Browser) -> None:
    key = sent(browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "the tune my aunt sang"}))
    browser.desk.rest()
    with archive.ledger.connect() as ledger:
        asked = request_with(ledger, key)
    assert asked is not None
    assert [step.step.value for step in asked.steps] == ["received", "unclear"]
    said = words_of(browser.page(f"en/request/{key}"))
    assert "has to look up what it names" in said
    assert "aunt" not in said


def test_a_correction_is_kept_as_it_was_written(archive: Archive, browser: Browser) -> None:
    key = sent(browser.fill_in("fr/correct?kind=correction", CORRECTED | {"what": "Opening"}))
    browser.desk.rest()
    with archive.ledger.connect() as ledger:
        asked = request_with(ledger, key)
    assert asked is not None
    assert (asked.statement, asked.evidence, asked.language) == (
        "A secret statement.",
        "A secret sleeve.",
        "fr",
    )
    assert asked.withdrawal_id is None
    said = words_of(browser.page(f"en/request/{key}"))
    assert "Request to correct a fact" in said
    assert not [secret for secret in SECRETS if secret in said]


def test_looking_keeps_nothing_and_forgets_nothing(archive: Archive, browser: Browser) -> None:
    name = id_of(browser, Title.SECOND_AIR)
    answer = browser.fill_in(
        "en/correct?kind=withdrawal", ASKED | {"what": f"{name}\n<b>odd</b>", "do": "look", "erase": "yes"}
    )
    page = answer.data.decode()
    assert answer.status == 200
    said = words_of(page)
    assert "Second Air" in said
    assert "a person will look up what this is" in said
    assert "&lt;b&gt;odd" in page
    assert "A secret reason." in page
    assert 'value="yes" checked' in page
    assert waiting(archive) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"what": " \n "}, "Say what this is about"),
        ({"name": ""}, "Say who you are"),
        ({"contact": ""}, "how you can be reached"),
        ({"reason": ""}, "Say why"),
        ({"reason": "x" * 10_001}, "too long"),
        ({"public_reason": "two\nlines"}, "one line"),
        ({"where": "some", "territory": "Atlantis"}, "two letters"),
        ({"where": "some", "territory": "FR", "erase": "yes"}, "whole world"),
        ({"what": "\n".join(map(str, range(51)))}, "too many lines"),
        ({"website": "https://spam.example"}, "trap for programs"),
        ({"token": "1.2.3"}, "lay open for long"),
        ({"token": ""}, "lay open for long"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    archive: Archive, browser: Browser, fields: dict[str, str], said: str
) -> None:
    typed = ASKED | {"what": "a tune", "public_reason": "Ours, all ours."} | fields
    answer = browser.fill_in("en/correct?kind=withdrawal", typed)
    page = answer.data.decode()
    assert answer.status == 422
    assert said in words_of(page)
    assert "Nothing was sent yet" in words_of(page)
    assert "secret@example.org" in page or "contact" in fields
    for name in fields.keys() - {"website", "token", "where"}:
        assert f'id="{name}-wrong"' in page or f'href="#{name}"' in page or name == "territory"
    assert waiting(archive) == []


def test_countries_are_taken_as_people_write_them(archive: Archive, browser: Browser) -> None:
    fields = ASKED | {"what": "a tune", "where": "some", "territory": " fr, de "}
    key = sent(browser.fill_in("en/correct?kind=withdrawal", fields))
    with archive.ledger.connect() as ledger:
        asked = request_with(ledger, key)
    assert asked is not None
    assert asked.territory == "DE FR"


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        ("https://evil.example", {}),
        ("null", {}),
        ("", {}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
        (None, {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_nobody_elses_page_can_send_in_a_visitors_name(
    archive: Archive, browser: Browser, origin: str | None, headers: dict[str, str]
) -> None:
    answer = browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "x"}, origin=origin, **headers)
    assert answer.status == 403
    assert waiting(archive) == []


def test_what_comes_back_quicker_than_anybody_types_is_not_taken(
    archive: Archive, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "QUICKEST", 3.0)
    answer = browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "x"})
    assert (answer.status, waiting(archive)) == (422, [])
    assert "quicker than anybody reads" in words_of(answer.data)


def test_the_same_form_sent_twice_is_one_request_and_another_is_another(browser: Browser) -> None:
    token = token_of(browser.page("en/correct?kind=withdrawal"))
    fields = ASKED | {"what": "x", "token": token}
    first = sent(browser.post("en/correct", fields))
    assert sent(browser.post("en/correct", fields)) == first
    assert sent(browser.post("en/correct", fields | {"what": "y"})) != first


def test_a_document_has_a_size_that_is_said(archive: Archive, browser: Browser) -> None:
    path, what = "en/correct?kind=withdrawal", ASKED | {"what": "x"}
    answer = browser.fill_in(path, what | {"document": ("big", bytes(8_000_001))})
    assert answer.status == 422
    assert "too large" in words_of(answer.data)
    assert "Choose your document again" in words_of(answer.data)
    assert browser.fill_in(path, what | {"document": ("big", bytes(11_000_000))}).status == 413
    assert waiting(archive) == []


def test_who_sends_many_is_asked_to_wait_and_loses_nothing(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "place_of", lambda _address: "192.0.2.1")
    for number in range(6):
        sent(browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": str(number)}))
    answer = browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "once more"})
    assert (answer.status, answer.headers["retry-after"]) == (429, "3600")
    assert "once more" in answer.data.decode()


def test_a_full_inbox_says_that_nothing_was_sent(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "MOST_WAITING", 1)
    sent(browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "1"}))
    answer = browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "2"})
    assert answer.status == 503
    assert "Nothing was sent" in words_of(answer.data)


def test_while_another_command_changes_the_archive_a_request_is_kept_and_says_so(
    archive: Archive, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "_PATIENCE", 0.0)
    monkeypatch.setattr(desk, "_LATER", 0.0)
    name = id_of(browser, Title.OPENING)
    with archive.writing("publish"):
        fields = ASKED | {"what": name, "document": ("a", b"a secret letter")}
        key = sent(browser.fill_in("en/correct?kind=withdrawal", fields))
        said = words_of(browser.page(f"en/request/{key}"))
        assert waiting(archive) == [key]
        assert "It is kept safely. The archive is being changed just now" in said
        assert not [secret for secret in SECRETS if secret in said]
        settle(archive, at=timestamp(now()))  # as the next command does
    assert "filed as a request" in words_of(browser.page(f"en/request/{key}"))
    assert waiting(archive) == []


@pytest.mark.parametrize("contact", ["mail@example.org", ""])
def test_unless_told_to_an_archive_takes_nothing_in(archive: Archive, contact: str) -> None:
    settings = replace(archive.settings, serve=ServeSettings(contact=contact))
    with at_the_desk(with_requests(replace(archive, settings=settings), form=False)) as browser:
        page = browser.page("en/correct?what=x")
        assert "<form method" not in page
        assert ("mailto:mail@example.org" in page) is bool(contact)
        assert ("gives no address" in page) is not bool(contact)
        answer = browser.post("en/correct", ASKED | {"what": "x"})
        assert "write to the archive" in words_of(answer.data)
    assert waiting(archive) == []


def test_a_mirrors_door_leads_to_the_publisher(archive: Archive) -> None:
    mirror = MirrorSettings(origin="https://music.example.org/")
    with at_the_desk(replace(archive, settings=replace(archive.settings, mirror=mirror))) as browser:
        assert 'href="https://music.example.org/fr/correct"' in browser.page("fr/correct")
        assert browser.get("fr/staff/login").status == 404
        assert browser.get("fr/request/5f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d").status == 404


@pytest.mark.parametrize("path", ["request/x", "request/%00", "request/" + "0" * 5000, "correct?kind=x"])
def test_odd_addresses_are_refused_in_words(browser: Browser, path: str) -> None:
    answer = browser.get(f"en/{path}")
    assert answer.status in (400, 404, 414)
    assert b"Traceback" not in answer.data


def test_an_artist_is_shown_and_which_recordings_is_asked(browser: Browser) -> None:
    said = words_of(browser.page(f"en/correct?kind=withdrawal&what={ARTIST_MBID}"))
    assert "Ensemble Aurore an artist: say which recordings" in said


def test_what_is_no_form_is_refused_in_words(browser: Browser) -> None:
    import urllib3

    for kind, body in (
        ("multipart/form-data; boundary=x", b"--y\r\nnothing"),
        ("application/x-www-form-urlencoded", b"what=" + b"x" * 60_000),
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
    ):
        headers = {"Content-Type": kind, "Origin": browser.url.rstrip("/")}
        answer = urllib3.request("POST", f"{browser.url}en/correct", headers=headers, body=io.BytesIO(body))
        assert answer.status in (400, 413, 422), (kind, answer.status)


def test_what_cannot_be_kept_was_not_sent(
    archive: Archive, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(inbox, "put", full)
    answer = browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "x"})
    assert answer.status == 503
    assert "nothing was sent" in words_of(answer.data)
    assert str(archive.folder) not in answer.data.decode()


def test_what_cannot_be_read_is_told_without_where_it_lies(archive: Archive, browser: Browser) -> None:
    key = "5f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d"
    (archive.folder / "inbox" / key).mkdir(parents=True)
    (archive.folder / "inbox" / key / "request.json").write_bytes(b"{")
    answer = browser.get(f"en/request/{key}")
    assert answer.status == 503
    assert "makes no sense" in words_of(answer.data)
    assert str(archive.folder) not in answer.data.decode()


def test_a_catalogue_that_cannot_be_asked_once_stops_no_later_request(
    archive: Archive, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "covers", broken)
        first = sent(browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "a tune"}))
        browser.desk.rest()
    second = sent(browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "another"}))
    browser.desk.rest()
    for key in (first, second):
        assert "has to look up what it names" in words_of(browser.page(f"en/request/{key}"))


def test_what_a_server_that_was_stopped_had_not_filed_is_filed_by_the_next(archive: Archive) -> None:
    with at_the_desk(archive) as browser, pytest.MonkeyPatch.context() as patched:
        patched.setattr(inbox, "requests_to_file", lambda _archive: [])  # it never comes to that
        key = sent(browser.fill_in("en/correct?kind=withdrawal", ASKED | {"what": "a tune"}))
        browser.desk.rest()
        assert "has to look up" not in words_of(browser.page(f"en/request/{key}"))
    with at_the_desk(archive) as browser:
        browser.desk.rest()
        assert "has to look up what it names" in words_of(browser.page(f"en/request/{key}"))
