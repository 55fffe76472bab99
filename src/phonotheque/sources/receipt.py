"""A receipt: what was handed over, file by file with its hash, and what was granted, as JSON.

For deposits and for what labels delivered. It is made from the ledger and the evidence kept, so that it can
be made again, and holds nothing that is private.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from phonotheque.ledger.agreements import Deposit, deposit_of, granted
from phonotheque.ledger.schema import accessions
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.model.rights import Statement
from phonotheque.rights.records import read_statement, statement_record
from phonotheque.sources.deposit import agreed, basis_of, untaken
from phonotheque.vault.archive import Archive

FORMAT = "phonotheque-receipt/1"
_OF_LABELS = "ddex"


def receipt_of(archive: Archive, known_as: str) -> dict[str, Any]:
    """Return the receipt of a deposit or an accession by its id. Raises NotFoundError if it is neither."""
    with archive.ledger.connect() as ledger:
        deposit = deposit_of(ledger, known_as)
        if deposit is not None:
            return _of_deposit(archive, ledger, deposit)
        columns = (accessions.c.id, accessions.c.source, accessions.c.started_at, accessions.c.finished_at)
        row = ledger.execute(select(*columns).where(accessions.c.id == known_as)).first()
        if row is None or row.source != _OF_LABELS:
            raise NotFoundError(
                f"No deposit or delivery is called {known_as[:80]}.",
                "phono deposit and phono add --json name them.",
            )
        files, terms = _delivered(ledger, known_as)
        senders = sorted({terms[number]["asserted_by"] for each in files for number in each["granted"]})
        return _receipt(
            archive,
            known_as,
            kind="delivery",
            date=row.finished_at or row.started_at,
            depositor=", ".join(senders),
            accessions=[known_as],
            granted=terms,
            files=files,
            not_taken=[],
        )


def _of_deposit(archive: Archive, ledger: Connection, deposit: Deposit) -> dict[str, Any]:
    agreement, listed, quoted = agreed(archive, deposit)
    rows = list(granted(ledger, basis=basis_of(deposit)))
    terms = [statement_record(statement) for statement in agreement.statements(quoted)]
    files = [
        {
            "path": row.what,
            "size": row.size,
            "sha256": row.sha256,
            "held": bool(row.held),
            "granted": list(range(len(terms))),
        }
        for row in rows
    ]
    whole = _receipt(
        archive,
        deposit.id,
        kind="deposit",
        date=deposit.finished_at or deposit.started_at,
        depositor=deposit.depositor,
        accessions=sorted({row.accession_id for row in rows}),
        granted=terms,
        files=files,
        not_taken=[
            {"path": path, "sha256": listed[path], "reason": reason}
            for path, reason in sorted(untaken(archive, deposit, listed).items())
        ],
    )
    return whole | {
        "agreement_sha256": deposit.agreement_sha256,
        "signed_by": deposit.signed_by,
        "complete": deposit.finished_at is not None,
        "mining": agreement.mining,
    }


def _delivered(ledger: Connection, accession: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the files that an accession brought, with what labels grant for them now; and those terms."""
    terms: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    files: dict[int, dict[str, Any]] = {}
    for rows in batched(granted(ledger, accession=accession), IN_A_STATEMENT):
        said = standing_statements(ledger, {row.id for row in rows})
        for row in rows:
            found = [statement_record(each) for each in said[row.id] if each.evidence_origin == _OF_LABELS]
            keys = [json.dumps(each, sort_keys=True) for each in found]
            for key, each in zip(keys, found, strict=True):
                if numbers.setdefault(key, len(terms)) == len(terms):
                    terms.append(each)
            files[row.id] = {
                "path": row.name,
                "size": row.size,
                "sha256": row.sha256,
                "held": bool(row.held),
                "granted": sorted({numbers[key] for key in keys}),
            }
    return sorted(files.values(), key=lambda each: str(each["path"])), terms


def _receipt(archive: Archive, known_as: str, **more: Any) -> dict[str, Any]:
    own = archive.settings.archive
    return {
        "format": FORMAT,
        "id": known_as,
        "archive": {"id": own.id, "name": own.name, "url": archive.settings.publish.url},
        **more,
        "bytes": sum(each["size"] for each in more["files"]),
        "how_to_check": "phono receipt check RECEIPT.json EDITION",
        "how_to_withdraw": "Write to the archive, with the id of this receipt and the hashes of the files.",
    }


def read_receipt(value: Any, name: str) -> dict[str, Any]:
    """Return a receipt as it was read from JSON, if it is one. Raises UsageError or VerificationError."""
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        raise UsageError(f"{name} is no receipt ({FORMAT}).", "Give the receipt.json that the archive gave.")
    files, terms = value.get("files"), value.get("granted")
    if not isinstance(files, list) or not isinstance(terms, list):
        raise VerificationError(f"{name}: it lists no files or no terms.", "Ask the archive for it again.")
    for file in files:
        sound = (
            isinstance(file, Mapping)
            and isinstance(file.get("path"), str)
            and isinstance(file.get("sha256"), str)
            and isinstance(file.get("granted"), list)
            and all(type(n) is int and 0 <= n < len(terms) for n in file["granted"])
        )
        if not sound:
            raise VerificationError(f"{name}: a file in it makes no sense: {file!r:.80}")
    return dict(value)


def statements_in(receipt: Mapping[str, Any]) -> list[Statement]:
    """Return what a receipt says was granted. Raises VerificationError naming the field."""
    return [read_statement(record) for record in receipt["granted"]]
