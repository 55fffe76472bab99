"""Issuing an edition: listing what is current, writing its public files, and making it the signed one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from phonotheque.editions.about import About, read_about, write_about
from phonotheque.editions.edition import (
    ArchiveId,
    BagEntry,
    CatalogueEntry,
    Edition,
    IndexEntry,
    Previous,
    TorrentEntry,
    read_edition,
    write_edition,
)
from phonotheque.editions.index import write_index
from phonotheque.editions.judging import doubtful_bags
from phonotheque.editions.sealing import CATALOGUE_WAVE
from phonotheque.editions.shelves import torrent_path
from phonotheque.editions.site import write_site
from phonotheque.editions.sought import sought_files
from phonotheque.editions.taken_back import tombstones, withdrawn_bags
from phonotheque.editions.tree import named_signposts
from phonotheque.editions.trust import publish_targets
from phonotheque.editions.withholding import hidden_in, show_bag
from phonotheque.ledger.bags import BagRecord, EditionRecord, all_bags, record_edition
from phonotheque.ledger.events import record_event
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.place import feed, write_durably


def issue(archive: Archive, number: int, snapshot: str, latest: EditionRecord | None, at: datetime) -> None:
    """Write the edition's public files, record it, and make it the current one."""
    with archive.ledger.connect() as ledger:
        bags = all_bags(ledger)
        folder = archive.public / "targets" / "editions" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        write_index(ledger, bags, folder / "index.parquet")
    sealed = [(archive.bags / bag.id, bag.tagmanifest_sha256) for bag in bags]
    write_about(sealed, folder / "bags.jsonl", _said_before(archive, latest))
    _show_bags(archive, bags, at)
    edition = _edition(archive, number, snapshot, latest, bags, folder, at)
    data = write_edition(edition)
    write_durably(folder / "edition.json", data)
    write_site(archive, edition, at)
    record = EditionRecord(
        number=number,
        date=edition.date,
        snapshot=snapshot,
        sha256=hashlib.sha256(data).hexdigest(),
        published_at=timestamp(at),
    )
    with archive.ledger.begin() as ledger:
        record_edition(ledger, record)
        record_event(
            ledger,
            at=timestamp(at),
            kind="dissemination",
            subject=f"edition {number}",
            agent=archive.settings.archive.agent,
            detail={"sha256": record.sha256, "bags": len(bags)},
        )
    point_at(archive, record, at)


def point_at(archive: Archive, edition: EditionRecord, at: datetime) -> None:
    """Make a recorded edition the one that TUF's timestamp leads to. Being that already, nothing changes."""
    file = archive.public / "targets" / "editions" / str(edition.number) / "edition.json"
    targets = {f"editions/{edition.number}/edition.json": file, "edition.json": file}
    publish_targets(archive.public, archive.keys, targets, now=at, custom=named_signposts(archive.keys))


def _edition(
    archive: Archive,
    number: int,
    snapshot: str,
    latest: EditionRecord | None,
    bags: Sequence[BagRecord],
    folder: Path,
    at: datetime,
) -> Edition:
    settings = archive.settings.archive
    catalogue = next(bag for bag in reversed(bags) if bag.wave == CATALOGUE_WAVE)
    with archive.ledger.connect() as ledger:
        taken_back, stones = withdrawn_bags(ledger), tombstones(ledger)
        sought = sought_files(ledger, at.date())
    return Edition(
        number=number,
        date=timestamp(at),
        archive=ArchiveId(settings.id, settings.name),
        previous=Previous(latest.number, latest.sha256) if latest else None,
        bags=tuple(_bag_entry(bag) for bag in bags),
        withdrawals=taken_back,
        tombstones=stones,
        sought=sought,
        catalogue=CatalogueEntry(catalogue.id, snapshot),
        index=_file(folder / "index.parquet"),
        about=_file(folder / "bags.jsonl"),
    )


def _file(path: Path) -> IndexEntry:
    return IndexEntry(
        path=f"editions/{path.parent.name}/{path.name}",
        size=path.stat().st_size,
        sha256=feed(path, hashlib.sha256()).hexdigest(),
    )


def _said_before(archive: Archive, latest: EditionRecord | None) -> dict[str, About]:
    """Return what the edition before says of bags, so that not all of them are read again; if it is whole."""
    if latest is None:
        return {}
    targets = archive.public / "targets"
    try:
        data = (targets / "editions" / str(latest.number) / "edition.json").read_bytes()
        if hashlib.sha256(data).hexdigest() != latest.sha256 or (entry := read_edition(data).about) is None:
            return {}
        if feed(targets / entry.path, hashlib.sha256()).hexdigest() == entry.sha256:
            return read_about(targets / entry.path)
    except FileNotFoundError:
        pass  # it is made anew of the bags
    return {}


def _bag_entry(bag: BagRecord) -> BagEntry:
    torrent = TorrentEntry(
        path=torrent_path(bag.edition, bag.id, bag.audience),
        size=bag.torrent_size,
        sha256=bag.torrent_sha256,
        infohash_v1=bag.infohash_v1,
        infohash_v2=bag.infohash_v2,
    )
    return BagEntry(
        id=bag.id,
        wave=bag.wave,
        edition=bag.edition,
        audience=bag.audience,
        payload_bytes=bag.payload_bytes,
        payload_files=bag.payload_files,
        bytes=bag.bytes,
        files=bag.files,
        tagmanifest_sha256=bag.tagmanifest_sha256,
        recordings=bag.recordings,
        listens=bag.listens,
        torrent=torrent,
    )


def _show_bags(archive: Archive, bags: Sequence[BagRecord], at: datetime) -> None:
    """Show sealed bags in the public tree, so that plain HTTP is a web seed for every torrent.

    What may no longer be shared, and is in a bag that could not be revised, is left out.
    """
    with archive.ledger.connect() as ledger:
        doubtful = set(doubtful_bags(ledger, at.date()))
        for bag in bags:
            hidden = hidden_in(ledger, bag, at.date()) if bag.id in doubtful else ()
            show_bag(archive, ledger, bag, hidden)
