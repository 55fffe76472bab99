"""The files that are measured with: the demonstration's recordings, medleys of them, and noise.

Medleys are as long as songs are. Each is another order of recordings at another speed, so that no two hold
the same sound, nor seem to: their fingerprints have as little in common as those of unrelated music. Noise
makes gigabytes quickly, for what only copies and hashes.
"""

from __future__ import annotations

import random
import subprocess
import wave
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phonotheque.cli.demo.collection import Kind, make_collection

RATE: Final = 44_100  # Hz
SECONDS: Final = 240
NOISE_SECONDS: Final = 480
_RECORDINGS: Final = 13  # in a medley, of some 25 s each: enough at any speed
_SLOWEST, _FASTEST = 0.8, 1.25
_RIGHTS: Final = """\
[[rights]]
files = ["*"]
licence = "CC0-1.0"
holder = "Phonotheque’s benchmarks"
evidence = "Old tunes, played by a program on the spot"
asserted_by = "Phonotheque’s benchmarks"
"""

Sound = NDArray[np.int16]  # (samples, 2)


@dataclass(frozen=True, slots=True)
class Music:
    """Folders of files. ``songs`` holds FLAC, MP3 and Vorbis in equal parts; ``waves`` noise, as WAV."""

    demo: Path
    songs: Path
    waves: Path


@dataclass(frozen=True, slots=True)
class _Medley:
    number: int
    path: Path
    encoder: tuple[str, ...]


def make_music(folder: Path, *, songs: int, waves: int) -> Music:
    """Make what is not there yet, on all cores. Takes about a minute."""
    music = Music(folder / "demo", folder / "songs", folder / "waves")
    for place in (music.songs, music.waves):
        place.mkdir(exist_ok=True)
        (place / "rights.toml").write_text(_RIGHTS, encoding="utf-8")
    if missing := [medley for medley in _medleys(music.songs, songs) if not medley.path.exists()]:
        made = make_collection(music.demo)
        recordings = [_decoded(music.demo / one.path) for one in made.of(Kind.GOOD)]
        with ThreadPoolExecutor() as threads:
            for _ in threads.map(lambda medley: _play(medley, recordings), missing):
                pass
    for number in range(waves):
        if not (path := music.waves / f"{number:03}.wav").exists():
            _make_noise(path, number)
    return music


def files_in(folder: Path) -> list[Path]:
    """Return the music in a folder made here, in order."""
    return sorted(path for path in folder.iterdir() if path.suffix != ".toml")


def size_of(files: Sequence[Path]) -> int:
    """Return how many bytes some files have together."""
    return sum(path.stat().st_size for path in files)


def _medleys(folder: Path, count: int) -> list[_Medley]:
    kinds = (
        (".flac", ("-c:a", "flac")),
        (".mp3", ("-c:a", "libmp3lame", "-b:a", "192k", "-compression_level", "7")),
        (".ogg", ("-c:a", "libvorbis", "-q:a", "5")),
    )
    return [
        _Medley(number, folder / f"{number:03}{kinds[number % 3][0]}", kinds[number % 3][1])
        for number in range(count)
    ]


def _make_noise(path: Path, number: int) -> None:
    partial = path.with_name(f".{path.name}")
    random = np.random.default_rng(number)
    with wave.open(str(partial), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", "not compressed"))
        for _ in range(NOISE_SECONDS):
            file.writeframes(random.bytes(4 * RATE))
    partial.rename(path)


def _decoded(path: Path) -> Sound:
    arguments = ("ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-map", "0:a")
    form = ("-f", "s16le", "-ar", str(RATE), "-ac", "2", "-")
    done = subprocess.run([*arguments, *form], stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, dtype=np.int16).reshape(-1, 2)


def _play(medley: _Medley, recordings: Sequence[Sound]) -> None:
    chance = random.Random(medley.number)
    order = chance.sample(range(len(recordings)), _RECORDINGS)
    sound = np.concatenate([recordings[which] for which in order])
    claimed = round(RATE * chance.uniform(_SLOWEST, _FASTEST))  # a wrong rate changes the speed
    tags = {
        "title": f"Medley {medley.number}",
        "artist": f"Orchestra {medley.number // 12}",
        "album": f"Medleys {medley.number // 12}",
        "track": str(medley.number % 12 + 1),
        "date": "2024",
    }
    metadata = [word for key, value in tags.items() for word in ("-metadata", f"{key}={value}")]
    partial = medley.path.with_name(f".{medley.path.name}")
    reading = ["ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(claimed), "-ac", "2", "-i", "-"]
    writing = ["-t", str(SECONDS), "-ar", str(RATE), *metadata, *medley.encoder]
    into = ["-f", medley.path.suffix[1:], str(partial)]
    subprocess.run([*reading, *writing, *into], input=sound.tobytes(), check=True)
    partial.rename(medley.path)
