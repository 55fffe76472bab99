"""What an archive has lost and may share: files that left their bags only because they were damaged here.

An edition names them, so that mirrors keep theirs. A file is sought until a bag holds it again, or it may no
longer be shared with those who had it.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, func, select

from phonotheque.ledger.former_bags import Why
from phonotheque.ledger.schema import bag_files, files
from phonotheque.ledger.statements import standing_statements
from phonotheque.ledger.withdrawal_tables import former_bag_files, former_bags
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import Act, Answer
from phonotheque.model.territory import Territory, parse_territory
from phonotheque.rights.decide import decide


def sought_files(ledger: Connection, on: date) -> tuple[tuple[str, str], ...]:
    """Return the SHA-256 of every file that is sought, and whom it may be shared with, sorted."""
    left = former_bag_files
    query = (
        select(
            left.c.sha256,
            former_bags.c.audience,
            func.coalesce(files.c.master_id, files.c.id),
            left.c.left_because,
        )
        .join(former_bags, former_bags.c.id == left.c.bag_id)
        .join(files, files.c.id == left.c.file_id)
        .where(left.c.left_because.in_([Why.DAMAGED.value, Why.SOUGHT.value]), files.c.held)
        .where(left.c.sha256.not_in(select(bag_files.c.sha256)))
        .distinct()
    )
    found: dict[str, Territory] = {}
    for some in batched(ledger.execute(query).all(), IN_A_STATEMENT):
        statements = standing_statements(ledger, {subject for _, _, subject, _ in some})
        for sha256, audience, subject, why in some:
            where, said = parse_territory(audience), statements[subject]
            # Where the basis was lost with the ledger, it is sought on as long as nothing is stated anew.
            carried = why == Why.SOUGHT.value and not said
            if carried or decide(said, Act.DISTRIBUTE, on=on, territory=where).answer is Answer.YES:
                found[sha256] = found[sha256] | where if sha256 in found else where
    return tuple(sorted((sha256, str(where)) for sha256, where in found.items()))
