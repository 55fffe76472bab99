"""Which files go into the next bags: what the plan wants, the rights allow, and no bag holds yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Row, select

from phonotheque.audio.access import estimate_access_size
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.editions.entries import Chosen
from phonotheque.editions.plan import CANDIDATES, Plan, load_plan, make_plan
from phonotheque.ledger.bags import bagged_kinds, where_bagged
from phonotheque.ledger.schema import files
from phonotheque.ledger.statements import decided_files, standing_statements
from phonotheque.model.audio import Integrity
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NotFoundError
from phonotheque.model.rights import Act, Answer
from phonotheque.rights.rules import decide_all
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path

# What planning looks at: fingerprints and tags, a file's largest columns, are not read for it.
_COMPARED = (
    files.c.id,
    files.c.sha256,
    files.c.size,
    files.c.duration,
    files.c.lossless,
    files.c.bit_rate,
    files.c.integrity,
)


def plan_candidates(archive: Archive) -> pa.Table:
    """Return, for every recording with a held master, its best master and what each choice would cost."""
    batches = []
    with Catalogue.open(archive.catalogue) as catalogue, archive.ledger.connect() as ledger:
        publishable = decided_files(ledger, Act.DISTRIBUTE)
        for batch in catalogue.recordings(filed=True):
            rows = batch.to_pylist()
            masters = _masters(ledger, (sha256 for row in rows for sha256 in row["files"]), _COMPARED)
            found = (_candidate(row, masters, publishable) for row in rows)
            batches.append(pa.RecordBatch.from_pylist([row for row in found if row], schema=CANDIDATES))
    return pa.Table.from_batches(batches, schema=CANDIDATES)


def current_plan(archive: Archive) -> Plan:
    """Return the plan for what is held now, within the budget last planned for, or without one.

    It is made anew: a saved plan knows nothing of what was added, granted or taken back since.
    """
    try:
        budget = load_plan(archive.plans).budget
    except NotFoundError:
        budget = None
    return make_plan(plan_candidates(archive), budget)


def wanted_access_copies(archive: Archive, plan: Plan) -> list[tuple[Row[Any], Path]]:
    """Return the masters whose access copy is planned and not made yet, with where their bytes lie."""
    wanted = [item["file_sha256"] for item in _planned(plan, "access")]
    found: list[tuple[Row[Any], Path]] = []
    with archive.ledger.connect() as ledger:
        publishable = decided_files(ledger, Act.DISTRIBUTE)
        for chunk in batched(wanted, IN_A_STATEMENT):
            masters = _masters(ledger, chunk)
            made = set(_access_copies(ledger, [row.id for row in masters.values()]))
            missing = [row for row in masters.values() if row.id in publishable and row.id not in made]
            places = where_bagged(ledger, [row.id for row in missing])
            found += [(row, _place(archive, row, places)) for row in missing]
    return found


def select_for_bags(archive: Archive, plan: Plan) -> list[Chosen]:
    """Return what is to be bagged now, most listened first. Rights are decided anew, at this moment.

    A recording that a bag holds already is not bagged again, except as a master after an access copy.
    """
    chosen: list[Chosen] = []
    with archive.ledger.connect() as ledger:
        for choice in ("master", "access"):
            for chunk in batched(_planned(plan, choice), IN_A_STATEMENT):
                chosen += _choose(archive, ledger, chunk, choice)
    return sorted(chosen, key=lambda one: (-(one.listens or 0), one.recording))


def _choose(
    archive: Archive, ledger: Connection, items: list[dict[str, Any]], choice: str
) -> Iterator[Chosen]:
    masters = _masters(ledger, (item["file_sha256"] for item in items))
    ids = [row.id for row in masters.values()]
    copies = _access_copies(ledger, ids) if choice == "access" else {}
    statements = standing_statements(ledger, ids)
    bagged = bagged_kinds(ledger, (item["recording"] for item in items))
    for item in items:
        master = masters.get(item["file_sha256"])
        row = master if choice == "master" or master is None else copies.get(master.id)
        if master is None or row is None or bagged.get(item["recording"], set()) & {"master", choice}:
            continue
        decisions = decide_all(statements[master.id])
        if decisions[Act.DISTRIBUTE].answer is Answer.YES:
            yield Chosen(
                row=row,
                master=master,
                recording=item["recording"],
                listens=item["listens"],
                statements=statements[master.id],
                decisions=decisions,
                source=incoming_path(archive.incoming, row.sha256),
            )


def _candidate(
    recording: Mapping[str, Any], masters: Mapping[str, Row[Any]], publishable: set[int]
) -> dict[str, Any] | None:
    held = [masters[sha256] for sha256 in recording["files"] if sha256 in masters]
    if not held:
        return None
    best = max(held, key=lambda row: (row.id in publishable, *_quality(row)))
    return {
        "recording": recording["id"],
        "file_sha256": best.sha256,
        "listens": recording["listens"],
        "master_bytes": best.size,
        "access_bytes": estimate_access_size(best.duration),
        "lossless": best.lossless,
        "publishable": best.id in publishable,
    }


def _quality(row: Row[Any]) -> tuple[bool, bool, int, int, str]:
    """Order masters of one recording: whole before damaged, lossless before lossy, then by bit rate."""
    return row.integrity != Integrity.DAMAGED, bool(row.lossless), row.bit_rate or 0, row.size, row.sha256


def _masters(
    ledger: Connection, hashes: Iterable[str], columns: Sequence[ColumnElement[Any]] = tuple(files.c)
) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for chunk in batched(hashes, IN_A_STATEMENT):
        query = select(*columns).where(files.c.sha256.in_(chunk), files.c.kind == "master", files.c.held)
        found.update((row.sha256, row) for row in ledger.execute(query))
    return found


def _access_copies(ledger: Connection, masters: list[int]) -> dict[int, Row[Any]]:
    query = select(files).where(files.c.master_id.in_(masters), files.c.kind == "access", files.c.held)
    return {row.master_id: row for row in ledger.execute(query.order_by(files.c.id))}


def _place(archive: Archive, row: Row[Any], places: Mapping[int, tuple[str, str]]) -> Path:
    if row.id in places:
        bag, path = places[row.id]
        return archive.bags / bag / path
    return incoming_path(archive.incoming, row.sha256)


def _planned(plan: Plan, choice: str) -> Iterator[dict[str, Any]]:
    for batch in plan.items.to_batches():
        yield from (item for item in batch.to_pylist() if item["choice"] == choice)
