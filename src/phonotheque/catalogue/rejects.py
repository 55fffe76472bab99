"""What sources said that could not be taken in: counted by reason, and listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phonotheque.catalogue.datasets import datasets
from phonotheque.catalogue.engine import literal
from phonotheque.catalogue.scratch import MEMORY, rows, scratch
from phonotheque.model.errors import NotFoundError

SCOPES = ("file", "record", "value")  # how much was left out
_MOST_REASONS = 200  # some hold a number or a name

_COUNTS = """
    SELECT source, scope, reason, count(*) AS times FROM asked GROUP BY ALL
    ORDER BY source, times DESC, scope, reason LIMIT $most
"""
_TOTAL = "SELECT count(*) AS total FROM asked"
_FIRST = """
    SELECT source, file, position, scope, record_id, field, value, reason FROM asked
    ORDER BY source, file, position NULLS FIRST, scope, record_id, field, value LIMIT $most
"""
_ASKED = """
    CREATE VIEW asked AS FROM rejects
    WHERE list_contains(getvariable('sources'), source) AND list_contains(getvariable('scopes'), scope)
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """How often something was left out for one reason."""

    source: str
    scope: str
    reason: str
    times: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A file, record or value that was left out. ``position`` is that of its record or line, from 1."""

    source: str
    file: str
    position: int | None
    scope: str
    record_id: str | None
    field: str | None
    value: str | None  # its beginning
    reason: str


@dataclass(frozen=True, slots=True)
class Rejects:
    """The commonest reasons of each source, and the first rejects in the order of the files."""

    total: int
    reasons: tuple[Reason, ...]
    entries: tuple[Reject, ...]


def rejects(
    catalogue_dir: Path,
    *,
    source: str | None = None,
    scopes: Sequence[str] = SCOPES,
    limit: int = 50,
    memory_limit: str = MEMORY,
) -> Rejects:
    """Return what was left out of what the catalogue now rests on; list the first ``limit``.

    Raises NotFoundError for a source of which nothing was taken in, VerificationError for damaged datasets.
    """
    found = datasets(catalogue_dir)
    known = sorted({one.source for one in found})
    if source is not None and source not in known:
        there = f"There is something from: {', '.join(known)}." if known else "Nothing was taken in yet."
        raise NotFoundError(f"Nothing was taken in from a source “{source}”.", there)
    parts = [path for one in found for path in one.paths("rejects")]
    if not parts:
        return Rejects(0, (), ())
    with scratch("reading rejects", catalogue_dir, memory_limit) as engine:
        engine.execute(f"CREATE VIEW rejects AS FROM read_parquet({literal(parts)})")
        engine.execute("SET VARIABLE sources = $sources", {"sources": [source] if source else known})
        engine.execute("SET VARIABLE scopes = $scopes", {"scopes": list(scopes)})
        engine.execute(_ASKED)
        (total,) = rows(engine, _TOTAL)
        return Rejects(
            total["total"],
            tuple(Reason(**row) for row in rows(engine, _COUNTS, most=_MOST_REASONS)),
            tuple(Reject(**row) for row in rows(engine, _FIRST, most=limit)),
        )
