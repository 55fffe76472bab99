"""What is asked of a catalogue: codes and words that are in it, chosen by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from phonotheque.catalogue.engine import connect
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.model.text import fold

KINDS = ("one word", "two words", "three words", "prefix", "typo")
_POPULAR = 0.1  # of codes: those with the most tracks
_TOP = 100  # the most listened hundredth is asked for as often as all the rest


def codes(snapshot: Snapshot, count: int, seed: int) -> list[str]:
    """Return ISRCs in any order: mostly any, and a tenth with the most tracks."""
    path, rows = str(snapshot.table("isrcs")), snapshot.counts["isrcs"]
    popular = int(count * _POPULAR)
    with closing(connect(memory_limit="2GB")) as engine:
        many = engine.execute(
            "SELECT isrc FROM read_parquet(?) ORDER BY tracks DESC, isrc LIMIT ?", [path, popular]
        ).fetchall()
    rng = np.random.default_rng([seed, 2])
    places = rng.integers(0, rows, count - popular)
    found = [isrc for (isrc,) in many] + [isrc for (isrc,) in _rows(snapshot.table("isrcs"), "isrc", places)]
    random.Random(seed).shuffle(found)
    return found


def searches(snapshot: Snapshot, count: int, seed: int) -> dict[str, list[str]]:
    """Return so many searches of every kind, from titles and artists: half for what is listened to most."""
    rows = snapshot.counts["recordings"]
    rng = np.random.default_rng([seed, 3])
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        places = np.concatenate(
            [rng.integers(0, max(1, rows // _TOP), 2 * count), rng.integers(0, rows, 2 * count)]
        )
        chooser = random.Random(f"{seed} {kind}")
        texts = _rows(snapshot.table("recordings"), "title, credit", places)
        chooser.shuffle(texts)
        asked = (_ASKED[kind](chooser, _words(title), _words(artist)) for title, artist in texts)
        found[kind] = [query for query in asked if query][:count]
    return found


def _rows(table: Path, columns: str, places: np.typing.NDArray[np.int64]) -> list[tuple[str, ...]]:
    """Return rows by their places in a table, each place once, in the order of the table."""
    with closing(connect(memory_limit="2GB")) as engine:
        return engine.execute(
            f"SELECT {columns} FROM read_parquet(?, file_row_number = true) "
            "WHERE file_row_number IN (SELECT unnest(?)) ORDER BY file_row_number",
            [str(table), sorted({int(place) for place in places})],
        ).fetchall()


def _words(text: str | None) -> list[str]:
    return [word for part in (text or "").split() if fold(word := part.strip("()[],.-"))]


def _one(rng: random.Random, title: list[str], artist: list[str]) -> str | None:
    return rng.choice(title) if title else None


def _two(rng: random.Random, title: list[str], artist: list[str]) -> str | None:
    if not title or not artist:
        return None
    return f"{rng.choice(title)} {rng.choice(artist)}"


def _three(rng: random.Random, title: list[str], artist: list[str]) -> str | None:
    words = title + artist
    return (
        " ".join(words[place] for place in sorted(rng.sample(range(len(words)), 3)))
        if len(words) > 2
        else None
    )


def _prefix(rng: random.Random, title: list[str], artist: list[str]) -> str | None:
    """Return three letters, by themselves or after a word, as they are typed."""
    long = [word for word in title + artist if len(word) > 4]
    if not long or not title:
        return None
    begun = rng.choice(long)[:3]
    return begun if rng.random() < 0.5 else f"{rng.choice(title)} {begun}"


def _typo(rng: random.Random, title: list[str], artist: list[str]) -> str | None:
    """Return two words, or one, of which one has two letters swapped, one left out or one that is wrong."""
    long = [word for word in title + artist if len(word) > 4]
    if not long:
        return None
    word = rng.choice(long)
    place = rng.randrange(1, len(word) - 2)
    wrong = rng.choice(
        (
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
            word[:place] + word[place + 1 :],
            word[:place] + rng.choice("aeiostrn") + word[place + 1 :],
        )
    )
    others = [other for other in title + artist if other != word]
    return f"{rng.choice(others)} {wrong}" if others and rng.random() < 0.5 else wrong


_ASKED: dict[str, Callable[[random.Random, list[str], list[str]], str | None]] = dict(
    zip(KINDS, (_one, _two, _three, _prefix, _typo), strict=True)
)
