"""Pictures beside music, made small: /cover/SHA256?size=300, to whom they may be shown.

What is sent is always a JPEG of our own, never the bytes that somebody else wrote. It is made in a process
apart, one at a time, with a limit on its time: a picture may be made to cost as much as it can.
"""

from __future__ import annotations

import atexit
import threading
from collections import OrderedDict
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from phonotheque.audio.thumbnails import MAX_BYTES, MIME, PictureError, thumbnail
from phonotheque.jobs.child import Child, WorkerDied
from phonotheque.jobs.limits import processor_time
from phonotheque.ledger.sidecars import KIND
from phonotheque.model.errors import PhonothequeError, VerificationError
from phonotheque.web.room.heard import one_file
from phonotheque.web.room.hearing import Access, Audio, Away
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.state import Room
from phonotheque.web.room.streaming import gone, is_hash, refusal_of, vary_of
from phonotheque.web.sending import is_known

ROUTES: Final = APIRouter()
SIZES: Final = (150, 300, 600)  # pixels, of the longer edge
_SECONDS: Final = 20  # of processor time for one picture
_PATIENCE: Final = 20.0  # seconds that a visitor waits for pictures of others to be made
_WAITING: Final = 12  # visitors who wait so, at most: each takes a thread that others need
_KEPT: Final = 32 << 20  # bytes of small pictures in memory


class _Makers:
    """Makes small pictures in a process of its own, and keeps those that were asked for last."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._making, self._lock = threading.Lock(), threading.Lock()
        self._waiting = threading.BoundedSemaphore(_WAITING)
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._size = 0

    def kept(self, key: tuple[str, int]) -> bytes | None:
        """Return a picture that was made before, empty if none can be made."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def make(self, key: tuple[str, int], data: bytes) -> bytes | None:
        """Return the picture made small, empty if none can be made of it; None if that has to wait."""
        if not self._waiting.acquire(blocking=False):
            return None
        try:
            return self._make(key, data)
        finally:
            self._waiting.release()

    def _make(self, key: tuple[str, int], data: bytes) -> bytes | None:
        if not self._making.acquire(timeout=_PATIENCE):
            return None
        try:
            if (known := self.kept(key)) is not None:
                return known
            if self._child is None:
                self._child = Child()
                atexit.register(self._child.stop)
            try:
                made = self._child.call(_make, [(data, key[1])])
            except WorkerDied:
                made = b""
            self._keep(key, made)
            return made
        finally:
            self._making.release()

    def _keep(self, key: tuple[str, int], made: bytes) -> None:
        with self._lock:
            self._kept[key] = made
            self._size += len(made)
            while self._size > _KEPT or len(self._kept) > _KEPT >> 10:
                _, old = self._kept.popitem(last=False)
                self._size -= len(old)


_MAKERS: Final = _Makers()


def _make(asked: list[tuple[bytes, int]]) -> bytes:
    (data, edge), *_ = asked
    with processor_time(_SECONDS):
        try:
            return thumbnail(data, edge=edge).data
        except PictureError:
            return b""


@ROUTES.api_route("/cover/{sha256}", methods=["GET", "HEAD"], include_in_schema=False)
def cover(request: Request, sha256: str, size: Annotated[int, Query(ge=1, le=4096)] = 300) -> Response:
    """Answer a picture beside music as a small JPEG."""
    return cover_response(request, room_of(request), sha256, size)


def cover_response(request: Request, room: Room, sha256: str, size: int) -> Response:
    """Return the answer with a picture made small, by the SHA-256 of its file: the next of SIZES.

    304, 410, 451 and 404 are as web.room.streaming says; 503 while too many are made.
    """
    try:
        found = one_file(room, request, sha256) if is_hash(sha256) else None
        if found is None or found.kind != KIND:
            return gone(room, request, sha256) or _nothing()
    except VerificationError:
        return PlainTextResponse("What may be shown cannot be found out just now.\n", status_code=503)
    if found.hear.access is not Access.ALLOWED:
        return refusal_of(room, found.hear)
    edge = next((one for one in SIZES if one >= size), SIZES[-1])
    headers = vary_of(room) | {"ETag": f'"{sha256[:32]}-{edge}"'}
    if is_known(request, Headers(headers)):
        return Response(status_code=304, headers=headers)
    key = sha256, edge
    made = _MAKERS.kept(key)
    if made is None:
        data = _bytes(found)
        made = b"" if data is None else _MAKERS.make(key, data)
    if made is None:
        return PlainTextResponse("Too many pictures are being made.\n", 503, headers={"Retry-After": "5"})
    return Response(made, media_type=MIME, headers=headers) if made else _nothing()


def _bytes(found: Audio) -> bytes | None:
    """Return the picture as it is kept; None if it is too large, or cannot be had."""
    if found.size > MAX_BYTES:
        return None
    lies = found.lies()
    if isinstance(lies, Away):
        try:
            return b"".join(lies.storage.read(lies.key, 0, MAX_BYTES))
        except PhonothequeError:
            return None
    return None if lies is None else lies.read_bytes()


def _nothing() -> Response:
    return PlainTextResponse("There is nothing here.\n", status_code=404)
