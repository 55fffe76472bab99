"""Which column of somebody's table means what: a small TOML file beside it, or columns with our own names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phonotheque.model.errors import UsageError
from phonotheque.sources.small_files import read_whole
from phonotheque.sources.table_values import UNITS

LISTS = ("artists", "album_artists", "composers", "genres", "isrcs")
NUMBERS = ("track_number", "track_total", "disc_number")
TEXTS = (
    *("title", "credit", "album", "album_credit", "release_id", "position", "label", "catalogue_number"),
    *("recording_mbid", "track_mbid", "release_mbid", "release_group_mbid"),
    *("date", "country", "release_type", "barcode", "file_sha256"),
)
# What a column may mean: fields of schema.TRACK_FACTS, a length in another unit, and two that are no facts.
FIELDS = (*TEXTS, *LISTS, *NUMBERS, "duration", "duration_ms", "record_id", "listens")
_NAMING = (
    "title",
    "isrcs",
    "recording_mbid",
)  # one of them at least: without it a row says nothing of anything
_SETTINGS = ("source", "separator", "duration_unit", "delimiter", "columns", "constants")
_SUFFIX = ".mapping.toml"
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Mapping:
    """How a table's rows are read. ``label`` stands before the id of each row."""

    label: str
    columns: tuple[tuple[str, str], ...]  # (field, column)
    constants: tuple[tuple[str, Any], ...] = ()  # (field, value) for fields without a column, or an empty one
    separator: str | None = None  # between the members of a list
    duration_unit: str = "seconds"  # of the field “duration”
    delimiter: str | None = None  # between columns; None for that of the file's kind


def mapping_file(table: Path) -> Path | None:
    """Return the mapping beside a table: TABLE.mapping.toml, else mapping.toml in its folder, else None."""
    for path in (table.with_name(table.name + _SUFFIX), table.with_name("mapping.toml")):
        if path.exists():
            return path
    return None


def read_mapping(table: Path) -> Mapping | None:
    """Return the mapping beside a table, or None. Raises UsageError naming the file and its first mistake."""
    path = mapping_file(table)
    if path is None:
        return None
    try:
        written = tomllib.loads(read_whole(path, limit=_LARGEST).decode())
    except ValueError as error:  # also of the encoding
        raise UsageError(
            f"{path} is not valid TOML: {error}.", "Correct it; see the page on tables."
        ) from error
    _only(path, "", written, _SETTINGS)
    columns = _section(path, written, "columns")
    constants = _section(path, written, "constants")
    for field, column in columns.items():
        if not isinstance(column, str):
            raise UsageError(f"{path}: [columns] {field} must be the name of a column, in quotes.")
    for field, value in constants.items():
        if isinstance(value, dict) or field == "record_id":
            raise UsageError(f"{path}: [constants] {field} cannot be the same for every row.")
    texts = {name: _text(path, written, name) for name in _SETTINGS if name not in ("columns", "constants")}
    unit = texts["duration_unit"] or "seconds"
    if unit not in UNITS:
        raise UsageError(f"{path}: duration_unit is “{unit}”.", f"It can be: {', '.join(UNITS)}.")
    if texts["delimiter"] is not None and (len(texts["delimiter"]) != 1 or texts["delimiter"] in '"\r\n'):
        raise UsageError(f"{path}: delimiter must be one character that may stand between columns.")
    return Mapping(
        label=texts["source"] or _label(table),
        columns=tuple(columns.items()),
        constants=tuple(constants.items()),
        separator=texts["separator"],
        duration_unit=unit,
        delimiter=texts["delimiter"],
    )


def checked_mapping(table: Path, mapping: Mapping | None, there: Sequence[str]) -> Mapping:
    """Return the mapping to use for a table with these columns: the one given, or one by our own names.

    Raises UsageError, which lists the columns there are, if one that is named is missing or doubled, or if no
    column can name a recording.
    """
    chosen = mapping or Mapping(_label(table), ())
    if not chosen.columns:
        own = tuple((name, column) for column in there if (name := column.strip().lower()) in FIELDS)
        chosen = Mapping(
            chosen.label, own, chosen.constants, chosen.separator, chosen.duration_unit, chosen.delimiter
        )
    listed = f"The columns are: {', '.join(there)}."
    for field, column in chosen.columns:
        if there.count(column) != 1:
            what = "there is no column" if column not in there else "there is more than one column"
            where = mapping_file(table) or table
            raise UsageError(f"{where}: {what} “{column}” in {table.name}, for {field}.", listed)
    if not any(field in _NAMING for field, _ in chosen.columns):
        raise UsageError(
            f"{table}: no column is known to name recordings ({', '.join(_NAMING)}).",
            f'{listed} Write {table.name}{_SUFFIX} with [columns] and lines such as: title = "Track title"',
        )
    return chosen


def _label(table: Path) -> str:
    return table.name.partition(".")[0] or table.name


def _section(path: Path, written: Table[str, Any], name: str) -> dict[str, Any]:
    section = written.get(name, {})
    if not isinstance(section, dict):
        raise UsageError(f"{path}: {name} must be a table.", f"Write [{name}] on a line of its own.")
    _only(path, f"[{name}] ", section, FIELDS)
    return section


def _only(path: Path, where: str, written: Table[str, Any], known: Sequence[str]) -> None:
    for key in written:
        if key not in known:
            raise UsageError(f"{path}: {where}{key} is not known.", f"Known are: {', '.join(known)}.")


def _text(path: Path, written: Table[str, Any], name: str) -> str | None:
    value = written.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or len(value) > 200:
        raise UsageError(f"{path}: {name} must be a short text, in quotes.")
    return value
