"""What visitors ask for: pages of things that are in the catalogue, chosen by a seed, each another one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from benchmarks.catalogue.questions import searches
from benchmarks.reading_room.making import snapshot_of
from phonotheque.catalogue.engine import connect
from phonotheque.catalogue.manifest import Snapshot

_MANY: Final = 9000  # of each kind; wrk begins again when they are all asked
_FACETS: Final = ("year=1990s", "holding=known", "country=US", "year=2004&holding=known")
_CONSONANTS: Final = "bcdfghjklmnpqrstvwxz"


def asked_of_us(archive: Path, seed: int) -> Mapping[str, Sequence[str]]:
    """Return addresses by kind of page."""
    snapshot, chooser = snapshot_of(archive), random.Random(seed)
    found = _searches(snapshot, seed)
    narrowed = found.copy()
    chooser.shuffle(narrowed)
    return {
        "first screen": ["/en/", "/fr/"] * 3,
        "search": [f"/en/search?{urlencode({'q': q})}" for q in found],
        "search, nothing found": [f"/en/search?{urlencode({'q': q})}" for q in _misses(chooser)],
        "search, narrowed": [
            f"/en/search?{urlencode({'q': q})}&{_FACETS[number % len(_FACETS)]}"
            for number, q in enumerate(narrowed)
        ],
        "recording": [f"/en/recording/{one}" for one in _ids(snapshot, "recordings", seed)],
        "release": [f"/en/release/{one}" for one in _ids(snapshot, "releases", seed)],
        "listen": ["/en/listen" if number % 2 else f"/en/listen?seed={number}" for number in range(_MANY)],
    }


def asked_of_datasette(archive: Path, seed: int) -> Mapping[str, Sequence[str]]:
    """Return the addresses of the like pages of Datasette."""
    snapshot, chooser = snapshot_of(archive), random.Random(seed)
    rows = range(1, snapshot.counts["recordings"])
    keys = chooser.sample(rows, min(_MANY, len(rows)))
    return {
        "search": [
            f"/recordings/recordings?{urlencode({'_search': q, '_size': 20})}"
            for q in _searches(snapshot, seed)
        ],
        "recording": [f"/recordings/recordings/{key}" for key in keys],
    }


def _searches(snapshot: Snapshot, seed: int) -> list[str]:
    """Return searches of all kinds but words that are written wrongly, which Datasette cannot find."""
    kinds = searches(snapshot, _MANY // 4, seed)
    found = sorted({query for kind, some in kinds.items() if kind != "typo" for query in some})
    random.Random(seed).shuffle(found)
    return found


def _misses(chooser: random.Random) -> list[str]:
    return ["".join(chooser.choices(_CONSONANTS, k=9)) for _ in range(_MANY)]


def _ids(snapshot: Snapshot, table: str, seed: int) -> list[str]:
    """Return ids of any recordings or releases, in any order."""
    with closing(connect(memory_limit="2GB")) as engine:
        rows = engine.execute(
            "SELECT id::VARCHAR FROM read_parquet(?) "
            f"USING SAMPLE reservoir({_MANY} ROWS) REPEATABLE ({seed})",
            [str(snapshot.table(table))],
        ).fetchall()
    found = sorted(one for (one,) in rows)
    random.Random(seed).shuffle(found)
    return found
