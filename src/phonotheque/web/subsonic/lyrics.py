"""The words of songs, where they may be shown: as plain text, and line by line with their times (LRC).

Words lie beside music as files of their own, with rights of their own; those embedded in music are not told.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any, Final

from phonotheque.model.errors import PhonothequeError, VerificationError
from phonotheque.model.text import fold, nfc
from phonotheque.vault.place import read_range
from phonotheque.web.room.heard import one_file
from phonotheque.web.room.hearing import Access, Away
from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.browsing import one_song
from phonotheque.web.subsonic.call import Call, Content

_LONGEST: Final = 256 * 1024  # bytes
_LINES: Final = 5000
_LINE: Final = 1000  # characters
_TIME: Final = re.compile(r"\[(\d{1,3}):(\d{1,2})(?:[.:](\d{1,3}))?\]")
_TAG: Final = re.compile(r"\[[a-z#]+:[^\]]*\]\s*", re.IGNORECASE)
_INSIDE: Final = re.compile(r"<\d{1,3}:\d{1,2}(?:\.\d{1,3})?>")  # times of words


def lyrics(call: Call) -> Content:
    """Answer the words of a song by its artist and title, empty where there are none to show."""
    artist, title = fold(call.asked.text("artist")[:500]), call.asked.text("title")
    if not title:
        return {"lyrics": {"value": ""}}
    with call.view() as view:
        rows = view.songs_numbered(view.found("track", title, call.shelf(view), 50, 0))
        for row in rows:
            if fold(row["title"]) == fold(title) and (not artist or fold(row["artist"]) == artist):
                lines, _ = _lines(_words(call, row))
                text = "\n".join(line["value"] for line in lines)
                return {"lyrics": {"artist": row["artist"], "title": row["title"], "value": text}}
    return {"lyrics": {"value": ""}}


def lyrics_of_song(call: Call) -> Content:
    """Answer the words of a song, line by line."""
    with call.view() as view:
        row = one_song(call, view)
    lines, synced = _lines(_words(call, row))
    if not lines:
        return {"lyricsList": {}}
    told = {
        "lang": "und",
        "synced": synced,
        "displayArtist": row["artist"],
        "displayTitle": row["title"],
        "line": lines,
    }
    return {"lyricsList": {"structuredLyrics": [told]}}


def _words(call: Call, row: sqlite3.Row) -> str:
    """Return the words of a track as they were written; empty where there are none, or none to show."""
    if row["lyrics"] is None:
        return ""
    try:
        found = one_file(call.room, call.request, row["lyrics"])
        if found is None or found.hear.access is not Access.ALLOWED or found.size > _LONGEST:
            return ""
        lies = found.lies()
        if lies is None:
            return ""
        parts = lies.storage.read(lies.key) if isinstance(lies, Away) else read_range(lies, 0, _LONGEST)
        return b"".join(parts)[:_LONGEST].decode("utf-8-sig", "replace")
    except VerificationError as error:
        raise CallError(Code.GENERIC, "What may be shown cannot be found out just now.") from error
    except PhonothequeError as error:
        raise CallError(Code.GENERIC, "Where the words lie cannot be reached just now.") from error


def _lines(text: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the lines of a text, with ``start`` in milliseconds if it has times, and whether it has."""
    timed: list[tuple[int, str]] = []
    plain: list[str] = []
    for written in text.splitlines()[:_LINES]:
        rest, starts = written[: 4 * _LINE].strip(), list[int]()
        while found := _TIME.match(rest):
            starts.append(_milliseconds(*found.groups()))
            rest = rest[found.end() :].lstrip()
        words = nfc(_INSIDE.sub("", rest))[:_LINE]
        timed += [(start, words) for start in starts]
        if not starts and not _TAG.fullmatch(rest):
            plain.append(words)
    if timed:
        return [{"start": start, "value": words} for start, words in sorted(timed)[:_LINES]], True
    while plain and not plain[-1]:
        plain.pop()
    return [{"value": words} for words in plain], False


def _milliseconds(minutes: str, seconds: str, fraction: str | None) -> int:
    return (int(minutes) * 60 + int(seconds)) * 1000 + int((fraction or "0").ljust(3, "0"))
