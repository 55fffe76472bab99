"""A publisher takes a mirror's report: believed to be that mirror's, and not believed in what it claims.

The first report of a mirror binds its id to its key. Later ones must be signed by it and be newer, so that
nobody reports for another, nothing is replayed, and no mirror goes back in time.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import numpy as np
from sqlalchemy import Connection, select

from phonotheque.ledger.bags import latest_edition
from phonotheque.ledger.mirrors import (
    MirrorChange,
    MirrorRecord,
    find_mirror,
    forget_mirror,
    holds_of,
    idle_mirror,
    know_mirror,
    mirror_count,
    new_mirrors,
    number_bags,
    record_report,
)
from phonotheque.ledger.packed import Held, Packed, pack, unpack, whole_bags
from phonotheque.ledger.schema import bags
from phonotheque.ledger.withdrawal_tables import former_bags
from phonotheque.mirrors.reach import is_public, literal, names_this_machine
from phonotheque.mirrors.report import Report, SignedReport, read_report
from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError, VerificationError
from phonotheque.vault.archive import Archive, timestamp

AHEAD: Final = timedelta(minutes=10)  # by which a mirror's clock may be wrong
APART: Final = timedelta(minutes=10)  # that two reports of one mirror by HTTP must be
NEW_IN_A_DAY: Final = 100  # mirrors that may come by HTTP: a flood of them must not crowd out others
_ADVICE = "Nothing of it was recorded."


class NoRoomError(PhonothequeError):
    """Nobody new can be taken: there are enough mirrors, or enough for a day."""


class NotNewerError(PhonothequeError):
    """A report is older than what is known of its mirror, or another one of the same moment."""


class TooSoonError(PhonothequeError):
    """A mirror has reported a moment ago."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a report. ``unknown`` bags are none of this archive's and count for nothing."""

    mirror: str
    time: str
    bags: int
    bytes: int
    gained: int
    lost: int
    unknown: int
    first: bool  # the mirror's first: its key was kept
    again: bool  # taken before; nothing has changed


def take_report(archive: Archive, data: bytes, *, at: datetime, by_hand: bool = False) -> Taken:
    """Read a report, and record it: :func:`check_report`, then :func:`record_signed`."""
    return record_signed(archive, check_report(archive, data, at=at), at=at, by_hand=by_hand)


def check_report(archive: Archive, data: bytes, *, at: datetime) -> SignedReport:
    """Read a report, and check all that can be without the ledger: that needs no lock.

    Raises VerificationError for what is malformed, or of another archive or time.
    """
    signed = read_report(data)
    _check_about_us(archive, signed.report, at)
    return signed


def record_signed(archive: Archive, signed: SignedReport, *, at: datetime, by_hand: bool = False) -> Taken:
    """Record a report that was checked. The caller holds the archive's lock, and counts copies afterwards.

    ``by_hand``: the archivist gives it, so a mirror may be new whatever the settings say, and give two at a
    time. Raises VerificationError for another key, and for bags of other sizes; NotNewerError; TooSoonError;
    UsageError where reports of strangers are not taken; NoRoomError.
    """
    with archive.ledger.begin() as ledger:
        _check_possible(ledger, signed.report)
        before = find_mirror(ledger, signed.report.mirror)
        if before is None or before.key is None:
            _check_welcome(archive, ledger, before, at, by_hand=by_hand)
        elif _is_known(before, signed):
            return Taken(
                before.id, signed.report.time, before.bags, before.bytes, 0, 0, before.unknown, False, True
            )
        elif not by_hand and timestamp(at - APART) < (before.received_at or "") <= timestamp(at):
            raise TooSoonError(
                "This mirror has reported a moment ago: once in ten minutes is enough.",
                "Send it again later.",
            )
        return _record(ledger, signed, at)


def _check_about_us(archive: Archive, report: Report, at: datetime) -> None:
    own = archive.settings.archive.id
    if report.archive != own:
        raise VerificationError(f"The report is about another archive, {report.archive}.", _ADVICE)
    if report.mirror == own:
        raise VerificationError("The report says that its mirror is this archive.", _ADVICE)
    if uuid.UUID(report.mirror).version != 4:  # drills make up others for whom they know by address only
        raise VerificationError(f"The report says {report.mirror}, which is no id of a mirror.", _ADVICE)
    if datetime.fromisoformat(report.time) > at + AHEAD:
        raise VerificationError(
            f"The report is of the future: {report.time}; here it is {timestamp(at)}.", _ADVICE
        )
    if report.web:
        _check_where(archive, report.web)


def _check_where(archive: Archive, web: str) -> None:
    """Refuse an address that is the archive's own, or that means something else to each who asks it.

    Names are resolved by a drill only: what they are resolved to now need not be so then.
    """
    published, host = archive.settings.publish.url, _host(web)
    if published and host == _host(published):
        raise VerificationError(
            f"The report gives this archive's own address as the mirror's: {web}.", _ADVICE
        )
    number = literal(host)
    inside = names_this_machine(host) if number is None else not is_public(number)
    if inside and not archive.settings.health.private_addresses:
        raise VerificationError(
            f"The report gives an address inside somebody's own network: {web}.",
            "The archivist can allow that: [health] private_addresses = true.",
        )


def _check_possible(ledger: Connection, report: Report) -> None:
    edition = latest_edition(ledger)
    if edition is None:
        raise NotFoundError("Nothing was published yet, so nobody can hold it.", "Run: phono publish")
    if report.edition > edition.number:
        raise VerificationError(
            f"The report is about edition {report.edition}; the newest is {edition.number}.", _ADVICE
        )
    sizes = {
        row.id: int(row.bytes)
        for table in (former_bags, bags)
        for row in ledger.execute(select(table.c.id, table.c.bytes))
    }
    for bag in report.bags:
        size = sizes.get(bag.id, bag.bytes)
        if bag.bytes > size or (bag.whole and bag.bytes != size):
            raise VerificationError(
                f"The report says of {bag.id} that {bag.bytes} bytes are held; it has {size}.", _ADVICE
            )


def _check_welcome(
    archive: Archive, ledger: Connection, known: MirrorRecord | None, at: datetime, *, by_hand: bool
) -> None:
    """Check that another mirror may be bound to its key; make room by forgetting one that came to nothing."""
    settings = archive.settings.health
    if settings.reports != "anybody" and not by_hand:
        raise UsageError(
            "This archive takes reports of mirrors that it knows.",
            "Send the first one to the archivist by hand: phono holdings export",
        )
    if known is not None:
        return
    if not by_hand and new_mirrors(ledger, timestamp(at - timedelta(days=1))) >= NEW_IN_A_DAY:
        raise NoRoomError("Too many new mirrors have reported today.", "Send it again tomorrow.")
    if mirror_count(ledger) >= settings.mirrors:
        idle = idle_mirror(ledger, timestamp(at - timedelta(days=settings.silent_days)))
        if idle is None:
            raise NoRoomError(
                f"There is no room for more than {settings.mirrors} mirrors.",
                "The archivist can raise [health] mirrors, or forget some: phono holdings forget",
            )
        forget_mirror(ledger, idle)


def _is_known(before: MirrorRecord, signed: SignedReport) -> bool:
    """Tell whether this very report was taken before. Raises what makes it none of this mirror's, or late."""
    if signed.key != before.key:
        raise VerificationError(
            f"The report of mirror {before.id} is signed by another key than its first one was.",
            "If the mirror has lost its key, and you know that by another way: phono holdings forget",
        )
    if signed.sha256 == before.report_sha256:
        return True
    if before.reported_at is not None and signed.report.time <= before.reported_at:
        raise NotNewerError(
            f"The report is of {signed.report.time}; one of {before.reported_at} was taken already.", _ADVICE
        )
    return False


def _record(ledger: Connection, signed: SignedReport, at: datetime) -> Taken:
    report = signed.report
    numbers = number_bags(ledger)
    mirror = know_mirror(ledger, report.mirror, at=timestamp(at))
    held = [
        Held(numbers[bag.id], bag.bytes, bag.verified_at, bag.whole)
        for bag in report.bags
        if bag.id in numbers
    ]
    packed = pack(held)
    gained, lost = _differ(holds_of(ledger, mirror.number), unpack(packed))
    count, size = sum(bag.whole for bag in held), sum(bag.bytes for bag in held)
    values = {
        "key": signed.key,
        "reported_at": report.time,
        "received_at": timestamp(at),
        "report_sha256": signed.sha256,
        "edition": report.edition,
        "name": report.name,
        "country": report.country,
        "web": report.web,
        "peers": list(report.peers),
        "bags": count,
        "bytes": size,
        "unknown": len(report.bags) - len(held),
        "holds": packed,
    }
    first = mirror.key is None
    changed = first or gained or lost
    change = MirrorChange(report.time, report.edition, count, size, gained, lost) if changed else None
    record_report(ledger, mirror.number, values, change)
    unknown = len(report.bags) - len(held)
    return Taken(report.mirror, report.time, count, size, gained, lost, unknown, first, again=False)


def _differ(before: Packed, after: Packed) -> tuple[int, int]:
    """Return how many bags are held whole that were not, and the other way round."""
    old, new = whole_bags(before), whole_bags(after)
    return len(np.setdiff1d(new, old, assume_unique=True)), len(np.setdiff1d(old, new, assume_unique=True))


def _host(address: str) -> str:
    return (urlsplit(address).hostname or "").rstrip(".")
