"""The door to what can be heard now: drawn by chance, the most listened, what the newest edition brought."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.web.room.pages import page, room_of
from phonotheque.web.room.programme import Programme, by_chance, most_listened, newest, shelves_of
from phonotheque.web.subsonic.answers import CallError

ROUTES: Final = APIRouter()
_SHOWN: Final = 24
_FURTHEST: Final = 2**53


class By(StrEnum):
    """In which order."""

    CHANCE = "chance"
    LISTENS = "listens"
    NEW = "new"


@ROUTES.api_route("/listen", methods=["GET", "HEAD"])
def listen(
    request: Request,
    by: By = By.CHANCE,
    seed: Annotated[str, Query(max_length=40, pattern="^[0-9A-Za-z-]*$")] = "",
    after: Annotated[int, Query(ge=0, le=_FURTHEST)] = 0,
) -> Response:
    """Answer a page of recordings that the visitor may hear; what is drawn by chance is so for each seed."""
    room = room_of(request)
    seed = seed or str(room.today())
    found, filling = Programme((), None), False
    try:
        if by is By.CHANCE:
            found = by_chance(room, request, seed, after, _SHOWN)
        else:
            found = (most_listened if by is By.LISTENS else newest)(room, request, after, _SHOWN)
    except CallError:  # there are no shelves (yet)
        filling = shelves_of(request).filling
    return page(
        request,
        "listen.html.j2",
        by=by.value,
        seed=seed,
        after=after,
        found=found,
        filling=filling,
        edition=room.published.current(),
        another=secrets.token_hex(4),
    )
