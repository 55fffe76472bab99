"""What somebody with a client of their own could hold: bags chosen as a mirror does, torrents, magnets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from phonotheque.editions.about import read_about
from phonotheque.editions.edition import BagEntry, Edition, IndexEntry
from phonotheque.editions.metainfo import TorrentMeta
from phonotheque.mirrors.choose import Explained, Verdict, choose
from phonotheque.mirrors.choosing import candidate
from phonotheque.mirrors.copies import Copies, fetch_copies
from phonotheque.mirrors.destinations import bags_of
from phonotheque.mirrors.follow import Followed, follow
from phonotheque.mirrors.knowing import Wishes
from phonotheque.mirrors.only import Known, Query, find_named
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.public import fetch_target
from phonotheque.mirrors.transfer import MAX_TORRENT_BYTES, check_torrent
from phonotheque.mirrors.whereabouts import may_hold, taken_back, why_not
from phonotheque.model.errors import NetworkError, VerificationError
from phonotheque.model.territory import WORLDWIDE


@dataclass(frozen=True, slots=True)
class Listing:
    """The bags of an edition that somebody could hold, in the order of need, and why each is there or not."""

    followed: Followed
    bags: tuple[BagEntry, ...]
    explained: tuple[Explained, ...]
    copies: Copies | None

    @property
    def bytes(self) -> int:
        """What all of it takes, torrents included."""
        return sum(bag.bytes + bag.torrent.size for bag in self.bags)


def list_bags(
    origin: Origin,
    *,
    most: int | None,
    query: Query,
    country: str,
    whose: str,
    scratch: Path,
    now: datetime,
    trust: str | None = None,
    say: Callable[[str], None],
) -> Listing:
    """Choose bags within ``most`` bytes (None: all) of the newest edition at an origin that verifies.

    ``whose`` list it is decides the order of equals. ``scratch`` is an empty folder. Raises what
    :func:`~phonotheque.mirrors.follow.follow` does, and VerificationError, NotFoundError or NetworkError
    where what the query asks about, or which bags hold what was withdrawn, cannot be had.
    """
    followed = follow(origin, scratch / "trust", now=now, trust=trust)
    edition = followed.edition
    copies = _copies(origin, edition, say)
    wishes = Wishes(now, query, _known(origin, edition, query, scratch), copies)
    tainted = _tainted(origin, edition, country, scratch)
    bags, explained = pick(edition, wishes, tainted, most=most, country=country, whose=whose)
    return Listing(followed, bags, explained, copies)


def pick(
    edition: Edition,
    wishes: Wishes,
    tainted: Collection[str],
    *,
    most: int | None,
    country: str,
    whose: str,
) -> tuple[tuple[BagEntry, ...], tuple[Explained, ...]]:
    """Return the bags that somebody takes who holds none, in the order of need, and why each is taken or not.

    ``tainted`` bags hold what the edition withdraws there; the rest is as for :func:`list_bags`.
    """
    why = f"holds a file that edition {edition.number} withdraws"
    barred = dict.fromkeys(tainted, why) | {
        bag.id: why_not(country, bag) for bag in edition.bags if not may_hold(country, bag.audience)
    }
    bags = [candidate(edition, bag, wishes) for bag in edition.bags if bag.id not in barred]
    room = sum(bag.size for bag in bags) if most is None else most
    choice = choose(bags, room, (), whose)
    by_id = {bag.id: bag for bag in edition.bags}
    left_out = (Explained(bag, Verdict.LEFT_OUT, told) for bag, told in barred.items())
    return tuple(by_id[bag] for bag in choice.chosen), (*choice.explained, *left_out)


def listing_json(origin: Origin, listing: Listing, *, explain: bool) -> dict[str, Any]:
    """Return a list for programs: the edition's entry of each bag, with its copies and why it is there."""
    followed, why = listing.followed, {one.bag: one.why for one in listing.explained}
    bags = []
    for bag in listing.bags:
        said = asdict(listing.copies.of(bag.id)) if listing.copies is not None else None
        entry = asdict(bag) | {"copies": said, "why": why[bag.id]}
        entry["torrent"]["url"] = torrent_url(origin, bag)
        bags.append(entry)
    listed = {bag.id for bag in listing.bags}
    left_out = [asdict(one) for one in listing.explained if one.bag not in listed]
    return {
        "archive": asdict(followed.edition.archive),
        "edition": followed.edition.number,
        "edition_sha256": followed.sha256,
        "fingerprint": followed.fingerprint,
        "stale": followed.stale,
        "copies_at": listing.copies.time if listing.copies is not None else None,
        "bytes": listing.bytes,
        "bags": bags,
    } | ({"left_out": left_out} if explain else {})


def torrent_of(origin: Origin, entry: BagEntry) -> tuple[bytes, TorrentMeta]:
    """Return a bag's torrent, checked against the edition and in itself. Raises the errors of the origin."""
    if entry.torrent.size > MAX_TORRENT_BYTES:
        raise VerificationError(f"{entry.torrent.path} is larger than a torrent may be.")
    data = fetch(origin, f"targets/{entry.torrent.path}", entry.torrent.size)
    return data, check_torrent(data, entry)


def magnet(origin: Origin, entry: BagEntry, meta: TorrentMeta, *, v2: bool = True) -> str:
    """Return a magnet link for a hybrid torrent (BEP 9, BEP 52): both infohashes, trackers, web seeds.

    Without ``v2`` it names the first infohash only: some clients refuse links with one they do not know.

    The origin is a web seed, too (``ws``), and where the torrent itself can be had (``xs``), if it is a web
    server and everybody may have the bag.
    """
    return magnet_link(origin, entry, meta.trackers, meta.web_seeds, v2=v2)


def magnet_link(
    origin: Origin, entry: BagEntry, trackers: Sequence[str], web_seeds: Sequence[str], *, v2: bool = True
) -> str:
    """Return the magnet link of a bag whose torrent names these trackers and seeds; see :func:`magnet`."""
    found = [f"xt=urn:btih:{entry.torrent.infohash_v1}"]
    if v2:
        found.append(f"xt=urn:btmh:1220{entry.torrent.infohash_v2}")  # a multihash: SHA-256, 32 bytes
    found.append(f"dn={quote(entry.id, safe='')}")
    found += [f"tr={quote(tracker, safe='')}" for tracker in trackers]
    if entry.audience == WORLDWIDE:
        seeds = dict.fromkeys([*web_seeds, *([origin.web_seed] if origin.web_seed else [])])
        found += [f"ws={quote(seed, safe='')}" for seed in seeds]
        if url := torrent_url(origin, entry):
            found.append(f"xs={quote(url, safe='')}")
    return "magnet:?" + "&".join(found)


def torrent_url(origin: Origin, entry: BagEntry) -> str | None:
    """Return the address of a bag's torrent, None where the origin is no web server."""
    if origin.web_seed is None:
        return None
    return f"{origin.where.rstrip('/')}/targets/{quote(entry.torrent.path)}"


def _copies(origin: Origin, edition: Edition, say: Callable[[str], None]) -> Copies | None:
    try:
        found = fetch_copies(origin, edition.archive.id)
    except (NetworkError, VerificationError) as error:
        say(f"How many copies there are is not known: {error.message}")
        return None
    return None if found is None else found[1]


def _tainted(origin: Origin, edition: Edition, country: str, scratch: Path) -> set[str]:
    """Return the bags that the edition lists with a file which it withdraws there."""
    stones = taken_back(country, edition.tombstones)
    if not stones:
        return set()
    found = bags_of(_table(origin, edition.index, scratch), stones)
    return set().union(*found.values()) & {bag.id for bag in edition.bags}


def _known(origin: Origin, edition: Edition, query: Query, scratch: Path) -> Known:
    about = named = None
    if query.terms and edition.about is not None:
        about = read_about(_table(origin, edition.about, scratch))
    if query.named:
        named = find_named(_table(origin, edition.index, scratch), query.named)
    return Known(about, named)


def _table(origin: Origin, table: IndexEntry, scratch: Path) -> Path:
    fetch_target(origin, scratch, table.path, table.size, table.sha256)
    return scratch / "targets" / table.path
