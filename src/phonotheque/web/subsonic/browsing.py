"""Browsing: shelves, artists, albums, songs, genres, by tags and as folders."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from phonotheque.web.subsonic import describing
from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.call import Answers, Call, Content, not_found
from phonotheque.web.subsonic.names import ARTICLES, artist_key
from phonotheque.web.subsonic.view import View

_ARTICLES: Final = " ".join(article.title() for article in ARTICLES)
_INFO: Final = 50  # songs of an artist that are listed


def music_folders(call: Call) -> Content:
    """Answer the shelves."""
    with call.view() as view:
        return {"musicFolders": {"musicFolder": [{"id": key, "name": name} for key, name in view.shelves()]}}


def indexes(call: Call) -> Content:
    """Answer the artists of a shelf by their first letters, as folders."""
    with call.view() as view:
        changed = _milliseconds(view.made_at())
        told: dict[str, Any] = {"lastModified": changed, "ignoredArticles": _ARTICLES}
        if call.asked.number("ifModifiedSince", 0, most=2**62) < changed:
            told["index"] = _index(view.artists_on(call.shelf(view)), describing.artist_folder, call.stars)
        return {"indexes": told}


def artists(call: Call) -> Content:
    """Answer the artists of a shelf by their first letters."""
    with call.view() as view:
        index = _index(view.artists_on(call.shelf(view)), describing.artist, call.stars)
        return {"artists": {"ignoredArticles": _ARTICLES, "index": index}}


def directory(call: Call) -> Content:
    """Answer what is in a folder: the artists of a shelf, the albums of an artist, the songs of an album."""
    kind, key = call.named("shelf", "artist", "album")
    with call.view() as view:
        if kind == "shelf":
            return {"directory": _shelf(call, view, int(key))}
        row = _one(view, kind, key)
        if kind == "artist":
            children = [describing.album_folder(each, call.stars) for each in view.albums_of(row["id"])]
            told = describing.artist_folder(row, call.stars)
        else:
            children = [describing.song(each, call.stars) for each in view.songs_in(row["id"])]
            told = {
                name: value
                for name, value in describing.album_folder(row, call.stars).items()
                if name in ("id", "parent", "starred")
            } | {"name": row["name"]}
        return {"directory": {**told, "child": children}}


def artist(call: Call) -> Content:
    """Answer an artist with their albums."""
    _, key = call.named("artist")
    with call.view() as view:
        row = _one(view, "artist", key)
        albums = [describing.album(each, call.stars) for each in view.albums_of(row["id"])]
        return {"artist": describing.artist(row, call.stars) | {"album": albums, "albumCount": len(albums)}}


def album(call: Call) -> Content:
    """Answer an album with its songs."""
    _, key = call.named("album")
    with call.view() as view:
        row = _one(view, "album", key)
        songs = [describing.song(each, call.stars) for each in view.songs_in(row["id"])]
        return {"album": describing.album(row, call.stars) | {"song": songs}}


def song(call: Call) -> Content:
    """Answer a song."""
    with call.view() as view:
        return {"song": describing.song(one_song(call, view), call.stars)}


def genres(call: Call) -> Content:
    """Answer the genres of a shelf."""
    with call.view() as view:
        found = [
            {"value": row["name"], "songCount": row["songs"], "albumCount": row["albums"]}
            for row in view.genres(call.shelf(view))
        ]
        return {"genres": {"genre": found}}


def top_songs(call: Call) -> Content:
    """Answer the most listened songs of an artist, by id or by name."""
    most = call.asked.number("count", _INFO, most=500)
    key = call.named("artist")[1] if call.asked.text("id") else artist_key(call.asked.required("artist"))
    with call.view() as view:
        return {"topSongs": {"song": _songs_of_artist(call, view, key, most)}}


def similar_songs(name: str) -> Answers:
    """Return what answers more songs of the same artist: nobody here knows what is similar to what."""

    def answer(call: Call) -> Content:
        kind, key = call.named("artist", "album", "track")
        most = call.asked.number("count", _INFO, most=500)
        with call.view() as view:
            if kind == "track":
                key = one_song(call, view)["artist_key"]
            elif kind == "album":
                key = _one(view, kind, key)["owner_key"]
            return {name: {"song": _songs_of_artist(call, view, key, most)}}

    return answer


def artist_info(name: str) -> Answers:
    """Return what answers more of an artist: there is nothing but the name."""

    def answer(call: Call) -> Content:
        kind, key = call.named("artist", "album", "track")
        with call.view() as view:
            if kind == "track":
                one_song(call, view)
            else:
                _one(view, kind, key)
            return {name: {}}

    return answer


def album_info(call: Call) -> Content:
    """Answer more of an album: its MusicBrainz id, where it has one."""
    kind, key = call.named("album", "track")
    with call.view() as view:
        row = _one(view, "album", one_song(call, view)["album_key"] if kind == "track" else key)
        return {"albumInfo": {"musicBrainzId": row["mbid"]}}


def one_song(call: Call, view: View) -> sqlite3.Row:
    """Return the track that the parameter ``id`` names. CallError if there is none to hear."""
    _, key = call.named("track")
    found = view.songs_of([key])
    if not found:
        raise not_found("song")
    return found[0]


def _songs_of_artist(call: Call, view: View, key: str, most: int) -> list[dict[str, Any]]:
    owned = "SELECT id FROM artist WHERE key = ?"
    theirs = f"SELECT id FROM album WHERE artist IN ({owned})"  # noqa: S608 — constants
    where = f"(t.artist IN ({owned}) OR t.album IN ({theirs}))"
    rows = view.songs(where, (key, key, most), then="ORDER BY t.number LIMIT ?")
    return [describing.song(row, call.stars) for row in rows]


def _one(view: View, kind: str, key: str) -> sqlite3.Row:
    if (row := view.one(kind, key)) is None:
        raise not_found(kind)
    return row


def _shelf(call: Call, view: View, number: int) -> dict[str, Any]:
    name = dict(view.shelves()).get(number)
    if name is None:
        raise CallError(Code.NOT_FOUND, "There is no such music folder here.")
    children = [
        {
            "id": f"ar-{row['key']}",
            "parent": str(number),
            "isDir": True,
            "title": row["name"],
            "artist": row["name"],
            "starred": call.stars.get(f"ar-{row['key']}"),
        }
        for row in view.artists_on(number)
    ]
    return {"id": str(number), "name": name, "child": children}


def _index(
    rows: Iterable[sqlite3.Row],
    tell: Callable[[sqlite3.Row, Mapping[str, str]], dict[str, Any]],
    stars: Mapping[str, str],
) -> list[dict[str, Any]]:
    letters: dict[str, list[sqlite3.Row]] = {}
    for letter, some in groupby(rows, key=lambda row: str(row["letter"])):
        letters.setdefault(letter, []).extend(some)
    return [
        {"name": letter, "artist": [tell(row, stars) for row in some]} for letter, some in letters.items()
    ]


def _milliseconds(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1000)
