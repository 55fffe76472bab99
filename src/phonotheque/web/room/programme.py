"""What can be heard now, to choose from: drawn by chance, the most listened, what the newest edition brought.

Candidates come from the shelves (web.subsonic), which are bounded and made ahead; what of them a visitor may
really hear is decided anew for each that is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count, islice
from sqlite3 import Row
from typing import Final

from starlette.requests import Request

from phonotheque.catalogue.shuffle import shuffled
from phonotheque.model.batches import batched
from phonotheque.web.room.heard import Heard, audio_of, unique
from phonotheque.web.room.state import Room
from phonotheque.web.subsonic.shelves import Shelves
from phonotheque.web.subsonic.shelving import MOST_LISTENED, NEWEST
from phonotheque.web.subsonic.view import View

_AT_ONCE: Final = 40  # candidates that are looked at together
_MOST: Final = 200  # candidates that are looked at for one page


@dataclass(frozen=True, slots=True)
class Programme:
    """Recordings that may be heard, and where the next begin; None where there are no more."""

    heard: tuple[Heard, ...]
    after: int | None


def shelves_of(request: Request) -> Shelves:
    """Return the shelves of the room that a request is made in."""
    shelves: Shelves = request.app.state.shelves
    return shelves


def by_chance(room: Room, request: Request, seed: str, after: int, number: int) -> Programme:
    """Return the next recordings of the order that ``seed`` gives to all, each as likely as any other."""
    with shelves_of(request).open(room.country(request)) as view:
        drawn = shuffled(seed, view.last(), after=after, most=_MOST)
        places = zip(count(after + 1), (place + 1 for place in drawn), strict=False)
        return _chosen(room, request, view, places, number)


def most_listened(room: Room, request: Request, after: int, number: int) -> Programme:
    """Return recordings in the order of listens, from those after a number on."""
    return _shelf(room, request, MOST_LISTENED, after, number)


def newest(room: Room, request: Request, after: int, number: int) -> Programme:
    """Return what the newest edition brought, in the order of listens."""
    return _shelf(room, request, NEWEST, after, number)


def of_the_day(room: Room, request: Request) -> Heard | None:
    """Return one recording that this visitor may hear: another one each day, the same all day long."""
    seed = f"{room.archive.settings.archive.id} {room.today()}"
    with shelves_of(request).open(room.country(request)) as view:
        drawn = ((place + 1, place + 1) for place in shuffled(seed, view.last(), after=0, most=_MOST))
        for most in (1, _MOST):  # most often it is the first: on that screen everybody waits
            if chosen := _chosen(room, request, view, islice(drawn, most), 1, more=False).heard:
                return chosen[0]
    return None


def _shelf(room: Room, request: Request, shelf: int, after: int, number: int) -> Programme:
    with shelves_of(request).open(room.country(request)) as view:
        numbers = view.numbers_on(shelf, after, _MOST)
        return _chosen(room, request, view, zip(numbers, numbers, strict=True), number)


def _chosen(
    room: Room,
    request: Request,
    view: View,
    candidates: Iterable[tuple[int, int]],
    number: int,
    *,
    more: bool = True,
) -> Programme:
    """Return the first so many of candidates, given by place and number, that this visitor may hear.

    Whether there are ``more`` is found out only if it is asked.
    """
    found: list[Heard] = []
    last, looked = None, 0
    for some in batched(candidates, min(_AT_ONCE, 4 * number)):
        rows = {row["number"]: row for row in view.songs_numbered(track for _, track in some)}
        heard = _heard(room, request, list(rows.values()))
        for place, track in some:
            if track in rows and heard[rows[track]["recording"]].played:
                if len(found) == number:
                    return Programme(tuple(found), last)
                found.append(heard[rows[track]["recording"]])
                if not more and len(found) == number:
                    return Programme(tuple(found), None)
            last, looked = place, looked + 1
    return Programme(tuple(found), last if looked == _MOST else None)


def _heard(room: Room, request: Request, rows: Sequence[Row]) -> dict[str, Heard]:
    named = {row["recording"]: [one for one in (row["sha256"], row["copy_sha256"]) if one] for row in rows}
    pictures = {row["recording"]: json.loads(row["facts"]).get("cover") or row["cover"] for row in rows}
    hashes = chain(chain.from_iterable(named.values()), filter(None, pictures.values()))
    found = audio_of(room, request, hashes)
    shown = {sha256 for sha256 in pictures.values() if any(one.heard for one in found.get(sha256, ()))}
    return {
        row["recording"]: Heard(
            recording=row["recording"],
            title=row["title"],
            artist=row["artist"],
            files=unique(named[row["recording"]], found),
            cover=f"/cover/{picture}" if (picture := pictures[row["recording"]]) in shown else None,
        )
        for row in rows
    }
