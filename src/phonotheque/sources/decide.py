"""Deciding anew what may be done with files, from the statements that stand and the archive's mandate."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection

from phonotheque.ledger.statements import save_decisions, standing_statements
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import Kind, Statement
from phonotheque.model.settings import Settings
from phonotheque.rights.decide import decide_everywhere


def redecide(ledger: Connection, file_ids: Iterable[int], settings: Settings, *, at: str) -> None:
    """Compute and save all decisions on these files, as of the day of ``at``."""
    day = date.fromisoformat(at[:10])
    mandate = mandate_statement(settings)
    for some in batched(file_ids, IN_A_STATEMENT):
        standing = standing_statements(ledger, some)
        decided = {
            file: decide_everywhere([*statements, *mandate], on=day) for file, statements in standing.items()
        }
        save_decisions(ledger, decided, at=at)


def mandate_statement(settings: Settings) -> tuple[Statement, ...]:
    """Return the archive's mandate as a statement, or nothing when it has none. It allows preserving only."""
    text = settings.mandate.preserve.strip()
    if not text:
        return ()
    return (
        Statement(
            kind=Kind.MANDATE,
            licence=None,
            evidence=text,
            evidence_origin="phonotheque.toml",
            asserted_by=settings.archive.agent,
            id="mandate",
        ),
    )
