"""Deciding anew what may be done with files, from the statements that stand and the archive's mandate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine

from phonotheque import __version__
from phonotheque.ledger.decisions import (
    any_decision,
    bases_in_use,
    begin_run,
    decided_upon,
    decisions_on,
    due_files,
    files_after,
    names_of,
    next_turn,
    note_basis,
    note_run,
)
from phonotheque.ledger.events import record_events
from phonotheque.ledger.statements import save_decisions, standing_statements
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.rights import DENIALS, Act, Decision, Kind, Statement
from phonotheque.model.settings import Settings
from phonotheque.rights.decide import decide_everywhere
from phonotheque.rights.turning import turning_days

AT_ONCE = 5_000  # files in one transaction of a run over all of them
_TOLD = 1_000  # moved files that are told one by one

Answers = Mapping[str, Mapping[str, str]]  # by act and territory


@dataclass(frozen=True, slots=True)
class Moved:
    """A file whose answers changed: those of the acts that did, before (none if never decided) and after."""

    file_id: int
    before: Answers
    after: Answers


@dataclass(slots=True)
class Redecided:
    """What deciding everything anew came to. ``went_on``: an earlier run of the day was interrupted."""

    day: date
    saved: bool
    went_on: bool = False
    files: int = 0
    moved: int = 0
    ways: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # act, where it was yes before, now
    told: list[dict[str, Any]] = field(default_factory=list)  # the first of the moved files


def redecide(ledger: Connection, file_ids: Iterable[int], settings: Settings, *, at: str) -> list[Moved]:
    """Compute all decisions on these files, as of the day of ``at``, and save those that are others now."""
    day = date.fromisoformat(at[:10])
    mandate = mandate_statement(settings)
    note_basis(ledger, basis_of(settings), at=at)
    moved: list[Moved] = []
    for some in batched(file_ids, IN_A_STATEMENT):
        moved += _redecide(ledger, some, mandate, day, at)
    return moved


def redecide_due(ledger: Connection, settings: Settings, *, at: str) -> int:
    """Decide anew what may have changed by the day of ``at``, with its events; return how many files moved.

    Quick if nothing has: call it before relying on decisions.
    """
    moved = 0
    while due := due_files(ledger, at[:10], IN_A_STATEMENT):
        changed = redecide(ledger, due, settings, at=at)
        record_moves(ledger, changed, settings, at=at)
        moved += len(changed)
    return moved


def bring_up_to_date(engine: Engine, settings: Settings, *, at: str, progress: Progress = QUIET) -> None:
    """Decide anew what may be otherwise now: what is due, or everything if rules or mandate are others."""
    with engine.begin() as ledger:
        everything = rests_on_other_rules(ledger, settings)
        if not everything:
            redecide_due(ledger, settings, at=at)
    if everything:
        redecide_all(engine, settings, at=at, progress=progress)


def redecide_all(
    engine: Engine, settings: Settings, *, at: str, progress: Progress = QUIET, at_once: int = AT_ONCE
) -> Redecided:
    """Decide anew on everything held or known, as of the day of ``at``; each file that moved has its event.

    Interrupted, it goes on where it was if it is run again on the same day.
    """
    done = Redecided(date.fromisoformat(at[:10]), saved=True)
    with engine.begin() as ledger:
        run = begin_run(ledger, day=at[:10], basis=basis_of(settings), at=at)
        done.went_on, total = run.last_file > 0, decided_upon(ledger)
    progress.start("Deciding", total_files=max(total - run.files, 0))
    while True:
        with engine.begin() as ledger:
            some = files_after(ledger, run.last_file, at_once)
            if not some:
                note_run(ledger, replace(run, finished_at=at))
                break
            moved = redecide(ledger, some, settings, at=at)
            told = record_moves(ledger, moved, settings, at=at)
            run = replace(run, last_file=some[-1], files=run.files + len(some), moved=run.moved + len(moved))
            note_run(ledger, run)
        _count(done, moved, told)
        progress.advance(files=len(some))
    return replace(done, files=run.files, moved=run.moved)


def what_if(engine: Engine, settings: Settings, *, day: date, progress: Progress = QUIET) -> Redecided:
    """Tell what deciding anew on another day would move; nothing is saved."""
    mandate = mandate_statement(settings)
    done = Redecided(day, saved=False)
    last = 0
    with engine.connect() as ledger:
        progress.start("Deciding", total_files=decided_upon(ledger))
        while some := files_after(ledger, last, IN_A_STATEMENT):
            last = some[-1]
            before = decisions_on(ledger, some)
            moved = [
                change
                for file, statements in standing_statements(ledger, some).items()
                if (
                    change := _moved(
                        file, before.get(file, ([], None))[0], _decided(statements, mandate, day)[0]
                    )
                )
            ]
            _count(done, moved, _told(ledger, moved))
            done.files += len(some)
            done.moved += len(moved)
            progress.advance(files=len(some))
    return done


def record_moves(
    ledger: Connection, moved: Sequence[Moved], settings: Settings, *, at: str
) -> list[dict[str, Any]]:
    """Record an event for each file whose answers changed, with both of them; return the details."""
    told = _told(ledger, moved)
    record_events(
        ledger,
        (
            {
                "at": at,
                "kind": "policy assignment",
                "subject": detail["sha256"],
                "agent": settings.archive.agent,
                "detail": {"what": "decision", **detail},
            }
            for detail in told
        ),
    )
    return told


def stale(ledger: Connection, settings: Settings, day: str) -> str | None:
    """Return since when decisions as recorded may be wrong on a day; None if they are not.

    That is a day on which something began or ended, or "" if they were last made by other rules or another
    mandate.
    """
    turn = next_turn(ledger)
    if turn is not None and turn <= day:
        return turn
    return "" if rests_on_other_rules(ledger, settings) else None


def rests_on_other_rules(ledger: Connection, settings: Settings) -> bool:
    """Tell whether some decision was made by other rules, or another mandate, or by what nobody knows."""
    used = bases_in_use(ledger)
    return used != {basis_of(settings)} if used else any_decision(ledger)


def basis_of(settings: Settings) -> str:
    """Return a hash that is another when rules or the archive's mandate are."""
    parts = (__version__, settings.mandate.preserve.strip(), settings.archive.agent)
    return sha256("\0".join(parts).encode()).hexdigest()


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


def _redecide(
    ledger: Connection, file_ids: Sequence[int], mandate: tuple[Statement, ...], day: date, at: str
) -> list[Moved]:
    standing = standing_statements(ledger, file_ids)
    before = decisions_on(ledger, file_ids)
    changed: dict[int, tuple[Decision, ...]] = {}
    turns: dict[int, str | None] = {}
    moved: list[Moved] = []
    for file, statements in standing.items():
        decisions, turn = _decided(statements, mandate, day)
        known, known_turn = before.get(file, ([], None))
        if set(known) == set(decisions) and known_turn == turn:
            continue
        changed[file], turns[file] = decisions, turn
        if change := _moved(file, known, decisions):
            moved.append(change)
    save_decisions(ledger, changed, at=at, turns_on=turns)
    return moved


def _decided(
    statements: Sequence[Statement], mandate: tuple[Statement, ...], day: date
) -> tuple[tuple[Decision, ...], str | None]:
    """Return all decisions, and the next day on which they may be others."""
    said = (*statements, *mandate)
    decisions, turn = _decided_alike(tuple(map(bare, said, range(len(said)))), day)
    ids = [statement.id for statement in said]
    named = tuple(replace(one, statements=tuple(ids[int(n)] for n in one.statements)) for one in decisions)
    return named, turn


def bare(statement: Statement, number: int) -> Statement:
    """Return what decisions go by, equal for all files of which the same is stated: without evidence."""
    evidence = statement.evidence if statement.kind in DENIALS else ""
    return replace(
        statement, id=str(number), evidence=evidence, evidence_origin="", stated_at=None, evidence_sha256=None
    )


@lru_cache(maxsize=20_000)
def _decided_alike(statements: tuple[Statement, ...], day: date) -> tuple[tuple[Decision, ...], str | None]:
    later = (turn.isoformat() for turn in turning_days(statements) if turn > day)
    return decide_everywhere(statements, on=day), next(later, None)


def _moved(file_id: int, before: Iterable[Decision], after: Iterable[Decision]) -> Moved | None:
    old, new = _answers(before), _answers(after)
    acts = [act for act in Act if old.get(act) != new.get(act)]
    if not acts:
        return None
    was, now = ({act.value: found[act] for act in acts if act in found} for found in (old, new))
    return Moved(file_id, was, now)


def _answers(decisions: Iterable[Decision]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for one in decisions:
        found.setdefault(one.act.value, {})[one.territory] = one.answer.value
    return found


def _told(ledger: Connection, moved: Sequence[Moved]) -> list[dict[str, Any]]:
    names: dict[int, tuple[str, str]] = {}
    for some in batched((one.file_id for one in moved), IN_A_STATEMENT):
        names |= names_of(ledger, some)
    return [
        {"file": name, "sha256": digest, "before": one.before, "after": one.after}
        for one in moved
        for name, digest in (names[one.file_id],)
    ]


def _count(done: Redecided, moved: Sequence[Moved], told: Sequence[dict[str, Any]]) -> None:
    for one in moved:
        for act in Act:
            if act in one.before or act in one.after:
                done.ways[(act, _where(one.before.get(act, {})), _where(one.after.get(act, {})))] += 1
    done.told += told[: _TOLD - len(done.told)]


def _where(answers: Mapping[str, str]) -> str:
    """Return where an act was allowed, as a territory's text; "" for nowhere."""
    return next((territory for territory, answer in answers.items() if answer == "yes"), "")
