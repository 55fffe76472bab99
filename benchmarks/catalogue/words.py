"""A vocabulary in several scripts, and texts put together from it by columns.

Words are made so that the fold of a text is its words' folds in a row: then keys are put together likewise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.catalogue.chance import Longs
from phonotheque.model.text import fold

Tokens = NDArray[np.int32]  # a row for each text, filled up with NOTHING anywhere

NOTHING = -1
LARGEST = 200_000  # words, of the largest catalogue
_KEPT_OUT = {"the", "and", "feat", "ft", "featuring"}  # words that credits and titles are cut at
SUFFIXES = ("(Live)", "(Remix)", "(Acoustic)", "(Radio Edit)", "- Remastered 2011", "[Instrumental]")
_PHRASES = (*SUFFIXES, "The", "Records", "Music", "(Deluxe Edition)", "Various", "Artists")
_JOINTS = (", ", " feat. ", " (feat. ", ")")
_ONSETS = (*"bcdfghjklmnprstvwyz", "br", "ch", "dr", "fr", "gr", "kl", "pr", "sh", "sl", "st", "tr")
_VOWELS = (*"aaaeeeiioou", "ai", "ea", "ou")
_ENDS = ("", "", "", "n", "r", "s", "t", "l", "nd", "ng")
_ACCENTED = str.maketrans("aeiounc", "áéíöüñç")
_ODD = str.maketrans("aeols", "åèøłß")


@dataclass(frozen=True, slots=True)
class Words:
    """Tokens by number: every word as it begins a text, every word as it follows another, then joints.

    ``starts`` and ``counts`` say, for each script, which words are its own.
    """

    shown: pa.StringArray
    keys: pa.StringArray
    count: int
    starts: Longs
    counts: Longs
    spaced: NDArray[np.bool_]
    share: NDArray[np.float64]  # of artists who write so, cumulative

    def phrase(self, text: str, *, first: bool = False) -> int:
        """Return the token of a fixed phrase."""
        return self.count - len(_PHRASES) + _PHRASES.index(text) + (0 if first else self.count)

    def joint(self, text: str) -> int:
        """Return the token of what stands between others, spaces included."""
        return 2 * self.count + _JOINTS.index(text)

    def following(self, tokens: Tokens) -> Tokens:
        """Return beginning words as words that follow others."""
        return np.where(tokens == NOTHING, NOTHING, tokens + self.count).astype(np.int32)


def make_words(count: int, seed: int) -> Words:
    """Return about ``count`` words, by script in the order of the shares of what is written in it."""
    rng = random.Random(seed)
    scripts: tuple[tuple[float, bool, Callable[[random.Random], str]], ...] = (
        (0.80, True, _latin),
        (0.06, False, _han),
        (0.04, True, _cyrillic),
        (0.03, False, _kana),
        (0.02, True, lambda r: _letters(r, "ابتثجحخدذرزسشصطعغفقكلمنهويآأ", 3, 5)),
        (0.01, True, lambda r: _letters(r, "אבגדהוזחטיכלמנסעפצקרשת", 3, 5)),
        (0.02, False, _thai),
        (
            0.02,
            True,
            lambda r: "".join(chr(r.randrange(0xAC00, 0xD7A4)) for _ in range(r.choice((1, 2, 2, 3)))),
        ),
    )
    made = [_distinct(rng, max(40, int(count * share)), make) for share, _, make in scripts]
    counts = np.array([len(words) for words in made])
    words = [word for script in made for word in script] + list(_PHRASES)
    spaces = [
        " " if spaced else "" for (_, spaced, _), script in zip(scripts, made, strict=True) for _ in script
    ]
    spaces += [" "] * len(_PHRASES)
    keys = [fold(word) for word in words]
    return Words(
        shown=_tokens(words, spaces, _JOINTS),
        keys=_tokens(keys, spaces, _JOINTS),
        count=len(words),
        starts=np.cumsum(counts) - counts,
        counts=counts,
        spaced=np.array([spaced for _, spaced, _ in scripts]),
        share=np.cumsum([share for share, _, _ in scripts]),
    )


def texts(tokens: Tokens, of: pa.StringArray) -> pa.StringArray:
    """Return one text for each row of tokens: those there are, one after another."""
    there = tokens != NOTHING
    taken = of.take(pa.array(tokens[there]))
    ends = np.concatenate([[0], np.cumsum(there.ravel())[there.shape[1] - 1 :: there.shape[1]]])
    _, offsets, data = taken.buffers()
    at = np.frombuffer(offsets, np.int32)[taken.offset :][ends]
    return pa.StringArray.from_buffers(len(tokens), pa.py_buffer(at), data)


def beside(*parts: Tokens) -> Tokens:
    """Return rows of tokens put together side by side."""
    return np.hstack(parts)


def alone(token: int | NDArray[np.int32], where: NDArray[np.bool_]) -> Tokens:
    """Return a column with a token in some rows and nothing in the others."""
    return np.where(where, token, NOTHING).astype(np.int32)[:, None]


def _tokens(words: Sequence[str], spaces: Sequence[str], joints: Sequence[str]) -> pa.StringArray:
    following = [space + word for space, word in zip(spaces, words, strict=True)]
    return pa.array([*words, *following, *joints], pa.string())


def _distinct(rng: random.Random, count: int, make: Callable[[random.Random], str]) -> list[str]:
    found: dict[str, str] = {}
    for _ in range(30 * count):
        word = make(rng)
        key = fold(word)
        if not _KEPT_OUT.intersection(key.split()):
            found.setdefault(key, word)
        if len(found) == count:
            break
    return list(found.values())


def _latin(rng: random.Random) -> str:
    length = rng.choice((1, 1, 2, 2, 2, 3))
    word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(length)) + rng.choice(_ENDS)
    style = rng.random()
    if style < 0.08:
        word = word.translate(_ACCENTED)
    elif style < 0.10:
        word = word.translate(_ODD)
    elif style < 0.12:
        word = "d'" + word
    return word if style > 0.98 else word.capitalize()


def _cyrillic(rng: random.Random) -> str:
    pairs = (
        rng.choice("бвгджзклмнпрстфхцчш") + rng.choice("аеёиоуыэюя") for _ in range(rng.choice((1, 2, 2, 3)))
    )
    return ("".join(pairs) + rng.choice(("", "й", "т", "н", "ль"))).capitalize()


def _han(rng: random.Random) -> str:
    return "".join(chr(0x4E00 + int(rng.random() ** 2 * 6000)) for _ in range(2))


def _kana(rng: random.Random) -> str:
    first = rng.choice((0x3042, 0x30A2))
    return "".join(chr(first + rng.randrange(0x40)) for _ in range(rng.choice((2, 3, 4))))


def _thai(rng: random.Random) -> str:
    marks = ("า", "ิ", "ี", "ุ", "่า", "้", "")
    return "".join(chr(rng.randrange(0x0E01, 0x0E2F)) + rng.choice(marks) for _ in range(rng.choice((2, 3))))


def _letters(rng: random.Random, alphabet: str, shortest: int, longest: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(shortest, longest)))
