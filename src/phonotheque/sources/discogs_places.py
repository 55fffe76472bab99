"""Positions as Discogs prints them → the number of the medium and of the track on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

# “7”, “1-3”, “CD2-4”, “DVD-1”, “2.4”, “1-5.2”, “11.a”, “3b”: medium, its number, track, and a part of it.
_MEDIUM = "cdr?|sacd|hdcd|dvd(?:-[av])?|bd|blu-?ray|br|lp|mc|vhs|vcd|dat|md|file|usb|data"
_PLACE = re.compile(
    rf"(?:((?:{_MEDIUM}) ?)?([0-9]{{0,3}})-)?([0-9]{{1,4}})(?:\.?[a-z]|\.([0-9]{{1,3}}))?",
    re.IGNORECASE,
)


@lru_cache(maxsize=1 << 13)
def places(positions: Sequence[str], parts: Sequence[bool]) -> tuple[list[int | None], list[int]]:
    """Return for each track the number of its medium, where there are several, and its own on that medium.

    Given all positions of a release in order. ``parts`` says which of them are parts of a longer track: “5.2”
    may be a part of track 5, or track 2 of medium 5. Where a position says no number (sides of a record:
    “A1”, or nothing), tracks are counted from 1.
    """
    media: dict[tuple[str, str], int] = {}  # by how they are written
    counted = 0
    discs: list[int | None] = []
    numbers: list[int] = []
    for position, part in zip(positions, parts, strict=True):
        kind, medium, track, below = _parts(position)
        if below and not part and not kind and not medium:
            medium, track = track, below
        if kind or medium:
            discs.append(_medium(media, kind, medium))
            numbers.append(int(track))
        else:
            counted = int(track) if track else counted + 1
            discs.append(None)
            numbers.append(counted)
    return discs, numbers


def _parts(position: str) -> tuple[str, str, str, str]:
    """Return the kind of medium, its number, the track and the part of it, each as printed, or “”."""
    match = _PLACE.fullmatch(position)
    kind, medium, track, below = match.groups("") if match else ("", "", "", "")
    return kind.strip().lower(), medium, track, below


def _medium(media: dict[tuple[str, str], int], kind: str, number: str) -> int:
    """The number that is printed, unless another kind of medium has it already (“CD1”, “DVD1”)."""
    key = (kind, number.lstrip("0"))
    if key not in media:
        printed = int(number) if number.strip("0") else 0
        free = printed and printed not in media.values()
        media[key] = printed if free else max(media.values(), default=0) + 1
    return media[key]
