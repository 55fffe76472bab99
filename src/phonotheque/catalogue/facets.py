"""What recordings are narrowed down by and the catalogue knows: their year, country and sources.

``facets.bin`` has six bytes for each recording, in the order of their keys, and nothing else: three unsigned
numbers of 16 bits, little endian. The year of the earliest date is 0 where none is known. The country is that
of the earliest release of which one is known: its two letters as a number in base 26, plus 1; 0 for none.
Sources are bits, in the order in which the snapshot names them; all beyond the fifteenth share the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.streaming import parquet_file

FACETS: Final = "facets.bin"
ROW: Final = np.dtype([("year", "<u2"), ("country", "<u2"), ("sources", "<u2")])
SOURCES: Final = 16  # bits; the last one stands for all others
OTHERS: Final = "others"  # what that one is called
_BATCH: Final = 1 << 17  # rows
_UNDATED: Final = 0xFFFFFFFF  # of a release: it says no country
_COUNTRY_BITS: Final = 10
_LETTERS: Final = 26
_LATE: Final = 15, 31  # a month or day that is not known comes last in its year

Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint32]
Rows = npt.NDArray[np.void]


def read(snapshot: Snapshot) -> Rows:
    """Return the rows of all recordings, mapped. Raises FileNotFoundError, ValueError for another size."""
    path, rows = snapshot.path / FACETS, snapshot.counts["recordings"]
    if path.stat().st_size != rows * ROW.itemsize:
        raise ValueError(f"{path} is not of {rows} recordings")
    return np.memmap(path, ROW, "r", shape=(rows,)) if rows else np.zeros(0, ROW)


def source_names(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the source that each bit stands for, OTHERS for the last where it is of several."""
    names = [count.source for count in snapshot.sources]
    return tuple(names if len(names) <= SOURCES else [*names[: SOURCES - 1], OTHERS])


def country_code(country: str) -> int:
    """Return the number of a country (ISO 3166-1 alpha-2 and alike), 0 for what is none."""
    if len(country) != 2 or not (country.isascii() and country.isalpha() and country.isupper()):
        return 0
    first, second = (ord(letter) - ord("A") for letter in country)
    return first * _LETTERS + second + 1


def country_name(code: int) -> str:
    """Return the two letters of a number that is not 0."""
    first, second = divmod(code - 1, _LETTERS)
    return chr(ord("A") + first) + chr(ord("A") + second)


def build(path: Path, snapshot: Snapshot, go_on: Callable[[], None]) -> None:
    """Write the file. ``go_on`` may raise, to stop early. Takes four bytes of memory a release."""
    rows = snapshot.counts["recordings"]
    if not rows:
        path.touch()
        return
    written = np.memmap(path, ROW, "w+", shape=(rows,))
    _fill_years(written, snapshot, go_on)
    releases, bits = _releases(snapshot), _SourceBits(snapshot)
    last = -1, _UNDATED
    with parquet_file(snapshot.table("tracks")) as tracks:
        for batch in tracks.iter_batches(_BATCH, columns=["recording", "fact", "release"]):
            go_on()
            if batch.num_rows:
                last = _fill_tracks(written, batch, releases, bits, last)
    written.flush()


def _fill_years(written: Rows, snapshot: Snapshot, go_on: Callable[[], None]) -> None:
    first = 0
    with parquet_file(snapshot.table("recordings")) as recordings:
        for batch in recordings.iter_batches(_BATCH, columns=["date"]):
            go_on()
            end = first + batch.num_rows
            written["year"][first:end] = _part(batch["date"], 0, 4)
            first = end


def _fill_tracks(
    written: Rows, batch: pa.RecordBatch, releases: Codes, bits: _SourceBits, last: tuple[int, int]
) -> tuple[int, int]:
    """Note what some tracks say, which come in the order of their recordings.

    Returns the last recording and its earliest release so far, which it takes of the batch before.
    """
    recordings, starts = np.unique(batch["recording"].to_numpy(), return_index=True)
    written["sources"][recordings] |= np.bitwise_or.reduceat(bits.of(batch["fact"].to_numpy()), starts)
    on = pc.fill_null(batch["release"], -1).to_numpy()
    said = np.full(len(on), _UNDATED, np.uint32)
    said[on >= 0] = releases[on[on >= 0]]
    earliest = np.minimum.reduceat(said, starts)
    if recordings[0] == last[0]:
        earliest[0] = min(int(earliest[0]), last[1])
    known = earliest != _UNDATED
    written["country"][recordings[known]] = earliest[known] & ((1 << _COUNTRY_BITS) - 1)
    return int(recordings[-1]), int(earliest[-1])


def _releases(snapshot: Snapshot) -> Codes:
    """Return of every release its date and country in one number: the earliest is the least."""
    found = np.full(snapshot.counts["releases"], _UNDATED, np.uint32)
    first = 0
    with parquet_file(snapshot.table("releases")) as releases:
        for batch in releases.iter_batches(_BATCH, columns=["date", "country"]):
            end = first + batch.num_rows
            country = _countries(batch["country"])
            year, month, day = (_part(batch["date"], *span) for span in ((0, 4), (5, 7), (8, 10)))
            date = np.where(year > 0, year, 4095) << 9
            date |= np.where(month > 0, np.minimum(month, 14), _LATE[0]) << 5
            date |= np.where(day > 0, np.minimum(day, 30), _LATE[1])
            known = country > 0
            found[first:end][known] = (date[known] << _COUNTRY_BITS) | country[known]
            first = end
    return found


def _part(dates: pa.Array, start: int, end: int) -> Codes:
    """Return the digits from one place of ISO dates to another as numbers, 0 where there are none."""
    digits = pc.utf8_slice_codeunits(pc.fill_null(dates, ""), start, end)
    whole = pc.match_substring_regex(digits, f"^[0-9]{{{end - start}}}$")
    return np.asarray(pc.if_else(whole, digits, "0").cast(pa.uint32()))


def _countries(countries: pa.Array) -> Codes:
    encoded = pc.fill_null(countries, "").dictionary_encode()
    codes = np.array([country_code(name) for name in encoded.dictionary.to_pylist()], np.uint32)
    return codes[np.asarray(encoded.indices)] if len(codes) else np.zeros(0, np.uint32)


class _SourceBits:
    """The bit of the source that says a fact, by the fact's number."""

    def __init__(self, snapshot: Snapshot) -> None:
        names = source_names(snapshot)
        others = len(names) - 1
        self._bit = {name: 1 << place for place, name in enumerate(names)}
        self._other = 1 << max(others, 0)
        spans = list(self._spans(snapshot))
        self._firsts = np.array([first for first, _ in spans], np.int64)
        # most parts are of one source: then no array is needed
        self._same = np.array([bits if isinstance(bits, int) else 0 for _, bits in spans], np.uint16)
        self._each = {place: bits for place, (_, bits) in enumerate(spans) if not isinstance(bits, int)}

    def of(self, facts: Integers) -> npt.NDArray[np.uint16]:
        """Return the bits of facts."""
        places = np.searchsorted(self._firsts, facts, side="right") - 1
        found: npt.NDArray[np.uint16] = self._same[places]
        for place, bits in self._each.items():
            inside = places == place
            found[inside] = bits[facts[inside] - self._firsts[place]]
        return found

    def _spans(self, snapshot: Snapshot) -> Iterator[tuple[int, int | npt.NDArray[np.uint16]]]:
        first = 0
        for part in snapshot.tables["facts"]:
            with parquet_file(snapshot.path / part.file) as file:
                only = _only_source(file)
                yield first, self._of(only) if only is not None else self._read(file, part.rows)
            first += part.rows

    def _of(self, source: str) -> int:
        return self._bit.get(source, self._other)

    def _read(self, file: pq.ParquetFile, rows: int) -> npt.NDArray[np.uint16]:
        found, first = np.zeros(rows, np.uint16), 0
        for batch in file.iter_batches(_BATCH, columns=["source"]):
            encoded = batch["source"].dictionary_encode()
            bits = np.array([self._of(name) for name in encoded.dictionary.to_pylist()], np.uint16)
            found[first : first + batch.num_rows] = bits[np.asarray(encoded.indices)]
            first += batch.num_rows
        return found


def _only_source(file: pq.ParquetFile) -> str | None:
    """Return the source of all rows of a file, None where there are several or the file does not tell."""
    column = next((n for n, name in enumerate(file.schema.names) if name == "source"), None)
    if column is None:
        return None
    said: set[tuple[str, str] | None] = set()
    for group in range(file.num_row_groups):
        statistics = file.metadata.row_group(group).column(column).statistics
        told = statistics is not None and statistics.has_min_max and not statistics.null_count
        said.add((statistics.min, statistics.max) if told else None)
    (first, last) = next(iter(said)) or ("", "-") if len(said) == 1 else ("", "-")
    return first if first == last else None
