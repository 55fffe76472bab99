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
_CONSIDERED = 200  # most listened matches, among which the closest come first
_LOOKED_THROUGH = 500  # matches of the finished words, where a beginning has too many completions
_LONGEST_QUERY = 1000  # characters
_MOST_WORDS = 32
_MOST_TRIED = 12  # corrected queries
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
    words = [Word.of(tokens) for tokens in query_terms(query[:_LONGEST_QUERY])][:_MOST_WORDS]
    if not words or limit < 1:
        return Found(())
    if keys := _matches(index, words, limit):
        return Found(_ranked(index, keys, query[:_LONGEST_QUERY], limit))
    for corrected in islice(_corrected(index.words, words), _MOST_TRIED):
        if keys := _matches(index, corrected, limit):
            text = " ".join(word.text for word in corrected)
            return Found(_ranked(index, keys, text, limit), text)
    return Found(())


def _matches(index: Reader, words: Sequence[Word], limit: int) -> set[int]:
    """The most listened recordings that have all words, and those that have the last one as a beginning."""
    considered = max(_CONSIDERED, limit)
    *finished, last = words
    required = [token for word in finished for token in word.tokens]
    found = set(_having(index.words, [*map(_quoted, required), *map(_quoted, last.tokens)], considered))
    if not last.single:
        return found
    longer, more = completions(index.words, last.tokens[0])
    any_of = " OR ".join(_quoted(term) for term in longer if term != last.tokens[0])
    if any_of:
        found |= set(_having(index.words, [*map(_quoted, required), f"({any_of})"], considered))
    if more and finished and len(found) < limit:
        keys = _having(index.words, map(_quoted, required), _LOOKED_THROUGH)
        found |= {key for key in keys if _shows(index, key, last.tokens[0])}
    return found


def _having(words: sqlite3.Connection, conditions: Iterable[str], most: int) -> list[int]:
    query = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid LIMIT ?"
    return [key for (key,) in words.execute(query, (" AND ".join(conditions), most))]


def _quoted(token: str) -> str:
    return '"' + token.replace('"', '""') + '"'


def _shows(index: Reader, recording: int, beginning: str) -> bool:
    return any(
        token.startswith(beginning)
        for hit in index.hits([recording])
        for token in search_tokens(f"{hit.title or ''} {hit.artist or ''}")
    )


def _corrected(words: sqlite3.Connection, typed: Sequence[Word]) -> Iterator[list[Word]]:
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


def _ranked(index: Reader, keys: Iterable[int], query: str, limit: int) -> tuple[Hit, ...]:
    """The closest to what was typed first; a stable sort keeps the order of listens."""
    wanted = fold(query)
    hits = sorted(index.hits(sorted(keys)), key=lambda hit: _distance(hit, wanted))
    return tuple(hits[:limit])


def _distance(hit: Hit, wanted: str) -> int:
    title, artist = fold(hit.title or ""), fold(hit.artist or "")
    if wanted in (title, f"{artist} {title}", f"{title} {artist}"):
        return 0
    if wanted == artist:
        return 1
    if title.startswith(wanted):
        return 2
    return 3 if wanted in title or wanted in artist else 4
