"""Taking in what a source says: read in pieces on every core, checked against its checksums, resumable.

Every piece becomes a small file of each table in a working folder; a piece whose files are there is not read
again. When all are done they are put together into a dataset, without records whose id came before.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.catalogue import datasets
from phonotheque.catalogue.datasets import Dataset, SourceFile
from phonotheque.jobs.pool import Poison, process_pool, run_batches
from phonotheque.model.errors import VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.sources.checksums import Checksums, Hashes, checksums
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece, Source
from phonotheque.sources.settling import settle
from phonotheque.sources.splices import join
from phonotheque.sources.working import (
    Begun,
    finish_piece,
    finished,
    forget_file,
    interrupted,
    read_table,
    remove_left_over,
    start,
    stem_of,
    write_piece,
)
from phonotheque.vault.place import feed

_VERIFIED_PIECES = 16  # one piece in so many is read back and compared, all of them with ``verify``


# Given what an interrupted import was begun as, or None, returns it, to go on, or another, to begin again.
Begin = Callable[[Begun | None], Begun]


@dataclass(slots=True)
class Imported:
    """What adding a source came to. Rejects by scope: "file", "record", "value"."""

    accession: str
    unchanged: bool = False  # the same files were taken in before: nothing to do
    rows: dict[str, int] = field(default_factory=dict)
    rejects: Counter[str] = field(default_factory=Counter)
    verified: int = 0  # records that were read back and compared

    @property
    def complete(self) -> bool:
        """Whether no file or record was left out."""
        return not (self.rejects["file"] or self.rejects["record"])


@dataclass(frozen=True, slots=True)
class _Work:
    """A piece on its way to a worker: where its tables go, and whether they are read back and compared."""

    source: Source
    piece: Piece
    accession: str
    as_of: str
    label: str  # the file's name, for messages
    folder: Path
    stem: str
    verify: bool


@dataclass(frozen=True, slots=True)
class _Done:
    records: int
    size: int
    verified: int


def import_source(
    catalogue_dir: Path,
    source: Source,
    location: Path,
    *,
    begin: Begin,
    verify: bool = False,
    again: bool = False,
    workers: int | None = None,
    before_change: Callable[[], None] = lambda: None,
    progress: Progress = QUIET,
) -> Imported:
    """Read everything at ``location`` into a dataset. The archive's lock must be held.

    Unless ``again``, the same files are not read twice. ``before_change`` is called before the dataset gets
    its place. Interrupted, the next call goes on from the pieces that are done, under their accession.
    Raises what ``source.files`` raises; VerificationError when a record does not come back as it was.
    """
    files = source.files(location)
    stated = checksums(location, files)
    listed, wrong = _listed(location, files, stated, progress)
    before = _before(catalogue_dir, source, location)
    making = _making(catalogue_dir, source, location, listed, verify)
    if before is not None and before.files == listed and not (verify or again):
        remove_left_over(making, str(location.resolve()), keep=False)
        result = Imported(begin(Begun(before.accession, before.taken_at)).accession, unchanged=True)
        _count(result, before)
        return result
    remove_left_over(making, str(location.resolve()), keep=True)
    begun = _resume(making, location, begin)
    result = Imported(begun.accession)
    progress.start(f"Reading {source.name}")
    for number, (path, file) in enumerate(zip(files, listed, strict=True)):
        gather = Gather(source.name, begun.accession, file.name, as_of=begun.taken_at[:10])
        if path in wrong:
            forget_file(making, number)  # an interrupted run may have known of no checksum
            gather.reject("file", wrong[path])
        else:
            make = _maker(source, file, making, number, begun, verify)
            _read_file(source, location, path, make, gather, workers, result, progress)
        _keep(making, stem_of(number), gather)
    _keep(making, stem_of(len(files)), _problems(stated, source, begun))
    progress.start("Putting the parts together")
    before_change()
    dataset = Dataset(Path(), source.name, str(location.resolve()), begun.accession, begun.taken_at, listed)
    _count(result, settle(catalogue_dir, making, dataset))
    return result


def _listed(
    location: Path, files: list[Path], stated: Checksums, progress: Progress
) -> tuple[tuple[SourceFile, ...], dict[Path, str]]:
    """Read every file once; return what they are, and which are not what a list says, with the reason."""
    progress.start("Hashing", total_files=len(files), total_bytes=sum(path.stat().st_size for path in files))
    base = location if location.is_dir() else location.parent
    listed, wrong = [], {}
    for path in files:
        said = stated.of.get(path)
        hashes = feed(path, Hashes({"sha256", said.algorithm} if said else {"sha256"}))
        if said and (reason := said.wrong(hashes)):
            wrong[path] = reason
        name = path.relative_to(base) if path.is_relative_to(base) else Path(path.name)
        listed.append(SourceFile(name.as_posix(), path.stat().st_size, hashes.hexdigest("sha256")))
        progress.advance(files=1, size=listed[-1].bytes)
    return tuple(listed), wrong


def _problems(stated: Checksums, source: Source, begun: Begun) -> Gather:
    gather = Gather(source.name, begun.accession, "")
    for problem in stated.problems:
        gather.file = problem.by
        gather.reject(problem.scope, problem.reason, position=problem.line, value=problem.value)
    return gather


def _before(catalogue_dir: Path, source: Source, location: Path) -> Dataset | None:
    known = {(one.source, one.location): one for one in datasets.datasets(catalogue_dir)}
    return known.get((source.name, str(location.resolve())))


def _making(
    catalogue_dir: Path, source: Source, location: Path, listed: tuple[SourceFile, ...], verify: bool
) -> Path:
    """Return the working folder of these very files, there or not.

    What was read without being compared is no part of a run that compares everything.
    """
    what = json.dumps([source.name, str(location.resolve()), [asdict(file) for file in listed], verify])
    name = hashlib.sha256(what.encode()).hexdigest()[:16]
    return datasets.making_folder(catalogue_dir, f"{source.name}-{name}")


def _resume(making: Path, location: Path, begin: Begin) -> Begun:
    """Go on with what an interrupted run left in the working folder, or begin with an empty one."""
    left = interrupted(making)
    begun = begin(left)
    if begun != left:
        start(making, begun, str(location.resolve()))
    return begun


def _maker(
    source: Source, file: SourceFile, making: Path, number: int, begun: Begun, verify: bool
) -> Callable[[Piece], _Work]:
    def make(piece: Piece) -> _Work:
        return _Work(
            source=source,
            piece=piece,
            accession=begun.accession,
            as_of=begun.taken_at[:10],
            label=file.name,
            folder=making,
            stem=stem_of(number, piece.number),
            verify=verify or piece.number % _VERIFIED_PIECES == 0,
        )

    return make


def _read_file(
    source: Source,
    location: Path,
    path: Path,
    make: Callable[[Piece], _Work],
    gather: Gather,
    workers: int | None,
    result: Imported,
    progress: Progress,
) -> None:
    """Read one file's pieces on every core; what breaks off the file is noted with ``gather``."""

    def work() -> Iterator[_Work]:
        try:
            for piece in source.pieces(location, path):
                one = make(piece)
                if not finished(one.folder, one.stem):
                    yield one
        except BrokenFileError as error:
            gather.reject("file", error.message)

    batches = run_batches(read_pieces, work(), batch=1, make_pool=lambda: process_pool(workers))
    with closing(batches):
        for batch in batches:
            for done in batch:
                if isinstance(done, Poison):
                    piece = done.item.piece
                    reason = (
                        f"killed every process that read it (piece {piece.number}); its records were left out"
                    )
                    gather.reject("record", reason, position=piece.first)
                else:
                    result.verified += done.verified
                    progress.advance(files=done.records, size=done.size)


def read_pieces(works: list[_Work]) -> list[_Done]:
    """Read pieces and write their tables; runs in a worker."""
    return [_read_piece(work) for work in works]


def _read_piece(work: _Work) -> _Done:
    gather = Gather(work.source.name, work.accession, work.label, as_of=work.as_of)
    work.source.read(work.piece, gather)
    tables = gather.tables()
    write_piece(work.folder, work.stem, tables, gather.of_records())
    verified = _compare(work, tables) if work.verify else 0
    finish_piece(work.folder, work.stem)  # not before: what is not as it was must not be gone on from
    size = len(work.piece.content) if isinstance(work.piece.content, bytes) else 0
    return _Done(tables["records"].num_rows or tables["facts"].num_rows, size, verified)


def _keep(folder: Path, stem: str, gather: Gather) -> None:
    write_piece(folder, stem, gather.tables(), gather.of_records())
    finish_piece(folder, stem)


def _compare(work: _Work, tables: dict[str, pa.Table]) -> int:
    """Rebuild the records from what lies on the disk and compare them with the source; return how many.

    What was taken out as not free is put back. Where a piece is bytes, each record must stand in them so.
    """
    records = tables["records"]
    if not records.num_rows:
        return 0
    stored = read_table(work.folder, work.stem, "records")
    whole = stored.equals(records)
    if whole and isinstance(work.piece.content, bytes):
        whole = _stand_in(work.piece.content, _rebuilt(stored, tables["nonfree"]))
    if not whole:
        raise VerificationError(
            f"{work.label}: a record rebuilt from storage is not what the source gave.",
            "Nothing of this source was taken in. Please report it, with the file.",
        )
    return int(stored.num_rows)


def _rebuilt(records: pa.Table, nonfree: pa.Table) -> Iterator[bytes]:
    kept = {(row["kind"], row["record_id"]): row["splices"] for row in nonfree.to_pylist()}
    for row in records.select(["kind", "record_id", "raw"]).to_pylist():
        splices = kept.get((row["kind"], row["record_id"]))
        yield (join(row["raw"], json.loads(splices)) if splices else row["raw"]).encode()


def _stand_in(content: bytes, records: Iterator[bytes]) -> bool:
    at = 0
    for record in records:
        found = content.find(record, at)
        if found < 0 and (found := content.find(record)) < 0:
            return False
        at = found
    return True


def _count(result: Imported, dataset: Dataset) -> None:
    result.rows = {table: dataset.rows(table) for table in datasets.SCHEMAS}
    for path in dataset.paths("rejects"):
        scopes = pq.read_table(path, columns=["scope"])["scope"].value_counts().to_pylist()
        for scope in scopes:
            result.rejects[scope["values"]] += scope["counts"]
