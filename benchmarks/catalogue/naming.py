"""What recordings, albums, artists and labels of the generated catalogue are called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.catalogue.chance import Flags, Hashes, Longs, below, chance, favouring, part, zipf
from benchmarks.catalogue.shape import Shape
from benchmarks.catalogue.words import NOTHING, SUFFIXES, Tokens, Words

_LONGEST = 6  # words of a title
# How many titles have one word, two …
_LENGTHS = np.cumsum([0.22, 0.27, 0.22, 0.15, 0.09])
_TITLE_FLAT, _NAME_FLAT = 3.0, 300.0  # names repeat less than the words of titles
_SUFFIXED, _JOINT, _THE = 0.07, 0.15, 0.04
_GENRES = 400


@dataclass(frozen=True)
class Naming:
    """Names as tokens of a vocabulary, by the numbers of what they name."""

    shape: Shape
    words: Words
    name_width = 4

    def title(self, recordings: Longs, artists: Longs) -> Tokens:
        """Return the titles of recordings of artists, without guests."""
        tokens = self._phrase("title", recordings, artists)
        bits = self._chance("suffix", recordings)
        suffixes = np.array([self.words.phrase(text) for text in SUFFIXES], np.int32)
        suffix = np.where(part(bits, 0) < _SUFFIXED, suffixes[below(bits, len(suffixes))], NOTHING)
        return np.hstack([tokens, suffix[:, None]]).astype(np.int32)

    def album(self, albums: Longs, artists: Longs) -> Tokens:
        """Return the titles of albums, as wide as those of recordings."""
        tokens = self._phrase("album", albums, artists)
        return np.hstack([tokens, np.full((len(albums), 1), NOTHING, np.int32)])

    def name(self, artists: Longs) -> tuple[Tokens, Tokens]:
        """Return the names of artists, and the same without a leading “The”."""
        bits, which = self._chance("name", artists), self._chance("name, more", artists)
        script = self._script(artists)
        tokens = self._drawn(which, script, 3, _NAME_FLAT)
        length = 1 + (part(bits, 0) > 0.2) + (part(bits, 0) > 0.9)
        tokens[np.arange(3) >= length[:, None]] = NOTHING
        rest = self.words.following(tokens[:, 1:])
        bare = np.hstack([np.full((len(artists), 1), NOTHING, np.int32), tokens[:, :1], rest])
        the = (script == 0) & (part(bits, 1) < _THE)
        whole = bare.copy()
        whole[the, 0] = self.words.phrase("The", first=True)
        whole[the, 1] += self.words.count
        return whole, bare

    def guest(self, recordings: Longs, artists: Longs) -> tuple[Flags, Longs]:
        """Return which recordings have a guest, and those guests, named otherwise than their hosts."""
        bits = self._chance("guest", recordings)
        joint = part(bits, 0) < _JOINT
        host = artists[joint]
        guests = favouring(self._chance("which guest", recordings[joint]), self.shape.artists)
        alike = (self.name(guests)[1] == self.name(host)[1]).all(axis=1)
        joint[np.flatnonzero(joint)[alike]] = False
        return joint, guests[~alike]

    def said_in_title(self, recordings: Longs) -> Flags:
        """Return which titles name the guest, if there is one."""
        return part(self._chance("guest", recordings), 1) < 0.4

    def label(self, home_albums: Longs) -> Tokens:
        """Return the labels that albums came out on."""
        labels = favouring(self._chance("label", home_albums), max(20, self.shape.artists // 20))
        tokens = self._drawn(self._chance("label name", labels), np.zeros_like(labels), 2, _NAME_FLAT)
        kind = np.where(labels % 2 == 0, self.words.phrase("Records"), self.words.phrase("Music"))
        return np.hstack([tokens[:, :1], self.words.following(tokens[:, 1:]), kind[:, None]]).astype(np.int32)

    def genre(self, artists: Longs) -> tuple[Flags, Tokens]:
        """Return which artists have a genre, and what it would be for each."""
        bits = self._chance("genre", artists)
        genres = favouring(bits, min(_GENRES, int(self.words.counts[0])))
        return part(bits, 0) < 0.6, genres.astype(np.int32)[:, None]

    def _phrase(self, kind: str, things: Longs, artists: Longs) -> Tokens:
        bits = self._chance(kind, things)
        own = self._script(artists)
        script = np.where(part(bits, 0) < 0.15, 0, own)
        tokens = np.hstack(
            [
                self._drawn(self._chance(f"{kind} {half}", things), script, 3, _TITLE_FLAT)
                for half in ("begins", "ends")
            ]
        )
        length = 1 + np.searchsorted(_LENGTHS, part(bits, 1), side="right")
        length = np.where(self.words.spaced[script], length, (length + 1) // 2)
        tokens[:, 1:] = self.words.following(tokens[:, 1:])
        tokens[np.arange(_LONGEST) >= length[:, None]] = NOTHING
        return tokens

    def _script(self, artists: Longs) -> NDArray[np.int64]:
        share = part(self._chance("script", artists), 0)
        return np.minimum(np.searchsorted(self.words.share, share, side="right"), len(self.words.share) - 1)

    def _drawn(self, bits: Hashes, script: NDArray[np.int64], count: int, flat: float) -> Tokens:
        """Return so many words (up to three) for each, often the same ones, as they begin a text."""
        starts, counts = self.words.starts[script], self.words.counts[script]
        columns = [starts + zipf(part(bits, place), counts, flat) for place in range(count)]
        return np.stack(columns, axis=1).astype(np.int32)

    def _chance(self, purpose: str, of: Longs) -> Hashes:
        return chance(self.shape.seed, purpose, of)
