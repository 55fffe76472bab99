"""Whether a catalogue out of somebody else's bag has the shape that what reads it counts on.

Its bytes are those that the publisher signed; what they say may still be anything. Before an index is made
of them and pages read their rows, all tables that are read are gone through once: columns and their types, as
many rows as are told, valid UTF-8, keys that are the places of their rows, and keys of rows of other tables
that are there. So no question leads to a row that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.catalogue.columns import uuids
from phonotheque.catalogue.manifest import Snapshot, TableFile
from phonotheque.catalogue.pages import SORTED
from phonotheque.catalogue.schema import TABLES
from phonotheque.mirrors.audit_catalogue import has_columns
from phonotheque.model.errors import VerificationError

_AT_ONCE: Final = 16_384  # rows
_UNREAD: Final = frozenset({"records", "nonfree"})  # by any page
_PLACE: Final = {"recordings": "recording", "releases": "release", "artists": "artist"}
_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "recordings": {"artists": "artists"},
    "tracks": {"recording": "recordings", "fact": "facts", "release": "releases"},
    "credits": {"artist": "artists", "recording": "recordings"},
    "isrcs": {"recording": "recordings"},
    "files": {"fact": "facts", "recording": "recordings"},
    "listens": {"recording": "recordings"},
    "conflicts": {
        "recording_a": "recordings",
        "recording_b": "recordings",
        "fact_a": "facts",
        "fact_b": "facts",
    },
}
_NEVER_NULL: Final[Mapping[str, tuple[str, ...]]] = {
    "recordings": ("recording", "id", "by_musicbrainz", "artists"),
    "releases": ("release", "id", "by_musicbrainz"),
    "artists": ("artist", "id", "by_musicbrainz", "recordings"),
    "tracks": ("recording", "fact"),
    "credits": ("artist", "recording"),
    "isrcs": ("isrc", "recording"),
    "files": ("sha256", "fact", "recording"),
    "listens": ("recording", "source", "as_of", "listens"),
    "redirects": ("kind", "old_id", "new_id"),
    "conflicts": ("kind", "score", "recording_a", "recording_b"),
}


def check_shape(snapshot: Snapshot, go_on: Callable[[], None] = lambda: None) -> None:
    """Read all tables that are read for pages. Raises VerificationError that names the file.

    What snapshot.json tells was checked before (``check_told``). ``go_on`` is called now and then, and may
    raise, to stop early.
    """
    counts = snapshot.counts
    for table, parts in snapshot.tables.items():
        first = 0
        for part in parts:
            path = snapshot.path / part.file
            try:
                _check_file(path, table, part, first, counts, go_on)
            except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
                raise _wrong(part, f"cannot be read as a table: {error!s:.300}") from error
            first += part.rows


def check_told(snapshot: Snapshot) -> None:
    """Check the types of what snapshot.json tells: it is shown, and reckoned with. VerificationError."""
    for part in snapshot.files:
        if not all(type(number) is int and 0 <= number < 1 << 48 for number in (part.bytes, part.rows)):
            raise _wrong(part, "has no size or number of rows that makes sense")
    for source in snapshot.sources:
        if type(source.source) is not str or any(
            type(number) is not int for number in (source.accessions, source.records)
        ):
            raise VerificationError("snapshot.json: what it tells of sources makes no sense.")
    if type(snapshot.unmatched_listens) is not int or not isinstance(snapshot.previous, str | None):
        raise VerificationError("snapshot.json: its numbers make no sense.")


def _check_file(
    path: Path,
    table: str,
    part: TableFile,
    first: int,
    counts: Mapping[str, int],
    go_on: Callable[[], None],
) -> None:
    if path.stat().st_size != part.bytes:
        raise _wrong(part, "is not as large as snapshot.json says")
    with pq.ParquetFile(path) as file:
        if not has_columns(file.schema_arrow, TABLES[table]):
            raise _wrong(part, f"has not the columns of the table {table}")
        if file.metadata.num_rows != part.rows:
            raise _wrong(part, "has not as many rows as snapshot.json says")
        if table in _UNREAD:
            return
        number, before = 0, -1
        for batch in file.iter_batches(_AT_ONCE):
            go_on()
            batch.validate(full=True)
            before = _check_rows(table, part, batch, first + number, counts, before)
            number += batch.num_rows
        if number != part.rows:
            raise _wrong(part, f"holds {number} rows, not {part.rows}")


def _check_rows(
    table: str, part: TableFile, batch: pa.RecordBatch, first: int, counts: Mapping[str, int], before: int
) -> int:
    """Check some rows; return the last key of a table that is in the order of one."""
    required = {field.name for field in TABLES[table] if not field.nullable} | {*_NEVER_NULL.get(table, ())}
    for name in sorted(required):
        if batch[name].null_count:
            raise _wrong(part, f"lacks values of {name}")
    if table in _PLACE and not np.array_equal(
        batch[_PLACE[table]].to_numpy(), np.arange(first, first + batch.num_rows)
    ):
        raise _wrong(part, "does not number its rows from 0 on")
    if table in ("releases", "artists"):
        uuids(batch["id"], part.file)  # those of recordings are read so by the index
    for name, of in _KEYS.get(table, {}).items():
        column = batch[name]
        keys = pc.drop_null(column.flatten() if pa.types.is_list(column.type) else column).to_numpy()
        if len(keys) and not 0 <= keys.min() <= keys.max() < counts[of]:
            raise _wrong(part, f"names rows that the table {of} does not have, in {name}")
    if table not in SORTED or not batch.num_rows:
        return before
    order = batch[SORTED[table]].to_numpy()
    if order[0] < before or np.any(np.diff(order) < 0):
        raise _wrong(part, f"is not in the order of {SORTED[table]}")
    return int(order[-1])


def _wrong(part: TableFile, what: str) -> VerificationError:
    return VerificationError(
        f"{part.file} {what}.", "It is for its publisher to make a catalogue that is right."
    )
