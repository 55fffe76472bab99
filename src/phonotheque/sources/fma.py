"""The FMA dataset of the Free Music Archive: ``tracks.csv``, ``genres.csv``, and audio in ``fma_*`` folders.

See docs/how-to/add-fma.md. The layout is that of https://github.com/mdeff/fma.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.normal import parse_date, release_type
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece
from phonotheque.sources.small_files import find_named, folder_given, holds_audio, sha256_if_right
from phonotheque.sources.table_csv import (
    BadRowError,
    Records,
    Row,
    batches,
    header_of,
    named_fields,
    text_of,
)
from phonotheque.sources.table_values import milliseconds, whole_number

_GIVE = "the folder with tracks.csv (it comes in fma_metadata.zip), and fma_full or other audio beside it"
_TRACKS, _GENRES = "tracks.csv", "genres.csv"
_NEEDED = ("track.title", "artist.name")
# Folders whose files are excerpts of 30 seconds from the middle of a track.
_EXCERPTS = frozenset({"fma_small", "fma_medium", "fma_large"})
_MOST_GENRES = 10_000
_TYPES = {"live performance": "live", "single tracks": "single", "radio program": "broadcast"}


@dataclass(frozen=True, slots=True)
class Tracks:
    """Rows of tracks.csv with what is needed to read them; ``names`` are “track.title”, “album.id” …"""

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    genres: Mapping[str, str]  # names by id
    root: Path
    audio: tuple[Path, ...]  # the folders fma_*


@dataclass(frozen=True, slots=True)
class Fma:
    """The source ``fma``."""

    name: str = "fma"
    summary: str = "the folder with the FMA dataset's tracks.csv and genres.csv, and audio if there is any"

    def files(self, location: Path) -> list[Path]:
        """Return genres.csv, if there is one, and tracks.csv."""
        folder = _metadata_folder(location)
        with (folder / _TRACKS).open("rb") as stream:
            _header(folder / _TRACKS, iter(Records(stream)))
        genres = folder / _GENRES
        return [*([genres] if genres.exists() else []), folder / _TRACKS]

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        """Cut a file into runs of rows."""
        with file.open("rb") as stream:
            reader = Records(stream)
            records = iter(reader)
            if file.name == _GENRES:
                header = header_of(file, next(records, None))
                for number, rows in enumerate(batches(records)):
                    yield Piece(file, number, "genre", rows[0].line, Tracks(header, rows, {}, location, ()))
                return
            names = _header(file, records)
            reader.expected = len(names)
            genres, audio = _genres(file.with_name(_GENRES)), _audio_folders(location)
            for number, rows in enumerate(batches(records, size=1 << 20)):
                content = Tracks(names, rows, genres, location, audio)
                yield Piece(file, number, "track", rows[0].line, content)

    def read(self, piece: Piece, gather: Gather) -> None:
        """Keep each row, and give the track and the number of listens that it has."""
        content: Tracks = piece.content
        for row in content.rows:
            gather.position = row.line
            try:
                fields = named_fields(row, content.names)
            except BadRowError as error:
                gather.reject("record", str(error), value=row.raw.decode("utf-8", "replace"))
                continue
            gather.record_id = fields.get("track_id" if piece.kind == "track" else "genre_id", "").strip()
            if not gather.record_id:
                gather.reject("record", "has no id", value=text_of(row))
                continue
            gather.record(piece.kind, gather.record_id, text_of(row))
            if piece.kind == "track":
                _read_track(fields, content, gather)
        gather.position = gather.record_id = None

    def audio(self, location: Path) -> list[Path]:
        """Return the ``fma_*`` folders that hold audio."""
        return [folder for folder in _audio_folders(location) if holds_audio(folder)]


SOURCE = Fma()


def _read_track(fields: Mapping[str, str], content: Tracks, gather: Gather) -> None:
    number = gather.record_id or ""
    title, artist = fields["track.title"].strip(), fields["artist.name"].strip()
    if not title:
        gather.reject("record", "has no title", field="track.title")
        return
    kind = fields.get("album.type", "").strip()
    facts: dict[str, Any] = {
        "record_id": number,
        "title": title,
        "artists": [artist],
        "artist_ids": [fields.get("artist.id", "").strip() or None],
        "album": fields.get("album.title"),
        "release_id": fields.get("album.id", "").strip() or None,
        "release_type": release_type(_TYPES.get(kind.lower(), kind)),
        "date": _date(fields, gather),
        "track_number": _number(fields, "track.number", gather),
        "composers": [fields.get("track.composer", "")],
        "genres": _genre_names(fields, content.genres, gather),
    }
    whole, excerpt = _files(number, content, gather)
    length = _length(fields, gather)
    gather.track(**facts, source_id=number, duration_ms=length, file_sha256=whole)
    if excerpt and not whole:
        # The length is that of the whole track: of the excerpt nothing is known but whose it is.
        gather.track(**facts, source_id=f"{number}/excerpt", duration_ms=None, file_sha256=excerpt)
    listens = _number(fields, "track.listens", gather)
    if listens is not None and listens < 0:
        gather.reject("value", "is a negative count", field="track.listens", value=listens)
    elif listens and artist:
        gather.listen(listens, title=title, artist=artist)


def _files(number: str, content: Tracks, gather: Gather) -> tuple[str | None, str | None]:
    """Return the SHA-256 of the whole track's file and of an excerpt's, as far as they lie there."""
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        return None, None
    name = f"{int(number) // 1000:03}/{int(number):06}.mp3"
    found: dict[bool, str] = {}
    for folder in content.audio:
        excerpt = folder.name in _EXCERPTS
        if excerpt not in found and (path := find_named(gather, content.root, [folder], name)):
            digest = sha256_if_right(gather, path, f"{folder.name}/{name}", {}, "")
            if digest:
                found[excerpt] = digest
    return found.get(False), found.get(True)


def _genre_names(fields: Mapping[str, str], genres: Mapping[str, str], gather: Gather) -> list[str]:
    """Return the names of the genres that a track lists by id (“[21, 45]”)."""
    text = fields.get("track.genres", "").strip()
    if not text:
        return []
    try:
        ids = [str(int(part)) for part in text.strip("[]").split(",") if part.strip()]
    except ValueError:
        gather.reject("value", "is no list of ids such as [21, 45]", field="track.genres", value=text)
        return []
    for unknown in [genre for genre in ids if genres and genre not in genres]:
        gather.reject("value", "is no id in genres.csv", field="track.genres", value=unknown)
    return [genres[genre] for genre in ids if genre in genres]


def _number(fields: Mapping[str, str], field: str, gather: Gather) -> int | None:
    try:
        return whole_number(fields.get(field))
    except ValueError as error:
        gather.reject("value", str(error), field=field, value=fields[field])
        return None


def _length(fields: Mapping[str, str], gather: Gather) -> int | None:
    try:
        return milliseconds(fields.get("track.duration"), "seconds")
    except ValueError as error:
        gather.reject("value", str(error), field="track.duration", value=fields["track.duration"])
        return None


def _date(fields: Mapping[str, str], gather: Gather) -> str | None:
    text = fields.get("album.date_released", "").strip()
    date = parse_date(text) if text else None
    if text and date is None:
        gather.reject("value", "is no date", field="album.date_released", value=text)
    return date


def _metadata_folder(location: Path) -> Path:
    folder_given(location, _GIVE)
    for folder in (location, location / "fma_metadata"):
        if (folder / _TRACKS).exists():
            return folder
    raise NotFoundError(f"{location} holds no {_TRACKS}.", f"Give {_GIVE}.")


def _audio_folders(location: Path) -> tuple[Path, ...]:
    return tuple(
        sorted(path for path in location.iterdir() if path.name.startswith("fma_") and path.is_dir())
    )


def _header(file: Path, records: Iterator[Row]) -> tuple[str, ...]:
    """Return “group.field” for each column from the header's two rows; the third names the index."""
    groups = header_of(file, next(records, None))
    fields = header_of(file, next(records, None))
    named = header_of(file, next(records, None))
    if len(groups) != len(fields) or len(named) != len(fields) or named[0].strip() != "track_id":
        raise UsageError(
            f"{file}: this is not the header of FMA's tracks.csv, which has a row of groups (album, artist, "
            "set, track), a row of fields, and a row that begins with track_id.",
            "Give tracks.csv of fma_metadata.zip; add another table with table:FILE.",
        )
    pairs = zip(groups[1:], fields[1:], strict=True)
    names = ("track_id", *(f"{group.strip()}.{field.strip()}" for group, field in pairs))
    if missing := [name for name in _NEEDED if name not in names]:
        raise UsageError(
            f"{file}: the columns {' and '.join(missing)} are missing.",
            "Give tracks.csv of fma_metadata.zip.",
        )
    return names


def _genres(file: Path) -> dict[str, str]:
    """Return the names of genres by id, if there is a genres.csv. Its bad rows are rejected elsewhere."""
    names: dict[str, str] = {}
    try:
        stream = file.open("rb")
    except FileNotFoundError:
        return names
    with stream:
        records = iter(Records(stream))
        header = header_of(file, next(records, None))
        for row in itertools.islice(records, _MOST_GENRES):
            try:
                fields = named_fields(row, header)
            except BadRowError:
                continue
            names[fields.get("genre_id", "").strip()] = fields.get("title", "").strip()
    return names
