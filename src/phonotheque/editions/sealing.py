"""Sealing one bag and making it count: bytes, torrent, ledger, and then what is left behind or moves."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, select

from phonotheque import __version__
from phonotheque.editions.shelves import bags_folder, torrent_path
from phonotheque.editions.torrent import Torrent, build_torrent, piece_spans
from phonotheque.jobs.pool import cores
from phonotheque.ledger.bags import BagFileRecord, BagRecord, bagged_copy, files_in_bag, record_bag
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import files
from phonotheque.ledger.sidecars import KIND
from phonotheque.model.bags import Finding, SealedBag
from phonotheque.model.errors import VerificationError
from phonotheque.model.progress import Progress
from phonotheque.model.rights import WORLDWIDE
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import BagFile, BagPlan, read_bag, remove_bag, remove_unfinished, seal
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.place import write_durably
from phonotheque.vault.places import check_bagged, settle_bag

TAG_MANIFEST = "tagmanifest-sha256.txt"
CATALOGUE_WAVE = 0
AUDIO_WAVE = 1
ARTWORK_WAVE = 2  # and lyrics and documents
CATALOGUE_SUFFIX = "-catalogue"  # of the id of a bag made from a snapshot, which stays where it is
_REVISION = re.compile(r"(.+?)(?:-r([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Membership:
    """Which recording and which ledger row a payload file stands for."""

    file_id: int
    recording: str | None  # None for what belongs to several, as a cover does


@dataclass(frozen=True, slots=True)
class BagOrder:
    """A bag that is to be sealed. ``members`` goes by SHA-256; empty for the catalogue.

    ``similar`` are the v1 infohashes of the torrents that it shares files with, in hex.
    """

    plan: BagPlan
    edition: int
    wave: int
    listens: int | None
    members: Mapping[str, Membership]
    sealed_at: str
    creation_date: int  # seconds since 1970, written into the torrent
    audience: str = WORLDWIDE
    similar: tuple[str, ...] = ()


def next_revision(bag_id: str) -> str:
    """Return the id of the bag that replaces one: ``<id>-r2``, then ``-r3`` …"""
    match = _REVISION.fullmatch(bag_id)
    assert match is not None
    return f"{match[1]}-r{int(match[2] or 1) + 1}"


def revised_before(bag_id: str) -> str | None:
    """Return the id of the bag that one replaces, None if it is no revision."""
    match = _REVISION.fullmatch(bag_id)
    assert match is not None
    if match[2] is None:
        return None
    return match[1] if int(match[2]) <= 2 else f"{match[1]}-r{int(match[2]) - 1}"


def seal_and_record(
    archive: Archive,
    order: BagOrder,
    progress: Progress,
    *,
    also: Callable[[Connection, BagRecord, Sequence[Finding]], None] | None = None,
) -> tuple[BagRecord, tuple[Finding, ...]]:
    """Seal a bag, write its torrent, record both, and send it to where the settings want it.

    Files that cannot go in stay where they are, reported. What is to be recorded with the bag, or not at all,
    is done by ``also``, which is told what could not go in.
    """
    archive.bags.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(cores()) as threads:  # hashing releases the interpreter's lock

        def placed(file: BagFile) -> None:
            progress.advance(files=1, size=file.size)

        result = seal(order.plan, archive.bags, map_files=threads.map, on_file=placed)
    torrent = _write_torrent(archive, order, result.bag)
    record = _bag_record(order, result.bag, torrent)
    contents = _contents(order, result.bag)
    with archive.ledger.begin() as ledger:
        record_bag(ledger, record, contents)
        if also is not None:
            also(ledger, record, result.failures)
        record_event(
            ledger,
            at=order.sealed_at,
            kind="packing",
            subject=record.id,
            agent=archive.settings.archive.agent,
            detail={"files": record.payload_files, "left_out": [f.path for f in result.failures]},
        )
    # The ledger has acknowledged the bag: its members need no second name outside it.
    for entry in contents:
        if entry.file_id is not None:
            incoming_path(archive.incoming, entry.sha256).unlink(missing_ok=True)
    settle_bag(archive, record.id, progress)
    return record, result.failures


def remove_spares(archive: Archive, bag_id: str) -> None:
    """Remove what a run killed after recording a bag left of its members outside it.

    Deleting needs a proof: the file in the bag is read, and is right.
    """
    with archive.ledger.connect() as ledger:
        entries = [entry for entry in files_in_bag(ledger, bag_id) if entry.file_id is not None]
    for entry in entries:
        spare = incoming_path(archive.incoming, entry.sha256)
        if spare.exists() and not check_bagged(archive, bag_id, entry.path, entry.size, entry.sha256):
            spare.unlink()


def discard_unrecorded(archive: Archive, recorded: Iterable[str], former: Iterable[str] = ()) -> None:
    """Remove bags that an interrupted run sealed but never recorded: they are made anew, from the same files.

    Deleting needs a proof: every payload file must still lie whole outside the bag, waiting, in the bag that
    this one was to replace or, as a cover may, in another one. Music goes into one bag only, from where it
    lies: a bag of other music is none that an interrupted run made. Bags that are current no more are removed
    elsewhere. Raises VerificationError.
    """
    if not archive.bags.is_dir():
        return
    remove_unfinished(archive.bags)
    known, others = set(recorded), set(former)
    for bag in sorted(archive.bags.iterdir()):
        if bag.name in known or bag.name in others or bag.name.startswith("."):
            continue
        manifest = read_bag(bag).manifest
        kept = (
            _waits(archive, bag / path, digest)
            or _lies_in_another(archive, digest)
            or (revised_before(bag.name) in known and _lies_before(archive, bag, path, digest))
            for path, digest in manifest.items()
        )
        if not bag.name.endswith(CATALOGUE_SUFFIX) and not all(kept):
            raise VerificationError(
                f"{bag} is a sealed bag that the ledger does not know, with files that do not lie whole "
                "where an interrupted run would have taken them from.",
                "Restore the ledger from a backup, or move the bag elsewhere and add it as a folder.",
            )
        remove_bag(bag)


def _waits(archive: Archive, file: Path, sha256: str) -> bool:
    """Return whether a file of a bag is whole where it waited, or is there under a second name."""
    waiting = incoming_path(archive.incoming, sha256)
    try:
        found = waiting.lstat()
    except FileNotFoundError:
        return False
    if file.exists() and os.path.samestat(found, file.lstat()):
        return True
    return check_file(waiting, found.st_size, sha256) is None


def _lies_in_another(archive: Archive, sha256: str) -> bool:
    with archive.ledger.connect() as ledger:
        of_sidecar = select(files.c.id).where(files.c.sha256 == sha256, files.c.kind == KIND)
        found = bagged_copy(ledger, sha256) if ledger.execute(of_sidecar).first() else None
    return found is not None and check_bagged(archive, *found, sha256) is None


def _lies_before(archive: Archive, bag: Path, path: str, sha256: str) -> bool:
    """Return whether a file of a bag is whole in the one that it was to replace: a revision moves none."""
    before = revised_before(bag.name)
    assert before is not None
    with archive.ledger.connect() as ledger:
        entry = next((one for one in files_in_bag(ledger, before) if one.path == path), None)
    if entry is None or entry.sha256 != sha256:
        return False
    original = archive.bags / before / path
    if original.exists() and original.samefile(bag / path):
        return True
    return check_bagged(archive, before, path, entry.size, sha256) is None


def _write_torrent(archive: Archive, order: BagOrder, bag: SealedBag) -> Torrent:
    publish = archive.settings.publish
    seeds = (f"{publish.url.rstrip('/')}/{bags_folder(order.audience)}/",) if publish.url else ()
    torrent = build_torrent(
        bag,
        trackers=publish.trackers,
        web_seeds=seeds,
        created_by=f"Phonotheque {__version__}",
        creation_date=order.creation_date,
        similar=[bytes.fromhex(infohash) for infohash in order.similar],
        private=order.audience != WORLDWIDE,
    )
    path = archive.public / "targets" / torrent_path(order.edition, bag.id, order.audience)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, torrent.data)
    return torrent


def _bag_record(order: BagOrder, bag: SealedBag, torrent: Torrent) -> BagRecord:
    tagmanifest = next(file for file in bag.files if file.path == TAG_MANIFEST)
    members = [order.members[sha] for file in bag.files if (sha := file.hashes.sha256) in order.members]
    return BagRecord(
        id=bag.id,
        edition=order.edition,
        wave=order.wave,
        audience=order.audience,
        bytes=bag.size,
        files=len(bag.files),
        payload_bytes=bag.payload_bytes,
        payload_files=bag.payload_files,
        recordings=len({member.recording for member in members if member.recording is not None}),
        listens=order.listens,
        tagmanifest_sha256=tagmanifest.hashes.sha256,
        torrent_size=len(torrent.data),
        torrent_sha256=sha256(torrent.data).hexdigest(),
        infohash_v1=torrent.infohash_v1,
        infohash_v2=torrent.infohash_v2,
        sealed_at=order.sealed_at,
    )


def _contents(order: BagOrder, bag: SealedBag) -> list[BagFileRecord]:
    spans = piece_spans(bag)
    contents = []
    for file in bag.files:
        payload = file.path.startswith("data/")
        member = order.members.get(file.hashes.sha256) if payload else None
        contents.append(
            BagFileRecord(
                path=file.path,
                size=file.hashes.size,
                sha256=file.hashes.sha256,
                pieces_root=file.hashes.root.hex(),
                first_piece=spans[file.path].first_piece,
                pieces=spans[file.path].count,
                file_id=member.file_id if member else None,
                recording=member.recording if member else None,
            )
        )
    return contents
