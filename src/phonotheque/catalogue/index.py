"""The derived index: three files beside a snapshot, rebuilt from it when need be.

``words.sqlite`` has the full text, ``facets.bin`` what recordings are narrowed down by, ``index.sqlite``
everything else; they answer with the dense keys of the snapshot's rows. ``index.json`` says which snapshot
they belong to and what their bytes are; it is written last: an index without it is not used.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.catalogue import durable, facets, index_codes, index_facts, index_labels, index_words
from phonotheque.catalogue.engine import connect, explaining
from phonotheque.catalogue.index_words import Ahead, Titles
from phonotheque.catalogue.manifest import Snapshot, encode, hash_file
from phonotheque.catalogue.streaming import parquet_file
from phonotheque.model.bags import Finding
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.settings import parse_size

INDEX = "index.sqlite"
WORDS = "words.sqlite"
STATE = "index.json"
_FILES = (INDEX, WORDS, facets.FACETS, index_labels.LABELS)
_WORK = ".index.tmp"
_VERSION = 7  # of their tables: another one means rebuild
_BATCH = 20_000  # recordings
_OF_A_RELEASE = 52  # bytes in memory: its title, where that begins, its hash, and its date and country
_RELEASES = "SELECT release, (hash(lower(title)) & 4294967295)::UINTEGER AS hash FROM read_parquet($path)"
_ON = pa.schema([("recording", pa.int64()), ("release", pa.int64())])
_OTHERS = pa.schema(
    [("recording", pa.int64()), ("hash", pa.uint32()), ("title", pa.string()), ("credit", pa.string())]
)


@dataclass(frozen=True, slots=True)
class _State:
    version: int
    snapshot: str  # SHA-256 of its snapshot.json
    sha256: dict[str, str]  # of each file
    bytes: dict[str, int]


def ensure(snapshot: Snapshot, *, memory_limit: str = "1GB", progress: Progress = QUIET) -> None:
    """See to it that a snapshot has its index: build what is missing, truncated or of other tables."""
    if not _usable(snapshot):
        with _building(snapshot):
            if not _usable(snapshot):  # another process may have built it meanwhile
                _build(snapshot, memory_limit, progress)


def rebuild(snapshot: Snapshot, *, memory_limit: str = "1GB", progress: Progress = QUIET) -> None:
    """Build the index anew and put it in place of what was there."""
    with _building(snapshot):
        _build(snapshot, memory_limit, progress)


def usable(snapshot: Snapshot) -> bool:
    """Return whether the snapshot has its index, as far as sizes tell: nothing has to be built."""
    return _usable(snapshot)


def check(snapshot: Snapshot) -> list[Finding]:
    """Re-hash the index, if there is one. A damaged index is rebuilt by deleting it."""
    state = _state(snapshot)
    expected = state.sha256 if state else {}
    return [
        Finding("damaged", f"{snapshot.stamp}/{name}", "derived: delete it and it will be built again")
        for name, digest in sorted(expected.items())
        if (path := snapshot.path / name).exists() and hash_file(path) != digest
    ]


@contextmanager
def _building(snapshot: Snapshot) -> Iterator[None]:
    """One process at a time builds. The lock goes with the process: nothing is left of a killed one."""
    folder = os.open(snapshot.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _build(snapshot: Snapshot, memory_limit: str, progress: Progress) -> None:
    work = snapshot.path / _WORK
    if work.exists():  # of a run that was killed
        shutil.rmtree(work)
    work.mkdir()
    try:
        with (
            explaining("indexing the catalogue", snapshot.path),
            closing(
                connect(
                    work / "scratch.duckdb",
                    memory_limit=_left(memory_limit, snapshot),
                    spill=work / "spill",
                )
            ) as scratch,
        ):
            _fill(work, scratch, snapshot, progress)
        paths = {name: work / name for name in _FILES}
        state = _State(
            _VERSION,
            _identity(snapshot),
            {name: hash_file(path) for name, path in paths.items()},
            {name: path.stat().st_size for name, path in paths.items()},
        )
        for name, path in paths.items():
            durable.rename(path, snapshot.path / name)
        durable.write(snapshot.path / STATE, json.dumps(asdict(state), indent=2).encode())
    finally:
        shutil.rmtree(work)


def _left(memory_limit: str, snapshot: Snapshot) -> str:
    """Return what the engine may have of the memory, beside what is kept in it of every track and release."""
    whole = parse_size(memory_limit)
    counts = snapshot.counts
    kept = max(4 * (counts["facts"] + counts["recordings"]), _OF_A_RELEASE * counts["releases"])
    return f"{max(whole - kept, whole // 4) // 10**6}MB"


def _fill(work: Path, scratch: duckdb.DuckDBPyConnection, snapshot: Snapshot, progress: Progress) -> None:
    """Words in this thread, the other files in another. Most of the work is done outside Python."""
    compared: Future[None] = Future()
    stopping = Event()

    def go_on() -> None:
        if stopping.is_set():
            raise PhonothequeError("Indexing was stopped.", "Run it again.")

    with scratch.cursor() as beside, ThreadPoolExecutor(1) as pool:
        codes = pool.submit(index_codes.build, work / INDEX, beside, snapshot, compared.result, go_on)
        narrowing = pool.submit(facets.build, work / facets.FACETS, snapshot, go_on)
        naming = pool.submit(index_labels.build, work / index_labels.LABELS, beside, snapshot, go_on)

        def advance(recordings: int) -> None:
            if codes.done():
                codes.result()  # if it failed, there is no point in going on
            progress.advance(files=recordings)

        try:
            progress.start("Comparing facts for the index", total_files=snapshot.counts["facts"])
            index_facts.compare(scratch, snapshot, lambda rows: progress.advance(files=rows))
            compared.set_result(None)
            progress.start("Indexing the catalogue", total_files=snapshot.counts["recordings"])
            _fill_words(work / WORDS, scratch, snapshot, advance)
        except BaseException as error:
            stopping.set()
            beside.interrupt()
            if not compared.done():
                compared.set_exception(error)
            raise
        codes.result()
        narrowing.result()
        naming.result()


def _fill_words(
    path: Path, scratch: duckdb.DuckDBPyConnection, snapshot: Snapshot, advance: Callable[[int], None]
) -> None:
    with (
        parquet_file(snapshot.table("recordings")) as recordings,
        parquet_file(snapshot.table("tracks")) as tracks,
    ):
        texts = index_words.documents(
            recordings.iter_batches(_BATCH, columns=["title", "credit"]),
            Ahead(tracks.iter_batches(_BATCH, columns=_ON.names), _ON),
            _release_titles(path.parent, scratch, snapshot),
            Ahead(scratch.sql(index_facts.OTHERS).to_arrow_reader(_BATCH), _OTHERS),
        )
        index_words.build(path, texts, advance)


def _release_titles(work: Path, scratch: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> Titles:
    """All of them at hand, for tracks name releases in no order: the texts in a mapped file."""
    path, texts = snapshot.table("releases"), work / "titles"
    hashes = np.zeros(snapshot.counts["releases"], np.uint32)
    for batch in scratch.sql(_RELEASES, params={"path": str(path)}).to_arrow_reader(_BATCH):
        hashes[batch["release"].to_numpy()] = batch["hash"].to_numpy()
    ends = np.zeros(len(hashes) + 1, np.int64)
    first = 0
    with parquet_file(path) as releases, texts.open("wb") as stream:
        for batch in _titles(releases):
            titles = index_words.searchable(batch["title"])
            lengths = pc.binary_length(titles).to_numpy()
            ends[first + 1 : first + 1 + len(titles)] = lengths
            first += len(titles)
            stream.write(b"".join(titles.cast(pa.large_binary()).to_pylist()))
    np.cumsum(ends, out=ends)
    mapped = pa.memory_map(str(texts)).read_buffer() if ends[-1] else pa.py_buffer(b"")
    return Titles(pa.LargeStringArray.from_buffers(len(hashes), pa.py_buffer(ends), mapped), hashes)


def _titles(releases: pq.ParquetFile) -> Iterable[pa.RecordBatch]:
    schema = pa.schema([("title", pa.large_string())])
    return (batch.cast(schema) for batch in releases.iter_batches(_BATCH, columns=["title"]))


def _usable(snapshot: Snapshot) -> bool:
    state = _state(snapshot)
    return state is not None and all(
        (path := snapshot.path / name).is_file() and path.stat().st_size == state.bytes[name]
        for name in _FILES
    )


def _identity(snapshot: Snapshot) -> str:
    return hashlib.sha256(encode(snapshot)).hexdigest()


def _state(snapshot: Snapshot) -> _State | None:
    """What index.json says, or None when it is absent, damaged, or speaks of other tables."""
    try:
        state = _State(**json.loads((snapshot.path / STATE).read_bytes()))
        named = state.sha256.keys() == state.bytes.keys() == set(_FILES)
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None
    fits = named and (state.version, state.snapshot) == (_VERSION, _identity(snapshot))
    return state if fits else None
