"""Recordings as they may be heard: what a visitor gets of each, here and today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from starlette.requests import Request

from phonotheque.catalogue.views import RecordingView
from phonotheque.web.room import hearing_ledger, hearing_mirror
from phonotheque.web.room.hearing import Access, Audio, Basis, to_play
from phonotheque.web.room.state import Room

MOST = 1000  # recordings that are looked at together: as many as a release shows


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
    def attribution(self) -> tuple[str, ...]:
        """How to name who made it."""
        return self.played[0].attribution if self.played else ()

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
    return Heard(view.id, view.title, view.artist, unique(view.files, found))


def heard_of(
    room: Room, request: Request, named: Sequence[tuple[str, str | None, str | None]]
) -> dict[str, Heard]:
    """Return what may be heard of several recordings, each given by its id, title and artist."""
    catalogue = room.catalogue
    wanted = list(dict.fromkeys(recording for recording, _, _ in named))[:MOST]
    files = catalogue.files_of(wanted) if catalogue else {}
    found = audio_of(room, request, chain.from_iterable(files.values()))
    told = {recording: (title, artist) for recording, title, artist in named}
    return {
        recording: Heard(recording, *told[recording], unique(files.get(recording, ()), found))
        for recording in wanted
    }


def unique(hashes: Iterable[str], found: Mapping[str, Sequence[Audio]]) -> tuple[Audio, ...]:
    """Return what was found under some hashes, each file once."""
    return tuple({one.sha256: one for sha256 in hashes for one in found.get(sha256, ())}.values())
