"""Words of the vocabulary that a misspelt one may stand for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from rapidfuzz import process
from rapidfuzz.distance import OSA

from phonotheque.catalogue.index_words import COMPLETIONS, LONGEST_CORRECTED, SHORTEST_CORRECTED
from phonotheque.model.text import search_tokens

_LONG = 8  # letters; such a word may have two mistakes
_MOST_COMPARED = 100_000  # words, for each length and side
_MOST_COMPLETIONS = 50_000  # words that begin alike; beginnings of more have a table of their own


def known(words: sqlite3.Connection, term: str) -> bool:
    """Whether some recording has this word."""
    return _recordings(words, term) > 0


def completions(words: sqlite3.Connection, beginning: str) -> tuple[list[str], bool]:
    """Return the most frequent words that begin so, and whether there are more."""
    query = "SELECT term FROM beginning WHERE prefix = ? ORDER BY rank"
    if frequent := [term for (term,) in words.execute(query, (beginning,))]:
        return frequent, True
    query = """
        SELECT term FROM (SELECT * FROM term WHERE term >= ?1 AND term < ?1 || char(0x10ffff) LIMIT ?2)
        ORDER BY recordings DESC, term LIMIT ?3
    """
    found = [term for (term,) in words.execute(query, (beginning, _MOST_COMPLETIONS, COMPLETIONS + 1))]
    return found[:COMPLETIONS], len(found) > COMPLETIONS


def corrections(words: sqlite3.Connection, term: str, most: int) -> list[tuple[str, int]]:
    """Return other words and how many mistakes away they are: the nearest first, then the most frequent.

    A mistake is a letter too many, too few or wrong, or two that changed places: one, or two in a word of
    eight letters or more. Two are not found where one is in the word's first third and one in its last.
    """
    if not SHORTEST_CORRECTED <= len(term) <= LONGEST_CORRECTED or len(search_tokens(term)) != 1:
        return []
    mistakes = 2 if len(term) >= _LONG else 1
    found: dict[str, int] = {}
    for candidates in _alike(words, term, mistakes):
        near = process.extract(term, candidates, scorer=OSA.distance, score_cutoff=mistakes, limit=None)
        found |= {candidate: int(distance) for candidate, distance, _ in near}
    found.pop(term, None)
    ranked = sorted(found, key=lambda other: (found[other], -_recordings(words, other), other))
    return [(other, found[other]) for other in ranked[:most]]


def _alike(words: sqlite3.Connection, term: str, mistakes: int) -> Iterator[list[str]]:
    """Words that have a part in common with this one: few mistakes leave the beginning or the end."""
    part = len(term) // (mistakes + 1)
    for length in range(len(term) - mistakes, len(term) + mistakes + 1):
        yield _beginning(words, "forward", "term", length, term[:part])
        yield [other[::-1] for other in _beginning(words, "backward", "reversed", length, term[::-1][:part])]
    # letters that changed places where the halves meet are in neither half
    swapped = [term[:i] + term[i + 1] + term[i] + term[i + 2 :] for i in range(len(term) - 1)]
    yield [other for other in swapped if known(words, other)]


def _beginning(words: sqlite3.Connection, table: str, column: str, length: int, part: str) -> list[str]:
    query = (
        f"SELECT {column} FROM {table} "  # noqa: S608 — own names
        f"WHERE length = ? AND {column} >= ? AND {column} < ? LIMIT ?"
    )
    rows = words.execute(query, (length, part, part + chr(0x10FFFF), _MOST_COMPARED))
    return [term for (term,) in rows]


def _recordings(words: sqlite3.Connection, term: str) -> int:
    row = words.execute("SELECT recordings FROM term WHERE term = ?", (term,)).fetchone()
    return int(row[0]) if row else 0
