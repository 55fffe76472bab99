"""The plain pages and feeds around an edition: index.html, feed.atom, and what may be mined."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection, select

from phonotheque.editions.declaring import declare
from phonotheque.editions.edition import Edition
from phonotheque.editions.trust import root_fingerprint
from phonotheque.ledger.schema import editions
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.place import write_durably

_ATOM = "http://www.w3.org/2005/Atom"
_FEED_LENGTH = 100  # newest editions in the feed


def write_site(archive: Archive, edition: Edition, at: datetime) -> None:
    """Write the pages of a new edition. They say nothing that is not signed elsewhere."""
    public = archive.public
    write_durably(public / "index.html", _index(archive, edition))
    with archive.ledger.connect() as ledger:
        write_durably(public / "feed.atom", _feed(archive, ledger, edition, at))
    declare(archive, edition, at.date())


def _index(archive: Archive, edition: Edition) -> bytes:
    environment = Environment(
        loader=PackageLoader("phonotheque", "editions/templates"), autoescape=True, undefined=StrictUndefined
    )
    root = (archive.public / "metadata" / "1.root.json").read_bytes()
    page = environment.get_template("index.html.j2").render(
        edition=edition,
        fingerprint=root_fingerprint(root),
        address=archive.settings.publish.url or "ADDRESS-OF-THIS-PAGE",
        size=sum(bag.bytes for bag in edition.bags),
        recordings=sum(bag.recordings for bag in edition.bags),
    )
    return page.encode()


def _feed(archive: Archive, ledger: Connection, edition: Edition, at: datetime) -> bytes:
    """Return an Atom feed (RFC 4287) of editions, newest first."""
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
    older = select(editions).order_by(editions.c.number.desc()).limit(_FEED_LENGTH)
    listed = [(edition.number, edition.date)]
    listed += [(row.number, row.date) for row in ledger.execute(older) if row.number != edition.number]
    for number, date in listed:
        entry = add(feed, "entry")
        add(entry, "id", f"urn:uuid:{settings.archive.id}:edition:{number}")
        add(entry, "title", f"Edition {number}")
        add(entry, "updated", date)
        add(entry, "link", rel="alternate", href=f"targets/editions/{number}/edition.json")
        add(entry, "summary", f"Edition {number} of {settings.archive.name}, {date[:10]}.")
    ElementTree.indent(feed)
    data: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return data + b"\n"
