"""What is too much is refused in words, by whoever asks; what others ask meanwhile is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive
from phonotheque.web.proxied import client_of, parse_proxies
from phonotheque.web.room import limits
from phonotheque.web.room.limits import LARGEST, LONGEST, Buckets, Limit, kind_of
from tests.web.room.visits import Visit, visiting

pytestmark = pytest.mark.once("about HTTP")
ELSEWHERE = ("8.8.8.8", "2a00:1450:4007::1")
_SAME_HOUSE = "2a00:1450:4007:0:1:2:3:4"


@contextmanager
def behind_a_proxy(archive: Archive) -> Iterator[Visit]:
    """Visit a room through a trusted proxy that is this test."""
    trusting = replace(archive.settings.serve, trusted_proxies=("127.0.0.1",))
    behind = replace(archive, settings=replace(archive.settings, serve=trusting))
    with visiting(behind) as visit:
        yield visit


def of(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": f"203.0.113.1, {address}"}


@pytest.fixture
def two_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in limits.LIMITS:
        monkeypatch.setitem(limits.LIMITS, kind, Limit(0.001, 2))


@pytest.mark.parametrize("path", ["en/", "fr/search?q=a", "api/v1/", "oai?verb=Identify"])
@pytest.mark.parametrize("address", ELSEWHERE)
def test_who_asks_too_often_waits_and_nobody_else(
    archive: Archive, two_of_each: None, path: str, address: str
) -> None:
    with behind_a_proxy(archive) as visit:
        for _ in range(2):
            assert visit.ask(path, headers=of(address)).status != 429
        answer = visit.ask(path, headers=of(address))
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0
        assert "content-security-policy" in answer.headers
        for other in ("8.8.4.4", "2a00:1450:4008::1"):
            assert visit.ask(path, headers=of(other)).status != 429


def test_a_refusal_is_in_the_visitors_language_and_a_programs_form(
    archive: Archive, two_of_each: None
) -> None:
    with behind_a_proxy(archive) as visit:
        for _ in range(3):
            page = visit.ask("fr/", headers=of("8.8.8.8"))
            told = visit.ask("api/v1/", headers=of("8.8.8.8"))
        assert "Trop de requêtes" in page.data.decode()
        assert told.headers["content-type"] == "application/problem+json"
        assert json.loads(told.data)["status"] == 429


def test_a_house_counts_once_and_ranges_of_the_public_tree_do_not(
    archive: Archive, two_of_each: None
) -> None:
    with behind_a_proxy(archive) as visit:
        for _ in range(2):
            visit.ask("en/", headers=of(ELSEWHERE[1]))
        assert visit.ask("en/", headers=of(_SAME_HOUSE)).status == 429
        for _ in range(9):
            ranged = of(_SAME_HOUSE) | {"Range": "bytes=0-1"}
            assert visit.ask("metadata/1.root.json", headers=ranged).status != 429


def test_nobody_is_believed_who_is_not_trusted(archive: Archive, two_of_each: None) -> None:
    with visiting(archive) as visit:
        for _ in range(9):
            assert visit.ask("en/", headers=of("8.8.8.8")).status == 200


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({}, "10.0.0.1"),
        ({"X-Forwarded-For": "1.2.3.4"}, "1.2.3.4"),
        ({"X-Forwarded-For": "9.9.9.9, 1.2.3.4, 10.0.0.2"}, "1.2.3.4"),
        ({"X-Forwarded-For": "9.9.9.9, nonsense"}, "10.0.0.1"),
        ({"X-Forwarded-For": "nonsense, 10.0.0.3"}, "10.0.0.3"),
        ({"X-Forwarded-For": "1.2.3.4:5678"}, "1.2.3.4"),
        ({"X-Forwarded-For": "[2a00::1]:80"}, "2a00::1"),
        ({"X-Forwarded-For": "::ffff:1.2.3.4"}, "1.2.3.4"),
        ({"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=5.6.7.8"}, "1.2.3.4"),
        ({"Forwarded": 'for=9.9.9.9;proto=https, for="[2a00::1]:4711"'}, "2a00::1"),
        ({"Forwarded": "for=unknown"}, "10.0.0.1"),
        ({"Forwarded": "For=1.2.3.4;by=10.0.0.1"}, "1.2.3.4"),
        ({"X-Forwarded-For": "1.2.3.4," * 5000}, "10.0.0.1"),
    ],
)
def test_of_the_addresses_on_a_way_the_last_that_is_no_trusted_proxy_counts(
    headers: dict[str, str], client: str
) -> None:
    proxies = parse_proxies(["10.0.0.0/8"], "here")
    assert client_of("10.0.0.1", Headers(headers), proxies) == client
    assert client_of("7.7.7.7", Headers(headers), proxies) == "7.7.7.7"


@given(st.text(max_size=200))
def test_no_header_makes_trouble(text: str) -> None:
    proxies = parse_proxies(["10.0.0.0/8"], "here")
    raw = [(b"x-forwarded-for", text.encode("utf-8", "replace"))]
    assert client_of("10.0.0.1", Headers(raw=raw), proxies)
    assert client_of("10.0.0.1", Headers(raw=[(b"forwarded", raw[0][1])]), proxies)


def test_what_is_no_network_is_refused_with_its_place() -> None:
    with pytest.raises(UsageError, match=r"--trusted-proxy: “proxy\.example”"):
        parse_proxies(["proxy.example"], "--trusted-proxy")


def test_a_bucket_fills_again_and_the_longest_silent_is_forgotten() -> None:
    buckets = Buckets(Limit(0.5, 2), clients=2)
    assert [buckets.take("a", at) for at in (0.0, 0.0, 0.0, 1.0, 2.0)] == [0, 0, 2, 1, 0]
    buckets.take("b", 2.0)
    buckets.take("c", 2.0)
    assert buckets.take("a", 2.0) == 0  # forgotten, and full again


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/en/recording/1", "page"),
        ("/fr", "page"),
        ("/fr/search", "search"),
        ("/api/v1/search", "search"),
        ("/api/v1/bags", "api"),
        ("/oai", "oai"),
        ("/rest/ping.view", "rest"),
        ("/stream/ab", "media"),
        ("/sitemap.xml", "page"),
        ("/bags/a/data/b.flac", None),
        ("/static/a/room.css", None),
        ("/english", None),
    ],
)
def test_what_counts_as_what(path: str, kind: str | None) -> None:
    assert kind_of(path) == kind


def test_long_addresses_and_large_bodies_are_refused(archive: Archive) -> None:
    with visiting(archive) as visit:
        assert visit.ask(f"en/search?q={'a' * LONGEST}").status == 414
        assert visit.ask(f"api/v1/{'a' * LONGEST}").status == 414
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert visit.ask("oai", "POST", body=b"a" * (LARGEST + 1), headers=kind).status == 413


@pytest.mark.parametrize(
    ("path", "headers", "compressed"),
    [
        ("en/", {}, True),
        ("oai?verb=ListRecords&metadataPrefix=oai_dc", {}, True),
        ("en/", {"Cookie": "a=b"}, False),
        ("en/correct", {}, False),
        ("en/staff/", {}, False),
        ("feed.atom", {}, False),
    ],
)
def test_text_is_compressed_where_nothing_in_it_is_secret(
    library: Archive, path: str, headers: dict[str, str], compressed: bool
) -> None:
    with visiting(library) as visit:
        answer = visit.ask(path, headers={"Accept-Encoding": "gzip"} | headers, decode_content=False)
        assert (answer.headers.get("content-encoding") == "gzip") == compressed
        assert "content-encoding" not in visit.ask(path, headers={"Accept-Encoding": "identity"}).headers


def test_it_is_said_once_that_a_proxy_nearby_is_not_trusted(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    with behind_a_proxy(archive) as visit:
        visit.ask("en/about", headers=of("8.8.8.8"))
    with visiting(archive) as visit:
        visit.ask("en/about")
        assert "trusted_proxies" not in caplog.text
        for headers in (of("8.8.8.8"), of("8.8.4.4"), {"Forwarded": "for=8.8.8.8"}):
            visit.ask("en/about", headers=headers)
    assert caplog.text.count("[serve] trusted_proxies does not name it") == 1
    assert "through 127.0.0.1" in caplog.text
