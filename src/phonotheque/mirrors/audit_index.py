"""An edition's index, read row group by row group, to be compared with the bags it tells of."""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.editions.edition import IndexEntry
from phonotheque.mirrors.origin import Origin
from phonotheque.model.errors import PhonothequeError, VerificationError
from phonotheque.vault.bagfolder import MAX_ENTRIES

_COLUMNS: Final = ["bag", "path", "sha256", "size", "recording"]
_AT_ONCE: Final = 16_384  # rows
_MOST_BYTES: Final = 64 * 1024**3  # some 300 million files


class IndexRows:
    """The rows of a verified index, by bag."""

    def __init__(self, path: Path) -> None:
        """Find the row groups of every bag. Raises VerificationError when it is no index."""
        try:
            self._file = pq.ParquetFile(path)
            self._mixed: set[int] = set()  # row groups that do not say that they are of one bag
            self._groups = self._find_groups()
        except (pa.ArrowException, OSError, AttributeError, TypeError) as error:
            raise VerificationError(f"it cannot be read as an index: {error}") from error

    @property
    def bags(self) -> set[str]:
        """The bags that rows are about."""
        return set(self._groups)

    def of(self, bag: str) -> dict[str, tuple[str, int, str | None]]:
        """Return SHA-256, size and recording by path, for one bag.

        Raises VerificationError for too many, for one path twice, or where the file's statistics lied.
        """
        found: dict[str, tuple[str, int, str | None]] = {}
        for group in self._groups.get(bag, []):
            for row in self._rows(group):
                if row["bag"] != bag:
                    if group in self._mixed:
                        continue
                    raise VerificationError(f"the index has rows of {row['bag']!r:.100} among those of {bag}")
                if row["path"] in found:
                    raise VerificationError(f"the index lists {bag}/{row['path']} twice")
                found[row["path"]] = (row["sha256"], row["size"], row["recording"])
                if len(found) > MAX_ENTRIES:
                    raise VerificationError(f"the index lists more than {MAX_ENTRIES} files of {bag}")
        return found

    def _rows(self, group: int) -> Iterator[dict[str, Any]]:
        for batch in self._file.iter_batches(batch_size=_AT_ONCE, row_groups=[group], columns=_COLUMNS):
            yield from batch.to_pylist()

    def _find_groups(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = defaultdict(list)
        column = self._file.schema_arrow.get_field_index("bag")
        for number in range(self._file.metadata.num_row_groups):
            said = self._file.metadata.row_group(number).column(column).statistics
            if said is not None and said.has_min_max and said.min == said.max:
                groups[said.min].append(number)
                continue
            self._mixed.add(number)
            for name in self._named(number):  # not as we write it: every row is looked at
                groups[name].append(number)
        return groups

    def _named(self, group: int) -> set[str]:
        batches = self._file.iter_batches(batch_size=_AT_ONCE, row_groups=[group], columns=["bag"])
        return {name for batch in batches for name in batch.column(0).to_pylist()}


def no_room(folder: Path) -> PhonothequeError:
    """Return the error for a temporary folder that is too small for what is brought there to be read."""
    return PhonothequeError(f"{folder} has not enough room.", "Make room, or name another folder in TMPDIR.")


def fetch_index(origin: Origin, entry: IndexEntry, place: Path) -> IndexRows:
    """Bring the index to ``place`` and verify it. Raises VerificationError, NotFoundError, NetworkError."""
    if entry.size > _MOST_BYTES:
        raise VerificationError(f"it is larger than an index may be here: {entry.size} bytes")
    if entry.size > shutil.disk_usage(place.parent).free:
        raise no_room(place.parent)
    digest, size = hashlib.sha256(), 0
    with place.open("wb") as stream:
        for chunk in origin.open_range(f"targets/{entry.path}", 0, entry.size + 1):
            digest.update(chunk)
            size += len(chunk)
            stream.write(chunk)
    if size != entry.size or digest.hexdigest() != entry.sha256:
        raise VerificationError("it is not the index that edition.json lists")
    return IndexRows(place)
