"""What a drill needs from the one who holds it, and what is kept of it: mirrors, torrents, proofs, events."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.editions.metainfo import TorrentMeta
from phonotheque.ledger.events import record_event
from phonotheque.ledger.mirrors import all_mirrors, holds_of, number_bags
from phonotheque.ledger.packed import whole_bags
from phonotheque.ledger.proofs import Outcome, Proof, record_proofs
from phonotheque.mirrors.drilling import Asked, Drilled, Terms
from phonotheque.mirrors.follow import follow
from phonotheque.mirrors.holdings import current_edition
from phonotheque.mirrors.origin import FolderOrigin, Origin, open_origin
from phonotheque.mirrors.reach import reach_of_strangers
from phonotheque.mirrors.telling_health import update_health
from phonotheque.mirrors.transfer import find_torrent
from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.model.errors import BusyError, NotFoundError, UsageError
from phonotheque.model.settings import Layer, Settings
from phonotheque.vault.archive import SETTINGS_FILE, Archive, now, open_archive, settings_of, timestamp

METHOD: Final = "web"
_AT_ONE_ADDRESS: Final = 3  # mirrors that say they are there, and are asked
_EVENT: Final = "fixity check"  # PREMIS 3.0
_AGAIN: Final = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Own:
    """The signed tree that answers are compared with. ``archive`` is None for somebody's public tree."""

    archive: Archive | None
    edition: Edition
    origin: Origin
    public: Path  # where torrents are kept
    country: str

    def torrent(self, entry: BagEntry) -> TorrentMeta:
        """Read a bag's torrent, checked against the edition."""
        return find_torrent(self.origin, self.public, entry)[1]

    @property
    def bags(self) -> list[BagEntry]:
        """Return the bags that may be had where we are."""
        return [entry for entry in self.edition.bags if may_hold(self.country, entry.audience)]


@contextmanager
def own_tree(where: str, trust: str | None = None) -> Iterator[Own]:
    """Open an archive, a mirror, or the public tree at a URL or in a folder.

    A public tree is followed as a mirror would, with ``trust`` as its fingerprint; nothing of it is kept.
    """
    if "://" not in where and (Path(where) / SETTINGS_FILE).exists():
        archive = open_archive(Path(where))
        try:
            _go_straight(archive.settings)
            yield _of_archive(archive)
        finally:
            archive.close()
        return
    _go_straight(settings_of(Layer("", {})))
    origin = open_origin(where)
    with tempfile.TemporaryDirectory(prefix="phono-drill-") as folder:
        followed = follow(origin, Path(folder, "trust"), now=now(), trust=trust)
        public = Path(folder, "public")
        public.mkdir()
        yield Own(None, followed.edition, origin, public, "")


def _of_archive(archive: Archive) -> Own:
    settings = archive.settings
    edition = current_edition(archive)
    if archive.is_mirror:
        origin = open_origin(settings.mirror.origin, country=settings.mirror.country)
        return Own(archive, edition, origin, archive.public, settings.mirror.country)
    return Own(archive, edition, FolderOrigin(archive.public), archive.public, settings.archive.country)


def _go_straight(settings: Settings) -> None:
    """Refuse to drill where a proxy is set: it would hide which machine answers, and is not gone around."""
    if settings.mirror.proxy:
        raise UsageError(
            "A drill asks mirrors themselves: through a proxy ([mirror] proxy) nobody sees who answers.",
            "Drill where there is none, or go without it this once: set PHONOTHEQUE_MIRROR_PROXY to nothing.",
        )


def mirrors_to_ask(own: Own, addresses: Sequence[str]) -> list[Asked]:
    """Return the mirrors at ``addresses``, or all that told the archive their address in a report.

    The latter may be out in the Internet only, unless the settings say otherwise; who names an address knows
    whose it is. Raises NotFoundError when there is none.
    """
    told = _told(own.archive, {entry.id for entry in own.edition.bags}) if own.archive else []
    if not addresses:
        if own.archive is None or not told:
            raise NotFoundError(
                "No mirror has told the address of its public tree.", "Name some: --mirror https://host/path"
            )
        settings = own.archive.settings
        reach = reach_of_strangers(settings.publish.url, private=settings.health.private_addresses)
        return [replace(mirror, reach=reach) for mirror in told]
    first = {_plain(mirror.web): mirror for mirror in reversed(told)}  # who told it first
    found = []
    for address in dict.fromkeys(_plain(address) for address in addresses):
        unknown = str(uuid.uuid5(uuid.UUID(own.edition.archive.id), address))
        found.append(first.get(address, Asked(unknown, address)))
    return found


def _told(archive: Archive, listed: set[str]) -> list[Asked]:
    """Return mirrors that have reported an address, with the bags they claim of those ``listed``.

    Several may name one address, and only one of them be there: each is asked, the first to name it before
    others, and no more than some.
    """
    if archive.is_mirror:
        return []
    found, named = list[Asked](), Counter[str]()
    with archive.ledger.begin() as ledger:
        names = {number: bag for bag, number in number_bags(ledger).items() if bag in listed}
        for mirror in all_mirrors(ledger):
            if mirror.web and named[_plain(mirror.web)] < _AT_ONE_ADDRESS:
                named[_plain(mirror.web)] += 1
                whole = whole_bags(holds_of(ledger, mirror.number)).tolist()
                claims = frozenset(names[number] for number in whole if number in names)
                found.append(Asked(mirror.id, mirror.web, mirror.name, claims))
    return found


def _plain(address: str) -> str:
    return address.rstrip("/") + "/"


def record_drill(
    archive: Archive,
    results: Sequence[Drilled],
    terms: Terms,
    *,
    at: datetime,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Keep what a drill has shown: events, and at a publisher proofs, from which copies are counted anew.

    Waits for whoever is changing the archive, however long that takes, and says so: what was learnt is lost
    only to who breaks it off.
    """
    said = False
    while True:
        try:
            with archive.writing("drill"):
                _record(archive, results, terms, at)
            return
        except BusyError as error:
            if not said:
                say(f"{error.message} What the drill has shown is recorded when that ends; so long it waits.")
                said = True
            time.sleep(_AGAIN)


def _record(archive: Archive, results: Sequence[Drilled], terms: Terms, at: datetime) -> None:
    with archive.ledger.begin() as ledger:
        if not archive.is_mirror:
            record_proofs(
                ledger,
                (
                    Proof(
                        found.mirror,
                        bag.bag,
                        timestamp(at),
                        bag.outcome,
                        METHOD,
                        found.answered_at or found.web,
                        bag.blocks,
                        bag.bytes,
                    )
                    for found in results
                    for bag in found.bags
                ),
            )
        for found in results:
            record_event(
                ledger,
                at=timestamp(at),
                kind=_EVENT,
                subject=f"mirror {found.mirror}",
                agent=archive.settings.archive.agent,
                outcome="failure" if found.failed or found.silent else "success",
                detail=_detail(found, terms),
            )
    if not archive.is_mirror:
        update_health(archive, at=at)


def _detail(found: Drilled, terms: Terms) -> dict[str, Any]:
    """What lets somebody draw the same questions again, and what came of them."""
    return {
        "drill": {"seed": terms.seed, "bags": terms.bags, "blocks": terms.blocks, "slow": terms.slow},
        "address": found.web,
        "answered_at": found.answered_at,
        "bags": [
            {"bag": bag.bag, "outcome": bag.outcome.value, "verdict": bag.verdict.value, "why": bag.why}
            for bag in found.bags
        ],
        "seconds": {"middle": found.middle, "slowest": found.slowest, "first_byte": found.first_byte},
        "restored": asdict(found.restored) if found.restored else None,
        "trouble": found.trouble,
    }


def proved(results: Sequence[Drilled]) -> int:
    """Return how many copies of bags were proved."""
    return sum(bag.outcome is Outcome.PROVED for found in results for bag in found.bags)
