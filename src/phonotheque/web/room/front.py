"""The first screen: what this is, how it stands, where to begin."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.web.room import listen
from phonotheque.web.room.heard import Heard
from phonotheque.web.room.pages import page, room_of
from phonotheque.web.room.programme import of_the_day, shelves_of
from phonotheque.web.room.state import Room
from phonotheque.web.subsonic.answers import CallError

ROUTES: Final = APIRouter()
ROUTES.include_router(listen.ROUTES)


@ROUTES.api_route("/", methods=["GET", "HEAD"])
def front(request: Request) -> Response:
    """Answer the first screen."""
    room = room_of(request)
    shelves = shelves_of(request)
    one = _of_the_day(room, request) if shelves.ready else None
    return page(
        request,
        "front.html.j2",
        one=one,
        filling=shelves.filling,
        edition=room.published.current(),
        is_mirror=room.archive.is_mirror,
    )


def _of_the_day(room: Room, request: Request) -> Heard | None:
    try:
        return of_the_day(room, request)
    except CallError:  # there is no edition any more
        return None
