"""The front cover that travels inside of an access copy: small, whatever lies in the master."""

from __future__ import annotations

import base64
import struct
from typing import Final

from phonotheque.audio.artwork import measure
from phonotheque.audio.thumbnails import MIME, PictureError, thumbnail

MAX_EDGE: Final = 500  # pixels
MAX_BYTES: Final = 100_000
_KEPT: Final = frozenset({"image/jpeg", "image/png"})  # what every player shows
_EDGES: Final = (MAX_EDGE, 300, 150)  # tried until one is small enough: noise does not compress
_FRONT: Final = 3  # RFC 9639 §8.8, picture type
_DEPTH: Final = 24  # bits a pixel


def picture_block(data: bytes) -> str | None:
    """Return the cover ``data`` as the value of METADATA_BLOCK_PICTURE (RFC 9639 §8.8, in base64).

    A JPEG or PNG of at most 500 pixels and 100 kB is taken as it is, without a look at its pixels; any other
    is made small. None when it is no picture, or none that can be decoded safely. This may take long for a
    hostile picture: run it in a worker with a limit.
    """
    mime, width, height = measure(data)
    small = len(data) <= MAX_BYTES and 0 < max(width or 0, height or 0) <= MAX_EDGE
    if mime in _KEPT and small:
        return _block(data, mime, width or 0, height or 0)
    for edge in _EDGES:
        try:
            made = thumbnail(data, edge=edge)
        except PictureError:
            return None
        if len(made.data) <= MAX_BYTES:
            return _block(made.data, MIME, made.width, made.height)
    return None


def _block(data: bytes, mime: str, width: int, height: int) -> str:
    name = mime.encode("ascii")
    head = struct.pack(">II", _FRONT, len(name)) + name
    rest = struct.pack(">IIIIII", 0, width, height, _DEPTH, 0, len(data))  # no description, no palette
    return base64.b64encode(head + rest + data).decode("ascii")
