"""A ledger that several machines reach has one writer at a time; one that was cut off writes no more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, func, select, text

from phonotheque.ledger.connect import connect
from phonotheque.ledger.events import record_event
from phonotheque.ledger.lock import only_writer
from phonotheque.ledger.schema import events
from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import open_archive
from tests.endtoend.commands import wait_for
from tests.postgresql import new_database

pytestmark = pytest.mark.sqlite("makes its databases itself")

_KILLED = """
import os, sys
from phonotheque.ledger.connect import connect
from phonotheque.ledger.lock import only_writer
with only_writer(connect(sys.argv[1]), "add"):
    print("locked", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def url(postgresql_server: URL, tmp_path: Path) -> URL:
    return new_database(postgresql_server, f"{tmp_path.name.lower()}_lock", template="phonotheque_template")


@pytest.fixture
def engine(url: URL) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


def write(engine: Engine) -> None:
    with engine.begin() as ledger:
        record_event(ledger, at="2026-01-01T00:00:00Z", kind="fixity check", subject="a", agent="me")


def written(engine: Engine) -> int:
    with engine.connect() as ledger:
        return ledger.execute(select(func.count()).select_from(events)).scalar_one()


def locks(engine: Engine) -> int:
    query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def archive_of(folder: Path, url: URL) -> Path:
    folder.mkdir()
    address = url.render_as_string(hide_password=False)
    (folder / "phonotheque.toml").write_text(f'[ledger]\nurl = "{address}"\n')
    return folder


def test_two_folders_with_one_ledger_have_one_writer(url: URL, tmp_path: Path, own_settings: Path) -> None:
    here, there = (open_archive(archive_of(tmp_path / name, url)) for name in ("here", "there"))
    with here.writing("add"):
        holder = rf"is being changed by phono add, process {os.getpid()} on \S+\."
        with pytest.raises(PhonothequeError, match=holder), there.writing("publish"):
            pytest.fail("two at once")
        write(here.ledger)
    with there.writing("publish"):
        write(there.ledger)
    assert written(here.ledger) == 2
    for archive in (here, there):
        archive.ledger.dispose()


def test_ledgers_side_by_side_in_one_database_do_not_hinder_each_other(engine: Engine, url: URL) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA other"))
    other = connect(url.update_query_dict({"options": "-c search_path=other"}))
    with only_writer(engine, "add"), only_writer(other, "add"):
        write(engine)
        write(other)
    assert (written(engine), written(other)) == (1, 1)
    other.dispose()


def test_the_lock_of_a_killed_process_hinders_nobody(engine: Engine, url: URL) -> None:
    words = [sys.executable, "-c", _KILLED, url.render_as_string(hide_password=False)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(PhonothequeError, match="phono add"), only_writer(engine, "publish"):
            pytest.fail("two at once")
        process.communicate("go\n")
    assert process.returncode == -9
    wait_for(lambda: not locks(engine), "the server notices by itself")
    with only_writer(engine, "publish"):
        write(engine)


def test_who_has_lost_the_lock_commits_nothing(engine: Engine) -> None:
    with only_writer(engine, "add"):
        write(engine)
        with engine.connect() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
            )
        for _ in range(2):  # also when the connection could be made anew
            with pytest.raises(PhonothequeError, match=r"kept other writers away .* has broken"):
                write(engine)
    assert written(engine) == 1
    write(engine)
    assert written(engine) == 2


def test_an_error_inside_ends_the_lock(engine: Engine) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError, match="inside"), only_writer(engine, "add"):
            raise RuntimeError("inside")
