"""A ledger made again from public files: each bag, what its lines say of every file, and on what basis.

What is nowhere in public files cannot come back, and nothing is made up for it: where a column has to say
something, it says that it was restored. Everything may be recorded twice; the second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pyarrow.parquet as pq
from sqlalchemy import Connection, delete, insert, select, update

from phonotheque.editions.edition import BagEntry
from phonotheque.editions.metainfo import TorrentMeta
from phonotheque.ledger.bags import BagFileRecord, BagRecord, record_bag
from phonotheque.ledger.schema import (
    accessions,
    bag_files,
    bags,
    files,
    rights_statements,
    sidecars,
    sightings,
)
from phonotheque.ledger.sidecars import KIND as SIDECAR
from phonotheque.ledger.sidecars import UNEXAMINED
from phonotheque.ledger.statement_rows import row_of
from phonotheque.ledger.statements import all_statements
from phonotheque.ledger.together import insert_or_replace, insert_unless_there
from phonotheque.mirrors.audit_lines import read_lines
from phonotheque.model.audio import Tags
from phonotheque.model.errors import VerificationError
from phonotheque.model.sidecars import release_place, stems
from phonotheque.rights.records import read_statement
from phonotheque.vault.bagfolder import PAYLOAD, TAG_MANIFEST, read_bag
from phonotheque.vault.scrub_units import RESTORED

# Where something lay at its source, nobody knows any more; how bags lay it out tells what is beside what.
_PLACE: Final = b"restored/"
_LOSSLESS: Final = ("alac", "ape", "flac", "tak", "tta", "wavpack", "pcm_")
_TAGS: Final = {one.name for one in fields(Tags)} - {"raw"}
_TECHNICAL: Final = ("container", "codec", "duration", "sample_rate", "channels", "bit_rate", "pcm_sha256")
_KINDS: Final = ("master", "access", SIDECAR)


@dataclass(slots=True)
class Restoring:
    """Where and when a ledger is made again; ``wrong`` collects lines that make no sense, "bag: why"."""

    source: str  # what the accessions say of where it came from
    agent: str
    at: str  # ISO 8601, UTC
    wrong: list[str] = field(default_factory=list)


def is_recorded(ledger: Connection, bag: str) -> bool:
    """Tell whether a bag is recorded with its files, and not only as one that nobody had."""
    known = select(bag_files.c.bag_id).where(bag_files.c.bag_id == bag, ~bag_files.c.path.startswith(PAYLOAD))
    return ledger.execute(known.limit(1)).first() is not None


def record_whole(
    ledger: Connection,
    restoring: Restoring,
    entry: BagEntry,
    folder: Path,
    meta: TorrentMeta,
    recordings: Mapping[str, str | None],
    sealed_at: str,
) -> None:
    """Record a bag that is here, all of it verified, with all that its lines tell of its files.

    ``recordings`` are those of the edition's index, by path.
    """
    contents = read_bag(folder)
    hashes = {**contents.manifest, **contents.tagmanifest, TAG_MANIFEST: entry.tagmanifest_sha256}
    ids: dict[str, int] = {}
    for number, record in read_lines(
        folder, lambda _, place, why: _note(restoring, entry.id, f"{place} {why}")
    ):
        path = record.get("path")
        if record.get("kind") not in _KINDS or not isinstance(path, str) or path not in contents.manifest:
            continue
        try:
            ids[path] = _record_file(ledger, restoring, record, hashes[path])
        except (KeyError, TypeError, ValueError, AttributeError, VerificationError) as error:
            _note(restoring, entry.id, f"line {number} of recordings.jsonl makes no sense: {error!r}")
    listed = [
        BagFileRecord(
            path=file.path,
            size=file.size,
            sha256=hashes[file.path],
            pieces_root=file.root.hex(),
            first_piece=file.first_piece,
            pieces=file.pieces,
            file_id=ids.get(file.path),
            recording=recordings.get(file.path),
        )
        for file in meta.files
    ]
    _replace_bag(ledger, entry, listed, sealed_at)


def record_absent(
    ledger: Connection, entry: BagEntry, meta: TorrentMeta | None, index: Path, sealed_at: str
) -> None:
    """Record a bag that nobody had, so that it stays listed, and what is known to be in it.

    Its files are no files of this archive: nothing is known of their rights, and nothing is decided on them.
    """
    found = pq.read_table(index, filters=[("bag", "==", entry.id)]).to_pylist()
    rows = {row["path"]: row for row in found}
    if not rows and meta is not None:
        rows = {
            file.path: {
                "size": file.size,
                "sha256": "",
                "pieces_root": file.root.hex(),
                "first_piece": file.first_piece,
                "pieces": file.pieces,
                "recording": None,
            }
            for file in meta.files
            if file.path.startswith(PAYLOAD)
        }
    columns = ("size", "sha256", "pieces_root", "first_piece", "pieces", "recording")
    listed = [
        BagFileRecord(path, **{name: row[name] for name in columns}) for path, row in sorted(rows.items())
    ]
    _replace_bag(ledger, entry, listed, sealed_at)


def _replace_bag(ledger: Connection, entry: BagEntry, listed: list[BagFileRecord], sealed_at: str) -> None:
    ledger.execute(delete(bag_files).where(bag_files.c.bag_id == entry.id))
    ledger.execute(delete(bags).where(bags.c.id == entry.id))
    record = bag_record(entry, sealed_at)
    if listed:
        record_bag(ledger, record, listed)
    else:
        ledger.execute(insert(bags), {name: getattr(record, name) for name in record.__slots__})


def bag_record(entry: BagEntry, sealed_at: str) -> BagRecord:
    """Return a bag as the ledger keeps it, from what an edition says."""
    return BagRecord(
        id=entry.id,
        edition=entry.edition,
        wave=entry.wave,
        audience=entry.audience,
        bytes=entry.bytes,
        files=entry.files,
        payload_bytes=entry.payload_bytes,
        payload_files=entry.payload_files,
        recordings=entry.recordings,
        listens=entry.listens,
        tagmanifest_sha256=entry.tagmanifest_sha256,
        torrent_size=entry.torrent.size,
        torrent_sha256=entry.torrent.sha256,
        infohash_v1=entry.torrent.infohash_v1,
        infohash_v2=entry.torrent.infohash_v2,
        sealed_at=sealed_at,
    )


def record_accession(
    ledger: Connection, restoring: Restoring, accession: str, source: str, began: str
) -> None:
    """Record that something was taken in once, of which only this is known."""
    row = {
        "id": accession,
        "source": source,
        "location": restoring.source,
        "agent": restoring.agent,
        "started_at": began,
        "finished_at": restoring.at,
    }
    insert_unless_there(ledger, accessions, row, accessions.c.id)


def _note(restoring: Restoring, bag: str, why: str) -> None:
    restoring.wrong.append(f"{bag}: {why}")


def _record_file(ledger: Connection, restoring: Restoring, record: Mapping[str, Any], sha256: str) -> int:
    """Record what a line says of a file and of what is stated of it; return its id."""
    came = record["provenance"]
    beside = record["kind"] == SIDECAR
    came_at = str(came["seen_at" if beside else "added_at"])
    record_accession(ledger, restoring, str(came["accession"]), RESTORED, came_at)
    known = {"accession_id": came["accession"], "name": came["name"], "added_at": came_at}
    if beside:
        row = _sidecar_row(record, sha256) | known
        subject = file_id = _record_row(ledger, row, held=True)
        _record_place(ledger, record, file_id, came_at)
    elif record["kind"] == "master":
        subject = file_id = _record_row(ledger, _master_row(record, sha256) | known, held=True)
        _record_sighting(ledger, record, file_id, came_at)
    else:
        master = _master_row(record, record["master_sha256"]) | _NOT_HEARD | {"size": 0} | known
        subject = _record_row(ledger, master, held=False)
        copy = _master_row(record, sha256) | known | {"kind": "access", "master_id": subject, "tags": {}}
        file_id = _record_row(ledger, copy, held=True)
        _record_sighting(ledger, record, subject, came_at)
    _record_statements(ledger, record, subject, came_at)
    return file_id


# Of the master of an access copy, its line tells what it is and how long, and not how it is stored.
_NOT_HEARD: Final[dict[str, Any]] = {
    "container": None,
    "codec": None,
    "sample_rate": None,
    "channels": None,
    "bit_rate": None,
    "pcm_sha256": None,
    "loudness": None,
    "lossless": None,
    "integrity": UNEXAMINED,
    "integrity_notes": [],
}


def _master_row(record: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    codec = record["codec"]
    return {
        "sha256": sha256,
        "size": int(record["size"]),
        "kind": "master",
        "master_id": None,
        **{name: record[name] for name in _TECHNICAL},
        "lossless": isinstance(codec, str) and codec.startswith(_LOSSLESS),
        "loudness": record["loudness"],
        "integrity": record["integrity"],
        "integrity_notes": list(record["integrity_notes"]),
        "tags": {name: record[name] for name in sorted(_TAGS & record.keys())},
        "artwork": [],
    }


def _sidecar_row(record: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    picture = {"sha256": sha256, "mime": record["mime"], "size": record["size"], "role": record["role"]}
    picture |= {"width": record.get("width"), "height": record.get("height")}
    return {
        "sha256": sha256,
        "size": int(record["size"]),
        "kind": SIDECAR,
        "master_id": None,
        "container": record["mime"],
        "integrity": UNEXAMINED,
        "integrity_notes": [],
        "tags": {},
        "artwork": [picture] if record.get("width") else [],
    }


def _record_row(ledger: Connection, row: Mapping[str, Any], *, held: bool) -> int:
    """Record a file; of one that is known and was not held until now, all that is known now."""
    values = {**row, "held": held}
    key = insert_unless_there(ledger, files, values, files.c.sha256)
    if key is not None:
        return int(key)
    known = ledger.execute(select(files.c.id, files.c.held).where(files.c.sha256 == row["sha256"])).one()
    if held and not known.held:
        ledger.execute(update(files).where(files.c.id == known.id).values(**values))
    return int(known.id)


def _record_sighting(ledger: Connection, record: Mapping[str, Any], file_id: int, at: str) -> None:
    row = {
        "path": _place(record),
        "device": "",
        "inode": "",
        "size": record["size"],
        "mtime_ns": 0,
        "evidence_state": "",
        "outcome": "held",
        "reason": None,
        "file_id": file_id,
        "accession_id": record["provenance"]["accession"],
        "seen_at": at,
    }
    insert_or_replace(ledger, sightings, row)


def _record_place(ledger: Connection, record: Mapping[str, Any], file_id: int, at: str) -> None:
    """Record what a sidecar lies beside: the track that it is called like in its folder, else the release."""
    place = _place(record)
    row = {
        "path": place,
        "file_id": file_id,
        "beside": _beside(ledger, place),
        "kind": record["what"],
        "role": record["role"],
        "accession_id": record["provenance"]["accession"],
        "seen_at": at,
        "superseded_at": None,
    }
    insert_or_replace(ledger, sidecars, row)


def _beside(ledger: Connection, place: bytes) -> bytes:
    *_, stem = stems(place)
    near = select(sightings.c.path).where(sightings.c.path >= stem + b".", sightings.c.path < stem + b"/")
    if any(stem in stems(path) for path in ledger.execute(near).scalars()):
        return stem
    return release_place(place.rpartition(b"/")[0])


def _place(record: Mapping[str, Any]) -> bytes:
    return _PLACE + str(PurePosixPath(record["path"]).relative_to(PAYLOAD.rstrip("/"))).encode()


def _record_statements(ledger: Connection, record: Mapping[str, Any], file_id: int, at: str) -> None:
    """Record what is stated of a file, as when the file came, unless it is known already."""
    known = {one.said for one in all_statements(ledger, [file_id])[file_id]}
    for stated in record["rights"]["statements"]:
        statement = read_statement(stated)
        if statement not in known:
            ledger.execute(insert(rights_statements), row_of(file_id, statement, None, at))
            known.add(statement)
