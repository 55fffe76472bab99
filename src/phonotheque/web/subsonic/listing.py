"""Lists of albums and songs, and search."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final

from phonotheque.web.subsonic import describing
from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.call import Answers, Call, Content, Page
from phonotheque.web.subsonic.names import parse_id, sort_key
from phonotheque.web.subsonic.view import View

_FOUND: Final = 2000  # of a kind, in one answer to a search: players that copy the shelves ask for many
_ALL: Final = 1_000_000
_ORDERS: Final = {
    "newest": "a.added_at DESC, a.id",
    "frequent": "a.first",
    "alphabeticalByName": "a.sort, a.id",
    "alphabeticalByArtist": "o.sort, a.sort, a.id",
}
_NEVER: Final = ("recent", "highest")  # nobody is watched, and nothing rated

Tell = Callable[[sqlite3.Row, Mapping[str, str]], dict[str, Any]]


def album_list(name: str, tell: Tell) -> Answers:
    """Return what answers a list of albums under a name."""

    def answer(call: Call) -> Content:
        with call.view() as view:
            rows = view.albums(_albums(call, view, call.page()))
            return {name: {"album": [tell(row, call.stars) for row in rows]}}

    return answer


def _albums(call: Call, view: View, page: Page) -> list[int]:
    kind, shelf = call.asked.required("type"), call.shelf(view)
    if kind in _NEVER:
        return []
    if kind in _ORDERS:
        return view.album_numbers(shelf, _ORDERS[kind], page.most, page.after)
    if kind == "random":
        numbers = view.album_numbers(shelf, "a.id", _ALL, 0)
        return random.sample(numbers, min(page.most, len(numbers)))
    if kind == "starred":
        keys = [key for kind, key in map(_parsed, call.stars) if kind == "album"]
        numbers = [row["id"] for key in keys[: page.after + page.most] if (row := view.one("album", key))]
        return numbers[page.after :]
    if kind == "byYear":
        return _by_year(call, view, shelf, page)
    if kind == "byGenre":
        heard = (
            "SELECT t.album FROM track t JOIN of_genre f ON f.track = t.number JOIN genre g ON g.id = f.genre"
        )
        where = f"a.id IN ({heard} WHERE g.key = ?)"
        genre = sort_key(call.asked.required("genre"))
        return view.album_numbers(shelf, "a.sort, a.id", page.most, page.after, where=where, values=(genre,))
    raise CallError(Code.GENERIC, f"There is no list of albums “{kind:.40}”.")


def _by_year(call: Call, view: View, shelf: int, page: Page) -> list[int]:
    call.asked.required("fromYear")
    call.asked.required("toYear")
    first, last = (call.asked.number(name, 0, most=9999) for name in ("fromYear", "toYear"))
    order = "a.year, a.sort, a.id" if first <= last else "a.year DESC, a.sort, a.id"
    years = sorted((first, last))
    where = "a.year BETWEEN ? AND ?"
    return view.album_numbers(shelf, order, page.most, page.after, where=where, values=years)


def random_songs(call: Call) -> Content:
    """Answer songs drawn at random."""
    genre = call.asked.text("genre")
    years = (call.asked.number("fromYear", 0), call.asked.number("toYear", 9999))
    given = call.asked.text("fromYear") or call.asked.text("toYear")
    with call.view() as view:
        rows = view.random_songs(
            call.shelf(view),
            call.page().most,
            genre=sort_key(genre) if genre else None,
            years=years if given else None,
        )
        return {"randomSongs": {"song": [describing.song(row, call.stars) for row in rows]}}


def songs_by_genre(call: Call) -> Content:
    """Answer the songs of a genre."""
    genre, page = sort_key(call.asked.required("genre")), call.page("count", "offset")
    with call.view() as view:
        rows = view.songs_of_genre(call.shelf(view), genre, page.most, page.after)
        return {"songsByGenre": {"song": [describing.song(row, call.stars) for row in rows]}}


def search(name: str, *, folders: bool) -> Answers:
    """Return what answers a search: artists, albums and songs. An empty query finds all that there is."""

    def answer(call: Call) -> Content:
        if not call.asked.given("query"):
            call.asked.required("query")
        query = call.asked.text("query").strip().strip('"')
        tell = (
            (describing.artist_folder, describing.album_folder)
            if folders
            else (describing.artist, describing.album)
        )
        pages = [
            call.page(f"{kind}Count", f"{kind}Offset", default=20, most=_FOUND)
            for kind in ("artist", "album", "song")
        ]
        with call.view() as view:
            shelf = call.shelf(view)
            artists, albums, songs = (
                view.found(kind, query, shelf, page.most, page.after)
                for kind, page in zip(("artist", "album", "track"), pages, strict=True)
            )
            return {
                name: {
                    "artist": [tell[0](row, call.stars) for row in view.artists_numbered(artists)],
                    "album": [tell[1](row, call.stars) for row in view.albums(albums)],
                    "song": [describing.song(row, call.stars) for row in view.songs_numbered(songs)],
                }
            }

    return answer


def starred(name: str, *, folders: bool) -> Answers:
    """Return what answers all that a listener starred; a guest has starred nothing."""

    def answer(call: Call) -> Content:
        things = [_parsed(thing) for thing in call.stars]
        artist, album = (
            (describing.artist_folder, describing.album_folder)
            if folders
            else (describing.artist, describing.album)
        )
        with call.view() as view:
            found = {
                kind: [row for of, key in things if of == kind and (row := view.one(kind, key)) is not None]
                for kind in ("artist", "album")
            }
            songs = view.songs_of([key for kind, key in things if kind == "track"])
            return {
                name: {
                    "artist": [artist(row, call.stars) for row in found["artist"]],
                    "album": [album(row, call.stars) for row in found["album"]],
                    "song": [describing.song(row, call.stars) for row in songs],
                }
            }

    return answer


def _parsed(thing: str) -> tuple[str, str]:
    return parse_id(thing) or ("", "")
