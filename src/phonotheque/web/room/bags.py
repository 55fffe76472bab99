"""The pages of bags: a list of an edition's, and each with its files, torrent, copies and how to check it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.model.errors import NotFoundError
from phonotheque.web.room.bag_facts import address_of, bag_facts, terms_of
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.place_words import cursor, number, place_page
from phonotheque.web.room.published import Kept

ROUTES: Final = APIRouter()
_LISTED: Final = 50


@ROUTES.api_route("/bags", methods=["GET", "HEAD"])
def bags(request: Request) -> Response:
    """Answer the bags of an edition, the current one if none is named, in the order of their ids."""
    kept = _edition(request)
    if kept is None:
        return place_page(request, "bags.html.j2", kept=None)
    begin = bisect_right(kept.ids, cursor(request))
    ids = kept.ids[begin : begin + _LISTED]
    more = ids[-1] if begin + _LISTED < len(kept.ids) else None
    copies = room_of(request).published.copies(kept)
    return place_page(
        request,
        "bags.html.j2",
        kept=kept,
        listed=[(kept.bags[bag], copies.of(bag) if copies else None) for bag in ids],
        counted_at=copies.time if copies else None,
        begin=begin,
        more=more,
        named=request.query_params.get("edition"),
    )


@ROUTES.api_route("/bag/{bag}", methods=["GET", "HEAD"])
def bag(request: Request, bag: str) -> Response:
    """Answer the page of a bag; of one that was taken back, when and why, and what is in its place."""
    kept = room_of(request).published.current()
    if kept is not None and bag in kept.withdrawn:
        return place_page(request, "bag_withdrawn.html.j2", status=410, gone=kept.withdrawn[bag], kept=kept)
    entry = kept.bags.get(bag) if kept is not None else None
    if kept is None or entry is None:
        raise NotFoundError(f"No current edition has a bag “{bag:.100}”.", "All are in the list of bags.")
    facts = bag_facts(request, kept, entry, cursor(request))
    return place_page(
        request,
        "bag.html.j2",
        kept=kept,
        facts=facts,
        bag=entry,
        terms=terms_of(facts.about),
        after=cursor(request),
        address=address_of(request),
    )


def _edition(request: Request) -> Kept | None:
    published = room_of(request).published
    named = request.query_params.get("edition")
    if named is None:
        return published.current()
    found = published.edition(number(named, "an edition"))
    if found is None:
        raise NotFoundError(f"Edition {named} is not here.", "The list of editions has those that are.")
    return found
