"""Tables in which a page finds a recording by a few requests of byte ranges: sorted, in small row groups.

``recordings.parquet`` is by id, ``isrcs.parquet`` by ISRC, ``titles.parquet`` by the title as it is searched
for. They tell of what an edition publishes for everybody, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType

from phonotheque.catalogue.engine import connect
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.editions.site import rows_at_once
from phonotheque.model.text import fold_all

_MEMORY: Final = "1GB"
_ACCESS: Final = "data/access/%"
_LONGEST: Final = 500  # characters of a title or a credit: what others wrote may have any length
_KEY: Final = 100  # characters of a title by which it is sorted
_PUBLISHED: Final = """
    CREATE TABLE published AS
    SELECT recording, bag, path, size, sha256
    FROM read_parquet($index)
    WHERE recording IS NOT NULL AND bag IN (SELECT unnest($bags))
        AND bag || '/' || path NOT IN (SELECT unnest($withheld))
    QUALIFY row_number() OVER (PARTITION BY recording ORDER BY path LIKE $access DESC, size, path) = 1
"""
# What is told of recordings: by a catalogue, by the lines of bags that lie here, or by nobody.
_BY_CATALOGUE: Final = (
    """
    CREATE VIEW told AS
    SELECT id AS recording, title, credit AS artist, duration_ms, date FROM read_parquet({recordings})
    """,
    """
    CREATE VIEW codes AS
    SELECT c.isrc, r.id AS recording
    FROM read_parquet({isrcs}) c JOIN read_parquet({recordings}) r ON r.recording = c.recording
    """,
)
_BY_BAGS: Final = (
    """
    CREATE TABLE lines AS
    SELECT recording, title, array_to_string(artists, ' & ') AS artist, date, isrcs,
        round(duration * 1000)::INTEGER AS duration_ms
    FROM read_json({lines}, format = 'newline_delimited', columns = {{recording: 'VARCHAR', title: 'VARCHAR',
        artists: 'VARCHAR[]', date: 'VARCHAR', isrcs: 'VARCHAR[]', duration: 'DOUBLE'}})
    """,
    """
    CREATE VIEW told AS
    SELECT recording, title, artist, duration_ms, date FROM lines
    QUALIFY row_number() OVER (PARTITION BY recording ORDER BY title, artist, date, duration_ms) = 1
    """,
    "CREATE VIEW codes AS SELECT DISTINCT unnest(isrcs) AS isrc, recording FROM lines",
)
_BY_NOBODY: Final = (
    """
    CREATE TABLE told (recording VARCHAR, title VARCHAR, artist VARCHAR, duration_ms INTEGER, date VARCHAR)
    """,
    "CREATE TABLE codes (isrc VARCHAR, recording VARCHAR)",
)
_KNOWN: Final = """
    CREATE TABLE known AS
    SELECT p.*, left(t.title, {longest}) AS title, left(t.artist, {longest}) AS artist, t.duration_ms,
        left(t.date, 4) AS year
    FROM published p LEFT JOIN told t USING (recording)
"""
_TABLES: Final = {
    "recordings": """
        SELECT recording, title, artist, duration_ms, year, bag, path, size, sha256
        FROM known ORDER BY recording
    """,
    "titles": """
        SELECT searched(title) AS searched, title, artist, year, recording
        FROM known WHERE title <> '' ORDER BY searched, recording
    """,
    "isrcs": "SELECT c.isrc, c.recording FROM codes c SEMI JOIN known USING (recording) ORDER BY ALL",
}


def write_look_up(
    index: Path,
    bags: Sequence[str],
    told: Snapshot | Sequence[Path] | None,
    place: Path,
    *,
    withheld: Collection[str] = (),
) -> None:
    """Write the tables of what is in these bags, by the index of an edition, into a folder that is made anew.

    Titles and ISRCs come from a snapshot of the catalogue, or from ``recordings.jsonl`` of bags; by nobody
    told, there are none. Of what is withheld, "bag/path", the tables say nothing. Memory is bounded; what
    does not fit into it lies beside ``place`` meanwhile. Raises duckdb.Error for files that cannot be read.
    """
    place.mkdir()
    spill = place.with_name(".spill")
    with closing(connect(memory_limit=_MEMORY, spill=spill)) as engine:
        engine.create_function("searched", _searched, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW)
        values = {"index": str(index), "bags": list(bags), "withheld": list(withheld), "access": _ACCESS}
        engine.execute(_PUBLISHED, values)
        _tell(engine, told)
        engine.execute(_KNOWN.format(longest=_LONGEST))
        (rows,) = engine.execute("SELECT count(*) FROM known").fetchone() or (0,)
        options = f"FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {rows_at_once(rows)}"
        for name, query in _TABLES.items():
            engine.execute(f"COPY ({query}) TO {_quoted(place / f'{name}.parquet')} ({options})")


def searched(titles: Sequence[str]) -> list[str]:
    """Return titles as they are sorted and searched for; ``look_up.js`` does the same with what is typed."""
    return [key[:_KEY] for key in fold_all(titles)]


def _searched(titles: pa.ChunkedArray) -> pa.Array:
    return pa.array(searched(titles.to_pylist()), pa.string())


def _tell(engine: duckdb.DuckDBPyConnection, told: Snapshot | Sequence[Path] | None) -> None:
    if isinstance(told, Snapshot):
        names = {name: _quoted(told.path / f"{name}.parquet") for name in ("recordings", "isrcs")}
        queries = [query.format(**names) for query in _BY_CATALOGUE]
    elif told:
        lines = f"[{', '.join(map(_quoted, told))}]"
        queries = [query.format(lines=lines) for query in _BY_BAGS]
    else:
        queries = list(_BY_NOBODY)
    for query in queries:
        engine.execute(query)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
