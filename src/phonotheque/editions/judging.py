"""Whether what is published may still be: every file of a bag against what is stated of it today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, func, or_, select

from phonotheque.ledger.bags import BagFileRecord, BagRecord, files_in_bag
from phonotheque.ledger.former_bags import files_of_former_bag
from phonotheque.ledger.schema import bag_files, bags, decisions, files, rights_statements
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import DENIALS, WORLDWIDE, Act, Answer, Kind, Statement
from phonotheque.model.territory import Territory, parse_territory
from phonotheque.rights.decide import allowed_in, decide, in_force

_ORIGIN = "withdrawal:"  # begins the origin of what a withdrawal states


@dataclass(frozen=True, slots=True)
class Judged:
    """A published file, and where it may be distributed today. A copy is judged as its master is."""

    entry: BagFileRecord
    subject: int  # the file that is spoken of
    statements: Sequence[Statement]
    allowed: bool  # everywhere in its bag's audience
    withdrawal: str | None  # which, if any, takes it back from there

    def everywhere(self, on: date) -> Territory:
        """Return all places where it may be distributed."""
        return allowed_in(self.statements, Act.DISTRIBUTE, on=on)


def contents_of(ledger: Connection, bag_id: str) -> list[BagFileRecord]:
    """Return the files of a bag in the order of paths; of a former bag, whose pieces nobody needs, too."""
    return list(files_in_bag(ledger, bag_id)) or [
        BagFileRecord(one.path, one.size, one.sha256, "", 0, 0, one.file_id, one.recording)
        for one in files_of_former_bag(ledger, bag_id)
    ]


def judge(ledger: Connection, bag: BagRecord, on: date) -> Iterator[Judged]:
    """Yield every file of a bag that the ledger speaks of, in the order of paths."""
    entries = [entry for entry in contents_of(ledger, bag.id) if entry.file_id is not None]
    audience = parse_territory(bag.audience)
    for some in batched(entries, IN_A_STATEMENT):
        ids = {entry.file_id for entry in some}
        query = select(files.c.id, files.c.master_id).where(files.c.id.in_(ids))
        subjects = {row.id: row.master_id or row.id for row in ledger.execute(query)}
        statements = standing_statements(ledger, set(subjects.values()))
        for entry in some:
            assert entry.file_id is not None
            said = statements[subjects[entry.file_id]]
            answer = decide(said, Act.DISTRIBUTE, on=on, territory=audience).answer
            yield Judged(
                entry,
                subjects[entry.file_id],
                said,
                answer is Answer.YES,
                _withdrawal(said, audience, on),
            )


def doubtful_bags(ledger: Connection, on: date) -> list[str]:
    """Return the bags that hold anything whose answer may have changed; all others are as they were sealed.

    That is what is decided otherwise now, what is or was bounded in time, what no longer stands as it did,
    what something was stated of since its bag was sealed, and whatever is not for everybody, which may be for
    more people now.
    """
    subject = func.coalesce(files.c.master_id, files.c.id)
    bagged = select(bag_files.c.bag_id).join(files, files.c.id == bag_files.c.file_id).distinct()
    sealed = bagged.join(bags, bags.c.id == bag_files.c.bag_id)
    changed = sealed.join(rights_statements, rights_statements.c.file_id == subject).where(
        or_(
            rights_statements.c.withdrawn_at.is_not(None),
            rights_statements.c.valid_until.is_not(None),
            rights_statements.c.valid_from.is_not(None),
            rights_statements.c.kind.in_([kind.value for kind in (*DENIALS, Kind.DATES)]),
            rights_statements.c.asserted_at >= bags.c.sealed_at,
        )
    )
    answered = and_(
        decisions.c.file_id == subject,
        decisions.c.act == Act.DISTRIBUTE.value,
        decisions.c.territory == WORLDWIDE,
    )
    decided = bagged.outerjoin(decisions, answered).where(
        or_(
            decisions.c.answer.is_(None),
            decisions.c.answer != Answer.YES.value,
            decisions.c.turns_on <= on.isoformat(),
        )
    )
    restricted = select(bags.c.id).where(bags.c.audience != WORLDWIDE)
    found: set[str] = set()
    for query in (changed, decided, restricted):
        found |= set(ledger.execute(query).scalars())
    return sorted(found)


def _withdrawal(statements: Sequence[Statement], audience: Territory, on: date) -> str | None:
    """Return the withdrawal that takes something back from an audience: of several, from all of it first."""
    found = [
        one
        for one in statements
        if one.kind is Kind.WITHDRAWAL
        and Act.DISTRIBUTE in one.acts
        and in_force(one, on)
        and parse_territory(one.territory) & audience
        and one.evidence_origin.startswith(_ORIGIN)
    ]
    found.sort(key=lambda one: not audience <= parse_territory(one.territory))
    return found[0].evidence_origin.removeprefix(_ORIGIN) if found else None
