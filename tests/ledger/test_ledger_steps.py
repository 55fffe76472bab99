"""A ledger with something in every table, and every reference, takes each step to the newest schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, MetaData, Table, func, insert, select

from phonotheque.ledger.connect import HEAD, connect, integrity_errors, open_database, revision_of
from phonotheque.ledger.schema import metadata
from tests.postgresql import new_database

pytestmark = pytest.mark.sqlite("makes databases of both kinds itself")

_CONFIG = Config()
_CONFIG.set_main_option("script_location", "phonotheque:ledger/migrations")
STEPS = [step.revision for step in reversed(list(ScriptDirectory.from_config(_CONFIG).walk_revisions()))]
_NUMBERS = count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: URL) -> Iterator[Engine]:
    """An empty database of a kind."""
    if request.param == "sqlite":
        url = URL.create("sqlite", database=str(tmp_path / "ledger.sqlite"))
    else:
        url = new_database(postgresql_server, f"{tmp_path.name.lower()[:40]}_steps")
    engine = open_database(url)
    yield engine
    engine.dispose()


def upgraded(engine: Engine, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "phonotheque:ledger/migrations")
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # as connect() does
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def tables_of(ledger: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(ledger)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def filled(engine: Engine) -> Counter[str]:
    """Put a row that refers to whatever it can into every table that is there; return the rows of each."""
    with engine.begin() as ledger:
        tables = tables_of(ledger)
        for table in tables:
            ledger.execute(insert(table), {column.name: made_up(ledger, column) for column in table.columns})
        rows = {table.name: select(func.count()).select_from(table) for table in tables}
        return Counter({name: ledger.execute(query).scalar_one() for name, query in rows.items()})


def made_up(ledger: Connection, column: sa.Column[object]) -> object:
    number = next(_NUMBERS)
    for key in column.foreign_keys:
        newest = select(func.max(key.column))
        return ledger.execute(newest).scalar()  # none, for the first row of a table that refers to itself
    if isinstance(column.type, sa.JSON):
        return [number]
    if isinstance(column.type, sa.String):
        return f"{number:08}"[: column.type.length]
    kinds = {sa.Boolean: True, sa.Integer: number, sa.Float: 0.1, sa.LargeBinary: b"%d" % number}
    return next(value for kind, value in kinds.items() if isinstance(column.type, kind))


def contents(engine: Engine) -> dict[str, list[dict[str, object]]]:
    """Return all rows by table, in order of keys."""
    with engine.connect() as ledger:
        return {
            table.name: [
                dict(row._mapping)
                for row in ledger.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in tables_of(ledger)
        }


def is_sound(engine: Engine) -> bool:
    assert revision_of(engine) == HEAD
    assert integrity_errors(engine) == []
    with engine.connect() as ledger:
        context = MigrationContext.configure(ledger, opts={"compare_type": True})
        return not compare_metadata(context, metadata)


def test_a_full_ledger_opens_with_all_that_was_in_it(engine: Engine) -> None:
    upgraded(engine, "0006")
    filled(engine)
    assert set(filled(engine).values()) == {2}
    before = contents(engine)
    assert all(row["answered_by"] for row in before["rights_questions"])
    connect(engine.url).dispose()
    after = contents(engine)
    for table, rows in before.items():
        new = [{name: value for name, value in row.items() if name in rows[0]} for row in after[table]]
        assert new == rows, table
    assert is_sound(engine)


def test_corrections_of_what_was_read_are_bound_to_where_it_was(engine: Engine) -> None:
    upgraded(engine, "0012")
    table = filled_statements(engine, 4)
    with engine.begin() as ledger:
        ids = ledger.execute(select(table.c.id).order_by(table.c.id)).scalars().all()
        ledger.execute(table.update().values(found_at=None, supersedes=None))
        for old, new in ((ids[1], ids[0]), (ids[0], ids[2])):  # corrected twice; the last is a grant
            ledger.execute(table.update().where(table.c.id == new).values(supersedes=old))
        ledger.execute(table.update().where(table.c.id == ids[1]).values(found_at=b"/a"))
    connect(engine.url).dispose()
    with engine.connect() as ledger:
        found = {row.id: row.found_at for row in ledger.execute(select(table))}
    assert [found[one] for one in ids] == [b"/a", b"/a", b"/a", None]
    assert "ix_rights_statements_supersedes" in {
        index["name"] for index in sa.inspect(engine).get_indexes("rights_statements")
    }


def filled_statements(engine: Engine, rows: int) -> Table:
    for _ in range(rows):
        filled(engine)
    return Table("rights_statements", MetaData(), autoload_with=engine)


def test_a_ledger_in_use_all_along_takes_every_step(engine: Engine) -> None:
    rows: Counter[str] = Counter()
    for step in STEPS:
        upgraded(engine, step)
        rows = filled(engine)
    assert rows["files"] == rows["rights_statements"] == len(STEPS)
    assert is_sound(engine)
