"""Search: recordings by words, completed as they are typed and corrected where they are misspelt."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from phonotheque.catalogue.index_reader import Reader
from phonotheque.catalogue.index_words import stored
from phonotheque.catalogue.spelling import completions, corrections, known
from phonotheque.catalogue.views import Hit
from phonotheque.model.text import fold, query_terms, search_tokens

SECONDS = 2.0  # that a search may take
CONSIDERED = 200  # most listened matches, among which the closest come first
_LOOKED_THROUGH = 500  # matches of the finished words, where a beginning has too many completions
LONGEST_QUERY = 1000  # characters
_MOST_WORDS = 32
MOST_TRIED = 12  # corrected queries
_CANDIDATES = 5  # for a word
_MOST_CORRECTED = 4  # words
_MOST_COMBINED = 625  # ways to correct them


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found; ``corrected`` is what was searched for where the words typed found nothing."""

    hits: tuple[Hit, ...]
    corrected: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A word as typed, and the tokens that a recording must have: several for a run without spaces."""

    text: str
    tokens: tuple[str, ...]

    @classmethod
    def of(cls, tokens: Sequence[str]) -> Word:
        """Return a word of ``model.text.query_terms``."""
        return cls(tokens[0] + "".join(pair[-1] for pair in tokens[1:]), tuple(map(stored, tokens)))

    @property
    def single(self) -> bool:
        """Whether it is one token that may be completed, unlike the pairs of runs without spaces."""
        return len(self.tokens) == 1 and len(search_tokens(self.text)) == 1


def search(index: Reader, query: str, limit: int) -> Found:
    """Return recordings that have every word, the last as a beginning; the closest and most listened first.

    Anything may be typed; what is beyond 1,000 characters or 32 words is not looked at. Where nothing is
    found, words are corrected.
    """
    words = words_of(query)
    if not words or limit < 1:
        return Found(())
    if keys := _matches(index, words, limit):
        return Found(_closest(index, keys, query[:LONGEST_QUERY], limit))
    for others in islice(corrected(index.words, words), MOST_TRIED):
        if keys := _matches(index, others, limit):
            text = " ".join(word.text for word in others)
            return Found(_closest(index, keys, text, limit), text)
    return Found(())


def words_of(query: str) -> list[Word]:
    """Return the words of a query, as many as are looked at."""
    return [Word.of(tokens) for tokens in query_terms(query[:LONGEST_QUERY])][:_MOST_WORDS]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a recording must have, as FTS5 is asked.

    ``all`` is for every match, ``exact`` for those that have the last word as it was typed. ``finished`` is
    for the words before one that is the beginning of so many others that ``all`` has not every one of them;
    None where it has.
    """

    all: str
    exact: str
    finished: str | None = None
    beginning: str = ""

    @classmethod
    def of(cls, words: sqlite3.Connection, typed: Sequence[Word]) -> Conditions:
        """Return the conditions for some words, of which there must be one."""
        *before, last = typed
        required = [_quoted(token) for word in before for token in word.tokens]
        exact = " AND ".join([*required, *map(_quoted, last.tokens)])
        if not last.single:
            return cls(exact, exact)
        longer, more = completions(words, last.tokens[0])
        any_of = " OR ".join(map(_quoted, dict.fromkeys((last.tokens[0], *longer))))
        finished = " AND ".join(required) if more and required else None
        return cls(" AND ".join([*required, f"({any_of})"]), exact, finished, last.tokens[0])


def _matches(index: Reader, words: Sequence[Word], limit: int) -> set[int]:
    """The most listened recordings that have all words, and those that have the last one as a beginning."""
    considered = max(CONSIDERED, limit)
    asked = Conditions.of(index.words, words)
    found = set(_having(index.words, asked.exact, considered))
    if asked.all != asked.exact:
        found |= set(_having(index.words, asked.all, considered))
    return found | set(beyond(index, asked)) if len(found) < limit else found


def beyond(index: Reader, asked: Conditions) -> list[int]:
    """Return more recordings that show the last word as a beginning, where too many words begin so.

    The first that have all other words are looked through for it.
    """
    if asked.finished is None:
        return []
    keys = _having(index.words, asked.finished, _LOOKED_THROUGH)
    return [
        key
        for key, (title, artist) in zip(keys, index.names(keys), strict=True)
        if any(token.startswith(asked.beginning) for token in search_tokens(f"{title or ''} {artist or ''}"))
    ]


def _having(words: sqlite3.Connection, condition: str, most: int) -> list[int]:
    query = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid LIMIT ?"
    return [key for (key,) in words.execute(query, (condition, most))]


def _quoted(token: str) -> str:
    return '"' + token.replace('"', '""') + '"'


def corrected(words: sqlite3.Connection, typed: Sequence[Word]) -> Iterator[list[Word]]:
    """What may have been meant, the likeliest first.

    Words that no recording has are corrected, all of them; if all are known but not together, one at a time.
    """
    last = typed[-1]
    unknown = [
        place
        for place, word in enumerate(typed)
        if len(word.tokens) == 1
        and not known(words, word.tokens[0])
        and not (word is last and completions(words, word.tokens[0])[0])
    ]
    if len(unknown) > _MOST_CORRECTED:
        return
    places = unknown or range(len(typed))
    near = {place: corrections(words, typed[place].text, _CANDIDATES) for place in places}
    if unknown:
        chosen = islice(product(*(near[place] for place in unknown)), _MOST_COMBINED)
        changes = [dict(zip(unknown, choice, strict=True)) for choice in chosen]
    else:
        changes = [{place: choice} for place in places for choice in near[place]]
    for change in sorted(changes, key=lambda change: sum(mistakes for _, mistakes in change.values())):
        yield [
            Word(change[place][0], (change[place][0],)) if place in change else word
            for place, word in enumerate(typed)
        ]


def ranked(index: Reader, keys: Iterable[int], query: str) -> list[int]:
    """Return recordings, the closest to what was typed first, then the most listened."""
    wanted, order = fold(query), sorted(keys)
    far = {key: _distance(*names, wanted) for key, names in zip(order, index.names(order), strict=True)}
    return sorted(order, key=far.__getitem__)


def _closest(index: Reader, keys: Iterable[int], query: str, limit: int) -> tuple[Hit, ...]:
    return tuple(index.hits(ranked(index, keys, query)[:limit]))


def _distance(title: str | None, artist: str | None, wanted: str) -> int:
    title, artist = fold(title or ""), fold(artist or "")
    if wanted in (title, f"{artist} {title}", f"{title} {artist}"):
        return 0
    if wanted == artist:
        return 1
    if title.startswith(wanted):
        return 2
    return 3 if wanted in title or wanted in artist else 4
