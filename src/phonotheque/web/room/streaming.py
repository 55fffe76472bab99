"""Music by HTTP ranges, straight from where it lies: /stream/SHA256, to whom it is allowed while it is.

With ``?download=1`` it comes as a file to keep, which another act, sharing, must allow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from phonotheque.mirrors.origin import COUNTRY_HEADER
from phonotheque.mirrors.whereabouts import concerns
from phonotheque.model.errors import PhonothequeError, VerificationError
from phonotheque.web.distant import Watching, answer_stored
from phonotheque.web.room.heard import one_file
from phonotheque.web.room.hearing import Access, Audio, Away, Verdict
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.state import Room
from phonotheque.web.sending import SentFile, is_known

ROUTES: Final = APIRouter()
MUSIC: Final = frozenset({"master", "access"})
_HEX: Final = frozenset("0123456789abcdef")
_LOOK: Final = 1.0  # seconds between looks whether what is being sent may still be heard


@ROUTES.api_route("/stream/{sha256}", methods=["GET", "HEAD"], include_in_schema=False)
def stream(request: Request, sha256: str, download: bool = False) -> Response:
    """Answer a master or an access copy, or ranges of it."""
    return stream_response(request, room_of(request), sha256, download=download)


def stream_response(request: Request, room: Room, sha256: str, *, download: bool = False) -> Response:
    """Return the answer with the bytes of a master or an access copy, by its SHA-256 (lower-case hex).

    200 or 206 for whom hearing it (or, to ``download``, sharing it) is allowed where they are, today; 304 and
    416 as RFC 9110 says; 410 for what was taken back, 451 with the reason for what is barred from them (RFC
    7725), 429 for who was sent as much as a listener hears in an hour; 404 for everything else. It is cut off
    a second after it stops being allowed.
    """
    try:
        return _answer(request, room, sha256, download)
    except VerificationError:
        text = "What may be heard cannot be found out here just now; try again later.\n"
        return PlainTextResponse(text, status_code=503)


def vary_of(room: Room) -> dict[str, str]:
    """Return the headers that tell caches that an answer depends on where the visitor is."""
    return {} if room.visitors.all_in else {"Vary": room.visitors.header or COUNTRY_HEADER}


def refusal_of(room: Room, found: Verdict) -> Response:
    """Return the answer to who may not have something."""
    headers = vary_of(room)
    if found.access is Access.WITHDRAWN:
        return PlainTextResponse(f"{found.reason}\n", status_code=410, headers=headers)
    return PlainTextResponse(f"{found.reason}\n", status_code=451, headers=headers | room.guard.blocked_by())


def _answer(request: Request, room: Room, sha256: str, download: bool) -> Response:
    audio = one_file(room, request, sha256) if is_hash(sha256) else None
    if audio is None or audio.kind not in MUSIC:
        return gone(room, request, sha256) or _nothing()
    verdict = audio.take if download else audio.hear
    if verdict.access is not Access.ALLOWED:
        return refusal_of(room, verdict)
    headers = vary_of(room) | {"ETag": f'"{sha256}"', "Content-Type": audio.media}
    if download:
        headers["Content-Disposition"] = attachment(audio.name)
    client = room.quota.client(request)
    is_head = request.method == "HEAD"
    if not is_head and not is_known(request, Headers(headers)) and (wait := room.quota.wait(client, sha256)):
        return _enough(wait)
    watching = Watching(
        is_shown=_still(lambda: _may(room, request, sha256, download)),
        sent=lambda size: room.quota.sent(client, size),
    )
    return send(request, audio, headers, watching)


def send(request: Request, audio: Audio, headers: dict[str, str], watching: Watching) -> Response:
    """Return the answer with a file's bytes from where they lie; 404 if they are not there."""
    lies = audio.lies()
    if isinstance(lies, Away):
        try:
            stored = lies.storage.stat(lies.key)
        except PhonothequeError:
            return PlainTextResponse("The storage cannot be reached.\n", status_code=502)
        return (
            _nothing()
            if stored is None
            else answer_stored(request, lies.storage, stored, headers, **watching)
        )
    if lies is None:
        return _nothing()
    response = SentFile(lies, headers=headers, media_type=audio.media, stat_result=lies.stat())
    response.is_shown, response.sent = watching["is_shown"], watching["sent"]
    if is_known(request, response.headers):
        kept = ("etag", "last-modified", "vary")
        return Response(
            status_code=304,
            headers={name: response.headers[name] for name in kept if name in response.headers},
        )
    return response


def is_hash(text: str) -> bool:
    """Tell whether a text is a SHA-256 in lower-case hex."""
    return len(text) == 64 and _HEX.issuperset(text)


def gone(room: Room, request: Request, sha256: str) -> Response | None:
    """Return the answer for bytes that are not here because they were taken back; None for others."""
    stones = room.guard.tombstones(sha256) if is_hash(sha256) else []
    stone = next((one for one in stones if concerns(room.country(request), one)), None)
    if stone is None:
        return None
    reason = f"It was withdrawn on {stone.date[:10]}: {stone.reason}"
    return refusal_of(room, Verdict(Access.WITHDRAWN, reason))


def attachment(name: str) -> str:
    """Return Content-Disposition for a name that may be anybody's (RFC 6266 §4.3 and appendix D)."""
    plain = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _may(room: Room, request: Request, sha256: str, download: bool) -> bool:
    try:
        audio = one_file(room, request, sha256)
    except VerificationError:
        return False
    if audio is None:
        return False
    return (audio.take if download else audio.hear).access is Access.ALLOWED


def _still(may: Callable[[], bool]) -> Callable[[], bool]:
    """Return the same question, put once in a while: many listen at a time."""
    asked = time.monotonic()

    def ask() -> bool:
        nonlocal asked
        at = time.monotonic()
        if at - asked < _LOOK:
            return True
        asked = at
        return may()

    return ask


def _enough(wait: int) -> Response:
    text = (
        "You were sent as much music as a listener hears in an hour; go on a little later. Whoever wants"
        " all of it takes whole bags, by torrent: see /en/mirror\n"
    )
    return PlainTextResponse(text, status_code=429, headers={"Retry-After": str(wait)})


def _nothing() -> Response:
    return PlainTextResponse("There is nothing here.\n", status_code=404)
