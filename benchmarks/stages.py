"""Where the time of taking in a song goes, and where that of its peers: processor time of each part."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.measure import Contender, alternate, command
from benchmarks.music import Music, files_in
from benchmarks.results import print_heading, print_times
from phonotheque.audio.decode import decode
from phonotheque.audio.examine import examine
from phonotheque.audio.fingerprint import Fingerprinter
from phonotheque.audio.flac import FlacMd5
from phonotheque.audio.loudness import LoudnessMeter
from phonotheque.audio.samples import PcmHash
from phonotheque.vault.place import feed

_Measured = PcmHash | Fingerprinter | LoudnessMeter | FlacMd5

_PEERS = {
    "ffmpeg, decoding": ("ffmpeg", "-v", "error", "-nostdin", "-i", None, "-f", "null", "-"),
    "ffmpeg, decoding into ebur128": (
        *("ffmpeg", "-v", "error", "-nostdin", "-i", None),
        *("-af", "ebur128", "-f", "null", "-"),
    ),
    "fpcalc": ("fpcalc", None),
    "sha256sum": ("sha256sum", None),
}


def bench_stages(music: Music, rounds: int) -> None:
    """Measure each part by itself, on one song of each format, in one process."""
    print_heading("add: the parts", f"Processor time for one song of 4 minutes, {rounds} rounds.")
    songs = {song.suffix: song for song in reversed(files_in(music.songs))}
    columns = [_parts(song, rounds) for _, song in sorted(songs.items())]
    rows = {name: [column.get(name) for column in columns] for name in columns[0]}
    print_times([suffix[1:].upper() for suffix in sorted(songs)], rows)


def _parts(song: Path, rounds: int) -> dict[str, float]:
    """Return CPU seconds by part. What consumes decoded sound costs what it adds to decoding alone."""
    consumers: dict[str, Callable[[], _Measured]] = {
        "SHA-256 of the samples": PcmHash,
        "fingerprint": Fingerprinter,
        "loudness": LoudnessMeter,
    }
    if song.suffix == ".flac":
        consumers["MD5 of the samples, as FLAC states it"] = partial(FlacMd5, 16)
    alone = Contender("decoding alone", lambda: _decode(song))
    added = [Contender(name, partial(_decode, song, make)) for name, make in consumers.items()]
    others = [
        Contender("SHA-256 of the file", lambda: feed(song, hashlib.sha256())),
        Contender("all without loudness", lambda: examine(song, loudness=False)),
        Contender("all", lambda: examine(song)),
        *(
            Contender(name, command(*(song if word is None else word for word in words)))
            for name, words in _PEERS.items()
        ),
    ]
    costs = {name: cost.cpu for name, cost in alternate((alone, *added, *others), rounds).items()}
    return {name: cpu - costs[alone.name] if name in consumers else cpu for name, cpu in costs.items()}


def _decode(song: Path, make: Callable[[], _Measured] | None = None) -> None:
    consumer = make() if make else None
    with song.open("rb", buffering=0) as file:
        decode(file, song.stat().st_size, [consumer] if consumer else [])
    if consumer:
        consumer.result()
