"""Searching page by page: narrowed down by facets, which are counted, with a bound on the work.

The matches of words, or without any all recordings, come in the order of their keys: the most listened first.
The first of them are ranked by how close they are to what was typed (the head); after these come the others
as they are. A place in this list is one in the head, or the key after which it goes on: a page costs as much
wherever it is, and stays what it is as long as its snapshot is asked.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from phonotheque.catalogue.index_reader import Reader
from phonotheque.catalogue.search import (
    LONGEST_QUERY,
    MOST_TRIED,
    Conditions,
    Word,
    beyond,
    corrected,
    ranked,
    words_of,
)
from phonotheque.catalogue.sieve import Chosen, Counts, Sieve, Tables, standings
from phonotheque.catalogue.views import Hit

COUNTED: Final = 20_000  # matches, of which facets are counted
LOOKED: Final = 200_000  # matches that are looked through for a page
CONSIDERED: Final = 100  # most listened matches, among which the closest come first
COUNTED_WITHOUT_WORDS: Final = 200_000  # recordings, likewise: there is no text to be asked
LOOKED_WITHOUT_WORDS: Final = 2_000_000
_AT_ONCE: Final = (1000, 4000, 15_000)  # matches; then as many as the last each time
_SECONDS: Final = 1.0  # after which what was found so far has to do, on a very slow disk

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: in the head, after so many of it, or after the recording with a key."""

    in_head: bool = True
    after: int = 0


BEGINNING: Final = Place()


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of what was found.

    ``held`` says of each hit that it is "held", or that it may also be "heard" by who asks, else "".
    ``total`` counts what is as chosen among the first ``looked`` matches, as do ``counts``; ``whole`` says
    that these are all. ``following`` is the place of the next page, None at the end. Where a page that has a
    next one is not full, no more were found in as many matches as one page may cost.
    """

    hits: tuple[Hit, ...]
    held: tuple[str, ...]
    total: int
    looked: int
    whole: bool
    counts: Counts
    following: Place | None
    corrected: str | None = None


NOTHING: Final = Listed((), (), 0, 0, True, Counts(), None)


def look(
    index: Reader, tables: Tables, query: str, chosen: Chosen, place: Place = BEGINNING, most: int = 20
) -> Listed:
    """Return a page of the recordings that have every word, the last as a beginning, and are as chosen.

    Without words, of all recordings. Where nothing has the words, they are corrected (see ``search``). Raises
    sqlite3.OperationalError (interrupted) when it takes longer than the reader gives it.
    """
    words = words_of(query)
    if not words:
        return _all(index, tables, chosen, place, most)
    for others, text in _meant(index, words, query[:LONGEST_QUERY]):
        matching = _Matching(index, tables, chosen, Conditions.of(index.words, others), text)
        if matching.any():
            listed = matching.page(place, most)
            return listed if others is words else replace(listed, corrected=text)
    return NOTHING


def _meant(index: Reader, words: list[Word], query: str) -> Iterator[tuple[list[Word], str]]:
    yield words, query
    for others in islice(corrected(index.words, words), MOST_TRIED):
        yield others, " ".join(word.text for word in others)


def _all(index: Reader, tables: Tables, chosen: Chosen, place: Place, most: int) -> Listed:
    """Return a page of all recordings that are as chosen."""
    every, deadline = len(tables.rows), time.monotonic() + _SECONDS
    tally = _tallied(_numbers(-1, every), Sieve(tables, chosen), COUNTED_WITHOUT_WORDS, deadline)
    after = -1 if place.in_head else place.after
    parts = _numbers(after, every)
    keys, last = _next(parts, after, most, Sieve(tables, chosen), (), LOOKED_WITHOUT_WORDS, deadline)
    following = None if last is None else Place(False, last)
    return Listed(tuple(index.hits(keys)), standings(tables, keys), *tally, following)


class _Part(NamedTuple):
    """Some matches in order, and whether there are more after them."""

    keys: Integers
    more: bool


class _Matching:
    """What has some words, and of it what is chosen. ``text`` is what was typed, to rank by."""

    def __init__(self, index: Reader, tables: Tables, chosen: Chosen, asked: Conditions, text: str) -> None:
        self._index, self._asked, self._text = index, asked, text
        self._tables, self._chosen = tables, chosen
        self._deadline = time.monotonic() + _SECONDS
        self._known: list[_Part] = []  # the first matches, as far as they were asked for
        self._asking = self._having(asked.all, -1)
        self._further = np.zeros(0, np.int64)  # what ``all`` has not, where that is asked for

    def any(self) -> bool:
        """Whether anything has the words, whatever is chosen."""
        return next(self._first(), None) is not None or bool(beyond(self._index, self._asked))

    def page(self, place: Place, most: int) -> Listed:
        """Return one page, and what every page says."""
        head, last = self._head(most)
        counted = chain(self._first(), [_Part(self._further, False)] if self._further.size else ())
        total, looked, whole, counts = _tallied(counted, self._sieve(), COUNTED, self._deadline)
        if last is None:  # then the head is all there is
            total = max(total, len(head))
        keys, after = list[int](), place.after
        following: Place | None = None
        if place.in_head:
            keys += ranked(self._index, head, self._text)[place.after : place.after + most]
            if place.after + most < len(head):
                following, last = Place(True, place.after + most), None
            after = -1 if last is None else last
        if not place.in_head or last is not None:
            parts = self._having(self._asked.all, after)
            left = most - len(keys)
            more, reached = _next(parts, after, left, self._sieve(), head, LOOKED, self._deadline)
            keys += more
            following = None if reached is None else Place(False, reached)
        hits = self._index.hits(keys)
        held = standings(self._tables, keys)
        return Listed(tuple(hits), held, total, looked, whole, counts, following)

    def _head(self, most: int) -> tuple[set[int], int | None]:
        """Return what is ranked, and the key after which the rest comes; None where that is all."""
        sieve, found, looked = self._sieve(), list[int](), 0
        if sieve.hopeless:
            return set(), None
        for keys, more in self._first():
            passing = sieve.passing(keys)
            room = CONSIDERED - len(found)
            found += passing[:room].tolist()
            looked += keys.size
            if len(found) == CONSIDERED and (more or passing.size > room):
                return {*found, *self._exact(sieve)}, found[-1]
            enough = looked >= LOOKED or (looked >= COUNTED and len(found) >= most)
            if more and (enough or time.monotonic() > self._deadline):
                return set(found), int(keys[-1])
        if len(found) < most:
            known = [part.keys for part in self._known]
            further = np.array(beyond(self._index, self._asked), np.int64)
            self._further = np.setdiff1d(further, np.concatenate([self._further, *known]))
            found += sieve.passing(self._further).tolist()
        return set(found), None

    def _exact(self, sieve: Sieve) -> list[int]:
        """The first matches that have the last word as it was typed: what is closest may be among them."""
        found = list[int]()
        if self._asked.exact != self._asked.all:
            for keys, _ in islice(self._having(self._asked.exact, -1), len(_AT_ONCE)):
                found += sieve.passing(keys)[: CONSIDERED - len(found)].tolist()
                if len(found) == CONSIDERED:
                    break
        return found

    def _sieve(self) -> Sieve:
        return Sieve(self._tables, self._chosen)

    def _first(self) -> Iterator[_Part]:
        """All matches from the first on; what was asked for before is not asked again."""
        yield from self._known
        for part in self._asking:
            self._known.append(part)
            yield part

    def _having(self, condition: str, after: int) -> Iterator[_Part]:
        for size in _sizes():
            # one text for many keys: SQLite writes it while other threads run
            (text,) = self._index.words.execute(
                "SELECT group_concat(key) FROM "
                "(SELECT rowid AS key FROM words WHERE words MATCH ? AND rowid > ? ORDER BY rowid LIMIT ?)",
                (condition, after, size + 1),
            ).fetchone()
            if text is None:
                return
            keys = np.fromstring(text, np.int64, sep=",")
            yield _Part(keys[:size], keys.size > size)
            if keys.size <= size:
                return
            after = int(keys[size - 1])


def _sizes() -> Iterator[int]:
    yield from _AT_ONCE
    while True:
        yield _AT_ONCE[-1]


def _numbers(after: int, every: int) -> Iterator[_Part]:
    first = after + 1
    for size in _sizes():
        if first >= every:
            return
        end = min(first + 10 * size, every)
        yield _Part(np.arange(first, end, dtype=np.int64), end < every)
        first = end


def _tallied(
    parts: Iterable[_Part], sieve: Sieve, most: int, deadline: float
) -> tuple[int, int, bool, Counts]:
    """Count what passes among so many matches: how many, of how many, whether these are all, and by facet."""
    total = looked = 0
    more = False
    for part in parts:
        total += sieve.count(part.keys).size
        looked += part.keys.size
        more = part.more
        if looked >= most or time.monotonic() > deadline:
            break
    return total, looked, not more, sieve.counts()


def _next(
    parts: Iterable[_Part],
    after: int,
    most: int,
    sieve: Sieve,
    but: Collection[int],
    bound: int,
    deadline: float,
) -> tuple[list[int], int | None]:
    """Return the first keys that pass, but for some, and the key after which to go on; None at the end."""
    found, looked, last = list[int](), 0, after
    if sieve.hopeless:
        return [], None
    for keys, more in parts:
        for key in sieve.passing(keys).tolist():
            if key in but:
                continue
            if len(found) == most:
                return found, last
            found.append(key)
            last = key
        looked += keys.size
        if more and (looked >= bound or time.monotonic() > deadline):
            return found, int(keys[-1])
    return found, None
