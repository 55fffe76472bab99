"""Many facts at once, as columns, as they are compared: what ``normalise.normal_fact`` says of each row.

Millions of records come in, so that this is written for speed: a column is looked at as a whole where nearly
all of it is as it should be, and one by one only where it is not; what a release's tracks have in common is
worked out once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from phonotheque.catalogue.normalise import (
    LONGEST_MS,
    MOST_NUMBER,
    Complain,
    as_many,
    checked,
    people_of,
    release_key,
    shown_all,
    valid_digest,
    valid_isrcs,
    valid_length,
    valid_number,
)
from phonotheque.catalogue.schema import FACTS
from phonotheque.model.identifiers import parse_barcode, parse_mbid
from phonotheque.model.text import fold_all, nfc, title_key

# What may differ between the tracks of one release; all else is the release's.
CREDITED = ("artists", "credit", "artist_mbids", "artist_ids")
OF_TRACKS = (
    *("source_id", "track_mbid", "recording_mbid", "isrcs", "title", "duration_ms", "composers"),
    *CREDITED,
    *("track_number", "track_total", "disc_number", "position"),
)
_OF_RELEASES = tuple(
    name
    for name in FACTS.names
    if name not in OF_TRACKS and name not in ("title_key", "people", "artist_keys")
)
_SHOWN = ("album", "label", "catalogue_number", "release_type", "country", "date")
_LONGEST_KEPT = 2000  # characters of a title that its key is made of (model.text)
_UUID_SHAPE = b"hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh,"
_HEX_AS_H = bytes.maketrans(b"0123456789abcdefh", b"h" * 16 + b"?")
_TEXT, _TEXTS, _NUMBER = pa.string(), pa.list_(pa.string()), pa.int32()

# Told of a value that is left out: the number of its release, its field, the value, and why.
ComplainOf = Callable[[int, str, object, str], None]

_mbid = lru_cache(maxsize=1 << 12)(parse_mbid)


def normal_tracks(
    releases: Sequence[Mapping[str, Any]],
    counts: Sequence[int],
    tracks: Mapping[str, Sequence[Any]],
    complain: ComplainOf,
) -> pa.Table:
    """Return rows of ``schema.FACTS``: a row for each track, in their order.

    ``releases`` are the fields of ``schema.TRACK_FACTS`` that the next ``counts`` tracks have in common;
    ``tracks`` are a column for each of ``OF_TRACKS``. What is not valid is left out, and ``complain`` told.
    Raises UsageError for a hash that is none.
    """
    owners = np.repeat(np.arange(len(releases)), counts)
    columns = _track_columns(tracks, owners, complain)
    shared = _release_columns(releases, complain)
    firsts = np.cumsum([0, *counts])
    artists = columns["artists"]
    shared["release_key"] = [
        release_key(row, row["album_artists"] or (artists[int(first)].as_py()[:1] if count else []))
        for row, first, count in zip(_rows(shared), firsts[:-1], counts, strict=True)
    ]
    if len(owners) == len(releases):
        made = {name: pa.array(values, FACTS.field(name).type) for name, values in shared.items()}
    else:
        made = {name: _spread(values, owners, FACTS.field(name).type) for name, values in shared.items()}
    return pa.Table.from_arrays([(columns | made)[name] for name in FACTS.names], schema=FACTS)


def _release_columns(releases: Sequence[Mapping[str, Any]], complain: ComplainOf) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: [release.get(name) for release in releases] for name in _OF_RELEASES
    }
    for field in _SHOWN:
        columns[field] = _shown(columns[field])
    for field in ("album_artists", "genres"):
        columns[field] = [shown_all(texts) if texts else [] for texts in columns[field]]
    for field in ("release_mbid", "release_group_mbid"):
        columns[field] = _mbids(field, columns[field], None, complain)
    columns["barcode"] = [parse_barcode(text) if text else None for text in columns["barcode"]]
    for field in ("file_sha256", "pcm_sha256"):
        columns[field] = [None if text is None else valid_digest(text) for text in columns[field]]
    columns["album_credit"] = [
        line or ", ".join(artists) or None
        for line, artists in zip(_shown(columns["album_credit"]), columns["album_artists"], strict=True)
    ]
    return columns


def _track_columns(
    tracks: Mapping[str, Sequence[Any]], owners: NDArray[np.int64], complain: ComplainOf
) -> dict[str, pa.Array]:
    columns = {
        "source_id": pa.array(tracks["source_id"], _TEXT),
        "position": pa.array(_shown(tracks["position"]), _TEXT),
        "isrcs": _lists(tracks["isrcs"], valid_isrcs, owners, complain),
        "composers": _lists(tracks["composers"], lambda texts, _: shown_all(texts), owners, complain),
        "duration_ms": _lengths(tracks["duration_ms"], owners, complain),
    }
    for field in ("track_mbid", "recording_mbid"):
        columns[field] = pa.array(_mbids(field, tracks[field], owners, complain), _TEXT)
    for field in ("track_number", "track_total", "disc_number"):
        columns[field] = _places(field, tracks[field], owners, complain)
    titles = _shown(tracks["title"])
    credited, numbers = _credits([tracks[name] for name in CREDITED])
    artists = [tuple(row[0]) for row in credited]
    keys = fold_all([name for names in artists for name in names])
    ends = np.cumsum([0, *map(len, artists)])
    columns["title"] = pa.array(titles, _TEXT)
    columns["title_key"], columns["people"] = _title_keys(titles, artists, numbers)
    columns["artist_keys"] = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(keys, _TEXT)).take(
        pa.array(numbers)
    )
    for place, name in enumerate(CREDITED):
        columns[name] = _spread([row[place] for row in credited], numbers, FACTS.field(name).type)
    return columns


def _credits(columns: Sequence[Sequence[Any]]) -> tuple[list[tuple[Any, ...]], NDArray[np.int64]]:
    """Return the different credits, as their rows of ``CREDITED``, and for each track the number of its own.

    Only neighbours are compared: on a release most are the same.
    """
    credited: list[tuple[Any, ...]] = []
    numbers: list[int] = []
    before: tuple[Any, ...] | None = None
    for row in zip(*columns, strict=True):
        if row != before:
            credited.append(_credit(*row))
            before = row
        numbers.append(len(credited) - 1)
    return credited, np.array(numbers, np.int64)


def _credit(
    names: Iterable[str | None] | None,
    line: str | None,
    mbids: Sequence[str | None] | None,
    ids: Sequence[str | None] | None,
) -> tuple[list[str], str | None, list[str | None], list[str | None]]:
    artists = shown_all(names)
    shown = _nfc(line) if line else ", ".join(artists)
    return (
        artists,
        shown or None,
        as_many([_mbid(text) if text else None for text in mbids or ()], artists),
        as_many(list(ids or ()), artists),
    )


def _title_keys(
    titles: list[str | None], artists: list[tuple[str, ...]], numbers: NDArray[np.int64]
) -> tuple[pa.Array, pa.Array]:
    """Return the columns ``title_key`` and ``people``."""
    keys: list[str | None] = [key or None for key in fold_all([title or "" for title in titles])]
    everyone = [people_of(names, "") for names in artists]
    places = numbers.copy()
    for place, key in enumerate(keys):
        title = titles[place]
        # What names guests says so in its key, too; few titles do.
        if title and key and ("ft" in key or "feat" in key or len(title) > _LONGEST_KEPT):
            keys[place] = title_key(title) or None
            everyone.append(people_of(artists[numbers[place]], title))
            places[place] = len(everyone) - 1
    return pa.array(keys, _TEXT), _spread(everyone, places, _TEXTS)


def _shown(texts: Sequence[str | None]) -> list[str | None]:
    """Each as ``model.text.nfc`` has it, or None."""
    shown = list(texts)
    for place, text in enumerate(shown):
        if text is not None and not _is_plain(text):
            shown[place] = nfc(text) or None
    return shown


def _nfc(text: str) -> str:
    return text if _is_plain(text) else nfc(text)


def _is_plain(text: str) -> bool:
    """Whether ``nfc`` would surely leave a text as it is."""
    return (
        text != ""
        and text.isprintable()
        and "  " not in text
        and text == text.strip()
        and (text.isascii() or unicodedata.is_normalized("NFC", text))
    )


def _mbids(
    field: str, texts: Sequence[str | None], owners: NDArray[np.int64] | None, complain: ComplainOf
) -> list[str | None]:
    """Return the valid ones, None for the others. One look at all: they are nearly always right."""
    present = [text for text in texts if text]
    joined = ",".join([*present, ""])
    if joined.isascii() and joined.encode().translate(_HEX_AS_H) == _UUID_SHAPE * len(present):
        return list(texts) if len(present) == len(texts) else [text or None for text in texts]
    return [
        checked(field, text, _mbid, _of(place, owners, complain)) if text else None
        for place, text in enumerate(texts)
    ]


def _lists(
    lists: Sequence[Any],
    normal: Callable[[Any, Complain], list[str]],
    owners: NDArray[np.int64],
    complain: ComplainOf,
) -> pa.Array:
    if not any(lists):
        return _spread([[]], np.zeros(len(lists), np.int64), _TEXTS)
    return pa.array(
        [normal(texts, _of(place, owners, complain)) if texts else [] for place, texts in enumerate(lists)],
        _TEXTS,
    )


def _lengths(lengths: Sequence[int | None], owners: NDArray[np.int64], complain: ComplainOf) -> pa.Array:
    column = _within(lengths, LONGEST_MS)
    if column is None:
        return pa.array(
            [valid_length(length, _of(place, owners, complain)) for place, length in enumerate(lengths)],
            _NUMBER,
        )
    return pc.if_else(pc.equal(column, 0), None, column)


def _places(
    field: str, numbers: Sequence[int | None], owners: NDArray[np.int64], complain: ComplainOf
) -> pa.Array:
    column = _within(numbers, MOST_NUMBER)
    if column is None:
        return pa.array(
            [valid_number(field, number, _of(at, owners, complain)) for at, number in enumerate(numbers)],
            _NUMBER,
        )
    return column


def _within(numbers: Sequence[int | None], most: int) -> pa.Array | None:
    """Return a column if all numbers in it are from 0 to ``most``."""
    try:
        column = pa.array(numbers, pa.int64())
    except (pa.ArrowInvalid, OverflowError):  # beyond 64 bits
        return None
    least, greatest = pc.min_max(column).as_py().values()
    if least is not None and (least < 0 or greatest > most):
        return None
    return column.cast(_NUMBER)


def _spread(values: Sequence[Any], places: NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    """Return a column with the value at each of these places."""
    if values.count(None) == len(values):
        return pa.nulls(len(places), kind)
    return pa.array(values, kind).take(pa.array(places))


def _rows(columns: Mapping[str, Sequence[Any]]) -> Iterable[dict[str, Any]]:
    names = list(columns)
    return (dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True))


def _of(place: int, owners: NDArray[np.int64] | None, complain: ComplainOf) -> Complain:
    return partial(complain, place if owners is None else int(owners[place]))
