"""A small folder of music for tests that run the whole job many times: made in a second, free to share."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from phonotheque.cli.demo.encoding import FLAC, MP3, OPUS, Format, encode
from phonotheque.cli.demo.labels import Basis, Label, write_rights, write_tags
from phonotheque.cli.demo.performance import Stereo
from phonotheque.cli.demo.synthesis import RATE

_SUFFIXES = {"flac": ".flac", "ogg": ".opus", "mp3": ".mp3"}
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)  # semitones above the ground note


def write_album(
    folder: Path,
    artist: str,
    *,
    forms: tuple[Format, ...] = (FLAC, OPUS, MP3),
    tracks: int = 4,
    seed: int = 0,
) -> list[Path]:
    """Write an album of short pieces that are CC0 by their tags; return the files. Same seed, same music."""
    place = folder / artist
    place.mkdir(parents=True)
    files = []
    for number in range(1, tracks + 1):
        form = forms[(number - 1) % len(forms)]
        path = place / f"{number:02} Étude {number}{_SUFFIXES[form.container]}"
        encode(_piece(seed * 100 + number, seconds=3 + number % 3), path, form)
        isrc = f"ZZPHN{20 + seed:02}{number:05}"
        label = Label(
            f"Étude {number}", artist, f"Études {seed}", "2024", artist, isrc, number, tracks, Basis.TAG
        )
        write_tags(path, label)
        write_rights(path, label)
        files.append(path)
    return files


def write_unwanted(folder: Path) -> None:
    """Write what cannot be taken in, and what may not go out: each must survive a kill as what it is."""
    (folder / "Not music.mp3").write_text("This is a letter that somebody gave the wrong name.\n" * 40)
    unstated = folder / "Nobody knows.flac"
    encode(_piece(9999, seconds=2), unstated, FLAC)
    write_tags(
        unstated, Label("Nobody knows", "Nobody", "Nothing", "2024", "", "ZZPHN9900001", 1, 1, Basis.NONE)
    )


def _piece(seed: int, *, seconds: int) -> Stereo:
    """Play a random tune, eight notes a second, over a little noise: no two sound alike."""
    random = np.random.default_rng(seed)
    ground = 220 * 2 ** (random.integers(0, 12) / 12)
    length = RATE // 8
    moments = np.arange(length) / RATE
    notes = []
    for step in random.choice(_SCALE, seconds * 8):
        pitch = ground * 2 ** (step / 12)
        tone = sum(np.sin(2 * np.pi * pitch * k * moments) / k for k in (1, 2, 3, 5))
        notes.append(tone * np.exp(-6 * moments))
    mono = 0.2 * np.concatenate(notes) + 0.01 * random.standard_normal(len(notes) * length)
    pan = random.uniform(0.3, 0.7)
    return np.stack([mono * pan, mono * (1 - pan)], axis=1).astype(np.float32)
