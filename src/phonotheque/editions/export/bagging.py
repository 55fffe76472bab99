"""Making an export a BagIt 1.0 bag (RFC 8493): its declaration and manifests, written last."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from phonotheque.editions.export.folder import Destination
from phonotheque.vault.bagfolder import (
    DECLARATION,
    DECLARATION_TEXT,
    INFO,
    MANIFEST,
    PAYLOAD,
    TAG_MANIFEST,
    info_text,
    manifest_text,
)
from phonotheque.vault.place import feed


def write_manifest_only(to: Destination) -> None:
    """Write ``manifest-sha256.txt``, for ``sha256sum -c``, of the files and documents of this export."""
    to.document(MANIFEST, [manifest_text(_hashes(to, list(to.documents)))])


def write_bag(to: Destination, *, name: str, day: str, purpose: str) -> None:
    """Write the tag files of a bag whose payload is all that lies in ``data/``."""
    hashes = _hashes(to, _files(to.folder, PAYLOAD))
    size = sum((to.folder / path).stat().st_size for path in hashes)
    info = (
        ("Source-Organization", name),
        ("External-Description", f"Music from {name}, exported for {purpose}"),
        ("Bagging-Date", day),
        ("Payload-Oxum", f"{size}.{len(hashes)}"),
    )
    to.document(MANIFEST, [manifest_text(hashes)])
    to.document(INFO, [info_text(info)])
    to.document(DECLARATION, [DECLARATION_TEXT])
    tags = {
        path: feed(to.folder / path, hashlib.sha256()).hexdigest() for path in (DECLARATION, INFO, MANIFEST)
    }
    to.document(TAG_MANIFEST, [manifest_text(tags)])


def unseal(to: Destination) -> None:
    """Take away what makes a folder a bag, while its payload changes: it is none until that is done."""
    (to.folder / TAG_MANIFEST).unlink(missing_ok=True)
    (to.folder / DECLARATION).unlink(missing_ok=True)


def _hashes(to: Destination, further: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of the files that were noted, and of further ones, by path."""
    hashes = {one.path: one.sha256 for one in to.files()}
    for path in further:
        if path not in hashes:
            hashes[path] = feed(to.folder / path, hashlib.sha256()).hexdigest()
    return hashes


def _files(folder: Path, below: str) -> Iterator[str]:
    found = (path for path in (folder / below).rglob("*") if path.is_file())
    return (path.relative_to(folder).as_posix() for path in found)
