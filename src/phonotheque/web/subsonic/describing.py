"""Songs, albums and artists as players are told of them (OpenSubsonic: Child, AlbumID3, ArtistID3)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from phonotheque.model.media import media_type
from phonotheque.web.subsonic.lines import Sound
from phonotheque.web.subsonic.names import artist_key, joined

_REFERENCE: Final = -18.0  # LUFS, of ReplayGain 2
_STARS: Final[Mapping[str, str]] = {}


def track_facts(best: Sound, copy: Sound | None, listens: int | None, cover: str | None) -> dict[str, Any]:
    """Return what is only shown of a track, by the names that players know; none of it is None."""
    facts = {
        "created": best.added_at or None,
        "path": best.path,
        "size": best.size,
        "suffix": best.suffix or None,
        "contentType": media_type(f"bags/x.{best.suffix}"),
        "transcodedSuffix": copy.suffix if copy else None,
        "transcodedContentType": media_type(f"bags/x.{copy.suffix}") if copy else None,
        "bitRate": best.bit_rate,
        "bitDepth": best.bits or None,
        "samplingRate": best.sample_rate,
        "channelCount": best.channels,
        "genre": best.genres[0] if best.genres else None,
        "genres": [{"name": name} for name in best.genres] or None,
        "isrc": list(best.isrcs) or None,
        "artists": _named(best.artists),
        "albumArtists": _named(best.album_artists or best.artists),
        "displayComposer": joined(best.composers) or None,
        "musicBrainzId": best.recording_mbid,
        "replayGain": None if best.loudness is None else {"trackGain": round(_REFERENCE - best.loudness, 2)},
        "cover": cover,
        "copyBitRate": copy.bit_rate if copy else None,
        "listens": listens,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _named(names: tuple[str, ...]) -> list[dict[str, str]] | None:
    return [{"id": f"ar-{artist_key(name)}", "name": name} for name in names] or None


def song(row: sqlite3.Row, stars: Mapping[str, str] = _STARS) -> dict[str, Any]:
    """Return a track, from a row of view.SONGS; ``stars`` say since when ids are starred."""
    facts = json.loads(row["facts"])
    cover = facts.pop("cover", None) or row["cover"]
    for unseen in ("copyBitRate", "listens"):
        facts.pop(unseen, None)
    name = f"tr-{row['recording']}"
    return {
        "id": name,
        "parent": f"al-{row['album_key']}",
        "isDir": False,
        "isVideo": False,
        "type": "music",
        "mediaType": "song",
        "title": row["title"],
        "album": row["album"],
        "albumId": f"al-{row['album_key']}",
        "artist": row["artist"],
        "artistId": f"ar-{row['artist_key']}",
        "displayArtist": row["artist"],
        "displayAlbumArtist": row["owner"],
        "track": row["position"],
        "discNumber": row["disc"],
        "year": row["year"],
        "duration": round(row["length"] / 1000),
        "coverArt": cover,
        "starred": stars.get(name),
        **facts,
    }


def album(row: sqlite3.Row, stars: Mapping[str, str] = _STARS) -> dict[str, Any]:
    """Return an album, from a row of view.ALBUMS."""
    name = f"al-{row['key']}"
    genre = row["genre"]
    return {
        "id": name,
        "name": row["name"],
        "artist": row["owner"],
        "artistId": f"ar-{row['owner_key']}",
        "displayArtist": row["owner"],
        "artists": [{"id": f"ar-{row['owner_key']}", "name": row["owner"]}],
        "songCount": row["songs"],
        "duration": round((row["length"] or 0) / 1000),
        "created": row["added_at"],
        "year": row["year"],
        "genre": genre,
        "genres": [{"name": genre}] if genre else None,
        "coverArt": row["cover"],
        "starred": stars.get(name),
        "musicBrainzId": row["mbid"],
        "recordLabels": [{"name": row["label"]}] if row["label"] else None,
        "originalReleaseDate": _date(row["date"]),
        "sortName": row["sort"],
    }


def album_folder(row: sqlite3.Row, stars: Mapping[str, str] = _STARS) -> dict[str, Any]:
    """Return an album as a folder, for players that browse folders."""
    told = album(row, stars)
    kept = ("id", "artist", "artistId", "created", "year", "genre", "coverArt", "starred", "duration")
    return {
        **{name: told[name] for name in kept},
        "parent": told["artistId"],
        "isDir": True,
        "title": told["name"],
        "album": told["name"],
        "mediaType": "album",
        "songCount": told["songCount"],
    }


def artist(row: sqlite3.Row, stars: Mapping[str, str] = _STARS) -> dict[str, Any]:
    """Return an artist, from a row of view.ARTISTS."""
    name = f"ar-{row['key']}"
    return {
        "id": name,
        "name": row["name"],
        "albumCount": row["albums"],
        "coverArt": row["cover"],
        "sortName": row["sort"],
        "starred": stars.get(name),
    }


def artist_folder(row: sqlite3.Row, stars: Mapping[str, str] = _STARS) -> dict[str, Any]:
    """Return an artist as a folder, for players that browse folders."""
    name = f"ar-{row['key']}"
    return {"id": name, "name": row["name"], "starred": stars.get(name)}


def _date(text: str | None) -> dict[str, int] | None:
    if not text:
        return None
    numbers = [int(part) for part in text.split("-")]
    return dict(zip(("year", "month", "day"), numbers, strict=False))
