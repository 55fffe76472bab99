"""Who takes part: a publisher, a tracker and mirrors, each on a host of its own, each of real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.endtoend.commands import ROOT, kill_session, phono
from tests.endtoend.promises import rows
from tests.network.asking import PAGES, PEERS
from tests.network.hurried import STEP
from tests.network.lab import Host, Lab, run

HURRIED = "tests.network.hurried"
ANNOUNCE = 6969
PATIENCE = 60.0  # seconds for anything to happen, on a busy machine


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
    """Wait until something is so, looking seldom enough to leave the machine to others."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"not within {patience:.0f} s: {what}"
        time.sleep(0.05)


@dataclass
class Process:
    """A program that runs on a host; what it says goes to a file."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def await_words(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """Wait until it says something that this pattern finds."""
        found: list[re.Match[str]] = []

        def heard() -> bool:
            if match := re.search(pattern, self.said):
                found.append(match)
            assert found or self.process.poll() is None, self.said
            return bool(found)

        until(heard, f"“{pattern}” in {self.log}", patience)
        return found[0]

    def end(self) -> int:
        """Ask it to end, as Ctrl-C or systemd would; return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(PATIENCE)
        kill_session(self.process.pid)
        assert "Traceback" not in self.said, self.said
        return code

    def kill(self) -> None:
        """Let the power of its machine fail: nothing of it can say a word any more."""
        kill_session(self.process.pid)
        self.process.wait()


@contextmanager
def running(host: Host, log: Path, *words: object, env: Mapping[str, str] = {}) -> Iterator[Process]:
    """Run a program on a host, in a session of its own; whatever is left of it at the end is killed."""
    process = launch(host, log, *words, env=env)
    try:
        yield process
    finally:
        process.kill()


def launch(host: Host, log: Path, *words: object, env: Mapping[str, str] = {}) -> Process:
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [*host.prefix, *map(str, words)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **env},
        )
    return Process(process, log)


def python(*words: object) -> tuple[object, ...]:
    """The words that run one of our modules."""
    return (sys.executable, "-m", *words)


@dataclass
class Publisher:
    """An archive, and the server that shows it."""

    host: Host
    archive: Path
    server: Process | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host.address}:{PAGES}"

    def serve(self) -> None:
        """Show the public tree."""
        words = ("phonotheque.cli.main", "serve", self.archive, "--host", self.host.address, "--port", PAGES)
        log = self.archive.with_suffix(".log")
        log.unlink(missing_ok=True)  # what an earlier one said says nothing of this one
        self.server = launch(self.host, log, *python(*words))
        self.server.await_words(r"http://")

    def die(self) -> None:
        """Its machine is gone."""
        assert self.server is not None
        self.server.kill()
        self.server = None

    def publish(self) -> None:
        """Publish what was taken in or withdrawn."""
        phono("publish", self.archive)

    @property
    def edition(self) -> Any:
        """The current edition, as it is public."""
        return json.loads((self.archive / "public" / "targets" / "edition.json").read_bytes())

    @property
    def bags(self) -> dict[str, Any]:
        return {bag["id"]: bag for bag in self.edition["bags"]}


@dataclass
class Mirror:
    """A mirror's folder on its host, and the process that runs it."""

    host: Host
    origin: str
    folder: Path
    budget: str = "1GB"
    program: str = HURRIED  # the module that is run
    words: tuple[object, ...] = ()  # other options
    process: Process | None = None

    def start(self, *words: object, step: str = "", once: bool = False) -> Process:
        """Let it run; ``step`` says at which step of its work something happens to it."""
        listen, serve = f"{self.host.address}:{PEERS}", f"{self.host.address}:{PAGES}"
        options = ("--listen", listen, "--serve", serve, "--no-discovery", *self.words, *words)
        command = ("mirror", self.origin, self.folder, "--budget", self.budget, *options)
        env = {STEP: step} if step else {}
        log = self.folder.with_suffix(".log")
        self.process = launch(
            self.host, log, *python(self.program, *command, *(["--once"] if once else [])), env=env
        )
        return self.process

    def end(self) -> None:
        """Let it end in good order."""
        if self.process is not None:
            self.process.end()
        self.process = None

    def kill(self) -> None:
        """Let it end at once."""
        if self.process is not None:
            self.process.kill()
        self.process = None

    @property
    def complete(self) -> set[str]:
        """The bags that it records as held whole."""
        if not (self.folder / "ledger.sqlite").exists():
            return set()
        held = "SELECT bag_id FROM holdings WHERE state = 'complete'"
        tables = "SELECT name FROM sqlite_master WHERE name = 'holdings'"
        return {bag for (bag,) in rows(self.folder, held)} if rows(self.folder, tables) else set()

    @property
    def music(self) -> set[str]:
        """The SHA-256 of every file of music or catalogue that it records as verified."""
        if not self.complete:
            return set()
        asked = "SELECT f.sha256 FROM holding_files f JOIN holdings h ON h.bag_id = f.bag_id"
        where = "WHERE h.state IN ('wanted', 'complete') AND f.path LIKE 'data/%'"
        return {digest for (digest,) in rows(self.folder, f"{asked} {where}")}

    def await_serving(self) -> None:
        """Wait until it has all that it chose, and listens for others who want it."""
        assert self.process is not None
        self.process.await_words(r"Edition \d+: \d+ bags? held and served[.;]")
        self.process.await_words("Listening for peers on port")

    def await_bags(self, bags: set[str] | Mapping[str, object], patience: float = PATIENCE) -> None:
        """Wait until it holds exactly these bags."""
        wanted = set(bags)

        def there() -> bool:
            assert self.process is not None
            assert self.process.process.poll() is None, self.process.said
            return self.complete == wanted

        until(there, f"{self.host.name} holds {sorted(wanted)}", patience)


@dataclass
class Tracker:
    """Debian's opentracker, which tells of nothing but what is on its list."""

    host: Host
    folder: Path
    program: str
    process: Process | None = None
    known: set[str] = field(default_factory=set)

    @property
    def announce(self) -> str:
        return f"http://{self.host.address}:{ANNOUNCE}/announce"

    def start(self) -> None:
        self.folder.mkdir()
        self.folder.chmod(0o755)
        (self.folder / "list").touch()
        # It looks for its list after it has shut itself into its folder.
        words = (self.program, "-i", self.host.address, "-p", ANNOUNCE, "-P", ANNOUNCE, "-d", self.folder)
        self.process = launch(self.host, self.folder.with_suffix(".log"), *words, "-w", "/list")
        port = f"{self.host.address}]:{ANNOUNCE}"

        def ready() -> bool:
            assert self.process is not None
            assert self.process.process.poll() is None, self.process.said
            return port in run(*self.host.prefix, "ss", "-ltn").stdout

        until(ready, f"the tracker listens on {port}", PATIENCE)

    def know(self, bags: Mapping[str, Any]) -> None:
        """Let it tell of these bags' torrents, by both their hashes."""
        hashes = {bag["torrent"]["infohash_v1"] for bag in bags.values()}
        hashes |= {bag["torrent"]["infohash_v2"][:40] for bag in bags.values()}
        if hashes <= self.known:
            return
        self.known |= hashes
        assert self.process is not None
        (self.folder / "list").write_text("".join(f"{line}\n" for line in sorted(self.known)))
        os.kill(self.process.process.pid, signal.SIGHUP)

    def end(self) -> None:
        if self.process:
            self.process.kill()


@dataclass
class World:
    """All of them, and who only looks on."""

    lab: Lab
    publisher: Publisher
    tracker: Tracker
    mirrors: list[Mirror]
    stranger: Host
    withdrawn: dict[str, Any] = field(default_factory=dict)  # bags as an edition listed them before
    before: dict[str, set[str]] = field(default_factory=dict)  # what each mirror held when it all began

    def __getitem__(self, number: int) -> Mirror:
        """The mirror of this number; the first is 1."""
        return self.mirrors[number - 1]

    def withdraw(self, what: str) -> None:
        """Take something back and publish that."""
        before = self.publisher.bags
        words = ("--by", "Somebody", "--reason", "It is theirs.", "--accept", "--yes")
        phono("withdraw", "request", self.publisher.archive, what, *words)
        self.publisher.publish()
        after = self.publisher.bags
        self.withdrawn |= {name: bag for name, bag in before.items() if name not in after}
        self.tracker.know(after)

    def end(self) -> None:
        """Everybody stops, and all cables are as they were."""
        for mirror in self.mirrors:
            mirror.kill()
        if self.publisher.server:
            self.publisher.die()
        for host in self.lab.hosts.values():
            self.lab.quick(host)


def copied(source: Path, target: Path) -> Path:
    """Copy a folder as it is; files of its own, links as links."""
    shutil.copytree(source, target, symlinks=True)
    return target
