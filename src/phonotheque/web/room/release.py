"""The page of a release: its tracks in order, and from whom everything is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.catalogue.views import Fact, ReleaseTrack, ReleaseView
from phonotheque.editions.jsonld import describe_release
from phonotheque.model.errors import NotFoundError
from phonotheque.web.looking.voice import Voice, voice
from phonotheque.web.room.addresses import site
from phonotheque.web.room.languages import locale
from phonotheque.web.room.pages import _, language_of, page, refusal, room_of
from phonotheque.web.room.state import Room
from phonotheque.web.room.things import MOST_SAYERS, begun, bounded, by_field, found, led, playable

ROUTES: Final = APIRouter()


@dataclass(frozen=True, slots=True)
class Disc:
    """The tracks of one disc. ``number`` is None where nobody counted discs."""

    number: int | None
    tracks: Sequence[ReleaseTrack]


@ROUTES.api_route("/release/{key}", methods=["GET", "HEAD"])
def release(request: Request, key: str) -> Response:
    """Answer the page of a release; whoever asks by another of its names is led to its own address."""
    room = room_of(request)
    try:
        view = found(room, key)
    except NotFoundError:
        missing = _("There is no release “%(name)s”. Search for one of its recordings.")
        return refusal(request, 404, missing, name=key[:100])
    if not isinstance(view, ReleaseView) or view.id != key:
        return led(request, view)
    language = language_of(request)
    address = f"{site(request)}{language}/release/{view.id}"
    return page(
        request,
        "release.html.j2",
        view=view,
        heard=playable(room, request, [track.recording for track in view.tracks]),
        address=address,
        discs=list(_discs(view.tracks)),
        total=sum(track.recording.duration_ms or 0 for track in view.tracks),
        held=sum(track.recording.files > 0 for track in view.tracks),
        facts=by_field(view.facts),
        dated=dates_of(room, view.facts),
        most_sayers=MOST_SAYERS,
        country_name=locale(language).territories.get(view.country or "", view.country),
        type_words=_type(view.type, voice(language)),
        about=_about(view, voice(language)),
        described=bounded(describe_release(view) | {"url": address}),
    )


def dates_of(room: Room, facts: Iterable[Fact]) -> dict[str, str]:
    """Return when the accessions were begun that took in what facts rest on."""
    with room.archive.ledger.connect() as ledger:
        return begun(ledger, {by.accession for fact in facts for by in fact.said_by})


def _discs(tracks: Sequence[ReleaseTrack]) -> Iterator[Disc]:
    for number, some in groupby(tracks, key=lambda track: track.disc_number):
        yield Disc(number, list(some))


def _about(view: ReleaseView, spoken: Voice) -> str:
    _n = spoken.counted
    return _n("%(number)s track", "%(number)s tracks", len(view.tracks))


_TYPES: Final = {
    "album": _("Album"),
    "audio drama": _("Audio drama"),
    "audiobook": _("Audiobook"),
    "broadcast": _("Broadcast"),
    "compilation": _("Compilation"),
    "demo": _("Demo"),
    "dj-mix": _("DJ mix"),
    "ep": _("EP"),
    "field recording": _("Field recording"),
    "interview": _("Interview"),
    "live": _("Live recording"),
    "mixtape": _("Mixtape"),
    "other": _("Other"),
    "remix": _("Remix"),
    "single": _("Single"),
    "soundtrack": _("Soundtrack"),
    "spokenword": _("Spoken word"),
}


def _type(name: str | None, spoken: Voice) -> str | None:
    return spoken.gettext(_TYPES[name]) if name in _TYPES else name
