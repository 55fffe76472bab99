"""A snapshot on the disk: its folder and manifest, the pointer CURRENT, and whether its bytes hold."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phonotheque.catalogue import durable
from phonotheque.catalogue.schema import FLAGGED, FORMAT, SHARED, TABLES
from phonotheque.model.bags import Finding
from phonotheque.model.errors import UsageError, VerificationError

CURRENT = "CURRENT"
MANIFEST = "snapshot.json"
SUMS = "SHA256SUMS"  # as sha256sum(1) writes and checks it: also covers snapshot.json
# may be deleted at any time
DERIVED = frozenset(
    {
        *("index.sqlite", "words.sqlite", "facets.bin", "labels.sqlite"),
        *("index.json", ".index.tmp", ".index.json.tmp"),
        *("held.bin", ".held.tmp", ".held.new"),
    }
)
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?")
_LARGEST_MANIFEST = 64 << 20  # bytes
_PART = re.compile(r"[0-9]{5}\.parquet")


@dataclass(frozen=True, slots=True)
class TableFile:
    """One Parquet file of a snapshot."""

    file: str
    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How many records came from one source, in how many accessions."""

    source: str
    accessions: int
    records: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A finished catalogue snapshot. ``merged`` counts the merges of every resolve step."""

    path: Path
    made_at: datetime
    previous: str | None
    tables: Mapping[str, tuple[TableFile, ...]]
    sources: tuple[SourceCount, ...] = ()
    merged: Mapping[str, int] = field(default_factory=dict)
    unmatched_listens: int = 0  # listens of things that the catalogue does not know

    @property
    def stamp(self) -> str:
        """The name of the snapshot: its folder."""
        return self.path.name

    @property
    def counts(self) -> dict[str, int]:
        """Rows of every table."""
        return {name: sum(part.rows for part in parts) for name, parts in self.tables.items()}

    @property
    def files(self) -> tuple[TableFile, ...]:
        """Every Parquet file, flagged ones included."""
        return tuple(part for parts in self.tables.values() for part in parts)

    @property
    def free_files(self) -> tuple[TableFile, ...]:
        """Every Parquet file but those of flagged tables, whose terms are not those of the rest."""
        return tuple(part for name, parts in self.tables.items() if name not in FLAGGED for part in parts)

    def parts(self, name: str) -> list[Path]:
        """The Parquet files of a table, in the order of its rows: one, or for shared tables any number."""
        return [self.path / part.file for part in self.tables[name]]

    def table(self, name: str) -> Path:
        """The Parquet file of a table that has just one."""
        (only,) = self.parts(name)
        return only


def stamp(made_at: datetime) -> str:
    """Return a moment as folders are named, e.g. ``2026-11-21T101500Z``; a naive time is a UsageError."""
    if made_at.tzinfo is None:
        raise UsageError(f"{made_at} has no time zone.", "Give an aware datetime, such as datetime.now(UTC).")
    return made_at.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")


def encode(snapshot: Snapshot) -> bytes:
    """Return ``snapshot.json``: the same bytes for the same snapshot."""
    content = {
        "format": FORMAT,
        "made_at": snapshot.made_at.astimezone(UTC).isoformat(timespec="seconds"),
        "previous": snapshot.previous,
        "counts": snapshot.counts,
        "tables": {name: [asdict(part) for part in parts] for name, parts in snapshot.tables.items()},
        "flagged": sorted(FLAGGED),
        "sources": [asdict(source) for source in snapshot.sources],
        "merged": dict(snapshot.merged),
        "unmatched_listens": snapshot.unmatched_listens,
    }
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def current(catalogue_dir: Path) -> Snapshot | None:
    """Return the snapshot in use, or None when none was ever made; VerificationError if it is broken."""
    pointer = catalogue_dir / CURRENT
    try:
        with pointer.open("rb") as stream:
            name = stream.read(100).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    if not STAMP.fullmatch(name):
        raise VerificationError(
            f"{pointer}: {name!r} is not the name of a snapshot.",
            "Write the newest snapshot folder's name into it.",
        )
    return read(catalogue_dir / name)


def read(path: Path) -> Snapshot:
    """Return the snapshot in a folder; VerificationError when its manifest is missing or makes no sense."""
    manifest = path / MANIFEST
    try:
        with manifest.open("rb") as stream:
            content = json.loads(stream.read(_LARGEST_MANIFEST))
        if content["format"] != FORMAT:
            raise VerificationError(
                f"{manifest}: this program reads format {FORMAT}, not {content['format']}.",
                "Use the version of phonotheque that made it; or delete CURRENT, and add again.",
            )
        return _decode(path, content)
    except FileNotFoundError as error:
        raise VerificationError(f"{manifest} is missing.", "Restore the snapshot from a copy.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VerificationError(
            f"{manifest} is damaged: {error!r}.", "Restore the snapshot from a copy, or make a new one."
        ) from error


def _decode(path: Path, content: Any) -> Snapshot:
    tables = {name: tuple(TableFile(**part) for part in content["tables"][name]) for name in TABLES}
    for name, parts in tables.items():
        for part in parts:
            if not belongs(name, part.file):
                raise ValueError(f"table {name} in file {part.file!r}")
    return Snapshot(
        path=path,
        made_at=datetime.fromisoformat(content["made_at"]),
        previous=content["previous"],
        tables=tables,
        sources=tuple(SourceCount(**source) for source in content["sources"]),
        merged=content["merged"],
        unmatched_listens=content["unmatched_listens"],
    )


def belongs(table: str, file: str) -> bool:
    """Tell whether a file, named relative to its snapshot, may be one of a table's by its name."""
    if table in SHARED:
        folder, _, name = file.partition("/")
        return folder == table and _PART.fullmatch(name) is not None
    return file == f"{table}.parquet"


def write_sums(folder: Path, snapshot: Snapshot) -> None:
    """Write ``snapshot.json`` and ``SHA256SUMS`` over everything in the folder, durably."""
    manifest = encode(snapshot)
    durable.write(folder / MANIFEST, manifest)
    sums = {part.file: part.sha256 for part in snapshot.files}
    sums[MANIFEST] = hashlib.sha256(manifest).hexdigest()
    durable.write(folder / SUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify(snapshot: Snapshot, *, tables: bool = True) -> list[Finding]:
    """Re-hash every file of a snapshot; return what is damaged, missing or extra. I/O errors are raised.

    Without ``tables``, those are not read: only what is said of them is.
    """
    expected = {part.file: part.sha256 for part in snapshot.files}
    expected[MANIFEST] = hashlib.sha256(encode(snapshot)).hexdigest()
    sums = "".join(f"{expected[name]}  {name}\n" for name in sorted(expected))
    expected[SUMS] = hashlib.sha256(sums.encode()).hexdigest()
    findings = [
        finding
        for name, digest in sorted(expected.items())
        if tables or name in (MANIFEST, SUMS)
        for finding in _check(snapshot.path, name, digest)
    ]
    found = sorted(
        path.relative_to(snapshot.path).as_posix()
        for path in snapshot.path.rglob("*")
        if not path.is_dir() and path.relative_to(snapshot.path).parts[0] not in DERIVED
    )
    extra = [name for name in found if name not in expected]
    return findings + [
        Finding("extra", f"{snapshot.stamp}/{name}", "not part of the snapshot") for name in extra
    ]


def _check(folder: Path, name: str, digest: str) -> list[Finding]:
    try:
        found = hash_file(folder / name)
    except FileNotFoundError:
        return [Finding("missing", f"{folder.name}/{name}", f"expected SHA-256 {digest}")]
    if found == digest:
        return []
    detail = f"SHA-256 is {found}, not {digest}"
    if name == SUMS:
        detail = f"does not agree with {MANIFEST}: one of the two was changed"
    return [Finding("damaged", f"{folder.name}/{name}", detail)]
