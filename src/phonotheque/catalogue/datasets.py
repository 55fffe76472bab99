"""What sources said, parsed and normalised, kept beside the snapshots: a folder of Parquet parts per dataset.

    catalogue/facts/<name>/
      dataset.json          what it is, its parts with their SHA-256; written last
      facts-00000.parquet   …, things, records, nonfree, listens, rejects: the tables of sources.gather

Parts never change. Snapshots link them instead of copying, so that adding one dump parses nothing anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.catalogue import durable, paged
from phonotheque.catalogue.manifest import TableFile, hash_file
from phonotheque.catalogue.schema import FACTS, LISTENS, NONFREE, RECORDS, REJECTS, THINGS
from phonotheque.model.errors import VerificationError

FORMAT = 1
FOLDER = "facts"
STATE = "dataset.json"
ROWS_PER_GROUP = paged.ROWS_PER_GROUP
GROUPS_PER_PART = 32
SCHEMAS = {
    "facts": FACTS,
    "things": THINGS,
    "records": RECORDS,
    "nonfree": NONFREE,
    "listens": LISTENS,
    "rejects": REJECTS,
}
_MAKING = ".making-"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read: its name within the location, bytes, and SHA-256."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """Everything taken in from one source at one place.

    ``taken_at`` decides between two that tell of one record.
    """

    path: Path
    source: str
    location: str
    accession: str
    taken_at: str  # ISO 8601
    files: tuple[SourceFile, ...] = ()
    parts: Mapping[str, tuple[TableFile, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.path.name

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        return sum(part.rows for part in self.parts.get(table, ()))

    def paths(self, table: str) -> list[Path]:
        """The files of a table, in order."""
        return [self.path / part.file for part in self.parts.get(table, ())]


def datasets(catalogue_dir: Path) -> list[Dataset]:
    """Return the newest dataset of every source and location, by source and by when they were taken in.

    Raises VerificationError when one makes no sense.
    """
    newest = {(one.source, one.location): one for one in _all(catalogue_dir)}
    return sorted(newest.values(), key=_age)


def _all(catalogue_dir: Path) -> list[Dataset]:
    folder = catalogue_dir / FOLDER
    try:
        names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    return sorted((read(folder / name) for name in names), key=_age)


def _age(dataset: Dataset) -> tuple[str, str, str]:
    return dataset.source, dataset.taken_at, dataset.name


def read(path: Path) -> Dataset:
    """Return the dataset in a folder. Raises VerificationError when its description is damaged."""
    try:
        content = json.loads((path / STATE).read_bytes())
        if content.pop("format") != FORMAT:
            raise VerificationError(f"{path / STATE} is of another format.", "Add that source again.")
        content["files"] = tuple(SourceFile(**one) for one in content["files"])
        content["parts"] = {
            table: tuple(TableFile(**part) for part in parts) for table, parts in content["parts"].items()
        }
        return Dataset(path=path, **content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError(f"{path / STATE} is damaged: {error!r}.", "Add that source again.") from error


def write(catalogue_dir: Path, dataset: Dataset, tables: Mapping[str, Iterable[pa.RecordBatch]]) -> Dataset:
    """Write a dataset whole; it takes the place of an older one of the same source and location."""
    making = making_folder(catalogue_dir, dataset.source)
    if making.exists():  # of a run that was killed
        shutil.rmtree(making)
    making.mkdir(parents=True)
    parts = {table: tuple(write_parts(making, table, batches)) for table, batches in tables.items()}
    return put(catalogue_dir, making, dataset, parts)


def making_folder(catalogue_dir: Path, name: str) -> Path:
    """Where a dataset is made before it has its place. Nobody else reads what is left there by a kill."""
    return catalogue_dir / FOLDER / f"{_MAKING}{name}"


def put(
    catalogue_dir: Path, making: Path, dataset: Dataset, parts: Mapping[str, tuple[TableFile, ...]]
) -> Dataset:
    """Describe a folder of finished parts and give it its place; then remove what it replaces."""
    content = asdict(dataset) | {
        "format": FORMAT,
        "files": [asdict(file) for file in dataset.files],
        "parts": {table: [asdict(part) for part in files] for table, files in parts.items() if files},
    }
    del content["path"]
    durable.write(making / STATE, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
    durable.fsync(making)
    path = _new_place(catalogue_dir, dataset)
    making.rename(path)
    durable.fsync(path.parent)
    written = read(path)
    remove_replaced(catalogue_dir, written)
    return written


def _new_place(catalogue_dir: Path, dataset: Dataset) -> Path:
    """Return a name that comes after those of the same source and moment, as names decide between these."""
    stamp = "".join(character for character in dataset.taken_at if character.isalnum())
    folder = catalogue_dir / FOLDER
    taken = [int(path.name[-4:]) for path in folder.glob(f"{dataset.source}-{stamp}-[0-9][0-9][0-9][0-9]")]
    return folder / f"{dataset.source}-{stamp}-{max(taken, default=0) + 1:04d}"


def remove_replaced(catalogue_dir: Path, written: Dataset | None = None) -> None:
    """Remove datasets that a newer one of the same source and location replaces. Snapshots keep their links.

    What has just been ``written`` is the newest, whatever the clock says: it may have been put back.
    """
    for left_over in (catalogue_dir / FOLDER).glob(f"{_MAKING}dead-*"):  # of a run that was killed
        shutil.rmtree(left_over)
    kept = {(one.source, one.location): one.path for one in datasets(catalogue_dir)}
    if written is not None:
        kept[written.source, written.location] = written.path
    for one in _all(catalogue_dir):
        if one.path != kept[one.source, one.location]:
            dead = one.path.with_name(f"{_MAKING}dead-{one.name}")
            one.path.rename(dead)  # in one step: a folder half removed would be damage
            shutil.rmtree(dead)


def write_parts(folder: Path, table: str, batches: Iterable[pa.RecordBatch]) -> Iterator[TableFile]:
    """Write rows into as many files as they need; yield each. Bounded memory: one row group is held."""
    number, groups = 0, paged.row_groups(SCHEMAS[table], batches, ROWS_PER_GROUP)
    group = next(groups, None)
    while group is not None:
        path = folder / f"{table}-{number:05d}.parquet"
        rows = 0
        with part_writer(path, table) as part:
            for _ in range(GROUPS_PER_PART):
                if group is None:
                    break
                part.write_table(group, row_group_size=ROWS_PER_GROUP)
                rows += group.num_rows
                group = next(groups, None)
        durable.fsync(path)
        yield TableFile(path.name, hash_file(path), path.stat().st_size, rows)
        number += 1


def part_writer(path: Path, table: str) -> pq.ParquetWriter:
    """Return what writes a part of a table. Facts are read row by row, and are most of a catalogue."""
    if table != "facts":
        return paged.writer(path, SCHEMAS[table], paged=False)
    # labels come again, but to read theirs would take a third of the time that a fact takes
    return paged.writer(path, FACTS, level=6, without_dictionary={"label"})
