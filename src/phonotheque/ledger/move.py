"""Copying a whole ledger into another database, and comparing the two row by row.

The copy goes table by table, those that others refer to first, in the order of keys, some rows at a time. Its
schema bears a mark until it is whole, so that nothing uses it before; with the mark of the same move, it is
compared as far as it has come, and continued.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    delete,
    func,
    insert,
    inspect,
    literal,
    not_,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError

from phonotheque.ledger.connect import HEAD, MOVING, migrate, opening_error, revision_of, shown
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import events, metadata
from phonotheque.ledger.stream import stream, stream_parts
from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError
from phonotheque.model.progress import QUIET, Progress

MOVED = "transfer"  # the PREMIS event type that a copy begins its own life with
_AT_ONCE = 1000  # rows
_TOO_ODD = (DataError, IntegrityError)


@dataclass(frozen=True, slots=True)
class TableCopy:
    """A table that is equal in both ledgers; ``sha256`` is over all columns of all rows in order of keys."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to. ``replaced`` texts held U+0000, which PostgreSQL keeps in no text."""

    tables: tuple[TableCopy, ...]
    replaced: int

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)


def copy_ledger(
    source: Engine, target: Engine, *, owner: str, agent: str, at: str, progress: Progress = QUIET
) -> Copied:
    """Copy every row, compare both ledgers, and make the copy usable. Nothing is changed in ``source``.

    Nobody may write to either meanwhile. ``owner`` is the archive's id: only its own unfinished copy is
    continued. Raises UsageError for a target that holds anything else, PhonothequeError for a row that the
    target cannot keep, VerificationError when the two differ afterwards.
    """
    mark = f"{MOVING}{HEAD} {sha256(owner.encode()).hexdigest()[:20]}"
    with _reaching(target):
        if _is_finished(source, target, owner):
            return _compared(source, target, progress, without_event_of=owner)
        continued = _take(target, mark)
    if continued and not _begins_like(source, target, progress):
        _empty(target)
    with source.connect() as ledger:
        rows = sum(_count(ledger, table) for table in metadata.sorted_tables)
    progress.start("Copying rows", total_files=rows)
    for table in metadata.sorted_tables:
        for part in _parts(table, source):
            _copy(source, target, table, part, progress)
    copied = _compared(source, target, progress)
    with target.begin() as ledger:
        _count_on(ledger)
        record_event(
            ledger,
            at=at,
            kind=MOVED,
            subject="ledger",
            agent=agent,
            detail={"archive": owner, "from": shown(source), "rows": copied.rows},
        )
        ledger.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})
    return copied


def rows_of(engine: Engine) -> dict[str, int]:
    """Return the number of rows of each table."""
    with engine.connect() as ledger:
        return {table.name: _count(ledger, table) for table in metadata.sorted_tables}


def _take(target: Engine, mark: str) -> bool:
    """Mark an empty database as ours; return whether it was before. Raises UsageError for any other."""
    revision = revision_of(target)
    if revision == mark:
        return True
    if revision is not None and revision.startswith(MOVING):
        raise _refused(target, "holds an unfinished copy of another ledger, or one begun by another version")
    there = inspect(target).get_table_names()
    if revision is None and there:
        raise _refused(target, f"holds something else already ({', '.join(sorted(there)[:5])})")
    if revision != HEAD:
        migrate(target)
    if any(rows_of(target).values()):
        raise _refused(target, "holds a ledger already")
    with target.begin() as ledger:
        ledger.execute(text("UPDATE alembic_version SET version_num = :mark"), {"mark": mark})
    return False


def _refused(target: Engine, why: str) -> UsageError:
    advice = "Give an empty database, or empty this one yourself: nothing here deletes what it holds."
    return UsageError(f"{shown(target)} {why}.", advice)


def _is_finished(source: Engine, target: Engine, owner: str) -> bool:
    """Whether the target is a finished copy that nobody has used since, and equal to the source."""
    if revision_of(target) != HEAD:
        return False
    with target.connect() as ledger:
        newest = ledger.execute(select(events).order_by(events.c.id.desc()).limit(1)).first()
    if newest is None or newest.type != MOVED or newest.detail.get("archive") != owner:
        return False
    ours, copies = rows_of(source), rows_of(target)
    ours[events.name] += 1
    return ours == copies


def _own(table: Table) -> tuple[Column[Any], Column[Any]] | None:
    """Return the column by which rows refer to rows of their own table, if any, and the one referred to."""
    keys = (key for column in table.columns for key in column.foreign_keys if key.references(table))
    return next(((key.parent, key.column) for key in keys), None)


def _parts(table: Table, *ledgers: Engine) -> list[ColumnElement[bool]]:
    """Return parts of a table, each of rows that refer to no row of their own table but of earlier parts."""
    if (own := _own(table)) is None:
        return [true()]
    free = own[0].is_(None)
    steps, deepest = _steps(table, *own), 1
    for engine in ledgers:
        with engine.connect() as ledger:
            if ledger.execute(_second(table, *own)).first() is not None:
                longest = ledger.execute(select(func.max(steps.c.step))).scalar_one()
                deepest = max(deepest, longest)
    if deepest == 1:
        return [free, not_(free)]  # as of most tables
    rows = (select(steps.c.key).where(steps.c.step == step) for step in range(1, deepest + 1))
    return [free, *(own[1].in_(each) for each in rows)]


def _second(table: Table, refers: Column[Any], key: Column[Any]) -> Select[Any]:
    """Return what finds a row that refers to one that refers to another."""
    first = table.alias()
    second = first.c[key.name] == refers
    return select(key).join(first, second).where(first.c[refers.name].is_not(None)).limit(1)


def _steps(table: Table, refers: Column[Any], key: Column[Any]) -> CTE:
    """Return the keys of rows that refer to others, with how many come before each."""
    first = table.alias()
    begins = first.c[key.name] == refers
    steps = (
        select(key.label("key"), literal(1).label("step"))
        .join(first, begins)
        .where(first.c[refers.name].is_(None))
        .cte("steps", recursive=True)
    )
    after = table.alias()
    return steps.union_all(
        select(after.c[key.name], steps.c.step + 1).join(steps, after.c[refers.name] == steps.c.key)
    )


def _copy(
    source: Engine, target: Engine, table: Table, part: ColumnElement[bool], progress: Progress
) -> None:
    key = list(table.primary_key.columns)
    query = select(table).where(part).order_by(*key)
    with target.connect() as ledger:
        last = ledger.execute(
            select(*key).where(part).order_by(*[column.desc() for column in key]).limit(1)
        ).first()
        done = ledger.execute(select(func.count()).select_from(table).where(part)).scalar_one()
    if last is not None:
        query = query.where(tuple_(*key) > tuple_(*last))
        progress.advance(files=done)
    with source.connect() as ledger:
        for some in stream_parts(ledger, query, _AT_ONCE):
            _insert(target, table, [dict(row._mapping) for row in some])
            progress.advance(files=len(some))


def _insert(target: Engine, table: Table, rows: list[dict[str, Any]]) -> None:
    try:
        with target.begin() as ledger:
            ledger.execute(insert(table), rows)
    except _TOO_ODD:
        for row in rows:  # which one?
            try:
                with target.begin() as ledger:
                    ledger.execute(insert(table), row)
            except _TOO_ODD as error:
                key = ", ".join(str(row[column.name]) for column in table.primary_key.columns)
                raise PhonothequeError(
                    f"The row {key} of {table.name} cannot be kept in {shown(target)}: {_said(error)}.",
                    "Nothing was changed in the old ledger. Correct the row there, then try again.",
                ) from error


def _begins_like(source: Engine, target: Engine, progress: Progress) -> bool:
    """Whether all that an unfinished copy holds is what the source begins with, part by part."""
    progress.start("Comparing what was copied before", total_files=sum(rows_of(target).values()))
    for table in metadata.sorted_tables:
        for part in _parts(table, source, target):
            with _both(source, target, table, part) as (ours, copies):
                for copied in copies:
                    if _plain(next(ours, ())) != _plain(copied):
                        return False
                    progress.advance(files=1)
    return True


def _empty(target: Engine) -> None:
    with target.begin() as ledger:
        for table in reversed(metadata.sorted_tables):
            if own := _own(table):
                ledger.execute(update(table).values({own[0]: None}))
            ledger.execute(delete(table))


def _compared(
    source: Engine, target: Engine, progress: Progress, *, without_event_of: str | None = None
) -> Copied:
    """Read both ledgers side by side. Raises VerificationError, which names the first row that differs."""
    progress.start("Comparing rows", total_files=sum(rows_of(source).values()))
    tables, replaced = [], 0
    for table in metadata.sorted_tables:
        ours, copies = sha256(), sha256()
        count = 0
        with _both(source, target, table, true()) as both:
            for there, copied in zip_longest(*both):
                if there is None and table is events and without_event_of is not None:
                    break  # that it was copied
                one, other = _plain(there or ()), _plain(copied or ())
                if one != other:
                    raise _differ(table, there or copied)
                replaced += sum("\0" in value for value in there if isinstance(value, str))
                ours.update(one)
                copies.update(other)
                count += 1
                progress.advance(files=1)
        assert ours.digest() == copies.digest()
        tables.append(TableCopy(table.name, count, ours.hexdigest()))
    return Copied(tuple(tables), replaced)


def _differ(table: Table, row: Any) -> VerificationError:
    key = ", ".join(str(getattr(row, column.name)) for column in table.primary_key.columns)
    return VerificationError(
        f"The ledgers differ in {table.name}, in the row {key}.",
        "The old ledger is unchanged and still in use. Was something writing meanwhile? Try again.",
    )


@contextmanager
def _both(
    source: Engine, target: Engine, table: Table, part: ColumnElement[bool]
) -> Iterator[tuple[Generator[Any], Generator[Any]]]:
    with (
        source.connect() as ours,
        target.connect() as copies,
        closing(_rows(ours, table, part)) as left,
        closing(_rows(copies, table, part)) as right,
    ):
        yield left, right


def _rows(ledger: Connection, table: Table, part: ColumnElement[bool]) -> Generator[Any]:
    query = select(table).where(part).order_by(*table.primary_key.columns)
    yield from stream(ledger, query)


def _plain(row: Iterable[Any]) -> bytes:
    """Return a row as bytes that are equal for equal values, of whatever database."""
    values = [value.replace("\0", "\ufffd") if type(value) is str else value for value in row]
    return json.dumps(values, default=bytes.hex).encode()


def _count(ledger: Connection, table: Table) -> int:
    return int(ledger.execute(select(func.count()).select_from(table)).scalar_one())


def _count_on(ledger: Connection) -> None:
    """Let new rows get numbers after those that were copied. SQLite does by itself."""
    if ledger.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        name = ledger.dialect.identifier_preparer.format_table(table)
        column = table.autoincrement_column
        if column is not None:
            last = select(func.max(column)).scalar_subquery()
            counter = func.pg_get_serial_sequence(name, column.name)
            ledger.execute(select(func.setval(counter, func.coalesce(last, 1), last.is_not(None))))
        ledger.execute(text(f"ANALYZE {name}"))


@contextmanager
def _reaching(target: Engine) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise opening_error(target, error) from error


def _said(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())
