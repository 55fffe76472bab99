"""Write a generated catalogue's facts and listens as Parquet, in several processes.

    python -m benchmarks.catalogue.generate FOLDER --tracks 1000000

Ids are plain numbers as text: ``source_id`` of the track, ``record_id`` and ``release_id`` of the album (of
the second source, an MBID). The same size and seed give the same rows on the same kind of processor, whatever
the number of processes; another size gives another catalogue.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from benchmarks.catalogue.facts import FIRST_SOURCE, SECOND_SOURCE, Rows, facts
from benchmarks.catalogue.listens import listens
from benchmarks.catalogue.naming import Naming
from benchmarks.catalogue.shape import FULL, Shape, make_shape
from benchmarks.catalogue.words import LARGEST, make_words
from phonotheque.catalogue.datasets import GROUPS_PER_PART, ROWS_PER_GROUP, part_writer

_FILE = GROUPS_PER_PART * ROWS_PER_GROUP  # rows
_DONE = "generated.json"  # written last
SOURCES = (FIRST_SOURCE, SECOND_SOURCE)
BYTES_A_TRACK = 95  # of facts and listens: 73 at a million tracks, 82 at ten; numbers and words get more


@dataclass(frozen=True, slots=True)
class Generated:
    """Files that were written, in the order of their rows: facts by source, and listens."""

    facts: dict[str, list[Path]]
    listens: list[Path]
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Piece:
    path: Path
    source: str | None  # None: listens
    start: int
    stop: int


def generate(folder: Path, tracks: int = 1_000_000, seed: int = 1, processes: int | None = None) -> Generated:
    """Write ``<source>/facts-00000.parquet`` … for both sources, ``listens-00000.parquet`` … for one.

    There are ``tracks`` rows of facts together, valid and complete rows of ``schema.FACTS``. Files that are
    there already are written anew.
    """
    shape = make_shape(tracks, seed)
    counts = {FIRST_SOURCE: shape.main_rows, SECOND_SOURCE: shape.second_rows}
    told = {source: list(_pieces(folder / source, source, count)) for source, count in counts.items()}
    counted = list(_pieces(folder / FIRST_SOURCE, None, shape.recordings))
    pieces = [piece for part in (*told.values(), counted) for piece in part]
    (folder / _DONE).unlink(missing_ok=True)
    for source in SOURCES:
        (folder / source).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(
        processes or os.cpu_count(),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(tracks, seed),
    ) as pool:
        size = sum(pool.map(_write, pieces))
    made = Generated(
        facts={source: [piece.path for piece in part] for source, part in told.items()},
        listens=[piece.path for piece in counted],
        rows=tracks,
        bytes=size,
    )
    (folder / _DONE).write_text(json.dumps({"tracks": tracks, "seed": seed}), encoding="ascii")
    return made


def is_made(folder: Path, tracks: int, seed: int) -> bool:
    """Return whether a folder holds this catalogue, whole."""
    try:
        found = json.loads((folder / _DONE).read_text(encoding="ascii"))
    except FileNotFoundError:
        return False
    return bool(found == {"tracks": tracks, "seed": seed})


def naming_of(shape: Shape) -> Naming:
    """Return what everything in a catalogue is called: its vocabulary grows with the root of its size."""
    count = int(LARGEST * (shape.tracks / FULL) ** 0.5)
    return Naming(shape, make_words(min(LARGEST, max(1000, count)), shape.seed))


def _pieces(folder: Path, source: str | None, count: int) -> Iterator[_Piece]:
    kind = "listens" if source is None else "facts"
    for number, start in enumerate(range(0, count, _FILE)):
        path = folder / f"{kind}-{number:05}.parquet"
        yield _Piece(path, source, start, min(count, start + _FILE))


_naming: list[Naming] = []  # of this process: one, made when it begins


def _begin(tracks: int, seed: int) -> None:
    pa.set_cpu_count(1)
    _naming[:] = [naming_of(make_shape(tracks, seed))]


def _write(piece: _Piece) -> int:
    """Write one file, a row group at a time; return its size in bytes."""
    (naming,) = _naming
    make: Callable[[int, int], pa.Table]
    if piece.source is None:
        make, table = partial(listens, naming.shape, naming), "listens"
    else:
        source = piece.source
        make, table = lambda start, stop: facts(Rows(naming.shape, naming, source, start, stop)), "facts"
    with part_writer(piece.path, table) as part:
        for start in range(piece.start, piece.stop, ROWS_PER_GROUP):
            part.write_table(
                make(start, min(piece.stop, start + ROWS_PER_GROUP)), row_group_size=ROWS_PER_GROUP
            )
    return piece.path.stat().st_size


def main() -> None:
    """Parse the arguments, write, and say how long it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue.generate", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tracks", type=int, default=1_000_000, help="rows of facts (default: a million)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start = time.perf_counter()
    made = generate(arguments.folder, arguments.tracks, arguments.seed)
    took = time.perf_counter() - start
    print(f"{made.rows:,} tracks in {took:.1f} s, {made.bytes / made.rows:.1f} bytes each")


if __name__ == "__main__":
    main()
