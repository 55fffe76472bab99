"""Which files go into the next bags: what the plan wants, the rights allow, and no bag holds yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from phonotheque.editions.entries import Chosen
from phonotheque.editions.plan import Choice
from phonotheque.editions.planning import Planned
from phonotheque.ledger.bags import bagged_kinds, where_bagged
from phonotheque.ledger.schema import files
from phonotheque.ledger.statements import decided_files, standing_statements
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import Act, Answer
from phonotheque.rights.decide import decide_all
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path


def wanted_access_copies(archive: Archive, planned: Planned) -> list[tuple[Row[Any], Path]]:
    """Return the masters whose access copy is planned and not made yet, with where their bytes lie."""
    found: list[tuple[Row[Any], Path]] = []
    with archive.ledger.connect() as ledger:
        for items in _planned(planned, Choice.ACCESS):
            masters = _masters(ledger, items)
            publishable = decided_files(ledger, Act.DISTRIBUTE, among=masters)
            done = set(_access_copies(ledger, list(masters)))
            bagged = bagged_kinds(ledger, (item["recording"] for item in items))
            done |= {item["file"] for item in items if item["recording"] in bagged}  # it would not go out
            missing = [row for row in masters.values() if row.id in publishable and row.id not in done]
            places = where_bagged(ledger, [row.id for row in missing])
            found += [(row, _place(archive, row, places)) for row in missing]
    return found


def select_for_bags(archive: Archive, planned: Planned, on: date) -> list[Chosen]:
    """Return what is to be bagged now, most listened first. Rights are decided anew, at this moment.

    A recording that a bag holds already is not bagged again, except as a master after an access copy.
    """
    chosen: list[Chosen] = []
    with archive.ledger.connect() as ledger:
        for choice in (Choice.MASTER, Choice.ACCESS):
            for items in _planned(planned, choice):
                chosen += _choose(archive, ledger, items, choice, on)
    return sorted(chosen, key=lambda one: (-(one.listens or 0), one.recording))


def _choose(
    archive: Archive, ledger: Connection, items: list[dict[str, Any]], choice: Choice, on: date
) -> Iterator[Chosen]:
    masters = _masters(ledger, items)
    ids = list(masters)
    copies = _access_copies(ledger, ids) if choice == Choice.ACCESS else {}
    statements = standing_statements(ledger, ids)
    bagged = bagged_kinds(ledger, (item["recording"] for item in items))
    for item in items:
        master = masters.get(item["file"])
        row = master if choice == Choice.MASTER or master is None else copies.get(master.id)
        if master is None or row is None or bagged.get(item["recording"], set()) & {"master", choice}:
            continue
        decisions = decide_all(statements[master.id], on=on)
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


def _masters(ledger: Connection, items: Iterable[Mapping[str, Any]]) -> dict[int, Row[Any]]:
    ids = [item["file"] for item in items]
    query = select(files).where(files.c.id.in_(ids), files.c.kind == "master", files.c.held)
    return {row.id: row for row in ledger.execute(query)}


def _access_copies(ledger: Connection, masters: list[int]) -> dict[int, Row[Any]]:
    query = select(files).where(files.c.master_id.in_(masters), files.c.kind == "access", files.c.held)
    return {row.master_id: row for row in ledger.execute(query.order_by(files.c.id))}


def _place(archive: Archive, row: Row[Any], places: Mapping[int, tuple[str, str]]) -> Path:
    if row.id in places:
        bag, path = places[row.id]
        return archive.bags / bag / path
    return incoming_path(archive.incoming, row.sha256)


def _planned(planned: Planned, choice: Choice) -> Iterator[list[dict[str, Any]]]:
    """Yield planned recordings, as many at a time as a statement may name."""
    for part in planned.chosen(choice):
        yield from batched(part, IN_A_STATEMENT)
