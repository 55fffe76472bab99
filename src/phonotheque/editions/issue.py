"""Issuing an edition: listing what is current, writing its public files, and making it the signed one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from phonotheque.editions.edition import (
    ArchiveId,
    BagEntry,
    CatalogueEntry,
    Edition,
    IndexEntry,
    Previous,
    TorrentEntry,
    write_edition,
)
from phonotheque.editions.index import write_index
from phonotheque.editions.sealing import CATALOGUE_WAVE, torrent_path
from phonotheque.editions.site import write_site
from phonotheque.editions.trust import publish_targets
from phonotheque.ledger.bags import BagRecord, EditionRecord, all_bags, record_edition
from phonotheque.ledger.events import record_event
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.place import feed, fsync_dir, write_durably


def issue(archive: Archive, number: int, snapshot: str, latest: EditionRecord | None, at: datetime) -> None:
    """Write the edition's public files, record it, and make it the current one."""
    with archive.ledger.connect() as ledger:
        bags = all_bags(ledger)
        folder = archive.public / "targets" / "editions" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        write_index(ledger, bags, folder / "index.parquet")
    _link_bags(archive, bags)
    edition = _edition(archive, number, snapshot, latest, bags, folder / "index.parquet", at)
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
    publish_targets(archive.public, archive.keys, targets, now=at)


def _edition(
    archive: Archive,
    number: int,
    snapshot: str,
    latest: EditionRecord | None,
    bags: Sequence[BagRecord],
    index: Path,
    at: datetime,
) -> Edition:
    settings = archive.settings.archive
    catalogue = next(bag for bag in reversed(bags) if bag.wave == CATALOGUE_WAVE)
    return Edition(
        number=number,
        date=timestamp(at),
        archive=ArchiveId(settings.id, settings.name),
        previous=Previous(latest.number, latest.sha256) if latest else None,
        bags=tuple(_bag_entry(bag) for bag in bags),
        catalogue=CatalogueEntry(catalogue.id, snapshot),
        index=IndexEntry(
            path=f"editions/{number}/index.parquet",
            size=index.stat().st_size,
            sha256=feed(index, hashlib.sha256()).hexdigest(),
        ),
    )


def _bag_entry(bag: BagRecord) -> BagEntry:
    torrent = TorrentEntry(
        path=torrent_path(bag.edition, bag.id),
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


def _link_bags(archive: Archive, bags: Sequence[BagRecord]) -> None:
    """Show sealed bags under ``public/bags``, so that plain HTTP is a web seed for every torrent."""
    folder = archive.public / "bags"
    folder.mkdir(exist_ok=True)
    for bag in bags:
        link = folder / bag.id
        if not link.is_symlink():
            link.symlink_to(Path("..") / ".." / "vault" / "bags" / bag.id, target_is_directory=True)
    fsync_dir(folder)
