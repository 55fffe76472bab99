"""Which source each accession took things from, as far as an archive says so in public."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from phonotheque.ledger.schema import accessions
from phonotheque.vault.archive import Archive

_MOST: Final = 200_000


def sources_of(archive: Archive) -> dict[str, str]:
    """Return the name of the source by accession; none on a mirror, which does not know."""
    if archive.is_mirror:
        return {}
    query = select(accessions.c.id, accessions.c.source).order_by(accessions.c.started_at.desc()).limit(_MOST)
    with archive.ledger.connect() as ledger:
        return {row.id: row.source for row in ledger.execute(query)}
