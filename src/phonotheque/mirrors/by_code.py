"""Which recordings have an ISRC, as an edition's catalogue says: of its tables only what tells is fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.editions.edition import Edition
from phonotheque.editions.metainfo import TorrentMeta
from phonotheque.editions.shelves import bags_folder
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.transfer import find_torrent
from phonotheque.mirrors.verified_file import VerifiedFile
from phonotheque.model.errors import NotFoundError, VerificationError

_ISRC = re.compile(r"[A-Z]{2}-?[A-Z0-9]{3}-?[0-9]{2}-?[0-9]{5}")


def as_isrc(text: str) -> str | None:
    """Return the twelve characters of an ISRC (ISO 3901), with hyphens or without; None if it is none."""
    code = text.strip().upper()
    return code.replace("-", "") if _ISRC.fullmatch(code) else None


def recordings_of(origin: Origin, public: Path, edition: Edition, isrc: str) -> frozenset[str]:
    """Return the ids of the recordings that have an ISRC, in their catalogue's opinion.

    Raises NotFoundError when the edition has no such table, VerificationError when it makes no sense.
    """
    entry = next(entry for entry in edition.bags if entry.id == edition.catalogue.bag)
    _, meta = find_torrent(origin, public, entry)
    shown = f"{bags_folder(entry.audience)}/{entry.id}"
    isrcs = _table(origin, shown, meta, "isrcs.parquet")
    keys: set[int] = set()
    try:
        for group in _groups_with(isrcs, isrc):
            table = isrcs.read_row_group(group, columns=["isrc", "recording"])
            keys |= set(table.filter(pc.equal(table["isrc"], isrc))["recording"].to_pylist())
        if not keys:
            return frozenset()
        return frozenset(_ids(_table(origin, shown, meta, "recordings.parquet"), keys))
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise VerificationError(f"the catalogue in {entry.id} makes no sense: {error}.") from error


def _table(origin: Origin, shown: str, meta: TorrentMeta, name: str) -> Any:
    found = [file for file in meta.files if file.path.endswith(f"/{name}")]
    if len(found) != 1:
        raise NotFoundError(
            f"The catalogue of this edition has no table {name}.", "Ask by the recording's id instead."
        )
    place = VerifiedFile(origin, f"{shown}/{found[0].path}", meta, found[0])
    try:
        return pq.ParquetFile(place)
    except pa.ArrowException as error:
        raise VerificationError(f"{found[0].path} is no table: {error}.") from error


def _groups_with(table: Any, isrc: str) -> list[int]:
    """Return the parts of a table whose range of ISRCs holds one; those of which no range is known, too."""
    found = []
    column = table.schema_arrow.get_field_index("isrc")
    for group in range(table.num_row_groups):
        range_ = table.metadata.row_group(group).column(column).statistics
        known = range_ is not None and range_.has_min_max
        if not known or range_.min <= isrc <= range_.max:
            found.append(group)
    return found


def _ids(table: Any, keys: set[int]) -> set[str]:
    """Return the ids of recordings by their keys, which are their places in the table."""
    found, first = set(), 0
    for group in range(table.num_row_groups):
        count = table.metadata.row_group(group).num_rows
        here = {key - first for key in keys if first <= key < first + count}
        if here:
            ids = table.read_row_group(group, columns=["id"])["id"]
            found |= {str(ids[place].as_py()) for place in here}
        first += count
    return found
