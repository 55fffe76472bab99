"""Publishing an edition: what is new is sealed into bags, and what is current is listed and signed.

Write order: bags → torrents → ledger → edition.json and pages → ledger → TUF, whose timestamp is replaced
last; then the same outside the archive's folder, where the settings ask for it; then bags that are current
no more are removed. Killed anywhere, the next run takes up what was recorded and makes the rest again, to the
same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from phonotheque.catalogue.manifest import Snapshot, current
from phonotheque.editions.access import make_access_copies
from phonotheque.editions.audiences import audiences_of
from phonotheque.editions.bag_plans import bag_id, plan_bag, sequence_of
from phonotheque.editions.clearing import clear_former_bags, former_ids, hide_former_bags
from phonotheque.editions.declaring import declare
from phonotheque.editions.edition import Edition, check_identity, read_edition
from phonotheque.editions.entries import Chosen, bag_files
from phonotheque.editions.inbox import settle
from phonotheque.editions.issue import issue, point_at
from phonotheque.editions.planning import Planned, planned_anew
from phonotheque.editions.provenance import who_says
from phonotheque.editions.revision import Revised, revise
from phonotheque.editions.sealing import (
    ARTWORK_WAVE,
    AUDIO_WAVE,
    CATALOGUE_SUFFIX,
    CATALOGUE_WAVE,
    BagOrder,
    Membership,
    discard_unrecorded,
    remove_spares,
    seal_and_record,
)
from phonotheque.editions.selection import select_for_bags, wanted_access_copies
from phonotheque.editions.sending import check_public, send_public
from phonotheque.editions.sidecars import ChosenSidecar, recording_of, select_sidecars, sidecar_bags
from phonotheque.editions.sought import sought_files
from phonotheque.editions.taken_back import tombstones, withdrawn_bags
from phonotheque.editions.tree import put_up_signpost
from phonotheque.editions.trust import init_repository, renew
from phonotheque.editions.upholding import uphold
from phonotheque.ledger.bags import BagRecord, all_bags, latest_edition
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NotFoundError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.rights import WORLDWIDE
from phonotheque.sources.decide import bring_up_to_date
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.bag import BagFile, BagPlan, NothingPlacedError
from phonotheque.vault.place import feed
from phonotheque.vault.places import check_target, settle_bags


@dataclass(slots=True)
class PublishResult:
    """What publishing came to. ``number`` is the current edition; ``new`` says whether this run made it."""

    number: int
    new: bool
    bags: list[BagRecord] = field(default_factory=list)  # sealed for this edition
    failures: list[Finding] = field(default_factory=list)  # files that could not go in, and why
    revised: list[Revised] = field(default_factory=list)  # bags that this run took back


def publish(
    archive: Archive, *, at: datetime, nonfree: bool = False, progress: Progress = QUIET
) -> PublishResult:
    """Publish what the current plan selects and the decisions allow. The archive's lock must be held.

    ``nonfree`` puts those tables of the catalogue into its bag that are under other terms than the rest, too.

    Bags of earlier editions are never changed: one that holds what may no longer be in it is replaced by
    another, and removed once the edition that says so is out. Nothing new, and the current edition stays as
    it is, with signatures renewed where they would expire soon. Bags and the public tree go to where the
    settings want them, also those that an interrupted run left here.
    """
    check_public(archive)
    check_target(archive)
    result = _publish(archive, at=at, nonfree=nonfree, progress=progress)
    hide_former_bags(archive)  # before any place elsewhere is asked for anything
    put_up_signpost(archive.public, archive.keys, archive.settings.publish.trackers)
    send_public(archive, progress)
    result.failures += clear_former_bags(archive)
    return result


def _publish(archive: Archive, *, at: datetime, nonfree: bool, progress: Progress) -> PublishResult:
    check_identity(archive.settings.archive)
    snapshot = current(archive.catalogue)
    if snapshot is None:
        raise NotFoundError(f"{archive.folder} holds nothing yet.", "Add some music first: phono add.")
    if not (archive.public / "metadata" / "timestamp.json").exists():
        archive.public.mkdir(exist_ok=True)
        init_repository(archive.public, archive.keys, now=at)
    with archive.ledger.connect() as ledger:
        latest = latest_edition(ledger)
        recorded, former = all_bags(ledger), former_ids(ledger)
    if latest is not None:
        point_at(archive, latest, at)  # an interrupted run may have recorded it and not yet signed it
    number = 1 if latest is None else latest.number + 1
    discard_unrecorded(archive, [bag.id for bag in recorded], former)
    bring_up_to_date(archive.ledger, archive.settings, at=timestamp(now()), progress=progress)
    settle(archive, at=timestamp(at))  # what makes no sense stays in the inbox: phono status tells
    uphold(archive, at=timestamp(at))
    failures: list[Finding] = []
    revised = revise(archive, number=number, at=at, failures=failures, progress=progress)
    settle_bags(archive, progress)  # no bag holds any more what may not go there
    with planned_anew(archive) as planned:
        failures += _make_access_copies(archive, planned, at, progress)
        pending, used = _pending(archive, number)
        for bag in pending:
            remove_spares(archive, bag.id)
        for order in _audio_orders(archive, planned, number, used, at, progress):
            _seal(archive, order, pending, failures, progress)
    beside = select_sidecars(archive, at.date())
    used = max([used, *(sequence_of(bag.id, number) for bag in pending)])
    for order in _artwork_orders(archive, beside, failures, number, used, at, progress):
        _seal(archive, order, pending, failures, progress)
    if latest is not None and not pending and latest.snapshot == snapshot.stamp and _says_all(archive, at):
        renew(archive.public, archive.keys, now=at)
        declare(archive, _current_edition(archive), at.date())  # what was reserved since holds at once
        return PublishResult(latest.number, new=False, failures=failures, revised=revised)
    if not any(bag.wave == CATALOGUE_WAVE for bag in pending):
        order = _catalogue_order(archive, snapshot, number, at, nonfree)
        pending.append(seal_and_record(archive, order, progress)[0])
    issue(archive, number, snapshot.stamp, latest, at)
    return PublishResult(number, new=True, bags=pending, failures=failures, revised=revised)


def _current_edition(archive: Archive) -> Edition:
    return read_edition((archive.public / "targets" / "edition.json").read_bytes())


def _pending(archive: Archive, number: int) -> tuple[list[BagRecord], int]:
    """Return the bags that were sealed for an edition before this, and the last number that one has used."""
    with archive.ledger.connect() as ledger:
        bags = [bag for bag in all_bags(ledger) if bag.edition == number]
        names = [bag.id for bag in bags] + former_ids(ledger)
    return bags, max([0, *(sequence_of(name, number) for name in names)])


def _says_all(archive: Archive, at: datetime) -> bool:
    """Tell whether the current edition says all that there is to say of what was taken back or is sought."""
    edition = _current_edition(archive)
    with archive.ledger.connect() as ledger:
        said = withdrawn_bags(ledger), tombstones(ledger), sought_files(ledger, at.date())
    return (edition.withdrawals, edition.tombstones, edition.sought) == said


def _seal(
    archive: Archive, order: BagOrder, bags: list[BagRecord], failures: list[Finding], progress: Progress
) -> None:
    """Seal a new bag. What cannot go in is reported; where that is all of it, there is no such bag."""
    try:
        bag, left_out = seal_and_record(archive, order, progress)
    except NothingPlacedError as error:
        failures.extend(error.failures)
        return
    bags.append(bag)
    failures.extend(left_out)


def _make_access_copies(
    archive: Archive, planned: Planned, at: datetime, progress: Progress
) -> list[Finding]:
    wanted = wanted_access_copies(archive, planned)
    if not wanted:
        return []
    progress.start("Making access copies", total_files=len(wanted))
    return make_access_copies(archive, wanted, at=timestamp(at), progress=progress)


def _audio_orders(
    archive: Archive, planned: Planned, number: int, sealed: int, at: datetime, progress: Progress
) -> Iterator[BagOrder]:
    with archive.ledger.connect() as ledger:
        sought = dict(sought_files(ledger, at.date()))
    chosen = [
        one
        for one in select_for_bags(archive, planned, at.date())
        if one.row.sha256 not in sought or one.source.exists()  # what is lost here waits until it is back
    ]
    if chosen:
        size = sum(one.row.size for one in chosen)
        progress.start("Sealing bags", total_files=len(chosen), total_bytes=size)
    for sequence, members in enumerate(_fill(archive, chosen), start=sealed + 1):
        counts = [one.listens for one in members if one.listens is not None]
        files = bag_files(members, who_says(archive, (one.recording for one in members)))
        yield BagOrder(
            plan=_plan(archive, f"{sequence:04d}", number, at, files, members[0].audience),
            edition=number,
            wave=AUDIO_WAVE,
            listens=sum(counts) if counts else None,
            members={one.row.sha256: Membership(one.row.id, one.recording) for one in members},
            sealed_at=timestamp(at),
            creation_date=int(at.timestamp()),
            audience=members[0].audience,
        )


def _fill(archive: Archive, chosen: Sequence[Chosen]) -> Iterator[list[Chosen]]:
    """Cut the ranked list into bags within the limits, most listened first, each for one audience."""
    limits = archive.settings.publish
    order = {str(audience): rank for rank, audience in enumerate(audiences_of(archive.settings))}
    members: list[Chosen] = []
    size = 0
    for one in sorted(chosen, key=lambda one: order[one.audience]):
        full = len(members) == limits.bag_files or size + one.row.size > limits.bag_bytes
        if members and (full or one.audience != members[0].audience):
            yield members
            members, size = [], 0
        members.append(one)
        size += one.row.size
    if members:
        yield members


def _artwork_orders(
    archive: Archive,
    chosen: Sequence[ChosenSidecar],
    failures: list[Finding],
    number: int,
    sealed: int,
    at: datetime,
    progress: Progress,
) -> Iterator[BagOrder]:
    if chosen:
        size = sum(one.row.size for one in chosen)
        progress.start("Sealing artwork and lyrics", total_files=len(chosen), total_bytes=size)
    limits = archive.settings.publish
    bags = sidecar_bags(archive, chosen, failures, most_files=limits.bag_files, most_bytes=limits.bag_bytes)
    for sequence, members in enumerate(bags, start=sealed + 1):
        recordings = recording_of(one for one, _ in members)
        audience, files = members[0][0].audience, [file for _, file in members]
        yield BagOrder(
            plan=_plan(archive, f"{sequence:04d}", number, at, files, audience),
            edition=number,
            wave=ARTWORK_WAVE,
            listens=None,
            members={
                one.row.sha256: Membership(one.row.file_id, recordings[one.row.sha256]) for one, _ in members
            },
            sealed_at=timestamp(at),
            creation_date=int(at.timestamp()),
            audience=audience,
        )


def _catalogue_order(
    archive: Archive, snapshot: Snapshot, number: int, at: datetime, nonfree: bool
) -> BagOrder:
    tables = snapshot.files if nonfree else snapshot.free_files
    files = []
    # The index beside the tables is derived: it stays at home.
    for name in ("snapshot.json", *(table.file for table in tables)):
        path = snapshot.path / name
        digest = feed(path, hashlib.sha256()).hexdigest()
        about: dict[str, object] = {"kind": "catalogue", "snapshot": snapshot.stamp, "table": _table(name)}
        files.append(BagFile(source=path, path=name, sha256=digest, size=path.stat().st_size, record=about))
    return BagOrder(
        plan=_plan(archive, CATALOGUE_SUFFIX.removeprefix("-"), number, at, files),
        edition=number,
        wave=CATALOGUE_WAVE,
        listens=None,
        members={},
        sealed_at=timestamp(at),
        creation_date=int(at.timestamp()),
    )


def _table(name: str) -> str:
    """Return the table that a file of a snapshot belongs to: its folder, or its name without extension."""
    return name.partition("/")[0].removesuffix(".parquet").removesuffix(".json")


def _plan(
    archive: Archive,
    suffix: str,
    number: int,
    at: datetime,
    files: Sequence[BagFile],
    audience: str = WORLDWIDE,
) -> BagPlan:
    name = bag_id(archive, number, suffix)
    return plan_bag(archive, name, number, at, tuple(files), audience=audience)
