"""Deriving which recordings are published, from what is: an edition's index, and what was taken back since.

What is slow (reading the index, comparing with the catalogue) is done aside; what has changed gets the moment
at which it is put into the file as its stamp, so that whoever asks for what changed since misses nothing. The
first time, stamps are the dates of the editions that brought the bags.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from phonotheque.catalogue.engine import connect
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.editions.edition import Edition
from phonotheque.editions.sealing import AUDIO_WAVE
from phonotheque.vault.place import naming
from phonotheque.web.oai.kept import make, state, writer

PART: Final = 5_000  # recordings of one list of addresses
_MEMORY: Final = "1GB"
_BATCH: Final = 10_000  # rows

# Who was merged into another is listed as that; of what nobody's catalogue says anything, facts are 0.
_PUBLISHED: Final = r"""
    WITH listed AS (
        SELECT lower(i.recording) AS id, max(b.edition) AS edition
        FROM read_parquet($index) i JOIN bag b ON b.id = i.bag
        WHERE regexp_full_match(i.recording, '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}')
        GROUP BY 1
    ), now AS (
        SELECT coalesce(r.new_id, l.id) AS id, max(l.edition) AS edition
        FROM listed l LEFT JOIN redirect r ON r.old_id = l.id GROUP BY 1
    )
    SELECT unhex(replace(n.id, '-', '')), n.edition, coalesce(f.facts, 0)
    FROM now n LEFT JOIN fact f ON f.id = n.id ORDER BY 1
"""
_FACTS: Final = """
    CREATE VIEW fact AS SELECT id, (md5_number_lower(concat_ws(chr(31), coalesce(title, ''),
        coalesce(credit, ''), coalesce(date, ''), coalesce(duration_ms, 0))) >> 1)::BIGINT AS facts
    FROM read_parquet($recordings)
"""
_SCRATCH: Final = """
CREATE TABLE scratch.now (id BLOB PRIMARY KEY, edition INTEGER, facts INTEGER) WITHOUT ROWID;
CREATE TABLE scratch.taken (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE scratch.gone (id BLOB PRIMARY KEY, stamp INTEGER) WITHOUT ROWID;
CREATE TABLE scratch.dated (edition INTEGER PRIMARY KEY, stamp INTEGER);
CREATE TABLE scratch.change (id BLOB PRIMARY KEY, stamp INTEGER, edition INTEGER, deleted INTEGER,
    facts INTEGER) WITHOUT ROWID;
"""
_CHANGES: Final = (
    # What is new, back, elsewhere, or said otherwise.
    """INSERT INTO scratch.change
    SELECT n.id, d.stamp, n.edition, 0, n.facts FROM scratch.now n
    LEFT JOIN main.record r ON r.id = n.id LEFT JOIN scratch.dated d ON d.edition = n.edition
    WHERE n.id NOT IN (SELECT id FROM scratch.taken)
    AND (r.id IS NULL OR r.deleted OR r.edition <> n.edition OR r.facts <> n.facts)""",
    # What is not published any more.
    """INSERT INTO scratch.change
    SELECT r.id, NULL, r.edition, 1, r.facts FROM main.record r WHERE NOT r.deleted
    AND (r.id IN (SELECT id FROM scratch.taken) OR r.id NOT IN (SELECT id FROM scratch.now))""",
    # What was taken back before this file knew of it.
    """INSERT OR IGNORE INTO scratch.change
    SELECT n.id, g.stamp, n.edition, 1, n.facts FROM scratch.now n
    JOIN scratch.taken t ON t.id = n.id LEFT JOIN scratch.gone g ON g.id = n.id
    WHERE n.id NOT IN (SELECT id FROM main.record)""",
    # What was published once, before this file was made.
    """INSERT OR IGNORE INTO scratch.change
    SELECT g.id, g.stamp, 0, 1, 0 FROM scratch.gone g WHERE g.id NOT IN (SELECT id FROM main.record)
    AND (g.id IN (SELECT id FROM scratch.taken) OR g.id NOT IN (SELECT id FROM scratch.now))""",
)


@dataclass(frozen=True, slots=True)
class Published:
    """What there is to derive from. ``taken`` is taken back everywhere; ``gone`` was published once.

    ``gone`` gives when it was last taken out, ``dates`` when editions were made, in seconds since 1970.
    """

    edition: Edition
    index: Path
    snapshot: Snapshot | None
    taken: frozenset[bytes]
    gone: Iterable[tuple[bytes, int]]
    dates: Mapping[int, int]


def derive(
    path: Path,
    published: Published,
    signature: str,
    *,
    clock: Callable[[], int],
    moment: AbstractContextManager[object],
) -> int:
    """Bring the file up to date; return how many records changed.

    ``moment`` keeps out readers of this process while changes are stamped and put in.
    """
    make(path)
    scratch = path.with_name(f".{path.name}.making")
    scratch.unlink(missing_ok=True)
    try:
        with closing(writer(path)) as opened:
            opened.execute("ATTACH ? AS scratch", (str(scratch),))
            opened.execute("PRAGMA scratch.journal_mode = OFF")
            opened.executescript(_SCRATCH)
            _gather(opened, published, path.parent)
            first = state(opened, "signature") is None
            for statement in _CHANGES:
                opened.execute(statement)
            opened.commit()
            with moment, opened:
                changed = _put_in(opened, first, clock(), signature)
            _cut(opened)
            opened.execute("DETACH scratch")
            return changed
    finally:
        scratch.unlink(missing_ok=True)


def _gather(opened: sqlite3.Connection, published: Published, spill: Path) -> None:
    for batch in _published(published, spill):
        opened.executemany("INSERT INTO scratch.now VALUES (?, ?, ?)", batch)
    opened.executemany("INSERT INTO scratch.taken VALUES (?)", ((name,) for name in published.taken))
    opened.executemany(
        "INSERT INTO scratch.gone VALUES (?, ?) ON CONFLICT DO UPDATE SET stamp = max(stamp, excluded.stamp)",
        published.gone,
    )
    opened.executemany("INSERT INTO scratch.dated VALUES (?, ?)", published.dates.items())
    opened.commit()


def _published(published: Published, spill: Path) -> Iterator[list[tuple[bytes, int, int]]]:
    """Yield id, edition and facts of what an edition lists, by id, some at a time."""
    with naming(published.index), closing(connect(memory_limit=_MEMORY, spill=spill)) as duck:
        duck.execute("CREATE TABLE bag (id TEXT, edition INTEGER)")
        bags = [(bag.id, bag.edition) for bag in published.edition.bags if bag.wave == AUDIO_WAVE]
        for start in range(0, len(bags), _BATCH):
            some = bags[start : start + _BATCH]
            duck.execute(
                "INSERT INTO bag SELECT unnest($1::TEXT[]), unnest($2::INTEGER[])",
                [[name for name, _ in some], [number for _, number in some]],
            )
        if published.snapshot is None:
            duck.execute("CREATE TABLE redirect (old_id TEXT, new_id TEXT)")
            duck.execute("CREATE TABLE fact (id TEXT, facts BIGINT)")
        else:
            _catalogue(duck, published.snapshot)
        found = duck.execute(_PUBLISHED, {"index": str(published.index)})
        while rows := found.fetchmany(_BATCH):
            yield rows


def _catalogue(duck: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    redirects, recordings = (_quoted(snapshot.table(name)) for name in ("redirects", "recordings"))
    duck.execute(
        f"CREATE VIEW redirect AS SELECT old_id, any_value(new_id) AS new_id FROM read_parquet({redirects}) "  # noqa: S608
        "WHERE kind = 'recording' AND old_id <> new_id GROUP BY 1"
    )
    duck.execute(_FACTS.replace("$recordings", recordings))


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _put_in(opened: sqlite3.Connection, first: bool, at: int, signature: str) -> int:
    stamp = "coalesce(stamp, ?)" if first else "?"
    changed = opened.execute(
        f"INSERT OR REPLACE INTO main.record SELECT id, {stamp}, edition, deleted, facts FROM scratch.change",  # noqa: S608
        (at,),
    ).rowcount
    opened.executemany(
        "INSERT OR REPLACE INTO main.state VALUES (?, ?)",
        [("signature", signature), ("changed", str(at))],
    )
    return changed


def _cut(opened: sqlite3.Connection) -> None:
    """Cut what is published into parts of equal size, by id: each is then found without the others."""
    firsts = [b""]
    for number, (name,) in enumerate(
        opened.execute("SELECT id FROM main.record WHERE deleted = 0 ORDER BY id")
    ):
        if number and number % PART == 0:
            firsts.append(name)
    with opened:
        opened.execute("DELETE FROM main.part")
        opened.executemany("INSERT INTO main.part VALUES (?, ?)", enumerate(firsts, start=1))
