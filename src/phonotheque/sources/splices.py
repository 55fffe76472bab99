"""Taking parts out of JSON text that are under other terms than the rest, and putting them back exactly.

MusicBrainz gives its core data away (CC0), but tags, genres, moods, ratings and annotations only under CC
BY-NC-SA 3.0 (musicbrainz.org/doc/MusicBrainz_Database). They stand all over a record. Each value that says
anything is replaced by ``null``; a list of *splices* tells where, and what stood there.

In valid JSON (RFC 8259) a quotation mark that no backslash precedes begins or ends a string, so ``"tags"``
followed by a colon can be nothing but a name, wherever it is found. Names written with escapes, like
``"t\\u0061gs"``, are not recognised; MusicBrainz never writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LICENCE = "CC-BY-NC-SA-3.0"

Splice = tuple[int, str]  # offset in the text without its parts, in characters; what stood in place of "null"

_CUT = b"null"
# Of the names: how they end, and where in that the pair of letters stands that is rarest in such records.
_ENDINGS = ((b'tags"', 2), (b'genres"', 2), (b'moods"', 1), (b'rating"', 5), (b'annotation"', 1))
_BLOCK = 1 << 19  # bytes that are searched at a time: they stay in the processor's cache
_ENDING = re.compile(b"|".join(word for word, _ in _ENDINGS))
_SPACES = rb"[ \t\r\n]*"  # for each space in these expressions
_EMPTY = re.compile(
    rb'null|""|\[ \]|\{ (?:"value" : null , "votes-count" : 0 |"votes-count" : 0 , "value" : null )?\}'
    .replace(b" ", _SPACES)
)  # fmt: skip
# The rest of a name that began without a backslash, up to its value.
_REST = re.compile(
    rb'(?:(?<=(?<!\\)")|(?<=(?<!\\)"user-))(?:tags|genres|moods|rating|annotation)" : '.replace(b" ", _SPACES)
)
_DECODER = json.JSONDecoder()


def places(block: bytes) -> list[int]:
    """Return where in some lines of JSON the last words of such names begin, as offsets in bytes, in order.

    None is missing whose value says anything; some may be of other things: ``cut`` looks closely.
    """
    data = np.frombuffer(block, np.uint8)
    found = [
        where[~_says_nothing(data, where + len(word))]
        for where, (word, _) in zip(_endings(block), _ENDINGS, strict=True)
    ]
    return sorted(np.concatenate(found).tolist())


def cut(line: bytes | memoryview, found: Sequence[int] | None = None) -> tuple[bytes, list[Splice]]:
    """Return a JSON text without what is under other terms, and what was taken out, in order.

    ``found`` are the ``places`` in this line, where they are known already. Raises ValueError where the text
    is no JSON or no UTF-8, RecursionError where it is too deep.
    """
    starts = [match.start() for match in _ENDING.finditer(line)] if found is None else found
    pieces: list[bytes | memoryview] = []
    splices: list[Splice] = []
    done = length = 0
    for start in starts:
        if start < done or not (name := _REST.match(line, start)) or _EMPTY.match(line, name.end()):
            continue
        value = name.end()
        pieces += (line[done:value], _CUT)
        length += len(str(line[done:value], "utf-8"))
        done = _end_of_value(line, value)
        splices.append((length, str(line[value:done], "utf-8")))
        length += len(_CUT)
    return b"".join((*pieces, line[done:])), splices


def join(text: str, splices: Sequence[Splice]) -> str:
    """Return the text as it was before ``cut``. Raises ValueError when the splices are not of this text."""
    pieces: list[str] = []
    done = 0
    for offset, part in splices:
        if offset < done or not text.startswith("null", offset):
            raise ValueError(f"there is no part missing at character {offset}")
        pieces += (text[done:offset], part)
        done = offset + len(_CUT)
    return "".join((*pieces, text[done:]))


def dump(splices: Sequence[Splice]) -> str:
    """Return splices as the JSON that the catalogue keeps: ``[[offset, text], …]``."""
    return json.dumps(splices, ensure_ascii=False, separators=(",", ":"))


def load(text: str) -> list[Splice]:
    """Return splices as ``dump`` wrote them."""
    return [(offset, part) for offset, part in json.loads(text)]


def _endings(block: bytes) -> list[NDArray[np.int64]]:
    """Where each of ``_ENDINGS`` stands, after a quotation mark or a hyphen."""
    data = np.frombuffer(block, np.uint8)
    pairs = _pairs(block, [word[at : at + 2] for word, at in _ENDINGS])
    first = data[pairs]
    found = []
    for word, at in _ENDINGS:
        where = pairs[first == word[at]] - at
        where = where[(where > 0) & (where + len(word) <= len(block))]
        for offset in (at + 1, *range(len(word))):
            where = where[data[where + offset] == word[offset]]
        before = data[where - 1]
        found.append(where[(before == ord('"')) | (before == ord("-"))])
    return found


def _pairs(block: bytes, wanted: Sequence[bytes]) -> NDArray[np.int64]:
    """Where any of these pairs of bytes stands."""
    first, *others = (int.from_bytes(pair, "little") for pair in wanted)
    hits = [np.empty(0, np.int64)]
    for start in range(0, len(block), _BLOCK):
        for odd in (start, start + 1):
            part = block[odd : odd + _BLOCK]
            pairs = np.frombuffer(part, "<u2", len(part) // 2)
            is_wanted = pairs == first
            for other in others:
                is_wanted |= pairs == other
            hits.append(np.flatnonzero(is_wanted) * 2 + odd)
    return np.concatenate(hits)


def _says_nothing(data: NDArray[np.uint8], where: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell where ``:[]``, ``:nu(ll)`` or ``:""`` stands."""
    first, second, third = (data[np.minimum(where + offset, len(data) - 1)] for offset in range(3))
    nothing: NDArray[np.bool_] = np.zeros(len(where), np.bool_)
    for opening, closing in (b"[]", b"nu", b'""'):
        nothing |= (second == opening) & (third == closing)
    nothing &= first == ord(":")
    return nothing


def _end_of_value(line: bytes | memoryview, start: int) -> int:
    """Return where a value ends. Most are short, so that only what follows is parsed, more and more of it."""
    size = 512
    while start + size < len(line):
        text = str(line[start : start + size], "utf-8", "ignore")  # the last character may be cut in two
        try:
            end = _DECODER.raw_decode(text)[1]
        except json.JSONDecodeError:
            end = len(text)
        if end < len(text):
            return start + len(text[:end].encode())
        size *= 8
    text = str(line[start:], "utf-8")
    return start + len(text[: _DECODER.raw_decode(text)[1]].encode())
