"""Reading pieces of a source, in a worker: what they say is written down, read back and compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from phonotheque.model.errors import VerificationError
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece, Source
from phonotheque.sources.splices import join
from phonotheque.sources.working import Said, finish_pieces, read_table, write_pieces


@dataclass(frozen=True, slots=True)
class Work:
    """A piece on its way to a worker: where its tables go, and whether they are read back and compared."""

    source: Source
    piece: Piece
    accession: str
    as_of: str
    label: str  # the file's name, for messages
    folder: Path
    stem: str
    size: int  # bytes; of the whole file, where pieces are not bytes
    verify: bool


@dataclass(frozen=True, slots=True)
class Done:
    """What reading a piece came to."""

    records: int
    size: int  # bytes; those of a file whose pieces are not bytes count once, with its first
    verified: int  # records


def read_pieces(works: list[Work]) -> list[Done]:
    """Read consecutive pieces and write their tables.

    Raises VerificationError for a record that does not come back as it was.
    """
    folder, pieces = works[0].folder, [_said(work) for work in works]
    write_pieces(folder, pieces)
    verified = _compare_all(works, pieces)
    finish_pieces(folder, pieces)  # not before: what is not as it was must not be gone on from
    return [
        Done(piece.tables["records"].num_rows or piece.tables["facts"].num_rows, _counted(work), count)
        for work, piece, count in zip(works, pieces, verified, strict=True)
    ]


def _counted(work: Work) -> int:
    return work.size if isinstance(work.piece.content, bytes) or work.piece.number == 0 else 0


def write_and_finish(folder: Path, pieces: Sequence[Said]) -> None:
    """Write what need not be compared with anything."""
    write_pieces(folder, pieces)
    finish_pieces(folder, pieces)


def _said(work: Work) -> Said:
    gather = Gather(work.source.name, work.accession, work.label, as_of=work.as_of)
    work.source.read(work.piece, gather)
    return Said(work.stem, gather.tables(), gather.of_records())


def _compare_all(works: Sequence[Work], pieces: Sequence[Said]) -> list[int]:
    """Compare what lies on the disk; return how many records of each piece were compared."""
    if not any(
        work.verify and piece.tables["records"].num_rows for work, piece in zip(works, pieces, strict=True)
    ):
        return [0] * len(works)
    stored, start, verified = read_table(works[0].folder, works[0].stem, "records"), 0, []
    for work, piece in zip(works, pieces, strict=True):
        count = piece.tables["records"].num_rows
        if work.verify:
            _compare(work, piece, stored.slice(start, count))
        verified.append(count if work.verify else 0)
        start += count
    return verified


def _compare(work: Work, piece: Said, stored: pa.Table) -> None:
    """Rebuild the records from what lies on the disk and compare them with the source.

    What was taken out as not free is put back. Where a piece is bytes, each record must stand in them so.
    """
    whole = stored.equals(piece.tables["records"])
    if whole and isinstance(work.piece.content, bytes):
        whole = _stand_in(work.piece.content, _rebuilt(stored, piece))
    if not whole:
        raise VerificationError(
            f"{work.label}: a record rebuilt from storage is not what the source gave.",
            "Nothing of this source was taken in. Please report it, with the file.",
        )


def _rebuilt(records: pa.Table, piece: Said) -> Iterator[bytes]:
    taken_out = piece.tables["nonfree"]["splices"].to_pylist()
    kept = dict(zip(piece.of_records["nonfree"].to_pylist(), taken_out, strict=True))
    for place, raw in enumerate(records["raw"].to_pylist()):
        splices = kept.get(place)
        yield (join(raw, json.loads(splices)) if splices else raw).encode()


def _stand_in(content: bytes, records: Iterator[bytes]) -> bool:
    at = 0
    for record in records:
        found = content.find(record, at)
        if found < 0 and (found := content.find(record)) < 0:
            return False
        at = found
    return True
