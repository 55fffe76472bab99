"""Looks at an origin cost little, are not held up, and are not made in step."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from phonotheque.mirrors import origin as origins
from phonotheque.mirrors.follow import follow
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import HttpOrigin, Origin, Stamp, fetch, open_origin
from phonotheque.mirrors.patience import paced
from phonotheque.mirrors.rest import Rest
from phonotheque.model.errors import NetworkError, VerificationError
from phonotheque.web.serve import public_application
from phonotheque.web.server import Beside
from tests.mirrors.mirror_publisher import NOW, Publisher, served, wait_for
from tests.mirrors.mirror_runs import run

SMALL = {"a.ogg": b"a" * 100}


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.bag("catalogue-1", SMALL)
    publisher.publish(1)
    return publisher


class Counted:
    """An origin, and what was asked of it."""

    def __init__(self, inner: Origin) -> None:
        self.inner, self.asked, self.unchanged = inner, list[str](), 0
        self.where, self.web_seed = inner.where, inner.web_seed

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.asked.append(path)
        return self.inner.open_range(path, start, length)

    def read_if_changed(self, path: str, max_bytes: int, known: Stamp | None) -> tuple[bytes, Stamp] | None:
        self.asked.append(path)
        found = self.inner.read_if_changed(path, max_bytes, known)
        self.unchanged += found is None
        return found


def test_an_unchanged_origin_costs_one_answer_without_a_body(published: Publisher, tmp_path: Path) -> None:
    trust = tmp_path / "trust"
    with served(published.public) as web:
        origin = Counted(open_origin(web.url))
        follow(origin, trust, now=NOW)
        follow(origin, trust, now=NOW)
        origin.asked.clear()
        before = sum(web.sent.values())
        assert follow(origin, trust, now=NOW + timedelta(hours=1)).edition.number == 1
        assert (origin.asked, origin.unchanged) == (["metadata/timestamp.json"], 1)
        assert sum(web.sent.values()) == before
        published.publish(2)
        assert follow(origin, trust, now=NOW + timedelta(hours=2)).edition.number == 2


@pytest.mark.ledger
def test_our_own_server_says_that_nothing_has_changed(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    with Beside(public_application(mirror), "127.0.0.1", 0) as server:
        origin = Counted(open_origin(server.url))
        for looks in range(3):
            assert follow(origin, tmp_path / "trust", now=NOW).edition.number == 1
            assert origin.unchanged == max(0, looks - 1)


def test_everything_is_looked_at_once_a_day(published: Publisher, tmp_path: Path) -> None:
    trust = tmp_path / "trust"
    origin = Counted(open_origin(str(published.folder)))
    for hours, looks in ((0, 0), (0, 2), (23, 1), (25, 2), (26, 1), (-1, 2)):
        origin.asked.clear()
        follow(origin, trust, now=NOW + timedelta(hours=hours))
        assert len(origin.asked) == looks or not looks
    (trust / "looks.json").write_text('{"stamps": 3}')
    origin.asked.clear()
    assert follow(origin, trust, now=NOW).edition.number == 1
    assert len(origin.asked) == 2


def test_an_edition_that_could_not_be_had_is_asked_for_again(published: Publisher, tmp_path: Path) -> None:
    trust = tmp_path / "trust"
    origin = open_origin(str(published.folder))
    follow(origin, trust, now=NOW)
    follow(origin, trust, now=NOW)
    published.publish(2)
    edition = next((published.public / "targets").glob("*.edition.json"))
    for edition in (published.public / "targets").glob("*.edition.json"):
        edition.rename(edition.with_suffix(".away"))
    assert follow(origin, trust, now=NOW).offline
    for edition in (published.public / "targets").glob("*.edition.away"):
        edition.rename(edition.with_suffix(".json"))
    assert follow(origin, trust, now=NOW).edition.number == 2


def answering(answer: bytes, drip: bytes = b"") -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

        def do_GET(self) -> None:
            self.wfile.write(answer)
            while drip:
                try:
                    self.wfile.write(drip)
                except OSError:
                    break
                if self.server.ended.wait(0.02):  # type: ignore[attr-defined]
                    break

    return Handler


@contextmanager
def hostile(answer: bytes, drip: bytes = b"") -> Iterator[str]:
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), answering(answer, drip))
    server.ended = threading.Event()
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "drip"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_who_sends_a_byte_now_and_then_is_given_up(answer: bytes, drip: bytes) -> None:
    with hostile(answer, drip) as url:
        origin = HttpOrigin(url, timeout=0.2)
        before = set(threading.enumerate())
        with pytest.raises(NetworkError, match="too slowly"):
            fetch(origin, "metadata/timestamp.json", 10_000)
        # Nothing that reads is left, though the server goes on.
        wait_for(lambda: not [one for one in set(threading.enumerate()) - before if "_read" in one.name])


def test_who_never_ends_is_cut_off() -> None:
    with hostile(b"HTTP/1.0 200 OK\r\n\r\n", b"x" * 100_000) as url:
        origin = HttpOrigin(url, retries=0)
        with pytest.raises(VerificationError, match="larger than the 16384 bytes"):
            fetch(origin, "metadata/timestamp.json", 16_384)
        with pytest.raises(VerificationError, match="larger than the 16384 bytes"):
            origin.read_if_changed("metadata/timestamp.json", 16_384, None)


def test_a_server_does_not_say_how_long_we_wait_nor_that_nothing_has_changed_unasked() -> None:
    busy = b"HTTP/1.0 503 Busy\r\nRetry-After: 100000\r\nContent-Length: 0\r\n\r\n"
    with hostile(busy) as url, pytest.raises(NetworkError, match="answered 503"):
        fetch(HttpOrigin(url), "metadata/timestamp.json", 100)
    with hostile(b"HTTP/1.0 304 Not Modified\r\n\r\n") as url:
        origin = HttpOrigin(url, retries=0)
        with pytest.raises(NetworkError, match="answered 304"):
            origin.read_if_changed("metadata/timestamp.json", 100, None)
        assert origin.read_if_changed("metadata/timestamp.json", 100, Stamp('"a"')) is None


def test_a_stamp_that_is_none_is_not_sent_back() -> None:
    with hostile(b'HTTP/1.0 200 OK\r\nETag: "a" "b"\r\nContent-Length: 0\r\n\r\n') as url:
        assert HttpOrigin(url).read_if_changed("metadata/x", 9, None) == (b"", Stamp())
    assert origins._ETAG.fullmatch('W/"a-1"')


def test_readings_that_hang_are_few() -> None:
    release = threading.Event()

    def hanging() -> Iterator[bytes]:
        release.wait(20)
        yield b""

    try:
        for _ in range(8):
            with pytest.raises(NetworkError, match="too slowly"):
                list(paced(hanging, "http://slow.example/this", 0.0))
        with pytest.raises(NetworkError, match="8 readings hang"):
            list(paced(hanging, "http://slow.example/this", 0.0))
        assert list(paced(lambda: iter([b"x"]), "http://another.example/this", 20.0)) == [b"x"]
    finally:
        release.set()


def test_an_origin_that_fails_is_asked_ever_less_often_and_not_by_all_at_once() -> None:
    now = 0.0
    rest = Rest(600.0, chance=lambda: 0.5, clock=lambda: now)
    waits, states = [], [rest.over]
    for _ in range(8):
        rest.failed()
        states.append(rest.over)
        waits.append(rest.until - now)
        now = rest.until
        states.append(rest.over)
    assert states == [True, *[False, True] * 8]
    assert waits == [1200, 2400, 4800, 9600, 19200, 21600, 21600, 21600]
    rest.answered()
    assert (rest.over, rest.failures) == (True, 0)
    chances = iter((0.0, 0.5, 1.0))
    often = Rest(60.0, chance=lambda: next(chances))
    assert [often.spread(100) for _ in range(3)] == [75, 100, 125]
