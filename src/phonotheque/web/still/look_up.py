"""Tables in which a page finds a recording by a few requests of byte ranges: sorted, in small row groups.

``recordings.parquet`` is by id, ``isrcs.parquet`` by ISRC, ``titles.parquet`` by the title as it is searched
for. They tell of what an edition publishes for everybody, and of nothing else.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from phonotheque.catalogue.engine import connect
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.editions.site import ROWS_AT_ONCE
from phonotheque.model.text import fold

_MEMORY: Final = "1GB"
_ACCESS: Final = "data/access/%"
_PUBLISHED: Final = """
    CREATE TABLE published AS
    SELECT recording, bag, path, size, sha256
    FROM read_parquet($index)
    WHERE recording IS NOT NULL AND bag IN (SELECT unnest($bags))
    QUALIFY row_number() OVER (PARTITION BY recording ORDER BY path LIKE $access DESC, size, path) = 1
"""
_KNOWN: Final = """
    CREATE TABLE known AS
    SELECT p.*, r.title, r.credit AS artist, r.duration_ms, r.recording AS number, left(r.date, 4) AS year
    FROM published p LEFT JOIN read_parquet($recordings) r ON r.id = p.recording
"""
_UNKNOWN: Final = """
    CREATE TABLE known AS
    SELECT *, NULL::VARCHAR AS title, NULL::VARCHAR AS artist, NULL::INTEGER AS duration_ms,
        NULL::BIGINT AS number, NULL::VARCHAR AS year
    FROM published
"""
_TABLES: Final = {
    "recordings": """
        SELECT recording, title, artist, duration_ms, year, bag, path, size, sha256
        FROM known ORDER BY recording
    """,
    "titles": """
        SELECT searched(coalesce(title, '')) AS searched, title, artist, year, recording
        FROM known WHERE title IS NOT NULL ORDER BY searched, recording
    """,
}
_ISRCS: Final = """
    SELECT isrc, k.recording FROM known k JOIN {codes} c ON c.recording = k.number ORDER BY isrc, k.recording
"""


def write_look_up(index: Path, bags: list[str], snapshot: Snapshot | None, place: Path) -> None:
    """Write the tables of what is in these bags, by the index of an edition, into a folder that is made anew.

    Titles and ISRCs come from the catalogue ``snapshot``; without one there are none.
    """
    place.mkdir()
    with (
        tempfile.TemporaryDirectory(prefix="phonotheque-") as spill,
        closing(connect(memory_limit=_MEMORY, spill=Path(spill))) as engine,
    ):
        engine.create_function("searched", searched, ["VARCHAR"], "VARCHAR")
        values = {"index": str(index), "bags": bags, "access": _ACCESS}
        engine.execute(_PUBLISHED, values)
        if snapshot is None:
            engine.execute(_UNKNOWN)
        else:
            engine.execute(_KNOWN, {"recordings": str(snapshot.path / "recordings.parquet")})
        tables = dict(_TABLES)
        if snapshot is not None:
            codes = str(snapshot.path / "isrcs.parquet").replace("'", "''")
            tables["isrcs"] = _ISRCS.format(codes=f"read_parquet('{codes}')")
        for name, query in tables.items():
            file = str(place / f"{name}.parquet").replace("'", "''")
            options = f"FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {ROWS_AT_ONCE}"
            engine.execute(f"COPY ({query}) TO '{file}' ({options})")


def searched(title: str) -> str:
    """Return a title as it is sorted and searched for; ``look_up.js`` does the same with what is typed."""
    return fold(title)[:100]


def replace(fresh: Path, place: Path) -> None:
    """Put a folder that was made anew in the place of the one there was."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)
