"""The random button: a true shuffle of the catalogue, or of what is held of it, to leaf through."""

from __future__ import annotations

import re
import secrets
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.catalogue.held_table import HeldTable
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.shuffle import shuffled
from phonotheque.catalogue.views import Hit
from phonotheque.model.errors import UsageError
from phonotheque.web.room.pages import language_of, page, room_of

ROUTES: Final = APIRouter()
_SHOWN: Final = 20
_SEED: Final = re.compile(r"[0-9A-Za-z_-]{1,40}")
_PLACE: Final = re.compile(r"[0-9]{1,12}")
_OF: Final = ("all", "held")


@ROUTES.api_route("/random", methods=["GET", "HEAD"])
def random(request: Request) -> Response:
    """Answer a page of a shuffled list; without a seed in the address, lead to a new list."""
    room, said = room_of(request), request.query_params
    of, seed, after = said.get("of", "") or "all", said.get("seed", ""), said.get("after", "") or "0"
    if of not in _OF or (seed and not _SEED.fullmatch(seed)) or not _PLACE.fullmatch(after):
        raise UsageError("There is no such shuffled list.", "Begin a new one: leave out what follows “?”.")
    catalogue = room.catalogue
    if catalogue is None:
        return page(request, "random.html.j2", hits=None, of=of)
    if not seed:
        drawn = urlencode({"of": of, "seed": secrets.token_urlsafe(9), "in": catalogue.snapshot.stamp})
        return RedirectResponse(
            f"/{language_of(request)}/random?{drawn}", status_code=303, headers={"Cache-Control": "no-store"}
        )
    stamp = said.get("in", "") or catalogue.snapshot.stamp
    asked = catalogue if stamp == catalogue.snapshot.stamp else room.earlier.of(stamp)
    renewed, asked = asked is None, asked or catalogue
    held = room.holding.of(asked.snapshot, current=asked is catalogue)
    if of == "held" and held is None:
        return page(request, "random.html.j2", hits=(), of=of, number=None, waiting=True)
    number = held.held if of == "held" and held else asked.counts()["recordings"]
    place = 0 if renewed else int(after)
    before = said.get("number", "")
    query = {"of": of, "seed": seed, "in": asked.snapshot.stamp, "number": str(number)}
    hits = _drawn(asked, held if of == "held" else None, seed, number, place)
    return page(
        request,
        "random.html.j2",
        hits=hits,
        of=of,
        number=number,
        waiting=False,
        place=place,
        renewed=renewed or (bool(before) and before != str(number)),
        next=query | {"after": str(place + _SHOWN)} if place + _SHOWN < number else None,
    )


def _drawn(catalogue: Catalogue, held: HeldTable | None, seed: str, number: int, after: int) -> list[Hit]:
    ranks = list(shuffled(seed, number, after=after, most=_SHOWN))
    return catalogue.hits(held.nth(ranks) if held else ranks)
