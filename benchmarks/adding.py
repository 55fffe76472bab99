"""phono add against ffmpeg, fpcalc and sha256sum, one after another per file, files side by side."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from benchmarks.measure import Contender, alternate, command
from benchmarks.music import Music, files_in, size_of
from benchmarks.results import Race, print_heading, print_races

PHONO = (sys.executable, "-m", "phonotheque.cli.main")

_OURS, _OURS_LOUD = "phono add --no-loudness", "phono add"
_PEER, _PEER_LOUD = "ffmpeg, fpcalc, sha256sum", "ffmpeg with ebur128, fpcalc, sha256sum"


def new_archive(archive: Path) -> None:
    """Make an empty archive in place of what is there."""
    shutil.rmtree(archive, ignore_errors=True)
    command(*PHONO, "init", archive, "--name", "Benchmark", "--mandate", "Made here, to be measured.")()


def bench_add(music: Music, folder: Path, rounds: int) -> None:
    """Measure taking in songs, on all cores."""
    songs = files_in(music.songs)
    about = f"{len(songs)} songs of 4 minutes (FLAC, MP3, Vorbis), {size_of(songs) / 1e6:.0f} MB, "
    print_heading("add", f"{about}{os.cpu_count()} processes each, {rounds} rounds.")
    archive = folder / "archive"
    paths = b"\0".join(os.fsencode(song) for song in songs)

    def ours(name: str, *options: str) -> Contender:
        run = command(*PHONO, "add", archive, music.songs, *options)
        return Contender(name, run, lambda: new_archive(archive))

    def peer(name: str, *filters: str) -> Contender:
        decode = " ".join(("ffmpeg -v error -nostdin -i", '"$1"', *filters, "-f null -"))
        script = f'set -e; {decode}; fpcalc "$1"; sha256sum "$1"'
        each = ("xargs", "-0", "-n1", f"-P{os.cpu_count()}", "sh", "-c", script, "sh")
        return Contender(name, command(*each, given=paths))

    costs = alternate(
        (
            ours(_OURS, "--no-loudness"),
            peer(_PEER),
            ours(_OURS_LOUD),
            peer(_PEER_LOUD, "-af", "ebur128"),
        ),
        rounds,
    )
    print_races(
        [
            Race(_OURS, _PEER, costs[_OURS], costs[_PEER], target=2.5),
            Race(_OURS_LOUD, _PEER, costs[_OURS_LOUD], costs[_PEER], target=2.0),
            Race(_OURS_LOUD, _PEER_LOUD, costs[_OURS_LOUD], costs[_PEER_LOUD]),
        ]
    )
