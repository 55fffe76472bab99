"""Which files go into the next bags: what the plan wants, the rights allow, and no bag holds yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from phonotheque.editions.audiences import allowed_audience, audience_for, audiences_of
from phonotheque.editions.entries import Chosen
from phonotheque.editions.plan import Choice
from phonotheque.editions.planning import Planned
from phonotheque.ledger.bags import bagged_kinds, where_bagged
from phonotheque.ledger.held import where_allowed
from phonotheque.ledger.schema import files
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import Act
from phonotheque.model.territory import Territory, parse_territory
from phonotheque.rights.decide import decide_all
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path


def wanted_access_copies(archive: Archive, planned: Planned) -> list[tuple[Row[Any], Path]]:
    """Return the masters whose access copy is planned and not made yet, with where their bytes lie."""
    found: list[tuple[Row[Any], Path]] = []
    audiences = audiences_of(archive.settings)
    with archive.ledger.connect() as ledger:
        for items in _planned(planned, Choice.ACCESS):
            masters = _masters(ledger, items)
            publishable = _publishable(ledger, masters, audiences)
            done = set(_access_copies(ledger, list(masters)))
            bagged = bagged_kinds(ledger, (item["recording"] for item in items))
            done |= {item["file"] for item in items if item["recording"] in bagged}  # it might not go out
            missing = [row for row in masters.values() if row.id in publishable and row.id not in done]
            places = where_bagged(ledger, [row.id for row in missing])
            found += [(row, _place(archive, row, places)) for row in missing]
    return found


def select_for_bags(archive: Archive, planned: Planned, on: date) -> list[Chosen]:
    """Return what is to be bagged now, most listened first. Rights are decided anew, at this moment.

    A recording that a bag holds already is not bagged again, except as a master after an access copy, and for
    more people.
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
    audiences = audiences_of(archive.settings)
    for item in items:
        master = masters.get(item["file"])
        row = master if choice == Choice.MASTER or master is None else copies.get(master.id)
        if master is None or row is None:
            continue
        audience = allowed_audience(statements[master.id], audiences, on)
        if audience is None or _goes_out(bagged.get(item["recording"], ()), choice, audience):
            continue
        yield Chosen(
            row=row,
            master=master,
            recording=item["recording"],
            listens=item["listens"],
            statements=statements[master.id],
            decisions=decide_all(statements[master.id], on=on, territory=audience),
            source=incoming_path(archive.incoming, row.sha256),
            audience=str(audience),
        )


def _goes_out(bagged: Iterable[tuple[str, str]], choice: Choice, audience: Territory) -> bool:
    """Tell whether a bag holds a recording already, as what was chosen or better, for all of an audience."""
    return any(kind in ("master", choice) and audience <= parse_territory(whom) for kind, whom in bagged)


def _publishable(ledger: Connection, masters: Iterable[int], audiences: Sequence[Territory]) -> set[int]:
    allowed = where_allowed(ledger, Act.DISTRIBUTE, masters)
    return {file for file, where in allowed.items() if audience_for(parse_territory(where), audiences)}


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
