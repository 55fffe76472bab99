"""A recording in unqualified Dublin Core, as every harvester reads it (oai_dc)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from xml.etree import ElementTree

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.views import RecordingView
from phonotheque.model.errors import NotFoundError
from phonotheque.model.media import media_type
from phonotheque.vault.archive import Archive
from phonotheque.web.api.published_files import PublishedFile, published_files
from phonotheque.web.oai.kept import Record
from phonotheque.web.xml import add

OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
DC = "http://purl.org/dc/elements/1.1/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
_MOST = 50  # values of one element


def seen(catalogue: Catalogue | None, records: Iterable[Record]) -> dict[Record, RecordingView]:
    """Return what the catalogue says of published recordings; nothing of those that it does not know."""
    found: dict[Record, RecordingView] = {}
    for record in records:
        if catalogue is None or record.deleted:
            continue
        try:
            view = catalogue.show(str(record.id))
        except NotFoundError:
            continue
        if isinstance(view, RecordingView):
            found[record] = view
    return found


def files_of(
    archive: Archive, views: Iterable[RecordingView], on: date
) -> Mapping[str, Sequence[PublishedFile]]:
    """Return the published files of recordings, by master; a mirror's ledger knows none."""
    if archive.is_mirror:
        return {}
    masters = {sha256 for view in views for sha256 in view.files}
    with archive.ledger.connect() as ledger:
        return published_files(ledger, archive.settings, masters, on)


def describe(
    parent: ElementTree.Element,
    record: Record,
    view: RecordingView | None,
    files: Mapping[str, Sequence[PublishedFile]],
    publisher: str,
    site: str,
) -> None:
    """Add the Dublin Core of a recording."""
    spaces = {"xmlns:oai_dc": OAI_DC, "xmlns:dc": DC, "xsi:schemaLocation": f"{OAI_DC} {SCHEMA}"}
    root = ElementTree.SubElement(parent, "oai_dc:dc", spaces)
    for name, value in _said(record, view, files, publisher, site):
        add(root, f"dc:{name}", value)


def _said(
    record: Record,
    view: RecordingView | None,
    files: Mapping[str, Sequence[PublishedFile]],
    publisher: str,
    site: str,
) -> list[tuple[str, str]]:
    said = [("type", "Sound"), ("publisher", publisher)]
    said += [("identifier", f"urn:uuid:{record.id}"), ("identifier", f"{site}en/recording/{record.id}")]
    if view is None:
        return said
    published = [file for sha256 in view.files[:_MOST] for file in files.get(sha256, ())]
    creators = [artist.name for artist in view.artists[:_MOST]] or [view.artist]
    said += [("title", view.title or "")] + [("creator", creator or "") for creator in creators]
    said += [("date", view.date or "")]
    said += [("identifier", f"ISRC {isrc}") for isrc in view.isrcs[:_MOST]]
    if view.mbid:
        said.append(("identifier", f"https://musicbrainz.org/recording/{view.mbid}"))
    said += [("relation", f"urn:uuid:{release.id}") for release in view.releases[:_MOST]]
    said += [("format", one) for one in dict.fromkeys(media_type(file.path) for file in published)]
    licences = dict.fromkeys(licence for file in published for licence in file.licences)
    said += [("rights", licence) for licence in licences]
    return [(name, value) for name, value in said if value]
