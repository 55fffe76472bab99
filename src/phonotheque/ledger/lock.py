"""One writer at a time for a ledger that several machines can reach.

With SQLite the lock of the archive's folder does it. On PostgreSQL the writer holds an advisory lock
(PostgreSQL's manual, 13.3.5) by a connection of its own: it ends with the process or its machine, however
they end.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DatabaseError

from phonotheque.ledger.connect import opening_error, shown
from phonotheque.model.errors import BusyError, PhonothequeError

# Of this ledger: a database can hold several, each in a schema of its own.
_KEY = "1885892462, (hashtext(current_schema())::bigint & 2147483647)::int"
_TRY = text(f"SELECT pg_try_advisory_lock({_KEY})")
_HOLDER = text(
    "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND classid = 1885892462 AND granted"
    " AND objid = (hashtext(current_schema())::bigint & 2147483647)::oid"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
# Some servers end connections that are silent for long; this one is, as long as the work takes.
_STAY = text("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'")
_PROCESS = text("SELECT pg_backend_pid()")


@contextmanager
def only_writer(engine: Engine, command: str) -> Iterator[None]:
    """Keep other writers away, wherever they run, while the block does.

    Raises BusyError when another has the ledger, which it names; PhonothequeError instead of any commit after
    the lock was lost, because the connection broke and another may have come in.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with _connected(engine) as connection:
        name = f"phono {command}, process {os.getpid()} on {socket.gethostname()}"
        connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": name})
        connection.execute(_STAY)
        if not connection.execute(_TRY).scalar_one():
            holder = connection.execute(_HOLDER).scalar() or "another process"
            raise BusyError(
                f"The ledger {shown(engine)} is being changed by {holder}.",
                "Wait until it has finished, or stop it; what it did so far is kept.",
            )
        still_held = _Watch(connection)
        event.listen(engine, "commit", still_held)
        try:
            yield
        finally:
            event.remove(engine, "commit", still_held)


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    except DatabaseError as error:
        raise opening_error(engine, error) from error
    try:
        connection.detach()  # closed at the end, and its locks with it, instead of kept for others
        yield connection
    finally:
        connection.close()


class _Watch:
    """Before each commit: whether the connection that has the lock is still the one that took it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._process = connection.execute(_PROCESS).scalar_one()
        self._held = True
        self._one_at_a_time = threading.Lock()

    def __call__(self, _committing: Connection) -> None:
        with self._one_at_a_time:
            self._held = self._held and self._is_held()
        if not self._held:
            raise PhonothequeError(
                "The connection that kept other writers away from the ledger has broken.",
                "What was acknowledged before is kept: run the same command again.",
            )

    def _is_held(self) -> bool:
        try:
            return bool(self._connection.execute(_PROCESS).scalar_one() == self._process)
        except DatabaseError:
            return False
