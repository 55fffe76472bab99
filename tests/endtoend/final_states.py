"""What an archive or a mirror has come to, as values that are equal after equal work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.endtoend.promises import rows, sha256
from tests.postgresql import ON_POSTGRESQL


def tree(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder by relative path, and where each link leads."""
    found = {}
    for here, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(here, name)
            if ON_POSTGRESQL and name == "ledger.sqlite":
                continue  # only says which database stands for it, and each copy has its own
            if path.is_symlink():
                found[str(path.relative_to(folder))] = f"→ {path.readlink()}"
            elif path.is_file():
                found[str(path.relative_to(folder))] = sha256(path)
    return found


def taken_in(archive: Path) -> Mapping[str, object]:
    """Return what adding has come to: files, where they lie, decisions, catalogue, and nothing left about."""
    seen = rows(archive, "SELECT path, outcome, reason FROM sightings")
    return {
        "files": sorted(
            rows(archive, "SELECT sha256, size, kind, held, name, pcm_sha256, duration, integrity FROM files")
        ),
        "seen": sorted((path.rpartition(b"/music/")[2], *rest) for path, *rest in seen),
        "decisions": sorted(
            rows(
                archive,
                "SELECT sha256, act, territory, answer, rule FROM decisions JOIN files ON files.id = file_id",
            )
        ),
        "statements": sorted(
            rows(
                archive,
                "SELECT sha256, s.kind, licence, evidence, evidence_origin, withdrawn_at IS NULL"
                " FROM rights_statements s JOIN files ON files.id = file_id",
            )
        ),
        "unfinished": rows(archive, "SELECT count(*) FROM files WHERE accession_id IS NULL"),
        "incoming": tree(archive / "vault" / "incoming"),
        "catalogue": _catalogue(archive),
        "left about": sorted(path.name for path in (archive / "catalogue").iterdir() if _temporary(path)),
    }


def published(archive: Path) -> Mapping[str, object]:
    """Return every byte that publishing has come to; with the same date from the same state, the same."""
    return {
        "bags": tree(archive / "vault" / "bags"),
        "public": tree(archive / "public"),
        "incoming": tree(archive / "vault" / "incoming"),
        "recorded": rows(archive, "SELECT * FROM bags ORDER BY id")
        + rows(archive, "SELECT * FROM bag_files ORDER BY bag_id, path")
        + rows(archive, "SELECT * FROM editions ORDER BY number"),
    }


def mirrored(mirror: Path) -> Mapping[str, object]:
    """Return what a mirror holds and shows, byte for byte, and what it has recorded of it."""
    return {
        "vault": tree(mirror / "vault"),
        "public": tree(mirror / "public"),
        "holdings": rows(mirror, "SELECT bag_id, edition, bytes, state FROM holdings ORDER BY bag_id"),
        "verified": rows(mirror, "SELECT bag_id, path, sha256 FROM holding_files ORDER BY bag_id, path"),
    }


def differences(found: Mapping[str, object], expected: Mapping[str, object]) -> list[str]:
    """Return in words what differs, shortly."""
    words = []
    for part, value in expected.items():
        other: Any = found[part]
        if other == value:
            continue
        if isinstance(value, dict):
            missing = {key: value[key] for key in value if other.get(key) != value[key]}
            more = {key: other[key] for key in other if value.get(key) != other[key]}
        else:
            assert isinstance(value, list)
            missing = [item for item in value if item not in other]  # type: ignore[assignment]
            more = [item for item in other if item not in value]  # type: ignore[assignment]
        words.append(f"{part}: expected {missing!r:.1500}; found {more!r:.1500}")
    return words


def _catalogue(archive: Path) -> list[tuple[Any, ...]]:
    snapshot = archive / "catalogue" / (archive / "catalogue" / "CURRENT").read_text().strip()
    recordings = pq.read_table(snapshot / "recordings.parquet").to_pylist()
    files = pq.read_table(snapshot / "files.parquet").to_pylist()
    return sorted(
        (file["sha256"], recordings[file["recording"]]["id"], recordings[file["recording"]]["title"])
        for file in files
    )


def _temporary(path: Path) -> bool:
    return path.name.startswith(".") or (path.is_dir() and not (path / "snapshot.json").exists())
