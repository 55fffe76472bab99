"""The pages of sources and accessions: where facts and audio come from, and when they were taken in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.catalogue.manifest import SourceCount
from phonotheque.ledger.accession_lists import (
    accessions_before,
    find_accession,
    masters_of,
    taken_back_among,
    taken_in,
)
from phonotheque.ledger.files import Accession
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.vault.archive import Archive
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.place_words import cursor, number, place_page

ROUTES: Final = APIRouter()
_LISTED: Final = 50
_COUNTED: Final = 10_000  # masters of an accession that are counted while a visitor waits


@dataclass(frozen=True, slots=True)
class Master:
    """A master that an accession took in, as a list shows it."""

    sha256: str
    title: str | None
    artist: str
    length: int | None  # milliseconds
    held: bool


@ROUTES.api_route("/sources", methods=["GET", "HEAD"])
def sources(request: Request) -> Response:
    """Answer where what is in the catalogue comes from."""
    return place_page(request, "sources.html.j2", counts=_counts(request))


@ROUTES.api_route("/source/{name:path}", methods=["GET", "HEAD"])
def source(request: Request, name: str) -> Response:
    """Answer the page of a source: what the catalogue has of it, and its accessions, the newest first."""
    count = next((one for one in _counts(request) if one.source == name), None)
    listed, more = _accessions(request, name)
    if count is None and not listed and not cursor(request, "before"):
        raise NotFoundError(f"Nothing comes from a source “{name:.100}”.", "See the list of sources.")
    return place_page(
        request, "source.html.j2", name=name, count=count, listed=listed, more=more, begun=_begun(request)
    )


@ROUTES.api_route("/accessions", methods=["GET", "HEAD"])
def accessions(request: Request) -> Response:
    """Answer what was taken in, the newest first."""
    listed, more = _accessions(request, "")
    return place_page(request, "accessions.html.j2", listed=listed, more=more, begun=_begun(request))


@ROUTES.api_route("/accession/{key}", methods=["GET", "HEAD"])
def accession(request: Request, key: str) -> Response:
    """Answer the page of an accession: from where it came, when, and the masters that it took in."""
    archive = room_of(request).archive
    after = number(cursor(request) or "0", "a file")
    if archive.is_mirror:
        raise NotFoundError(
            "A mirror does not know when what was taken in.",
            "The archive that it follows does; each bag’s recordings.jsonl names the accession, too.",
        )
    with archive.ledger.connect() as ledger:
        found = find_accession(ledger, key.lower()) if _is_id(key) else None
        if found is None:
            raise NotFoundError(f"There was no accession “{key:.100}”.", "See the list of accessions.")
        brought = taken_in(ledger, found.id, _COUNTED)
        rows = masters_of(ledger, found.id, after, _LISTED + 1)
        gone = taken_back_among(ledger, [row.id for row in rows])
    return place_page(
        request,
        "accession.html.j2",
        accession=found,
        brought=brought,
        masters=[None if row.id in gone else _master(row) for row in rows[:_LISTED]],
        begun=after,
        more=rows[_LISTED - 1].id if len(rows) > _LISTED else None,
    )


def _counts(request: Request) -> tuple[SourceCount, ...]:
    catalogue = room_of(request).catalogue
    return catalogue.snapshot.sources if catalogue else ()


def _accessions(request: Request, source: str) -> tuple[list[Accession], str | None]:
    """Return a page of accessions and where the next one begins; a mirror knows of none."""
    archive: Archive = room_of(request).archive
    if archive.is_mirror:
        return [], None
    with archive.ledger.connect() as ledger:
        listed = accessions_before(ledger, _place(cursor(request, "before")), _LISTED + 1, source=source)
    last = listed[_LISTED - 1] if len(listed) > _LISTED else None
    return listed[:_LISTED], f"{last.started_at}~{last.id}" if last else None


def _place(text: str) -> tuple[str, str] | None:
    at, between, key = text.partition("~")
    if text and not (between and _is_id(key) and at.isascii() and len(at) <= 32):
        raise UsageError("“before” in the address makes no sense.", "Begin at the first page of the list.")
    return (at, key) if text else None


def _begun(request: Request) -> bool:
    return bool(cursor(request, "before"))


def _is_id(text: str) -> bool:
    return len(text) == 36 and text.isascii() and text.isprintable()


def _master(row: Row[Any]) -> Master:
    tags: Mapping[str, Any] = row.tags if isinstance(row.tags, dict) else {}
    artists = [name for name in tags.get("artists") or () if isinstance(name, str)]
    length = round(row.duration * 1000) if row.duration is not None else None
    return Master(row.sha256, tags.get("title"), ", ".join(artists), length, bool(row.held))
