"""What changed between two snapshots, by public id: added, gone, changed. Computed out of core.

Rows are first compared whole, by a 64-bit digest of what they say, and only those that differ are looked at
again. Numbers inside snapshots mean nothing outside of them; ids do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.scratch import MEMORY, Row, open_tables, rows, scratch
from phonotheque.model.errors import UsageError

_SIDES = ("before", "after")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of thing: its table, the key there, what redirects call it, and what is compared of it."""

    table: str
    key: str
    name: str
    credit: str
    fields: Mapping[str, str]  # what it is called → SQL


KINDS = {
    "recordings": _Kind(
        "recordings",
        "recording",
        "title",
        "credit",
        {
            "title": "title",
            "artist": "credit",
            "duration_ms": "duration_ms",
            "date": "date",
            "isrcs": "isrcs",
            "listens": "listens",
        },
    ),
    "releases": _Kind(
        "releases",
        "release",
        "title",
        "credit",
        {
            "title": "title",
            "artist": "credit",
            "type": "type",
            "date": "date",
            "country": "country",
            "barcode": "barcode",
            "label": "label",
            "catalogue_number": "catalogue_number",
            "tracks": "tracks",
        },
    ),
    "artists": _Kind(
        "artists",
        "artist",
        "name",
        "NULL",
        {
            "name": "name",
            "type": "type",
            "country": "country",
            "aliases": "list_sort(aliases)",
            "identifiers": "list_sort(identifiers)",
            "recordings": "recordings",
        },
    ),
}

# The codes of a recording as one number, in whatever order they come: which they are is looked up for a few.
_CODES = """
    CREATE TABLE {side}_codes AS
    SELECT recording, bit_xor(hash(isrc)) AS isrcs FROM {side}_isrcs GROUP BY recording
"""
_THINGS = """
    CREATE VIEW {side} AS
    SELECT {key} AS key, id, {name} AS name, {credit} AS credit, {fields} FROM {tables}
"""
_DIFFER = """
    CREATE TABLE differ AS
    SELECT x.key AS before, y.key AS after
    FROM (SELECT id::UUID AS id, key, hash({fields}) AS digest FROM before) x
    FULL JOIN (SELECT id::UUID AS id, key, hash({fields}) AS digest FROM after) y USING (id)
    WHERE x.digest IS DISTINCT FROM y.digest
"""
_CHANGED = """
    SELECT count(*) AS changed, {flags} FROM differ
    JOIN before x ON x.key = differ.before JOIN after y ON y.key = differ.after
"""
_ADDED = "SELECT count(*) AS added FROM differ WHERE before IS NULL"
# Where what is gone went: nowhere, or to what the later snapshot leads its id to.
_GONE = """
    CREATE TABLE gone AS
    SELECT differ.before AS key, new_id FROM differ JOIN before x ON x.key = differ.before
    LEFT JOIN (
        SELECT old_id, min(new_id) AS new_id FROM after_redirects WHERE kind = $kind GROUP BY old_id
    ) led ON led.old_id = x.id
    WHERE after IS NULL
"""
_GONE_COUNTS = "SELECT count(new_id) AS redirected, count(*) - count(new_id) AS lost FROM gone"
_FIRST = {
    "added": "SELECT NULL AS before, after FROM differ WHERE before IS NULL ORDER BY after LIMIT $most",
    "lost": "SELECT key AS before, NULL AS after FROM gone WHERE new_id IS NULL ORDER BY key LIMIT $most",
    "redirected": """
        SELECT key AS before, NULL AS after, new_id AS leads_to FROM gone
        WHERE new_id IS NOT NULL ORDER BY key LIMIT $most
    """,
    "changed": """
        SELECT before, after FROM differ WHERE before IS NOT NULL AND after IS NOT NULL
        ORDER BY after LIMIT $most
    """,
}
_WHOLE = "SELECT * FROM {side} WHERE key IN (SELECT unnest($keys))"
_ISRCS = """
    SELECT recording, list(isrc ORDER BY isrc) AS isrcs FROM {side}_isrcs
    WHERE recording IN (SELECT unnest($keys)) GROUP BY recording
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that says something else."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was ``added``, ``changed``, ``redirected`` (to ``leads_to``) or ``lost``."""

    what: str
    id: str
    name: str | None
    artist: str | None
    leads_to: str | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """How much differs, and the first of each sort: of recordings, the most listened."""

    kind: str
    before: str
    after: str
    counts: Mapping[str, int]  # added, changed, redirected, lost
    fields: Mapping[str, int]  # how many changed in each
    entries: tuple[Difference, ...]


def diff(
    before: Snapshot,
    after: Snapshot,
    *,
    kind: str = "recordings",
    limit: int = 20,
    memory_limit: str = MEMORY,
) -> Differences:
    """Compare two snapshots; list at most ``limit`` of what was added, changed, redirected and lost.

    Raises UsageError for a kind that is none of KINDS.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no kind “{kind}”.", f"Compare {', '.join(KINDS)}.")
    what = KINDS[kind]
    with scratch("comparing snapshots", after.path, memory_limit) as engine:
        for side, snapshot in zip(_SIDES, (before, after), strict=True):
            _open(engine, snapshot, side, what)
        fields = ", ".join(what.fields)
        engine.execute(_DIFFER.format(fields=fields))
        engine.execute(_GONE, {"kind": what.key})
        flags = ", ".join(f"count(*) FILTER (x.{f} IS DISTINCT FROM y.{f}) AS {f}" for f in what.fields)
        (changed,) = rows(engine, _CHANGED.format(flags=flags))
        (added,), (gone,) = rows(engine, _ADDED), rows(engine, _GONE_COUNTS)
        counts = added | {"changed": changed.pop("changed")} | gone
        entries = [entry for sort in counts for entry in _first(engine, what, sort, limit)]
    return Differences(kind, before.stamp, after.stamp, counts, changed, tuple(entries))


def _open(engine: duckdb.DuckDBPyConnection, snapshot: Snapshot, side: str, what: _Kind) -> None:
    """Make a view of the things of one snapshot, called as the side is."""
    open_tables(engine, snapshot, what.table, "redirects", prefix=f"{side}_")
    tables = f"{side}_{what.table}"
    if "isrcs" in what.fields:
        open_tables(engine, snapshot, "isrcs", prefix=f"{side}_")
        engine.execute(_CODES.format(side=side))
        tables += f" LEFT JOIN {side}_codes USING (recording)"
    fields = ", ".join(f"{sql} AS {name}" for name, sql in what.fields.items())
    view = _THINGS.format(
        side=side, key=what.key, name=what.name, credit=what.credit, fields=fields, tables=tables
    )
    engine.execute(view)


def _first(engine: duckdb.DuckDBPyConnection, what: _Kind, sort: str, limit: int) -> list[Difference]:
    pairs = rows(engine, _FIRST[sort], most=limit)
    before, after = (_whole(engine, what, side, [pair[side] for pair in pairs]) for side in _SIDES)
    found = []
    for pair in pairs:
        old, new = before.get(pair["before"]), after.get(pair["after"])
        shown = new or old
        assert shown is not None
        changes = [Change(f, old[f], new[f]) for f in what.fields if old and new and old[f] != new[f]]
        entry = Difference(
            sort, shown["id"], shown["name"], shown["credit"], pair.get("leads_to"), tuple(changes)
        )
        found.append(entry)
    return found


def _whole(
    engine: duckdb.DuckDBPyConnection, what: _Kind, side: str, wanted: Sequence[int | None]
) -> dict[int | None, Row]:
    keys = [key for key in wanted if key is not None]
    if not keys:
        return {}
    found = {row["key"]: row for row in rows(engine, _WHOLE.format(side=side), keys=keys)}
    if "isrcs" in what.fields:
        codes = rows(engine, _ISRCS.format(side=side), keys=keys)
        known = {row["recording"]: row["isrcs"] for row in codes}
        for key, row in found.items():
            row["isrcs"] = known.get(key, [])
    return dict(found)
