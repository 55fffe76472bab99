"""Sound, covers and words: every byte through the room's own doors, which decide anew who may have it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

from starlette.responses import Response

from phonotheque.web.room.streaming import stream_response
from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.browsing import one_song
from phonotheque.web.subsonic.call import Call, not_found

_WORDS: Final = {
    410: "This was taken back.",
    429: "You were sent as much music as a listener hears in an hour. Go on a little later.",
    451: "This may not be heard where you are.",
}


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
    code = Code.FORBIDDEN if response.status_code in (429, 451) else Code.NOT_FOUND
    error = CallError(code, text, status=response.status_code)
    kept = ("retry-after", "link", "vary")
    error.headers = {name: response.headers[name] for name in kept if name in response.headers}
    raise error


def missing(call: Call) -> Response:
    """Refuse what there is none of."""
    call.asked.required("id" if call.asked.given("id") else "username")
    raise not_found("picture")
