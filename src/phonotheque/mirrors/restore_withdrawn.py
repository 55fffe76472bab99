"""What editions say was taken back, or is sought, in a ledger made again: so that the next says no less.

Who asked and why is private, and lost; what it covers by recording and by bytes, where, since when, and the
public reason are not.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from phonotheque.editions.edition import BagEntry, Edition, Tombstone, Withdrawal
from phonotheque.editions.sought import sought_files
from phonotheque.editions.taken_back import tombstones, withdrawn_bags
from phonotheque.editions.withdrawing import DEFAULT_ACTS
from phonotheque.ledger.bags import all_bags
from phonotheque.ledger.events import record_event
from phonotheque.ledger.former_bags import CLEARED, Why, take_back
from phonotheque.ledger.schema import bag_files, files
from phonotheque.ledger.sidecars import KIND as SIDECAR
from phonotheque.ledger.sidecars import UNEXAMINED
from phonotheque.ledger.together import insert_unless_there
from phonotheque.ledger.withdrawal_tables import former_bag_files, former_bags, withdrawals
from phonotheque.ledger.withdrawals import Item, ItemKind, Step, add_step, record_withdrawal
from phonotheque.ledger.withdrawals import Withdrawal as Request
from phonotheque.mirrors.restore_ledger import Restoring, bag_record, record_accession
from phonotheque.model.errors import VerificationError
from phonotheque.model.sidecars import kind_of
from phonotheque.vault.scrub_units import RESTORED

_LOST: Final = "lost with the ledger"
_REVIEWED: Final = "withheld while a request was reviewed"  # editions/taken_back.py
# Names what takes back still what one that was reversed did: another withdrawal, which is not public.
_STILL: Final = uuid.UUID("b5a0a1a7-6d9b-4c39-9c6e-55c2f1c3a0de")

Contents = Callable[[str], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Before:
    """A bag that was taken back, as an earlier edition listed it; None if none is known that did."""

    gone: Withdrawal
    entry: BagEntry | None


def record_taken_back(
    ledger: Connection,
    restoring: Restoring,
    edition: Edition,
    former: Sequence[Before],
    contents: Contents,
    numbers: Mapping[str, int],
) -> None:
    """Record former bags, withdrawals and what is sought, as the edition says.

    ``contents`` gives the rows of an index about a former bag, none where it is not known; ``numbers`` the
    edition of each moment at which bags were taken back. A bag that is here, because an earlier edition was
    restored before, becomes a former one, as when it is taken back here.
    """
    names = _record_requests(ledger, restoring, edition.tombstones)
    stones: dict[tuple[str, str], list[Tombstone]] = defaultdict(list)
    for stone in edition.tombstones:
        for sha256 in stone.sha256:
            stones[stone.date, sha256].append(stone)
    sought = dict(edition.sought)
    listed = {entry.id for entry in edition.bags}
    rows = ledger.execute(select(bag_files.c.bag_id, bag_files.c.sha256).distinct())
    current = {row.sha256 for row in rows if row.bag_id in listed}
    here = {bag.id: bag for bag in all_bags(ledger) if bag.id not in listed}
    bags: dict[str, str] = {}  # one that was taken back at each moment
    for one in former:
        moment = one.gone.date
        bags.setdefault(moment, one.gone.bag)
        if ledger.execute(select(former_bags.c.id).where(former_bags.c.id == one.gone.bag)).first():
            continue
        if one.gone.bag in here:
            left: dict[str, tuple[Why, str | None]] = {}
            query = select(bag_files.c.path, bag_files.c.sha256).where(bag_files.c.bag_id == one.gone.bag)
            for path, sha256 in ledger.execute(query):
                of_file = stones.get((moment, sha256), [])
                why = Why.WITHDRAWN if of_file else _why(sha256, sought, current)
                if why is not None:
                    left[path] = (why, names[of_file[0].id, of_file[0].reinstated] if of_file else None)
            take_back(
                ledger,
                here[one.gone.bag],
                left,
                edition=numbers.get(moment, edition.number),
                at=moment,
                reason=one.gone.reason,
                replaced_by=one.gone.replaced_by,
            )
            continue
        _record_former(ledger, restoring, one, numbers.get(moment, edition.number))
        for row in contents(one.gone.bag):
            of_file = stones.get((moment, row["sha256"]), [])
            why = Why.WITHDRAWN if of_file else _why(row["sha256"], sought, current)
            name = names[of_file[0].id, of_file[0].reinstated] if of_file else None
            file_id = _record_sought(ledger, restoring, row, moment) if why is Why.SOUGHT else None
            told = {**row, "recording": of_file[0].recording} if of_file else row
            _record_file(ledger, one.gone.bag, told, file_id, why, name)
    _record_unplaced(ledger, restoring, edition, names, bags)


def _record_unplaced(
    ledger: Connection,
    restoring: Restoring,
    edition: Edition,
    names: Mapping[tuple[str, str | None], str],
    bags: Mapping[str, str],
) -> None:
    """Record what was taken back or is sought, where no index is left that tells in which bag it was."""
    placed = _placed(ledger)
    for stone in edition.tombstones:
        name = names[stone.id, stone.reinstated]
        for sha256 in stone.sha256:
            if (name, sha256) in placed:
                continue
            if stone.date not in bags:
                raise VerificationError(
                    f"edition.json: the tombstone {stone.id} is of {stone.date}, when no bag was taken back."
                )
            row = _unknown(f"{name[:8]}/{sha256}", sha256, stone.recording)
            _record_file(ledger, bags[stone.date], row, None, Why.WITHDRAWN, name)
    lacking = sorted({sha256 for sha256, _ in edition.sought} - _sought(ledger))
    if lacking and not bags:
        raise VerificationError("edition.json: something is sought, and no bag was ever taken back.")
    for sha256 in lacking:
        row = _unknown(sha256, sha256, None)
        file_id = _record_sought(ledger, restoring, row, edition.date)
        _record_file(ledger, min(bags.items())[1], row, file_id, Why.SOUGHT, None)


def _unknown(name: str, sha256: str, recording: str | None) -> dict[str, Any]:
    return {"path": f"unknown/{name}", "size": 0, "sha256": sha256, "recording": recording}


def differences(ledger: Connection, edition: Edition, on: date) -> list[str]:
    """Return in which of its parts the next edition would say something else than the last one."""
    parts = (
        ("withdrawals", withdrawn_bags(ledger), edition.withdrawals),
        ("tombstones", tombstones(ledger), edition.tombstones),
        ("sought", sought_files(ledger, on), edition.sought),
    )
    return [name for name, ours, said in parts if ours != said]


def _why(sha256: str, sought: Mapping[str, str], current: set[str]) -> Why | None:
    """Return why a file left its bag; None if it is in the one that replaces it."""
    if sha256 in sought:
        return Why.SOUGHT
    return None if sha256 in current else Why.NOT_ALLOWED


def _record_requests(
    ledger: Connection, restoring: Restoring, stones: Iterable[Tombstone]
) -> dict[tuple[str, str | None], str]:
    """Record the withdrawals behind tombstones; return the id of each, by a stone's id and reinstatement.

    One that was reversed only in part stands for two: what is still taken back has another basis.
    """
    by_id: dict[str, list[Tombstone]] = defaultdict(list)
    for stone in stones:
        by_id[stone.id].append(stone)
    names: dict[tuple[str, str | None], str] = {}
    for request, its in by_id.items():
        back = [stone for stone in its if stone.reinstated]
        still = [stone for stone in its if not stone.reinstated]
        for stone in its:
            names[stone.id, stone.reinstated] = request
        _record_request(ledger, restoring, request, back or still, back[0].reinstated if back else None)
        if back and still:  # its tombstones stay its own; this one keeps them from coming back
            _record_request(ledger, restoring, str(uuid.uuid5(_STILL, request)), still, None)
    return names


def _record_request(
    ledger: Connection, restoring: Restoring, name: str, stones: Sequence[Tombstone], back: str | None
) -> None:
    if ledger.execute(select(withdrawals.c.id).where(withdrawals.c.id == name)).first():
        return
    first = stones[0]
    since = min(stone.date for stone in stones)
    reviewed = first.reason == _REVIEWED
    request = Request(
        id=name,
        requested_at=since,
        asked_by=_LOST,
        contact=None,
        public_name=False,
        reason=_LOST,
        public_reason=None if reviewed else first.reason,
        document_sha256=None,
        territory=first.territory,
        acts=DEFAULT_ACTS,
        erase=False,
        asked_for=(_LOST,),
    )
    items = [Item(ItemKind.SHA256, sha256) for stone in stones for sha256 in stone.sha256]
    items += [Item(ItemKind.RECORDING, stone.recording) for stone in stones if stone.recording]
    record_withdrawal(ledger, request, items)
    by = restoring.agent
    add_step(ledger, name, Step.REQUESTED, at=since, by=by, note=restoring.source)
    add_step(ledger, name, Step.HELD if reviewed else Step.ACCEPTED, at=since, by=by, note=restoring.source)
    if back:
        ended = Step.REFUSED if reviewed else Step.REVERSED
        add_step(ledger, name, ended, at=back, by=by, note=restoring.source)


def _record_former(ledger: Connection, restoring: Restoring, one: Before, number: int) -> None:
    gone = one.gone
    columns = former_bags.c.keys()
    if one.entry is not None:
        record = bag_record(one.entry, gone.date)
        values = {name: getattr(record, name) for name in record.__slots__}
    else:
        counts = dict.fromkeys(("edition", "wave", "bytes", "files", "payload_bytes", "payload_files"), 0)
        counts |= {"recordings": 0, "torrent_size": 0}
        texts = dict.fromkeys(("tagmanifest_sha256", "torrent_sha256", "infohash_v1", "infohash_v2"), "")
        values = {
            "id": gone.bag,
            "audience": "WORLD",
            "listens": None,
            "sealed_at": gone.date,
            **counts,
            **texts,
        }
    values |= {
        "taken_back_in": number,
        "taken_back_at": gone.date,
        "reason": gone.reason,
        "replaced_by": gone.replaced_by,
        "places": [],
    }
    assert set(values) == set(columns)
    ledger.execute(insert(former_bags), values)
    record_event(
        ledger,
        at=restoring.at,
        kind=CLEARED,  # of its bytes, nothing is here
        subject=gone.bag,
        agent=restoring.agent,
        detail={"replaced_by": gone.replaced_by, "places": [], "restored": True},
    )


def _record_file(
    ledger: Connection,
    bag: str,
    row: Mapping[str, Any],
    file_id: int | None,
    why: Why | None,
    withdrawal: str | None,
) -> None:
    values = {
        "bag_id": bag,
        "path": row["path"],
        "file_id": file_id,
        "recording": row["recording"],
        "size": row["size"],
        "sha256": row["sha256"],
        "left_because": why.value if why else None,
        "withdrawal_id": withdrawal,
    }
    ledger.execute(insert(former_bag_files), values)


def _record_sought(ledger: Connection, restoring: Restoring, row: Mapping[str, Any], at: str) -> int:
    """Record a file that is sought as one that ought to be here."""
    accession = str(uuid.uuid5(_STILL, restoring.source))
    record_accession(ledger, restoring, accession, RESTORED, at)
    name = PurePosixPath(row["path"]).name
    values = {
        "sha256": row["sha256"],
        "size": row["size"],
        "kind": SIDECAR if kind_of(name.encode()) else "master",
        "held": True,
        "accession_id": accession,
        "name": name,
        "added_at": at,
        "duration": 0.0,  # what the catalogue knows of it comes later
        "integrity": UNEXAMINED,
        "integrity_notes": [],
        "tags": {},
        "artwork": [],
    }
    key = insert_unless_there(ledger, files, values, files.c.sha256)
    if key is None:
        key = ledger.execute(select(files.c.id).where(files.c.sha256 == row["sha256"])).scalar_one()
    return int(key)


def _placed(ledger: Connection) -> set[tuple[str, str]]:
    table = former_bag_files
    query = select(table.c.withdrawal_id, table.c.sha256).where(table.c.withdrawal_id.is_not(None))
    return {(row.withdrawal_id, row.sha256) for row in ledger.execute(query)}


def _sought(ledger: Connection) -> set[str]:
    table = former_bag_files
    query = select(table.c.sha256).where(table.c.left_because == Why.SOUGHT.value)
    return set(ledger.execute(query).scalars())
