"""What a bag says about each file in it: the line for recordings.jsonl, and the name people see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Row

from phonotheque.ledger.files import tags_from_json
from phonotheque.model.audio import Tags
from phonotheque.model.rights import WORLDWIDE, Act, Decision, Statement
from phonotheque.rights.explain import attribution_line
from phonotheque.rights.records import decision_records, statement_record
from phonotheque.vault.bag import BagFile
from phonotheque.vault.names import NameAllocator, portable_segment

_EXTENSIONS = {
    ("ogg", "vorbis"): ".ogg",
    ("ogg", "opus"): ".opus",
    ("ogg", "flac"): ".oga",
    ("flac", "flac"): ".flac",
    ("mp3", "mp3"): ".mp3",
    ("mp4", "aac"): ".m4a",
    ("mp4", "alac"): ".m4a",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One file that goes into a bag: its ledger row, its master's, and why it may go out."""

    row: Row[Any]
    master: Row[Any]  # the same row for a master
    recording: str  # public id
    listens: int | None
    statements: Sequence[Statement]
    decisions: Mapping[Act, Decision]
    source: Path  # where its bytes lie now
    audience: str = WORLDWIDE  # whom it may be shared with (model.territory)


def bag_files(
    chosen: Iterable[Chosen], said_by: Mapping[str, list[dict[str, Any]]] | None = None
) -> list[BagFile]:
    """Return the payload of one bag, every path portable and unique.

    ``said_by`` has, by recording, who says what of it (editions/provenance.py).
    """
    names = NameAllocator()
    return [
        BagFile(
            source=one.source,
            path=names.add(people_path(one.master, extension_of(one.row))),
            sha256=one.row.sha256,
            size=one.row.size,
            record=record_of(one) | {"said_by": (said_by or {}).get(one.recording, [])},
        )
        for one in chosen
    ]


def people_path(master: Row[Any], extension: str) -> str:
    """Return ``Artist/Year - Release/NN Title.ext`` as far as the tags tell, for people to browse."""
    tags = tags_from_json(master.tags)
    artist = " & ".join(tags.album_artists or tags.artists) or "Unknown artist"
    title = tags.title or PurePosixPath(master.name).stem
    folders = [portable_segment(artist)]
    if tags.album:
        year = (tags.date or "")[:4]
        folders.append(portable_segment(f"{year} - {tags.album}" if year else tags.album))
    name = portable_segment(_numbered(tags, title), extension=extension)
    return "/".join([*folders, name])


def extension_of(row: Row[Any]) -> str:
    """Return the usual file name extension for what the bytes are, not for what the file was called."""
    known = _EXTENSIONS.get((row.container, row.codec))
    return known or PurePosixPath(row.name).suffix.lower() or f".{row.container}"


def _numbered(tags: Tags, title: str) -> str:
    if tags.track_number is None:
        return title
    several = (tags.disc_total or 0) > 1 or (tags.disc_number or 1) > 1
    disc = f"{tags.disc_number or 1}-" if several else ""
    return f"{disc}{tags.track_number:02d} {title}"


def record_of(one: Chosen) -> dict[str, object]:
    """Return the facts of one file as recordings.jsonl has them, without its path, size and hash."""
    row, master = one.row, one.master
    tags = tags_from_json(master.tags)
    title = tags.title or PurePosixPath(master.name).stem
    facts = asdict(tags)
    facts.pop("raw")
    described = {key: value for key, value in facts.items() if value not in (None, ())}
    return {
        **described,
        "recording": one.recording,
        "title": title,
        "kind": row.kind,
        "master_sha256": master.sha256,
        "duration": row.duration,
        "container": row.container,
        "codec": row.codec,
        "sample_rate": row.sample_rate,
        "channels": row.channels,
        "bit_rate": row.bit_rate,
        "pcm_sha256": row.pcm_sha256,
        "loudness": row.loudness,
        "integrity": row.integrity,
        "integrity_notes": row.integrity_notes,
        "rights": rights_record(one.statements, one.decisions, ", ".join(tags.artists), title),
        "provenance": {"accession": master.accession_id, "name": master.name, "added_at": master.added_at},
    }


def rights_record(
    statements: Sequence[Statement], decisions: Mapping[Act, Decision], artist: str, title: str
) -> dict[str, object]:
    """Return why a file may go out, on which terms, and how to name who made it, as a bag says it."""
    return {
        "decisions": decision_records(decisions.values()),
        "statements": [statement_record(statement) for statement in statements],
        "attribution": [
            attribution_line(statement.licence, statement.holder or artist or None, title)
            for statement in statements
            if statement.licence
        ],
    }
