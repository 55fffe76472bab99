"""The files of a recording: what is held, what is known, what is published, and what is stated of each.

In an archive the ledger says so; what a mirror can say of them is in web.room.mirrored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import BigInteger, Connection, Row, String, bindparam, or_, select

from phonotheque.editions.shelves import bags_folder
from phonotheque.ledger.bags import IN_AN_EDITION
from phonotheque.ledger.mirror_tables import copies
from phonotheque.ledger.schema import bag_files, bag_places, bags, files
from phonotheque.ledger.scrubs import scrubs
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.rights import WORLDWIDE, Act, Decision, Statement
from phonotheque.rights.decide import decide

_MOST: Final = 20  # files of a recording that a page tells of
_OF_A_FILE: Final = (
    "id",
    "sha256",
    "size",
    "kind",
    "master_id",
    "held",
    "accession_id",
    "added_at",
    "pcm_sha256",
    "container",
    "codec",
    "duration",
    "sample_rate",
    "channels",
    "bit_rate",
    "bits_per_sample",
    "lossless",
    "integrity",
    "integrity_notes",
)

# They are asked for each page: made once, they need no time to be put into words.
_HASHES: Final = bindparam("hashes", type_=String, expanding=True)
_IDS: Final = bindparam("ids", type_=BigInteger, expanding=True)
_NAMES: Final = bindparam("names", type_=String, expanding=True)
_FILES: Final = (
    select(*(files.c[name] for name in _OF_A_FILE), files.c.tags["copyright"].as_string().label("notice"))
    .where(
        or_(
            files.c.sha256.in_(_HASHES),
            files.c.master_id.in_(select(files.c.id).where(files.c.sha256.in_(_HASHES)).scalar_subquery()),
        )
    )
    .order_by(files.c.master_id.is_not(None), files.c.id)
    .limit(2 * _MOST)
)
_PLACES: Final = (
    select(bag_files.c.file_id, bag_files.c.bag_id, bag_files.c.path, bags.c.audience)
    .join(bags, bags.c.id == bag_files.c.bag_id)
    .where(bag_files.c.file_id.in_(_IDS), IN_AN_EDITION)
    .order_by(bags.c.audience != WORLDWIDE, bag_files.c.bag_id, bag_files.c.path)
    .limit(10 * _MOST)
)
_COUNTED: Final = (
    select(bags.c.id, bags.c.sealed_at, copies.c.claimed, copies.c.proven, copies.c.proven_since)
    .select_from(bags.outerjoin(copies, copies.c.bag_id == bags.c.id))
    .where(bags.c.id.in_(_NAMES))
)
_LOOKS: Final = select(scrubs.c.unit, scrubs.c.verified_at, scrubs.c.wrong).where(scrubs.c.unit.in_(_NAMES))
_LYING: Final = select(bag_places.c.bag_id, bag_places.c.moved).where(bag_places.c.bag_id.in_(_NAMES))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies in a published bag, and whom it may be shared with (model.territory)."""

    bag: str
    path: str  # relative to the bag
    audience: str

    @property
    def address(self) -> str:
        """The path of its bytes in the public tree, quoted for a URL."""
        return quote(f"/{bags_folder(self.audience)}/{self.bag}/{self.path}")


@dataclass(frozen=True, slots=True)
class Sound:
    """A master or an access copy. Lengths are seconds, sizes bytes; what is not known is None or empty.

    ``statements`` are those about its master.
    """

    sha256: str
    size: int
    kind: str  # "master" or "access"
    master: str  # the SHA-256 of its master, or its own
    held: bool
    pcm_sha256: str | None
    accession: str
    added_at: str
    container: str | None
    codec: str | None
    seconds: float | None
    sample_rate: int | None
    channels: int | None
    bit_rate: int | None
    bits: int | None
    lossless: bool
    integrity: str
    notes: tuple[str, ...]
    notice: str | None  # the copyright notice in its tags
    places: tuple[Place, ...]
    statements: tuple[Statement, ...]

    @property
    def is_published(self) -> bool:
        """Whether it is in a bag: what is stated of it is public then."""
        return bool(self.places)


@dataclass(frozen=True, slots=True)
class Kept:
    """How well a published bag is kept. All of it was read since ``checked_at``, or sealed then."""

    bag: str
    audience: str
    here: bool
    checked_at: str | None  # None: it is not known to have been right since it was read last
    elsewhere: int  # whole copies that the archive itself has at other places
    claimed: int  # mirrors that say they hold it
    proven: int  # mirrors that proved it
    proven_since: str | None  # the oldest of these proofs
    counted: bool = True  # whether anybody counted these mirrors
    partly: bool = False  # a mirror holds some of its files


def sounds_of(ledger: Connection, hashes: Iterable[str]) -> list[Sound]:
    """Return the files with these SHA-256 and the access copies of them: masters first, twenty at most."""
    rows: Sequence[Any] = ledger.execute(_FILES, {"hashes": list(hashes)[:_MOST]}).all()
    if not rows:
        return []
    masters = {row.id: row for row in rows if row.master_id is None}
    stated = standing_statements(ledger, masters)
    places = _places(ledger, [row.id for row in rows])
    return [
        _sound(row, masters[row.master_id or row.id], places.get(row.id, ()), stated)
        for row in rows
        if (row.master_id or row.id) in masters
    ]


def kept_bags(ledger: Connection, sounds: Iterable[Sound]) -> list[Kept]:
    """Return how well the bags are kept in which these files are published, in the order of their ids."""
    audiences = {place.bag: place.audience for sound in sounds for place in sound.places}
    names = sorted(audiences)
    if not names:
        return []
    asked = {"names": names}
    counted = {row.id: row for row in ledger.execute(_COUNTED, asked)}
    looks: dict[str, list[Any]] = {}
    for look in ledger.execute(_LOOKS, asked):
        looks.setdefault(look.unit, []).append(look)
    lying: dict[str, list[bool]] = {}
    for place in ledger.execute(_LYING, asked):
        lying.setdefault(place.bag_id, []).append(bool(place.moved))
    return [
        _kept(counted[name], audiences[name], looks.get(name, ()), lying.get(name, ()))
        for name in names
        if name in counted
    ]


def _sound(
    row: Row[Any], master: Row[Any], places: Sequence[Place], stated: dict[int, list[Statement]]
) -> Sound:
    return Sound(
        sha256=row.sha256,
        size=row.size,
        kind=row.kind,
        master=master.sha256,
        held=bool(row.held),
        pcm_sha256=row.pcm_sha256,
        accession=master.accession_id,
        added_at=master.added_at,
        container=row.container,
        codec=row.codec,
        seconds=row.duration,
        sample_rate=row.sample_rate,
        channels=row.channels,
        bit_rate=row.bit_rate,
        bits=row.bits_per_sample,
        lossless=bool(row.lossless),
        integrity=row.integrity,
        notes=tuple(row.integrity_notes or ()),
        notice=master.notice,
        places=tuple(places),
        statements=tuple(stated[master.id]),
    )


def _places(ledger: Connection, ids: Sequence[int]) -> dict[int, list[Place]]:
    found: dict[int, list[Place]] = {}
    for row in ledger.execute(_PLACES, {"ids": ids}):
        found.setdefault(row.file_id, []).append(Place(row.bag_id, row.path, row.audience))
    return found


def _kept(row: Any, audience: str, looked: Sequence[Any], lying: Sequence[bool]) -> Kept:
    right = [look.verified_at for look in looked if look.verified_at and not look.wrong]
    never_wrong = not any(look.wrong for look in looked)
    return Kept(
        bag=row.id,
        audience=audience,
        here=not any(lying),
        checked_at=max(right) if right else row.sealed_at if never_wrong else None,
        elsewhere=len(lying),
        claimed=row.claimed or 0,
        proven=row.proven or 0,
        proven_since=row.proven_since,
    )


@lru_cache(maxsize=1024)
def decided(statements: tuple[Statement, ...], act: Act, on: date, territory: str) -> Decision:
    """Return what statements allow; kept, since pages ask the same of a file several times."""
    return decide(statements, act, on=on, territory=territory)
