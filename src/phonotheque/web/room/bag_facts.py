"""What can be said of one bag: by its edition, by what of it lies here, and by who holds it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.requests import Request

from phonotheque.editions.about import About
from phonotheque.editions.bencode import decode
from phonotheque.editions.edition import BagEntry, Withdrawal
from phonotheque.editions.metainfo import read_torrent
from phonotheque.editions.shelves import BAGS, bags_folder
from phonotheque.ledger.copy_counts import OnADay, over_time
from phonotheque.ledger.holdings import Holding, HoldingState, holding_of
from phonotheque.ledger.scrubs import whole_since
from phonotheque.mirrors.copies import BagCopies
from phonotheque.mirrors.listing import magnet_link
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.transfer import MAX_TORRENT_BYTES
from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.model.errors import VerificationError
from phonotheque.model.territory import WORLDWIDE
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import read_info
from phonotheque.web.listings import magnet
from phonotheque.web.room.index_of import File, after
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.published import Kept, Published

FILES: Final = 100  # on a page
_FACTS: Final = 40  # lines of bag-info.txt that are shown
_DAYS: Final = 60  # rows of the history of copies
_SHOWN: Final = (
    "README.txt",
    "recordings.jsonl",
    "bag-info.txt",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
)


@dataclass(frozen=True, slots=True)
class Seeds:
    """Where a torrent says that its bytes are to be had."""

    trackers: tuple[str, ...] = ()
    web: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileHere:
    """A file of a bag and its address on this server, "" where it is not to be had here."""

    file: File
    address: str


@dataclass(frozen=True)
class BagFacts:
    """A bag of an edition, as its page shows it. What is None is not known here, or not for who asks."""

    entry: BagEntry
    about: About | None
    copies: BagCopies | None
    counted_at: str | None
    replaced: tuple[Withdrawal, ...]
    may_have: bool
    here: bool
    torrent: str | None
    magnet: str | None
    seeds: tuple[str, ...]
    tag_files: tuple[tuple[str, str], ...]
    info: tuple[tuple[str, str], ...]
    holding: Holding | None
    verified_at: str | None
    days: tuple[OnADay, ...] = ()
    files: Sequence[FileHere] = field(default=())
    more: str | None = None


def bag_facts(request: Request, kept: Kept, entry: BagEntry, after_path: str) -> BagFacts:
    """Gather what there is to say of a bag. Raises VerificationError for public files that are broken."""
    room = room_of(request)
    archive, published = room.archive, room.published
    may_have = may_hold(room.country(request), entry.audience)
    folder = archive.public / bags_folder(entry.audience) / entry.id
    here = os.path.lexists(folder)
    torrent = published.torrent(entry) if may_have else None
    seeds = seeds_of(published, entry) if torrent else Seeds()
    copies = published.copies(kept)
    about = published.about(kept)
    files, more = _files(published, kept, entry, after_path)
    holding, verified_at, days = _held(archive, entry.id)
    address = f"/{bags_folder(entry.audience)}/{quote(entry.id)}"
    open_to = folder if here and may_have else None
    return BagFacts(
        entry=entry,
        about=about.bags.get(entry.id) if about else None,
        copies=copies.of(entry.id) if copies else None,
        counted_at=copies.time if copies else None,
        replaced=kept.replaces.get(entry.id, ()),
        may_have=may_have,
        here=here,
        torrent=f"/targets/{quote(entry.torrent.path)}" if torrent else None,
        magnet=magnet_of(request, entry, seeds) if torrent else None,
        seeds=seeds.web or _own_seed(request, entry, open_to),
        tag_files=tuple((name, f"{address}/{name}") for name in _SHOWN) if open_to else (),
        info=_info(archive, entry.id) if open_to else (),
        holding=holding,
        verified_at=verified_at,
        days=days,
        files=[FileHere(file, _address(open_to, address, file.path)) for file in files],
        more=more,
    )


UNKNOWN_ADDRESS: Final = "ADDRESS-OF-THESE-PAGES/"  # of plain files, where no setting says it


def address_of(request: Request) -> str:
    """Return the address under which this archive or mirror is reached, with a slash at its end."""
    settings = room_of(request).archive.settings
    told = settings.mirror.web if room_of(request).archive.is_mirror else settings.publish.url
    if room_of(request).still and not told:
        return UNKNOWN_ADDRESS
    return (told or str(request.base_url)).rstrip("/") + "/"


def _own_seed(request: Request, entry: BagEntry, open_to: Path | None) -> tuple[str, ...]:
    """Return this server as a web seed where it has the bag, and everybody may have it."""
    here = open_to is not None and entry.audience == WORLDWIDE
    return (f"{address_of(request)}{BAGS}/",) if here else ()


def seeds_of(published: Published, entry: BagEntry) -> Seeds:
    """Return what the torrent of a bag names; nothing where it is not here."""
    place = published.torrent(entry)
    if place is None or entry.torrent.size > MAX_TORRENT_BYTES:
        return Seeds()
    return published.kept(place, _seeds) or Seeds()


def magnet_of(request: Request, entry: BagEntry, seeds: Seeds) -> str:
    """Return the magnet link of a bag, with this server among its sources."""
    address = address_of(request)
    if address == UNKNOWN_ADDRESS:
        return magnet(entry.id, entry.torrent.infohash_v1, entry.torrent.infohash_v2, trackers=seeds.trackers)
    return magnet_link(open_origin(address), entry, seeds.trackers, seeds.web)


def _seeds(place: Path) -> Seeds:
    top = decode(place.read_bytes())
    if not isinstance(top, dict):
        raise VerificationError(f"{place.name} is no torrent.")
    tiers, urls = top.get(b"announce-list", []), top.get(b"url-list", [])
    first = top.get(b"announce", b"")
    trackers = [url for tier in (tiers if isinstance(tiers, list) else []) for url in _texts(tier)]
    return Seeds(tuple(dict.fromkeys([*trackers, *_texts([first])])), tuple(_texts(urls)))


def _texts(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [one.decode("utf-8", "replace") for one in listed if isinstance(one, bytes) and one]


def _files(published: Published, kept: Kept, entry: BagEntry, path: str) -> tuple[Sequence[File], str | None]:
    """Return a page of a bag's files, and the path after which the next begins.

    They are those of the index; where that tells of none, as of the catalogue's bag, those of the torrent.
    """
    index = published.index(kept)
    every = index.files(entry.id) if index else ()
    place = published.torrent(entry)
    if not every and place is not None and entry.torrent.size <= MAX_TORRENT_BYTES:
        every = published.kept(place, _listed) or ()
    found = after(every, path, FILES + 1)
    return found[:FILES], found[FILES - 1].path if len(found) > FILES else None


def _listed(place: Path) -> tuple[File, ...]:
    found = [File(file.path, file.size, None, None) for file in read_torrent(place.read_bytes()).files]
    return tuple(sorted(found, key=lambda file: file.path))


def _address(folder: Path | None, address: str, path: str) -> str:
    if folder is None:
        return ""
    # Of a bag that is shown in part there are links to the files that are.
    shown = folder.is_symlink() or os.path.lexists(folder / path)
    return f"{address}/{quote(path)}" if shown else ""


def _info(archive: Archive, bag: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(islice(read_info(archive.bags / bag), _FACTS))
    except FileNotFoundError:
        return ()


def _held(archive: Archive, bag: str) -> tuple[Holding | None, str | None, tuple[OnADay, ...]]:
    """Return how a bag stands here, when all of it was read last, and how its copies were day by day."""
    with archive.ledger.connect() as ledger:
        holding = holding_of(ledger, bag) if archive.is_mirror else None
        scrubbed = whole_since(ledger, bag)
        days = () if archive.is_mirror else over_time(ledger, bag)
    verified = [at for at in (scrubbed, holding and holding.verified_at) if at]
    return holding, max(verified, default=None), tuple(days[-_DAYS:])


def is_whole(facts: BagFacts) -> bool:
    """Tell whether a mirror holds all of a bag."""
    return facts.holding is not None and facts.holding.state is HoldingState.COMPLETE


def terms_of(about: About | None, most: int = 12) -> Mapping[str, int]:
    """Return the licences, or kinds of basis, of a bag's files, the most frequent first."""
    found: dict[str, int] = {}
    for terms, number in about.terms.items() if about else ():
        for term in terms:
            found[term] = found.get(term, 0) + number
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0]))[:most])
