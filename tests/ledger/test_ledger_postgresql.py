"""What is PostgreSQL's own: addresses, errors in our words, several at once, and damage that is found."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, Engine, event, inspect, text
from sqlalchemy.exc import OperationalError

from phonotheque.ledger.connect import connect, integrity_errors, shown
from phonotheque.ledger.describe import describe
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import metadata
from phonotheque.model.errors import PhonothequeError, VerificationError
from tests.postgresql import new_database, running_server

pytestmark = pytest.mark.sqlite("makes its databases itself")


@pytest.fixture
def url(postgresql_server: URL, tmp_path: Path) -> URL:
    return new_database(postgresql_server, f"{tmp_path.name.lower()}_own")


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


def fill(engine: Engine, events: int) -> None:
    at = "2026-01-01T00:00:00Z"
    with engine.begin() as ledger:
        for number in range(events):
            record_event(ledger, at=at, kind="fixity check", subject=str(number), agent="me")


def test_a_new_ledger_has_exactly_the_tables_that_the_program_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_text_is_ordered_by_bytes(engine: Engine) -> None:
    query = text(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name <> 'alembic_version' AND data_type IN ('text', 'character varying')"
        " AND collation_name IS DISTINCT FROM 'C'"
    )
    with engine.connect() as connection:
        assert connection.execute(query).all() == []
        assert connection.execute(text("SELECT 'a' < 'B'")).scalar(), "and the server's own order is another"


def test_a_server_that_ends_idle_transactions_lets_ours_be(url: URL) -> None:
    first = connect(url)
    with first.begin() as ledger:
        name = first.dialect.identifier_preparer.quote(url.database or "")
        ledger.execute(text(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '1min'"))
    first.dispose()
    engine = connect(url)
    with engine.connect() as ledger:
        assert ledger.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "0"
        reset = "SELECT reset_val FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'"
        assert ledger.execute(text(reset)).scalar() == "60000"
    engine.dispose()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_addresses_are_written_as_elsewhere(url: URL, scheme: str) -> None:
    address = url.set(drivername=scheme).render_as_string(hide_password=False)
    engine = connect(address.replace("postgresql+psycopg", scheme))
    assert shown(engine).startswith("postgresql://tests@/")
    engine.dispose()


def test_a_password_is_shown_nowhere(url: URL) -> None:
    engine = connect(url.set(password="s3cret").update_query_dict({"password": "s3cret"}))
    assert "s3cret" not in shown(engine) + str(describe(engine))
    engine.dispose()
    for wrong in ({"host": "/nowhere"}, {"host": "127.0.0.1", "port": "1"}):
        with pytest.raises(PhonothequeError) as caught:
            connect(url.set(password="s3cret").update_query_dict(wrong))
        assert "s3cret" not in str(caught.value)


def test_what_cannot_be_opened_is_told_with_what_to_do(postgresql_server: URL, url: URL) -> None:
    with pytest.raises(PhonothequeError, match='database "nowhere" does not exist') as caught:
        connect(postgresql_server.set(database="nowhere"))
    assert "createdb" in caught.value.advice
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS stranger"))
        connection.execute(text("CREATE ROLE stranger LOGIN"))
    engine.dispose()
    with pytest.raises(PhonothequeError, match="permission denied") as caught:
        connect(url.set(username="stranger"))
    assert "--owner" in caught.value.advice


def test_a_database_with_something_else_in_it_is_left_alone(url: URL, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(PhonothequeError, match="already exists") as caught:
        connect(url)
    assert "of its own" in caught.value.advice


def test_a_database_that_cannot_keep_every_text_is_refused(postgresql_server: URL, url: URL) -> None:
    engine = connect(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS latin"))
        connection.execute(
            text("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'")
        )
    engine.dispose()
    with pytest.raises(PhonothequeError, match="keeps text as LATIN1"):
        connect(postgresql_server.set(database="latin"))


def test_processes_that_open_a_new_ledger_at_once_make_it_once(url: URL) -> None:
    script = (
        "import sys; from phonotheque.ledger.connect import connect;"
        " sys.stdin.readline(); connect(sys.argv[1]).dispose()"
    )
    words = [sys.executable, "-c", script, url.render_as_string(hide_password=False)]
    started = [subprocess.Popen(words, stdin=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        process.communicate()
    assert [process.returncode for process in started] == [0] * 4
    connect(url).dispose()


def test_a_migration_that_is_broken_off_leaves_nothing_half_made(url: URL) -> None:
    made: list[str] = []

    def break_off(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        made.append(statement)
        if sum("CREATE TABLE" in statement for statement in made) == 5:
            raise KeyboardInterrupt

    event.listen(Engine, "before_cursor_execute", break_off)
    try:
        with pytest.raises(KeyboardInterrupt):
            connect(url)
    finally:
        event.remove(Engine, "before_cursor_execute", break_off)
    engine = connect(url)
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}
    engine.dispose()


def test_who_waits_for_a_row_does_not_wait_for_ever(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(engine, 1)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "1min"
    change = text("UPDATE events SET agent = 'another'")
    with engine.connect() as one, engine.connect() as other:
        one.execute(change)
        other.execute(text("SET lock_timeout = '10ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            other.execute(change)


def test_a_connection_that_was_cut_is_made_again(engine: Engine) -> None:
    fill(engine, 1)
    with engine.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        mine = " AND datname = current_database()"
        with engine.connect() as second:
            second.execute(text("SELECT 1"))
        connection.execute(text(others + mine))
    fill(engine, 1)
    assert describe(engine).rows["events"] == 2


def test_a_server_that_has_no_time_says_nothing_of_damage(engine: Engine, url: URL) -> None:
    fill(engine, 10)
    hasty = connect(url.update_query_dict({"options": "-c statement_timeout=2s"}))
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(OperationalError, match="timeout"):
            integrity_errors(hasty)
    hasty.dispose()


def test_a_reference_to_a_missing_row_is_found(engine: Engine) -> None:
    assert integrity_errors(engine) == []
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))  # references are not kept
        connection.execute(
            text("INSERT INTO decisions VALUES (77, 'stream', 'WORLD', 'yes', 'r', 'r', '[]', '[]', '2026')")
        )
    assert integrity_errors(engine) == ["1 rows of decisions refer to missing rows of files"]


@pytest.mark.parametrize("what", ["table", "index"])
def test_damage_on_the_servers_disk_is_found(what: str) -> None:
    with running_server() as server:
        engine = connect(new_database(server.url, "damaged"))
        fill(engine, 500)
        relation = "events" if what == "table" else "pk_events"
        with engine.begin() as connection:
            connection.execute(text("CREATE EXTENSION amcheck"))
            where = connection.execute(text(f"SELECT pg_relation_filepath('{relation}')")).scalar_one()
        assert integrity_errors(engine) == []
        engine.dispose()
        server.stop()
        path = server.data / str(where)
        with path.open("r+b") as file:
            file.seek(path.stat().st_size - 4096)
            file.write(b"\xff" * 4096)
        server.start()
        errors = integrity_errors(engine)
        engine.dispose()
    assert any("invalid page" in error for error in errors), errors
    assert any(relation in error for error in errors), errors


def test_a_ledger_that_is_damaged_where_it_is_opened_is_told(url: URL) -> None:
    with running_server() as server:
        engine = connect(new_database(server.url, "damaged"))
        with engine.begin() as connection:
            where = connection.execute(text("SELECT pg_relation_filepath('alembic_version')")).scalar_one()
        engine.dispose()
        server.stop()
        with (server.data / str(where)).open("r+b") as file:
            file.write(b"\xff" * 8192)
        server.start()
        with pytest.raises(VerificationError, match="is damaged: invalid page") as caught:
            connect(engine.url)
    assert "backup" in caught.value.advice


def test_a_server_that_risks_what_it_keeps_is_named(engine: Engine) -> None:
    described = describe(engine)
    assert described.database.startswith("PostgreSQL ")
    assert any("fsync = off" in warning for warning in described.warnings)
