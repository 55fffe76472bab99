"""Withdrawals: what was asked to be taken back, by whom and why, what came of it, and what it took back.

Rows are added and never changed: the state of a withdrawal is what its last step made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select

from phonotheque.ledger.schema import bag_files, bags, files, rights_statements
from phonotheque.ledger.withdrawal_tables import (
    withdrawal_files,
    withdrawal_items,
    withdrawal_steps,
    withdrawals,
)
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.rights import Act, Kind
from phonotheque.model.territory import parse_territory

_LEAST: Final = 8  # characters of an id that name it
MOST_TOLD: Final = 500  # characters that an edition takes
_IN_NO_FEED: Final = dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd")  # nor in any XML


class Step(StrEnum):
    """What can happen to a withdrawal."""

    REQUESTED = "requested"
    HELD = "held"  # hidden while it is reviewed
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REVERSED = "reversed"
    EXTENDED = "extended"  # another copy of what it covers came in
    ERASED = "erased"


class State(StrEnum):
    """How a withdrawal stands."""

    REQUESTED = "requested"
    HELD = "on hold"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REVERSED = "reversed"


_MAKES: Final = {step: State[step.name] for step in Step if step.name in State.__members__}
IN_EFFECT: Final = (State.HELD, State.ACCEPTED)


class ItemKind(StrEnum):
    """What a withdrawal covers things by."""

    RECORDING = "recording"  # a public id
    SHA256 = "sha256"  # of a file
    PCM = "pcm"  # SHA-256 of the decoded sound


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step: when (ISO 8601, UTC), what, by whom, and why or of what."""

    at: str
    step: Step
    by: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A request as it was made, and its steps in order. See the table's columns."""

    id: str
    requested_at: str
    asked_by: str
    contact: str | None
    public_name: bool
    reason: str
    public_reason: str | None
    document_sha256: str | None
    territory: str
    acts: tuple[Act, ...]
    erase: bool
    asked_for: tuple[str, ...]
    steps: tuple[StepRecord, ...] = ()

    @property
    def state(self) -> State:
        """What the last step that makes a state has made it."""
        return next(_MAKES[step.step] for step in reversed(self.steps) if step.step in _MAKES)

    @property
    def in_effect(self) -> bool:
        """Whether what it covers is withheld now."""
        return self.state in IN_EFFECT

    @property
    def told(self) -> str:
        """What is said of it in public, in a line: no name without leave, and no private reason."""
        told = self.public_reason or "withdrawn on request"
        told = f"{told} (asked for by {self.asked_by})" if self.public_name else told
        told = told.translate(_IN_NO_FEED)
        return told if len(told) <= MOST_TOLD else f"{told[: MOST_TOLD - 1]}…"

    @property
    def origin(self) -> str:
        """What its statements name as their origin."""
        return f"withdrawal:{self.id}"

    def reached(self, step: Step) -> str | None:
        """Return when it last came to a step."""
        return next((done.at for done in reversed(self.steps) if done.step is step), None)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a withdrawal covers."""

    kind: ItemKind
    value: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What stays known of a file that was taken back: never its content."""

    file_id: int
    recording: str | None
    name: str
    size: int
    sha256: str
    pcm_sha256: str | None
    statements: list[dict[str, Any]]
    bagged: list[str]


def record_withdrawal(connection: Connection, asked: Withdrawal, items: Iterable[Item]) -> None:
    """Record a request and what it covers; its steps are recorded by :func:`add_step`."""
    row = {**asdict(asked), "acts": [act.value for act in asked.acts], "asked_for": list(asked.asked_for)}
    del row["steps"]
    connection.execute(insert(withdrawals), row)
    for some in batched(sorted(set(items), key=lambda item: (item.kind, item.value)), IN_A_STATEMENT):
        listed = [{"withdrawal_id": asked.id, "kind": one.kind.value, "value": one.value} for one in some]
        connection.execute(insert(withdrawal_items), listed)


def add_step(
    connection: Connection, withdrawal_id: str, step: Step, *, at: str, by: str, note: str | None = None
) -> None:
    """Record that something happened to a withdrawal."""
    values = {"withdrawal_id": withdrawal_id, "at": at, "step": step.value, "by": by, "note": note}
    connection.execute(insert(withdrawal_steps), values)


def withdrawal(connection: Connection, name: str) -> Withdrawal:
    """Return the withdrawal with an id, or the one whose id begins so. Raises NotFoundError, UsageError."""
    text = name.strip().lower()
    table = withdrawals
    begins = table.c.id.startswith(text, autoescape=True)
    enough = len(text) >= _LEAST
    found = connection.execute(select(table).where(begins).limit(2)).all() if enough else []
    if not found:
        raise NotFoundError(
            f"There is no withdrawal “{name[:100]}”.",
            f"See their ids with: phono withdraw list. The first {_LEAST} characters are enough.",
        )
    if len(found) > 1:
        raise UsageError(f"Several withdrawals' ids begin with {text}.", "Give more of it.")
    return next(_with_steps(connection, found))


def all_withdrawals(connection: Connection) -> list[Withdrawal]:
    """Return all withdrawals, in the order of their requests."""
    table = withdrawals
    rows = connection.execute(select(table).order_by(table.c.requested_at, table.c.id)).all()
    return list(_with_steps(connection, rows))


def waiting(connection: Connection) -> list[Withdrawal]:
    """Return the requests that nobody has decided on, those on hold too, the oldest first."""
    return [one for one in all_withdrawals(connection) if one.state in (State.REQUESTED, State.HELD)]


def items_of(connection: Connection, withdrawal_id: str) -> list[Item]:
    """Return what a withdrawal covers."""
    table = withdrawal_items
    query = select(table).where(table.c.withdrawal_id == withdrawal_id).order_by(table.c.kind, table.c.value)
    return [Item(ItemKind(row.kind), row.value) for row in connection.execute(query)]


def covering(connection: Connection, items: Iterable[Item]) -> set[str]:
    """Return the ids of all withdrawals that cover one of these things, in whatever state."""
    found: set[str] = set()
    table = withdrawal_items
    wanted = {(item.kind.value, item.value) for item in items}
    for some in batched(sorted({value for _, value in wanted}), IN_A_STATEMENT):
        for row in connection.execute(select(table).where(table.c.value.in_(some))):
            if (row.kind, row.value) in wanted:
                found.add(row.withdrawal_id)
    return found


def in_effect_by_hash(connection: Connection, hashes: Iterable[str]) -> dict[str, list[Withdrawal]]:
    """Return the withdrawals in effect that cover something by its bytes or its sound, by that SHA-256."""
    table, found = withdrawal_items, dict[str, list[Withdrawal]]()
    known: dict[str, Withdrawal] = {}
    for some in batched(sorted(set(hashes)), IN_A_STATEMENT):
        by_hash = table.c.kind != ItemKind.RECORDING.value
        for row in connection.execute(select(table).where(table.c.value.in_(some), by_hash)).all():
            if row.withdrawal_id not in known:
                known[row.withdrawal_id] = withdrawal(connection, row.withdrawal_id)
            if known[row.withdrawal_id].in_effect:
                found.setdefault(row.value, []).append(known[row.withdrawal_id])
    return found


def covered_by_hash(connection: Connection, withdrawal_id: str) -> set[int]:
    """Return the masters and sidecars that have bytes, or sound, that a withdrawal covers."""
    table, found = withdrawal_items, set()
    for kind, column in ((ItemKind.SHA256, files.c.sha256), (ItemKind.PCM, files.c.pcm_sha256)):
        query = (
            select(files.c.id)
            .join(table, column == table.c.value)
            .where(table.c.withdrawal_id == withdrawal_id, table.c.kind == kind.value)
            .where(files.c.kind != "access")
        )
        found |= set(connection.execute(query).scalars())
    return found


def last_step(connection: Connection) -> int:
    """Return a number that grows with every step of any withdrawal; 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(withdrawal_steps.c.id), 0))).scalar_one())


def taken_back_everywhere(connection: Connection) -> Iterator[str]:
    """Yield the recordings that withdrawals in effect take from everybody, wherever they are."""
    for one in all_withdrawals(connection):
        if one.in_effect and Act.DISTRIBUTE in one.acts and parse_territory(one.territory).worldwide:
            items = items_of(connection, one.id)
            yield from (item.value for item in items if item.kind is ItemKind.RECORDING)


def record_taken_back(
    connection: Connection, withdrawal_id: str, taken: Iterable[TakenBack], *, at: str
) -> None:
    """Record files that a withdrawal took back; one that it took back before stays as it was recorded."""
    known = set(taken_back_ids(connection, withdrawal_id))
    rows = [{"withdrawal_id": withdrawal_id, "at": at, **asdict(one)} for one in taken]
    if new := [row for row in rows if row["file_id"] not in known]:
        connection.execute(insert(withdrawal_files), new)


def taken_back_ids(connection: Connection, withdrawal_id: str) -> list[int]:
    """Return the ids of the files that a withdrawal took back."""
    table = withdrawal_files
    query = select(table.c.file_id).where(table.c.withdrawal_id == withdrawal_id).order_by(table.c.file_id)
    return list(connection.execute(query).scalars())


def taken_back(connection: Connection, withdrawal_id: str) -> list[TakenBack]:
    """Return the files that a withdrawal took back, by name."""
    table = withdrawal_files
    columns = [table.c[name] for name in TakenBack.__dataclass_fields__]
    query = select(*columns).where(table.c.withdrawal_id == withdrawal_id)
    return [TakenBack(**row._mapping) for row in connection.execute(query.order_by(table.c.name))]


def withdrawn_from_bag(connection: Connection, bag_id: str) -> set[str]:
    """Return the paths of a current bag's files that may not be shared with its audience: they are withdrawn.

    What is withdrawn for other acts only, or where nobody gets this bag, stays in it.
    """
    subject = func.coalesce(files.c.master_id, files.c.id)
    query = (
        select(bag_files.c.path, bags.c.audience, rights_statements.c.acts, rights_statements.c.territory)
        .join(bags, bags.c.id == bag_files.c.bag_id)
        .join(files, files.c.id == bag_files.c.file_id)
        .join(rights_statements, rights_statements.c.file_id == subject)
        .where(bag_files.c.bag_id == bag_id, rights_statements.c.kind == Kind.WITHDRAWAL.value)
        .where(rights_statements.c.withdrawn_at.is_(None))
    )
    return {
        row.path
        for row in connection.execute(query)
        if Act.DISTRIBUTE in row.acts and parse_territory(row.territory) & parse_territory(row.audience)
    }


def _with_steps(connection: Connection, rows: Iterable[Row[Any]]) -> Iterator[Withdrawal]:
    table = withdrawal_steps
    for some in batched(rows, IN_A_STATEMENT):
        steps: dict[str, list[StepRecord]] = {row.id: [] for row in some}
        query = select(table).where(table.c.withdrawal_id.in_(list(steps))).order_by(table.c.id)
        for step in connection.execute(query):
            steps[step.withdrawal_id].append(StepRecord(step.at, Step(step.step), step.by, step.note))
        for row in some:
            values = {
                **row._mapping,
                "acts": tuple(map(Act, row.acts)),
                "asked_for": tuple(row.asked_for),
                "steps": tuple(steps[row.id]),
            }
            yield Withdrawal(**values)
