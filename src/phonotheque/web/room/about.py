"""What this archive or mirror is, who answers for it, whose keys sign, and how to verify it by hand."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from phonotheque.editions.tree import signpost_key
from phonotheque.mirrors.follow import EDITION
from phonotheque.mirrors.home import trust_dir
from phonotheque.model.errors import VerificationError
from phonotheque.vault.archive import Archive
from phonotheque.web.room.bag_facts import address_of
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.place_words import place_page

ROUTES: Final = APIRouter()


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that count for a role of TUF, by their ids, and how many of them must sign."""

    role: str
    ids: tuple[str, ...]
    threshold: int


@ROUTES.api_route("/about", methods=["GET", "HEAD"])
def about(request: Request) -> Response:
    """Answer what this is."""
    room = room_of(request)
    archive, kept = room.archive, room.published.current()
    metadata = trust_dir(archive) / "root_history" if archive.is_mirror else archive.public / "metadata"
    newest = max(_roots(metadata), default=0)
    place = metadata / f"{newest}.root.json"
    return place_page(
        request,
        "about.html.j2",
        kept=kept,
        fingerprint=room.published.fingerprint(),
        keys=room.published.kept(place, _keys) or () if newest else (),
        signpost=None if archive.is_mirror else signpost_key(archive.keys),
        by_hand=_by_hand(address_of(request)),
        audit=_audit(address_of(request), room.published.fingerprint()),
        origin=_public_origin(archive),
        catalogue=room.catalogue,
        contact=archive.settings.serve.contact,
    )


def _by_hand(address: str) -> str:
    """Return commands that print the hashes of what everything follows from."""
    places = (f"{address}{path}" for path in ("metadata/1.root.json", f"targets/{EDITION}"))
    return "\n".join(f"{shlex.join(['curl', '--silent', place])} | sha256sum" for place in places)


def _audit(address: str, fingerprint: str | None) -> str:
    return shlex.join(["phono", "audit", address, *(["--trust", fingerprint] if fingerprint else [])])


def _roots(metadata: Path) -> list[int]:
    try:
        names = [place.name.partition(".root.json")[0] for place in metadata.glob("*.root.json")]
    except FileNotFoundError:
        return []
    return [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 10]


def _keys(place: Path) -> tuple[Keys, ...]:
    try:
        root = Metadata[Root].from_bytes(place.read_bytes()).signed
    except RepositoryError as error:
        raise VerificationError(f"{place.name} is no root of trust: {error}.") from error
    return tuple(
        Keys(name, tuple(sorted(role.keyids)), role.threshold) for name, role in sorted(root.roles.items())
    )


def _public_origin(archive: Archive) -> str:
    """Return whom a mirror follows; "" where that is a folder, or names a password."""
    origin = archive.settings.mirror.origin if archive.is_mirror else ""
    try:
        told = urlsplit(origin)
        open_to_all = told.scheme in ("http", "https") and told.username is None
    except ValueError:
        return ""
    return origin if open_to_all else ""
