"""Recordings, releases and artists by their ids, and what is found by words or by a code."""

from __future__ import annotations

from typing import Annotated, Final, Literal, NoReturn
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.catalogue import views
from phonotheque.catalogue.browse import BEGINNING, Place
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.sieve import Chosen
from phonotheque.model.errors import BusyError, NotFoundError, UsageError
from phonotheque.model.media import media_type
from phonotheque.web.api import models
from phonotheque.web.api.answering import address_after, answer, reading
from phonotheque.web.api.published_files import PublishedFile, published_files
from phonotheque.web.room.addresses import site
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.sounds import sounds_of
from phonotheque.web.room.state import Room
from phonotheque.web.room.taken import of_tombstones, taken_back

ROUTES: Final = APIRouter(prefix="/api/v1")
_AFTER: Final = r"^[0-9TZ:-]{1,40}\.[hk][0-9]{1,12}$"
_YEAR: Final = r"^[12][0-9]{3}$|^[12][0-9]{2}0s$"
_MOST: Final = 50  # results of a search


@reading(ROUTES, "/search", models.Page[models.Hit], 400, 404, tags=["things"])
def search(
    request: Request,
    q: Annotated[str, Query(max_length=1000, description="Words of titles, artists and releases")] = "",
    holding: Annotated[Literal["held", "heard", "known"] | None, Query()] = None,
    licence: Annotated[str, Query(max_length=100)] = "",
    format: Annotated[str, Query(max_length=100)] = "",  # noqa: A002
    year: Annotated[str | None, Query(pattern=_YEAR, description="“1967” or “1960s”")] = None,
    country: Annotated[str | None, Query(pattern=r"^[A-Z]{2}$")] = None,
    source: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 20,
    after: Annotated[str | None, Query(pattern=_AFTER, description="From “next”")] = None,
) -> Response:
    """Search recordings: all words, the last may be unfinished; narrowed down as pages are."""
    room = room_of(request)
    catalogue, place = _asked(room, after)
    chosen = Chosen(holding or "", licence, format, year or "", country or "", source)
    held = room.holding.of(catalogue.snapshot, current=catalogue is room.catalogue)
    if chosen.of_held and held is None:
        _not_noted(room)
    listed = catalogue.look(
        q.replace("\0", " "), chosen, place, most=limit, held=held, country=room.country(request)
    )
    following = None
    if listed.following:
        kind = "h" if listed.following.in_head else "k"
        behind = f"{catalogue.snapshot.stamp}.{kind}{listed.following.after}"
        following = address_after(request, behind)
    return answer(request, models.Page(items=[hit(one) for one in listed.hits], next=following))


def _not_noted(room: Room) -> NoReturn:
    leave_out = "Leave out holding, licence and format"
    if room.archive.is_mirror:
        raise UsageError("A mirror does not note what of its catalogue is held.", f"{leave_out}.")
    raise BusyError(
        "It is not known yet what of the catalogue is held here.", f"{leave_out}, or try again in a minute."
    )


def _asked(room: Room, after: str | None) -> tuple[Catalogue, Place]:
    current = _catalogue(room)
    if after is None:
        return current, BEGINNING
    stamp, _, place = after.rpartition(".")
    if stamp != current.snapshot.stamp:
        earlier = room.earlier.of(stamp)
        if earlier is None:
            raise NotFoundError(
                "The catalogue that this list is of is gone.", "Begin again, without “after”."
            )
        current = earlier
    return current, Place(place[0] == "h", int(place[1:]))


def _catalogue(room: Room) -> Catalogue:
    if room.catalogue is None:
        raise NotFoundError("There is no catalogue here.", "Ask the publisher of this archive.")
    return room.catalogue


@reading(ROUTES, "/isrcs/{isrc}", models.Page[models.Hit], 404, tags=["things"])
def isrc_(request: Request, isrc: Annotated[str, Path(max_length=40)]) -> Response:
    """The recordings that bear an ISRC, the most listened first: there may be several."""
    found = _catalogue(room_of(request)).by_isrc(isrc)
    return answer(request, models.Page(items=[hit(one) for one in found], next=None))


@reading(ROUTES, "/recordings/{id}", models.Recording, 308, 404, tags=["things"])
def recording(request: Request, id: UUID) -> Response:  # noqa: A002
    """A recording by its id: ours, MusicBrainz's, or one that was merged into it."""
    view = _shown(request, id)
    if not isinstance(view, views.RecordingView):
        raise NotFoundError(f"{id} is no recording.", "It is a release or an artist.")
    return _led(request, "recordings", id, view.id) or answer(request, _recording(request, view))


@reading(ROUTES, "/releases/{id}", models.Release, 308, 404, tags=["things"])
def release(request: Request, id: UUID) -> Response:  # noqa: A002
    """A release by its id, with its tracks."""
    view = _shown(request, id)
    if not isinstance(view, views.ReleaseView):
        raise NotFoundError(f"{id} is no release.", "It is a recording or an artist.")
    return _led(request, "releases", id, view.id) or answer(request, _release(view))


@reading(ROUTES, "/artists/{id}", models.Artist, 308, 404, tags=["things"])
def artist(request: Request, id: UUID) -> Response:  # noqa: A002
    """An artist by their id, with the most listened recordings."""
    view = _shown(request, id)
    if not isinstance(view, views.ArtistView):
        raise NotFoundError(f"{id} is no artist.", "It is a recording or a release.")
    return _led(request, "artists", id, view.id) or answer(request, _artist(view))


def _shown(request: Request, id: UUID) -> views.View:  # noqa: A002
    return _catalogue(room_of(request)).show(str(id))


def _led(request: Request, kind: str, asked: UUID, own: str) -> Response | None:
    if own == str(asked):
        return None
    return RedirectResponse(f"{site(request)}api/v1/{kind}/{own}", status_code=308)


def hit(one: views.Hit) -> models.Hit:
    """Return a recording as lists show it."""
    return models.Hit(
        id=one.id,
        title=one.title,
        artist=one.artist,
        duration_ms=one.duration_ms,
        year=one.year,
        listens=one.listens,
        files=one.files,
    )


def _named(things: tuple[views.Named, ...]) -> list[models.Named]:
    return [models.Named(id=one.id, name=one.name) for one in things]


def _facts(facts: tuple[views.Fact, ...]) -> list[models.Fact]:
    return [
        models.Fact(
            field=fact.field,
            value=fact.value,
            said_by=[
                models.Sayer(source=by.source, accession=by.accession, record=by.record_id or by.source_id)
                for by in fact.said_by
            ],
        )
        for fact in facts
    ]


def _recording(request: Request, view: views.RecordingView) -> models.Recording:
    published, taken = _standing(room_of(request), view)
    return models.Recording(
        id=view.id,
        mbid=view.mbid,
        title=view.title,
        artist=view.artist,
        artists=_named(view.artists),
        duration_ms=view.duration_ms,
        date=view.date,
        isrcs=list(view.isrcs),
        listens=view.listens,
        listens_by=[
            models.Listens(listens=one.listens, source=one.source, as_of=one.as_of) for one in view.listens_by
        ],
        releases=_named(view.releases),
        files=list(view.files),
        published=[_file(one, site(request)) for one in published],
        withdrawn=taken,
        facts=_facts(view.facts),
        conflicts=sorted({one.kind for one in view.conflicts}),
    )


def _standing(room: Room, view: views.RecordingView) -> tuple[list[PublishedFile], list[models.Taken]]:
    """Return what of a recording is published, and what was taken back; a mirror knows the latter only."""
    if room.archive.is_mirror:
        current = room.published.current()
        stones = current.edition.tombstones if current else ()
        found = of_tombstones(stone for stone in stones if stone.recording == view.id)
        files: list[PublishedFile] = []
    else:
        with room.archive.ledger.connect() as ledger:
            by_master = published_files(ledger, room.archive.settings, view.files, room.today())
            found = taken_back(ledger, view.id, sounds_of(ledger, view.files))
        files = [file for master in view.files for file in by_master.get(master, ())]
    taken = [
        models.Taken(date=one.at, territory=str(one.where), reason=one.reason, whole=one.whole)
        for one in found
    ]
    return files, taken


def _file(one: PublishedFile, address: str) -> models.PublishedFile:
    return models.PublishedFile(
        sha256=one.sha256,
        master=one.master,
        kind=one.kind,
        bag=one.bag,
        path=one.path,
        url=quoted(address, one.place),
        audience=one.audience,
        size=one.size,
        media_type=media_type(one.path),
        container=one.container,
        codec=one.codec,
        duration_ms=None if one.duration is None else round(one.duration * 1000),
        licences=list(one.licences),
        mining_reserved=one.reserved,
    )


def quoted(address: str, place: str) -> str:
    """Return the address of a place in the public tree."""
    return f"{address}{quote(place)}"


def _release(view: views.ReleaseView) -> models.Release:
    return models.Release(
        id=view.id,
        mbid=view.mbid,
        title=view.title,
        artist=view.artist,
        date=view.date,
        type=view.type,
        country=view.country,
        barcode=view.barcode,
        label=view.label,
        catalogue_number=view.catalogue_number,
        tracks=[
            models.Track(
                disc=one.disc_number,
                number=one.track_number,
                position=one.position,
                recording=hit(one.recording),
            )
            for one in view.tracks
        ],
        facts=_facts(view.facts),
    )


def _artist(view: views.ArtistView) -> models.Artist:
    return models.Artist(
        id=view.id,
        mbid=view.mbid,
        name=view.name,
        type=view.type,
        country=view.country,
        aliases=list(view.aliases),
        identifiers=list(view.identifiers),
        recordings=[hit(one) for one in view.recordings],
        total=view.total,
        facts=_facts(view.facts),
    )
