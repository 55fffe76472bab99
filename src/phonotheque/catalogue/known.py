"""What the datasets say, as the views that resolving and describing read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.engine import literal, nothing, numbered_facts
from phonotheque.catalogue.manifest import TableFile
from phonotheque.catalogue.schema import LINKS, LISTENS, THINGS
from phonotheque.model.errors import UsageError


def show(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    shared: Mapping[str, tuple[TableFile, ...]],
    sources: Sequence[Dataset],
    links: pa.Table | None,
) -> None:
    """Make the views ``fact``, ``number`` (of each fact), ``thing``, ``listen``, and the table ``link``.

    ``shared`` are the parts of the snapshot that is being made in ``folder``, in the order of ``sources``.
    Raises UsageError for links of other columns.
    """
    _show_facts(connection, folder, shared["facts"], sources)
    _show(connection, "thing", THINGS, [folder / part.file for part in shared["things"]])
    _show(connection, "listen", LISTENS, [path for dataset in sources for path in dataset.paths("listens")])
    _show_links(connection, links)


def _show_facts(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    parts: Sequence[TableFile],
    sources: Sequence[Dataset],
) -> None:
    """Where datasets of one source tell of the same record, the newest is believed, not the others."""
    connection.execute(f"CREATE VIEW every_fact AS {numbered_facts(folder, parts)}")
    connection.execute("CREATE TABLE outdated (fact BIGINT)")
    first, spans = 0, dict[str, list[tuple[int, int, int]]]()
    for age, dataset in enumerate(sources):
        rows = dataset.rows("facts")
        spans.setdefault(dataset.source, []).append((first, first + rows, age))
        first += rows
    for several in spans.values():
        if len(several) > 1:
            _leave_out(connection, several)
    outdated = connection.execute("FROM outdated LIMIT 1").fetchone() is not None
    left_out = "ANTI JOIN outdated USING (fact)" if outdated else ""
    connection.execute(f"CREATE VIEW fact AS FROM every_fact {left_out}")
    numbers = f"SELECT range AS fact FROM range({first})"  # noqa: S608 — a number of our own
    connection.execute(f"CREATE VIEW number AS FROM ({numbers}) {left_out}")


def _leave_out(connection: duckdb.DuckDBPyConnection, spans: Sequence[tuple[int, int, int]]) -> None:
    """Note the facts of records that a newer dataset of the same source tells of again."""
    cases = " ".join(f"WHEN fact < {end} THEN {age}" for _, end, age in spans)
    low, high = spans[0][0], spans[-1][1]
    connection.execute(
        f"""
        INSERT INTO outdated
        WITH aged AS (
            SELECT fact, record_id, CASE {cases} END AS age
            FROM every_fact WHERE fact >= {low} AND fact < {high}
        ),
        newest AS (SELECT record_id, max(age) AS age FROM aged GROUP BY record_id HAVING min(age) <> max(age))
        SELECT fact FROM aged JOIN newest USING (record_id) WHERE aged.age < newest.age
        """  # noqa: S608 — numbers of our own
    )


def _show_links(connection: duckdb.DuckDBPyConnection, links: pa.Table | None) -> None:
    table = LINKS.empty_table() if links is None else links
    if table.schema != LINKS:
        raise UsageError("links: these are not the columns of LINKS.", "Give them as in catalogue/schema.py.")
    connection.register("incoming", table)
    connection.execute(
        """
        CREATE TABLE link AS
        SELECT row_number() OVER (ORDER BY a_sha256, b_sha256) AS number,
               a_sha256, b_sha256, min(score) AS score
        FROM incoming WHERE evidence = 'fingerprint' GROUP BY a_sha256, b_sha256
        """
    )
    connection.unregister("incoming")


def _show(connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, paths: Sequence[Path]) -> None:
    rows = f"FROM read_parquet({literal(paths)})" if paths else nothing(schema)
    connection.execute(f"CREATE VIEW {name} AS {rows}")
