"""What an archive lets visitors hear: by the statements that stand in its ledger, and where the bytes lie."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Row, String, bindparam, select

from phonotheque.editions.entries import extension_of
from phonotheque.editions.upholding import denial_of
from phonotheque.ledger.files import tags_from_json
from phonotheque.ledger.schema import bag_files, files
from phonotheque.ledger.sidecars import KIND as SIDECAR
from phonotheque.ledger.statements import standing_statements
from phonotheque.ledger.withdrawals import in_effect_by_hash
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import Act, Statement
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.names import portable_segment
from phonotheque.vault.places import open_bagged
from phonotheque.web.room.hearing import (
    ACCESS,
    Access,
    Audio,
    Away,
    Lies,
    audio_type,
    bases_of,
    verdict,
)

_COLUMNS: Final = (
    files.c.id,
    files.c.sha256,
    files.c.pcm_sha256,
    files.c.size,
    files.c.kind,
    files.c.master_id,
    files.c.held,
    files.c.name,
    files.c.container,
    files.c.codec,
    files.c.duration,
    files.c.bit_rate,
    files.c.tags,
)
# They are asked for each page: made once, they need no time to be put into words.
_HASHES: Final = bindparam("hashes", type_=String, expanding=True)
_IDS: Final = bindparam("ids", type_=BigInteger, expanding=True)
_BY_HASH: Final = select(*_COLUMNS).where(files.c.sha256.in_(_HASHES))
_COPIES: Final = select(*_COLUMNS).where(files.c.master_id.in_(_IDS), files.c.kind == ACCESS)
_BY_ID: Final = select(*_COLUMNS).where(files.c.id.in_(_IDS))
_BAGGED: Final = (
    select(bag_files.c.file_id, bag_files.c.bag_id, bag_files.c.path, bag_files.c.recording)
    .where(bag_files.c.file_id.in_(_IDS))
    .order_by(bag_files.c.bag_id, bag_files.c.path)
)


@dataclass(frozen=True, slots=True)
class Bagged:
    """Where a file lies in a sealed bag, and which recording it is there for."""

    bag: str
    path: str
    recording: str | None


def audio_of(archive: Archive, hashes: Iterable[str], country: str, on: date) -> dict[str, list[Audio]]:
    """Return, by the SHA-256 of a master (or of any one file), what is held: it, and copies made from it.

    Also what was taken back and erased since, as withdrawn. What is not in the ledger is left out.
    """
    found: dict[str, list[Audio]] = {}
    with archive.ledger.connect() as ledger:
        for some in batched(sorted(set(hashes)), IN_A_STATEMENT // 2):
            found |= _some(archive, ledger, some, country, on)
    return found


def _some(
    archive: Archive, ledger: Connection, hashes: Sequence[str], country: str, on: date
) -> dict[str, list[Audio]]:
    asked: Sequence[Any] = ledger.execute(_BY_HASH, {"hashes": hashes}).all()
    rows: dict[int, Any] = {row.id: row for row in asked}
    rows |= {row.id: row for row in ledger.execute(_COPIES, {"ids": list(rows)})}
    others = {row.master_id for row in rows.values() if row.master_id} - rows.keys()
    masters: dict[int, Any] = dict(rows)
    if others:
        masters |= {row.id: row for row in ledger.execute(_BY_ID, {"ids": list(others)})}
    said = standing_statements(ledger, {row.master_id or row.id for row in rows.values()})
    _deny(archive, ledger, masters, said)
    bagged = _bagged(ledger, rows)
    made: dict[int, Audio] = {}
    for row in rows.values():
        master = masters[row.master_id or row.id]
        audio = _audio(archive, row, master, said[master.id], bagged.get(row.id, ()), country, on)
        if row.held or audio.hear.access is Access.WITHDRAWN:
            made[row.id] = audio
    return {
        row.sha256: [
            made[other.id]
            for other in sorted(rows.values(), key=lambda other: other.id)
            if other.id in made and (other.id == row.id or other.master_id == row.id)
        ]
        for row in asked
    }


def _deny(
    archive: Archive, ledger: Connection, masters: Mapping[int, Any], said: Mapping[int, list[Statement]]
) -> None:
    """Add what withdrawals say of copies that have only just come in, as long as it is not stated of them."""
    named = {name: (masters[name].sha256, masters[name].pcm_sha256) for name in said}
    taken = in_effect_by_hash(ledger, (one for of in named.values() for one in of if one))
    for name, of in named.items():
        stated = {one.evidence_origin for one in said[name]}
        covering = {one.origin: one for each in of for one in taken.get(each, ())}
        said[name].extend(
            denial_of(archive, covering[origin], None) for origin in sorted(covering.keys() - stated)
        )


def _bagged(ledger: Connection, file_ids: Iterable[int]) -> dict[int, list[Bagged]]:
    """Return every place in sealed bags of those of these files that lie in any."""
    found: dict[int, list[Bagged]] = {}
    for row in ledger.execute(_BAGGED, {"ids": list(file_ids)}):
        found.setdefault(row.file_id, []).append(Bagged(row.bag_id, row.path, row.recording))
    return found


def _audio(
    archive: Archive,
    row: Row[Any],
    master: Row[Any],
    said: Sequence[Statement],
    bagged: Sequence[Bagged],
    country: str,
    on: date,
) -> Audio:
    hear, take = (verdict(said, act, country, on) for act in (Act.STREAM, Act.DISTRIBUTE))
    tags = tags_from_json(master.tags)
    sidecar = row.kind == SIDECAR
    title = tags.title or PurePosixPath(master.name).stem
    artist = ", ".join(tags.artists)
    extension = PurePosixPath(row.name).suffix if sidecar else extension_of(row)
    called = f"{artist} - {title}" if artist else title
    resting = hear.statements if hear.access is Access.ALLOWED else ()
    return Audio(
        sha256=row.sha256,
        master=master.sha256,
        size=row.size,
        kind=row.kind,
        media=audio_type(extension),
        codec=row.codec or "",
        seconds=row.duration,
        bit_rate=row.bit_rate,
        name=portable_segment(called, extension=extension[:11]),
        title=title,
        artist=artist,
        recording=next((one.recording for one in bagged if one.recording), None),
        hear=hear,
        take=take,
        bases=bases_of(said, resting),
        lies=partial(_lies, archive, row.sha256, bagged),
    )


def _lies(archive: Archive, sha256: str, bagged: Sequence[Bagged]) -> Lies:
    """Return where bytes lie: in a bag here, waiting to be bagged, or in the storage of a bag that moved."""
    for one in bagged:
        if file := regular(archive.bags / one.bag, one.path):
            return file
    waiting = incoming_path(archive.incoming, sha256)
    if file := regular(archive.incoming, waiting.relative_to(archive.incoming).as_posix()):
        return file
    for one in bagged:
        if moved := open_bagged(archive, one.bag, one.path):
            return Away(*moved)
    return None


def regular(home: Path, path: str) -> Path | None:
    """Return the regular file at a path in a folder, if it is there and no link leads out of the folder."""
    try:
        file = Path(os.path.realpath(home / path, strict=True))
        found = stat.S_ISREG(file.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return file if found and file.is_relative_to(home.resolve()) else None
