"""How often the generated recordings were listened to: rows of ``schema.LISTENS``.

The skew is the one published: a thousandth of the recordings have most of the listening, at least 70 % have
fewer than a thousand listens, and the first three have more than the last half together.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.catalogue.chance import Longs, chance, part
from benchmarks.catalogue.columns import gapped, lists, numbers
from benchmarks.catalogue.facts import in_schema, isrc_of, marked, mbid_of
from benchmarks.catalogue.naming import Naming
from benchmarks.catalogue.shape import Shape
from benchmarks.catalogue.words import texts
from phonotheque.catalogue.schema import LISTENS

SOURCE, AS_OF = "generated-listens", "2026-11-01"
_POPULAR = 0.3  # of recordings: listened to a thousand times and more
_KNOWN = 0.5  # of recordings: counted at all, the others never
_BY_NAME = 0.02  # of counts: with title and artist alone


def listens_of(shape: Shape, recordings: Longs) -> Longs:
    """Return how often recordings were listened to; 0 when nobody counted."""
    return listens_at(shape.rank(recordings), shape.recordings)


def listens_at(ranks: Longs, recordings: int) -> Longs:
    """Return how often those were listened to that stand at places of the ranking (0: the most)."""
    place = ranks + 1
    nth: NDArray[np.float64] = _POPULAR * recordings / place
    count = 1000 * np.where(nth >= 1, nth, nth**3)
    return np.where(place <= _KNOWN * recordings, np.maximum(1, count), 0).astype(np.int64)


def listens(shape: Shape, naming: Naming, start: int, stop: int) -> pa.Table:
    """Return the counts of a run of recordings, those that have any: by ISRC, some by MBID, a few by name."""
    recordings = np.arange(start, stop)
    count = listens_of(shape, recordings)
    recordings, count = recordings[count > 0], count[count > 0]
    by_mbid = marked(shape, recordings)
    by_name = ~by_mbid & (part(chance(shape.seed, "counted by name", recordings), 0) < _BY_NAME)
    by_isrc = ~by_mbid & ~by_name
    named = recordings[by_name]
    artist = shape.artist(shape.home_album(named))
    title, (name, person) = naming.title(named, artist), naming.name(artist)
    words = naming.words
    columns = {
        "isrc": gapped(isrc_of(shape, recordings[by_isrc]), by_isrc),
        "recording_mbid": gapped(mbid_of(shape, "recording", recordings[by_mbid]), by_mbid),
        "title": gapped(texts(title, words.shown), by_name),
        "artist": gapped(texts(name, words.shown), by_name),
        "title_key": gapped(texts(title, words.keys), by_name),
        "people": lists(by_name, texts(person, words.keys)),
        "listens": numbers(count, pa.int64()),
        "source": pa.array([SOURCE]).take(pa.array(np.zeros(len(count), np.int64))),
        "as_of": pa.array([AS_OF]).take(pa.array(np.zeros(len(count), np.int64))),
    }
    return in_schema(columns, LISTENS, len(count))
