"""Counts the listens in ListenBrainz' dumps, or in anybody's export (docs/how-to/add-listenbrainz.md).

An archive ``listenbrainz-listens-dump-….tar.zst`` holds ``…/listens/<year>/<month>.listens``, a JSON object a
line (listenbrainz.readthedocs.io, “ListenBrainz data dumps”). Who listened, and when, is never kept.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.identifiers import parse_isrc, parse_mbid
from phonotheque.model.text import nfc
from phonotheque.sources.cutting import PACKED, BrokenFileError, lines, unpacked
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece
from phonotheque.sources.small_files import find
from phonotheque.sources.tar_members import is_tar, tar_members

_LOOSE = (".listens", ".jsonl", ".json")
_ADVICE = "Give a listenbrainz-listens-dump-….tar.zst, a .listens or .jsonl file, or a folder of them."
_LONGEST = 2000  # characters of a name; more is none

_nfc = lru_cache(maxsize=1 << 15)(nfc)
_mbid = lru_cache(maxsize=1 << 15)(parse_mbid)
_isrc = lru_cache(maxsize=1 << 12)(parse_isrc)


class _Mapping(msgspec.Struct, gc=False):
    recording_mbid: Any = None


class _Info(msgspec.Struct, gc=False):
    """What the listener's player said: anything may be anything."""

    isrc: Any = None
    recording_mbid: Any = None


class _Track(msgspec.Struct, gc=False):
    track_name: str | None = None
    artist_name: str | None = None
    mbid_mapping: _Mapping | None = None
    additional_info: _Info | None = None


class _Listen(msgspec.Struct, gc=False):
    track_metadata: _Track


_LISTEN = msgspec.json.Decoder(_Listen)


@dataclass(frozen=True, slots=True)
class ListenBrainz:
    """A ``registry.Source``."""

    name: str = "listenbrainz"
    summary: str = "a ListenBrainz dump of listens (*.tar.zst), *.listens or JSON lines, or a folder of them"

    def files(self, location: Path) -> list[Path]:
        """Return the dump, the loose file, or all of them in a folder."""
        try:
            mode = location.stat().st_mode
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFoundError(f"{location} does not exist.", _ADVICE) from error
        if not stat.S_ISDIR(mode):
            if not _is_listens(location.name):
                raise UsageError(f"{location} has not the name of a file of listens.", _ADVICE)
            return [location]
        found = list(find(location, _is_listens))
        if not found:
            raise UsageError(f"{location} holds no files of listens.", _ADVICE)
        return found

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        """Cut a dump or a loose file into runs of lines, with the name of the file in the dump."""
        for number, (member, first, run) in enumerate(_runs(file)):
            yield Piece(file, number, "listen", first, (member, run))

    def read(self, piece: Piece, gather: Gather) -> None:
        """Count what was listened to. No record is kept, nor any line that makes no sense."""
        member, block = piece.content
        gather.record_id = member  # listens have no ids; rejects name the file and line
        for number, line in enumerate(block.split(b"\n"), piece.first):
            gather.position = number
            try:
                track = _LISTEN.decode(line).track_metadata
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                if line.strip():
                    gather.reject("record", _why(error))
                continue
            _count(track, gather)

    def audio(self, location: Path) -> list[Path]:
        """There is none."""
        return []


SOURCE = ListenBrainz()


def _count(track: _Track, gather: Gather) -> None:
    """Count a listen by the best name that it has: the recording's MBID, its ISRC, or title and artist."""
    info = track.additional_info or _Info()
    mapped = track.mbid_mapping.recording_mbid if track.mbid_mapping else None
    if mbid := _valid("recording_mbid", (mapped, info.recording_mbid), _mbid, gather):
        gather.listen(recording_mbid=mbid)
    elif isrc := _valid("isrc", info.isrc if isinstance(info.isrc, list) else (info.isrc,), _isrc, gather):
        gather.listen(isrc=isrc)
    else:
        title, artist = _name(track.track_name), _name(track.artist_name)
        if title and artist:
            gather.listen(title=title, artist=artist)
        else:
            gather.reject("record", "names neither a recording nor both title and artist")


def _valid(field: str, values: Any, parse: Any, gather: Gather) -> str | None:
    """Return the first of some values that is valid, and reject those before it that say something else."""
    for value in values:
        if value in (None, ""):
            continue
        found: str | None = parse(value) if isinstance(value, str) else None
        if found:
            return found
        gather.reject("value", "is not valid", field=field, value=value)
    return None


def _name(text: str | None) -> str | None:
    return _nfc(text) if text and len(text) <= _LONGEST else None


def _why(error: Exception) -> str:
    match error:
        case msgspec.ValidationError():
            return f"is no listen: {error}"
        case UnicodeDecodeError():
            return "is no valid UTF-8"
        case RecursionError():
            return "is nested too deeply"
        case _:
            return f"is no valid JSON: {error}"


def _runs(file: Path) -> Iterator[tuple[str | None, int, bytes]]:
    """Yield (name within the archive, number of the first line, lines)."""
    if not is_tar(file):
        with unpacked(file) as stream:
            for first, run in lines(stream):
                yield None, first, run
        return
    empty = True
    with tar_members(file) as members:
        for name, content in members:
            if name.endswith(".listens"):
                empty = False
                for first, run in lines(content):
                    yield name, first, run
    if empty:
        raise BrokenFileError(f"{file} holds no .listens files.", _ADVICE)


def _is_listens(name: str) -> bool:
    """Whether a file has the name of a dump of listens, not of those beside it, or of a loose file."""
    path = Path(name)
    if is_tar(path):
        return "listens" in name and "spark" not in name
    return (path.with_suffix("") if path.suffix in PACKED else path).suffix in _LOOSE
