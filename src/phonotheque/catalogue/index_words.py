"""Full text: the words of every recording in FTS5, and the vocabulary that completes and corrects queries.

The row ids are the recordings' keys, so that the first that match are the most listened. A recording's words
are those of its title and credit, of the other titles and credits it was merged from, and of its releases.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from phonotheque.model.text import fold, search_tokens

LONGEST_TERM = 40  # characters; longer ones are found, but neither completed nor corrected
COMPLETIONS = 64  # of a beginning, at most: the most frequent words
SHORTEST_CORRECTED = 3
LONGEST_CORRECTED = 30
_CROWDED = 2000  # words; beginnings of more are completed from a table of their own
_LONGEST_TEXT = 500  # characters of a title that are indexed
_MOST = 50  # releases, and other titles, of a recording that are indexed
_AT_ONCE = 200_000  # texts given to FTS5

# Marks that part words in ASCII. A text of nothing but marks ("!!!") keeps them, in letters of private use.
_MARKS = "".join(chr(i) for i in range(0x21, 0x7F) if not chr(i).isalnum())
# U+180E is no space since 2013, but SQLite still parts words at it: it is left out of them.
_AS_LETTERS = {ord(mark): 0xE000 + ord(mark) for mark in _MARKS} | {0x180E: None}
# ASCII with a word in it, which SQLite folds and parts as search_tokens does; but not guests ("ft.")
_PLAIN = "^[ -~]*[0-9A-Za-z][ -~]*$"
_GUEST = "(?i)[^0-9A-Za-z](ft|featuring)[^0-9A-Za-z]"
_END = "\ue0ff"
_OTHER_SCRIPTS = re.compile(r"\S*[\u0e00-\ud7ff\uf900-\U0010ffff]\S*")  # maybe without spaces

# The text table keeps no text (content='') and no places of words (detail=none): of a run without spaces, all
# pairs must be there, wherever. All that is not white space or such a mark is part of a token.
_SEPARATORS = _MARKS.replace("'", "''").replace('"', '""')
_TABLES = f"""
    CREATE VIRTUAL TABLE words USING fts5(
        text, content='', columnsize=0, detail=none,
        tokenize="unicode61 remove_diacritics 0 categories 'L* M* N* P* S* C*' separators '{_SEPARATORS}'"
    );
    INSERT INTO words(words, rank) VALUES ('hashsize', 67108864), ('automerge', 0), ('crisismerge', 1000);
    -- all terms, by themselves, and those that may be misspelt by their length and first or last letters
    CREATE TABLE term (term TEXT PRIMARY KEY, recordings INTEGER) WITHOUT ROWID;
    CREATE TABLE forward (length INTEGER, term TEXT, PRIMARY KEY (length, term)) WITHOUT ROWID;
    CREATE TABLE backward (length INTEGER, reversed TEXT, PRIMARY KEY (length, reversed)) WITHOUT ROWID;
    -- the most frequent terms of beginnings that too many share
    CREATE TABLE beginning (prefix TEXT, rank INTEGER, term TEXT, PRIMARY KEY (prefix, rank)) WITHOUT ROWID;
"""  # noqa: S608 — marks


def stored(token: str) -> str:
    """Return a token of ``search_tokens`` as the index has it."""
    return token if token.isalnum() else token.translate(_AS_LETTERS)


@dataclass(frozen=True, slots=True)
class Titles:
    """Texts by number, as they are indexed, and a hash by which equal ones are known."""

    texts: pa.Array  # large_string
    hashes: npt.NDArray[np.uint32]


def searchable(texts: pa.Array) -> pa.Array:
    """Return texts as FTS5 gets them: plain ASCII as it is, the rest as tokens with spaces."""
    texts = pc.utf8_slice_codeunits(pc.fill_null(texts, ""), 0, _LONGEST_TEXT)
    plain = pc.and_not(pc.match_substring_regex(texts, _PLAIN), pc.match_substring_regex(texts, _GUEST))
    other = pc.invert(plain)
    return pc.replace_with_mask(texts, other, pa.array(tokens(texts.filter(other).to_pylist()), texts.type))


def tokens(texts: list[str]) -> list[str]:
    """Return each text's ``search_tokens`` as the index has them, with spaces between."""
    # folding is quick for one long text and slow for many short ones
    folded = fold(f" {_END} ".join([*texts, ""])).split(_END)
    if len(folded) != len(texts) + 1:  # somebody's text has that sign
        return [_tokens(text) for text in texts]
    return [_parted(text, one) for text, one in zip(texts, folded, strict=False)]


def _parted(text: str, folded: str) -> str:
    # of marks alone nothing was left, and guests look at what stands beside them
    if folded.isspace() or not folded or "ft" in folded or "feat" in folded:
        return _tokens(text)
    if folded.isascii():
        return folded
    return _OTHER_SCRIPTS.sub(lambda word: _tokens(word[0]), folded)


@lru_cache(maxsize=1 << 16)
def _tokens(text: str) -> str:
    return " ".join(stored(token) for token in search_tokens(text))


class Ahead:
    """A stream of tables in the order of their first column, a recording, taken range by range."""

    def __init__(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        self._batches = iter(batches)
        self._waiting = pa.Table.from_batches([], schema)

    def until(self, end: int) -> pa.Table:
        """Return the rows of recordings below ``end`` that were not returned yet."""
        parts = [self._waiting]
        while not parts[-1].num_rows or parts[-1][0][-1].as_py() < end:
            batch = next(self._batches, None)
            if batch is None:
                break
            parts.append(pa.Table.from_arrays(batch.columns, schema=self._waiting.schema))
        table = pa.concat_tables(parts).combine_chunks()
        cut = int(np.searchsorted(table[0].to_numpy(), end))
        self._waiting = table.slice(cut)
        return table.slice(0, cut)


def documents(
    recordings: Iterable[pa.RecordBatch], on: Ahead, releases: Titles, others: Ahead
) -> Iterator[pa.Array]:
    """Yield the text of every recording, in order.

    ``recordings`` are (title, credit); ``on`` are (recording, release); ``others`` (recording, hash, title,
    credit): other titles and credits.
    """
    start = 0
    for batch in recordings:
        end = start + batch.num_rows
        placed = on.until(end)
        placed = placed.filter(pc.is_valid(placed[1]))
        release = placed[1].to_numpy()
        rows, ends = _grouped(start, end, placed[0].to_numpy(), releases.hashes[release])
        albums = _joined(releases.texts.take(pa.array(release[rows])), ends)
        more = others.until(end)
        rows, ends = _grouped(start, end, more[0].to_numpy(), more[1].to_numpy())
        also = _joined(_both(more.take(pa.array(rows))), ends)
        yield pc.binary_join_element_wise(_both(pa.Table.from_batches([batch])), albums, also, " ")
        start = end


def _both(table: pa.Table) -> pa.Array:
    title, credit = (searchable(table[name].combine_chunks()) for name in ("title", "credit"))
    return pc.binary_join_element_wise(title, credit, " ")


def _grouped(
    start: int, end: int, recordings: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows that differ by hash, the first few of each recording from start to end, and where each ends."""
    keys = ((recordings - start).astype(np.uint64) << np.uint64(32)) | hashes
    rows = np.unique(keys, return_index=True)[1]
    group = recordings[rows]
    rows = rows[np.arange(len(rows)) - np.searchsorted(group, group) < _MOST]
    return rows, np.searchsorted(recordings[rows], np.arange(start, end + 1))


def _joined(texts: pa.Array, ends: npt.NDArray[np.int64]) -> pa.Array:
    lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), texts.cast(pa.string()))
    return pc.binary_join(lists, " ")


def build(path: Path, texts: Iterable[pa.Array], advance: Callable[[int], None]) -> None:
    """Write ``path``: the full text and its vocabulary. ``advance`` is told of every recording stored."""
    loose = path.with_suffix(".loose")
    with closing(sqlite3.connect(loose, isolation_level=None)) as connection:
        # nobody reads the file before it is whole: no journal, one sync at the end
        connection.executescript("PRAGMA journal_mode = off; PRAGMA synchronous = off;" + _TABLES)
        connection.execute("BEGIN")
        start = 0
        for batch in _together(texts):
            _store(connection, batch, start)
            start += len(batch)
            advance(len(batch))
        connection.execute("INSERT INTO words(words) VALUES ('optimize')")
        _list_terms(connection)
        connection.execute("COMMIT")
        # merging leaves as much free space in the file as it has text
        connection.execute("VACUUM INTO ?", (str(path),))
    loose.unlink()


def _together(texts: Iterable[pa.Array]) -> Iterator[list[str]]:
    """The same texts, many at once: FTS5 writes a segment for each statement, and takes 2,000 at most."""
    waiting: list[str] = []
    for some in texts:
        waiting += some.to_pylist()
        if len(waiting) >= _AT_ONCE:
            yield waiting
            waiting = []
    yield waiting


def _store(connection: sqlite3.Connection, texts: list[str], start: int) -> None:
    """One statement for many recordings: other threads run meanwhile."""
    connection.execute(
        "INSERT INTO words (rowid, text) SELECT ? + key, value FROM json_each(?)",
        (start, msgspec.json.encode(texts).decode()),
    )


def _list_terms(connection: sqlite3.Connection) -> None:
    connection.create_function("one_word", 1, lambda term: len(search_tokens(term)) == 1, deterministic=True)
    connection.create_function("reversed", 1, lambda term: term[::-1], deterministic=True)
    connection.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, words, row)")
    connection.execute(
        "INSERT INTO term SELECT term, doc FROM vocabulary WHERE length(term) <= ?", (LONGEST_TERM,)
    )
    # pairs of characters, of scripts without spaces, are no words that somebody might misspell
    connection.execute(
        """
        INSERT INTO forward SELECT length(term) AS letters, term FROM term
        WHERE letters BETWEEN ? AND ? AND (unicode(term) < 0x0e00 OR one_word(term)) ORDER BY letters, term
        """,
        (SHORTEST_CORRECTED, LONGEST_CORRECTED),
    )
    connection.execute(
        "INSERT INTO backward SELECT length, reversed(term) AS r FROM forward ORDER BY length, r"
    )
    for length in range(1, LONGEST_TERM):
        crowded = connection.execute(
            "SELECT substr(term, 1, ?) AS prefix FROM term GROUP BY prefix HAVING count(*) > ?",
            (length, _CROWDED),
        ).fetchall()
        if not crowded:
            break
        for (prefix,) in crowded:
            connection.execute(
                """
                INSERT INTO beginning
                SELECT ?1, row_number() OVER (ORDER BY recordings DESC, term), term FROM term
                WHERE term >= ?1 AND term < ?1 || char(0x10ffff)
                ORDER BY recordings DESC, term LIMIT ?2
                """,
                (prefix, COMPLETIONS),
            )
