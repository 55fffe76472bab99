"""Clustering tracks into recordings: named steps of SQL, each followed by the same merge.

Every step says which tracks it holds to be one recording (``same``); merging makes connected components of
them. The result does not depend on the order of the facts nor on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from phonotheque.catalogue.engine import run_script


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of evidence. ``guarded``: it does not overrule two different MusicBrainz ids."""

    name: str
    guarded: bool


STEPS = (
    Step("mbid", guarded=False),
    Step("isrc", guarded=True),
    Step("sound", guarded=False),
    Step("title", guarded=True),
    Step("fingerprint", guarded=True),
)


def resolve(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Cluster the tracks of ``staged`` with the links of ``link``; return how many merges each step made.

    Leaves the tables ``track``, ``member`` (track → cluster) and ``doubt``.
    """
    run_script(connection, "tracks")
    merged = {}
    clusters = _clusters(connection)
    for step in STEPS:
        connection.execute("SET VARIABLE step = ?", [step.name])
        run_script(connection, f"step_{step.name}")
        run_script(connection, "pairs")
        if step.guarded:
            run_script(connection, "guard_named")
            merge_pairs(connection)
            run_script(connection, "guard_unnamed")
        merge_pairs(connection)
        before, clusters = clusters, _clusters(connection)
        merged[step.name] = before - clusters
    return merged


def merge_pairs(connection: duckdb.DuckDBPyConnection) -> None:
    """Make one cluster of every connected component of ``pair`` (a < b), named by its smallest member.

    Each round hangs every node under its smallest neighbour, follows that to the root, and goes on with the
    pairs of roots that remain; three or four rounds are usual.
    """
    run_script(connection, "merge_begin")
    while _found(connection, "FROM pair LIMIT 1"):
        run_script(connection, "merge_hook")
        while _found(connection, "FROM parent x JOIN parent y ON y.node = x.parent LIMIT 1"):
            run_script(connection, "merge_climb")
        run_script(connection, "merge_contract")
    run_script(connection, "merge_end")


def _found(connection: duckdb.DuckDBPyConnection, query: str) -> bool:
    return connection.execute(query).fetchone() is not None


def _clusters(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("SELECT count(DISTINCT cluster) FROM member").fetchone()
    assert row is not None
    return int(row[0])
