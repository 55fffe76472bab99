"""Labels: their names in order, and the releases of one by date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from phonotheque.catalogue import pairs
from phonotheque.catalogue.index_labels import LAST_PART, LONGEST, PART, RELEASE, key_of
from phonotheque.catalogue.index_reader import Reader
from phonotheque.model.text import fold

_FIELDS: Final = ("id", "title", "credit", "date", "catalogue_number", "tracks")
_LISTED: Final = """
    SELECT name, releases FROM labels WHERE folded >= ? AND folded > ? AND folded < ? ORDER BY folded LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Label:
    """A label as a list shows it."""

    name: str
    releases: int


@dataclass(frozen=True, slots=True)
class LabelRelease:
    """A release of a label."""

    id: str
    title: str | None
    credit: str | None
    date: str | None
    catalogue_number: str | None
    tracks: int | None


@dataclass(frozen=True, slots=True)
class LabelPage:
    """Releases of a label by date, those without one last; ``following``: how many are before the next."""

    label: Label
    releases: tuple[LabelRelease, ...]
    following: int | None


def listed(index: Reader, beginning: str, after: str, most: int) -> list[Label]:
    """Return labels in the order of their folded names: those that begin so, after the one of that name."""
    first, past = fold(beginning[:LONGEST]), fold(after[:LONGEST])
    rows = index.labels.execute(_LISTED, (first, past, f"{first}\U0010ffff", most))
    return [Label(*row) for row in rows]


def of(index: Reader, name: str, begin: int, most: int) -> LabelPage | None:
    """Return releases of the label of that name, after the first ``begin``; None if there is none."""
    folded = fold(name[:LONGEST])
    row = index.labels.execute("SELECT name, releases FROM labels WHERE folded = ?", (folded,)).fetchone()
    if row is None:
        return None
    label = Label(*row)
    found = list(_releases(index, folded, begin, most))
    rows = index.rows.at("releases", found, (*_FIELDS, "label"))
    # two names can have one key
    own = (rows[key] for key in found if fold((rows[key]["label"] or "")[:LONGEST]) == folded)
    releases = tuple(LabelRelease(**{field: row[field] for field in _FIELDS}) for row in own)
    return LabelPage(label, releases, begin + most if len(found) == most else None)


def _releases(index: Reader, folded: str, begin: int, most: int) -> Iterator[int]:
    """Yield the keys of some releases of a label, from one of them on."""
    part, skipped = min(begin // PART, LAST_PART), begin - min(begin // PART, LAST_PART) * PART
    while most > 0 and part <= LAST_PART:
        places = islice(pairs.find(index.labels, "label", key_of(folded) + part), skipped, skipped + most)
        found = [place & RELEASE for place in places]
        if not found:
            return
        yield from found
        most, part, skipped = most - len(found), part + 1, 0
