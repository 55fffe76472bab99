"""One publisher, five mirrors that begin at once: Phonotheque, Transmission, and rsync and curl in turn."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.adding import PHONO, new_archive
from benchmarks.measure import Cost, command, measure
from benchmarks.mirrors.copied import copy_padded
from benchmarks.music import make_music
from benchmarks.results import print_heading
from tests.network.lab import Host, Lab, network, run
from tests.network.parties import Mirror, Process, Publisher, Tracker, launch, running

_NAMES = ("one", "two", "three", "four", "five")
_WAVE = 84_672_044  # bytes of each file that is made
_BAGS = 4  # at most, of about the same size
_HOURS = 4 * 3600.0  # of patience
CLIENTS = Path(__file__).parents[2] / ".venv" / "clients" / "bin"


@dataclass(frozen=True)
class Ground:
    """What is published, and the network on which it is to be had."""

    lab: Lab
    publisher: Publisher
    tracker: Tracker
    folder: Path
    size: int  # bytes of all bags
    rate: int  # Mbit/s of the publisher's line

    @property
    def hosts(self) -> list[Host]:
        """The mirrors' machines."""
        return [self.lab.hosts[name] for name in _NAMES]

    @property
    def torrents(self) -> list[Path]:
        """Those of all bags."""
        targets = self.publisher.archive / "public" / "targets"
        return [targets / bag["torrent"]["path"] for bag in self.publisher.bags.values()]


@dataclass(frozen=True)
class Filled:
    """How five mirrors were filled. ``seconds`` until the last of them had everything."""

    name: str
    seconds: float
    sent: int  # bytes by the publisher, headers included
    cost: Cost


def bench_five(folder: Path, size: int, rate: int) -> None:
    """Fill five mirrors with about ``size`` bytes each, by one way after the other."""
    with ExitStack() as stack:
        lab = stack.enter_context(network(("publisher", "tracker", *_NAMES)))
        ground = stack.enter_context(_prepared(lab, folder, size, rate))
        found = [_fill(ground, "Phonotheque", lambda: _phonotheque(ground))]
        if shutil.which(str(CLIENTS / "transmission-daemon")):
            seeded = folder / "seeded"
            copy_padded(ground.publisher.archive / "vault" / "bags", ground.torrents, seeded)
            found.append(_fill(ground, _transmission_version(), lambda: _transmission(ground, seeded)))
            shutil.rmtree(seeded)
        else:
            print("Transmission 4.1 is not installed: scripts/client-tools.sh", file=sys.stderr)
        found.append(_fill(ground, "rsync, one after another", lambda: _rsync(ground)))
        found.append(_fill(ground, "curl, one after another", lambda: _curl(ground)))
        _print(ground, found)


@contextmanager
def _prepared(lab: Lab, folder: Path, size: int, rate: int) -> Iterator[Ground]:
    count = max(1, round(size / _WAVE))
    publisher = Publisher(lab.hosts["publisher"], folder / f"five-{count}")
    tracker = Tracker(lab.hosts["tracker"], folder / "tracker", str(CLIENTS / "opentracker"))
    if not (publisher.archive / "public" / "targets" / "edition.json").exists():
        _publish(publisher, tracker, folder, count)
    total = sum(bag["bytes"] for bag in publisher.bags.values())
    lab.slow(publisher.host, rate)
    yield Ground(lab, publisher, tracker, folder, total, rate)


def _publish(publisher: Publisher, tracker: Tracker, folder: Path, count: int) -> None:
    (folder / f"noise-{count}").mkdir(exist_ok=True)
    music = make_music(folder / f"noise-{count}", songs=0, waves=count)
    new_archive(publisher.archive)
    settings = publisher.archive / "phonotheque.toml"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("trackers = []", f'trackers = ["{tracker.announce}"]')
    text = text.replace("bag_files = 5000", f"bag_files = {-(-count // _BAGS)}")
    settings.write_text(text, encoding="utf-8")
    command(*PHONO, "add", publisher.archive, music.waves, "--no-loudness")()
    command(*PHONO, "publish", publisher.archive)()
    shutil.rmtree(folder / f"noise-{count}")


def _fill(ground: Ground, name: str, work: Callable[[], float]) -> Filled:
    """Let all be filled from nothing; ``work`` returns how many seconds that took."""
    took: list[float] = []
    _clear(ground)  # a run that was broken off
    before = ground.lab.sent(ground.publisher.host)

    def run_all() -> None:  # what is measured must begin and end here, the tracker as well
        shutil.rmtree(ground.tracker.folder, ignore_errors=True)
        ground.tracker.known.clear()
        ground.tracker.start()
        try:
            ground.tracker.know(ground.publisher.bags)
            took.append(work())
        finally:
            ground.tracker.end()

    cost = measure(run_all)
    sent = ground.lab.sent(ground.publisher.host) - before
    _clear(ground)
    print(f"{name}: {took[0]:.1f} s", file=sys.stderr)
    return Filled(name, took[0], sent, cost)


def _clear(ground: Ground) -> None:
    for mirror in _NAMES:
        shutil.rmtree(ground.folder / mirror, ignore_errors=True)
        (ground.folder / mirror).with_suffix(".log").unlink(missing_ok=True)


def _phonotheque(ground: Ground) -> float:
    url, folder = ground.publisher.url, ground.folder
    mirrors = [
        Mirror(host, url, folder / host.name, "100TB", program="phonotheque.cli.main")
        for host in ground.hosts
    ]
    try:
        ground.publisher.serve()
        start = time.monotonic()
        for mirror in mirrors:
            mirror.start()
        for mirror in mirrors:
            assert mirror.process is not None
            mirror.process.await_words("held and served", _HOURS)
        seconds = time.monotonic() - start
        for mirror in mirrors:
            assert mirror.complete == ground.publisher.bags.keys()
        return seconds
    finally:
        for mirror in mirrors:
            mirror.end()
        ground.publisher.die()


def _transmission(ground: Ground, seeded: Path) -> float:
    """Let the publisher's daemon seed from a copy of the bags, and each mirror's fetch."""
    with ExitStack() as stack:
        seed = _daemon(stack, ground, ground.publisher.host, seeded)
        for torrent in ground.torrents:
            _remote(ground.publisher.host, "--add", str(torrent))
        _await_all(ground.publisher.host, seed, len(ground.torrents))
        daemons = []
        for host in ground.hosts:
            target = ground.folder / host.name / "bags"
            daemons.append(_daemon(stack, ground, host, target))
        start = time.monotonic()
        for host in ground.hosts:
            for torrent in ground.torrents:
                _remote(host, "--add", str(torrent))
        for host, daemon in zip(ground.hosts, daemons, strict=True):
            _await_all(host, daemon, len(ground.torrents))
        return time.monotonic() - start


def _daemon(stack: ExitStack, ground: Ground, host: Host, downloads: Path) -> Process:
    home = ground.folder / f"transmission-{host.name}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    downloads.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "bind-address-ipv4": host.address,
        "dht-enabled": False,
        "download-dir": str(downloads),
        "download-queue-enabled": False,
        "lpd-enabled": False,
        "port-forwarding-enabled": False,
        "rename-partial-files": False,
        "rpc-host-whitelist-enabled": False,
        "rpc-whitelist-enabled": False,
        "seed-queue-enabled": False,
        "speed-limit-up-enabled": False,
        "utp-enabled": False,  # as with ours, the line is shared by TCP
    }
    (home / "settings.json").write_text(json.dumps(settings))
    words = (CLIENTS / "transmission-daemon", "--foreground", "--config-dir", home)
    process = stack.enter_context(running(host, home / "log", *words))
    deadline = time.monotonic() + 60
    while run(*_control(host), "--session-info", may_fail=True).returncode:
        assert time.monotonic() < deadline, process.said
        time.sleep(0.1)
    return process


def _control(host: Host) -> tuple[str, ...]:
    return (*host.prefix, str(CLIENTS / "transmission-remote"), f"{host.address}:9091")


def _remote(host: Host, *words: str) -> str:
    return run(*_control(host), *words).stdout


def _await_all(host: Host, daemon: Process, count: int) -> None:
    """Wait until a daemon says that it has every torrent, all of it."""
    deadline = time.monotonic() + _HOURS
    while True:
        told = _remote(host, "--list").splitlines()[1:-1]
        if len(told) == count and all(line.split()[1] == "100%" for line in told):
            return
        assert daemon.process.poll() is None, daemon.said
        assert time.monotonic() < deadline, told
        time.sleep(0.2)


def _transmission_version() -> str:
    said = run(str(CLIENTS / "transmission-daemon"), "--version", may_fail=True)
    words = (said.stdout + said.stderr).split()
    return f"Transmission {words[1]}"


def _rsync(ground: Ground) -> float:
    settings = ground.folder / "rsyncd.conf"
    bags = ground.publisher.archive / "vault" / "bags"
    settings.write_text(f"use chroot = no\nuid = 0\n[bags]\npath = {bags}\n")
    host = ground.publisher.host
    daemon = ("rsync", "--daemon", "--no-detach", f"--config={settings}", f"--address={host.address}")
    with running(host, ground.folder / "rsyncd.log", *daemon):
        while "873" not in run(*host.prefix, "ss", "-Hltn").stdout:
            time.sleep(0.05)
        return _in_turn(ground, lambda target: ("rsync", "-a", f"rsync://{host.address}/bags/", f"{target}/"))


def _curl(ground: Ground) -> float:
    """Fetch every file from the publisher's own server, a few at a time."""
    bags = ground.publisher.archive / "vault" / "bags"
    urls = ground.folder / "urls"
    paths = sorted(path.relative_to(bags) for path in bags.rglob("*") if path.is_file())
    lines = (f'url = "{ground.publisher.url}/bags/{quote(str(path))}"\noutput = "{path}"\n' for path in paths)
    urls.write_text("".join(lines))
    ground.publisher.serve()
    try:
        return _in_turn(
            ground,
            lambda target: (
                *("curl", "-sS", "--fail", "--create-dirs", "--parallel", "--parallel-max", "4"),
                *("--output-dir", str(target), "--config", str(urls)),
            ),
        )
    finally:
        ground.publisher.die()


def _in_turn(ground: Ground, words: Callable[[Path], Sequence[str]]) -> float:
    start = time.monotonic()
    for host in ground.hosts:
        target = ground.folder / host.name
        target.mkdir()
        process = launch(host, ground.folder / "copying.log", *words(target))
        assert process.process.wait() == 0, process.said
    return time.monotonic() - start


def _print(ground: Ground, found: Sequence[Filled]) -> None:
    line = ground.rate / 8 * 1e6
    print_heading(
        "five mirrors from one publisher",
        f"{ground.size / 1e6:.0f} MB each, over a line of {ground.rate} Mbit/s at the publisher's (tc-tbf); "
        f"one copy cannot take less than {ground.size / line:.1f} s there. Ratios are to Phonotheque.",
    )
    print(
        "| by | s | times as long | of one copy's time | publisher sent, copies | CPU s, all | others used |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    ours = found[0].seconds
    for one in found:
        print(
            f"| {one.name} | {one.seconds:.1f} | {one.seconds / ours:.2f} "
            f"| {one.seconds / (ground.size / line):.2f} | {one.sent / ground.size:.2f} "
            f"| {one.cost.cpu:.1f} | {one.cost.others:.0%} |"
        )
    print(flush=True)
