"""What withdrawals in effect do: statements, decisions, what is shown, and bytes that are to go.

What is taken back is hidden before that is recorded, so that nothing recorded as taken back is ever shown;
the next command on withdrawals, or the next publishing, completes what was interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from sqlalchemy import Connection, or_, select, update

from phonotheque.editions.covering import recordings_of_files
from phonotheque.editions.room_files import forget
from phonotheque.editions.undeclaring import undeclare
from phonotheque.editions.withholding import (
    bags_not_whole,
    bags_with,
    clear_half_made_links,
    withhold,
    withhold_outside,
)
from phonotheque.ledger.bags import where_bagged
from phonotheque.ledger.events import record_event
from phonotheque.ledger.former_bags import uncleared_bags
from phonotheque.ledger.schema import files, rights_statements
from phonotheque.ledger.statements import end_denials, record_denial, standing_statements
from phonotheque.ledger.withdrawals import (
    ItemKind,
    State,
    Step,
    TakenBack,
    Withdrawal,
    add_step,
    all_withdrawals,
    covered_by_hash,
    items_of,
    record_taken_back,
    taken_back_ids,
)
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import Act, Kind, Statement
from phonotheque.rights.records import statement_record
from phonotheque.sources.decide import redecide
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.places import let_all_go

_REVIEWED: Final = "a request to withdraw it is being reviewed"


def uphold(archive: Archive, *, at: str) -> list[str]:
    """Let all that was taken back be so: also copies that came in since, and after an interruption.

    Returns "bag/path" of what is published and withheld until the next edition. Raises NetworkError where a
    public tree outside of the archive's folder cannot be reached.
    """
    let_all_go(archive)
    clear_half_made_links(archive)
    standing = cover_copies(archive, at=at)
    with archive.ledger.connect() as ledger:
        ids = {file for one in standing for file in taken_back_ids(ledger, one.id)}
        bags = bags_with(ledger, ids) | bags_not_whole(archive)
        bags |= {one.bag.id for one in uncleared_bags(ledger)}  # publishing was interrupted, or failed
        withheld = withhold(archive, ledger, bags, date.fromisoformat(at[:10]))
        withhold_outside(archive, ledger, withheld)
    forget(archive, withheld)
    undeclare(archive, withheld)
    return withheld


def cover_copies(archive: Archive, *, at: str) -> list[Withdrawal]:
    """State of all that withdrawals in effect cover that it is withdrawn, also of what came in since.

    Returns those withdrawals. Nothing is shown or hidden by this: what has come in is in no bag yet.
    """
    with archive.ledger.connect() as ledger:
        standing = [one for one in all_withdrawals(ledger) if one.in_effect]
    for name, covered in covered_now(archive, standing).items():
        (one,) = (each for each in standing if each.id == name)
        with archive.ledger.begin() as ledger:
            unstated = {file: of for file, of in covered.items() if not _is_stated(ledger, one, file)}
            if unstated:
                state_on(archive, ledger, one, unstated, at)
                note = f"{len(unstated)} further files"
                add_step(ledger, one.id, Step.EXTENDED, at=at, by=_agent(archive), note=note)
            erase(archive, ledger, one, at)
    remove_erased(archive)
    return standing


def covered_now(archive: Archive, standing: Sequence[Withdrawal]) -> dict[str, dict[int, str | None]]:
    """Return, for each withdrawal, the masters and sidecars that it covers today, and for which recording."""
    found: dict[str, dict[int, str | None]] = {}
    recordings: dict[str, set[str]] = {}
    with archive.ledger.connect() as ledger:
        for one in standing:
            found[one.id] = dict.fromkeys(covered_by_hash(ledger, one.id))
            items = items_of(ledger, one.id)
            recordings[one.id] = {item.value for item in items if item.kind is ItemKind.RECORDING}
    of_file = recordings_of_files(archive, {each for some in recordings.values() for each in some})
    with archive.ledger.connect() as ledger:
        for some in batched(sorted(of_file), IN_A_STATEMENT):
            query = select(files.c.id, files.c.sha256).where(
                files.c.sha256.in_(some), files.c.kind != "access"
            )
            for row in ledger.execute(query):
                for name, covered in recordings.items():
                    if of_file[row.sha256] in covered:
                        found[name][row.id] = of_file[row.sha256]
    return found


def state_on(
    archive: Archive, ledger: Connection, one: Withdrawal, covered: Mapping[int, str | None], at: str
) -> None:
    """State on files that they are withdrawn, keep the evidence of what that took back, and decide anew.

    ``covered`` gives the recording that each is covered for.
    """
    ids = sorted(covered)
    end_denials(ledger, ids, one.origin, at=at, because="it is stated anew")
    _keep_evidence_of(ledger, one, covered, at)
    record_denial(ledger, ids, denial_of(archive, one, at), at=at)
    redecide(ledger, ids, archive.settings, at=at)


def denial_of(archive: Archive, one: Withdrawal, at: str | None) -> Statement:
    """Return what a withdrawal in effect states of all that it covers."""
    reviewed = one.state is State.HELD
    return Statement(
        kind=Kind.WITHDRAWAL,
        licence=None,
        evidence=_REVIEWED if reviewed else one.told,
        evidence_origin=one.origin,
        asserted_by=_agent(archive),
        territory=one.territory,
        acts=tuple(act for act in one.acts if not (reviewed and act is Act.PRESERVE)),
        stated_at=at,
    )


def _keep_evidence_of(
    ledger: Connection, one: Withdrawal, covered: Mapping[int, str | None], at: str
) -> None:
    for some in batched(sorted(covered), IN_A_STATEMENT):
        rows = ledger.execute(select(files).where(files.c.id.in_(some)).order_by(files.c.id)).all()
        statements = standing_statements(ledger, some)
        made = select(files.c.id, files.c.master_id).where(files.c.master_id.in_(some))
        subjects = {row.id: row.id for row in rows} | {row.id: row.master_id for row in ledger.execute(made)}
        places: dict[int, list[str]] = {file: [] for file in some}
        for file, place in sorted(where_bagged(ledger, subjects).items()):
            places[subjects[file]].append("/".join(place))
        taken = [
            TakenBack(
                file_id=row.id,
                recording=covered[row.id],
                name=row.name,
                size=row.size,
                sha256=row.sha256,
                pcm_sha256=row.pcm_sha256,
                statements=[statement_record(said) for said in statements[row.id]],
                bagged=places[row.id],
            )
            for row in rows
        ]
        record_taken_back(ledger, one.id, taken, at=at)


def _is_stated(ledger: Connection, one: Withdrawal, file: int) -> bool:
    table = rights_statements
    here = (table.c.file_id == file, table.c.evidence_origin == one.origin)
    query = select(table.c.id).where(*here, table.c.withdrawn_at.is_(None))
    return ledger.execute(query.limit(1)).first() is not None


def erase(archive: Archive, ledger: Connection, one: Withdrawal, at: str) -> tuple[int, int]:
    """Record that the bytes of what lies in no bag are gone; return how many files, and how many wait.

    Deleting needs a proof, and the withdrawal is that. Bytes in sealed bags go with them.
    """
    if not one.erase or one.state is not State.ACCEPTED:
        return 0, 0
    ids = taken_back_ids(ledger, one.id)
    erased = waiting = 0
    for some in batched(ids, IN_A_STATEMENT):
        either = or_(files.c.id.in_(some), files.c.master_id.in_(some))
        rows = ledger.execute(select(files).where(either, files.c.held)).all()
        bagged = where_bagged(ledger, [row.id for row in rows])
        gone = [row for row in rows if row.id not in bagged]
        erased, waiting = erased + len(gone), waiting + len(rows) - len(gone)
        record_erased(archive, ledger, one.id, [row.id for row in gone], at)
    return erased, waiting


def record_erased(
    archive: Archive, ledger: Connection, withdrawal_id: str, file_ids: Sequence[int], at: str
) -> None:
    """Record, before it is done, that the bytes of these files are deleted for a withdrawal."""
    if not file_ids:
        return
    ledger.execute(update(files).where(files.c.id.in_(file_ids)).values(held=False))
    gone = select(files.c.name, files.c.sha256, files.c.size).where(files.c.id.in_(file_ids))
    for row in ledger.execute(gone).all():
        record_event(
            ledger,
            at=at,
            kind="deletion",
            subject=row.name,
            agent=_agent(archive),
            detail={"sha256": row.sha256, "bytes": row.size, "withdrawal": withdrawal_id},
        )
    note = f"{len(file_ids)} files"
    add_step(ledger, withdrawal_id, Step.ERASED, at=at, by=_agent(archive), note=note)


def remove_erased(archive: Archive) -> None:
    """Delete the bytes that the ledger says are erased, where they wait."""
    with archive.ledger.connect() as ledger:
        standing = all_withdrawals(ledger)
    for one in standing:
        if not one.erase or one.state is not State.ACCEPTED:
            continue
        with archive.ledger.connect() as ledger:
            ids = taken_back_ids(ledger, one.id)
            for some in batched(ids, IN_A_STATEMENT):
                either = or_(files.c.id.in_(some), files.c.master_id.in_(some))
                gone = select(files.c.sha256).where(either, ~files.c.held)
                for sha256 in ledger.execute(gone).scalars():
                    incoming_path(archive.incoming, sha256).unlink(missing_ok=True)


def _agent(archive: Archive) -> str:
    return archive.settings.archive.agent
