"""What is held of every recording: licences, formats, and where it may be heard, as one number each.

``held.bin``, beside the snapshot it is of: eight bytes (big endian) with the length of a JSON object, that
object, zeros up to a multiple of 4,096 bytes, then four bytes (unsigned, little endian) for each recording in
the order of their keys: 0 where no master is held, else the number of its kind, counted from 1 in ``kinds``
of the object. It is derived from the ledger and may be deleted at any time. It is replaced in one step: who
has mapped the old one may go on.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from phonotheque.catalogue import durable
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.scratch import MEMORY, open_tables, scratch

HELD: Final = "held.bin"
_WORK: Final = ".held.tmp"
_NEW: Final = ".held.new"
_VERSION: Final = 1
_PAGE: Final = 4096
_BLOCK: Final = 1 << 16  # recordings, of which the held ones are counted together
_MOST_KINDS: Final = 1 << 16
_LARGEST_HEAD: Final = 64 << 20  # bytes
_BATCH: Final = 1 << 16

_KINDS = """
    SELECT recording, min(kind) AS first, max(kind) AS last, list(DISTINCT kind ORDER BY kind) AS kinds
    FROM files JOIN master USING (sha256) GROUP BY recording
"""

Codes = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Kind:
    """What is to be said of a held master, or of all of a recording together; each in alphabetical order.

    ``heard`` are territories (model.territory) in which a decision lets it be streamed.
    """

    licences: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldTable:
    """What is held of a snapshot's recordings. ``codes`` are mapped; 0 is none, n is ``kinds[n - 1]``.

    ``basis`` says what it was made from; ``blocks`` count the held recordings, so many at a time.
    """

    basis: str
    kinds: tuple[Kind, ...]
    blocks: tuple[int, ...]
    codes: Codes

    @property
    def held(self) -> int:
        """How many recordings are held."""
        return sum(self.blocks)

    def numbers(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the numbers of recordings' kinds; 0 also for what damage has made of one."""
        numbers = self.codes[keys].astype(np.int64)
        numbers[numbers > len(self.kinds)] = 0
        return numbers

    def nth(self, ranks: Sequence[int]) -> list[int]:
        """Return the keys of held recordings by their places among the held ones, from 0."""
        ends, found = np.cumsum(self.blocks), []
        for rank in ranks:
            block = int(np.searchsorted(ends, rank, side="right"))
            before = int(ends[block - 1]) if block else 0
            inside = np.flatnonzero(self.codes[block * _BLOCK : (block + 1) * _BLOCK])
            found.append(block * _BLOCK + int(inside[rank - before]))
        return found


def read(snapshot: Snapshot) -> HeldTable | None:
    """Return the table of a snapshot, None where there is none, or none that this program reads."""
    path, rows = snapshot.path / HELD, snapshot.counts["recordings"]
    try:
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8))
            head = json.loads(stream.read(size)) if size < _LARGEST_HEAD else {}
            start = _start(size)
            whole = os.fstat(stream.fileno()).st_size == start + 4 * rows
            if not whole or head["version"] != _VERSION:
                return None
            codes = np.memmap(stream, "<u4", "r", start, (rows,)) if rows else np.zeros(0, np.uint32)
        kinds = tuple(Kind(*(tuple(kind[name]) for name in Kind.__slots__)) for kind in head["kinds"])
        return HeldTable(str(head["basis"]), kinds, tuple(map(int, head["blocks"])), codes)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def make(
    snapshot: Snapshot,
    masters: Iterable[Sequence[tuple[str, Kind]]],
    basis: str,
    *,
    memory_limit: str = MEMORY,
) -> None:
    """Write the table of a snapshot; ``masters`` are batches of held masters (SHA-256), each with its kind.

    Where there are more than 65,536 kinds, licences and places are left out of the rest.
    """
    with _making(snapshot), scratch("noting what is held", snapshot.path, memory_limit) as engine:
        numbers = _Numbers()
        _take_in(engine, masters, numbers)
        open_tables(engine, snapshot, "files")
        rows = snapshot.counts["recordings"]
        codes = np.zeros(0, np.uint32)
        work = snapshot.path / _WORK
        try:
            if rows:
                codes = np.memmap(work, "<u4", "w+", 0, (rows,))
                _fill(engine, codes, numbers)
            _write(snapshot.path / HELD, codes, numbers.kinds, basis)
        finally:
            work.unlink(missing_ok=True)


@contextmanager
def _making(snapshot: Snapshot) -> Iterator[None]:
    """One process at a time, and none that builds the index. The lock goes with the process."""
    folder = os.open(snapshot.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


class _Numbers:
    """The kinds that were met, numbered."""

    def __init__(self) -> None:
        self._known: dict[Kind, int] = {}

    @property
    def kinds(self) -> list[Kind]:
        return list(self._known)

    def of(self, kind: Kind) -> int:
        """Return the number of a kind, from 0."""
        if kind not in self._known and len(self._known) >= _MOST_KINDS:
            kind = Kind(formats=kind.formats)
        return self._known.setdefault(kind, len(self._known))


def _take_in(
    engine: duckdb.DuckDBPyConnection, masters: Iterable[Sequence[tuple[str, Kind]]], numbers: _Numbers
) -> None:
    engine.execute("CREATE TABLE master (sha256 VARCHAR, kind UINTEGER)")
    for part in masters:
        kinds = pa.array([numbers.of(kind) for _, kind in part], pa.uint32())
        batch = pa.table({"sha256": [sha256 for sha256, _ in part], "kind": kinds})
        engine.register("batch", batch)
        engine.execute("INSERT INTO master FROM batch")
        engine.unregister("batch")


def _fill(engine: duckdb.DuckDBPyConnection, codes: Codes, numbers: _Numbers) -> None:
    for batch in engine.sql(_KINDS).to_arrow_reader(_BATCH):
        recordings, first = batch["recording"].to_numpy(), batch["first"].to_numpy()
        codes[recordings] = first + 1
        for place in np.flatnonzero(first != batch["last"].to_numpy()).tolist():
            kinds = numbers.kinds
            codes[recordings[place]] = 1 + numbers.of(
                _together([kinds[number] for number in batch["kinds"][place].as_py()])
            )


def _together(kinds: Sequence[Kind]) -> Kind:
    said = ({each for kind in kinds for each in getattr(kind, name)} for name in Kind.__slots__)
    return Kind(*(tuple(sorted(each)) for each in said))


def _write(path: Path, codes: Codes, kinds: Sequence[Kind], basis: str) -> None:
    starts = range(0, len(codes), _BLOCK)
    blocks = [int(np.count_nonzero(codes[start : start + _BLOCK])) for start in starts]
    head: dict[str, Any] = {"version": _VERSION, "basis": basis, "blocks": blocks}
    text = json.dumps(head | {"kinds": [asdict(kind) for kind in kinds]}).encode()
    new = path.with_name(_NEW)
    with new.open("wb") as stream:
        stream.write(len(text).to_bytes(8) + text)
        stream.write(bytes(_start(len(text)) - stream.tell()))
        for start in starts:
            stream.write(codes[start : start + _BLOCK].tobytes())
    durable.rename(new, path)


def _start(head: int) -> int:
    return -(-(8 + head) // _PAGE) * _PAGE
