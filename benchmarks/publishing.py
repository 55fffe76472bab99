"""Sealing and publishing: what torrent hashes cost beside SHA-256, and phono publish against other tools."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.adding import PHONO
from benchmarks.held import Held
from benchmarks.measure import Contender, alternate, command
from benchmarks.music import Music, files_in, size_of
from benchmarks.results import Race, print_heading, print_races
from phonotheque.vault.hashing import PieceHasher
from phonotheque.vault.place import Hasher, copy_hashing

BAGIT = Path(sys.executable).with_name("bagit.py")

_SEALED, _COPIED = "copy, SHA-256 and torrent hashes", "copy and SHA-256"
_SEALED_FILES = 12  # a gigabyte: what is written fits the page cache
_PUBLISH = "phono publish"
_MKTORRENT, _LIBTORRENT = "mktorrent (v1)", "libtorrent (v1 and v2)"


def bench_seal(music: Music, folder: Path, rounds: int) -> None:
    """Measure what torrent hashes cost while files are copied, both by the vault's own code, on all cores."""
    files = files_in(music.waves)[:_SEALED_FILES]
    about = (
        f"{len(files)} WAV files, {size_of(files) / 1e9:.2f} GB, {os.cpu_count()} threads, {rounds} rounds."
    )
    print_heading("publish: the cost of torrent hashes", about)
    target = folder / "copies"

    def copying(name: str, hasher: Callable[[], Hasher]) -> Contender:
        def run() -> None:
            def one(path: Path) -> None:
                copy_hashing(path, target / path.name, hasher, sync=False)

            with ThreadPoolExecutor(os.cpu_count()) as threads:
                for _ in threads.map(one, files):
                    pass

        def prepare() -> None:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            os.sync()

        return Contender(name, run, prepare)

    costs = alternate((copying(_SEALED, PieceHasher), copying(_COPIED, hashlib.sha256)), rounds)
    shutil.rmtree(target)
    print_races([Race(_SEALED, _COPIED, costs[_SEALED], costs[_COPIED])])


def bench_publish(music: Music, folder: Path, held: Held, rounds: int) -> None:
    """Measure a whole publication, on masters that lie ready, against making a bag and a torrent of them."""
    files = [*files_in(music.songs), *files_in(music.waves)]
    about = (
        f"{len(files)} masters, {size_of(files) / 1e9:.2f} GB, on the same disk as the bag, {rounds} rounds."
    )
    print_heading("publish", about)
    bag, torrent = folder / "bag", folder / "bag.torrent"

    def fresh_folder() -> None:
        shutil.rmtree(bag, ignore_errors=True)
        bag.mkdir()
        torrent.unlink(missing_ok=True)
        for path in files:
            os.link(path, bag / path.name)
        os.sync()

    make_torrent = {
        _MKTORRENT: command("mktorrent", "-a", "udp://tracker.invalid:1", "-l", 18, "-o", torrent, bag),
        _LIBTORRENT: command(sys.executable, "-m", "benchmarks.libtorrent_hybrid", bag, torrent),
    }

    def peer(name: str, tool: str, processes: int) -> Contender:
        make_bag = command(sys.executable, BAGIT, "--quiet", "--sha256", "--processes", processes, bag)

        def run() -> None:
            make_bag()
            make_torrent[tool]()

        return Contender(name, run, fresh_folder)

    def fresh_archive() -> None:
        held.unpublish()
        os.sync()

    ours = Contender(_PUBLISH, command(*PHONO, "publish", held.archive), fresh_archive)
    cores = os.cpu_count() or 1
    peers = [
        peer(f"bagit.py{f' --processes {processes}' if processes > 1 else ''}, {tool}", tool, processes)
        for tool, processes in ((_MKTORRENT, 1), (_MKTORRENT, cores), (_LIBTORRENT, cores))
    ]
    costs = alternate((ours, *peers), rounds)
    shutil.rmtree(bag)
    targets = (2.0, 2.0, None)
    print_races(
        [
            Race(_PUBLISH, rival.name, costs[_PUBLISH], costs[rival.name], target)
            for rival, target in zip(peers, targets, strict=True)
        ]
    )
