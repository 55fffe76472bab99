"""What a bag says of where its facts come from: who says who made a recording, and which ISRCs it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.sayers import Said
from phonotheque.ledger.schema import accessions
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.vault.archive import Archive


def who_says(archive: Archive, recordings: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return, by recording (public id), the field ``said_by`` of its line in recordings.jsonl."""
    told: dict[str, list[dict[str, Any]]] = {}
    with Catalogue.open(archive.catalogue) as catalogue:
        for some in batched(dict.fromkeys(recordings), IN_A_STATEMENT):
            said = catalogue.sayers(some)
            dates = _dates(archive, {by.accession for each in said.values() for one in each for by in one.by})
            told |= {name: [_record(one, dates) for one in each] for name, each in said.items()}
    return told


def _dates(archive: Archive, ids: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    with archive.ledger.connect() as ledger:
        for some in batched(sorted(ids), IN_A_STATEMENT):
            query = select(accessions.c.id, accessions.c.started_at).where(accessions.c.id.in_(some))
            found |= {row.id: row.started_at for row in ledger.execute(query)}
    return found


def _record(said: Said, dates: Mapping[str, str]) -> dict[str, Any]:
    by = [
        {
            "source": one.source,
            "accession": one.accession,
            "record": one.record,
            "date": dates.get(one.accession),
        }
        for one in said.by
    ]
    return {"field": said.field, "value": said.value, "by": by, "sayers": said.of}
