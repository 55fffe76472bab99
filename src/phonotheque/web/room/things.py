"""Finding things by their names, and leading who asks by another name to their own addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, bindparam, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.catalogue.views import ArtistView, Fact, Hit, RecordingView, ReleaseView, View
from phonotheque.ledger.schema import accessions
from phonotheque.model.errors import NotFoundError
from phonotheque.web.room.heard import Heard, heard_of
from phonotheque.web.room.pages import language_of
from phonotheque.web.room.state import Room

MOST_SAYERS: Final = 8  # who say one fact, that are named
_MOST_VALUES: Final = 50  # of a field
_MOST_HEARD: Final = 50  # of a list, that can be played from it
_LONGEST: Final = 300  # characters of a name: addresses of others, too
_LONGEST_TEXT: Final = 1000  # characters of a title or a name in JSON-LD
_MOST_ACCESSIONS: Final = 200
_BEGUN: Final = select(accessions.c.id, accessions.c.started_at).where(
    accessions.c.id.in_(bindparam("ids", expanding=True))
)
_PATHS: Final[dict[type[View], str]] = {
    RecordingView: "recording",
    ReleaseView: "release",
    ArtistView: "artist",
}


@dataclass(frozen=True, slots=True)
class Sayer:
    """A source and an accession that took in what it says: of these records of it."""

    source: str
    accession: str
    records: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One value of a field, and who says so."""

    value: str
    sayers: tuple[Sayer, ...]


def found(room: Room, key: str) -> View:
    """Return what the catalogue shows by a name: an id, code or hash. Raises NotFoundError, UsageError."""
    catalogue = room.catalogue
    if catalogue is None or len(key) > _LONGEST or "\0" in key:
        raise NotFoundError("There is nothing by this name.", "Search for it by its title.")
    return catalogue.show(key)


def path_of(view: View) -> str:
    """Return the path of a thing's page, without its language."""
    return f"{_PATHS[type(view)]}/{quote(view.id)}"


def led(request: Request, view: View) -> Response:
    """Lead to a thing's own address, with what was asked about it."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{language_of(request)}/{path_of(view)}{query}", status_code=308)


def begun(ledger: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Return when accessions were begun, of some two hundred at most."""
    found = ledger.execute(_BEGUN, {"ids": sorted(ids)[:_MOST_ACCESSIONS]})
    return {row.id: row.started_at for row in found}


def playable(room: Room, request: Request, hits: Sequence[Hit]) -> dict[str, Heard]:
    """Return what may be heard of the first recordings of a list, by their ids."""
    named = [(hit.id, hit.title, hit.artist) for hit in hits if hit.files][:_MOST_HEARD]
    return heard_of(room, request, named) if named else {}


def by_field(facts: Sequence[Fact]) -> list[tuple[str, list[Told], int]]:
    """Return facts by their fields, in the order in which these come first; and how many are left out."""
    found: dict[str, list[Told]] = {}
    for fact in facts:
        sayers: dict[tuple[str, str], list[str]] = {}
        for by in fact.said_by:
            sayers.setdefault((by.source, by.accession), []).append(by.record_id or by.source_id)
        told = Told(fact.value, tuple(Sayer(*who, tuple(dict.fromkeys(sayers[who]))) for who in sayers))
        found.setdefault(fact.field, []).append(told)
    return [(field, told[:_MOST_VALUES], max(len(told) - _MOST_VALUES, 0)) for field, told in found.items()]


def bounded(described: Any) -> Any:
    """Return JSON in which no text is longer than anybody reads."""
    match described:
        case str():
            return described[:_LONGEST_TEXT]
        case list():
            return [bounded(one) for one in described]
        case dict():
            return {name: bounded(value) for name, value in described.items()}
    return described
