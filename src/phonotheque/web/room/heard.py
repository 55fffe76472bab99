"""Recordings as they may be heard: what a visitor gets of each, here and today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from sqlalchemy import select
from starlette.requests import Request

from phonotheque.catalogue.views import RecordingView
from phonotheque.ledger.schema import files as ledger_files
from phonotheque.ledger.sidecars import SidecarRow, sidecars_of
from phonotheque.model.sidecars import SidecarKind
from phonotheque.web.room import hearing_ledger, hearing_mirror
from phonotheque.web.room.hearing import Access, Audio, Basis, to_play
from phonotheque.web.room.state import Room

MOST: Final = 1000  # recordings that are looked at together: as many as a release shows
_FEW: Final = 50  # masters of which covers are looked for
_SHOWN: Final = ("front", "medium", "other")  # what pictures show, the best first


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording and the files of it that are held. ``files`` may be empty: it is only known."""

    recording: str
    title: str | None
    artist: str | None
    files: tuple[Audio, ...]
    cover: str | None = None  # the address of a picture, if one may be shown

    @property
    def played(self) -> list[Audio]:
        """What a browser may play of it, the first choice first."""
        return to_play(self.files)

    @property
    def taken(self) -> list[Audio]:
        """What may be downloaded."""
        return [one for one in self.files if one.take.access is Access.ALLOWED]

    @property
    def withdrawn(self) -> bool:
        """Whether all of it that is known here was taken back."""
        return bool(self.files) and all(one.hear.access is Access.WITHDRAWN for one in self.files)

    @property
    def bases(self) -> tuple[Basis, ...]:
        """On what it may be heard: that of the file which is played."""
        return self.played[0].bases if self.played else ()

    @property
    def sources(self) -> list[dict[str, str]]:
        """Addresses and media types for a browser to choose from."""
        return [{"src": f"/stream/{one.sha256}", "type": one.played} for one in self.played if one.played]

    @property
    def barred(self) -> bool:
        """Whether some of it is held, and none may be heard by the visitor."""
        return bool(self.files) and not any(one.heard for one in self.files)

    @property
    def seconds(self) -> float | None:
        """How long what is played takes."""
        return self.played[0].seconds if self.played else None


def audio_of(room: Room, request: Request, hashes: Iterable[str]) -> dict[str, list[Audio]]:
    """Return what is held, by SHA-256 (of masters or others), and what this visitor may do with it."""
    country, on = room.country(request), room.today()
    if room.archive.is_mirror:
        return hearing_mirror.audio_of(room.archive, room.guard, hashes, country, on)
    return hearing_ledger.audio_of(room.archive, hashes, country, on)


def one_file(room: Room, request: Request, sha256: str) -> Audio | None:
    """Return the file with this SHA-256, None if it is not held (and was not taken back)."""
    found = audio_of(room, request, [sha256]).get(sha256, ())
    return next((one for one in found if one.sha256 == sha256), None)


def heard(room: Room, request: Request, view: RecordingView) -> Heard:
    """Return what may be heard of a recording that was looked up."""
    found = audio_of(room, request, view.files)
    one = Heard(view.id, view.title, view.artist, unique(view.files, found))
    return replace(one, cover=cover_of(room, request, view.files)) if one.played else one


def heard_of(
    room: Room,
    request: Request,
    named: Sequence[tuple[str, str | None, str | None]],
    *,
    together: bool = False,
) -> dict[str, Heard]:
    """Return what may be heard of several recordings, each given by its id, title and artist.

    Those of one release go ``together``: what picture there is, is that of all of them.
    """
    catalogue = room.catalogue
    wanted = list(dict.fromkeys(recording for recording, _, _ in named))[:MOST]
    files = catalogue.files_of(wanted) if catalogue else {}
    found = audio_of(room, request, chain.from_iterable(files.values()))
    told = {recording: (title, artist) for recording, title, artist in named}
    cover = cover_of(room, request, chain.from_iterable(files.values())) if together else None
    return {
        recording: Heard(recording, *told[recording], unique(files.get(recording, ()), found), cover)
        for recording in wanted
    }


def unique(hashes: Iterable[str], found: Mapping[str, Sequence[Audio]]) -> tuple[Audio, ...]:
    """Return what was found under some hashes, each file once."""
    return tuple({one.sha256: one for sha256 in hashes for one in found.get(sha256, ())}.values())


def cover_of(room: Room, request: Request, masters: Iterable[str]) -> str | None:
    """Return the address of the picture to show beside music, given the SHA-256 of masters.

    None where nothing may be shown to this visitor, and on a mirror, whose bags do not tell quickly.
    """
    wanted = list(dict.fromkeys(masters))[:_FEW]
    if room.archive.is_mirror or not wanted:
        return None
    with room.archive.ledger.connect() as ledger:
        ids = list(
            ledger.execute(select(ledger_files.c.id).where(ledger_files.c.sha256.in_(wanted))).scalars()
        )
        rows = [row for of_one in sidecars_of(ledger, ids).values() for row in of_one if _is_shown(row)]
    rows.sort(key=lambda row: _SHOWN.index(row.role))
    found = audio_of(room, request, [row.sha256 for row in rows[:_FEW]])
    for row in rows[:_FEW]:
        if any(one.heard for one in found.get(row.sha256, ())):
            return f"/cover/{row.sha256}"
    return None


def _is_shown(row: SidecarRow) -> bool:
    return row.held and row.kind is SidecarKind.PICTURE and row.role in _SHOWN
