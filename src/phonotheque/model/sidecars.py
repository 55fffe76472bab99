"""What lies beside music and belongs to it: artwork, lyrics, documents. Told by names alone; nothing is read.

A sidecar belongs to a track, if it is called like one, else to a release: its folder, without those of single
discs (``CD1``). Both are source paths, and bytes, as the file system gave them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from phonotheque.model.audio import Artwork


class SidecarKind(StrEnum):
    """What a sidecar is for."""

    PICTURE = "picture"
    LYRICS = "lyrics"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Beside:
    """What the name of a sidecar says: what it is, and what it belongs to.

    ``role`` is one of those of embedded pictures ("front", "back", "leaflet", …), "lyrics", or what a
    document is ("cue-sheet", "rip-log", "notes", "checksums", "playlist", "booklet"). ``place`` is a track's
    path without extension, or a release's folder with a slash at its end.
    """

    kind: SidecarKind
    role: str
    place: bytes

    @property
    def of_track(self) -> bool:
        """Whether it belongs to one track, and not to a release."""
        return not self.place.endswith(b"/")


@dataclass(frozen=True, slots=True)
class SidecarFacts:
    """What is known of a sidecar that was accepted. ``picture`` is what its header says, if it is one."""

    sha256: str
    size: int  # bytes
    mime: str
    beside: Beside
    picture: Artwork | None = None


KINDS: Final[dict[str, tuple[SidecarKind, str]]] = {
    **dict.fromkeys(
        (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"), (SidecarKind.PICTURE, "other")
    ),
    **dict.fromkeys((".lrc", ".lyrics"), (SidecarKind.LYRICS, "lyrics")),
    **dict.fromkeys((".txt", ".nfo", ".md"), (SidecarKind.DOCUMENT, "notes")),
    **dict.fromkeys((".log", ".accurip"), (SidecarKind.DOCUMENT, "rip-log")),
    **dict.fromkeys(
        (".md5", ".sfv", ".ffp", ".st5", ".sha1", ".sha256"), (SidecarKind.DOCUMENT, "checksums")
    ),
    **dict.fromkeys((".m3u", ".m3u8", ".pls"), (SidecarKind.DOCUMENT, "playlist")),
    ".cue": (SidecarKind.DOCUMENT, "cue-sheet"),
    ".pdf": (SidecarKind.DOCUMENT, "booklet"),
}

# Which word in a picture's name says what it shows. The first role that has one counts.
_ROLES: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("front", frozenset({"front"})),
    ("back", frozenset({"back", "rear", "tray"})),
    ("leaflet", frozenset({"booklet", "gatefold", "inlay", "inner", "insert", "inside", "leaflet", "page"})),
    ("front", frozenset({"album", "albumart", "albumartsmall", "cover", "folder"})),
    ("medium", frozenset({"cd", "cd1", "cd2", "disc", "disk", "label", "media", "medium", "vinyl"})),
    ("artist", frozenset({"artist", "band"})),
)
_DISC: Final = re.compile(
    rb"(cd|dis[ck]|dvd|lp|vinyl|tape|cassette|side)[ ._-]*([0-9]{1,2}|[a-d]|one|two|three|four)([ ._-].*)?",
    re.IGNORECASE | re.DOTALL,
)
_ARTWORK: Final = re.compile(
    rb"(.*[ ._-])?(art|artworks?|booklet|covers?|images|lyrics|pictures|scans?)([ ._-].*)?",
    re.IGNORECASE | re.DOTALL,
)
_EXTENSION: Final = re.compile(rb"(?<=[^/])\.[A-Za-z0-9]{1,10}\Z")
_MOST_STEMS: Final = 4


def is_disc_folder(name: bytes) -> bool:
    """Whether a folder of this name holds one disc of a release."""
    return _DISC.fullmatch(name) is not None


def is_artwork_folder(name: bytes) -> bool:
    """Whether a folder of this name, without music in it, holds what belongs to the music beside it."""
    return _ARTWORK.fullmatch(name) is not None


def release_place(folder: bytes) -> bytes:
    """Return the place of the release whose music lies in ``folder``: the folder, or that of its discs."""
    above, name = os.path.split(folder)
    return (above if is_disc_folder(name) else folder).rstrip(b"/") + b"/"


def track_places(path: bytes) -> tuple[bytes, ...]:
    """Return the places whose sidecars belong to the track at ``path``: its own first, its release's last."""
    return (*stems(path), release_place(os.path.split(path)[0]))


def stems(path: bytes) -> Iterator[bytes]:
    """Yield a path, and what is left when each extension is taken off: a.hq.ogg, a.hq, a."""
    for _ in range(_MOST_STEMS):
        yield path
        shorter = _EXTENSION.sub(b"", path)
        if shorter == path:
            return
        path = shorter


def kind_of(name: bytes) -> tuple[SidecarKind, str] | None:
    """Return what a file of this name is if it lies beside music, and its role; None for anything else."""
    stem, dot, extension = name.rpartition(b".")
    known = KINDS.get((dot + extension).decode("latin-1").lower()) if stem else None
    if known is None or known[0] is not SidecarKind.PICTURE:
        return known
    words = set(re.split(r"[^a-z0-9]+", stem.decode("utf-8", "replace").lower()))
    return known[0], next((role for role, said in _ROLES if words & said), known[1])
