"""Recordings, releases and artists in schema.org's words (JSON-LD): makers, licences, what is reserved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, or_, select

from phonotheque.catalogue.views import ArtistView, Hit, RecordingView, ReleaseView
from phonotheque.editions.croissant import licence_addresses
from phonotheque.editions.mining import declared, rests_on
from phonotheque.editions.shelves import bags_folder
from phonotheque.ledger.schema import bag_files, bags, files
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.media import media_type
from phonotheque.model.rights import Act, Statement
from phonotheque.model.settings import Settings
from phonotheque.rights.decide import decide

_CONTEXT: Final = {"@vocab": "https://schema.org/", "tdm": "http://www.w3.org/ns/tdmrep#"}


@dataclass(frozen=True, slots=True)
class Shared:
    """A published file: where it lies in its bag, and for whom (model.territory)."""

    bag: str
    path: str  # relative to the bag
    audience: str
    size: int
    sha256: str


def recording_jsonld(ledger: Connection, settings: Settings, view: RecordingView, on: date) -> dict[str, Any]:
    """Return what the archive says of a recording; ``encoding`` are its published files."""
    return describe_recording(settings, view, _encodings(ledger, settings, view, site_of(settings), on))


def site_of(settings: Settings) -> str:
    """Return the address at which an archive is published, with its last slash; "" if it has none."""
    return f"{settings.publish.url.rstrip('/')}/" if settings.publish.url else ""


def describe_recording(
    settings: Settings, view: RecordingView, encodings: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return a recording with these files of it.

    ``license`` are the licences by which they are distributed. ``tdm:reservation`` of a file is what
    tdmrep.json says of it: 1 reserved, 0 free, absent where nothing is declared.
    """
    return _without_nothing(
        {
            "@context": _CONTEXT,
            "@type": "MusicRecording",
            "@id": f"https://musicbrainz.org/recording/{view.mbid}" if view.mbid else f"urn:uuid:{view.id}",
            "name": view.title,
            "byArtist": [{"@type": "MusicGroup", "name": artist.name} for artist in view.artists],
            "isrcCode": list(view.isrcs),
            "duration": _duration(view.duration_ms),
            "datePublished": view.date,
            "inAlbum": [{"@type": "MusicAlbum", "name": release.name} for release in view.releases],
            "license": list(dict.fromkeys(one for encoding in encodings for one in encoding["license"])),
            "usageInfo": f"{site_of(settings)}.well-known/tdmrep.json",
            "acquireLicensePage": settings.mining.policy or None,
            "provider": {"@type": "ArchiveOrganization", "name": settings.archive.name},
            "encoding": list(encodings),
        }
    )


def describe_release(view: ReleaseView) -> dict[str, Any]:
    """Return a release with its tracks in order, as schema.org's MusicRelease."""
    return _without_nothing(
        {
            "@context": _CONTEXT,
            "@type": "MusicRelease",
            "@id": f"https://musicbrainz.org/release/{view.mbid}" if view.mbid else f"urn:uuid:{view.id}",
            "name": view.title,
            "creditedTo": {"@type": "MusicGroup", "name": view.artist} if view.artist else None,
            "datePublished": view.date,
            "gtin": view.barcode,
            "catalogNumber": view.catalogue_number,
            "recordLabel": {"@type": "Organization", "name": view.label} if view.label else None,
            "track": {
                "@type": "ItemList",
                "numberOfItems": len(view.tracks),
                "itemListElement": [
                    {"@type": "ListItem", "position": number, "item": _recorded(track.recording)}
                    for number, track in enumerate(view.tracks, start=1)
                ],
            },
        }
    )


def describe_artist(view: ArtistView) -> dict[str, Any]:
    """Return an artist as schema.org's Person or MusicGroup."""
    return _without_nothing(
        {
            "@context": _CONTEXT,
            "@type": "Person" if view.type == "Person" else "MusicGroup",
            "@id": f"https://musicbrainz.org/artist/{view.mbid}" if view.mbid else f"urn:uuid:{view.id}",
            "name": view.name,
            "alternateName": list(view.aliases),
            "sameAs": [address for name in view.identifiers if (address := address_of(name))],
        }
    )


def address_of(identifier: str) -> str | None:
    """Return where an identifier of an artist leads ("isni:…", "discogs:artist/…"), None if nowhere."""
    scheme, _, value = identifier.partition(":")
    match scheme:
        case "isni":
            return f"https://isni.org/isni/{quote(value)}"
        case "discogs" if value.startswith("artist/"):
            return f"https://www.discogs.com/artist/{quote(value.removeprefix('artist/'))}"
        case _:
            return None


def encoding(
    settings: Settings, site: str, file: Shared, statements: Sequence[Statement], on: date
) -> dict[str, Any]:
    """Return a published file as an AudioObject; ``statements`` are those about its master."""
    shared = decide(statements, Act.DISTRIBUTE, on=on, territory=file.audience)
    mined = decide(statements, Act.MINE, on=on, territory=file.audience)
    reserved = declared(mined.answer, settings.mining.reserve)
    place = f"{bags_folder(file.audience)}/{file.bag}/{file.path}"
    described = {
        "@type": "AudioObject",
        "contentUrl": f"{site}{quote(place)}",
        "encodingFormat": media_type(place),
        "contentSize": str(file.size),
        "sha256": file.sha256,
        "license": licence_addresses(rests_on(statements, shared.statements)),
    }
    return described | ({} if reserved is None else {"tdm:reservation": int(reserved)})


def _recorded(hit: Hit) -> dict[str, Any]:
    return _without_nothing(
        {
            "@type": "MusicRecording",
            "@id": f"urn:uuid:{hit.id}",
            "name": hit.title,
            "duration": _duration(hit.duration_ms),
        }
    )


def _duration(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"PT{milliseconds / 1000:g}S"


def _without_nothing(described: dict[str, Any]) -> dict[str, Any]:
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
    return [
        encoding(
            settings,
            site,
            Shared(row.bag_id, row.path, row.audience, row.size, row.sha256),
            statements[row.master_id or row.id],
            on,
        )
        for row in rows
    ]
