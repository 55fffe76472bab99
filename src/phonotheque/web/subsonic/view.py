"""What one visitor sees of the shelves: questions to the file, none of which reads all of it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.text import query_terms

_SONGS: Final = """
    SELECT t.number, t.recording, t.title, t.year, t.length, t.disc, t.position, t.sha256, t.copy_sha256,
           t.lyrics, t.facts, a.key AS album_key, a.name AS album, a.cover,
           r.key AS artist_key, r.name AS artist, o.key AS owner_key, o.name AS owner
    FROM track t JOIN album a ON a.id = t.album JOIN artist r ON r.id = t.artist
    JOIN artist o ON o.id = a.artist
"""
_ALBUMS: Final = """
    SELECT a.*, o.key AS owner_key, o.name AS owner, count(t.number) AS songs, sum(t.length) AS length,
           (SELECT name FROM genre g JOIN of_genre f ON f.genre = g.id
            WHERE f.track = a.first LIMIT 1) AS genre
    FROM album a JOIN artist o ON o.id = a.artist JOIN track t ON t.album = a.id
"""
_ARTISTS: Final = """
    SELECT r.*, (SELECT cover FROM album WHERE artist = r.id AND cover IS NOT NULL LIMIT 1) AS cover,
           (SELECT count(DISTINCT b.id) FROM album b JOIN track t ON t.album = b.id
            WHERE b.artist = r.id AND t.place IN {places}) AS albums
    FROM artist r
"""
_OF_GENRE: Final = "SELECT track FROM of_genre f JOIN genre g ON g.id = f.genre WHERE g.key = ?"
_WORDS: Final = 12  # of a query
_LONGEST: Final = 200  # characters of a query


class View:
    """The shelves as they are for one country; without ``gone``, files that were taken back since."""

    def __init__(self, shelves: sqlite3.Connection, country: str, gone: frozenset[str]) -> None:
        self._shelves = shelves
        self._gone = gone
        rows = shelves.execute("SELECT id, territory FROM place")
        found = [row["id"] for row in rows if may_hold(country, row["territory"])]
        self.places = f"({', '.join(map(str, found))})"  # numbers of our own

    def shelves(self) -> list[tuple[int, str]]:
        """Return the numbers and names of the shelves."""
        return [(row["id"], row["name"]) for row in self._shelves.execute("SELECT * FROM shelf ORDER BY id")]

    def made_at(self) -> str:
        """Return when the shelves were filled (ISO 8601, UTC)."""
        return str(self._value("SELECT at FROM made"))

    def count(self, shelf: int) -> int:
        """Return how many tracks there are on a shelf."""
        return int(self._value(f"{self._on_shelf('count(*)')}", shelf))

    def last(self) -> int:
        """Return the number of the last track; 0 if there is none."""
        return int(self._value("SELECT coalesce(max(number), 0) FROM track"))

    def numbers_on(self, shelf: int, after: int, most: int) -> list[int]:
        """Return the numbers of the next tracks on a shelf, wherever they may be heard."""
        query = "SELECT track FROM on_shelf WHERE shelf = ? AND track > ? ORDER BY track LIMIT ?"
        return [row[0] for row in self._shelves.execute(query, (shelf, after, most))]

    def songs(self, where: str, values: Sequence[Any] = (), *, then: str = "") -> list[sqlite3.Row]:
        """Return tracks that may be heard, by a condition on t, a, r or o."""
        query = f"{_SONGS} WHERE t.place IN {self.places} AND {where} {then}"
        return [row for row in self._shelves.execute(query, values) if row["sha256"] not in self._gone]

    def songs_numbered(self, numbers: Iterable[int]) -> list[sqlite3.Row]:
        """Return tracks by number, in the order asked for."""
        wanted = list(numbers)
        found: dict[int, sqlite3.Row] = {}
        for some in batched(wanted, IN_A_STATEMENT):
            rows = self.songs(f"t.number IN ({_marks(some)})", some)
            found |= {row["number"]: row for row in rows}
        return [found[number] for number in wanted if number in found]

    def songs_of(self, recordings: Sequence[str]) -> list[sqlite3.Row]:
        """Return tracks by the ids of recordings, in the order asked for; those not on the shelves lack."""
        found: dict[str, sqlite3.Row] = {}
        for some in batched(dict.fromkeys(recordings), IN_A_STATEMENT):
            rows = self.songs(f"t.recording IN ({_marks(some)})", some)
            found |= {row["recording"]: row for row in rows}
        return [found[recording] for recording in recordings if recording in found]

    def songs_on(self, shelf: int, most: int, after: int) -> list[sqlite3.Row]:
        """Return the tracks on a shelf, the most listened first."""
        return self.songs_numbered(self._numbers(self._on_shelf("t.number"), shelf, most, after))

    def random_songs(
        self, shelf: int, most: int, *, genre: str | None, years: tuple[int, int] | None
    ) -> list[sqlite3.Row]:
        """Return tracks drawn at random, each as likely as any other."""
        query, values = self._on_shelf("t.number"), list[Any]([shelf])
        if years is not None:
            query += " AND t.year BETWEEN ? AND ?"
            values += years
        if genre is not None:
            query += f" AND t.number IN ({_OF_GENRE})"
            values.append(genre)
        numbers = [row[0] for row in self._shelves.execute(query, values)]
        return self.songs_numbered(random.sample(numbers, min(most, len(numbers))))

    def songs_of_genre(self, shelf: int, genre: str, most: int, after: int) -> list[sqlite3.Row]:
        """Return the tracks of a genre (a sort key), the most listened first."""
        query = f"{self._on_shelf('t.number')} AND t.number IN ({_OF_GENRE})"
        return self.songs_numbered(self._numbers(query, shelf, genre, most, after))

    def albums(self, numbers: Iterable[int]) -> list[sqlite3.Row]:
        """Return albums by number, in the order asked for, with the figures of what may be heard of them."""
        wanted = list(numbers)
        found: dict[int, sqlite3.Row] = {}
        for some in batched(wanted, IN_A_STATEMENT):
            query = f"{_ALBUMS} WHERE a.id IN ({_marks(some)}) AND t.place IN {self.places} GROUP BY a.id"
            found |= {row["id"]: row for row in self._shelves.execute(query, some)}
        return [found[number] for number in wanted if number in found]

    def album_numbers(
        self,
        shelf: int,
        order: str,
        most: int,
        after: int,
        *,
        where: str = "true",
        values: Sequence[Any] = (),
    ) -> list[int]:
        """Return albums on a shelf in an order, by a condition on a and o."""
        query = f"""
            SELECT a.id FROM album a JOIN artist o ON o.id = a.artist
            WHERE a.id IN (SELECT album FROM album_on WHERE shelf = ? AND place IN {self.places}) AND {where}
            ORDER BY {order} LIMIT ? OFFSET ?
        """  # noqa: S608 — our own words
        return [row[0] for row in self._shelves.execute(query, (shelf, *values, most, after))]

    def albums_of(self, artist: int) -> list[sqlite3.Row]:
        """Return the albums that an artist made, or is on, the oldest first."""
        query = (
            "SELECT id FROM album WHERE artist = ? UNION SELECT album FROM track WHERE artist = ? LIMIT 5000"
        )
        numbers = [row[0] for row in self._shelves.execute(query, (artist, artist))]
        return sorted(self.albums(numbers), key=lambda row: (row["year"] or 9999, row["sort"]))

    def artists(self, where: str, values: Sequence[Any] = (), *, then: str = "") -> list[sqlite3.Row]:
        """Return artists by a condition on r."""
        query = f"{_ARTISTS.format(places=self.places)} WHERE {where} {then}"
        return self._shelves.execute(query, values).fetchall()

    def artists_on(self, shelf: int) -> list[sqlite3.Row]:
        """Return the artists with an album on a shelf, in the order of names."""
        query = f"""
            SELECT r.*, max(a.cover) AS cover, count(DISTINCT a.id) AS albums
            FROM album_on s JOIN album a ON a.id = s.album JOIN artist r ON r.id = a.artist
            WHERE s.shelf = ? AND s.place IN {self.places} GROUP BY r.id ORDER BY r.sort, r.id
        """  # noqa: S608 — our own words
        return self._shelves.execute(query, (shelf,)).fetchall()

    def one(self, kind: str, key: str) -> sqlite3.Row | None:
        """Return an artist or an album by its key; None where nothing of it may be heard."""
        if kind == "album":
            query = f"{_ALBUMS} WHERE a.key = ? AND t.place IN {self.places} GROUP BY a.id"
            rows = self._shelves.execute(query, (key,)).fetchall()
        else:
            heard = (
                f"(EXISTS (SELECT 1 FROM track t WHERE t.artist = r.id AND t.place IN {self.places})"  # noqa: S608
                f" OR EXISTS (SELECT 1 FROM album a JOIN track t ON t.album = a.id"
                f" WHERE a.artist = r.id AND t.place IN {self.places}))"
            )
            rows = self.artists(f"r.key = ? AND {heard}", (key,))
        return rows[0] if rows else None

    def songs_in(self, album: int) -> list[sqlite3.Row]:
        """Return the tracks of an album in their order."""
        order = "ORDER BY coalesce(t.disc, 1), coalesce(t.position, 99999), t.title, t.number LIMIT 5000"
        return self.songs("t.album = ?", (album,), then=order)

    def genres(self, shelf: int) -> list[sqlite3.Row]:
        """Return the genres of a shelf, with how many songs and albums each has."""
        query = f"""
            SELECT g.name, count(*) AS songs, count(DISTINCT t.album) AS albums
            FROM on_shelf s JOIN track t ON t.number = s.track
            JOIN of_genre f ON f.track = t.number JOIN genre g ON g.id = f.genre
            WHERE s.shelf = ? AND t.place IN {self.places} GROUP BY g.id ORDER BY g.key
        """  # noqa: S608 — our own words
        return self._shelves.execute(query, (shelf,)).fetchall()

    def found(self, kind: str, query: str, shelf: int, most: int, after: int) -> list[int]:
        """Return the numbers of what has every word, the last as a beginning; without words, of everything.

        ``kind`` is "track", "album" or "artist".
        """
        terms = query_terms(query[:_LONGEST])[:_WORDS]
        key = "number" if kind == "track" else "id"
        on = "on_shelf" if kind == "track" else f"{kind}_on"
        within = f"SELECT {kind} FROM {on} WHERE shelf = ?"  # noqa: S608 — our own words
        within += f" AND place IN {self.places}" if kind != "track" else ""
        where = f"x.{key} IN ({within})"
        where += f" AND x.place IN {self.places}" if kind == "track" else ""
        values: list[Any] = [shelf]
        if terms:
            words = f"{kind}_words"
            where += f" AND x.{key} IN (SELECT rowid FROM {words} WHERE {words} MATCH ?)"  # noqa: S608
            values.append(_matching(terms))
        order = f"x.{key}" if kind == "track" else "x.sort, x.id"
        found = f"SELECT x.{key} FROM {kind} x WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        return self._numbers(found, *values, most, after)

    def artists_numbered(self, numbers: Iterable[int]) -> list[sqlite3.Row]:
        """Return artists by number, in the order asked for."""
        wanted = list(numbers)
        found: dict[int, sqlite3.Row] = {}
        for some in batched(wanted, IN_A_STATEMENT):
            found |= {row["id"]: row for row in self.artists(f"r.id IN ({_marks(some)})", some)}
        return [found[number] for number in wanted if number in found]

    def _on_shelf(self, what: str) -> str:
        return (
            f"SELECT {what} FROM on_shelf s JOIN track t ON t.number = s.track"  # noqa: S608
            f" WHERE s.shelf = ? AND t.place IN {self.places}"
        )

    def _numbers(self, query: str, *values: Any) -> list[int]:
        limited = query if "LIMIT" in query else f"{query} ORDER BY t.number LIMIT ? OFFSET ?"
        return [row[0] for row in self._shelves.execute(limited, values)]

    def _value(self, query: str, *values: Any) -> Any:
        return self._shelves.execute(query, values).fetchone()[0]


def _matching(terms: Sequence[Sequence[str]]) -> str:
    """Return the words of a query as FTS5 asks for them: every one, the last as a beginning."""
    phrases = ['"' + " ".join(term).replace('"', '""') + '"' for term in terms]
    return " AND ".join(phrases) + "*"


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
