"""An edition's index, asked what is in one bag: only the rows of that bag are read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.model.errors import VerificationError

_COLUMNS: Final = ["bag", "path", "recording", "size", "sha256"]
_MOST_ROWS: Final = 4_000_000  # that are read for one bag; a bag of ours has a row group of its own


@dataclass(frozen=True, slots=True)
class File:
    """A file of a bag, relative to it. ``recording`` is None for what belongs to several, as a cover does."""

    path: str
    size: int
    sha256: str | None
    recording: str | None


class Index:
    """``index.parquet`` with its footer read once, and which row groups tell of which bags."""

    def __init__(self, place: Path) -> None:
        self._place = place
        try:
            self._footer = pq.read_metadata(place)
            names = self._footer.schema.names
            column = names.index("bag")
        except (pa.ArrowException, ValueError) as error:
            raise self._broken(error) from error
        self._groups = [_range(self._footer.row_group(n), column) for n in range(self._footer.num_row_groups)]

    @property
    def rows(self) -> int:
        """How many files it lists."""
        return int(self._footer.num_rows)

    def files(self, bag: str) -> tuple[File, ...]:
        """Return the files of a bag in the order of paths. Raises VerificationError if it is no index."""
        groups = [number for number, (low, high) in enumerate(self._groups) if low <= bag <= high]
        if not groups:
            return ()
        rows = sum(self._footer.row_group(number).num_rows for number in groups)
        if rows > _MOST_ROWS:
            raise self._broken(f"{rows} rows may tell of one bag")
        try:
            with pq.ParquetFile(self._place, metadata=self._footer) as table:
                read = table.read_row_groups(groups, columns=_COLUMNS)
            found = read.filter(pc.equal(read["bag"], bag)).sort_by("path").to_pylist()
        except (pa.ArrowException, KeyError) as error:
            raise self._broken(error) from error
        return tuple(File(row["path"], row["size"], row["sha256"], row["recording"]) for row in found)

    def _broken(self, why: object) -> VerificationError:
        return VerificationError(f"{self._place.name} is no index of an edition: {why!s:.200}.")


def after(files: Sequence[File], path: str, most: int) -> Sequence[File]:
    """Return the files that come after a path."""
    begin = bisect_right(files, path, key=lambda file: file.path)
    return files[begin : begin + most]


def _range(group: pq.RowGroupMetaData, column: int) -> tuple[str, str]:
    """Return the first and the last bag that a row group may tell of."""
    told = group.column(column).statistics
    if told is None or not told.has_min_max:
        return "", "\U0010ffff"
    return str(told.min), str(told.max)
