"""Limits, hours and a proxy: what a mirror transfers keeps to them, whichever way it goes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from phonotheque.cli.mirror import mirror_command
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.messages import SwarmSettings
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.swarm import resolve_peers
from phonotheque.mirrors.tempo import Tempo, Throttle
from phonotheque.model.bags import PIECE
from phonotheque.model.errors import NetworkError, UsageError
from phonotheque.model.proxies import Proxy
from phonotheque.model.schedule import Limits, parse_schedule
from tests.mirrors.mirror_publisher import LOCAL, Publisher, music, served, wait_for
from tests.mirrors.mirror_runs import ALL, PACE, Told, assert_complete, complete, mirroring, run

pytestmark = pytest.mark.ledger  # a mirror has one

_SOCKS_DONE = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_what_is_fetched_straight_keeps_to_a_rate() -> None:
    now, waited = [100.0], []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        now[0] += seconds
        return len(waited) > 1000

    throttle = Throttle(wait, rate=0, clock=lambda: now[0])
    throttle.take(10**9)
    assert now == [100.0]
    throttle.rate = 1000
    for _ in range(10):
        throttle.take(500)
    assert now[0] == pytest.approx(105.0)
    now[0] += 60  # a pause is not made up for
    throttle.take(500)
    assert now[0] == pytest.approx(165.5)


def test_it_stops_waiting_when_told_to() -> None:
    stop = threading.Event()
    stop.set()
    Throttle(stop.wait, rate=1).take(10**6)


def test_a_mirror_waits_for_its_hours_and_says_until_when(published: Publisher, tmp_path: Path) -> None:
    hour = [NOON]
    said: list[str] = []
    tempo = Tempo(LOCAL.limits, parse_schedule("00:00-24:00 pause"), lambda: hour[0])
    tempo = replace(tempo, schedule=parse_schedule(f"{NOON.astimezone():%a} pause; always"))
    with served(published.public) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        with mirroring(mirror, tempo=tempo, progress=Told(said.append)):
            wait_for(lambda: said and "transfers pause until" in said[-1])
            assert "pause until Tuesday 00:00" in said[-1]
            assert web.bag_bytes == 0
            hour[0] = NOON.replace(day=25)
            wait_for(lambda: complete(mirror) == set(ALL))
    assert any("transfers go on" in text for text in said)
    assert_complete(mirror, published, ALL)


def test_peers_on_the_same_network_are_kept_to_the_limits_of_the_hour(
    published: Publisher, tmp_path: Path
) -> None:
    """With next to nothing allowed nothing comes; when the hour changes it does, with the same process."""
    seeder = open_mirror(tmp_path / "seeder", str(published.folder))
    hour, heard = [NOON], list[Any]()
    little = Limits(upload=0, download=2000, connections=50)
    schedule = parse_schedule(f"{NOON.astimezone():%a}; always down 0")
    with served(published.public, bags=False) as web, mirroring(seeder) as (ports, _):
        wait_for(lambda: ports and complete(seeder) == set(ALL))
        leecher = open_mirror(tmp_path / "leecher", web.url)
        swarm = replace(LOCAL, web_seed=False, download_limit=little.download)
        with mirroring(
            leecher,
            swarm=swarm,
            tempo=Tempo(little, schedule, lambda: hour[0]),
            peers=[f"127.0.0.1:{ports[0]}"],
            pace=replace(PACE, stall_timeout=60.0),
            on_report=heard.append,
        ) as (_, pids):
            wait_for(lambda: any(getattr(report, "peers", 0) for report in heard))
            wait_for(lambda: sum(1 for report in heard if getattr(report, "peers", 0)) > 2)
            # At 2 kB a second the smallest bag takes 4 s, an audio bag 17 minutes.
            assert not complete(leecher) & {"audio-1", "audio-2"}
            hour[0] = NOON.replace(day=24)
            wait_for(lambda: complete(leecher) == set(ALL))
            assert len(pids) == 1


@dataclass
class _Proxy:
    """A SOCKS5 (RFC 1928) or HTTP CONNECT proxy on loopback that notes what it is asked for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def proxying(names: dict[str, tuple[str, int]], kind: str = "socks5") -> Iterator[_Proxy]:
    """Run a proxy that knows these names, “HOST:PORT”, and where they lead; nothing else is connected."""
    listening = socket.create_server(("127.0.0.1", 0))
    proxy = _Proxy(f"{kind}://127.0.0.1:{listening.getsockname()[1]}")
    open_lines: list[socket.socket] = [listening]

    def answer(line: socket.socket) -> None:
        try:
            wanted, first = _socks_wanted(line) if kind == "socks5" else _http_wanted(line)
            proxy.asked.append(wanted)
            there = socket.create_connection(names[wanted], timeout=10)
        except (OSError, KeyError, ValueError):
            line.close()
            return
        open_lines.append(there)
        whole = f" http://{wanted}/".encode()
        if first:
            there.sendall(first.replace(whole, b" /"))
        else:
            line.sendall(_SOCKS_DONE if kind == "socks5" else b"HTTP/1.1 200 OK\r\n\r\n")
        for source, goal in ((line, there), (there, line)):
            threading.Thread(target=_carry, args=(source, goal, whole), daemon=True).start()

    def accept() -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            open_lines.append(line)
            threading.Thread(target=answer, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield proxy
    finally:
        for line in open_lines:
            line.close()


def _carry(source: socket.socket, goal: socket.socket, whole: bytes) -> None:
    """Pass on what is said; servers are asked for what lies below their address (RFC 9112 §3.2.1)."""
    try:
        while data := source.recv(65536):
            goal.sendall(data.replace(whole, b" /") if data.startswith((b"GET ", b"HEAD ")) else data)
        goal.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def _exactly(line: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (more := line.recv(count - len(data))):
            raise ValueError("it was closed")
        data += more
    return data


def _socks_wanted(line: socket.socket) -> tuple[str, bytes]:
    _, methods = _exactly(line, 2)
    _exactly(line, methods)
    line.sendall(b"\x05\x00")
    _, command, _, kind = _exactly(line, 4)
    if command != 1:
        raise ValueError("only connections are made")
    match kind:
        case 1:
            host = socket.inet_ntoa(_exactly(line, 4))
        case 3:
            host = _exactly(line, _exactly(line, 1)[0]).decode()
        case _:
            raise ValueError("IPv6 is not needed here")
    return f"{host}:{int.from_bytes(_exactly(line, 2))}", b""


def _http_wanted(line: socket.socket) -> tuple[str, bytes]:
    """Return where to go, and what to say there: a request by a whole address is passed on as it is."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _exactly(line, 1)
    method, target = head.split()[:2]
    return (target.decode(), b"") if method == b"CONNECT" else (urlsplit(target.decode()).netloc, head)


@pytest.mark.parametrize("kind", ["socks5", "http"])
def test_everything_goes_through_a_proxy_and_names_are_resolved_by_it(
    published: Publisher, tmp_path: Path, kind: str
) -> None:
    """The name is nobody's but the proxy's: looked up here, it would not be found (RFC 6761 §6.4)."""
    with served(published.public) as web:
        port = int(web.url.rpartition(":")[2])
        name = f"archive.invalid:{port}"
        with proxying({name: ("127.0.0.1", port)}, kind) as proxy:
            through = Proxy(kind, "127.0.0.1", int(proxy.url.rpartition(":")[2]))
            mirror = open_mirror(tmp_path / "mirror", f"http://{name}")
            origin = open_origin(f"http://{name}", proxy=through)
            trackers = ("udp://udp.invalid:1", "http://http.invalid:2/announce")
            swarm = replace(LOCAL, proxy=through, trackers=trackers)
            assert run(mirror, origin=origin, swarm=swarm).complete == ALL
            assert name in proxy.asked
            assert set(proxy.asked) <= {name, *(["http.invalid:2"] if kind == "socks5" else [])}
            assert web.bag_bytes >= sum(bag.bytes for bag in published.bags)
    assert_complete(mirror, published, ALL)


def test_peers_are_called_through_a_proxy(published: Publisher, tmp_path: Path) -> None:
    seeder = open_mirror(tmp_path / "seeder", str(published.folder))
    with served(published.public, bags=False) as web, mirroring(seeder) as (ports, _):
        wait_for(lambda: ports and complete(seeder) == set(ALL))
        peer = f"127.0.0.1:{ports[0]}"
        with proxying({peer: ("127.0.0.1", ports[0])}, "http") as proxy:
            through = Proxy("http", "127.0.0.1", int(proxy.url.rpartition(":")[2]))
            leecher = open_mirror(tmp_path / "leecher", web.url)
            swarm = replace(LOCAL, web_seed=False, proxy=through)
            assert run(leecher, swarm=swarm, peers=[peer]).complete == ALL
            assert set(proxy.asked) == {peer}


def test_without_the_proxy_nothing_is_fetched_and_nobody_listens(
    published: Publisher, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = Proxy("socks5", "127.0.0.1", gone.getsockname()[1])
    with served(published.public) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        with pytest.raises(NetworkError):
            run(mirror, origin=open_origin(web.url, proxy=closed, retries=0))
        swarm, quick = replace(LOCAL, proxy=closed), replace(PACE, stall_timeout=3.0)
        with mirroring(mirror, swarm=swarm, pace=quick) as (ports, pids):
            wait_for(lambda: ports)
            assert ports == [0]
            assert _listening(pids[0]) == 0
        assert web.bag_bytes == 0
        assert complete(mirror) == set()


def _listening(pid: int) -> int:
    """How many TCP sockets a process listens on."""
    ours = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
    tables = [Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table.splitlines()]
    return sum(line[3] == "0A" and f"socket:[{line[9]}]" in ours for line in lines)


def test_a_pause_in_the_middle_is_no_silence_of_those_who_deliver(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", music("c", files=6))
    publisher.publish(1)
    size, hour, looks, said = publisher.bags[0].bytes, [NOON], [0], list[str]()

    def clock() -> datetime:
        looks[0] += 1
        return hour[0]

    tempo = Tempo(LOCAL.limits, parse_schedule(f"{NOON.astimezone():%a}; 00:00-00:01"), clock)
    with served(publisher.public, slow=0.02) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        quick = replace(PACE, stall_timeout=2.0)
        with mirroring(mirror, tempo=tempo, pace=quick, progress=Told(said.append)) as (_, pids):
            wait_for(lambda: web.bag_bytes > size // 8)
            hour[0] = NOON.replace(day=24)
            wait_for(lambda: said and "transfers pause" in said[-1])
            before = looks[0]
            wait_for(lambda: looks[0] > before + 15)  # a look every fifth of a second: more than two seconds
            assert not complete(mirror)
            hour[0] = NOON
            wait_for(lambda: complete(mirror))
            assert len(pids) == 1
    assert web.bag_bytes < size + 12 * PIECE  # what was under way when it paused came again, no more
    assert_complete(mirror, publisher, ("catalogue-1",))


def test_a_peer_with_a_name_is_refused_where_it_would_be_looked_up_here() -> None:
    assert resolve_peers(["192.0.2.7:6881"], by_number=True) == (("192.0.2.7", 6881),)
    with pytest.raises(UsageError, match="outside the proxy"):
        resolve_peers(["peer.example:6881"], by_number=True)


def test_settings_and_options_say_the_same(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = []

    def sync(*_: object, **options: Any) -> None:
        given.append(options)
        raise UsageError("no more is needed")

    monkeypatch.setattr("phonotheque.cli.mirror.sync", sync)
    folder = tmp_path / "mirror"
    words = [str(published.folder), str(folder), "--budget", "1GB", "--once"]
    options = ["--upload-limit", "2MB", "--download-limit", "1kB", "--connections", "7"]
    options += ["--schedule", "sat", "--proxy", "socks5://127.0.0.1:9", "--active", "3"]
    CliRunner().invoke(mirror_command, [*words, *options])
    with (folder / "phonotheque.toml").open("a") as file:
        file.write(
            'upload_limit = "2MB"\ndownload_limit = 1000\nconnections = 7\nschedule = "sat"\n'
            'proxy = "socks5://127.0.0.1:9"\nactive = 3\n'
        )
    CliRunner().invoke(mirror_command, words)
    by_option, by_setting = given
    expected = SwarmSettings(
        dht=False,
        lsd=False,
        port_mapping=False,
        upload_limit=2_000_000,
        download_limit=1000,
        connections=7,
        proxy=Proxy("socks5", "127.0.0.1", 9),
    )
    assert by_option["swarm"] == by_setting["swarm"] == expected
    assert by_option["tempo"] == by_setting["tempo"]
    assert by_option["tempo"].schedule == parse_schedule("sat")
    wrong = CliRunner().invoke(mirror_command, [*words, "--schedule", "nights"])
    assert "--schedule: “nights” is no rule" in str(wrong.exception)
