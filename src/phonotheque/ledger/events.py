"""The append-only record of what happened, in PREMIS 3.0 event types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, insert

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
