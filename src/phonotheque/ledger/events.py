"""The append-only record of what happened, in PREMIS 3.0 event types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from phonotheque.ledger.schema import events


def record_events(connection: Connection, happened: Iterable[Mapping[str, Any]]) -> None:
    """Append events, each as ``record_event`` takes it."""
    rows = [
        {
            "at": one["at"],
            "type": one["kind"],
            "subject": one["subject"],
            "agent": one["agent"],
            "outcome": one.get("outcome", "success"),
            "detail": dict(one.get("detail") or {}),
        }
        for one in happened
    ]
    if rows:
        connection.execute(insert(events), rows)


def last_detail(connection: Connection, kind: str, subject: str) -> dict[str, Any] | None:
    """Return the detail of the last event of a type about a subject, None if there is none."""
    query = select(events.c.detail).where(events.c.type == kind, events.c.subject == subject)
    found = connection.execute(query.order_by(events.c.id.desc()).limit(1)).first()
    return None if found is None else dict(found.detail or {})


def record_event(
    connection: Connection,
    *,
    at: str,
    kind: str,
    subject: str,
    agent: str,
    outcome: str = "success",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Append one event; ``kind`` is a PREMIS event type such as ``ingestion start`` or ``fixity check``."""
    event = {"at": at, "kind": kind, "subject": subject, "agent": agent, "outcome": outcome, "detail": detail}
    record_events(connection, [event])
