"""The mirror door: so much room and what is wanted lead to a list of bags, and to the ways to hold them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from phonotheque.editions.edition import BagEntry
from phonotheque.mirrors.accepted import Followed
from phonotheque.mirrors.listing import Listing, listing_json, magnet_link
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.model.errors import BusyError, NotFoundError, UsageError
from phonotheque.model.territory import COUNTRIES
from phonotheque.vault.archive import now
from phonotheque.web.room.bag_facts import Seeds, address_of, seeds_of
from phonotheque.web.room.languages import locale, translations
from phonotheque.web.room.mirror_choice import Choice
from phonotheque.web.room.mirror_form import KINDS, LICENCES, SHARES, Form, command, list_command, read_form
from phonotheque.web.room.pages import language_of, room_of
from phonotheque.web.room.place_words import cursor, place_page
from phonotheque.web.room.published import Kept
from phonotheque.web.room.query_errors import told

ROUTES: Final = APIRouter()
_LISTED: Final = 50
_OF_FILES: Final = ("licence", "year", "kind")  # terms of --only that bags.jsonl answers
_MOST_TORRENTS: Final = 200_000_000  # bytes of torrents in one ZIP file


@ROUTES.api_route("/mirror", methods=["GET", "HEAD"])
def mirror(request: Request) -> Response:
    """Answer the form, and once it is filled in, what it comes to."""
    room = room_of(request)
    kept = room.published.current()
    form = read_form(request.query_params, room.country(request))
    content: dict[str, Any] = {"kept": kept, "form": form, "choice": None, "cannot_tell": False}
    content |= {"waiting": False, "busy": False}
    if kept is not None and form.asked and not form.wrong:
        try:
            content["choice"] = choice = room.choosing.choose(kept, form, now())
            content["waiting"] = choice is None
        except BusyError:
            choice, content["busy"] = None, True
        if choice is not None:
            content |= _told(request, form, choice)
        content["cannot_tell"] = _cannot_tell(request, kept, form)
    status = 400 if form.wrong else 200
    return place_page(request, "mirror.html.j2", status=status, **content, **_asking(request, kept, form))


@ROUTES.api_route("/mirror/bags.json", methods=["GET", "HEAD"])
def as_json(request: Request) -> Response:
    """Answer the list as ``phono mirror list --json`` prints it, but for what only who verifies can say."""
    kept, _, choice = _chosen(request)
    fingerprint = room_of(request).published.fingerprint() or ""
    followed = Followed(kept.edition, b"", kept.sha256, fingerprint)
    listing = Listing(followed, choice.bags, choice.explained, choice.copies)
    value = listing_json(open_origin(address_of(request)), listing, explain=False)
    del value["stale"]
    return JSONResponse(value, headers={"Content-Disposition": 'attachment; filename="bags.json"'})


@ROUTES.api_route("/mirror/magnets.txt", methods=["GET", "HEAD"])
def magnets(request: Request) -> Response:
    """Answer a magnet link a line, of the bags that the visitor may have."""
    _, _, choice = _chosen(request)
    origin, seeds = open_origin(address_of(request)), _Seeds(request)
    lines = [
        magnet_link(origin, bag, found.trackers, found.web) + "\n"
        for bag in _may_have(request, choice)
        for found in (seeds.of(bag),)
    ]
    return _text("".join(lines), "magnets.txt")


@ROUTES.api_route("/mirror/torrents.txt", methods=["GET", "HEAD"])
def addresses(request: Request) -> Response:
    """Answer the address of a torrent a line, as ``wget --input-file`` and aria2c read them."""
    _, _, choice = _chosen(request)
    base = address_of(request)
    lines = [f"{base}targets/{quote(bag.torrent.path)}\n" for bag in _may_have(request, choice)]
    return _text("".join(lines), "torrents.txt")


@ROUTES.api_route("/mirror/torrents.zip", methods=["GET", "HEAD"])
def torrents(request: Request) -> Response:
    """Answer the torrents that are here, in one file."""
    _, _, choice = _chosen(request)
    bags = _may_have(request, choice)
    if sum(bag.torrent.size for bag in bags) > _MOST_TORRENTS:
        raise UsageError("These are too many torrents for one file.", "Take the list of their addresses.")
    headers = {"Content-Disposition": 'attachment; filename="torrents.zip"'}
    return StreamingResponse(_zipped(request, bags), media_type="application/zip", headers=headers)


def _chosen(request: Request) -> tuple[Kept, Form, Choice]:
    room = room_of(request)
    kept = room.published.current()
    if kept is None:
        raise NotFoundError("Nothing was published yet.")
    form = read_form(request.query_params, room.country(request))
    if form.wrong or not form.asked:
        raise UsageError("This list was asked for by what makes no sense.", "Fill in the form again.")
    choice = room.choosing.choose(kept, form, now())
    if choice is None:
        raise BusyError("The index is still being searched.", "Try again in a minute.")
    return kept, form, choice


def _told(request: Request, form: Form, choice: Choice) -> dict[str, Any]:
    """Return what the page shows of a choice: one page of its list, commands, and where files are."""
    ids = [bag.id for bag in choice.bags]
    after = cursor(request)
    begin = ids.index(after) + 1 if after in ids else 0
    address, fingerprint = address_of(request), room_of(request).published.fingerprint()
    listed = choice.bags[begin : begin + _LISTED]
    may_have = _may_have(request, choice)
    return {
        "listed": [(bag, choice.copies.of(bag.id) if choice.copies else None) for bag in listed],
        "begin": begin,
        "more": ids[begin + _LISTED - 1] if begin + _LISTED < len(ids) else None,
        "command": command(form, address, fingerprint),
        "list_command": list_command(form, address, fingerprint),
        "not_sent": len(choice.bags) - len(may_have),
        "zipped": sum(bag.torrent.size for bag in may_have) <= _MOST_TORRENTS,
    }


def _asking(request: Request, kept: Kept | None, form: Form) -> dict[str, Any]:
    """Return what the form offers."""
    language = language_of(request)
    about = room_of(request).published.about(kept) if kept else None
    licences = list(about.licences)[:LICENCES] if about else []
    names = locale(language).territories
    gettext = translations(language).gettext
    return {
        "licences": [*licences, *(name for name in form.licences if name not in licences)],
        "years": about.years if about else None,
        "kinds": KINDS,
        "shares": SHARES,
        "places": sorted((names.get(code, code), code) for code in COUNTRIES),
        "only_wrong": told(form.wrong["only"], gettext) if form.wrong.get("only") else "",
    }


def _cannot_tell(request: Request, kept: Kept, form: Form) -> bool:
    """Tell whether something is asked for that only files which are not here could answer."""
    published = room_of(request).published
    of_files = any(term.field in _OF_FILES for term in form.query.terms)
    without_index = published.index_file(kept) is None
    return bool(form.query.named and without_index) or (of_files and published.about(kept) is None)


def _may_have(request: Request, choice: Choice) -> list[BagEntry]:
    """Return the bags of which this server may give the visitor anything."""
    country = room_of(request).country(request)
    return [bag for bag in choice.bags if may_hold(country, bag.audience)]


class _Seeds:
    """What torrents name, of which one is read for all that came with an edition: they name the same."""

    def __init__(self, request: Request) -> None:
        self._published = room_of(request).published
        self._known: dict[tuple[int, str], Seeds] = {}

    def of(self, bag: BagEntry) -> Seeds:
        """Return the trackers and web seeds of a bag."""
        key = bag.edition, bag.audience
        if key not in self._known and self._published.torrent(bag) is not None:
            self._known[key] = seeds_of(self._published, bag)
        return self._known.get(key, Seeds())


def _zipped(request: Request, bags: list[BagEntry]) -> Iterator[bytes]:
    """Yield a ZIP file of torrents, each as it is read."""
    out = _Pipe()
    with zipfile.ZipFile(out, "w") as archive:
        for bag in bags:
            place = room_of(request).published.torrent(bag)
            if place is None:
                continue
            archive.writestr(zipfile.ZipInfo(f"{bag.id}.torrent"), place.read_bytes())
            yield out.taken()
    yield out.taken()


class _Pipe(io.RawIOBase):
    """Takes what is written, to be given on."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._data += data
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since."""
        data, self._data = bytes(self._data), bytearray()
        return data


def _text(text: str, name: str) -> Response:
    return PlainTextResponse(text, headers={"Content-Disposition": f'attachment; filename="{name}"'})
