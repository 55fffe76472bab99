"""Bag revision: what may no longer be in a bag leaves it, and the rest becomes a new bag (docs/design.md).

A sealed bag never changes. What remains of one is sealed anew under the same paths, from the same bytes, by
links where the file system allows them; then the ledger says, in one step, that the new bag is current and
the old one is not. The old one's bytes stay until the edition that says so is out: see editions/clearing.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any, Final

from sqlalchemy import Connection

from phonotheque.catalogue.manifest import current
from phonotheque.catalogue.scratch import open_tables, rows, scratch
from phonotheque.editions.audiences import audience_for, audiences_of
from phonotheque.editions.bag_plans import plan_bag
from phonotheque.editions.entries import rights_record
from phonotheque.editions.judging import Judged, doubtful_bags, judge
from phonotheque.editions.sealing import (
    CATALOGUE_WAVE,
    BagOrder,
    Membership,
    next_revision,
    revised_before,
    seal_and_record,
)
from phonotheque.editions.upholding import record_erased
from phonotheque.ledger.bags import BagRecord, all_bags, places_of_bags
from phonotheque.ledger.events import record_event
from phonotheque.ledger.former_bags import Why, all_former_bags, take_back
from phonotheque.ledger.withdrawals import State, Withdrawal, all_withdrawals
from phonotheque.model.bags import Finding
from phonotheque.model.errors import VerificationError
from phonotheque.model.progress import Progress
from phonotheque.model.rights import Act, Answer, Decision, Statement
from phonotheque.model.territory import Territory, parse_territory
from phonotheque.rights.decide import decide, decide_all
from phonotheque.rights.records import read_statement
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.bag import RECORDINGS, BagFile, NothingPlacedError
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.places import bring_home

_MOST: Final = 500  # characters of a public reason
_OF_SEALING: Final = ("path", "pieces_root", "sha256", "size")  # of a line, written when a bag is sealed
_LISTENS: Final = """
    SELECT sum(listens)::BIGINT AS listens FROM recordings SEMI JOIN (SELECT unnest($ids) AS id) USING (id)
"""
_TOLD: Final = {
    Why.NOT_ALLOWED: "no longer allowed to be shared here",
    Why.ALLOWED_MORE: "now allowed to be shared more widely",
    Why.DAMAGED: "damaged, and left out",
}
_RESTATED: Final = "what is said of its rights was corrected"


@dataclass(frozen=True, slots=True)
class Revised:
    """A bag that was taken back, and the bag that holds what remains, if anything does."""

    before: str
    after: BagRecord | None
    reason: str
    left: int  # files


@dataclass(frozen=True, slots=True)
class _Review:
    """What is to become of a bag: who leaves it and why, who stays, and what was said of them."""

    bag: BagRecord
    left: Mapping[str, tuple[Why, str | None]]  # by path; with the withdrawal, if it is one
    stays: Sequence[Judged]
    leaves: Sequence[Judged]
    records: Mapping[str, dict[str, Any]]  # lines of recordings.jsonl, by path


def revise(
    archive: Archive, *, number: int, at: datetime, failures: list[Finding], progress: Progress
) -> list[Revised]:
    """Revise every current bag that needs it, for the edition that is being made.

    Each is recorded by itself: interrupted, the next run goes on with the others. Files that cannot be read
    are added to ``failures``: they stay where they are.
    """
    audiences = audiences_of(archive.settings)
    with archive.ledger.connect() as ledger:
        doubtful = set(doubtful_bags(ledger, at.date()))
        bags = [bag for bag in all_bags(ledger) if bag.id in doubtful and bag.wave != CATALOGUE_WAVE]
        withdrawals = {one.id: one for one in all_withdrawals(ledger)}
    done = []
    for bag in bags:
        review = _reviewed(archive, bag, audiences, at.date())
        if review is not None:
            progress.start(f"Revising {bag.id}", total_files=len(review.stays))
            done.append(_revise(archive, review, withdrawals, number, at, failures, progress))
    return done


def _reviewed(archive: Archive, bag: BagRecord, audiences: Sequence[Territory], on: date) -> _Review | None:
    """Return what is to become of a bag, None if it stays as it is."""
    here = parse_territory(bag.audience)
    with archive.ledger.connect() as ledger:
        judged = list(judge(ledger, bag, on))
    if not judged:  # a bag of which nothing is here, and nothing is known: see mirrors/restore.py
        return None
    left: dict[str, tuple[Why, str | None]] = {}
    for one in judged:
        if not one.allowed:
            why = Why.WITHDRAWN if one.withdrawal else Why.NOT_ALLOWED
            left[one.entry.path] = (why, one.withdrawal)
        elif not here.worldwide:
            better = audience_for(one.everywhere(on), audiences)
            if better is not None and here <= better and here != better:
                left[one.entry.path] = (Why.ALLOWED_MORE, None)
    stays = [one for one in judged if one.entry.path not in left]
    records = _records(archive, bag)
    if not left and all(_still_said(one, records, here, on) for one in stays):
        return None
    return _Review(bag, left, stays, [one for one in judged if one.entry.path in left], records)


def _records(archive: Archive, bag: BagRecord) -> dict[str, dict[str, Any]]:
    """Return what a bag says of its files, by path. Tag files are here wherever the payload lies."""
    path = archive.bags / bag.id / RECORDINGS
    try:
        with path.open("rb") as lines:
            found = [json.loads(line) for line in lines]
    except ValueError as error:
        raise VerificationError(f"{path} is damaged: {error}.", "Restore the bag: phono repair") from error
    return {record["path"]: record for record in found}


def _still_said(one: Judged, records: Mapping[str, dict[str, Any]], here: Territory, on: date) -> bool:
    """Tell whether what a bag states of a file is as good a basis as it was, on the same terms as now."""
    record = records.get(one.entry.path)
    if record is None:
        return False
    sealed = [read_statement(statement) for statement in record["rights"]["statements"]]
    return _terms(sealed, here, on) == _terms(one.statements, here, on)


def _terms(statements: Sequence[Statement], here: Territory, on: date) -> list[tuple[Answer, frozenset[str]]]:
    """Return what others may do with a file, and on which conditions."""
    decided = (decide(statements, act, on=on, territory=here) for act in Act if act is not Act.PRESERVE)
    return [(decision.answer, frozenset(decision.conditions)) for decision in decided]


def _revise(
    archive: Archive,
    review: _Review,
    withdrawals: Mapping[str, Withdrawal],
    number: int,
    at: datetime,
    failures: list[Finding],
    progress: Progress,
) -> Revised:
    bag, left = review.bag, dict(review.left)
    reason = _reason(left, withdrawals)
    erased = {path for path, (_, name) in left.items() if name and _erases(withdrawals.get(name))}
    home, lost = _bring_home(archive, review, erased)
    failures += [wrong for path, wrong in lost.items() if path in left]
    # What was to go into another bag, and cannot: mirrors keep theirs (editions/sought.py).
    left |= {path: (Why.DAMAGED, None) for path in lost if left.get(path) == (Why.ALLOWED_MORE, None)}

    def recorded(ledger: Connection, after: BagRecord | None, damaged: Sequence[Finding]) -> None:
        gone = left | {finding.path: (Why.DAMAGED, None) for finding in damaged}
        for name in sorted({name for path, (_, name) in left.items() if name and path in erased}):
            ids = [one.entry.file_id for one in review.leaves if left[one.entry.path][1] == name]
            record_erased(archive, ledger, name, [one for one in ids if one is not None], timestamp(at))
        successor = after.id if after else None
        take_back(ledger, bag, gone, edition=number, at=timestamp(at), reason=reason, replaced_by=successor)
        _event(archive, ledger, bag, successor, len(gone), at)

    after: BagRecord | None = None
    damaged: Sequence[Finding] = ()
    try:
        if review.stays:
            order = _order(archive, review, home, number, at)
            after, damaged = seal_and_record(archive, order, progress, also=recorded)
    except NothingPlacedError as error:
        damaged = error.failures
    if after is None:  # taken back all the same: what was withdrawn waits for nothing
        with archive.ledger.begin() as ledger:
            recorded(ledger, None, damaged)
    failures += [lost.get(finding.path, finding) for finding in damaged]
    return Revised(bag.id, after, reason, len(left) + len(damaged))


def _bring_home(archive: Archive, review: _Review, erased: set[str]) -> tuple[set[str], dict[str, Finding]]:
    """Let what leaves, and is not to be erased, wait again; and what stays where it is not whole in the bag.

    Returns the paths of what stays and came home, and by path what is wrong with what could not.
    """
    bag = review.bag.id
    with archive.ledger.connect() as ledger:
        elsewhere = bool(places_of_bags(ledger, bag).get(bag))
    leaving = [one.entry for one in review.leaves if one.entry.path not in erased]
    lost = {entry.path: wrong for entry in leaving if (wrong := bring_home(archive, bag, entry)) is not None}
    home = set()
    for entry in (one.entry for one in review.stays if elsewhere):
        here = archive.bags / bag / entry.path
        whole = check_file(here, entry.size, entry.sha256) is None
        if not whole and (wrong := bring_home(archive, bag, entry)) is not None:
            lost[entry.path] = wrong
        elif not whole:
            home.add(entry.path)
    return home, lost


def _order(archive: Archive, review: _Review, home: set[str], number: int, at: datetime) -> BagOrder:
    bag, stays = review.bag, review.stays
    recordings = sorted({one.entry.recording for one in stays if one.entry.recording})
    files = tuple(_bag_file(archive, review, one, one.entry.path in home, at.date()) for one in stays)
    name = next_revision(bag.id)
    return BagOrder(
        plan=plan_bag(archive, name, number, at, files, audience=bag.audience, before=bag.id),
        edition=number,
        wave=bag.wave,
        listens=_listens(archive, recordings) if bag.listens is not None else None,
        members={
            one.entry.sha256: Membership(one.entry.file_id, one.entry.recording)
            for one in stays
            if one.entry.file_id is not None
        },
        sealed_at=timestamp(at),
        creation_date=int(at.timestamp()),
        audience=bag.audience,
        similar=_similar(archive, bag),
    )


def _bag_file(archive: Archive, review: _Review, one: Judged, home: bool, on: date) -> BagFile:
    path = one.entry.path
    bagged, waiting = archive.bags / review.bag.id / path, incoming_path(archive.incoming, one.entry.sha256)
    source = waiting if home else bagged
    said = {key: value for key, value in review.records.get(path, {}).items() if key not in _OF_SEALING}
    here = parse_territory(review.bag.audience)
    decisions = decide_all(one.statements, on=on, territory=here)
    record = said | {"rights": _rights(said, path, one.statements, decisions)}
    return BagFile(source, path.removeprefix("data/"), one.entry.sha256, one.entry.size, record)


def _rights(
    said: Mapping[str, Any],
    path: str,
    statements: Sequence[Statement],
    decisions: Mapping[Act, Decision],
) -> dict[str, object]:
    title = said.get("title") or PurePosixPath(said.get("provenance", {}).get("name") or path).name
    return rights_record(statements, decisions, ", ".join(said.get("artists", ())), title)


def _similar(archive: Archive, bag: BagRecord) -> tuple[str, ...]:
    """Return the infohashes of a bag and of all that it replaced: a client may have any of them."""
    with archive.ledger.connect() as ledger:
        former = {one.bag.id: one.bag for one in all_former_bags(ledger)}
    found, before = [bag.infohash_v1], revised_before(bag.id)
    while before in former:
        found.append(former[before].infohash_v1)
        before = revised_before(before)
    return tuple(filter(None, found))  # some may have been lost with an earlier ledger


def _listens(archive: Archive, recordings: Sequence[str]) -> int | None:
    snapshot = current(archive.catalogue)
    if snapshot is None:
        return None
    with scratch("counting listens", snapshot.path) as engine:
        open_tables(engine, snapshot, "recordings")
        (row,) = rows(engine, _LISTENS, ids=list(recordings))
    return None if row["listens"] is None else int(row["listens"])


def _erases(one: Withdrawal | None) -> bool:
    return one is not None and one.erase and one.state is State.ACCEPTED


def _reason(left: Mapping[str, tuple[Why, str | None]], withdrawals: Mapping[str, Withdrawal]) -> str:
    """Return why a bag was taken back, as everybody may read it."""
    told = []
    for why, name in left.values():
        one = withdrawals.get(name) if name else None
        if why is not Why.WITHDRAWN:
            told.append(_TOLD[why])
        elif one is None or one.state is State.HELD:
            told.append("withheld while a request is reviewed")
        else:
            told.append(one.told)
    words = "; ".join(dict.fromkeys(told)) or _RESTATED
    return words if len(words) <= _MOST else f"{words[: _MOST - 1]}…"


def _event(
    archive: Archive, ledger: Connection, bag: BagRecord, successor: str | None, left: int, at: datetime
) -> None:
    record_event(
        ledger,
        at=timestamp(at),
        kind="replacement",
        subject=bag.id,
        agent=archive.settings.archive.agent,
        detail={"replaced_by": successor, "left": left},
    )
