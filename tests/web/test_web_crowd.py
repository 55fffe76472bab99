"""Connections that ask for nothing: they keep out nobody, end in time, and fill neither files nor the log."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import urllib3
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from phonotheque.web.crowd import Crowd, Limits, open_files, place_of
from phonotheque.web.serve import health_route
from phonotheque.web.server import Beside, Trouble
from tests.mirrors.mirror_publisher import wait_for

SILENT = 40
QUICK = Limits(asking=0.3, taking=0.3)
ASK = b"GET /healthz HTTP/1.1\r\nHost: here\r\n"


async def endless(request: Request) -> Response:
    return StreamingResponse(iter(lambda: b"e" * 65536, b""))


def beside(limits: Limits) -> Beside:
    routes = [health_route(lambda: ""), Route("/endless", endless)]
    return Beside(Starlette(routes=routes), "127.0.0.1", 0, limits=limits)


def ask(port: int) -> int:
    url = f"http://127.0.0.1:{port}/healthz"
    return urllib3.PoolManager(retries=False, timeout=20).request("GET", url).status


def status(server: Beside) -> int:
    return ask(server.port)


@contextmanager
def silent(server: Beside, number: int, *, first: bytes = b"") -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        where = ("127.0.0.1", server.port)
        sockets = [stack.enter_context(socket.create_connection(where, timeout=20)) for _ in range(number)]
        for one in sockets:
            one.sendall(first)
        yield sockets


def ended(connection: socket.socket) -> bool:
    """Whether the server ends a connection before our patience ends."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
    return True


@pytest.mark.parametrize("first", [b"", b"G", ASK])
def test_who_says_nothing_makes_room_for_who_asks(first: bytes) -> None:
    with beside(Limits(total=SILENT // 2)) as server, silent(server, SILENT, first=first) as sockets:
        assert status(server) == 200
        assert all(ended(one) for one in sockets[: SILENT // 2])  # the longest first


def test_who_is_answered_is_not_sent_away_for_a_newcomer() -> None:
    whole = ASK.replace(b"healthz", b"endless") + b"\r\n"
    with beside(Limits(total=4)) as server, silent(server, 4, first=whole) as sockets:
        assert all(one.recv(1) for one in sockets)
        assert status(server) == 503
        assert all(one.recv(1) for one in sockets)


@pytest.mark.parametrize("first", [b"", b"G", ASK, ASK + b"\r\n", ASK + b"\r\nGET"])
def test_a_connection_without_a_whole_request_is_ended(first: bytes) -> None:
    with beside(QUICK) as server, silent(server, 1, first=first) as (one,):
        assert ended(one)


def test_who_takes_nothing_of_an_answer_is_broken_off() -> None:
    whole = ASK.replace(b"healthz", b"endless") + b"\r\n"
    with beside(Limits(total=1, taking=0.3)) as server, silent(server, 1, first=whole) as (one,):
        assert one.recv(1)
        assert status(server) == 503
        wait_for(lambda: status(server) == 200)


def test_one_place_has_so_many_connections_and_no_more() -> None:
    crowd = Crowd[str](total=10, each=3)
    assert [crowd.come(name, "a") for name in ("a1", "a2", "a3")] == [None] * 3
    crowd.asks("a1", "a")
    assert crowd.come("a4", "a") == "a2"
    for name in ("a3", "a4"):
        crowd.asks(name, "a")
    assert crowd.come("a5", "a") == "a5"  # all others are being answered
    assert crowd.come("b1", "b") is None
    crowd.waits("a4", "a")
    assert crowd.come("a5", "a") == "a4"


def test_all_together_have_so_many_and_the_place_that_waits_most_makes_room() -> None:
    crowd = Crowd[str](total=4, each=3)
    for name, place in (("p1", ""), ("a1", "a"), ("a2", "a"), ("b1", "b")):
        assert crowd.come(name, place) is None
    assert crowd.come("c1", "c") == "a1"
    for name, place in (("p1", ""), ("a2", "a"), ("b1", "b"), ("c1", "c")):
        crowd.asks(name, place)
    assert crowd.come("c2", "c") == "c2"
    crowd.go("b1", "b")
    crowd.go("b1", "b")
    assert crowd.come("c2", "c") is None
    assert crowd.come("", "") == "c2"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.1", ""),
        ("192.168.1.7", ""),
        ("::1", ""),
        ("fe80::1%eth0", ""),
        ("/run/socket", ""),
        ("93.184.215.14", "93.184.215.14"),
        ("::ffff:93.184.215.14", "93.184.215.14"),
        ("2a00:1450:4001:82a::200e", "2a00:1450:4001:82a::/64"),
        ("2001:0:808:808::f7f7:f7fb", "8.8.8.4"),  # Teredo (RFC 4380)
        ("2002:808:404:7::1", "8.8.4.4"),  # 6to4 (RFC 3056)
    ],
)
def test_what_an_address_counts_with(address: str, place: str) -> None:
    assert place_of(address) == place


def test_as_many_files_may_be_open_as_the_system_allows() -> None:
    program = (
        "import resource as r; from phonotheque.web.crowd import open_files; r.setrlimit(r.RLIMIT_NOFILE, "
        "(64, 200)); print(open_files(), *r.getrlimit(r.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["200", "200", "200"]
    assert open_files() <= resource.getrlimit(resource.RLIMIT_NOFILE)[0]


FEW = """
import os, resource, sys, urllib.request
resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))
from starlette.applications import Starlette
from phonotheque.web.serve import health_route
from phonotheque.web.server import Beside
with Beside(Starlette(routes=[health_route(lambda: "")]), "127.0.0.1", 0) as server:
    urllib.request.urlopen(server.url + "healthz").close()
    taken = []
    if sys.argv[1:]:
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            pass
    print(server.port, flush=True)
    sys.stdin.readline()
    for one in taken:
        os.close(one)
    sys.stdin.readline()
    open(os.devnull).close()
    print("well", flush=True)
"""


@contextmanager
def with_few_files(*words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-c", FEW, *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_connections_do_not_take_all_files() -> None:
    with with_few_files() as (process, port), ExitStack() as stack:
        for _ in range(120):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        assert ask(port) == 200
        assert process.communicate("\n\n", timeout=60) == ("well\n", "")


def test_a_server_without_files_lives_goes_on_and_says_it_once() -> None:
    with with_few_files("none") as (process, port), ExitStack() as stack:
        assert process.stderr is not None
        assert process.stdin is not None
        for _ in range(3):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        assert "Visitors have to wait: [Errno 24]" in process.stderr.readline()
        process.stdin.write("\n")
        process.stdin.flush()
        assert ask(port) == 200
        assert process.communicate("\n", timeout=60) == ("well\n", "")


def test_that_no_more_files_can_be_opened_is_logged_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    at = [0.0]
    trouble, loop = Trouble(lambda: at[0]), asyncio.new_event_loop()
    full = {"message": "socket.accept() out of system resource", "exception": OSError(24, "Too many")}
    with caplog.at_level(logging.ERROR):
        for at[0] in (0.0, 1.0, 599.0, 600.0, 601.0):
            trouble(loop, dict(full))
        assert [record.getMessage() for record in caplog.records] == [
            "Visitors have to wait: [Errno 24] Too many."
        ] * 2
        trouble(loop, {"message": "something else"})
    assert caplog.records[-1].getMessage() == "something else"
    loop.close()
