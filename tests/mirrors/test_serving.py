"""A mirror that serves over HTTP while it mirrors: origin and web seed for others, watched, and stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import urllib3

from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.model.errors import BusyError
from phonotheque.web.serve import public_application
from phonotheque.web.server import Beside
from tests.conftest import MakeArchive
from tests.mirrors.mirror_publisher import LOCAL, Publisher, served, tree, wait_for
from tests.mirrors.mirror_runs import ALL, PACE, Told, assert_complete, complete, mirroring, run

pytestmark = pytest.mark.ledger  # a mirror has one

OFTEN = replace(PACE, follow_every=0.2)
QUIET = ("--listen", "127.0.0.1:0", "--no-discovery")
HTTP = urllib3.PoolManager(retries=False, timeout=20)


@dataclass
class Running:
    """A mirror as a service runs it, with its log and what it tells systemd."""

    process: subprocess.Popen[str]
    manager: socket.socket
    log: list[dict[str, Any]] = field(default_factory=list)

    def until(self, event: str, **fields: Any) -> dict[str, Any]:
        """Read the log up to an event with these fields."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            if self.log[-1]["event"] == event and fields.items() <= self.log[-1].items():
                return self.log[-1]
        raise AssertionError(f"{event} was not logged: {self.log}")

    def told(self) -> str:
        return self.manager.recv(1000).decode()


@contextmanager
def running(folder: Path, *words: object, command: Sequence[str] = ("mirror", *QUIET)) -> Iterator[Running]:
    home = folder.parent / f"{folder.name}.notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        home.unlink(missing_ok=True)
        manager.bind(str(home))
        manager.settimeout(60)
        phono = (sys.executable, "-m", "phonotheque.cli.main")
        process = subprocess.Popen(
            [*phono, *command, *map(str, words), "--log", "json"],
            env=os.environ | {"NOTIFY_SOCKET": str(home)},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield Running(process, manager)
            finally:
                process.kill()


def end(mirror: Running, number: signal.Signals) -> None:
    """End a mirror in good order; it logs only its own addresses, and prints nothing."""
    mirror.process.send_signal(number)
    mirror.until("ended", held=3)
    assert mirror.process.wait(60) == 0
    assert mirror.process.stdout is not None
    assert mirror.process.stdout.read() == ""
    while not mirror.told().startswith("STOPPING=1"):
        pass
    urls = {line["url"] for line in mirror.log if line["event"] == "serving"}
    urls |= {f"{line['origin']}/" for line in mirror.log if line["event"] == "started"}
    assert all(f"http://{one}/" in urls for one in re.findall(r"127\.0\.0\.1:\d+", json.dumps(mirror.log)))


def metrics(url: str) -> dict[str, float]:
    text = HTTP.request("GET", f"{url}metrics").data.decode()
    found = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in found}


def test_a_mirror_as_a_service_serves_another_one_is_watched_and_stops(
    published: Publisher, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    options = ("--budget", "1GB", "--serve", "0", "--metrics", "0")
    with ExitStack() as stack:
        with served(published.public) as web:
            mirror = stack.enter_context(running(first, web.url, first, *options))
            url, watch = (mirror.until("serving", what=what)["url"] for what in ("bags", "metrics"))
            done = mirror.until("round")
        # The publisher is gone; the mirror's own server is origin and web seed for another one.
        assert (done["edition"], done["held"], done["missing"]) == (1, 3, 0)
        assert mirror.told() == "READY=1\nSTATUS=Looking at the origin."
        assert mirror.told() == "STATUS=Edition 1: 3 bags held and served."
        assert {line["bag"] for line in mirror.log if line["event"] == "bag-held"} == set(ALL)
        for server in (url, watch):
            assert HTTP.request("GET", f"{server}healthz").data == b"ok\n"
        assert run(open_mirror(second, url)).complete == ALL
        seen = metrics(watch)
        held = sum(len(data) for bag in ALL for data in tree(first / "vault/bags" / bag).values())
        assert seen["phonotheque_held_bytes"] == held
        assert seen["phonotheque_fetched_bytes_total"] >= held
        assert seen['phonotheque_bags{state="complete"}'] == 3
        assert seen['phonotheque_http_sent_bytes_total{what="bags"}'] >= held
        end(mirror, signal.SIGTERM)
    # It kept where to serve, needs no origin to go on, and goes on without one that answers.
    settings = (first / "phonotheque.toml").read_text()
    assert 'serve = "0"' in settings
    assert 'metrics = "0"' in settings
    with running(first, first) as mirror:
        again = mirror.until("round", held=3)
        assert (again["fetched"], again["offline"]) == (0, True)
        end(mirror, signal.SIGINT)


def test_what_is_wrong_at_the_end_is_logged_with_its_exit_code(published: Publisher, tmp_path: Path) -> None:
    words = (published.folder, tmp_path / "mirror", "--budget", "1GB", "--trust", "0" * 64)
    with running(tmp_path / "mirror", *words) as mirror:
        failed = mirror.until("failed")
        assert "1.root.json has the fingerprint" in failed["message"]
        assert mirror.process.wait(60) == failed["exit_code"] == 4


def test_an_archives_server_is_a_service_too(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive()
    archive.public.mkdir()
    with running(archive.folder, archive.folder, "--port", "0", command=("serve",)) as server:
        url = server.until("serving", what="bags")["url"]
        assert server.told() == f"READY=1\nSTATUS=Serving at {url}"
        assert HTTP.request("GET", f"{url}healthz").data == b"ok\n"
        server.process.send_signal(signal.SIGTERM)
        server.until("ended")
        assert server.process.wait(60) == 0


def test_bags_appear_and_vanish_while_it_serves(publisher: Publisher, tmp_path: Path) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))

    def status(path: str) -> int:
        return HTTP.request("GET", f"{server.url}{path}").status

    with (
        Beside(public_application(mirror), "127.0.0.1", 0) as server,
        mirroring(mirror, pace=OFTEN) as _,
    ):
        wait_for(lambda: status("targets/edition.json") == 200, 60)
        assert status("bags/audio-1/manifest-sha256.txt") == 404
        publisher.bag("audio-1", {"a.ogg": b"a" * 900, "b.ogg": b"b" * 900}, edition=2)
        publisher.bag("french-1", {"f.ogg": b"f" * 900}, edition=2, audience="FR")
        publisher.publish(2)
        wait_for(lambda: status("bags/audio-1/data/a.ogg") == 200, 60)
        publisher.revise("audio-1", "a.ogg", edition=3)
        publisher.publish(3)
        wait_for(lambda: status("bags/audio-1/data/b.ogg") == 410, 60)
        wait_for(lambda: status("bags/audio-1-r2/data/b.ogg") == 200, 60)
        assert status("bags/audio-1/data/a.ogg") == 410
        assert status("bags/audio-1-r2/data/a.ogg") == 404
        assert status("restricted/FR/bags/french-1/data/f.ogg") == 451


def test_a_mirror_in_france_gives_what_is_for_france_to_who_is_there(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("french-1", {"f.ogg": b"f" * 900}, audience="FR")
    publisher.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder), country="FR")
    assert run(mirror).complete == ("catalogue-1", "french-1")
    path = "restricted/FR/bags/french-1/data/f.ogg"
    with Beside(public_application(mirror), "127.0.0.1", 0) as server:
        assert HTTP.request("GET", f"{server.url}{path}").status == 451
        there = {"Phonotheque-Country": "FR", "Range": "bytes=0-9"}
        given = HTTP.request("GET", f"{server.url}{path}", headers=there)
        assert (given.status, given.data) == (206, b"f" * 10)
        # So do mirrors, which say where they are; one that does not gets what is for everybody.
        french = open_mirror(tmp_path / "french", server.url, country="FR")
        nowhere = open_mirror(tmp_path / "nowhere", server.url)
        asking = open_origin(server.url, country="FR")
        assert run(french, origin=asking).complete == ("catalogue-1", "french-1")
        assert run(nowhere).complete == ("catalogue-1",)


def test_another_mirrors_web_server_is_asked_too(published: Publisher, tmp_path: Path) -> None:
    """The origin has no bag, nobody is a peer: all comes from the web server of a mirror that was named."""
    first = open_mirror(tmp_path / "first", str(published.folder))
    assert run(first).complete == ALL
    with served(published.public, bags=False) as bare, served(first.public) as web:
        second = open_mirror(tmp_path / "second", bare.url)
        result = run(second, also=[web.url], swarm=LOCAL)
        assert result.complete == ALL
        assert web.bag_bytes >= result.fetched > 0
    assert_complete(second, published, ALL)
    assert complete(second) == set(ALL)


def test_a_serving_mirror_waits_while_somebody_checks_it(published: Publisher, tmp_path: Path) -> None:
    mirror, said = open_mirror(tmp_path / "mirror", str(published.folder)), list[str]()

    locks = list[ExitStack]()

    def checking() -> bool:
        with suppress(BusyError), ExitStack() as lock:
            lock.enter_context(mirror.writing("check"))
            locks.append(lock.pop_all())
        return bool(locks)

    with mirroring(mirror, pace=OFTEN, progress=Told(said.append)):
        wait_for(lambda: complete(mirror) == set(ALL), 60)
        wait_for(checking, 60)  # between two rounds
        with locks[0]:
            published.bag("audio-3", edition=2)
            published.publish(2)
            wait_for(lambda: any("Looking again in a minute" in line for line in said), 60)
            assert complete(mirror) == set(ALL)
        wait_for(lambda: complete(mirror) == {*ALL, "audio-3"}, 60)
