"""The page of an artist: the most listened recordings, other names, and identifiers elsewhere."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.catalogue.views import ArtistView
from phonotheque.editions.jsonld import address_of, describe_artist
from phonotheque.model.errors import NotFoundError
from phonotheque.web.looking.voice import voice
from phonotheque.web.room.addresses import site
from phonotheque.web.room.languages import locale
from phonotheque.web.room.pages import _, language_of, page, refusal, room_of
from phonotheque.web.room.release import dates_of
from phonotheque.web.room.things import MOST_SAYERS, bounded, by_field, found, led, playable

ROUTES: Final = APIRouter()
_MOST_NAMES: Final = 100  # aliases that are shown
_TYPES: Final = {
    "Person": _("Person"),
    "Group": _("Group"),
    "Orchestra": _("Orchestra"),
    "Choir": _("Choir"),
    "Character": _("Character"),
    "Other": _("Other"),
}


@ROUTES.api_route("/artist/{key}", methods=["GET", "HEAD"])
def artist(request: Request, key: str) -> Response:
    """Answer the page of an artist; whoever asks by another of their names is led to their own address."""
    room = room_of(request)
    try:
        view = found(room, key)
    except NotFoundError:
        missing = _("There is no artist “%(name)s”. Search for one of their recordings.")
        return refusal(request, 404, missing, name=key[:100])
    if not isinstance(view, ArtistView) or view.id != key:
        return led(request, view)
    language = language_of(request)
    spoken = voice(language)
    _n = spoken.counted
    address = f"{site(request)}{language}/artist/{view.id}"
    return page(
        request,
        "artist.html.j2",
        view=view,
        heard=playable(room, request, view.recordings),
        address=address,
        aliases=view.aliases[:_MOST_NAMES],
        identifiers=[(name, address_of(name)) for name in view.identifiers[:_MOST_NAMES]],
        facts=by_field(view.facts),
        dated=dates_of(room, view.facts),
        most_sayers=MOST_SAYERS,
        country_name=locale(language).territories.get(view.country or "", view.country),
        type_words=spoken.gettext(_TYPES[view.type]) if view.type in _TYPES else view.type,
        about=_n("%(number)s recording", "%(number)s recordings", view.total),
        described=bounded(describe_artist(view) | {"url": address}),
    )
