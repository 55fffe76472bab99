"""The plain pages and feeds around an edition: index.html, feed.atom, and what may be mined."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection, select

from phonotheque.editions.declaring import declare
from phonotheque.editions.edition import Edition, read_edition
from phonotheque.editions.trust import root_fingerprint
from phonotheque.ledger.schema import editions
from phonotheque.model.rights import WORLDWIDE
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.place import write_durably

# Of the reading room as plain files (web.still), and what such files may be.
LOOK_UP = "look-up"
_LANGUAGES = {"en": "English", "fr": "Français"}
ROOM = (*_LANGUAGES, LOOK_UP, "static")
ROOM_TYPES = frozenset({".css", ".csv", ".html", ".js", ".parquet", ".png", ".svg"})
_VECTOR = 2048
_ATOM = "http://www.w3.org/2005/Atom"
_FEED_LENGTH = 100  # of the newest in the feed: editions, recordings and bags that were taken back
_LISTED = 20  # recordings on the page


def write_site(archive: Archive, edition: Edition, at: datetime) -> None:
    """Write the pages of a new edition. They say nothing that is not signed elsewhere."""
    public = archive.public
    write_durably(public / "index.html", _index(archive, edition))
    with archive.ledger.connect() as ledger:
        write_durably(public / "feed.atom", _feed(archive, ledger, edition, at))
    declare(archive, edition, at.date())


def write_front(archive: Archive) -> None:
    """Write index.html anew, of the current edition: it leads to the plain pages beside it, if any."""
    place = archive.public / "targets" / "edition.json"
    if not archive.is_mirror and place.exists():
        write_durably(archive.public / "index.html", _index(archive, read_edition(place.read_bytes())))


def _index(archive: Archive, edition: Edition) -> bytes:
    environment = Environment(
        loader=PackageLoader("phonotheque", "editions/templates"), autoescape=True, undefined=StrictUndefined
    )
    root = (archive.public / "metadata" / "1.root.json").read_bytes()
    page = environment.get_template("index.html.j2").render(
        edition=edition,
        pages=[one for one in _LANGUAGES.items() if (archive.public / one[0] / "index.html").is_file()],
        fingerprint=root_fingerprint(root),
        address=archive.settings.publish.url or "ADDRESS-OF-THIS-PAGE",
        size=sum(bag.bytes for bag in edition.bags),
        recordings=sum(bag.recordings for bag in edition.bags),
        taken_back=sorted(edition.tombstones, key=lambda one: one.date, reverse=True)[:_LISTED],
    )
    return page.encode()


def rows_at_once(rows: int) -> int:
    """Return the size of a row group, in rows, for a table of LOOK_UP with so many.

    One answer reads the footer, some 1.4 kB a group, and one group, some 135 bytes a row: together they are
    the least at the root of ten times the rows. That is 0.4 MB of 200,000 rows, and 8 MB of 86 million.
    DuckDB writes groups of a multiple of 2048.
    """
    return max(1, round(math.sqrt(10 * rows) / _VECTOR)) * _VECTOR


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the feed. ``id`` follows the archive's own, ``link`` leads below ``public``."""

    id: str
    title: str
    updated: str
    link: str
    summary: str


def _editions(ledger: Connection, edition: Edition) -> Iterator[_Entry]:
    older = select(editions).order_by(editions.c.number.desc()).limit(_FEED_LENGTH)
    listed = [(edition.number, edition.date)]
    listed += [(row.number, row.date) for row in ledger.execute(older) if row.number != edition.number]
    for number, date in listed[:_FEED_LENGTH]:
        link = f"targets/editions/{number}/edition.json"
        summary = f"Edition {number} of {edition.archive.name}, {date[:10]}."
        yield _Entry(f"edition:{number}", f"Edition {number}", date, link, summary)


def _withdrawals(edition: Edition) -> Iterator[_Entry]:
    """Yield what was taken back, or given out again, the newest first: each once, as it stands now."""
    link = f"targets/editions/{edition.number}/edition.json"
    stones = sorted(edition.tombstones, key=lambda one: one.reinstated or one.date, reverse=True)
    standing = {(one.id, one.recording) for one in stones if one.reinstated is None}
    for stone in stones[:_FEED_LENGTH]:
        what = "Reinstated" if stone.reinstated else "Withdrawn"
        where = "" if stone.territory == WORLDWIDE else f" in {stone.territory}"
        taken = f"recording {stone.recording}" if stone.recording else "artwork or text"
        title = f"{what}: {taken}{where}"
        name = f"withdrawal:{stone.id}:{stone.recording or 'beside'}"
        if stone.reinstated and (stone.id, stone.recording) in standing:
            name += ":reinstated"  # a part of it: the rest is still taken back
        yield _Entry(name, title, stone.reinstated or stone.date, link, stone.reason)
    bags = sorted(edition.withdrawals, key=lambda one: one.date, reverse=True)
    for bag in bags[:_FEED_LENGTH]:
        after = f"; what remains of it is {bag.replaced_by}" if bag.replaced_by else ""
        summary = f"{bag.reason}{after}"
        yield _Entry(f"withdrawal:{bag.bag}", f"Withdrawn: bag {bag.bag}", bag.date, link, summary)


def _feed(archive: Archive, ledger: Connection, edition: Edition, at: datetime) -> bytes:
    """Return an Atom feed (RFC 4287) of editions and of what was taken back, newest first."""
    ElementTree.register_namespace("", _ATOM)
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    settings = archive.settings

    def add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> ElementTree.Element:
        element = ElementTree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
        element.text = text or None
        return element

    add(feed, "id", f"urn:uuid:{settings.archive.id}")
    add(feed, "title", f"Editions of {settings.archive.name}")
    add(feed, "updated", timestamp(at))
    add(add(feed, "author"), "name", settings.archive.name)
    if settings.publish.url:
        add(feed, "link", rel="self", href=f"{settings.publish.url.rstrip('/')}/feed.atom")
    listed = [*_editions(ledger, edition), *_withdrawals(edition)]
    for one in sorted(listed, key=lambda one: one.updated, reverse=True):
        entry = add(feed, "entry")
        add(entry, "id", f"urn:uuid:{settings.archive.id}:{one.id}")
        add(entry, "title", one.title)
        add(entry, "updated", one.updated)
        add(entry, "link", rel="alternate", href=one.link)
        add(entry, "summary", one.summary)
    ElementTree.indent(feed)
    data: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return data + b"\n"
