"""Lists of what was published, taken in and taken back: in parts by key, and of what changed since a day."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BeforeValidator
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.editions.edition import BagEntry
from phonotheque.editions.shelves import bags_folder
from phonotheque.ledger.bags import edition_dates
from phonotheque.ledger.decisions import runs_after
from phonotheque.ledger.files import accessions_after
from phonotheque.model.errors import NotFoundError
from phonotheque.web.api import models
from phonotheque.web.api.answering import USUAL, AtMost, answer, part, reading
from phonotheque.web.api.things import quoted
from phonotheque.web.oai import kept
from phonotheque.web.oai.protocol import moment
from phonotheque.web.room.addresses import site
from phonotheque.web.room.index_of import after as files_after
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.published import Kept
from phonotheque.web.room.state import Room

ROUTES: Final = APIRouter(prefix="/api/v1")
_KEY: Final = r"^[0-9]{1,12}\.[0-9a-f]{32}$"
_TIMED: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\.[0-9A-Za-z:._-]{1,200}$"
_LARGEST: Final = 2**31 - 1
_IN_ORDER: Final[dict[str, list[tuple[str, models.Withdrawal]]]] = {}  # of the edition asked for last
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(text: object) -> object:
    """Let only days through: numbers would be taken for seconds since 1970."""
    if isinstance(text, str) and not _DAY.fullmatch(text):
        raise ValueError("write it like 2026-11-21")
    return text


Since = Annotated[
    date | None, BeforeValidator(_day), Query(description="Only what changed on that day (UTC) or later")
]


@reading(ROUTES, "/recordings", models.Page[models.Change], tags=["changes"])
def recordings(
    request: Request,
    changed_since: Since = None,
    edition: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: AtMost = USUAL,
    after: Annotated[str | None, Query(pattern=_KEY, description="From “next”")] = None,
) -> Response:
    """Recordings that are, or were, published, in the order in which that changed last."""
    key = None
    if after is not None:
        stamp, _, name = after.partition(".")
        key = int(stamp), UUID(name)
    asked = kept.Asked(since=_midnight(changed_since), edition=edition)
    with room_of(request).records.reading() as (opened, _):
        found = kept.listed(opened, asked, key, limit + 1) if opened else []
    address = site(request)
    keys = {str(one.id): f"{one.stamp}.{one.id.hex}" for one in found}
    items = [
        models.Change(
            id=str(one.id),
            changed=moment(one.stamp),
            edition=one.edition or None,
            published=not one.deleted,
            url=f"{address}api/v1/recordings/{one.id}",
        )
        for one in found
    ]
    return answer(request, part(request, items, limit, lambda item: keys[item.id]))


@reading(ROUTES, "/editions", models.Page[models.Edition], tags=["publications"])
def editions(
    request: Request,
    changed_since: Since = None,
    limit: AtMost = USUAL,
    after: Annotated[int, Query(ge=0, le=_LARGEST)] = 0,
) -> Response:
    """The editions that are here, the oldest first."""
    address, first = site(request), _first(changed_since)
    found = []
    for number, dated in sorted(dates_of(room_of(request)).items()):
        if number > after and dated >= first:
            url = f"{address}targets/editions/{number}/edition.json"
            found.append(models.Edition(number=number, date=dated, url=url))
    return answer(request, part(request, found[: limit + 1], limit, lambda item: str(item.number)))


@reading(ROUTES, "/editions/{number}", models.EditionWhole, 404, tags=["publications"])
def edition_(request: Request, number: Annotated[int, Path(ge=1, le=_LARGEST)]) -> Response:
    """An edition."""
    found, address = room_of(request).published.edition(number), site(request)
    if found is None:
        raise NotFoundError(f"There is no edition {number} here.", "See which there are: /api/v1/editions")
    edition = found.edition
    told = models.EditionWhole(
        number=number,
        date=edition.date,
        url=f"{address}targets/editions/{number}/edition.json",
        sha256=found.sha256,
        previous=edition.previous.number if edition.previous else None,
        bags=len(edition.bags),
        bytes=found.bytes,
        recordings=found.recordings,
        catalogue=edition.catalogue.bag,
        index=quoted(address, f"targets/{edition.index.path}"),
        taken_back=len(edition.tombstones),
    )
    return answer(request, told)


@reading(ROUTES, "/bags", models.Page[models.Bag], tags=["publications"])
def bags(
    request: Request,
    changed_since: Since = None,
    edition: Annotated[int | None, Query(ge=1, le=_LARGEST, description="Which added them")] = None,
    limit: AtMost = USUAL,
    after: Annotated[str, Query(max_length=200, description="The id of a bag")] = "",
) -> Response:
    """The bags of the current edition, by id."""
    current = room_of(request).published.current()
    found: list[models.Bag] = []
    if current is not None:
        dates = dates_of(room_of(request)) | {current.edition.number: current.edition.date}
        first = _first(changed_since)
        for name in current.ids[bisect_right(current.ids, after) :]:
            bag = current.bags[name]
            if edition in (None, bag.edition) and (not first or dates.get(bag.edition, "~") >= first):
                found.append(_bag(bag, dates, site(request)))
                if len(found) > limit:
                    break
    return answer(request, part(request, found, limit, lambda item: item.id))


@reading(ROUTES, "/bags/{id}", models.Bag, 404, tags=["publications"])
def bag_(request: Request, id: Annotated[str, Path(max_length=200)]) -> Response:  # noqa: A002
    """A bag of the current edition."""
    current, bag = _current_bag(request, id)
    dates = dates_of(room_of(request)) | {current.edition.number: current.edition.date}
    return answer(request, _bag(bag, dates, site(request)))


@reading(ROUTES, "/bags/{id}/files", models.Page[models.BagFile], 404, tags=["publications"])
def bag_files(
    request: Request,
    id: Annotated[str, Path(max_length=200)],  # noqa: A002
    limit: AtMost = USUAL,
    after: Annotated[str, Query(max_length=1024, description="A path in the bag")] = "",
) -> Response:
    """The payload of a bag, by path; what is in the catalogue's bag is not listed."""
    current, bag = _current_bag(request, id)
    index = room_of(request).published.index(current)
    if index is None:
        raise NotFoundError("The index of this edition is not here.", "Ask its publisher.")
    address = f"{site(request)}{bags_folder(bag.audience)}/{bag.id}/"
    found = [
        models.BagFile(
            path=file.path,
            size=file.size,
            sha256=file.sha256,
            recording=file.recording,
            url=quoted(address, file.path),
        )
        for file in files_after(index.files(bag.id), after, limit + 1)
    ]
    return answer(request, part(request, found, limit, lambda item: item.path))


def _current_bag(request: Request, name: str) -> tuple[Kept, BagEntry]:
    current = room_of(request).published.current()
    if current is None or name not in current.bags:
        raise NotFoundError(
            f"The current edition has no bag “{name[:100]}”.", "What was taken back: /api/v1/withdrawals"
        )
    return current, current.bags[name]


def _bag(bag: BagEntry, dates: Mapping[int, str], address: str) -> models.Bag:
    return models.Bag(
        id=bag.id,
        edition=bag.edition,
        date=dates.get(bag.edition),
        wave=bag.wave,
        audience=bag.audience,
        bytes=bag.bytes,
        files=bag.files,
        recordings=bag.recordings,
        listens=bag.listens,
        tagmanifest_sha256=bag.tagmanifest_sha256,
        infohash_v1=bag.torrent.infohash_v1,
        infohash_v2=bag.torrent.infohash_v2,
        torrent=quoted(address, f"targets/{bag.torrent.path}"),
        url=quoted(address, f"{bags_folder(bag.audience)}/{bag.id}/"),
    )


@reading(ROUTES, "/withdrawals", models.Page[models.Withdrawal], tags=["changes"])
def withdrawals(
    request: Request,
    changed_since: Since = None,
    limit: AtMost = USUAL,
    after: Annotated[str, Query(pattern=_TIMED, description="From “next”")] = "",
) -> Response:
    """What the current edition says was taken back, or given out again, in the order in which it happened."""
    current = room_of(request).published.current()
    keyed = _in_order(current) if current else []
    first = _first(changed_since)
    begin = bisect_right(keyed, max(after, first), key=lambda one: one[0])
    found = [one for _, one in keyed[begin : begin + limit + 1]]
    return answer(request, part(request, found, limit, _place_of))


def _place_of(one: models.Withdrawal) -> str:
    """Return the place of a withdrawal in the list: ids of bags and of withdrawals are apart."""
    return f"{one.reinstated or one.date}.{one.what}:{one.id}:{one.recording or ''}:{len(one.sha256)}"


def _in_order(current: Kept) -> list[tuple[str, models.Withdrawal]]:
    """Return all of them by their places, as they were put in order when the edition was first asked for."""
    found = _IN_ORDER.get(current.sha256)
    if found is None:
        found = sorted(((_place_of(one), one) for one in _taken_back(current)), key=lambda one: one[0])
        _IN_ORDER.clear()
        _IN_ORDER[current.sha256] = found
    return found


def taken_back_in_order(current: Kept) -> list[models.Withdrawal]:
    """Return what an edition says was taken back, or given out again, in the order in which it happened."""
    return [one for _, one in _in_order(current)]


def _taken_back(current: Kept) -> Iterator[models.Withdrawal]:
    for stone in current.edition.tombstones:
        yield models.Withdrawal(
            id=stone.id,
            what="recording" if stone.recording else "files",
            recording=stone.recording,
            bag=None,
            sha256=list(stone.sha256),
            territory=stone.territory,
            date=stone.date,
            reason=stone.reason,
            reinstated=stone.reinstated,
            replaced_by=None,
        )
    for gone in current.edition.withdrawals:
        yield models.Withdrawal(
            id=gone.bag,
            what="bag",
            recording=None,
            bag=gone.bag,
            sha256=[],
            territory="WORLD",
            date=gone.date,
            reason=gone.reason,
            reinstated=None,
            replaced_by=gone.replaced_by,
        )


@reading(ROUTES, "/accessions", models.Page[models.Accession], 404, tags=["changes"])
def accessions(
    request: Request,
    changed_since: Since = None,
    limit: AtMost = USUAL,
    after: Annotated[str | None, Query(pattern=_TIMED, description="From “next”")] = None,
) -> Response:
    """What was taken in, in the order in which that began. A mirror does not know."""
    room, key = _publisher(request), None
    if after is not None:
        begun, _, name = after.partition(".")
        key = begun, name
    with room.archive.ledger.connect() as ledger:
        found = accessions_after(ledger, key, limit + 1, since=_first(changed_since))
    items = [
        models.Accession(id=one.id, source=one.source, started=one.started_at, finished=one.finished_at)
        for one in found
    ]
    return answer(request, part(request, items, limit, lambda item: f"{item.started}.{item.id}"))


@reading(ROUTES, "/decisions", models.Page[models.Redecision], 404, tags=["changes"])
def decisions(
    request: Request,
    changed_since: Since = None,
    limit: AtMost = USUAL,
    after: Annotated[int, Query(ge=0, le=_LARGEST)] = 0,
) -> Response:
    """Each time that all rights were decided anew, and how many answers changed. A mirror does not know."""
    with _publisher(request).archive.ledger.connect() as ledger:
        found = runs_after(ledger, after, limit + 1, since=_first(changed_since))
    items = [
        models.Redecision(
            id=run.id,
            day=run.day,
            started=run.started_at,
            finished=run.finished_at,
            files=run.files,
            moved=run.moved,
        )
        for run in found
    ]
    return answer(request, part(request, items, limit, lambda item: str(item.id)))


@reading(ROUTES, "/sources", models.Page[models.Source], 404, tags=["things"])
def sources(request: Request) -> Response:
    """The sources of the catalogue in use: all of them at once."""
    catalogue = room_of(request).catalogue
    counts = catalogue.snapshot.sources if catalogue else ()
    items = [
        models.Source(source=one.source, accessions=one.accessions, records=one.records) for one in counts
    ]
    return answer(request, models.Page(items=items, next=None))


def _publisher(request: Request) -> Room:
    room = room_of(request)
    if room.archive.is_mirror:
        raise NotFoundError("A mirror does not know this.", "Ask the publisher of this archive.")
    return room


def dates_of(room: Room) -> dict[int, str]:
    """Return the dates of the editions that are known here, by number."""
    if not room.archive.is_mirror:
        with room.archive.ledger.connect() as ledger:
            return edition_dates(ledger)
    dated = ((number, room.published.date(number)) for number in room.published.numbers())
    return {number: found for number, found in dated if found}


def _first(changed_since: date | None) -> str:
    return changed_since.isoformat() if changed_since else ""


def _midnight(changed_since: date | None) -> int | None:
    if changed_since is None:
        return None
    return int(datetime(changed_since.year, changed_since.month, changed_since.day, tzinfo=UTC).timestamp())
