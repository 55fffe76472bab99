"""Withdrawals: asked for, put on hold, accepted or refused, and reversed. Every step is dated and kept.

The archive's lock must be held for all that changes something. What they do at once: editions/upholding.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from phonotheque.editions.covering import Covered
from phonotheque.editions.room_files import forget
from phonotheque.editions.undeclaring import undeclare
from phonotheque.editions.upholding import covered_now, erase, remove_erased, state_on
from phonotheque.editions.withholding import bags_with, show_outside, shown_in, withhold, withhold_outside
from phonotheque.ledger.events import record_event
from phonotheque.ledger.statements import end_denials
from phonotheque.ledger.withdrawals import (
    IN_EFFECT,
    MOST_TOLD,
    State,
    Step,
    Withdrawal,
    add_step,
    covering,
    items_of,
    record_withdrawal,
    taken_back_ids,
    withdrawal,
)
from phonotheque.model.errors import UsageError
from phonotheque.model.rights import WORLDWIDE, Act
from phonotheque.model.territory import parse_territory
from phonotheque.sources.decide import redecide
from phonotheque.vault.archive import Archive
from phonotheque.vault.evidence import keep_evidence

# What else is recorded with a step, or not at all: it is given what the step came to so far.
Also = Callable[[Connection, "Done"], None]
DEFAULT_ACTS: Final = (Act.STREAM, Act.DISTRIBUTE, Act.MINE)
_MOST: Final = 10_000  # characters of a text
# Shown to everybody, in a feed, too: in XML there is no U+FFFE and no U+FFFF.
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]{1,300}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as it was made. ``document`` is a file that shows who asks, or why."""

    by: str
    reason: str
    words: tuple[str, ...]  # what it names
    contact: str | None = None
    public_reason: str | None = None
    public_name: bool = False
    document: Path | None = None
    territory: str = WORLDWIDE
    acts: tuple[Act, ...] = DEFAULT_ACTS
    erase: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What a step came to: the withdrawal as it stands, and "bag/path" of what is published and withheld.

    ``waiting`` files could not be erased yet: they go with their bags, when the next edition is published.
    """

    withdrawal: Withdrawal
    withheld: tuple[str, ...] = ()
    erased: int = 0
    waiting: int = 0


def check_asked(asked: Asked) -> Asked:
    """Return a request in its normal form. Raises UsageError naming the field that makes no sense."""
    texts = (("--by", asked.by), ("--reason", asked.reason))
    for field, text in texts:
        if not text.strip():
            raise UsageError(f"{field} is empty.", "A withdrawal says who asks, and why.")
    for field, text in (*texts, ("--contact", asked.contact or "")):
        if len(text) > _MOST or "\0" in text:
            raise UsageError(f"{field} cannot be kept.", f"Use at most {_MOST:,} characters, and no U+0000.")
    shown = [("--public-reason", asked.public_reason)] if asked.public_reason is not None else []
    shown += [("--by", asked.by)] if asked.public_name else []
    for field, text in shown:
        if text is not None and not _LINE.fullmatch(text.strip()):
            advice = "Write one line of 1 to 300 characters."
            raise UsageError(f"{field} cannot be shown to everybody.", advice)
    if asked.public_name and len(f"{asked.public_reason or ''} (asked for by {asked.by})") > MOST_TOLD:
        raise UsageError(
            "--public-reason and --by together cannot be shown to everybody.",
            f"Make them shorter: an edition takes {MOST_TOLD} characters.",
        )
    try:
        where = parse_territory(" ".join(asked.territory.split()))
    except ValueError as error:
        raise UsageError(f"--territory: {error}.", "Write WORLD, or country codes: “DE FR”, “EU”.") from None
    if not where:
        raise UsageError("--territory is empty.", "Write WORLD, or country codes: “DE FR”, “EU”.")
    acts = set(asked.acts) or set(DEFAULT_ACTS)
    if Act.PRESERVE in acts and not asked.erase:
        raise UsageError("What may not even be kept is to be erased.", "Say so with --erase.")
    if asked.erase and not where.worldwide:
        raise UsageError("A copy is erased for the whole world.", "Leave out --territory, or --erase.")
    acts |= {Act.PRESERVE, *DEFAULT_ACTS} if asked.erase else set()
    return replace(
        asked,
        by=asked.by.strip(),
        reason=asked.reason.strip(),
        contact=(asked.contact or "").strip() or None,
        public_reason=asked.public_reason.strip() if asked.public_reason is not None else None,
        territory=str(where),
        acts=tuple(act for act in Act if act in acts),
    )


def request(
    archive: Archive, asked: Asked, covered: Covered, *, at: str, name: str | None = None
) -> Withdrawal:
    """Record a request for what is covered; ``name`` is its id, if it has one already.

    Raises UsageError if all of it was asked for, or taken back.
    """
    asked = check_asked(asked)
    with archive.ledger.connect() as ledger:
        _refuse_twice(ledger, asked, covered)
    document = keep_evidence(archive, asked.document) if asked.document else None
    made = Withdrawal(
        id=name or str(uuid.uuid4()),
        requested_at=at,
        asked_by=asked.by,
        contact=asked.contact,
        public_name=asked.public_name,
        reason=asked.reason,
        public_reason=asked.public_reason,
        document_sha256=document,
        territory=asked.territory,
        acts=asked.acts,
        erase=asked.erase,
        asked_for=asked.words,
    )
    with archive.ledger.begin() as ledger:
        record_withdrawal(ledger, made, covered.items)
        _step(archive, ledger, made, Step.REQUESTED, by=asked.by, note=None, at=at)
        return withdrawal(ledger, made.id)


def hold(
    archive: Archive, name: str, *, by: str, note: str | None, at: str, also: Also | None = None
) -> Done:
    """Hide what a request covers while it is reviewed."""
    return _take_effect(archive, name, Step.HELD, (State.REQUESTED,), by=by, note=note, at=at, also=also)


def accept(
    archive: Archive, name: str, *, by: str, note: str | None, at: str, also: Also | None = None
) -> Done:
    """Take back what a request covers."""
    return _take_effect(
        archive, name, Step.ACCEPTED, (State.REQUESTED, State.HELD), by=by, note=note, at=at, also=also
    )


def refuse(archive: Archive, name: str, *, by: str, note: str, at: str, also: Also | None = None) -> Done:
    """Refuse a request; what was on hold is shown again."""
    return _end(
        archive, name, Step.REFUSED, (State.REQUESTED, State.HELD), by=by, note=note, at=at, also=also
    )


def reverse(archive: Archive, name: str, *, by: str, note: str, at: str, also: Also | None = None) -> Done:
    """Reverse what was accepted: what is still allowed goes out again with the next edition."""
    return _end(archive, name, Step.REVERSED, (State.ACCEPTED,), by=by, note=note, at=at, also=also)


def _take_effect(
    archive: Archive,
    name: str,
    step: Step,
    before: Sequence[State],
    *,
    by: str,
    note: str | None,
    at: str,
    also: Also | None,
) -> Done:
    with archive.ledger.connect() as ledger:
        one = withdrawal(ledger, name)
    _refuse_state(one, step, before)
    covered = covered_now(archive, [one])[one.id]
    with archive.ledger.begin() as ledger:
        _step(archive, ledger, one, step, by=by, note=note, at=at)
        state_on(archive, ledger, withdrawal(ledger, one.id), covered, at)
        erased, waiting = erase(archive, ledger, withdrawal(ledger, one.id), at)
        # Hidden before it is acknowledged: whatever is said to be taken back is shown no more.
        withheld = withhold(archive, ledger, bags_with(ledger, covered), date.fromisoformat(at[:10]))
        if also is not None:
            also(ledger, Done(one, tuple(withheld), erased, waiting))
    with archive.ledger.connect() as ledger:
        done = withdrawal(ledger, one.id)
        withhold_outside(archive, ledger, withheld)
    forget(archive, withheld)
    undeclare(archive, withheld)
    remove_erased(archive)
    return Done(done, tuple(withheld), erased, waiting)


def _end(
    archive: Archive,
    name: str,
    step: Step,
    before: Sequence[State],
    *,
    by: str,
    note: str,
    at: str,
    also: Also | None,
) -> Done:
    if not note.strip():
        raise UsageError("The reason is empty.", "Say why, with --reason.")
    with archive.ledger.connect() as ledger:
        one = withdrawal(ledger, name)
    _refuse_state(one, step, before)
    with archive.ledger.begin() as ledger:
        _step(archive, ledger, one, step, by=by, note=note.strip(), at=at)
        ids = taken_back_ids(ledger, one.id)
        end_denials(ledger, ids, one.origin, at=at, because=f"the withdrawal was {step.value}")
        redecide(ledger, ids, archive.settings, at=at)
        # Elsewhere it is shown before this is recorded: interrupted, it is removed again.
        bags, on = bags_with(ledger, ids), date.fromisoformat(at[:10])
        if also is not None:
            also(ledger, Done(one))
        show_outside(archive, ledger, shown_in(ledger, bags, on))
    with archive.ledger.connect() as ledger:
        return Done(withdrawal(ledger, one.id), tuple(withhold(archive, ledger, bags, on)))


def _refuse_twice(ledger: Connection, asked: Asked, covered: Covered) -> None:
    wanted = {(item.kind, item.value) for item in covered.items}
    for name in sorted(covering(ledger, covered.items)):
        one = withdrawal(ledger, name)
        if one.state not in (State.REQUESTED, *IN_EFFECT):
            continue
        has = {(item.kind, item.value) for item in items_of(ledger, one.id)}
        within = parse_territory(asked.territory) <= parse_territory(one.territory)
        if wanted <= has and within and set(asked.acts) <= set(one.acts) and asked.erase <= one.erase:
            raise UsageError(
                f"All of this is covered by the withdrawal {one.id} of {one.requested_at[:10]}, which is "
                f"{one.state.value}. Nothing was recorded.",
                "See it with: phono withdraw show ARCHIVE " + one.id[:8],
            )


def _refuse_state(one: Withdrawal, step: Step, before: Sequence[State]) -> None:
    if one.state in before:
        return
    last = next(done for done in reversed(one.steps) if done.step.value == one.state.name.lower())
    raise UsageError(
        f"The withdrawal {one.id} is {one.state.value} since {last.at[:10]}: it cannot be {step.value} now.",
        "What was decided stays on record; a new request can be made.",
    )


def _step(
    archive: Archive, ledger: Connection, one: Withdrawal, step: Step, *, by: str, note: str | None, at: str
) -> None:
    if not by.strip():
        raise UsageError("--by is empty.", "Say who decides.")
    add_step(ledger, one.id, step, at=at, by=by.strip(), note=(note or "").strip() or None)
    record_event(
        ledger,
        at=at,
        kind="policy assignment",
        subject=f"withdrawal {one.id}",
        agent=archive.settings.archive.agent,
        detail={"step": step.value},
    )
