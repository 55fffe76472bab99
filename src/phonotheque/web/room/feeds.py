"""Atom feeds (RFC 4287): editions, what was taken in, what was taken back. Entries keep their ids."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.ledger.files import last_accessions
from phonotheque.mirrors.telling_health import FEED
from phonotheque.model.errors import NotFoundError
from phonotheque.model.rights import WORLDWIDE
from phonotheque.web.api.lists import dates_of, taken_back_in_order
from phonotheque.web.room.addresses import site
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.state import Room
from phonotheque.web.xml import add, written

ROUTES: Final = APIRouter(include_in_schema=False)
ATOM: Final = "http://www.w3.org/2005/Atom"
_MOST: Final = 100  # of the newest
_BEGINNING: Final = "1970-01-01T00:00:00Z"  # of a feed without entries


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``name`` follows the archive's own id, ``link`` the address of the site."""

    name: str
    title: str
    updated: str
    link: str
    summary: str


@ROUTES.api_route("/feeds/editions.atom", methods=["GET", "HEAD"])
def editions(request: Request) -> Response:
    """The editions, the newest first."""
    dated = sorted(dates_of(room_of(request)).items(), reverse=True)[:_MOST]
    entries = [
        Entry(
            f"edition:{number}", f"Edition {number}", at, f"en/edition/{number}", f"Published on {at[:10]}."
        )
        for number, at in dated
    ]
    return _feed(request, "editions", "Editions of", entries)


@ROUTES.api_route("/feeds/accessions.atom", methods=["GET", "HEAD"])
def accessions(request: Request) -> Response:
    """What was taken in, the newest first. A mirror does not know."""
    room = room_of(request)
    if room.archive.is_mirror:
        raise NotFoundError("A mirror does not know what was taken in.", "Ask the publisher of this archive.")
    with room.archive.ledger.connect() as ledger:
        found = last_accessions(ledger, _MOST)
    entries = [
        Entry(
            f"accession:{one.id}",
            f"Taken in from {one.source}",
            one.finished_at or one.started_at,
            f"en/accession/{one.id}",
            f"Begun on {one.started_at[:10]}; {'finished' if one.finished_at else 'not finished'}.",
        )
        for one in found
    ]
    return _feed(request, "accessions", "What was taken in by", entries)


@ROUTES.api_route("/feeds/withdrawals.atom", methods=["GET", "HEAD"])
def withdrawals(request: Request) -> Response:
    """What was taken back, or given out again, the newest first."""
    current = room_of(request).published.current()
    newest = taken_back_in_order(current)[: -_MOST - 1 : -1] if current else []
    standing = {(one.id, one.recording) for one in newest if one.reinstated is None}
    entries = []
    for one in newest:
        if one.what == "bag":
            after = f"; what remains of it is {one.replaced_by}" if one.replaced_by else ""
            name, taken, link = f"withdrawal:{one.id}", f"bag {one.id}", "en/bags"
            if one.replaced_by:
                link = f"en/bag/{one.replaced_by}"
        else:
            name, after = f"withdrawal:{one.id}:{one.recording or 'beside'}", ""
            if one.reinstated and (one.id, one.recording) in standing:
                name += ":reinstated"  # a part of it: the rest is still taken back
            taken = f"recording {one.recording}" if one.recording else "artwork or text"
            link = f"en/recording/{one.recording}" if one.recording else "en/editions"
        where = "" if one.territory == WORLDWIDE else f" in {one.territory}"
        what = "Reinstated" if one.reinstated else "Withdrawn"
        updated = one.reinstated or one.date
        entries.append(Entry(name, f"{what}: {taken}{where}", updated, link, f"{one.reason}{after}"))
    return _feed(request, "withdrawals", "What was taken back by", entries)


@ROUTES.api_route("/feeds/alerts.atom", methods=["GET", "HEAD"])
def alerts(request: Request) -> Response:
    """Bags that fell below a number of copies: a feed of the public tree, where copies are counted."""
    if not (room_of(request).archive.public / FEED).is_file():
        raise NotFoundError("Nobody has counted copies here yet.", "See the publisher of this archive.")
    return RedirectResponse(f"/{FEED}", status_code=308)


def _feed(request: Request, name: str, title: str, entries: Sequence[Entry]) -> Response:
    room, address = room_of(request), site(request)
    data = _written(room, title, f"{address}feeds/{name}.atom", f"{address}en/", address, entries)
    tag = f'W/"{hashlib.sha256(data).hexdigest()[:32]}"'
    if tag in {one.strip() for one in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(data, media_type="application/atom+xml", headers={"ETag": tag})


def _written(room: Room, title: str, itself: str, page: str, address: str, entries: Sequence[Entry]) -> bytes:
    current = room.published.current()
    whose = current.edition.archive.id if current else room.archive.settings.archive.id
    feed = ElementTree.Element("feed", {"xmlns": ATOM})
    kind = itself.rpartition("/")[2].removesuffix(".atom")
    add(feed, "id", f"urn:uuid:{whose}:{kind}")
    add(feed, "title", f"{title} {room.name}")
    add(feed, "updated", max((one.updated for one in entries), default=_BEGINNING))
    add(add(feed, "author"), "name", room.name)
    add(feed, "link", rel="self", type="application/atom+xml", href=itself)
    add(feed, "link", rel="alternate", type="text/html", href=page)
    for one in sorted(entries, key=lambda one: one.updated, reverse=True):
        entry = add(feed, "entry")
        add(entry, "id", f"urn:uuid:{whose}:{one.name}")
        add(entry, "title", one.title)
        add(entry, "updated", one.updated)
        add(entry, "link", rel="alternate", type="text/html", href=f"{address}{one.link}")
        add(entry, "summary", one.summary)
    return written(feed)
