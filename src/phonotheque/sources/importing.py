"""Taking in what a source says: read in pieces on every core, checked against its checksums, resumable.

What pieces say is kept in a working folder, and what is there is not read again. When all are done they are
put together into a dataset, without records whose id came before.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from phonotheque import __version__
from phonotheque.catalogue import datasets
from phonotheque.catalogue.datasets import Dataset, SourceFile
from phonotheque.jobs.pool import Poison, process_pool, run_lists
from phonotheque.model.progress import QUIET, Progress
from phonotheque.sources.checksums import Checksums, Hashes, checksums
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.gather import Gather
from phonotheque.sources.reading import Work, read_pieces, write_and_finish
from phonotheque.sources.registry import Piece, Source
from phonotheque.sources.settling import settle
from phonotheque.sources.working import (
    Begun,
    Said,
    forget,
    forget_files,
    interrupted,
    remove_left_over,
    start,
    stem_of,
    told_pieces,
)
from phonotheque.vault.place import feed

_TOGETHER = 1 << 20  # bytes: with so many or more, pieces are enough to be read together
_MOST_TOGETHER = 256  # pieces
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
    noted = Gather(source.name, begun.accession, "")
    _note_problems(stated, noted)
    forget_files(making, [number for number, path in enumerate(files) if path in wrong])
    works = _Works(source, location, files, listed, wrong, making, begun, verify, noted)
    _read(works, workers, noted, result, progress)
    write_and_finish(making, [Said(stem_of(len(files), 0), noted.tables(), noted.of_records())])
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


def _note_problems(stated: Checksums, noted: Gather) -> None:
    for problem in stated.problems:
        noted.file = problem.by
        noted.reject(problem.scope, problem.reason, position=problem.line, value=problem.value)


def _before(catalogue_dir: Path, source: Source, location: Path) -> Dataset | None:
    known = {(one.source, one.location): one for one in datasets.datasets(catalogue_dir)}
    return known.get((source.name, str(location.resolve())))


def _making(
    catalogue_dir: Path, source: Source, location: Path, listed: tuple[SourceFile, ...], verify: bool
) -> Path:
    """Return the working folder of these very files, there or not.

    What was read without being compared is no part of a run that compares everything, nor is what another
    version of this program read: it may have cut the files into other pieces.
    """
    what = json.dumps(
        [__version__, source.name, str(location.resolve()), [asdict(file) for file in listed], verify]
    )
    name = hashlib.sha256(what.encode()).hexdigest()[:16]
    return datasets.making_folder(catalogue_dir, f"{source.name}-{name}")


def _resume(making: Path, location: Path, begin: Begin) -> Begun:
    """Go on with what an interrupted run left in the working folder, or begin with an empty one."""
    left = interrupted(making)
    begun = begin(left)
    if begun != left:
        start(making, begun, str(location.resolve()))
    return begun


@dataclass(frozen=True, slots=True)
class _Works:
    """The pieces of all files that are to be read, in order. What breaks off a file is ``noted``."""

    source: Source
    location: Path
    files: Sequence[Path]
    listed: Sequence[SourceFile]
    wrong: Mapping[Path, str]
    making: Path
    begun: Begun
    verify: bool
    noted: Gather

    def together(self) -> Iterator[list[Work]]:
        """Yield pieces that are read and lie together: one that is large, or many consecutive small ones."""
        pieces: list[Work] = []
        size = 0
        for work in self._each():
            if work is not None:
                pieces.append(work)
                size += work.size
            if pieces and (work is None or size >= _TOGETHER or len(pieces) >= _MOST_TOGETHER):
                yield pieces
                pieces, size = [], 0
        if pieces:
            yield pieces

    def _each(self) -> Iterator[Work | None]:
        """Yield pieces; None where some are left out: what is around them cannot lie together.

        They were read before, or may be read by the run that goes on after this one.
        """
        finished = {piece.stem for piece in told_pieces(self.making)}
        for number, (path, file) in enumerate(zip(self.files, self.listed, strict=True)):
            try:
                if path in self.wrong:
                    self._note(file, self.wrong[path])
                    yield None
                    continue
                for piece in self.source.pieces(self.location, path):
                    stem = stem_of(number, piece.number)
                    yield None if stem in finished else self._work(piece, file, number, stem)
            except BrokenFileError as error:
                self._note(file, error.message)
                yield None

    def _work(self, piece: Piece, file: SourceFile, number: int, stem: str) -> Work:
        return Work(
            source=self.source,
            piece=piece,
            accession=self.begun.accession,
            as_of=self.begun.taken_at[:10],
            label=file.name,
            folder=self.making,
            stem=stem,
            size=len(piece.content) if isinstance(piece.content, bytes) else file.bytes,
            verify=self.verify or (number + piece.number) % _VERIFIED_PIECES == 0,
        )

    def _note(self, file: SourceFile, reason: str) -> None:
        self.noted.file = file.name
        self.noted.reject("file", reason)


def _read(works: _Works, workers: int | None, noted: Gather, result: Imported, progress: Progress) -> None:
    """Read pieces on every core."""
    batches = run_lists(read_pieces, works.together(), make_pool=lambda: process_pool(workers))
    with closing(batches):
        for batch in batches:
            for done in batch:
                if isinstance(done, Poison):
                    piece = done.item.piece
                    forget(works.making, done.item.stem)  # perhaps read before, with others that come again
                    noted.file = done.item.label
                    reason = (
                        f"killed every process that read it (piece {piece.number}); its records were left out"
                    )
                    noted.reject("record", reason, position=piece.first)
                else:
                    result.verified += done.verified
                    progress.advance(files=done.records, size=done.size)


def _count(result: Imported, dataset: Dataset) -> None:
    result.rows = {table: dataset.rows(table) for table in datasets.SCHEMAS}
    for path in dataset.paths("rejects"):
        scopes = pq.read_table(path, columns=["scope"])["scope"].value_counts().to_pylist()
        for scope in scopes:
            result.rejects[scope["values"]] += scope["counts"]
