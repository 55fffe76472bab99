"""Writing the room as plain files into the public tree: pages in each language, and tables to look up in."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from phonotheque.editions.room_files import forget_in, forget_withdrawn, withheld_on
from phonotheque.editions.sealing import CATALOGUE_WAVE
from phonotheque.editions.site import LOOK_UP, ROOM
from phonotheque.ledger.holdings import HoldingState, all_holdings
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import WORLDWIDE
from phonotheque.rights.listed import LISTED
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import RECORDINGS
from phonotheque.web.guard import ANYBODY
from phonotheque.web.room import about, bags, editions, looking, rules
from phonotheque.web.room.languages import LANGUAGES
from phonotheque.web.room.published import Kept
from phonotheque.web.room.routing import LANGUAGE
from phonotheque.web.room.state import Room
from phonotheque.web.still import look_up, pages, placing
from phonotheque.web.still.addresses import file_of, settled
from phonotheque.web.still.asking import ask

STATIC: Final = "static"
_READER: Final = "vendor/hyparquet"
_PLAIN: Final = ("", "about", "bags", "correct", "editions", "figures", "look-up", "mirror", "rights")


def write_still(archive: Archive) -> int:
    """Write the pages of the current edition; return how many. Nothing is written before the first.

    What is withheld they do not tell, be it in a bag of the edition. They are made beside the public tree and
    put there when all are made; see ``placing``. A mirror's tell of recordings in bags that lie there. Raises
    PhonothequeError for a page that cannot be made, BusyError while another process makes them.
    """
    room = Room(archive, ANYBODY, still=True)
    kept = room.published.current()
    if kept is None:
        return 0
    with placing.only_writer(archive):
        work = placing.folder_of(archive) / "making"
        shutil.rmtree(work, ignore_errors=True)
        fresh = work / "public"
        fresh.mkdir(parents=True)
        try:
            withheld = withheld_on(archive, room.today())
            _write_look_up(room, kept, withheld, fresh)
            paths = list(_paths(room, kept, {name.partition("/")[0] for name in withheld}))
            written = asyncio.run(_write_pages(_application(room), paths, fresh, archive.public))
            forget_in(fresh, withheld_on(archive, room.today()))  # what was taken back while they were made
            placing.put(archive, fresh)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        forget_withdrawn(archive, room.today())  # or while they were put there
    return written


def _write_look_up(room: Room, kept: Kept, withheld: Sequence[str], fresh: Path) -> None:
    index = room.published.index_file(kept)
    if index is None:
        return
    archive = room.archive
    bags = [bag.id for bag in kept.edition.bags if bag.audience == WORLDWIDE and bag.wave != CATALOGUE_WAVE]
    if archive.is_mirror:
        with archive.ledger.connect() as ledger:
            held = all_holdings(ledger)
        bags = [bag for bag in bags if bag in held and held[bag].state is HoldingState.COMPLETE]
    lines = [archive.bags / bag / RECORDINGS for bag in bags] if archive.is_mirror else None
    told = room.catalogue.snapshot if room.catalogue else lines
    look_up.write_look_up(index, bags, told, fresh / LOOK_UP, withheld=withheld)


def _application(room: Room) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.room = room
    for part in (pages, about, bags, editions, looking, rules):
        app.include_router(part.ROUTES, prefix=LANGUAGE)
    return app


def _paths(room: Room, kept: Kept, without: Collection[str]) -> Iterator[str]:
    """Yield what becomes a page, without its language; no pages of bags of which something is withheld."""
    yield from _PLAIN
    yield f"edition/{kept.edition.number}"
    yield from (f"bag/{bag}" for bag in kept.ids if bag not in without)
    yield from (f"bags/{number}" for number in range(2, -(-len(kept.ids) // pages.BAGS) + 1))
    counted = room.looking.kept()
    yield from (f"figures/{key}" for key in (counted.counts if counted else ()))
    yield from (f"rights/{rule}" for rule in LISTED)


async def _write_pages(app: FastAPI, paths: list[str], place: Path, public: Path) -> int:
    """Write pages and what they show into ``place``, which will lie in ``public``; return how many pages."""

    def is_there(path: str) -> bool:
        return ((place if path.partition("/")[0] in ROOM else public) / path).is_file()

    addresses = {f"/{language}/{path}".rstrip("/") for language in LANGUAGES for path in paths}
    needed: set[str] = set()
    for address in sorted(addresses):
        asked = address if address.count("/") > 1 else f"{address}/"
        answer = await ask(app, asked)
        if answer.status != 200:
            raise PhonothequeError(f"The page {asked} could not be made: it is answered {answer.status}.")
        text, wants = settled(answer.body, address, addresses, is_there)
        needed |= wants
        file = place / file_of(address)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)
    for address in sorted(needed):
        if address.startswith(f"/{STATIC}/"):
            _copy_static(address, place)
            continue
        answer = await ask(app, address)
        if answer.status == 200:  # what is not drawn yet, pages do not name
            (place / address.strip("/")).parent.mkdir(parents=True, exist_ok=True)
            (place / address.strip("/")).write_bytes(answer.body)
    return len(addresses)


def _copy_static(address: str, place: Path) -> None:
    """Copy a file of the program that pages name, and what a module imports."""
    home = Path(str(files("phonotheque.web.room") / STATIC))
    _, _, fingerprint, name = address.split("/", 3)
    target = place / STATIC / fingerprint / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(home / name, target)
    if name == "look_up.js":
        shutil.copytree(home / _READER, target.parent / _READER, dirs_exist_ok=True)
