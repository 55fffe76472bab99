"""How many copies of each bag mirrors have: as they say, and as they proved; what is at risk; what changed.

A claim counts while its mirror reports. A proof counts for a period, unless the same mirror failed a later
one, or reports that it has the bag no more. What answers at one address is one copy, whoever it says it is.
The publisher's own copy is never counted.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from phonotheque.ledger.bags import latest_edition
from phonotheque.ledger.copy_counts import (
    LEVELS,
    Alert,
    Count,
    Level,
    Measure,
    claims_on,
    counts,
    level_of,
    record_alerts,
    record_alerts_on_claims,
    save_counts,
)
from phonotheque.ledger.mirror_tables import copies
from phonotheque.ledger.mirrors import MirrorRecord, each_report, mirror_count, number_bags
from phonotheque.ledger.packed import whole_bags
from phonotheque.ledger.proofs import Standing, standing_proofs
from phonotheque.ledger.schema import bags
from phonotheque.mirrors.reach import names_this_machine
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.settings import HealthSettings
from phonotheque.vault.archive import Archive, timestamp


@dataclass(frozen=True, slots=True)
class BagHealth:
    """One bag of the current edition, and its copies."""

    id: str
    edition: int
    bytes: int
    count: Count


@dataclass(frozen=True, slots=True)
class Health:
    """How the copies of an archive's bags stood at ``at``. ``reporting`` of ``mirrors`` were not silent."""

    archive: str
    edition: int
    at: str
    settings: HealthSettings
    mirrors: int
    reporting: int
    bags: tuple[BagHealth, ...]  # those with the fewest proven copies first

    @property
    def at_risk(self) -> tuple[BagHealth, ...]:
        """Bags with fewer proven copies than are wanted, the worst first."""
        return tuple(bag for bag in self.bags if bag.count.proven < self.settings.copies)

    def levels(self, measure: Measure) -> dict[Level, int]:
        """Return how many bags are at each level."""
        found = [level_of(bag.count.of(measure), self.settings.copies) for bag in self.bags]
        return {level: found.count(level) for level in LEVELS}


def look(archive: Archive, *, at: datetime, seeders: Mapping[str, int] | None = None) -> Health:
    """Count the copies of every bag, and change nothing. Raises NotFoundError before the first edition,
    UsageError for a mirror.
    """
    _check_is_publisher(archive)
    with archive.ledger.connect() as ledger:
        return _counted(archive, ledger, at, seeders)


def count_copies(archive: Archive, *, at: datetime, seeders: Mapping[str, int] | None = None) -> Health:
    """Count the copies of every bag, and record what has changed, with alerts. The caller holds the lock.

    ``seeders`` are what trackers said of bags, None if they were not asked. Raises as :func:`look`.
    """
    _check_is_publisher(archive)
    with archive.ledger.begin() as ledger:
        numbers, before = number_bags(ledger), counts(ledger)
        health = _counted(archive, ledger, at, seeders)
        changed = {bag.id: bag.count for bag in health.bags if bag.count != before[bag.id]}
        day, wanted = timestamp(at)[:10], archive.settings.health.copies
        save_counts(ledger, changed, before, numbers, day)
        record_alerts(ledger, _alerts(Measure.PROVEN, _moved(changed, before), wanted, timestamp(at)))
        if any(_alerts(Measure.CLAIMED, _moved(changed, before), wanted, timestamp(at))):
            current = {bag.id for bag in health.bags}
            of_the_day = {
                bag: (Count(claimed=then), Count(claimed=since))
                for bag, (then, since) in claims_on(ledger, day).items()
                if bag in current
            }
            alerts = _alerts(Measure.CLAIMED, of_the_day, wanted, timestamp(at))
            record_alerts_on_claims(ledger, day, alerts)
    return health


def _moved(changed: Mapping[str, Count], before: Mapping[str, Count]) -> dict[str, tuple[Count, Count]]:
    return {bag: (before[bag], count) for bag, count in changed.items()}


def _check_is_publisher(archive: Archive) -> None:
    if archive.is_mirror:
        raise UsageError(
            f"{archive.folder} is a mirror: reports and proofs go to the publisher.",
            f"See what it holds with: phono status {archive.folder}",
        )


def _counted(archive: Archive, ledger: Connection, at: datetime, seeders: Mapping[str, int] | None) -> Health:
    settings, edition = archive.settings.health, latest_edition(ledger)
    if edition is None:
        raise NotFoundError(
            f"{archive.folder} has published nothing, so nobody can hold it.",
            f"Run: phono publish {archive.folder}",
        )
    known = {row.bag_id: row for row in ledger.execute(select(copies))}
    claims, proofs, mirrors, reporting = _reports(
        ledger, settings, at, max((int(row.number) for row in known.values()), default=0)
    )
    query = select(bags.c.id, bags.c.edition, bags.c.bytes).where(bags.c.edition <= edition.number)
    found = []
    for bag in ledger.execute(query.order_by(bags.c.id)):
        row = known.get(bag.id)
        last = row.seeders if row else None
        asked = last if seeders is None else seeders.get(bag.id)
        if row is None:
            count = Count(seeders=asked)
        else:
            proven, oldest = distinct(proofs[row.number])
            count = Count(int(claims[row.number]), proven, oldest, asked)
        found.append(BagHealth(bag.id, bag.edition, int(bag.bytes), count))
    found.sort(key=lambda bag: (bag.count.proven, bag.count.claimed, bag.id))
    name = archive.settings.archive.id
    return Health(name, edition.number, timestamp(at), settings, mirrors, reporting, tuple(found))


def _reports(
    ledger: Connection, settings: HealthSettings, at: datetime, highest: int
) -> tuple[NDArray[np.int32], defaultdict[int, list[Standing]], int, int]:
    """Return claims by the numbers of bags, proofs that count by the same, and mirrors: all, not silent."""
    claims = np.zeros(highest + 1, np.int32)
    proofs = defaultdict[int, list[Standing]](list)
    by_mirror = defaultdict[int, list[Standing]](list)
    for proof in standing_proofs(ledger, timestamp(at - timedelta(days=settings.proof_days))):
        by_mirror[proof.mirror].append(proof)
    heard_since, reporting = timestamp(at - timedelta(days=settings.silent_days)), 0
    for mirror, records in each_report(ledger):
        held = np.zeros(highest + 1, np.bool_)  # looked up in for each proof
        held[whole_bags(records)] = True
        if (mirror.reported_at or "") >= heard_since:
            claims += held
            reporting += 1
        for proof in by_mirror.pop(mirror.number, ()):
            if not _denies(mirror, held, proof):
                proofs[proof.bag].append(proof)
    for others in by_mirror.values():  # of mirrors that report nothing
        for proof in others:
            proofs[proof.bag].append(proof)
    return claims, proofs, mirror_count(ledger), reporting


def _denies(mirror: MirrorRecord, held: NDArray[np.bool_], proof: Standing) -> bool:
    """Tell whether a mirror has said, after it proved that it has a bag, that it has it no more.

    After, by the clock here: who drops bags relies on it (docs/adr/0029-dropped-on-proofs-of-others.md).
    """
    return (mirror.received_at or "") > proof.at and not held[proof.bag]


def distinct(proofs: Iterable[Standing]) -> tuple[int, str | None]:
    """Return how many copies of one bag these proofs show, and the oldest proof that it takes for that.

    As many as there are different mirrors, and no more than there are different sites.
    """
    mirrors, sites = dict[int, str](), dict[str, str]()
    for proof in proofs:
        where = site(proof.address)
        mirrors[proof.mirror] = max(proof.at, mirrors.get(proof.mirror, ""))
        sites[where] = max(proof.at, sites.get(where, ""))
    fewest = list(mirrors.values() if len(mirrors) <= len(sites) else sites.values())
    return len(fewest), min(fewest, default=None)


@lru_cache(4096)
def site(address: str) -> str:
    """Return what an address (a URL or HOST:PORT) is one place with: a host, an IPv6 network of 64 bits.

    On this machine itself each port is a place, whatever the machine is called.
    """
    parts = urlsplit(address if "://" in address else f"//{address}")
    host = (parts.hostname or address).rstrip(".")
    if names_this_machine(host):
        return f"localhost:{parts.port}"
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return host
    number = getattr(number, "ipv4_mapped", None) or number
    if number.is_loopback:
        return f"localhost:{parts.port}"
    if isinstance(number, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((number, 64), strict=False))
    return str(number)


def _alerts(
    measure: Measure, counted: Mapping[str, tuple[Count, Count]], wanted: int, at: str
) -> Iterator[Alert]:
    """Yield one alert for all bags that came to one level from above, or from below, by (before, now)."""
    moved = defaultdict[tuple[bool, Level], list[str]](list)
    for bag, (before, now) in counted.items():
        old, new = (level_of(count.of(measure), wanted) for count in (before, now))
        if old is not new:
            moved[LEVELS.index(new) < LEVELS.index(old), new].append(bag)
    for (fell, level), listed in sorted(moved.items()):
        yield Alert(at, measure, fell, level, wanted, tuple(sorted(listed)))
