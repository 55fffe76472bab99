"""The three figures of the first screen: what is held, how safe it is, on what basis it may be shared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, and_, case, func, select

from phonotheque.editions.about import About
from phonotheque.editions.edition import BagEntry, Edition, read_edition
from phonotheque.ledger.bags import latest_edition
from phonotheque.ledger.holdings import HoldingState, all_holdings, bytes_held
from phonotheque.ledger.mirror_tables import copies
from phonotheque.ledger.schema import bags, decisions, files
from phonotheque.mirrors.copies import COPIES, Copies, read_copies
from phonotheque.mirrors.follow import EDITION
from phonotheque.mirrors.home import trust_dir
from phonotheque.model.rights import WORLDWIDE, Act, Answer
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.web.looking.counts import Counted

ENOUGH: Final = 3  # verified copies, at mirrors


@dataclass(frozen=True, slots=True)
class Masters:
    """All held masters: how many, their bytes, their seconds of sound; and what plots show of them."""

    number: int
    bytes: int
    seconds: float
    plots: tuple[Counted, ...]


@dataclass(frozen=True, slots=True)
class First:
    """How an archive or a mirror stood ``at`` a moment (ISO 8601, UTC). Sizes in bytes.

    ``seconds`` is None where no length is known, as on a mirror without the catalogue. ``copies_at`` is when
    copies were counted, None if nobody did: then nothing is known of them. What mirrors only claim is no
    copy. ``shareable`` of ``files`` have a recorded basis for distribution, worldwide.
    """

    at: str
    files: int
    bytes: int
    seconds: float | None
    shareable: int
    bags: int
    bag_bytes: int
    safe_bags: int
    safe_bytes: int
    copies_at: str | None
    edition: int | None
    edition_date: str | None
    mirror: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing is held."""
        return self.files == 0


def first_of_archive(archive: Archive, ledger: Connection, at: datetime, masters: Masters) -> First:
    """Return the figures of an archive, which holds ``masters``. Reads every decision."""
    edition = latest_edition(ledger)
    number = edition.number if edition else 0
    proven = func.coalesce(copies.c.proven, 0) >= ENOUGH
    row = ledger.execute(
        select(
            func.count(),
            func.coalesce(func.sum(bags.c.bytes), 0),
            func.coalesce(func.sum(case((proven, 1), else_=0)), 0),
            func.coalesce(func.sum(case((proven, bags.c.bytes), else_=0)), 0),
        )
        .select_from(bags.outerjoin(copies, copies.c.bag_id == bags.c.id))
        .where(bags.c.edition <= number)
    ).one()
    told = copies_told(archive)
    return First(
        at=timestamp(at),
        files=masters.number,
        bytes=masters.bytes,
        seconds=masters.seconds,
        shareable=may_be_shared(ledger),
        bags=int(row[0]),
        bag_bytes=int(row[1]),
        safe_bags=int(row[2]) if told else 0,
        safe_bytes=int(row[3]) if told else 0,
        copies_at=told.time if told else None,
        edition=edition.number if edition else None,
        edition_date=edition.date if edition else None,
    )


def first_of_mirror(
    mirror: Archive,
    ledger: Connection,
    at: datetime,
    edition: Edition | None = None,
    about: Mapping[str, About] = MappingProxyType({}),
) -> First:
    """Return the figures of a mirror: of what is on this disk, and of the edition that it follows.

    An edition lists nothing without a recorded basis, which lies in the bags. ``about`` is what it says of
    its bags: which of their files are music, and how long the sound of those lasts that are here whole.
    """
    told, held = copies_told(mirror), bytes_held(ledger)
    listed = edition.bags if edition else ()
    safe = [bag for bag in listed if told and told.of(bag.id).proven >= ENOUGH]
    here = [bag for bag in listed if bag.id in held]
    files = sum(_music(bag, about) for bag in here)
    return First(
        at=timestamp(at),
        files=files,
        bytes=sum(held.values()),
        seconds=_seconds(whole_bags(ledger), about),
        shareable=files,
        bags=len(listed),
        bag_bytes=sum(bag.bytes for bag in listed),
        safe_bags=len(safe),
        safe_bytes=sum(bag.bytes for bag in safe),
        copies_at=told.time if told else None,
        edition=edition.number if edition else None,
        edition_date=edition.date if edition else None,
        mirror=True,
    )


def _music(bag: BagEntry, about: Mapping[str, About]) -> int:
    """Return how many files of a bag are masters or access copies; all of them where nothing is told."""
    said = about.get(bag.id)
    return said.kinds.get("master", 0) + said.kinds.get("access", 0) if said else bag.payload_files


def _seconds(bags: Collection[str], about: Mapping[str, About]) -> float | None:
    """Return how long the sound of these bags lasts; None where that is not told of one of them, or is 0."""
    told = [about[bag].seconds if bag in about else None for bag in bags]
    return float(sum(filter(None, told))) or None if None not in told else None


def whole_bags(ledger: Connection) -> list[str]:
    """Return the bags that a mirror holds as a whole."""
    return [bag for bag, one in all_holdings(ledger).items() if one.state is HoldingState.COMPLETE]


def may_be_shared(ledger: Connection) -> int:
    """Return how many held masters have a recorded basis for distribution, worldwide."""
    allowed = and_(
        decisions.c.act == Act.DISTRIBUTE.value,
        decisions.c.answer == Answer.YES.value,
        decisions.c.territory == WORLDWIDE,
    )
    query = (
        select(func.count())
        .select_from(decisions)
        .join(files, files.c.id == decisions.c.file_id)
        .where(allowed, files.c.kind == "master", files.c.held)
    )
    return int(ledger.execute(query).scalar_one())


def copies_told(archive: Archive) -> Copies | None:
    """Return what an archive's or a mirror's public tree says of copies; None where it says nothing.

    Raises VerificationError for what makes no sense.
    """
    try:
        return read_copies((archive.public / COPIES).read_bytes())
    except FileNotFoundError:
        return None


def followed(archive: Archive) -> Edition | None:
    """Return the edition that a mirror accepted, or an archive published; None before the first."""
    published = archive.public / "targets" / EDITION
    for file in [trust_dir(archive) / EDITION, published] if archive.is_mirror else [published]:
        if file.exists():
            return read_edition(file.read_bytes())
    return None
