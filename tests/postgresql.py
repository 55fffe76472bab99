"""A real PostgreSQL server for tests: started by them, in a temporary folder, and gone with them.

Every archive that a test makes can have its ledger there instead of in a file (``TESTS_LEDGER=postgresql``):
where ``ledger.sqlite`` would be lies a note that names a database of its own. A copied folder gets a copy of
that database, as it would get a copy of the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, Engine, QueuePool, make_url

from phonotheque.ledger.connect import connect
from tests.tools import tool

SERVER = "TESTS_POSTGRESQL"  # the address of a running server, for this process and those it starts
ON_POSTGRESQL = os.environ.get("TESTS_LEDGER") == "postgresql"
_TEMPLATE = "phonotheque_template"  # an empty ledger, migrated once
_PATIENCE = 60.0  # seconds for the server to start or stop, on a busy machine
# Nothing of a test needs to survive a power cut. Text is ordered as in English, not by bytes: much as on
# people's servers, and unlike SQLite.
_SETTINGS = (
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "shared_buffers=32MB",
    "max_connections=200",
    "listen_addresses=",
)
_opened: list[Engine] = []  # for ever: what is used again is to be closed again
_INITDB = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--encoding=UTF8")


class Server:
    """A server in a folder of its own, reached by a socket there; the process that started it owns it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(folder, self._user)
        options = ("--auth=trust", "--username=tests", "--no-sync", "--data-checksums", *_INITDB)
        self._run("initdb", *options, "-D", str(self.data)).check_returncode()

    @property
    def url(self) -> URL:
        """The address of its database for administrators."""
        return URL.create("postgresql", "tests", database="postgres", query={"host": str(self.folder)})

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = (*_SETTINGS, f"unix_socket_directories={self.folder}")
        words = [word for setting in settings for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            # It is told to stop when this process dies, however it dies.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "QUIT", _program("postgres"), "-D", self.data, *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._as_user(),
            )
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                psycopg.connect(_conninfo(self.url)).close()
            except psycopg.OperationalError:
                running = self._process.poll() is None and time.monotonic() < end
                assert running, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop it, whoever is connected; with SIGQUIT at once, without bringing anything to the disk."""
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _run(self, program: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [_program(program), *words], cwd=self.folder, stdout=subprocess.DEVNULL, check=False,
            **self._as_user(),
        )  # fmt: skip

    def _as_user(self) -> dict[str, Any]:
        return {"user": self._user, "group": self._group(), "extra_groups": []} if self._user else {}

    def _group(self) -> int:
        return pwd.getpwnam(self._user).pw_gid


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server; it and its folder are gone at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="phonotheque-postgresql-"))  # short: a socket's path must be
    try:
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)


def program_path() -> str:
    """Return where PostgreSQL's programs are; skip the test (fail it in CI) without them."""
    return _program("postgres")


def new_database(server: URL, name: str, *, template: str = "template0") -> URL:
    """Make a database and return its address, in place of one of that name."""
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(_conninfo(server), autocommit=True) as admin:
        if admin.info.server_version >= 150_000:  # as all earlier ones do it: here in less than half the time
            made += sql.SQL(" STRATEGY FILE_COPY")
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        # What only waits in a pool is in the way of copying a database; whoever has it connects again.
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [template])
        admin.execute(made)
    return server.set(database=name)


def make_template(server: URL) -> None:
    """Make the empty ledger that every new one is a copy of."""
    connect(new_database(server, _TEMPLATE)).dispose()


def ledger_url(note: Path) -> URL:
    """Return the address of the database that stands for the file ``note``; make it at first use."""
    server = make_url(os.environ[SERVER])
    name = "t" + hashlib.sha256(os.fsencode(note.resolve())).hexdigest()[:40]
    with psycopg.connect(_conninfo(server)) as admin:
        admin.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])  # until the end of the block
        noted = note.read_text().strip() if note.exists() else None
        if noted != name:  # new, or a copy of a folder whose ledger is elsewhere
            new_database(server, name, template=noted or _TEMPLATE)
            note.write_text(name + "\n")
    return server.set(database=name)


def connect_instead(path: Path) -> Engine:
    """Stands for ``connect_file``: opens the database that is there in place of a file."""
    if not path.parent.is_dir():
        raise FileNotFoundError(path)
    engine = connect(ledger_url(path))
    _opened.append(engine)
    return engine


def _close(engine: Engine) -> None:
    """Close its connections, once no thread of a server that has just ended is using one.

    A connection that is in use then would be given back to nobody, and be left to be found open.
    """
    assert isinstance(engine.pool, QueuePool)
    end = time.monotonic() + _PATIENCE
    while engine.pool.checkedout() > 0 and time.monotonic() < end:
        time.sleep(0.01)
    engine.dispose()


@contextmanager
def databases_of_one_test(server: URL) -> Iterator[None]:
    """Close what the block leaves open, and drop the databases that it makes."""
    names = "SELECT datname FROM pg_database"
    with psycopg.connect(_conninfo(server), autocommit=True) as admin:
        before = admin.execute(names).fetchall()
        yield
        for engine in _opened:
            _close(engine)
        for (name,) in set(admin.execute(names).fetchall()) - set(before):
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder, its ledgers wherever they are as they are now."""
    shutil.copytree(source, target, symlinks=True)
    if ON_POSTGRESQL:
        for note in target.rglob("ledger.sqlite"):
            ledger_url(note)


def raw(url: URL) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect without our own code."""
    return psycopg.connect(_conninfo(url))


def _conninfo(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _program(name: str) -> str:
    """Debian keeps the programs of each version apart."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4])
    )
    return str(versions[-1]) if versions else tool(name, "postgresql")


def _unprivileged() -> str:
    """Return whom the server runs as: it refuses root. Empty for whoever runs the tests."""
    if os.geteuid() != 0:
        return ""
    for user in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(user).pw_name
    pytest.fail("There is no user whom PostgreSQL could run as.")
