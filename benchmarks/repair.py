"""python -m benchmarks.repair: what moves when a mirror is repaired; how fast a scrub reads.

    python -m benchmarks.repair repair --size 400MB --share 0.001
    python -m benchmarks.repair scrub --size 2GB

A mirror of made-up bytes is damaged at random places and repaired from a folder, from a web server and from
a peer. What may move is 1.2 times what was damaged, and a piece (256 KiB) for each place. A scrub is compared
with ``sha256sum`` over the same files, one after another and several at once, all read from the disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.measure import Contender, adopt_orphans, alternate
from benchmarks.results import print_heading
from phonotheque.mirrors.fetching import Pace
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.repair import RepairReport, repair
from phonotheque.mirrors.scrubbing import units_of
from phonotheque.mirrors.sync import sync
from phonotheque.model.bags import PIECE
from phonotheque.model.sizes import parse_size
from phonotheque.vault.archive import Archive, now
from phonotheque.vault.scrub import Budget, scrub
from tests.mirrors.mirror_publisher import LOCAL, Publisher, served, wait_for

_FILE: Final = 8 << 20  # bytes of each file that is made
_PLACE: Final = 4096  # bytes of each damaged place, on the average
_PACE: Final = Pace(stall_timeout=30.0)
_STEPS: Final = ("repair", "scrub")


@dataclass(frozen=True, slots=True)
class Damage:
    """What was damaged. ``pieces`` are those of torrents that hold any of it."""

    places: int
    bytes: int
    pieces: int


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.repair",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"{' or '.join(_STEPS)}; both by default")
    parser.add_argument("--size", default="400MB", help="of the mirror, about (default: 400MB)")
    parser.add_argument("--share", type=float, default=0.001, help="of it that is damaged (default: 0.001)")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn at random (default: 1)")
    parser.add_argument("--rounds", type=int, default=3, help="of the scrub (default: 3)")
    arguments = parser.parse_args()
    if unknown := set(arguments.steps) - set(_STEPS):
        parser.error(f"there is no step {', '.join(sorted(unknown))}")
    steps = arguments.steps or _STEPS
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="phonotheque-bench-") as temporary:
        folder = Path(temporary)
        publisher = _publish(folder, parse_size(arguments.size), np.random.default_rng(arguments.seed))
        mirror = _mirror(folder, publisher)
        if "repair" in steps:
            _repair(folder, publisher, mirror, arguments.share, np.random.default_rng(arguments.seed))
        if "scrub" in steps:
            _scrub(mirror, arguments.rounds)


def _publish(folder: Path, size: int, random: np.random.Generator) -> Publisher:
    (folder / "archive").mkdir()
    publisher = Publisher(folder / "archive")
    publisher.bag("catalogue-1", {"catalogue.parquet": random.bytes(100_000)})
    files = max(1, size // _FILE)
    publisher.bag("audio-1", {f"Artist/Album/{n:04d}.flac": random.bytes(_FILE) for n in range(files)})
    shutil.rmtree(publisher.folder / "sources")
    publisher.publish(1)
    return publisher


def _mirror(folder: Path, publisher: Publisher) -> Archive:
    mirror = open_mirror(folder / "mirror", str(publisher.folder))
    sync(mirror, open_origin(str(publisher.folder)), budget=1 << 50, once=True, swarm=LOCAL)
    return mirror


def _damage(mirror: Archive, share: float, random: np.random.Generator) -> Damage:
    """Spoil random places of the payload: each some bytes long, wherever it falls."""
    files = sorted(path for path in (mirror.bags / "audio-1" / "data").rglob("*") if path.is_file())
    places = max(1, round(share * _FILE * len(files) / _PLACE))
    spoilt, pieces = 0, set[tuple[Path, int]]()
    for file in random.choice(len(files), places):
        length = int(random.integers(1, 2 * _PLACE))
        start = int(random.integers(0, _FILE - length))
        path = files[file]
        path.chmod(0o644)
        with path.open("r+b") as stream:
            stream.seek(start)
            before = np.frombuffer(stream.read(length), np.uint8)
            stream.seek(start)
            stream.write((before ^ 0x55).tobytes())
        spoilt += length
        pieces |= {(path, piece) for piece in range(start // PIECE, (start + length - 1) // PIECE + 1)}
    return Damage(places, spoilt, len(pieces))


def _repair(
    folder: Path, publisher: Publisher, mirror: Archive, share: float, random: np.random.Generator
) -> None:
    size = sum(path.stat().st_size for path in mirror.bags.rglob("*") if path.is_file())
    about = f"A mirror of {size / 1e6:.0f} MB, {share:.2%} of it damaged at places of some {_PLACE} bytes."
    print_heading("repair", about)
    print("| from | places | damaged | moved | damaged pieces | bound | |")
    print("|---|---:|---:|---:|---:|---:|---|")
    peer = _mirror_again(folder, publisher)
    ways: tuple[tuple[str, Callable[[], tuple[RepairReport, int]]], ...] = (
        ("a folder", lambda: _from_folder(publisher, mirror)),
        ("a web server", lambda: _from_web(publisher, mirror)),
        ("a peer", lambda: _from_peer(publisher, mirror, peer)),
    )
    for name, way in ways:
        damage = _damage(mirror, share, random)
        report, moved = way()
        bound = round(1.2 * damage.bytes) + damage.places * PIECE
        assert report.whole, report.failed
        verdict = "met" if moved <= bound else "**missed**"
        cells = (damage.bytes, moved, damage.pieces * PIECE, bound)
        print(f"| {name} | {damage.places:,} | {' | '.join(f'{cell:,}' for cell in cells)} | {verdict} |")


def _from_folder(publisher: Publisher, mirror: Archive) -> tuple[RepairReport, int]:
    report = repair(mirror, open_origin(str(publisher.folder)), swarm=LOCAL, pace=_PACE)
    return report, report.fetched


def _from_web(publisher: Publisher, mirror: Archive) -> tuple[RepairReport, int]:
    with served(publisher.public) as web:
        report = repair(mirror, open_origin(web.url), swarm=LOCAL, pace=_PACE)
        return report, web.bag_bytes  # as the server counts them


def _from_peer(publisher: Publisher, mirror: Archive, peer: Archive) -> tuple[RepairReport, int]:
    stop, ports = threading.Event(), list[int]()
    seeding = threading.Thread(
        target=lambda: sync(
            peer,
            open_origin(str(publisher.folder)),
            budget=1 << 50,
            swarm=LOCAL,
            stop=stop,
            on_listening=lambda port, _: ports.append(port),
        )
    )
    seeding.start()
    try:
        wait_for(lambda: ports)
        with served(publisher.public, bags=False) as web:
            peers = [f"127.0.0.1:{ports[0]}"]
            report = repair(mirror, open_origin(web.url), peers=peers, swarm=LOCAL, pace=_PACE)
        return report, report.fetched
    finally:
        stop.set()
        seeding.join()


def _mirror_again(folder: Path, publisher: Publisher) -> Archive:
    peer = open_mirror(folder / "peer", str(publisher.folder))
    sync(peer, open_origin(str(publisher.folder)), budget=1 << 50, once=True, swarm=LOCAL)
    return peer


def _scrub(mirror: Archive, rounds: int) -> None:
    files = sorted(path for path in mirror.bags.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in files)
    print_heading("scrub", f"{len(files):,} files, {size / 1e9:.2f} GB, {rounds} rounds, read from the disk.")

    def forget() -> None:
        for path in files:
            with path.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    days = count(1)

    def scrubbed() -> None:
        at = now() + timedelta(days=60 * next(days))  # each time, all of it is due again
        units = [unit for unit in units_of(mirror, at) if unit.subject in ("audio-1", "catalogue-1")]
        run = scrub(mirror, units, Budget(), clock=lambda: at)
        assert run.bytes == size, run

    cores = str(len(os.sched_getaffinity(0)))

    def sums(processes: str) -> Callable[[], object]:
        listed = b"\0".join(os.fsencode(path) for path in files)
        words = ("xargs", "-0", "-P", processes, "-n", "8", "sha256sum")
        return lambda: subprocess.run(words, input=listed, stdout=subprocess.DEVNULL, check=True)

    contenders = (
        Contender("scrub", scrubbed, forget),
        Contender("sha256sum", sums("1"), forget),
        Contender(f"sha256sum, {cores} at once", sums(cores), forget),
    )
    costs = alternate(contenders, rounds)
    print("| | s | CPU s | MB/s |")
    print("|---|---:|---:|---:|")
    for name, cost in costs.items():
        print(f"| {name} | {cost.wall:.2f} | {cost.cpu:.2f} | {size / cost.wall / 1e6:,.0f} |")


if __name__ == "__main__":
    main()
