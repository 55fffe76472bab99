"""Croissant 1.1 metadata (MLCommons) for what of an edition may be mined: where it lies, on what terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from phonotheque.editions.edition import Edition
from phonotheque.rights.expressions import AllOf, AnyOf, Terms, parse_terms
from phonotheque.rights.licences import Licence

CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.1"
LIST: Final = "minable.csv"
# The table of what may be mined: its columns, their types, and what they say.
COLUMNS: Final = (
    ("url", "sc:URL", "Where the file is; without a host, relative to the archive's public tree."),
    ("recording", "sc:Text", "The recording's id; empty for what belongs to several, such as a cover."),
    ("kind", "sc:Text", "master: as it was taken in; access: a smaller copy; sidecar: artwork or a text."),
    ("media_type", "sc:Text", "What it is served as."),
    ("size", "sc:Integer", "Its bytes."),
    ("sha256", "sc:Text", "Its hash."),
    (
        "licences",
        "sc:Text",
        "SPDX ids and expressions, “; ” between them; empty where the basis is no licence.",
    ),
)
# Croissant 1.1, appendix 1: readers look whether it is all there.
_WORDS: Final = (
    "arrayShape citeAs column containedIn equivalentProperty excludes extract field fileObject fileProperty "
    "fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references "
    "regex repeated replace samplingRate separator source subField transform"
)
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{word: f"cr:{word}" for word in _WORDS.split()},
}


@dataclass(frozen=True, slots=True)
class Minable:
    """The table of what may be mined, as it was written."""

    sha256: str
    size: int
    files: int
    licences: tuple[str, ...]


def croissant(edition: Edition, minable: Minable, *, site: str, policy: str) -> dict[str, Any]:
    """Return the metadata, JSON-LD. ``site`` is where the public tree is shown, with its last slash."""
    archive = edition.archive
    described: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "@id": f"urn:uuid:{archive.id}",
        "conformsTo": CONFORMS_TO,
        "name": f"{archive.name}: what may be mined",
        "description": (
            f"The files of edition {edition.number} of {archive.name} whose mining is allowed by a recorded "
            f"basis: {minable.files} of them, each with its licences. What is not in the table is reserved, "
            "or nothing was declared of it: see .well-known/tdmrep.json."
        ),
        "citeAs": f"{archive.name}, edition {edition.number}, {edition.date[:10]}. {site or archive.id}",
        "url": site or f"urn:uuid:{archive.id}",
        "creator": {"@type": "sc:Organization", "name": archive.name},
        "datePublished": edition.date[:10],
        "version": f"{edition.number}.0.0",
        "isLiveDataset": True,  # what was reserved since the edition is gone from the table
        "license": licence_addresses(minable.licences),
        "usageInfo": policy or f"{site}.well-known/tdmrep.json",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": LIST,
                "name": LIST,
                "description": "A row for each file that may be mined.",
                "contentUrl": f"{site}mining/{LIST}" if site else LIST,
                "contentSize": f"{minable.size} B",
                "encodingFormat": "text/csv",
                "sha256": minable.sha256,
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "files",
                "name": "files",
                "description": "Files that may be mined.",
                "key": {"@id": "files/url"},
                "field": [_field(name, kind, meaning) for name, kind, meaning in COLUMNS],
            }
        ],
    }
    return {name: value for name, value in described.items() if value != []}


def licence_addresses(ids: Iterable[str]) -> list[str]:
    """Return the addresses of all licences that these SPDX ids and expressions name, each once."""
    found: dict[str, None] = {}
    for name in ids:
        for licence in licences_in(parse_terms(name)):
            found[licence.uri] = None
    return list(found)


def licences_in(terms: Terms | None) -> Sequence[Licence]:
    """Return every licence that some terms name."""
    match terms:
        case None:
            return ()
        case Licence():
            return (terms,)
        case AnyOf(options=parts) | AllOf(parts=parts):
            return tuple(licence for part in parts for licence in licences_in(part))


def _field(name: str, kind: str, meaning: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"files/{name}",
        "name": name,
        "description": meaning,
        "dataType": kind,
        "source": {"fileObject": {"@id": LIST}, "extract": {"column": name}},
    }
