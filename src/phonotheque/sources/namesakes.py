"""Files of one title, by the same artists and of one length, that do not sound alike: versions of a song.

Nothing but the sound tells such files apart, so the catalogue is told which were compared and differ. What
was compared is kept beside the index of fingerprints, so that each pair is compared once, not at every
rebuild; it follows from the ledger, as the index does, and is forgotten with it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from phonotheque.audio.sameness import ALIKE, TOLERANCE, align, sample
from phonotheque.ledger.copies import fingerprints_of
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.segment_index import SegmentIndex

_NEIGHBOURS: Final = 16  # with how many of its namesakes, the next in length, a file is compared
_AT_ONCE: Final = 500  # pairs compared together
_KEPT: Final = 100_000  # pairs compared before what was found is kept
_PARTS: Final = 16  # files of pairs, before they become one
_KIND: Final = "unlike"
# Two files that were compared, the smaller id first; ``ber`` is not a number where a file tells nothing.
COMPARED: Final = np.dtype([("a", "<i8"), ("b", "<i8"), ("ber", "<f8")])
_Compared = NDArray[Any]
_Ids = NDArray[np.int64]
_Keys = NDArray[np.uint64]


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
        self, index: SegmentIndex, ledger: Connection, alike: NDArray[Any], progress: Progress = QUIET
    ) -> _Compared:
        """Return the namesakes that do not sound alike, as an array of COMPARED in the order of ids.

        What is known to be ``alike`` (likeness.PAIRS) is not compared, and what was compared before is not
        compared again. The archive's lock must be held: what is found is kept as it goes.
        """
        ids = np.sort(np.array(self._ids, np.int64))
        known = _keys(ids, alike["earlier"].astype(np.int64), alike["later"].astype(np.int64))
        wanted = self._pairs(ids)
        wanted = wanted[~_among(wanted, known)]
        kept = _read(index)
        new = wanted[~_among(wanted, _keys(ids, kept["a"], kept["b"]))]
        if len(new):
            progress.start("Comparing files of one name", total_files=len(new))
        for start in range(0, len(new), _KEPT):
            _keep(index, _compare(ledger, ids, new[start : start + _KEPT], progress))
        differ = _read(index) if len(new) else kept
        differ = differ[differ["ber"] >= ALIKE]
        keys = _keys(ids, differ["a"], differ["b"], strict=False)
        here = np.flatnonzero(_among(keys, wanted))
        found: _Compared = differ[here[np.argsort(keys[here])]]
        return found

    def _pairs(self, sorted_ids: _Ids) -> _Keys:
        """Return the keys, sorted, of files with equal names and with lengths within the tolerance."""
        names, ids = np.array(self._names, np.int64), np.array(self._ids, np.int64)
        lengths = np.array(self._lengths, np.int64)
        order = np.lexsort((ids, lengths, names))
        names, ids, lengths = names[order], ids[order], lengths[order]
        found = [np.zeros(0, np.uint64)]
        for step in range(1, min(_NEIGHBOURS, len(ids) - 1) + 1):
            near = (names[step:] == names[:-step]) & (lengths[step:] - lengths[:-step] <= 1000 * TOLERANCE)
            at = np.flatnonzero(near)
            found.append(_keys(sorted_ids, ids[at], ids[at + step]))
        return np.unique(np.concatenate(found))


def forget(index: SegmentIndex, changed: Iterable[int], state: Mapping[str, int]) -> None:
    """Forget what files were compared with while they had other fingerprints."""
    kept = _read(index)
    gone = np.isin(kept["a"], list(changed)) | np.isin(kept["b"], list(changed))
    if gone.any():
        index.keep(kept[~gone].tobytes(), state, kind=_KIND, instead=True)


_NO_PAIR: Final = np.uint64(2**64 - 1)


def _keys(ids: _Ids, a: _Ids, b: _Ids, *, strict: bool = True) -> _Keys:
    """Return one number for each pair, from the places of both in ``ids``: they sort as the ids do.

    A pair with a file that is not in ``ids`` is left out, or, not ``strict``, has a number that is no pair's.
    """
    low, high = np.minimum(a, b), np.maximum(a, b)
    places = [np.minimum(np.searchsorted(ids, one), max(len(ids) - 1, 0)) for one in (low, high)]
    if not len(ids):
        return np.full(0 if strict else len(a), _NO_PAIR)
    here = (ids[places[0]] == low) & (ids[places[1]] == high)
    keys = (places[0].astype(np.uint64) << np.uint64(32)) | places[1].astype(np.uint64)
    return keys[here] if strict else np.where(here, keys, _NO_PAIR)


def _among(keys: _Keys, others: _Keys) -> NDArray[np.bool_]:
    """Return which of ``keys`` are among ``others``."""
    found: NDArray[np.bool_] = np.isin(keys, others)
    return found


def _compare(ledger: Connection, ids: _Ids, keys: _Keys, progress: Progress) -> _Compared:
    found = np.zeros(len(keys), COMPARED)
    found["a"] = ids[(keys >> np.uint64(32)).astype(np.int64)]
    found["b"] = ids[(keys & np.uint64(0xFFFFFFFF)).astype(np.int64)]
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        known = fingerprints_of(ledger, {*some["a"].tolist(), *some["b"].tolist()})
        telling = {one: sample(fingerprint) is not None for one, (fingerprint, _) in known.items()}
        some["ber"] = [
            align(known[a][0], known[b][0]).ber if telling[a] and telling[b] else np.nan
            for a, b in zip(some["a"].tolist(), some["b"].tolist(), strict=True)
        ]
        progress.advance(files=len(some))
    return found


def _read(index: SegmentIndex) -> _Compared:
    parts = [np.frombuffer(part, dtype=COMPARED) for part in index.parts(_KIND)]
    return np.concatenate([*parts, np.zeros(0, COMPARED)])


def _keep(index: SegmentIndex, new: _Compared) -> None:
    state = index.manifest.state
    if len(index.parts_of(_KIND)) >= _PARTS:
        index.keep(np.concatenate([_read(index), new]).tobytes(), state, kind=_KIND, instead=True)
    else:
        index.keep(new.tobytes(), state, kind=_KIND)
