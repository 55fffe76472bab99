"""One recording as schema.org's MusicRecording, in JSON-LD: its makers, its licences, what is reserved."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, or_, select

from phonotheque.catalogue.views import RecordingView
from phonotheque.editions.croissant import licence_addresses
from phonotheque.editions.mining import declared, rests_on
from phonotheque.editions.shelves import bags_folder
from phonotheque.ledger.schema import bag_files, bags, files
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.media import media_type
from phonotheque.model.rights import Act
from phonotheque.model.settings import Settings
from phonotheque.rights.decide import decide

_CONTEXT: Final = {"@vocab": "https://schema.org/", "tdm": "http://www.w3.org/ns/tdmrep#"}


def recording_jsonld(ledger: Connection, settings: Settings, view: RecordingView, on: date) -> dict[str, Any]:
    """Return what the archive says of a recording; ``encoding`` are its published files.

    ``license`` are the licences by which they are distributed. ``tdm:reservation`` of a file is what
    tdmrep.json says of it: 1 reserved, 0 free, absent where nothing is declared.
    """
    site = f"{settings.publish.url.rstrip('/')}/" if settings.publish.url else ""
    encodings = _encodings(ledger, settings, view, site, on)
    described: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "MusicRecording",
        "@id": f"https://musicbrainz.org/recording/{view.mbid}" if view.mbid else f"urn:uuid:{view.id}",
        "name": view.title,
        "byArtist": [{"@type": "MusicGroup", "name": artist.name} for artist in view.artists],
        "isrcCode": list(view.isrcs),
        "duration": None if view.duration_ms is None else f"PT{view.duration_ms / 1000:g}S",
        "datePublished": view.date,
        "inAlbum": [{"@type": "MusicAlbum", "name": release.name} for release in view.releases],
        "license": list(dict.fromkeys(one for encoding in encodings for one in encoding["license"])),
        "usageInfo": f"{site}.well-known/tdmrep.json",
        "acquireLicensePage": settings.mining.policy or None,
        "provider": {"@type": "ArchiveOrganization", "name": settings.archive.name},
        "encoding": encodings,
    }
    return {name: value for name, value in described.items() if value not in (None, [], "")}


def _encodings(
    ledger: Connection, settings: Settings, view: RecordingView, site: str, on: date
) -> list[dict[str, Any]]:
    ids = select(files.c.id).where(files.c.sha256.in_(view.files)).scalar_subquery()
    query = (
        select(bag_files.c.bag_id, bag_files.c.path, bags.c.audience, files)
        .join(files, files.c.id == bag_files.c.file_id)
        .join(bags, bags.c.id == bag_files.c.bag_id)
        .where(or_(files.c.id.in_(ids), files.c.master_id.in_(ids)))
        .order_by(bag_files.c.bag_id, bag_files.c.path)
    )
    rows = ledger.execute(query).all()
    statements = standing_statements(ledger, {row.master_id or row.id for row in rows})
    found = []
    for row in rows:
        standing = statements[row.master_id or row.id]
        shared = decide(standing, Act.DISTRIBUTE, on=on, territory=row.audience)
        mined = decide(standing, Act.MINE, on=on, territory=row.audience)
        reserved = declared(mined.answer, settings.mining.reserve)
        place = f"{bags_folder(row.audience)}/{row.bag_id}/{row.path}"
        encoding = {
            "@type": "AudioObject",
            "contentUrl": f"{site}{quote(place)}",
            "encodingFormat": media_type(place),
            "contentSize": str(row.size),
            "sha256": row.sha256,
            "license": licence_addresses(rests_on(standing, shared.statements)),
        }
        found.append(encoding | ({} if reserved is None else {"tdm:reservation": int(reserved)}))
    return found
