"""How often recordings were listened to, by the catalogue's index: without reading its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from phonotheque.catalogue.index_codes import Kind, uuid_key
from phonotheque.catalogue.index_reader import reading
from phonotheque.catalogue.manifest import Snapshot

_SECONDS: Final = 120.0  # for some hundred recordings on a very slow disk


def listens_of(snapshot: Snapshot, recordings: Sequence[str]) -> dict[str, int]:
    """Return the listens of those of these recordings (public ids) that were counted."""
    found: dict[str, int] = {}
    with reading(snapshot, _SECONDS) as index:
        keys: dict[int, str] = {}
        for recording in recordings:
            for kind, key in index.named(uuid_key(recording)):
                if kind is Kind.RECORDING:
                    keys.setdefault(key, recording)
        for hit in index.hits(list(keys)):
            # of an id the index keeps a part; one that was merged leads to another
            if hit.listens is not None and hit.id in recordings:
                found[hit.id] = hit.listens
    return found
