"""What a publisher shows of its bags' copies: ``copies.json`` for mirrors, ``health.atom`` for people.

The first is signed by the keys of the timestamp, where they are here: without that no mirror drops a bag by
it. On both depends which bags mirrors would rather take, and who is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from xml.etree import ElementTree

from phonotheque.editions.trust import count_signers
from phonotheque.ledger.bags import latest_edition
from phonotheque.ledger.copy_counts import Alert, Level, Measure, last_alerts
from phonotheque.mirrors.copies import COPIES, BagCopies, Copies, write_copies
from phonotheque.mirrors.health import Health, count_copies
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import write_durably

FEED: Final = "health.atom"
_ATOM: Final = "http://www.w3.org/2005/Atom"
_LONG_AGO: Final = "1970-01-01T00:00:00Z"
_ENTRIES: Final = 50  # on proofs, and as many on claims: what anybody can cause pushes out nothing else
_NAMED: Final = 100  # bags in one entry
_NUMBERS: Final = {Level.NONE: "no {} copy", Level.ONE: "one {} copy", Level.FEW: "few {} copies"}


def update_health(archive: Archive, *, at: datetime, seeders: Mapping[str, int] | None = None) -> Health:
    """Count copies, record what has changed, then show it. The caller holds the archive's lock.

    Raises as :func:`phonotheque.mirrors.health.count_copies`.
    """
    health = count_copies(archive, at=at, seeders=seeders)
    signers = count_signers(archive.public / "metadata", archive.keys)
    write_durably(archive.public / COPIES, write_copies(copies_of(health), signers))
    feed = health_feed(archive)
    place = archive.public / FEED
    if not place.exists() or place.read_bytes() != feed:
        write_durably(place, feed)
    return health


def copies_of(health: Health) -> Copies:
    """Return what ``copies.json`` says."""
    return Copies(
        health.archive,
        health.at,
        {
            bag.id: BagCopies(bag.count.claimed, bag.count.proven, bag.count.proven_since)
            for bag in health.bags
        },
    )


def health_feed(archive: Archive) -> bytes:
    """Return an Atom feed (RFC 4287) of bags that fell below a threshold or rose above one, newest first."""
    ElementTree.register_namespace("", _ATOM)
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    settings = archive.settings
    with archive.ledger.connect() as ledger:
        alerts, edition = last_alerts(ledger, _ENTRIES), latest_edition(ledger)

    def add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> ElementTree.Element:
        element = ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
        element.text = text or None
        return element

    own = f"urn:uuid:{settings.archive.id}:health"
    add(feed, "id", own)
    add(feed, "title", f"Copies of the bags of {settings.archive.name}")
    times = [alert.at for alert in alerts.values()] or [edition.date if edition else _LONG_AGO]
    add(feed, "updated", max(times))
    add(add(feed, "author"), "name", settings.archive.name)
    if settings.publish.url:
        add(feed, "link", rel="self", href=f"{settings.publish.url.rstrip('/')}/{FEED}")
    for number, alert in alerts.items():
        entry = add(feed, "entry")
        add(entry, "id", f"{own}:{alert.at}:{number}")
        add(entry, "title", alert_title(alert))
        add(entry, "updated", alert.at)
        add(entry, "link", rel="alternate", href=COPIES)
        add(entry, "summary", _summary(alert))
    ElementTree.indent(feed)
    data: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def alert_title(alert: Alert) -> str:
    """Return an alert in a few words: "2 bags fell to one proven copy"."""
    number = len(alert.bags)
    bags = "1 bag" if number == 1 else f"{number:,} bags"
    way = "fell to" if alert.fell else "rose to"
    if alert.level is Level.ENOUGH:
        many = f"{alert.wanted} or more {alert.measure} copies"
    else:
        many = _NUMBERS[alert.level].format(alert.measure)
    return f"{bags} {way} {many}"


def _summary(alert: Alert) -> str:
    named = ", ".join(alert.bags[:_NAMED])
    more = f", and {len(alert.bags) - _NAMED:,} more" if len(alert.bags) > _NAMED else ""
    if alert.measure is Measure.CLAIMED:
        return f"Mirrors say so; nobody verified it. {named}{more}."
    return f"As mirrors proved it; {alert.wanted} are wanted. {named}{more}."
