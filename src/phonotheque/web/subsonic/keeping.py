"""What listeners keep: stars and playlists. What they listen to is not kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from phonotheque.model.errors import UsageError
from phonotheque.web.subsonic import describing
from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.call import Call, Content, not_found
from phonotheque.web.subsonic.listeners import MOST_STARS, Playlist
from phonotheque.web.subsonic.names import parse_id
from phonotheque.web.subsonic.view import View

MOST_SHOWN: Final = 20_000  # songs of others' playlists, of which a list tells how many there are
_THINGS: Final = {"id": None, "albumId": "album", "artistId": "artist"}


def star(call: Call) -> Content:
    """Star songs, albums and artists."""
    listener = call.visitor.keeping()
    try:
        call.listeners.star(listener, _things(call))
    except UsageError as error:
        raise CallError(Code.GENERIC, error.message) from error
    return {}


def unstar(call: Call) -> Content:
    """Take stars back."""
    call.listeners.unstar(call.visitor.keeping(), _things(call))
    return {}


def scrobble(call: Call) -> Content:
    """Take note of nothing: nobody is watched."""
    call.asked.required("id")
    return {}


def playlists(call: Call) -> Content:
    """Answer one's own playlists, and those that others show to everybody."""
    with call.view() as view:
        return {"playlists": {"playlist": [_playlist(call, view, one) for one in _listed(call)]}}


def playlist(call: Call) -> Content:
    """Answer a playlist with its songs."""
    found = call.listeners.playlist(call.asked.required("id"), call.visitor.listener)
    if found is None:
        raise not_found("playlist")
    return {"playlist": _with_songs(call, found)}


def create_playlist(call: Call) -> Content:
    """Make a playlist, or put other songs into one: those named, in their order."""
    listener, recordings = call.visitor.keeping(), _recordings(call, "songId")
    name = call.asked.text("playlistId")
    try:
        if name:
            if not call.listeners.change_playlist(name, listener, recordings=recordings):
                raise _not_theirs(call, name)
            if call.asked.text("name"):
                call.listeners.change_playlist(name, listener, name=call.asked.text("name"))
        else:
            name = call.listeners.make_playlist(listener, call.asked.required("name"), recordings)
    except UsageError as error:
        raise CallError(Code.GENERIC, error.message) from error
    found = call.listeners.playlist(name, listener)
    if found is None:
        raise not_found("playlist")
    return {"playlist": _with_songs(call, found)}


def update_playlist(call: Call) -> Content:
    """Rename a playlist, show it to everybody or to nobody, add songs, take songs out."""
    listener, name = call.visitor.keeping(), call.asked.required("playlistId")
    given = call.asked
    try:
        done = call.listeners.change_playlist(
            name,
            listener,
            name=given.text("name") or None,
            comment=given.text("comment") if given.given("comment") else None,
            public=given.truth("public"),
            add=_recordings(call, "songIdToAdd"),
            drop=given.numbers("songIndexToRemove"),
        )
    except UsageError as error:
        raise CallError(Code.GENERIC, error.message) from error
    if not done:
        raise _not_theirs(call, name)
    return {}


def delete_playlist(call: Call) -> Content:
    """Remove a playlist."""
    name = call.asked.required("id")
    if not call.listeners.remove_playlist(name, call.visitor.keeping()):
        raise _not_theirs(call, name)
    return {}


def _listed(call: Call) -> Iterator[Playlist]:
    """Yield one's own playlists, and of what others show so many that counting their songs costs little."""
    left = MOST_SHOWN
    for one in call.listeners.playlists(call.visitor.listener):
        if one.owner != call.visitor.name:
            songs = len(call.listeners.entries(one.id))
            if songs > left:
                continue
            left -= songs
        yield one


def _things(call: Call) -> list[str]:
    """Return the ids to star or unstar. CallError for what is no id, or none at all."""
    found = []
    for name, kind in _THINGS.items():
        for text in call.asked.all(name):
            parsed = parse_id(text)
            if (
                parsed is None
                or parsed[0] not in ("artist", "album", "track")
                or kind not in (None, parsed[0])
            ):
                raise not_found("song, album or artist")
            found.append(text)
    if not found:
        call.asked.required("id")
    if len(found) > MOST_STARS:
        raise CallError(Code.GENERIC, "That is too much at once.")
    return found


def _recordings(call: Call, name: str) -> list[str]:
    """Return the recordings that songs are of. CallError for what is not on the shelves."""
    parsed = [parse_id(text) for text in call.asked.all(name)]
    keys = [one[1] for one in parsed if one is not None and one[0] == "track"]
    if len(keys) == len(parsed):
        if not keys:
            return []
        with call.view() as view:
            known = {row["recording"] for row in view.songs_of(keys)}
        if known.issuperset(keys):
            return keys
    raise not_found("song")


def _not_theirs(call: Call, name: str) -> CallError:
    if call.listeners.playlist(name, call.visitor.listener) is None:
        return not_found("playlist")
    return CallError(Code.FORBIDDEN, "This is somebody else's playlist.")


def _playlist(call: Call, view: View, one: Playlist, songs: list[Any] | None = None) -> dict[str, Any]:
    rows = view.songs_of(call.listeners.entries(one.id)) if songs is None else songs
    return {
        "id": one.id,
        "name": one.name,
        "comment": one.comment or None,
        "owner": one.owner,
        "public": one.public,
        "readonly": one.owner != call.visitor.name,
        "songCount": len(rows),
        "duration": round(sum(row["length"] for row in rows) / 1000),
        "created": one.created_at,
        "changed": one.changed_at,
        "coverArt": next((row["cover"] for row in rows if row["cover"]), None),
    }


def _with_songs(call: Call, one: Playlist) -> dict[str, Any]:
    """Return a playlist with those of its songs that are on the shelves now."""
    with call.view() as view:
        rows = view.songs_of(call.listeners.entries(one.id))
        told = _playlist(call, view, one, rows)
        return told | {"entry": [describing.song(row, call.stars) for row in rows]}
