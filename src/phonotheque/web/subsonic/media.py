"""Sound, covers and words: every byte through the room's own doors, which decide anew who may have it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

from starlette.responses import Response

from phonotheque.web.room.covers import cover_response
from phonotheque.web.room.streaming import is_hash, stream_response
from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.browsing import one_song
from phonotheque.web.subsonic.call import Call, not_found
from phonotheque.web.subsonic.names import parse_id

_SIZE: Final = 600  # pixels, where none is asked for
_WORDS: Final = {
    410: "This was taken back.",
    502: "Where this lies cannot be reached just now.",
    503: "This cannot be had just now. Try again later.",
    429: "You were sent as much music as a listener hears in an hour. Go on a little later.",
    451: "This may not be heard where you are.",
}
_CODES: Final = {429: Code.FORBIDDEN, 451: Code.FORBIDDEN, 502: Code.GENERIC, 503: Code.GENERIC}


def stream(call: Call) -> Response:
    """Answer a song: the best file, or the smaller one where that is asked for and there is one."""
    with call.view() as view:
        row = one_song(call, view)
    sha256 = row["copy_sha256"] if _wants_copy(call, row) else row["sha256"]
    return _checked(stream_response(call.request, call.room, sha256))


def download(call: Call) -> Response:
    """Answer the best file of a song, to keep: that it may be shared must allow it."""
    with call.view() as view:
        row = one_song(call, view)
    return _checked(stream_response(call.request, call.room, row["sha256"], download=True))


def _wants_copy(call: Call, row: sqlite3.Row) -> bool:
    """Whether the smaller file is wanted: by a bit rate that the best one is over, or by its form."""
    most = call.asked.number("maxBitRate", 0)
    form = call.asked.text("format").lower()
    if row["copy_sha256"] is None or form == "raw":
        return False
    facts: dict[str, Any] = json.loads(row["facts"])
    if form and form == facts.get("transcodedSuffix") != facts.get("suffix"):
        return True
    return bool(most) and facts.get("bitRate", 0) > most


def _checked(response: Response) -> Response:
    """Return an answer with bytes; else an error that players understand, with the status that it had."""
    if response.status_code < 400 or response.status_code == 416:
        return response
    text = _WORDS.get(response.status_code, "There is no such file here.")
    code = _CODES.get(response.status_code, Code.NOT_FOUND)
    error = CallError(code, text, status=response.status_code)
    kept = ("retry-after", "link", "vary")
    error.headers = {name: response.headers[name] for name in kept if name in response.headers}
    raise error


def cover(call: Call) -> Response:
    """Answer a picture, made small, by its own id or that of a song, an album or a playlist's first song."""
    name, size = call.asked.required("id"), call.asked.number("size", _SIZE, least=1, most=4096)
    if not is_hash(name):
        name = _cover_of(call, name)
    return _checked(cover_response(call.request, call.room, name, size))


def avatar(call: Call) -> Response:
    """Refuse: nobody has a picture."""
    call.asked.required("username")
    raise not_found("picture")


def _cover_of(call: Call, name: str) -> str:
    kind, key = parse_id(name) or ("", "")
    found = ""
    with call.view() as view:
        if kind == "track" and (rows := view.songs_of([key])):
            found = json.loads(rows[0]["facts"]).get("cover") or rows[0]["cover"]
        elif kind in ("album", "artist") and (row := view.one(kind, key)) is not None:
            found = row["cover"]
    if not found:
        raise not_found("picture")
    return str(found)
