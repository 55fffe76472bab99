"""Opening a ledger: always at the newest schema, never a silent guess about a file that is something else."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from phonotheque.ledger.connect import HEAD, connect, connect_file, integrity_errors
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import metadata
from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError

pytestmark = pytest.mark.sqlite("about opening the file")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def test_a_new_ledger_has_exactly_the_tables_that_the_program_knows(path: Path) -> None:
    engine = connect_file(path)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_newest_revision_is_the_one_that_connect_looks_for() -> None:
    config = Config()
    config.set_main_option("script_location", "phonotheque:ledger/migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_what_was_acknowledged_survives_a_power_cut_and_references_are_kept(path: Path) -> None:
    engine = connect_file(path)
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_opening_again_changes_nothing(path: Path) -> None:
    connect_file(path).dispose()
    before = path.read_bytes()
    connect_file(path).dispose()
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["what? 100% #1", "Räume & mehr", "file:x"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    connect_file(folder / "ledger.sqlite").dispose()
    assert (folder / "ledger.sqlite").stat().st_size > 0
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_migration_that_is_broken_off_leaves_nothing_half_made(path: Path) -> None:
    made: list[str] = []

    def break_off(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        made.append(statement)
        if sum("CREATE TABLE" in statement for statement in made) == 5:
            raise KeyboardInterrupt

    sa.event.listen(sa.Engine, "before_cursor_execute", break_off)
    try:
        with pytest.raises(KeyboardInterrupt):
            connect_file(path)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", break_off)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []
    engine = connect_file(path)
    assert integrity_errors(engine) == []
    engine.dispose()


def test_a_newer_programs_ledger_is_left_alone(path: Path) -> None:
    engine = connect_file(path)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(PhonothequeError, match=r"ledger\.sqlite was made by a newer Phonotheque") as caught:
        connect_file(path)
    assert "Update" in caught.value.advice


@pytest.mark.parametrize("content", [b"This is no database.\n" * 100, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(VerificationError, match=r"ledger\.sqlite is damaged") as caught:
        connect_file(path)
    assert "backup" in caught.value.advice
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhonothequeError, match=r"nowhere.*cannot be opened"):
        connect_file(tmp_path / "nowhere" / "ledger.sqlite")


@pytest.mark.parametrize(
    "url", ["not an address", "oracle9i://me:secret@host/name", "postgresql+nodriver://me:secret@host/name"]
)
def test_an_address_that_means_nothing_is_an_error_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match=r"\[ledger\] url") as caught:
        connect(url)
    assert "secret" not in str(caught.value)


def test_a_damaged_page_is_found(path: Path) -> None:
    engine = connect_file(path)
    with engine.begin() as connection:
        for number in range(500):
            record_event(
                connection, at="2026-01-01T00:00:00Z", kind="fixity check", subject=str(number), agent="me"
            )
    assert integrity_errors(engine) == []
    engine.dispose()  # the last connection writes everything from the log into the file
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 4096)
        file.write(b"\xff" * 4096)
    engine = connect_file(path)
    errors = integrity_errors(engine)
    engine.dispose()
    assert errors


def test_a_reference_to_a_missing_row_is_found(path: Path) -> None:
    connect_file(path).dispose()
    with closing(sqlite3.connect(path)) as raw, raw:  # without the pragma, references are not kept
        raw.execute(
            "INSERT INTO decisions VALUES (77, 'stream', 'WORLD', 'yes', 'r', 'r', '[]', '[]', '2026', NULL)"
        )
    engine = connect_file(path)
    assert integrity_errors(engine) == ["row 1 of decisions refers to a missing row of files"]
    engine.dispose()


def test_a_new_ledger_is_its_owners_alone_and_one_that_is_shared_stays_so(path: Path) -> None:
    before = os.umask(0o022)
    try:
        for mode in (0o600, 0o640):
            engine = connect_file(path)
            with engine.begin() as connection:
                record_event(
                    connection,
                    at="2026-11-21T10:15:00Z",
                    kind="policy assignment",
                    subject="x",
                    agent="a",
                    detail={},
                )
                beside = [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))]
                assert {stat.S_IMODE(file.stat().st_mode) for file in beside} == {mode}
            engine.dispose()
            path.chmod(0o640)
    finally:
        os.umask(before)
