from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from phonotheque.mirrors.origin import Origin, fetch, open_origin
from phonotheque.model.errors import NetworkError, NotFoundError, UsageError, VerificationError
from tests.mirrors.mirror_publisher import served

DATA = bytes(range(256)) * 2000
NAME = "targets/é & #1.bin"


@pytest.fixture
def public(tmp_path: Path) -> Path:
    for name in ("metadata", "targets"):
        (tmp_path / "public" / name).mkdir(parents=True)
    (tmp_path / "public" / NAME).write_bytes(DATA)
    return tmp_path / "public"


class _NoRanges(http.server.SimpleHTTPRequestHandler):
    """Ignores ranges, as simple servers do, and promises more than it sends of one file."""

    def log_message(self, *_args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"only this")
        elif self.path == "/broken":
            self.send_error(500)
        else:
            super().do_GET()


@contextmanager
def simple_server(folder: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_NoRanges, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(params=["folder", "web server", "server without ranges"])
def origin(request: pytest.FixtureRequest, public: Path) -> Iterator[Origin]:
    if request.param == "folder":
        yield open_origin(str(public.parent))
    elif request.param == "web server":
        with served(public) as web:
            yield open_origin(web.url + "/")
    else:
        with simple_server(public) as url:
            yield open_origin(url)


def test_every_origin_gives_exactly_the_range_asked_for(origin: Origin) -> None:
    for start, length in ((0, None), (0, 10), (300_000, 70_000), (511_990, 100), (0, 0), (5, None)):
        end = None if length is None else start + length
        assert b"".join(origin.open_range(NAME, start, length)) == DATA[start:end]
    assert b"".join(origin.open_range(NAME, 512_000, 5)) == b""


def test_every_origin_says_what_is_not_there(origin: Origin) -> None:
    with pytest.raises(NotFoundError, match=r"targets/none is not there at .*"):
        fetch(origin, "targets/none", 10)


def test_every_origin_refuses_what_is_too_large_or_leads_out(origin: Origin) -> None:
    assert fetch(origin, NAME, len(DATA)) == DATA
    with pytest.raises(VerificationError, match="larger than"):
        fetch(origin, NAME, len(DATA) - 1)
    for path in ("../secret", "/etc/passwd", "targets//x", "a\\b"):
        with pytest.raises(VerificationError, match="refused"):
            fetch(origin, path, 10)


def test_only_a_web_server_is_a_web_seed(public: Path) -> None:
    assert open_origin(str(public)).web_seed is None
    assert open_origin("https://example.org/a/").web_seed == "https://example.org/a/bags/"


def test_a_broken_answer_is_a_network_error(public: Path) -> None:
    with simple_server(public) as url:
        origin = open_origin(url, retries=0)
        for path in ("short", "broken"):
            with pytest.raises(NetworkError, match=path):
                fetch(origin, path, 1000)
    with pytest.raises(NetworkError, match="could not be fetched"):
        fetch(origin, "short", 1000)


def test_a_special_file_is_refused_without_waiting(public: Path) -> None:
    os.mkfifo(public / "targets" / "pipe")
    with pytest.raises(VerificationError, match="not a regular file"):
        fetch(open_origin(str(public)), "targets/pipe", 10)


def test_nonsense_is_no_origin(tmp_path: Path) -> None:
    for address in ("ftp://example.org/", "https:///x", "https://example.org/?a=b"):
        with pytest.raises(UsageError, match="not an address"):
            open_origin(address)
    with pytest.raises(NotFoundError, match="no published edition"):
        open_origin(str(tmp_path))
