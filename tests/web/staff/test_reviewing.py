"""From a stranger's request to the tombstone, in a browser; and what else staff do with requests."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from phonotheque.editions.edition import read_edition
from phonotheque.editions.publish import publish
from phonotheque.ledger.requests import request_with
from phonotheque.ledger.staff import actions, add_account
from phonotheque.ledger.visitor_tables import request_steps
from phonotheque.ledger.withdrawals import State, withdrawal
from phonotheque.vault.archive import Archive, now
from phonotheque.web.room import desk
from phonotheque.web.staff.passwords import hash_password
from tests.web.room.archives import Title
from tests.web.room.desks import (
    ASKED,
    CORRECTED,
    SECRETS,
    Browser,
    at_the_desk,
    cheap_passwords,
    taking,
    token_of,
    words_of,
)

pytestmark = pytest.mark.ledger
NAME, PASSWORD = "anna", "a long pass phrase"


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    """Let hashes take less memory than they do, and so less time."""
    with cheap_passwords():
        yield


@pytest.fixture
def archive(library: Archive, tmp_path: Path) -> Archive:
    """Return a copy of the library with one who may log in."""
    archive = taking(library, tmp_path / "archive")
    with archive.ledger.begin() as ledger:
        add_account(ledger, NAME, hash_password(NAME, PASSWORD), at="2026-11-26T10:00:00Z")
    return archive


@pytest.fixture
def stranger(archive: Archive) -> Iterator[Browser]:
    """Open its room, as anybody comes in."""
    with at_the_desk(archive) as visitor:
        yield visitor


@pytest.fixture
def staff(stranger: Browser) -> Browser:
    """Return another browser, that is logged in."""
    browser = Browser(stranger.url, stranger.desk)
    assert browser.fill_in("en/staff/login", {"name": NAME, "password": PASSWORD}).status == 303
    return browser


def ask(stranger: Browser, title: Title | str, **fields: object) -> str:
    """Ask for something to be taken back, or corrected; return the request's id."""
    what = str(title)
    if isinstance(title, Title):
        page = stranger.page(f"en/correct?find={title.value.replace(' ', '+')}")
        what = re.findall(r'href="/en/recording/([0-9a-f-]{36})"', page)[0]
    typed = {**ASKED, "what": what, **fields}
    answer = stranger.fill_in("en/correct?kind=withdrawal", typed)
    assert answer.status == 303, words_of(answer.data)
    stranger.desk.rest()
    return answer.headers["location"].rpartition("/")[2]


def links_on(page: str) -> list[str]:
    """Return where the rows of a list lead."""
    return [
        html.unescape(link) for link in re.findall(r'class="name" href="/(en/staff/request/[^"]+)"', page)
    ]


def status_of(stranger: Browser, key: str) -> str:
    return words_of(stranger.page(f"en/request/{key}"))


def test_from_a_request_to_the_tombstone(archive: Archive, stranger: Browser, staff: Browser) -> None:
    letter = ("letter.pdf", b"%PDF a secret letter")
    key = ask(stranger, Title.OPENING, public_reason="It was ours all along.", document=letter)
    (place,) = links_on(staff.page("en/staff/"))
    page = staff.page(place)
    said = words_of(page)
    for secret in ("Mx Secret Name", "secret@example.org", "A secret reason.", "It was ours all along."):
        assert secret in said
    assert "Opening" in said
    assert "01 opening.flac" in said
    assert "opening.mp3" in said  # a copy of the same sound
    kept = staff.get(f"{place}/document")
    assert kept.data == b"%PDF a secret letter"
    assert kept.headers["content-type"] == "application/octet-stream"
    assert kept.headers["content-disposition"].startswith("attachment")
    bag = re.search(r"<td>([a-z0-9-]+-r?\d+[a-z0-9-]*)</td>", page)
    assert bag is not None
    answer = staff.fill_in(place, {"do": "hold", "note": "Looks right, says A. Colleague."})
    assert answer.status == 303, words_of(answer.data)
    assert "Hidden while it is reviewed" in status_of(stranger, key)
    assert "Colleague" not in status_of(stranger, key)
    answer = staff.fill_in(place, {"do": "accept", "answer": "We are sorry.", "note": "By contract."})
    assert answer.status == 303, words_of(answer.data)
    said = status_of(stranger, key)
    assert "Accepted" in said
    assert "We are sorry." in said
    assert "Edition" not in said.replace("Editions", "")
    assert links_on(staff.page("en/staff/")) == []
    assert links_on(staff.page("en/staff/?all=true"))[0] == place
    publish(archive, at=now())
    with archive.ledger.connect() as ledger:
        asked = request_with(ledger, key)
        assert asked is not None
        one = withdrawal(ledger, str(asked.withdrawal_id))
        done = [(each.name, each.action) for each in actions(ledger, before=None, most=9)]
    assert [step.by for step in one.steps] == ["Mx Secret Name", NAME, NAME]
    assert done == [(NAME, "accept"), (NAME, "hold"), (NAME, "log in")]
    edition = read_edition((archive.public / "targets" / "edition.json").read_bytes())
    (stone,) = [each for each in edition.tombstones if each.id == one.id]
    assert stone.reason == "It was ours all along."
    assert f"Edition {edition.number} tells everybody" in status_of(stranger, key)
    told = staff.page("en/staff/audit")
    assert words_of(told).index("accept") < words_of(told).index("hold") < words_of(told).index("log in")
    for file in archive.public.rglob("*"):
        if file.is_file() and file.stat().st_size < 5_000_000:
            data = file.read_bytes().lower()
            assert not [secret for secret in SECRETS if secret.lower().encode() in data], file


def test_a_refusal_comes_with_its_reason_and_shows_it_again(stranger: Browser, staff: Browser) -> None:
    key = ask(stranger, Title.SECOND_AIR)
    (place,) = links_on(staff.page("en/staff/"))
    assert staff.fill_in(place, {"do": "hold"}).status == 303
    answer = staff.fill_in(place, {"do": "refuse", "note": "A private reason."})
    assert answer.status == 422
    assert "Write an answer" in words_of(answer.data)
    assert staff.fill_in(place, {"do": "refuse", "answer": "You hold no rights in it."}).status == 303
    said = status_of(stranger, key)
    assert "Refused" in said
    assert "You hold no rights in it." in said
    answer = staff.fill_in(place, {"do": "accept"})
    assert answer.status == 422
    assert "cannot be done" in words_of(answer.data)
    assert staff.fill_in(place, {"do": "answer", "answer": "Ask the heirs."}).status == 303
    assert "Ask the heirs." in status_of(stranger, key)


def test_what_was_accepted_can_be_reversed(archive: Archive, stranger: Browser, staff: Browser) -> None:
    key = ask(stranger, Title.SECOND_AIR)
    (place,) = links_on(staff.page("en/staff/"))
    assert staff.fill_in(place, {"do": "accept"}).status == 303
    assert staff.fill_in(place, {"do": "reverse", "answer": "The contract was found."}).status == 303
    assert "Reversed" in status_of(stranger, key)
    with archive.ledger.connect() as ledger:
        asked = request_with(ledger, key)
        assert asked is not None
        assert withdrawal(ledger, str(asked.withdrawal_id)).state is State.REVERSED


def test_what_a_request_names_is_found_out_by_staff(
    archive: Archive, stranger: Browser, staff: Browser
) -> None:
    key = ask(stranger, "the tune my aunt sang")
    (place,) = links_on(staff.page("en/staff/"))
    answer = staff.fill_in(place, {"do": "look", "named": "no such song"})
    assert answer.status == 422
    assert "names nothing that this archive knows" in words_of(answer.data)
    answer = staff.fill_in(place, {"do": "look", "named": "Loose/france.flac"})
    assert answer.status == 200
    assert "Pour la France" in words_of(answer.data).partition("It would cover")[2]
    with archive.ledger.connect() as ledger:
        assert ledger.execute(select(func.count()).select_from(request_steps)).scalar_one() == 2
    assert staff.fill_in(place, {"do": "file", "named": "Loose/france.flac"}).status == 303
    with archive.ledger.connect() as ledger:
        asked = request_with(ledger, key)
    assert asked is not None
    assert asked.withdrawal_id is not None
    assert "filed as a request" in status_of(stranger, key)
    assert staff.fill_in(place, {"do": "accept"}).status == 303
    assert "Accepted" in status_of(stranger, key)


def test_an_unclear_request_can_be_refused_without_being_filed(stranger: Browser, staff: Browser) -> None:
    key = ask(stranger, "all of it")
    (place,) = links_on(staff.page("en/staff/"))
    assert staff.fill_in(place, {"do": "refuse", "answer": "Say what you mean."}).status == 303
    assert "Say what you mean." in status_of(stranger, key)
    assert links_on(staff.page("en/staff/")) == []


def test_who_asks_for_what_is_asked_for_already_hears_nothing_of_others(
    stranger: Browser, staff: Browser
) -> None:
    ask(stranger, Title.OPENING, public_reason="The first one's sentence.")
    key = ask(stranger, Title.OPENING, name="Somebody Else")
    said = status_of(stranger, key)
    assert "first one" not in said
    assert "A person has to look up what it names." in said
    page = staff.page(f"en/staff/request/{key}")
    assert "All of this is covered by the withdrawal" in words_of(page)


def test_corrections_are_accepted_with_no_promise_that_facts_change(
    stranger: Browser, staff: Browser
) -> None:
    answer = stranger.fill_in("en/correct?kind=correction", CORRECTED | {"what": "Opening"})
    key = answer.headers["location"].rpartition("/")[2]
    stranger.desk.rest()
    (place,) = links_on(staff.page("en/staff/"))
    page = words_of(staff.page(place))
    assert "A secret statement." in page
    assert "Accepting changes no fact by itself" in page
    assert staff.fill_in(place, {"do": "accept", "note": "See the sleeve."}).status == 303
    said = status_of(stranger, key)
    assert "once the source says so" in said
    assert not [secret for secret in (*SECRETS, "sleeve") if secret in said]


def test_while_another_command_is_at_work_nothing_is_decided(
    archive: Archive, stranger: Browser, staff: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ask(stranger, Title.OPENING)
    (place,) = links_on(staff.page("en/staff/"))
    monkeypatch.setattr(desk, "_PATIENCE", 0.0)
    with archive.writing("publish"):
        for fields in ({"do": "accept"}, {"do": "hold"}):
            answer = staff.fill_in(place, fields)
            assert answer.status == 503
            assert "Nothing was done" in words_of(answer.data)
        assert (
            Browser(stranger.url, stranger.desk)
            .fill_in("en/staff/login", {"name": NAME, "password": PASSWORD})
            .status
            == 303
        )  # logging in needs no lock
    assert "It waits for a person" in status_of(stranger, key)


def test_a_form_of_another_session_or_site_decides_nothing(stranger: Browser, staff: Browser) -> None:
    key = ask(stranger, Title.OPENING)
    (place,) = links_on(staff.page("en/staff/"))
    other = Browser(stranger.url, stranger.desk)
    other.fill_in("en/staff/login", {"name": NAME, "password": PASSWORD})
    theirs = token_of(other.page(place))
    ours = token_of(staff.page(place))
    assert theirs != ours
    assert staff.post(place, {"do": "accept", "token": theirs}).status == 403
    assert staff.post(place, {"do": "accept", "token": ours}, origin="https://evil.example").status == 403
    assert stranger.post(place, {"do": "accept", "token": ours}).status == 303
    assert stranger.get(f"{place}/document").status == 303
    assert "It waits for a person" in status_of(stranger, key)


@pytest.mark.parametrize(
    "path",
    ["request/x", f"request/{'0' * 8}", "audit?before=0", "audit?before=x", "?past=~", "?past=%00~%00"],
)
def test_odd_addresses_are_refused_in_words(staff: Browser, path: str) -> None:
    assert staff.get(f"en/staff/{path}").status in (200, 400, 404, 422)


def test_lists_go_on_page_by_page(archive: Archive, stranger: Browser, staff: Browser) -> None:
    from phonotheque.web.staff import reading

    keys = [ask(stranger, f"tune {number}") for number in range(3)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "_LISTED", 2)
        for start in ("en/staff/", "en/staff/?all=true"):
            found, page = [], staff.page(start)
            while True:
                found += links_on(page)
                more = re.search(r'<p><a href="/(en/staff/\?[^"]+)">More', page)
                if more is None:
                    break
                page = staff.page(html.unescape(more[1]))
            assert {link.rpartition("/")[2] for link in found} >= set(keys)
            assert len(found) == len(set(found))
