"""The append-only record of what happened, in PREMIS 3.0 event types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from phonotheque.ledger.schema import events


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
    connection.execute(
        insert(events),
        {
            "at": at,
            "type": kind,
            "subject": subject,
            "agent": agent,
            "outcome": outcome,
            "detail": dict(detail or {}),
        },
    )
