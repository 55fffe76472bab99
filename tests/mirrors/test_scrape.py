"""Asking trackers, some of which lie, trickle, or are none."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote_from_bytes, unquote_to_bytes, urlsplit

import pytest
import urllib3

from phonotheque.editions.bencode import encode
from phonotheque.mirrors.scrape import Hashes, Scraped, scrape, scrape_address
from tests.mirrors.mirror_publisher import wait_for
from tests.tools import client

ONE = Hashes("11" * 20, "aa" * 32)
TWO = Hashes("22" * 20, "bb" * 32)
TORRENTS = {"one": ONE, "two": TWO}
KEYS = {"one": ONE.known_as(), "two": TWO.known_as()}


@contextmanager
def http_tracker(
    answer: Callable[[list[bytes]], bytes], status: int = 200
) -> Iterator[tuple[str, list[str]]]:
    """A tracker; yields its address, and what it was asked for."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            query = urlsplit(self.path).query
            hashes = [
                unquote_to_bytes(part[10:]) for part in query.split("&") if part.startswith("info_hash=")
            ]
            body = answer(hashes)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/x/announce?key=1", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def udp_tracker(answer: Callable[[bytes], list[bytes]]) -> Iterator[str]:
    """A tracker by datagrams: ``answer`` returns what is sent for each that comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))

        def run() -> None:
            while (came := line.recvfrom(4096))[0] != b"end":
                for part in answer(came[0]):
                    line.sendto(part, came[1])

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"udp://127.0.0.1:{line.getsockname()[1]}/announce"
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
                ending.sendto(b"end", line.getsockname())
            thread.join()


def honest(seeders: dict[bytes, int]) -> Callable[[bytes], list[bytes]]:
    def answer(datagram: bytes) -> list[bytes]:
        head, action, number = datagram[:8], struct.unpack(">I", datagram[8:12])[0], datagram[12:16]
        if action == 0:
            assert head == struct.pack(">Q", 0x41727101980)
            return [struct.pack(">I", 0) + number + b"conn-id!"]
        assert (head, action) == (b"conn-id!", 2)
        hashes = [datagram[at : at + 20] for at in range(16, len(datagram), 20)]
        told = b"".join(struct.pack(">III", seeders.get(key, 0), 9, 9) for key in hashes)
        return [b"noise", struct.pack(">I", 2) + b"\0\0\0\0" + told, struct.pack(">I", 2) + number + told]

    return answer


def files(told: dict[bytes, int]) -> bytes:
    return encode(
        {b"files": {key: {b"complete": n, b"downloaded": 0, b"incomplete": 5} for key, n in told.items()}}
    )


def test_the_larger_number_of_a_hybrids_two_hashes_counts() -> None:
    v1, v2 = KEYS["one"]
    with http_tracker(lambda hashes: files({v1: 3, v2: 5})) as (address, asked):
        assert scrape([address], TORRENTS) == Scraped({"one": 5}, ())
    (path,) = asked
    assert path.startswith("/x/scrape?key=1&info_hash=")
    assert len(parse_qsl(path, encoding="latin-1")) >= 4


def test_keys_in_any_order_are_read() -> None:
    v1, v2 = KEYS["two"]
    entry = b"d8:completei4e10:downloadedi0e10:incompletei0ee"
    body = b"d5:filesd" + b"20:" + v2 + entry + b"20:" + v1 + entry + b"ee"
    assert v2 > v1
    with http_tracker(lambda hashes: body) as (address, _):
        assert scrape([address], TORRENTS).seeders == {"two": 4}


def test_trackers_over_udp_are_asked_too_and_the_largest_answer_counts() -> None:
    with (
        udp_tracker(honest({KEYS["one"][0]: 2, KEYS["two"][1]: 7})) as udp,
        http_tracker(lambda hashes: files({KEYS["one"][0]: 4})) as (http, _),
    ):
        assert scrape([udp, http, udp], TORRENTS) == Scraped({"one": 4, "two": 7}, ())


def test_many_torrents_are_asked_for_in_parts() -> None:
    many = {str(n): Hashes(f"{n:040x}", f"{n:064x}") for n in range(1, 120)}
    counted = {hashes.known_as()[0]: int(name) for name, hashes in many.items()}
    with (
        udp_tracker(honest(counted)) as udp,
        http_tracker(lambda some: files(dict.fromkeys(some, 1))) as (http, asked),
    ):
        found = scrape([udp], many).seeders
        assert {name: n for name, n in found.items() if n} == {name: int(name) for name in many}
        assert set(scrape([http], many).seeders) == set(many)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (encode({b"failure reason": "go \u202e away"}), "refuses"),
        (b"<html>", "bencoding"),
        (encode({b"files": []}), "something else"),
        (b"i1e", "something else"),
        (b"d" * 70, "bencoding"),
        (b"x" * (1024 * 1024 + 1), "does not come to an end"),
    ],
)
def test_what_is_no_answer_is_named_and_counts_for_nothing(body: bytes, said: str) -> None:
    with http_tracker(lambda hashes: body) as (address, _):
        found = scrape([address], TORRENTS)
    assert found.seeders == {}
    ((tracker, why),) = found.failures
    assert tracker == address
    assert said in why


def test_numbers_that_cannot_be_and_torrents_nobody_asked_for_are_passed_over() -> None:
    told = {KEYS["one"][0]: 10**12, KEYS["two"][0]: -1, b"z" * 20: 5}
    with http_tracker(lambda hashes: files(told)) as (address, _):
        assert scrape([address], TORRENTS) == Scraped({}, ())


def test_refusals_and_silence_are_named() -> None:
    def refusing(datagram: bytes) -> list[bytes]:
        return [struct.pack(">I", 3) + datagram[12:16] + b"not here"]

    def short(datagram: bytes) -> list[bytes]:
        return [struct.pack(">I", 0) + datagram[12:16]]

    with udp_tracker(refusing) as one, udp_tracker(lambda _: []) as two, udp_tracker(short) as three:
        found = scrape([one, two, three, "udp://127.0.0.1", "wss://x/announce"], TORRENTS, patience=0.2)
    assert [why.partition("127.0.0.1")[2].partition(" ")[2] for _, why in found.failures[:3]] == [
        "refuses: not here.",
        "did not answer.",
        "answered something that is no answer (BEP 15).",
    ]
    assert "no address of a tracker" in found.failures[3][1]
    assert "no address of a tracker" in found.failures[4][1]
    with http_tracker(lambda hashes: b"", status=403) as (address, _):
        assert "answered 403" in scrape([address], TORRENTS).failures[0][1]


@pytest.mark.parametrize(
    ("tracker", "expected"),
    [
        ("http://t.example/announce", "http://t.example/scrape"),
        ("http://t.example/x/announce.php?x=2%0644", "http://t.example/x/scrape.php?x=2%0644"),
        ("http://t.example/a", None),
        ("http://t.example/announce?x=2/4", "http://t.example/scrape?x=2/4"),
        ("http://t.example/x%064announce", None),
    ],
)
def test_where_a_tracker_is_asked(tracker: str, expected: str | None) -> None:
    assert scrape_address(tracker) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="opentracker shuts itself into a folder, which takes root")
def test_a_tracker_of_others_is_understood_by_both_ways(tmp_path: Path) -> None:
    program = client("opentracker")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    home = tmp_path / "home"
    home.mkdir()
    for folder in (home, *home.parents[:2]):
        folder.chmod(0o755)
    known = [key.hex() for keys in KEYS.values() for key in keys]
    (home / "list").write_text("".join(f"{key}\n" for key in sorted(known)))
    words = [program, "-i", "127.0.0.1", "-p", str(port), "-P", str(port), "-d", str(home), "-w", "/list"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            announced = ((ONE.v1, 6001), (ONE.v1, 6002), (ONE.v2[:40], 6001), (TWO.v2[:40], 6001))
            for key, seeder in announced:
                wait_for(partial(_announced, port, key, seeder))
            http, udp = f"http://127.0.0.1:{port}/announce", f"udp://127.0.0.1:{port}/announce"
            for tracker in (http, udp):
                wait_for(partial(_tells, tracker))
        finally:
            running.kill()


def _announced(port: int, key: str, seeder: int) -> bool:
    """Announce a seeder; tell whether the tracker took it."""
    asked = f"info_hash={quote_from_bytes(bytes.fromhex(key), safe='')}&peer_id=-XX0000-{seeder:012d}"
    address = (
        f"http://127.0.0.1:{port}/announce?{asked}&port={seeder}&uploaded=0&downloaded=0&left=0&compact=1"
    )
    try:
        return b"complete" in urllib3.request("GET", address, retries=False).data
    except urllib3.exceptions.HTTPError:
        return False


def _tells(tracker: str) -> bool:
    return scrape([tracker], TORRENTS) == Scraped({"one": 2, "two": 1}, ())
