"""What becomes allowed, or ends, of all that is held or known: streamed over the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from sqlalchemy import Engine

from phonotheque.ledger.decisions import decided_upon, files_after, names_of
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.batches import IN_A_STATEMENT
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.rights import Act, Statement
from phonotheque.model.settings import Settings
from phonotheque.model.territory import WORLD, Territory
from phonotheque.rights.forecast import Change, changes
from phonotheque.sources.decide import bare, mandate_statement

# Day, SHA-256, name, territory gained, territory lost.
Turned = tuple[date, str, str, str, str]


def turned(
    engine: Engine,
    settings: Settings,
    act: Act,
    *,
    since: date,
    until: date,
    within: Territory = WORLD,
    progress: Progress = QUIET,
) -> Iterator[list[Turned]]:
    """Yield the files of which an act becomes allowed, or no longer is, on these days; some at a time."""
    mandate = mandate_statement(settings)
    last = 0
    with engine.connect() as ledger:
        progress.start("Looking ahead", total_files=decided_upon(ledger))
        while some := files_after(ledger, last, IN_A_STATEMENT):
            last = some[-1]
            found: dict[int, tuple[Change, ...]] = {}
            for file, statements in standing_statements(ledger, some).items():
                said = (*statements, *mandate)
                alike = tuple(map(bare, said, range(len(said))))
                if turns := _changes(alike, act, since, until, within):
                    found[file] = turns
            names = names_of(ledger, list(found)) if found else {}
            yield [
                (turn.day, digest, name, str(turn.gained), str(turn.lost))
                for file, turns in found.items()
                for name, digest in (names[file],)
                for turn in turns
            ]
            progress.advance(files=len(some))


@lru_cache(maxsize=20_000)
def _changes(
    statements: tuple[Statement, ...], act: Act, since: date, until: date, within: Territory
) -> tuple[Change, ...]:
    return changes(statements, act, since=since, until=until, within=within)
