"""Staff who review what visitors ask for: accounts, sessions of their browsers, and what they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from phonotheque.ledger.visitor_tables import staff, staff_actions, staff_sessions
from phonotheque.model.errors import NotFoundError, UsageError


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in; ``password`` is what Argon2id made of it."""

    name: str
    password: str
    added_at: str
    changed_at: str


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A browser that is logged in: since when, and when it was last seen."""

    token_sha256: str
    name: str
    secure: bool
    begun_at: str
    seen_at: str


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that somebody did."""

    id: int
    at: str
    name: str
    action: str
    subject: str
    detail: dict[str, Any]


def add_account(connection: Connection, name: str, password: str, *, at: str) -> None:
    """Add an account. Raises UsageError if there is one of that name."""
    if account(connection, name) is not None:
        raise UsageError(f"There is an account “{name}” already.", "Change it with: phono staff password")
    values = {"name": name, "password": password, "added_at": at, "changed_at": at}
    connection.execute(insert(staff), values)


def change_password(connection: Connection, name: str, password: str, *, at: str) -> None:
    """Change a password, which ends all sessions. Raises NotFoundError."""
    _known(connection, name)
    values = {"password": password, "changed_at": at}
    connection.execute(update(staff).where(staff.c.name == name).values(values))
    end_sessions(connection, name)


def remove_account(connection: Connection, name: str) -> None:
    """Remove an account and its sessions; what it did stays known. Raises NotFoundError."""
    _known(connection, name)
    end_sessions(connection, name)
    connection.execute(delete(staff).where(staff.c.name == name))


def account(connection: Connection, name: str) -> Account | None:
    """Return an account."""
    row = connection.execute(select(staff).where(staff.c.name == name)).first()
    return Account(**row._mapping) if row else None


def accounts(connection: Connection) -> list[Account]:
    """Return all accounts by name."""
    return [Account(**row._mapping) for row in connection.execute(select(staff).order_by(staff.c.name))]


def sessions_of_each(connection: Connection) -> dict[str, int]:
    """Return how many browsers are, or were and said nothing since, logged in for each account."""
    table = staff_sessions
    query = select(table.c.name, func.count()).group_by(table.c.name)
    return {row[0]: row[1] for row in connection.execute(query)}


def begin_session(connection: Connection, made: SessionRecord, password: str) -> bool:
    """Record that a browser is logged in; False if ``password`` is no longer the one kept of its account."""
    query = select(staff.c.password).where(staff.c.name == made.name).with_for_update()
    if connection.execute(query).scalar() != password:
        return False
    values = {name: getattr(made, name) for name in SessionRecord.__dataclass_fields__}
    connection.execute(insert(staff_sessions), values)
    return True


def session_with(connection: Connection, token_sha256: str) -> SessionRecord | None:
    """Return the session of a token."""
    table = staff_sessions
    row = connection.execute(select(table).where(table.c.token_sha256 == token_sha256)).first()
    return SessionRecord(**row._mapping) if row else None


def see_session(connection: Connection, token_sha256: str, *, at: str) -> None:
    """Record that a session was used."""
    table = staff_sessions
    connection.execute(update(table).where(table.c.token_sha256 == token_sha256).values(seen_at=at))


def end_session(connection: Connection, token_sha256: str) -> None:
    """End one session."""
    connection.execute(delete(staff_sessions).where(staff_sessions.c.token_sha256 == token_sha256))


def end_sessions(connection: Connection, name: str) -> None:
    """End all sessions of an account."""
    connection.execute(delete(staff_sessions).where(staff_sessions.c.name == name))


def end_old_sessions(connection: Connection, *, begun_before: str, seen_before: str) -> None:
    """End sessions that are too old, or were not used for too long."""
    table = staff_sessions
    old = (table.c.begun_at < begun_before) | (table.c.seen_at < seen_before)
    connection.execute(delete(table).where(old))


def record_action(
    connection: Connection,
    *,
    at: str,
    name: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Record what somebody did."""
    values = {"at": at, "name": name, "action": action, "subject": subject, "detail": dict(detail or {})}
    connection.execute(insert(staff_actions), values)


def actions(connection: Connection, *, before: int | None, most: int) -> list[Action]:
    """Return what was done, the latest first, before the action with an id."""
    query = select(staff_actions).order_by(staff_actions.c.id.desc()).limit(most)
    if before is not None:
        query = query.where(staff_actions.c.id < before)
    return [Action(**row._mapping) for row in connection.execute(query)]


def _known(connection: Connection, name: str) -> None:
    if account(connection, name) is None:
        raise NotFoundError(f"There is no account “{name}”.", "See them with: phono staff list")
