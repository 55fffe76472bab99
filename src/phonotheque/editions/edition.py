"""``edition.json``: what one edition consists of, as a value and as canonical JSON.

It is the one TUF target (docs/mirrors.md). It names, by SHA-256, every torrent, the index, and each bag's
``tagmanifest-sha256.txt``, from which every other byte of the bag follows. Paths are relative to
``public/targets``. Editions are read from strangers, so reading accepts exactly what writing produces.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any

from phonotheque.editions.edition_fields import LINE, Fields, wrong
from phonotheque.editions.shelves import torrent_path
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import ArchiveSettings
from phonotheque.vault.names import same_place

FORMAT = "phonotheque-edition/2"
FIRST_FORMAT = "phonotheque-edition/1"  # still read: the same without tombstones
MAX_EDITION_BYTES = 64 * 1024**2  # about 90,000 bags

_SHA1 = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# A line for people, which web pages and feeds show: in XML there is no U+FFFE and no U+FFFF.


@dataclass(frozen=True, slots=True)
class ArchiveId:
    """Whose edition it is: a UUID that stays, and a name for people."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Previous:
    """The edition before this one, by the SHA-256 of its ``edition.json``."""

    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TorrentEntry:
    """A bag's torrent file, and the infohashes by which trackers and peers know it (hex)."""

    path: str
    size: int
    sha256: str
    infohash_v1: str
    infohash_v2: str


@dataclass(frozen=True, slots=True)
class BagEntry:
    """One bag. ``edition`` is the one that added it; ``bytes`` and ``files`` count tag files, too.

    ``audience`` is who may have it, as model.territory writes it: ``WORLD``, ``US``, ``WORLD -DE``.
    """

    id: str
    wave: int
    edition: int
    audience: str
    payload_bytes: int
    payload_files: int
    bytes: int
    files: int
    tagmanifest_sha256: str
    recordings: int
    listens: int | None
    torrent: TorrentEntry


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """Which bag holds the catalogue, and the name of the snapshot in it."""

    bag: str
    snapshot: str


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A file that tells of all bags: the index, which maps each recording to bag, path, offset and pieces."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A bag that was taken back, and the bag that holds what remains of it, if any."""

    bag: str
    date: str
    reason: str
    replaced_by: str | None


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What was taken back: what says so for ever, also after it was reinstated.

    ``id`` is the withdrawal's (a UUID), ``recording`` a public id, None for artwork and texts, ``sha256`` of
    the files that it took out of bags, ``territory`` where it may no longer be had, ``reason`` as far as it
    is public.
    """

    id: str
    recording: str | None
    sha256: tuple[str, ...]
    territory: str
    date: str
    reason: str
    reinstated: str | None


@dataclass(frozen=True, slots=True)
class Edition:
    """A numbered, dated publication: the bags that are current, and where to find things in them."""

    number: int
    date: str  # UTC, "2026-11-21T10:15:00Z"
    archive: ArchiveId
    previous: Previous | None
    bags: tuple[BagEntry, ...]
    catalogue: CatalogueEntry
    index: IndexEntry
    withdrawals: tuple[Withdrawal, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()
    sought: tuple[tuple[str, str], ...] = ()  # SHA-256 and audience of what is lost here, and not taken back
    about: IndexEntry | None = None  # bags.jsonl (editions.about); earlier editions have none
    format: str = FORMAT  # of an edition that was read: it is written as it was

    @property
    def tables(self) -> tuple[IndexEntry, ...]:
        """The files that tell of all bags: the index and, if there is one, bags.jsonl."""
        return (self.index,) if self.about is None else (self.index, self.about)


def check_identity(settings: ArchiveSettings) -> None:
    """Raise UsageError when an archive's id or name could stand in no edition, before anything is made."""
    try:
        known = str(uuid.UUID(settings.id)) == settings.id
    except ValueError:
        known = False
    if not known:
        raise UsageError(
            f"[archive] id in phonotheque.toml is no UUID: {settings.id!r:.80}.",
            "Bring back the one that phono init wrote: mirrors know the archive by it.",
        )
    if not LINE.fullmatch(settings.name):
        raise UsageError(
            f"[archive] name in phonotheque.toml cannot be shown: {settings.name!r:.80}.",
            "Give a name of one line, of up to 500 characters.",
        )


def write_edition(edition: Edition) -> bytes:
    """Return the canonical JSON: keys sorted, one space a level, UTF-8, a final line feed.

    Raises VerificationError when the edition does not make sense, so that none such is ever signed.
    """
    _edition(value := _value(edition))
    _check(edition)
    return _encode(value)


def read_edition(data: bytes) -> Edition:
    """Read and validate an ``edition.json``. Raises VerificationError naming what is wrong in it."""
    if len(data) > MAX_EDITION_BYTES:
        raise wrong("the file", f"is larger than {MAX_EDITION_BYTES} bytes")
    try:
        value = json.loads(data.decode("utf-8"))
    except RecursionError:
        raise wrong("the file", "is nested too deeply") from None
    except ValueError as error:
        raise wrong("the file", f"is not JSON: {error}") from error
    edition = _edition(value)
    _check(edition)
    if _encode(_value(edition)) != data:
        raise wrong("the file", "is not in canonical form (unknown or repeated keys, order, spacing)")
    return edition


def _value(edition: Edition) -> dict[str, Any]:
    value: dict[str, Any] = {
        "format": edition.format,
        "number": edition.number,
        "date": edition.date,
        "archive": _plain(edition.archive),
        "previous": _plain(edition.previous) if edition.previous else None,
        "bags": [_plain(bag) | {"torrent": _plain(bag.torrent)} for bag in edition.bags],
        "catalogue": _plain(edition.catalogue),
        "index": _plain(edition.index),
        "withdrawals": [_plain(withdrawal) for withdrawal in edition.withdrawals],
    }
    if edition.format != FIRST_FORMAT:
        value["tombstones"] = [_plain(one) | {"sha256": list(one.sha256)} for one in edition.tombstones]
    if edition.about:
        value["about"] = _plain(edition.about)
    if edition.sought:
        value["sought"] = [{"sha256": sha256, "audience": audience} for sha256, audience in edition.sought]
    return value


def _encode(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def _edition(value: Any) -> Edition:
    top = Fields(value, "the edition")
    said = top.get("format")
    if said not in (FORMAT, FIRST_FORMAT):
        raise wrong("format", f"is {said!r:.80}, not {FORMAT!r}; it may need a newer version")
    stones = top.tables("tombstones") if said == FORMAT else []
    sought = top.tables("sought") if said == FORMAT and "sought" in value else []
    archive, catalogue = top.table("archive"), top.table("catalogue")
    previous = None
    if top.get("previous") is not None:
        fields = top.table("previous")
        previous = Previous(fields.count("number", least=1), fields.text("sha256", _SHA256))
    return Edition(
        number=top.count("number", least=1),
        date=top.date("date"),
        archive=ArchiveId(archive.uuid("id"), archive.text("name", LINE)),
        previous=previous,
        bags=tuple(_bag(bag) for bag in top.tables("bags")),
        catalogue=CatalogueEntry(catalogue.segment("bag"), catalogue.segment("snapshot")),
        index=_file(top.table("index")),
        withdrawals=tuple(
            Withdrawal(
                entry.segment("bag"),
                entry.date("date"),
                entry.text("reason", LINE),
                None if entry.get("replaced_by") is None else entry.segment("replaced_by"),
            )
            for entry in top.tables("withdrawals")
        ),
        tombstones=tuple(_tombstone(entry) for entry in stones),
        sought=tuple((one.text("sha256", _SHA256), one.territory("audience")) for one in sought),
        about=_file(top.table("about")) if said == FORMAT and "about" in value else None,
        format=said,
    )


def _file(entry: Fields) -> IndexEntry:
    return IndexEntry(entry.path("path"), entry.count("size"), entry.text("sha256", _SHA256))


def _tombstone(entry: Fields) -> Tombstone:
    return Tombstone(
        id=entry.uuid("id"),
        recording=None if entry.get("recording") is None else entry.uuid("recording"),
        sha256=tuple(entry.texts("sha256", _SHA256)),
        territory=entry.territory("territory"),
        date=entry.date("date"),
        reason=entry.text("reason", LINE),
        reinstated=None if entry.get("reinstated") is None else entry.date("reinstated"),
    )


def _bag(entry: Fields) -> BagEntry:
    torrent = entry.table("torrent")
    return BagEntry(
        id=entry.segment("id"),
        wave=entry.count("wave"),
        edition=entry.count("edition", least=1),
        audience=entry.territory("audience"),
        payload_bytes=entry.count("payload_bytes"),
        payload_files=entry.count("payload_files"),
        bytes=entry.count("bytes", least=1),
        files=entry.count("files", least=1),
        tagmanifest_sha256=entry.text("tagmanifest_sha256", _SHA256),
        recordings=entry.count("recordings"),
        listens=None if entry.get("listens") is None else entry.count("listens"),
        torrent=TorrentEntry(
            path=torrent.path("path"),
            size=torrent.count("size", least=1),
            sha256=torrent.text("sha256", _SHA256),
            infohash_v1=torrent.text("infohash_v1", _SHA1),
            infohash_v2=torrent.text("infohash_v2", _SHA256),
        ),
    )


def _check(edition: Edition) -> None:
    """Check what no single field shows."""
    if edition.tombstones and edition.format == FIRST_FORMAT:
        raise wrong("tombstones", f"cannot be said in {FIRST_FORMAT}")
    ids = [bag.id for bag in edition.bags]
    clash = [key for key, count in Counter(same_place(name) for name in ids).items() if count > 1]
    if clash:
        raise wrong("bags", f"names {clash[0]!r} twice")
    if edition.catalogue.bag not in ids:
        raise wrong("catalogue.bag", f"names {edition.catalogue.bag!r}, which is not among the bags")
    if edition.previous and edition.previous.number >= edition.number:
        raise wrong("previous.number", "is not lower than the edition's own number")
    for bag in edition.bags:
        if bag.edition > edition.number:
            raise wrong(f"bags[{bag.id}].edition", "is of a later edition than this one")
        if bag.payload_bytes > bag.bytes or bag.payload_files > bag.files:
            raise wrong(f"bags[{bag.id}]", "has more payload than the whole bag")
        # Anywhere else, who guards a shelf would not know whose it is, and nobody would take it down.
        if bag.torrent.path != (place := torrent_path(bag.edition, bag.id, bag.audience)):
            raise wrong(f"bags[{bag.id}].torrent.path", f"is {bag.torrent.path!r:.200}, not {place!r}")
    for withdrawal in edition.withdrawals:
        if withdrawal.bag in ids:
            raise wrong("withdrawals", f"withdraws {withdrawal.bag!r}, which is still among the bags")
        if withdrawal.replaced_by is not None and withdrawal.replaced_by not in ids:
            raise wrong("withdrawals", f"replaces a bag by {withdrawal.replaced_by!r}, which is not there")


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
