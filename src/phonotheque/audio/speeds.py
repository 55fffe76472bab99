"""Fingerprints of a sound as it was before somebody played it faster or slower, pitch included."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from phonotheque.audio.fingerprint import Fingerprinter
from phonotheque.audio.identify import open_regular, sniff
from phonotheque.audio.second_opinion import decode_somehow

# A quarter of a percent apart: an eighth beside the true speed, some .07 of the bits differ and ten of forty
# values are still found; a quarter beside, .12 and sometimes not one.
SPEEDS: Final = tuple(round(1 + n / 400, 4) for n in range(-32, 33) if n)


def fingerprints_at(path: Path, speeds: tuple[float, ...] = SPEEDS) -> list[bytes]:
    """Return, for each speed, the fingerprint of what the file at ``path`` was before it was played so fast.

    One decode; 2.6 MB are kept for each speed. Raises UndecodableError, OSError.
    """
    hearing = [Fingerprinter(speed) for speed in speeds]
    with open_regular(path) as file:
        decode_somehow(file, hearing, demuxer=sniff(file))
    return [one.result() for one in hearing]
