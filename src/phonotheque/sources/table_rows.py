"""One row of somebody's table → a track, a count of listens, and what of it makes no sense."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from collections.abc import Mapping as Row
from decimal import Decimal
from typing import Any

from phonotheque.model.identifiers import parse_barcode, parse_isrc, parse_mbid
from phonotheque.model.normal import country_code, parse_date, release_type
from phonotheque.sources.gather import Gather
from phonotheque.sources.table_mapping import LISTS, NUMBERS, TEXTS, Mapping
from phonotheque.sources.table_values import milliseconds, whole_number

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_MOST_LISTENS = 10**12  # of one row: more than anybody counted for a recording
# Texts with a normal form of their own, and what one is that has none.
_NORMAL: dict[str, tuple[Callable[[str], str | None], str]] = {
    "date": (parse_date, "is no date"),
    "country": (country_code, "is no country"),
    "release_type": (release_type, "is no type of release"),
    "barcode": (parse_barcode, "is no valid UPC, EAN or GTIN-14"),
    "file_sha256": (lambda text: text if _SHA256.fullmatch(text) else None, "is no SHA-256"),
}


def read_row(values: Row[str, Any], mapping: Mapping, raw: str, gather: Gather) -> None:
    """Keep a row as it came and give what it says. ``gather.position`` is its number."""
    given = _given(values, mapping)
    gather.record_id = f"{mapping.label}:{_own_id(given, gather)}"
    gather.record("row", gather.record_id, raw)
    facts: dict[str, Any] = {}
    for field, value in given.items():
        try:
            if (known := _value(field, value, mapping)) is not None:
                facts["duration_ms" if field == "duration" else field] = known
        except ValueError as error:
            if field == "title":
                gather.reject("record", f"the title {error}", field=field, value=value)
                return
            gather.reject("value", str(error), field=field, value=value)
    listens = facts.pop("listens", None)
    if facts.get("title"):
        gather.track(**facts, record_id=gather.record_id, source_id=gather.record_id)
    counted = _count(listens, facts, gather)
    if not facts.get("title") and not counted:
        gather.reject("record", "has no title, and no listens of an ISRC or MBID")


def _given(values: Row[str, Any], mapping: Mapping) -> dict[str, Any]:
    """Return the values by our fields, with constants where the row has nothing."""
    given = {field: values.get(column) for field, column in mapping.columns}
    constants = {field: value for field, value in mapping.constants if given.get(field) in (None, "")}
    return given | constants


def _own_id(given: dict[str, Any], gather: Gather) -> str:
    """Return the row's own id, else its number."""
    own = given.pop("record_id", None)
    try:
        return _text(own) or str(gather.position)
    except ValueError as error:
        gather.reject("value", str(error), field="record_id", value=own)
        return str(gather.position)


def _value(field: str, value: Any, mapping: Mapping) -> Any:
    if field in LISTS:
        return _list(value, mapping.separator)
    if field in NUMBERS or field == "listens":
        return whole_number(_unfloat(value))
    if field in ("duration", "duration_ms"):
        return milliseconds(_unfloat(value), mapping.duration_unit if field == "duration" else "milliseconds")
    assert field in TEXTS
    text = _text(value)
    if text and field in _NORMAL:
        parse, wrong = _NORMAL[field]
        if (normal := parse(text)) is None:
            raise ValueError(wrong)
        return normal
    return text


def _count(listens: int | None, facts: dict[str, Any], gather: Gather) -> bool:
    if not listens:
        return False
    if not 0 < listens <= _MOST_LISTENS:
        gather.reject("value", "is no count of listens", field="listens", value=listens)
        return False
    codes = [code for text in facts.get("isrcs") or () if (code := parse_isrc(text))]
    mbid = parse_mbid(facts.get("recording_mbid") or "")
    title, artist = facts.get("title"), facts.get("credit") or ", ".join(facts.get("artists") or ())
    if not (mbid or codes or (title and artist)):
        return False
    gather.listen(
        listens, recording_mbid=mbid, isrc=codes[0] if codes else None, title=title, artist=artist or None
    )
    return True


def _list(value: Any, separator: str | None) -> list[str]:
    if isinstance(value, list | tuple):
        return [text for member in value if (text := _text(member))]
    text = _text(value)
    if not text:
        return []
    return [part.strip() for part in text.split(separator) if part.strip()] if separator else [text]


def _text(value: Any) -> str | None:
    """Return a text, also of a number. Raises ValueError for what is neither."""
    value = _unfloat(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError("is no text")
    return str(value).strip() or None


def _unfloat(value: Any) -> Any:
    """Return a whole number as such (tables with gaps keep them as floats), and None for “not a number”."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if value.is_integer():
            return int(value)
    return value
