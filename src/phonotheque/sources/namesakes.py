"""Files of one title, by the same artists and of one length, that do not sound alike: versions of a song.

Nothing but the sound tells such files apart, so the catalogue is told which were compared and differ.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection

from phonotheque.audio.sameness import ALIKE, TOLERANCE, align, sample
from phonotheque.ledger.copies import fingerprints_of
from phonotheque.model.batches import batched

_NEIGHBOURS: Final = 16  # with how many of its namesakes, the next in length, a file is compared
_AT_ONCE: Final = 500  # pairs compared together
_PAIR: Final = np.dtype([("a", "<i8"), ("b", "<i8")])


class Namesakes:
    """Gathers what files are called; 20 bytes a file."""

    def __init__(self) -> None:
        self._names, self._ids, self._lengths = array("q"), array("q"), array("i")

    def add(self, file_id: int, fact: Mapping[str, Any]) -> None:
        """Note the folded title, the artists and the length that a file's own facts say, if they say all."""
        length = fact["duration_ms"]
        if fact["title_key"] and fact["people"] and length is not None and 0 < length < 1 << 31:
            self._names.append(hash((fact["title_key"], tuple(fact["people"]))))
            self._ids.append(file_id)
            self._lengths.append(length)

    def unlike(
        self, ledger: Connection, alike: Iterable[tuple[int, int]]
    ) -> Iterator[tuple[int, int, float]]:
        """Yield the pairs of namesakes that do not sound alike, with the bit error rate, in order of ids.

        What is known to be ``alike``, as pairs of ids, is not compared again.
        """
        known_alike = np.array([(min(a, b), max(a, b)) for a, b in alike], dtype=_PAIR)
        pairs = np.array(sorted(self._pairs()), dtype=_PAIR)
        for some in batched(pairs[~np.isin(pairs, known_alike)].tolist(), _AT_ONCE):
            known = fingerprints_of(ledger, {one for pair in some for one in pair})
            for a, b in some:
                first, second = known[a][0], known[b][0]
                if sample(first) is None or sample(second) is None:
                    continue  # one of them tells nothing
                if (ber := align(first, second).ber) >= ALIKE:
                    yield a, b, ber

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Yield the ids of files with equal names, and lengths within the tolerance."""
        names, ids = np.array(self._names, np.int64), np.array(self._ids, np.int64)
        lengths = np.array(self._lengths, np.int64)
        order = np.lexsort((ids, lengths, names))
        names, ids, lengths = names[order], ids[order], lengths[order]
        for step in range(1, min(_NEIGHBOURS, len(ids) - 1) + 1):
            near = (names[step:] == names[:-step]) & (lengths[step:] - lengths[:-step] <= 1000 * TOLERANCE)
            for at in np.flatnonzero(near).tolist():
                a, b = int(ids[at]), int(ids[at + step])
                yield min(a, b), max(a, b)
