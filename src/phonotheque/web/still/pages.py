"""The pages that a room of plain files has in the place of those that need a server."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.web.room.bag_facts import address_of
from phonotheque.web.room.pages import page, room_of
from phonotheque.web.room.place_words import place_page

ROUTES: Final = APIRouter()
BAGS: Final = 500  # on one page


@ROUTES.get("/")
def front(request: Request) -> Response:
    """Answer the first screen."""
    return page(request, "still/front.html.j2", edition=room_of(request).published.current())


@ROUTES.get("/look-up")
def look_up(request: Request) -> Response:
    """Answer the page on which a browser looks recordings up by itself."""
    return page(request, "still/look_up.html.j2")


@ROUTES.get("/mirror")
def mirror(request: Request) -> Response:
    """Answer how a copy is held."""
    room = room_of(request)
    return place_page(
        request,
        "still/mirror.html.j2",
        kept=room.published.current(),
        address=address_of(request),
        fingerprint=room.published.fingerprint(),
    )


@ROUTES.get("/correct")
def correct(request: Request) -> Response:
    """Answer how the archive is written to."""
    settings = room_of(request).archive.settings
    return page(
        request,
        "still/correct.html.j2",
        contact=settings.serve.contact,
        site=settings.publish.url if settings.requests.form else "",
    )


@ROUTES.get("/bags")
@ROUTES.get("/bags/{number}")
def bags(request: Request, number: int = 1) -> Response:
    """Answer a part of the list of bags, by their ids."""
    kept = room_of(request).published.current()
    listed = list(kept.bags.values()) if kept else []
    parts = max(1, -(-len(listed) // BAGS))
    if not 1 <= number <= parts:
        raise HTTPException(404)
    copies = room_of(request).published.copies(kept) if kept else None
    shown = [
        (bag, copies.of(bag.id) if copies else None) for bag in listed[(number - 1) * BAGS : number * BAGS]
    ]
    return place_page(
        request,
        "still/bags.html.j2",
        bags=shown,
        counted_at=copies.time if copies else None,
        number=number,
        parts=parts,
    )
