"""How the generated catalogue is made up: which album a row is on, which recording it is, whose that is.

The proportions are those published of the largest catalogue: 256 million tracks on 58 million albums by 15
million artists, with 186 million distinct ISRCs. A fifth of the rows are a second source's tellings of the
same recordings. Albums follow a pattern of some thousand that repeats: all is arithmetic on a row's number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from benchmarks.catalogue.chance import Longs, below, chance, favouring, scatter

FULL = 256_000_000  # tracks
ALBUMS, ARTISTS, ISRCS = 58 / 256, 15 / 256, 186 / 256  # a track
SECOND = 5  # every fifth row is of the second source
_PATTERN, _SECOND_PATTERN = 4096, 1024  # albums
_COMPILED, _REISSUED = 0.030, 0.8 - ISRCS - 0.030  # rows a track


class Kind(IntEnum):
    """Of an album, by what is on it."""

    HOME = 0  # recordings that come out for the first time
    REISSUE = 1  # of all that is on another one
    COMPILATION = 2  # of what is popular


@dataclass(frozen=True, slots=True)
class Pattern:
    """Albums whose make-up repeats for ever. Arrays by album, but ``album`` by row."""

    kind: Longs
    size: Longs  # tracks
    first: Longs  # row
    album: Longs
    like: Longs  # the home album of the main pattern that it is, or is a copy of

    @property
    def rows(self) -> int:
        """Of one round."""
        return len(self.album)

    @property
    def albums(self) -> int:
        """Of one round."""
        return len(self.size)

    def place(self, rows: Longs) -> tuple[Longs, Longs]:
        """Return the numbers of the albums that rows are on, and the places there, from 0."""
        turn, row = np.divmod(rows, self.rows)
        album = self.album[row]
        return turn * self.albums + album, row - self.first[album]


@dataclass(frozen=True, slots=True)
class Shape:
    """A catalogue of ``tracks`` rows. Recordings, albums and artists are numbers from 0."""

    tracks: int
    seed: int
    main: Pattern
    second: Pattern
    fresh_before: Longs  # by album of the main pattern: how many recordings came out on earlier ones
    home: Longs  # by recording of one round: the album that it came out on
    debuts_before: Longs  # by album of the main pattern, and one more
    recordings: int
    artists: int

    @property
    def second_rows(self) -> int:
        """Rows of the second source."""
        return self.tracks // SECOND

    @property
    def main_rows(self) -> int:
        """Rows of the first source."""
        return self.tracks - self.second_rows

    @property
    def turns(self) -> int:
        """Whole rounds of the main pattern: copies are of what is on these."""
        return max(1, self.main_rows // self.main.rows)

    def recording(self, pattern: Pattern, albums: Longs, places: Longs, rows: Longs) -> Longs:
        """Return the recordings that stand at places of albums (of rows of one source)."""
        turn, album = np.divmod(albums, pattern.albums)
        kind, purpose = pattern.kind[album], "copied" if pattern is self.main else "told again"
        copied = below(chance(self.seed, purpose, albums), self.turns)
        turn = np.where(kind == Kind.HOME, turn, copied)
        found = turn * len(self.home) + self.fresh_before[pattern.like[album]] + places
        compiled = np.flatnonzero(kind == Kind.COMPILATION)
        picked = favouring(chance(self.seed, "compiled", rows[compiled]), self.recordings)
        found[compiled] = self.with_rank(picked)
        return found % self.recordings

    def home_album(self, recordings: Longs) -> Longs:
        """Return the album that each recording came out on."""
        turn, recording = np.divmod(recordings, len(self.home))
        return turn * self.main.albums + self.home[recording]

    def artist(self, home_albums: Longs) -> Longs:
        """Return whose each home album is: every artist has a first one, and some have many."""
        turn, album = np.divmod(home_albums, self.main.albums)
        debut = self.debuts_before[album]
        newcomer = turn * self.debuts_before[-1] + debut
        known = favouring(chance(self.seed, "artist", home_albums), self.artists)
        return np.where(self.debuts_before[album + 1] > debut, newcomer, known)

    def with_rank(self, ranks: Longs) -> Longs:
        """Return the recordings that stand at places of the ranking by listens (0: the most)."""
        return ranks * scatter(self.recordings)[0] % self.recordings

    def rank(self, recordings: Longs) -> Longs:
        """Return the places of recordings in the ranking by listens."""
        return recordings * scatter(self.recordings)[1] % self.recordings


def make_shape(tracks: int, seed: int) -> Shape:
    """Return the shape of a catalogue of so many rows (at least one)."""
    rng = np.random.default_rng([seed, 1])
    main = _main_pattern(rng)
    homes = np.flatnonzero(main.kind == Kind.HOME)
    weight = main.size[homes] / main.size[homes].sum()
    like = rng.choice(homes, _SECOND_PATTERN, p=weight)
    second = _pattern(np.full(_SECOND_PATTERN, Kind.REISSUE), main.size[like], like)
    fresh = np.where(main.kind == Kind.HOME, main.size, 0)
    debuts = np.zeros(main.albums, np.int64)
    count = round(ARTISTS / (1 - 1 / SECOND) * main.rows)
    debuts[homes[0]] = 1
    debuts[rng.choice(homes[1:], count - 1, replace=False)] = 1
    fresh_before, debuts_before = np.cumsum(fresh) - fresh, np.concatenate([[0], np.cumsum(debuts)])
    turns, rest = divmod(tracks - tracks // SECOND, main.rows)
    last = main.album[rest - 1] if rest else 0
    partly = fresh_before[last] + (rest - main.first[last] if main.kind[last] == Kind.HOME else 0)
    return Shape(
        tracks=tracks,
        seed=seed,
        main=main,
        second=second,
        fresh_before=fresh_before,
        home=np.repeat(np.arange(main.albums), fresh),
        debuts_before=debuts_before,
        recordings=int(turns * fresh.sum() + (partly if rest else 0)),
        artists=int(turns * debuts.sum() + (debuts_before[last + 1] if rest else 0)),
    )


def _main_pattern(rng: np.random.Generator) -> Pattern:
    # The second source's albums are about a ninth as many as its rows.
    rows = round(_PATTERN * (1 - 1 / SECOND) / (ALBUMS - 1 / SECOND / 9))
    compiled, reissued = (round(rows * share / (1 - 1 / SECOND)) for share in (_COMPILED, _REISSUED))
    compilations = np.full(max(1, compiled // 20), 20)
    reissues = max(1, round(reissued / (rows / _PATTERN)))
    homes = _PATTERN - len(compilations) - reissues
    sizes = _sizes(rng, homes, rows - compilations.sum() - reissued)
    like = rng.choice(homes, reissues, replace=False)
    kind = np.repeat([Kind.HOME, Kind.REISSUE, Kind.COMPILATION], [homes, reissues, len(compilations)])
    size = np.concatenate([sizes, sizes[like], compilations])
    original = np.concatenate([np.arange(homes), like, np.zeros(len(compilations), np.int64)])
    order = np.concatenate([[0], 1 + rng.permutation(_PATTERN - 1)])  # the first one is a home album
    place = np.empty_like(order)
    place[order] = np.arange(_PATTERN)
    return _pattern(kind[order], size[order], place[original[order]])


def _pattern(kind: Longs, size: Longs, like: Longs) -> Pattern:
    return Pattern(kind, size, np.cumsum(size) - size, np.repeat(np.arange(len(size)), size), like)


def _sizes(rng: np.random.Generator, count: int, total: int) -> Longs:
    """Return the tracks of so many albums, ``total`` together: mostly singles, then albums of about 12."""
    classes = rng.choice(5, count, p=[0.60, 0.08, 0.06, 0.06, 0.20])
    low, high = np.array([1, 2, 3, 5, 8]), np.array([1, 2, 4, 6, 16])
    sizes = rng.integers(low[classes], high[classes], endpoint=True)
    large = np.flatnonzero(classes == 4)
    short = total - int(sizes.sum())
    sizes[large] += short // len(large)
    sizes[large[: short % len(large)]] += 1
    return sizes
