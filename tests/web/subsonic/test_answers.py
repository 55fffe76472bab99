"""Calls in all their forms, and answers that nobody's text breaks out of."""

from __future__ import annotations

import json
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from phonotheque.web.subsonic.answers import CallError, Code, answer, failure
from phonotheque.web.subsonic.routes import CALLS
from tests.web.subsonic.player import ELEMENT, Player

_TEXTS = st.text(st.characters(codec=None), max_size=40)
_PLAIN = st.none() | st.booleans() | st.integers() | _TEXTS
_NAMES = st.sampled_from(["a", "value", "entry", "song"])


@given(st.dictionaries(_NAMES, _PLAIN | st.lists(st.dictionaries(_NAMES, _PLAIN, max_size=3), max_size=3)))
def test_any_text_is_sound_xml_and_json(content: dict[str, Any]) -> None:
    told = json.loads(bytes(answer({"x": content}, "json").body))["subsonic-response"]["x"]
    assert told.keys() == {name for name, value in content.items() if value is not None}
    root = etree.fromstring(bytes(answer({"x": content}, "xml").body))
    assert root.get("status") == "ok"
    for name, value in content.items():
        if isinstance(value, list):
            assert len(root.find(f"{ELEMENT}x").findall(f"{ELEMENT}{name}")) == len(value)


def test_what_would_steer_or_break_a_display_is_replaced() -> None:
    hostile = "<b>&\"'\x00\x1b\u202e\ufffe]]>\ud800"
    xml = etree.fromstring(bytes(answer({"x": {"title": hostile}}, "xml").body))
    shown = xml.find(f"{ELEMENT}x").get("title")
    assert shown == "<b>&\"'\ufffd\ufffd\ufffd\ufffd]]>\ufffd"
    told = json.loads(bytes(answer({"x": {"title": hostile}}, "json").body))
    assert told["subsonic-response"]["x"]["title"] == shown


def test_a_failure_says_what_and_why() -> None:
    response = failure(CallError(Code.NOT_FOUND, "a < b"), "xml")
    error = etree.fromstring(bytes(response.body)).find(f"{ELEMENT}error")
    assert (response.status_code, error.get("code"), error.get("message")) == (200, "70", "a < b")


@pytest.mark.parametrize("name", ["ping", "ping.view"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_calls_come_by_address_or_form(player: Player, name: str, method: str) -> None:
    found = player.ask(name, method=method, f="json")
    assert found.status == 200
    assert found.headers["access-control-allow-origin"] == "*"
    assert found.headers["cache-control"] == "no-store"
    if method != "HEAD":
        assert json.loads(found.data)["subsonic-response"]["status"] == "ok"


def test_a_form_and_an_address_go_together(player: Player) -> None:
    url = f"{player.url}rest/search3?u=guest&f=json"
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    found = urllib3.request("POST", url, body="query=%22%22&songCount=1", headers=headers, timeout=60)
    assert len(json.loads(found.data)["subsonic-response"]["searchResult3"]["song"]) == 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"u=guest&x=" + b"a" * 300_000, "application/x-www-form-urlencoded", 413),
        (b"u=guest&x=" + b"a" * 3_000, "application/x-www-form-urlencoded", 200),
        (b"u=guest&" + b"a&" * 7_000, "application/x-www-form-urlencoded", 200),
        (b'{"u": "guest"}', "application/json", 200),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 200),
    ],
)
def test_too_much_or_no_form_is_refused_in_words(player: Player, body: bytes, kind: str, status: int) -> None:
    headers = {"Content-Type": kind}
    found = urllib3.request("POST", f"{player.url}rest/ping", body=body, headers=headers, timeout=60)
    assert found.status == status
    assert b"failed" in found.data or status == 413


def test_json_that_runs_as_a_script_is_refused(player: Player) -> None:
    answer = player.ask("ping", f="jsonp", callback="alert")
    assert answer.headers["content-type"].startswith("text/xml")
    assert b"alert" not in answer.data
    assert b"failed" in answer.data


def test_what_is_not_offered_says_so(player: Player) -> None:
    assert player.ask("noSuchCall").status == 404
    assert player.refused("noSuchCall") == 0
    for name in ("createUser", "jukeboxControl", "startScan", "createShare", "savePlayQueue"):
        assert player.refused(name) == 50
    assert player.refused("setRating", id="x", rating=5) == 0
    for name in ("getPodcasts", "getBookmarks", "getInternetRadioStations", "getShares", "getVideos"):
        assert player.told(name)


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize(
    "asked", [{}, {"id": "\0", "size": "-1", "offset": "9" * 19, "query": "\0", "type": "x"}]
)
def test_no_call_fails_without_words(player: Player, name: str, asked: dict[str, str]) -> None:
    answer = player.ask(name, f="json", **asked)
    assert answer.status < 500
    told = json.loads(answer.data)["subsonic-response"]
    assert told["status"] == "ok" or told["error"]["message"]
