"""Planning for an archive: what it holds and may publish, by catalogue and ledger, and the plan of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from sqlalchemy import Row

from phonotheque.audio.access import estimate_access_size
from phonotheque.catalogue.engine import quoted
from phonotheque.catalogue.manifest import Snapshot, current
from phonotheque.catalogue.scratch import MEMORY, open_tables, scratch
from phonotheque.editions.audiences import audience_for, audiences_of, size_of
from phonotheque.editions.elsewhere import Elsewhere
from phonotheque.editions.plan import Plan, make_plan
from phonotheque.editions.plan_folder import current_terms, making
from phonotheque.editions.plan_groups import Group
from phonotheque.ledger.held import masters_to_choose_from
from phonotheque.model.copies import quality
from phonotheque.model.errors import NotFoundError
from phonotheque.model.territory import parse_territory
from phonotheque.vault.archive import Archive

_CHUNK: Final = 10_000  # rows handed out at a time
_QUALITY: Final = ("q0", "q1", "q2", "q3", "q4", "q5")  # model.copies.quality, one column each
_MASTER: Final = pa.schema(
    [
        ("sha256", pa.string()),
        ("file", pa.int64()),
        ("size", pa.int64()),
        ("access_bytes", pa.int64()),
        ("lossless", pa.bool_()),
        ("publishable", pa.bool_()),
        ("reach", pa.int64()),  # countries
        *((name, pa.int64()) for name in _QUALITY),
    ]
)
# The best master of each recording: one that may go to the most people, and of these the best copy.
_CANDIDATES: Final = f"""
    COPY (
        SELECT recording, best.file, recordings.listens, best.size AS master_bytes, best.access_bytes,
               best.lossless, best.publishable, elsewhere.copies
        FROM (
            SELECT recording, max(struct_pack(
                reach, publishable, {", ".join(_QUALITY)}, file, size, access_bytes, lossless
            )) AS best
            FROM files JOIN master USING (sha256) GROUP BY recording
        )
        JOIN recordings USING (recording)
        LEFT JOIN elsewhere USING (recording)
        ORDER BY recording
    ) TO {{path}} (FORMAT parquet, COMPRESSION zstd)
"""  # noqa: S608 — constants
_PLANNED: Final = """
    SELECT recordings.id, items.file, items.listens
    FROM read_parquet({items}) items JOIN recordings USING (recording)
    WHERE items.choice = $choice ORDER BY recording
"""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan for what an archive holds now, and where its items lie while it is open."""

    plan: Plan
    snapshot: Snapshot
    folder: Path  # candidates.parquet and items.parquet
    elsewhere: Elsewhere | None

    @property
    def candidates(self) -> Path:
        """Rows of candidates.CANDIDATES."""
        return self.folder / "candidates.parquet"

    @property
    def items(self) -> Path:
        """Rows of plan.ITEMS."""
        return self.folder / "items.parquet"

    def chosen(self, choice: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the recordings that are to be published so, the most listened first, some at a time.

        Each has ``recording``, its public id; ``file``, the ledger's id of the master; ``listens``.
        """
        with scratch("reading the plan", self.folder) as engine:
            open_tables(engine, self.snapshot, "recordings")
            found = engine.execute(_PLANNED.format(items=quoted(self.items)), {"choice": choice})
            while part := found.fetchmany(_CHUNK):
                yield [dict(zip(("recording", "file", "listens"), row, strict=True)) for row in part]


@contextmanager
def planned(
    archive: Archive,
    budget: int | None,
    *,
    protect: int = 0,
    groups: Sequence[Group] = (),
    elsewhere: Elsewhere | None = None,
    memory_limit: str = MEMORY,
) -> Iterator[Planned]:
    """Make a plan for what is held now. Raises NotFoundError where nothing was ever taken in."""
    snapshot = current(archive.catalogue)
    if snapshot is None:
        raise NotFoundError(f"{archive.folder} holds nothing yet.", "Add some music first: phono add.")
    with making(archive.plans) as folder:
        candidates = folder / "candidates.parquet"
        write_candidates(archive, snapshot, candidates, elsewhere, memory_limit=memory_limit)
        plan = make_plan(
            candidates,
            budget,
            protect=protect,
            groups=groups,
            to=folder / "items.parquet",
            memory_limit=memory_limit,
        )
        yield Planned(plan, snapshot, folder, elsewhere)


@contextmanager
def planned_anew(archive: Archive) -> Iterator[Planned]:
    """Plan for what is held now on the terms last planned on, or without a budget.

    It is made anew: a saved plan knows nothing of what was added, granted or taken back since.
    """
    terms = current_terms(archive.plans)
    with planned(archive, terms.budget, protect=terms.protect, elsewhere=terms.elsewhere) as found:
        yield found


def write_candidates(
    archive: Archive,
    snapshot: Snapshot,
    path: Path,
    elsewhere: Elsewhere | None = None,
    *,
    memory_limit: str = MEMORY,
) -> None:
    """Write for every recording with a held master its best one, and what each choice would cost.

    The rows, of candidates.CANDIDATES, are in the order of recordings. Memory does not grow with them.
    """
    with scratch("planning", path.parent, memory_limit) as engine:
        open_tables(engine, snapshot, "recordings", "files", "isrcs")
        _load_masters(engine, archive)
        if elsewhere is None:
            engine.execute("CREATE TABLE elsewhere (recording BIGINT, copies BIGINT)")
        else:
            elsewhere.load(engine)
        engine.execute(_CANDIDATES.format(path=quoted(path)))


def _load_masters(engine: duckdb.DuckDBPyConnection, archive: Archive) -> None:
    engine.register("batch", _MASTER.empty_table())
    engine.execute("CREATE TABLE master AS FROM batch")
    engine.unregister("batch")
    audiences = audiences_of(archive.settings)

    @cache
    def reach(territory: str | None) -> int:
        audience = audience_for(parse_territory(territory), audiences) if territory else None
        return size_of(audience) if audience else 0

    with archive.ledger.connect() as ledger:
        for part in masters_to_choose_from(ledger):
            rows = [_master(row, reach(row.allowed_in)) for row in part]
            batch = pa.Table.from_pylist(rows, schema=_MASTER)
            engine.register("batch", batch)
            engine.execute("INSERT INTO master FROM batch")
            engine.unregister("batch")


def _master(row: Row[Any], reach: int) -> dict[str, Any]:
    return {
        "sha256": row.sha256,
        "file": row.id,
        "size": row.size,
        "access_bytes": estimate_access_size(row.duration),
        "lossless": bool(row.lossless),
        "publishable": reach > 0,
        "reach": reach,
        **dict(zip(_QUALITY, map(int, quality(row)), strict=True)),
    }
