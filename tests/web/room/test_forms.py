"""Forms are taken in from everybody at once, whatever one of them sends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import urllib3

from phonotheque.web.room import forms, limits
from tests.conftest import MakeArchive
from tests.web.room.desks import Browser, at_the_desk, with_requests

pytestmark = pytest.mark.once("about HTTP")


@pytest.fixture
def browser(make_archive: MakeArchive) -> Iterator[Browser]:
    """Open the room of an archive that takes requests in, and has staff."""
    with at_the_desk(with_requests(make_archive("asked"))) as visitor:
        yield visitor


def begun(browser: Browser) -> socket.socket:
    """Begin to send a form that never ends; return once the room waits for its rest."""
    where = urlsplit(browser.url)
    sending = socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=60)
    lines = (
        "POST /en/staff/login HTTP/1.1",
        f"Host: {where.netloc}",
        f"Origin: http://{where.netloc}",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Length: 100",
        "Expect: 100-continue",
    )
    sending.sendall("\r\n".join((*lines, "", "")).encode())
    assert b" 100 " in sending.recv(1000)
    return sending


def test_nobody_keeps_others_from_sending_by_forms_that_never_end(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ["192.0.2.1"]
    monkeypatch.setattr(forms, "place_of", lambda _address: place[0])
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(begun(browser))
        answer = browser.post("en/staff/login", {"name": "anna"})
        assert (answer.status, answer.headers["retry-after"]) == (503, "60")
        place[0] = "192.0.2.2"
        assert browser.post("en/staff/login", {"name": "anna"}).status == 422


@pytest.mark.parametrize(
    ("charset", "typed"), [("utf-7", b"+2AA-"), ("unicode_escape", b"\\ud800"), ("undefined", b"x")]
)
@pytest.mark.parametrize("path", ["en/correct", "en/staff/login"])
def test_what_decodes_to_no_text_is_no_form(browser: Browser, path: str, charset: str, typed: bytes) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n' + typed + b"\r\n--b--\r\n"
    headers = {
        "Origin": browser.url.rstrip("/"),
        "Content-Type": f"multipart/form-data; boundary=b; charset={charset}",
    }
    answer = urllib3.request("POST", browser.url + path, body=part, headers=headers)
    assert answer.status == 400


def test_a_form_without_a_document_is_small(browser: Browser) -> None:
    headers = {
        "Origin": browser.url.rstrip("/"),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer = urllib3.request(
        "POST", f"{browser.url}en/correct", body=b"&" * (forms.SMALL + 1), headers=headers
    )
    assert answer.status == 413


def test_a_form_may_take_longer_than_other_requests(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SECONDS", 0.0)
    assert browser.post("rest/ping", {"f": "json"}).status == 408
    assert browser.post("en/correct", {"do": "look"}).status == 200
