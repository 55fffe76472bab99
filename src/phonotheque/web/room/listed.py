"""Which files of which bags a recording has, by an edition's index: for mirrors, which have no other list.

The index is in the order of bags. So that it is not read through for each recording, what it lists is noted
once, in the background: some bytes of each recording's id, and the row group that tells of it.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from phonotheque.model.errors import PhonothequeError, VerificationError
from phonotheque.model.identifiers import parse_mbid

_WAIT: Final = 2.0  # seconds that somebody who asks waits for the notes
_MOST_GROUPS: Final = 200  # that are read for one recording: some have the bytes by chance
_MOST_FILES: Final = 40
_LONGEST_GROUP: Final = 1_000_000  # rows
_COLUMNS: Final = ["recording", "bag", "path", "size", "sha256"]
_ID: Final = 36  # characters of a UUID
_DIGITS: Final = [*range(8), *range(9, 13), *range(14, 18)]  # of which the first eight bytes are written
_LOG = logging.getLogger("phonotheque.web")


class NotListedYetError(PhonothequeError):
    """The notes are being made; that may take minutes for a very large index."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A published file."""

    bag: str
    path: str
    size: int
    sha256: str


class Listed:
    """An ``index.parquet``, asked by recording. Its notes begin to be made when it is asked first."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._notes: tuple[NDArray[np.uint64], NDArray[np.uint32]] | None = None
        self._wrong = ""  # what is, once it is known to be no index

    def files(self, recording: str) -> list[ListedFile]:
        """Return the files of a recording, given by its public id.

        Raises NotListedYetError while the notes are made, VerificationError if the index is broken.
        """
        uuid = parse_mbid(recording)
        if uuid is None:
            return []
        keys, groups = self._noted()
        key = np.uint64(int(uuid.replace("-", "")[:16], 16))
        first, last = np.searchsorted(keys, key, "left"), np.searchsorted(keys, key, "right")
        found: list[ListedFile] = []
        for group in sorted(set(groups[first:last].tolist()))[:_MOST_GROUPS]:
            found += self._read(int(group), uuid)
        return found[:_MOST_FILES]

    def _noted(self) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        with self._lock:
            if self._thread is None or not (self._thread.is_alive() or self._notes or self._wrong):
                self._thread = threading.Thread(target=self._note, name="noting an index", daemon=True)
                self._thread.start()
        self._thread.join(_WAIT)
        if self._wrong:
            raise self._broken(self._wrong)
        if self._notes is None:
            raise NotListedYetError("What is published is being listed here.", "Try again in a minute.")
        return self._notes

    def _note(self) -> None:
        try:
            with pq.ParquetFile(self._place) as table:
                groups = range(table.num_row_groups)
                some = [
                    (number, _keys(table.read_row_group(number, columns=["recording"]))) for number in groups
                ]
            keys = np.concatenate([part for _, part in some] or [np.empty(0, np.uint64)])
            numbers = np.repeat(
                np.array([number for number, _ in some], np.uint32), [len(part) for _, part in some]
            )
            order = np.argsort(keys, kind="stable")
            self._notes = _on_disk(keys[order]), _on_disk(numbers[order])
        except (pa.ArrowException, KeyError, ValueError) as error:
            self._wrong = str(error) or type(error).__name__
        except OSError as error:  # the next who asks has it tried again
            _LOG.error("Recordings cannot be looked up: %s: %s", self._place.name, error)

    def _read(self, group: int, uuid: str) -> list[ListedFile]:
        try:
            with pq.ParquetFile(self._place) as table:
                if table.metadata.row_group(group).num_rows > _LONGEST_GROUP:
                    raise self._broken("a row group tells of too many files")
                rows = table.read_row_group(group, columns=_COLUMNS)
            found: list[dict[str, Any]] = rows.filter(pc.equal(rows["recording"], uuid)).to_pylist()
        except (pa.ArrowException, KeyError, OSError) as error:
            raise self._broken(error) from error
        return [ListedFile(row["bag"], row["path"], row["size"], row["sha256"] or "") for row in found]

    def _broken(self, why: object) -> VerificationError:
        return VerificationError(f"{self._place.name} is no index of an edition: {why!s:.200}.")


def _keys(table: pa.Table) -> NDArray[np.uint64]:
    """Return the first eight bytes of each id; what is none, or is no UUID, gets 0."""
    column = table["recording"].combine_chunks()
    whole = pc.fill_null(pc.equal(pc.binary_length(column), _ID), False)
    ids = pc.if_else(whole, column, "0" * _ID)
    text = np.frombuffer("".join(ids.to_pylist()).encode("ascii", "replace"), np.uint8).reshape(-1, _ID)
    digits = _VALUES[text[:, _DIGITS]].astype(np.uint64)
    shifts = np.arange(60, -4, -4, dtype=np.uint64)
    keys: NDArray[np.uint64] = np.bitwise_or.reduce(digits << shifts, axis=1)
    return keys


def _values() -> NDArray[np.uint8]:
    found = np.zeros(256, np.uint8)
    for value, digit in enumerate("0123456789abcdef"):
        found[ord(digit)] = found[ord(digit.upper())] = value
    return found


_VALUES: Final = _values()


def _on_disk(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that lies in a file without a name, so that memory has only what is asked often."""
    if not len(array):
        return array
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, dtype=array.dtype, mode="w+", shape=array.shape)
        mapped[:] = array
        return mapped
