"""Fingerprints against fpcalc's: how many bits differ."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.music import Music, files_in
from benchmarks.results import Figure, print_figures, print_heading
from phonotheque.audio.examine import examine
from phonotheque.model.audio import Integrity, Refusal

_TARGET = 0.001
_MEDLEYS = 6  # of each format
_SAMPLES = Path(__file__).parents[2] / "shared" / "samples" / "music"
_SOUND = {".flac", ".mp3", ".ogg", ".opus", ".m4a"}


@dataclass(frozen=True, slots=True)
class _Compared:
    """Bits compared and bits that differ; ``uneven``: files whose fingerprints differ in length."""

    files: int
    bits: int
    wrong: int
    uneven: int


def bench_fingerprint(music: Music) -> None:
    """Compare with fpcalc, place by place: no alignment hides a shift."""
    print_heading(
        "fingerprint", "Bits that differ from fpcalc’s fingerprint, of all bits, over files that are whole."
    )
    figures = []
    for name, files in _sets(music):
        compared = _compare(files)
        rate = compared.wrong / compared.bits
        about = f"{name}: {compared.files} files, {compared.bits:,} bits"
        if compared.uneven:
            about += f"; {compared.uneven} differ in length by a frame or more"
        figures.append(Figure(about, f"{rate:.4%}", f"≤ {_TARGET:.1%}", met=rate <= _TARGET))
    print_figures(figures)
    if not _SAMPLES.is_dir():
        print("The real samples (../shared/samples/music) are not here: left out.\n")


def _sets(music: Music) -> Iterable[tuple[str, list[Path]]]:
    yield "the demonstration’s recordings", sorted(p for p in music.demo.rglob("*") if p.suffix in _SOUND)
    songs = files_in(music.songs)
    for suffix in sorted({song.suffix for song in songs}):
        yield f"medleys, {suffix[1:]}", [song for song in songs if song.suffix == suffix][:_MEDLEYS]
    if _SAMPLES.is_dir():
        yield "real samples", sorted(p for p in _SAMPLES.iterdir() if p.suffix in _SOUND)


def _compare(files: Sequence[Path]) -> _Compared:
    count = bits = wrong = uneven = 0
    for path in files:
        facts = examine(path, loudness=False)
        theirs = _fpcalc(path)
        if isinstance(facts, Refusal) or not facts.fingerprint or theirs is None:
            continue
        if facts.integrity is Integrity.DAMAGED:  # what is heard behind the damage is each decoder's guess
            continue
        ours = np.frombuffer(facts.fingerprint, dtype="<u4")
        overlap = min(len(ours), len(theirs))
        count += 1
        bits += 32 * overlap
        wrong += int(np.bitwise_count(ours[:overlap] ^ theirs[:overlap]).sum(dtype=np.int64))
        uneven += len(ours) != len(theirs)
    return _Compared(count, bits, wrong, uneven)


def _fpcalc(path: Path) -> np.ndarray[tuple[int], np.dtype[np.uint32]] | None:
    """Return fpcalc's fingerprint; None for a file that it finds no sound in."""
    done = subprocess.run(["fpcalc", "-raw", "-plain", path], capture_output=True, check=False)
    if not done.stdout.strip():
        return None
    return np.array([int(word) for word in done.stdout.split(b",")], dtype=np.uint32)
