"""What a mirror lets visitors hear: of bags that its edition still lists, by the statements that lie in them.

A mirror has no ledger of rights. Its edition says whom a bag is for and what was taken back; each bag says,
file by file, why it may go out, and that is decided anew here.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sqlalchemy import Connection, select

from phonotheque.ledger.holdings import HELD
from phonotheque.ledger.schema import holding_files, holdings
from phonotheque.mirrors.strict_json import read_json
from phonotheque.mirrors.whereabouts import concerns, may_hold
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import VerificationError
from phonotheque.model.rights import Act, Statement
from phonotheque.rights.records import read_statement
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import RECORDINGS
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.names import check_portable, portable_segment
from phonotheque.web.guard import Guard
from phonotheque.web.room.hearing import (
    Access,
    Audio,
    Verdict,
    audio_type,
    bases_of,
    verdict,
)
from phonotheque.web.room.hearing_ledger import regular

_MAX_LINE: Final = 1 << 20  # bytes of a line of recordings.jsonl
_MOST_NAMED: Final = 50  # lines that may speak of one hash: of a file, and of copies made from it
_UNREADABLE: Final = Verdict(Access.BARRED, "Why it may be heard cannot be read in its bag here.")


def audio_of(
    mirror: Archive, guard: Guard, hashes: Iterable[str], country: str, on: date
) -> dict[str, list[Audio]]:
    """Return, by SHA-256, the files that are held and listed, as the archive's own (hearing_ledger) are.

    Raises VerificationError while the current edition cannot be read.
    """
    found: dict[str, list[Audio]] = {}
    with mirror.ledger.connect() as ledger:
        for some in batched(sorted(set(hashes)), IN_A_STATEMENT):
            for bag, path, size, sha256 in _held(ledger, some):
                audio = _audio(mirror, guard, bag, path, size, sha256, country, on)
                if audio is None:
                    continue
                # Of several copies the one that may be heard counts: each is judged by its own bag.
                if sha256 not in found or (audio.heard and not found[sha256][0].heard):
                    found[sha256] = [audio]
    return found


def _held(ledger: Connection, hashes: Sequence[str]) -> list[tuple[str, str, int, str]]:
    columns = holding_files.c
    query = (
        select(columns.bag_id, columns.path, columns.size, columns.sha256)
        .join(holdings, holdings.c.bag_id == columns.bag_id)
        .where(columns.sha256.in_(hashes), holdings.c.state.in_([state.value for state in HELD]))
        .order_by(columns.bag_id, columns.path)
    )
    return [
        (row.bag_id, row.path, int(row.size), row.sha256)
        for row in ledger.execute(query)
        if row.path.startswith(PAYLOAD) and check_portable(f"{row.bag_id}/{row.path}") is None
    ]


def _audio(
    mirror: Archive, guard: Guard, bag: str, path: str, size: int, sha256: str, country: str, on: date
) -> Audio | None:
    standing = guard.standing(bag)
    if standing is None:
        return None
    record = record_of(mirror, bag, path, sha256)
    said = statements_of(record)
    if said is None:
        hear = take = _UNREADABLE
    else:
        hear, take = (verdict(said, act, country, on) for act in (Act.STREAM, Act.DISTRIBUTE))
    if standing.withdrawn:
        hear = take = Verdict(Access.WITHDRAWN, standing.withdrawn.strip())
    elif not may_hold(country, standing.audience):
        hear = take = Verdict(Access.BARRED, f"It may be had only in: {standing.audience}.")
    for stone in guard.tombstones(sha256):
        if concerns(country, stone):
            hear = take = Verdict(Access.WITHDRAWN, f"It was withdrawn on {stone.date[:10]}: {stone.reason}")
    told = record or {}
    resting = hear.statements if hear.access is Access.ALLOWED else ()
    artist = ", ".join(_texts(told.get("artists")))
    title = _text(told.get("title")) or PurePosixPath(path).stem
    return Audio(
        sha256=sha256,
        master=_text(told.get("master_sha256")) or sha256,
        size=size,
        kind=_text(told.get("kind")) or "master",
        media=audio_type(PurePosixPath(path).suffix),
        codec=_text(told.get("codec")),
        seconds=_number(told.get("duration")),
        bit_rate=round(_number(told.get("bit_rate")) or 0) or None,
        name=portable_segment(
            f"{artist} - {title}" if artist else title, extension=PurePosixPath(path).suffix[:11]
        ),
        hear=hear,
        take=take,
        bases=bases_of(said or (), resting),
        lies=partial(regular, mirror.bags / bag, path),
        recording=_text(told.get("recording")) or None,
        title=title,
        artist=artist,
    )


def record_of(mirror: Archive, bag: str, path: str, sha256: str) -> Mapping[str, Any] | None:
    """Return what a bag says of a file; None if it is not here, or says nothing that makes sense."""
    lines = mirror.bags / bag / RECORDINGS
    try:
        status = lines.stat()
    except FileNotFoundError:
        return None
    return _line(lines, (status.st_ino, status.st_mtime_ns, status.st_size), path, sha256)


@lru_cache(maxsize=2048)
def _line(lines: Path, _stamp: tuple[int, int, int], path: str, sha256: str) -> Mapping[str, Any] | None:
    """Return the line about a file; a sealed bag never changes, and is another file if it did."""
    named = sha256.encode()
    if lines.stat().st_size == 0:
        return None
    with lines.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(named)
        for _ in range(_MOST_NAMED):
            if at < 0:
                return None
            first, last = content.rfind(b"\n", 0, at) + 1, content.find(b"\n", at)
            last = len(content) if last < 0 else last
            if last - first <= _MAX_LINE:
                try:
                    record = read_json(content[first:last])
                except (ValueError, RecursionError):
                    record = None
                if isinstance(record, dict) and (record.get("path"), record.get("sha256")) == (path, sha256):
                    return record
            at = content.find(named, last)
    return None


def statements_of(record: Mapping[str, Any] | None) -> list[Statement] | None:
    """Return the statements of a line; None if there is none, or one that makes no sense: it may forbid."""
    rights = (record or {}).get("rights")
    said = rights.get("statements") if isinstance(rights, dict) else None
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        return None
    try:
        return [replace(read_statement(one), id=str(number)) for number, one in enumerate(said)]
    except VerificationError:
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
