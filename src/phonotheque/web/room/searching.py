"""Search as you type, narrowed down by facets, page by page; without JavaScript, by a form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.catalogue.browse import BEGINNING, NOTHING, Place
from phonotheque.catalogue.leads import WHOLE_HASH, Lead
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.ledger.schema import files
from phonotheque.model.errors import UsageError
from phonotheque.web.room.narrowing import chosen_in, groups, hidden, query_of, removals
from phonotheque.web.room.pages import language_of, page, room_of
from phonotheque.web.room.state import Room

ROUTES: Final = APIRouter()
_SHOWN: Final = 20
_LONGEST: Final = 1000  # characters of a query
_CURSOR: Final = re.compile(r"([0-9TZ:-]{1,40})\.([hk])([0-9]{1,12})")


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a page begins, and in which snapshot."""

    stamp: str
    place: Place

    def __str__(self) -> str:
        return f"{self.stamp}.{'h' if self.place.in_head else 'k'}{self.place.after}"


@ROUTES.api_route("/search", methods=["GET", "HEAD"])
def search(request: Request) -> Response:
    """Answer what was found; a code that names one thing leads to it."""
    room, q = room_of(request), request.query_params.get("q", "")[:_LONGEST].replace("\0", " ")
    chosen, cursor = chosen_in(request), _cursor(request)
    catalogue = room.catalogue
    if catalogue is None:
        return page(request, "search.html.j2", q=q, listed=None, fields=(), leads=())
    leads = _leads(room, catalogue, q) if cursor is None and q.strip() else ()
    if len(leads) == 1 and not chosen and not request.headers.get("hx-request"):
        return RedirectResponse(f"/{language_of(request)}/{leads[0].kind}/{leads[0].id}", status_code=303)
    called = catalogue.called(q) if cursor is None and q.strip() and not chosen and not leads else ()
    asked, standing = _asked(room, catalogue, cursor)
    current = asked is catalogue
    held = room.holding.of(asked.snapshot, current=current)
    unknown = chosen.of_held and held is None
    listed = (
        NOTHING
        if unknown
        else asked.look(
            q,
            chosen,
            cursor.place if cursor and standing != "gone" else BEGINNING,
            most=_SHOWN,
            held=held,
            country=room.country(request),
        )
    )
    following = listed.following and _Cursor(asked.snapshot.stamp, listed.following)
    said = query_of(q, chosen)
    return page(
        request,
        "search.html.j2",
        q=q,
        leads=leads,
        called=called,
        listed=listed,
        unknown=unknown,
        fields=hidden(chosen),
        groups=groups(request, q, chosen, listed.counts),
        removals=removals(request, q, chosen),
        first=said,
        next=said | {"after": str(following)} if following else None,
        standing=standing,
        made_at=asked.snapshot.made_at,
        most=_SHOWN,
    )


def _cursor(request: Request) -> _Cursor | None:
    text = request.query_params.get("after", "")
    if not text:
        return None
    if not (match := _CURSOR.fullmatch(text)):
        raise UsageError("“after” in the address is no place in a list.", "Begin at the first page.")
    return _Cursor(match[1], Place(match[2] == "h", int(match[3])))


def _asked(room: Room, catalogue: Catalogue, cursor: _Cursor | None) -> tuple[Catalogue, str]:
    """Return the catalogue that a page is of, and how it stands: "" for the current one.

    "earlier": there is a newer one; "gone": the page's own is no longer there, and the list begins again.
    """
    if cursor is None or cursor.stamp == catalogue.snapshot.stamp:
        return catalogue, ""
    earlier = room.earlier.of(cursor.stamp)
    return (catalogue, "gone") if earlier is None else (earlier, "earlier")


def _leads(room: Room, catalogue: Catalogue, q: str) -> tuple[Lead, ...]:
    """Return what a code names. An access copy is the recording of its master."""
    found = catalogue.leads(q)
    if found or not WHOLE_HASH.fullmatch(q.strip()) or room.archive.is_mirror:
        return found
    copies, masters = files.alias(), files.alias()
    query = (
        select(masters.c.sha256)
        .join(copies, copies.c.master_id == masters.c.id)
        .where(copies.c.sha256 == q.strip().lower())
    )
    with room.archive.ledger.connect() as ledger:
        master = ledger.execute(query).scalar()
    return catalogue.leads(master) if master else ()
