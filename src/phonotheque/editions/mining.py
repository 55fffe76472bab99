"""What of the published music may be mined: one answer for a file, which every declaration is made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from phonotheque.ledger.schema import bag_files, decisions, files
from phonotheque.ledger.statements import standing_statements
from phonotheque.ledger.stream import stream_parts
from phonotheque.model.rights import Act, Answer, Statement
from phonotheque.model.territory import parse_territory
from phonotheque.rights.decide import decide

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Declared:
    """A published file and whether mining it is reserved: None where the archive declares nothing."""

    bag: str
    path: str  # relative to the bag
    recording: str | None
    kind: str  # "master", "access" or "sidecar"
    sha256: str
    size: int
    reserved: bool | None
    licences: tuple[str, ...] = ()  # SPDX, of what the answer rests on; only for what is not reserved


def declared(answer: Answer, reserve: str) -> bool | None:
    """Return whether mining is declared as reserved.

    Only a decision that is yes frees it. What nobody has decided is reserved too where the setting
    ``mining.reserve`` is "unknown", and not declared at all where it is "denied".
    """
    match answer:
        case Answer.YES:
            return False
        case Answer.NO:
            return True
        case Answer.UNKNOWN:
            return True if reserve == "unknown" else None


def declarations(
    ledger: Connection, bags: Iterable[tuple[str, str]], reserve: str, on: date
) -> Iterator[tuple[str, Iterator[Declared]]]:
    """Yield each of these bags (id, audience) with its files in the order of their paths.

    What the ledger has decided to allow is decided anew, for the day and the bag's audience: deals end. An
    access copy follows its master. The files of a bag are to be used up before the next is asked for.
    """
    for bag, audience in bags:
        yield bag, _of_bag(ledger, bag, audience, reserve, on)


def _of_bag(ledger: Connection, bag: str, audience: str, reserve: str, on: date) -> Iterator[Declared]:
    for part in stream_parts(ledger, _files(bag), _AT_ONCE):
        answers = _answers(ledger, {row.basis for row in part}, audience)
        allowed = [basis for basis, answer in answers.items() if answer is Answer.YES]
        statements = standing_statements(ledger, allowed)
        for row in part:
            yield _declared(bag, row, answers, statements, reserve, audience, on)


def _files(bag: str) -> Any:
    basis = func.coalesce(files.c.master_id, files.c.id).label("basis")
    return (
        select(bag_files.c.path, bag_files.c.recording, files.c.kind, files.c.sha256, files.c.size, basis)
        .join(files, files.c.id == bag_files.c.file_id)
        .where(bag_files.c.bag_id == bag)
        .order_by(bag_files.c.path)
    )


def _answers(ledger: Connection, ids: set[int], audience: str) -> dict[int, Answer]:
    """Return what was decided on mining each of these files, everywhere in the bag's audience."""
    found = dict.fromkeys(ids, Answer.UNKNOWN)
    rows = ledger.execute(
        select(decisions.c.file_id, decisions.c.answer, decisions.c.territory).where(
            and_(decisions.c.file_id.in_(ids), decisions.c.act == Act.MINE.value)
        )
    )
    where = parse_territory(audience)
    for row in rows:
        there = parse_territory(row.territory)
        if row.answer == Answer.YES.value and where <= there:
            found[row.file_id] = Answer.YES
        elif row.answer == Answer.NO.value and there.worldwide and found[row.file_id] is Answer.UNKNOWN:
            found[row.file_id] = Answer.NO
    return found


def _declared(
    bag: str,
    row: Row[Any],
    answers: Mapping[int, Answer],
    statements: Mapping[int, Sequence[Statement]],
    reserve: str,
    audience: str,
    on: date,
) -> Declared:
    answer = answers[row.basis]
    licences: tuple[str, ...] = ()
    if answer is Answer.YES:
        decision = decide(statements[row.basis], Act.MINE, on=on, territory=audience)
        answer = decision.answer
        if answer is Answer.YES:
            licences = rests_on(statements[row.basis], decision.statements)
    return Declared(
        bag, row.path, row.recording, row.kind, row.sha256, row.size, declared(answer, reserve), licences
    )


def rests_on(statements: Sequence[Statement], ids: Sequence[str]) -> tuple[str, ...]:
    """Return the licences of those statements that a decision rests on."""
    found = (one.licence for one in statements if one.id in ids and one.licence)
    return tuple(dict.fromkeys(found))
