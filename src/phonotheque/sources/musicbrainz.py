"""Reads the JSON dumps of MusicBrainz, as published or unpacked (docs/how-to/add-musicbrainz.md).

One archive per entity, ``release.tar.xz`` and so on, each with a file of one JSON object a line,
``mbdump/release``, and the number of their format, ``JSON_DUMPS_SCHEMA_NUMBER``
(musicbrainz.org/doc/Development/JSON_Data_Dumps).
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources import splices
from phonotheque.sources.cutting import PACKED, BrokenFileError, lines, unpacked
from phonotheque.sources.gather import Gather
from phonotheque.sources.musicbrainz_facts import checked_id, tell_recording, tell_release, tell_thing
from phonotheque.sources.musicbrainz_json import Other, Recording, Release, Thing
from phonotheque.sources.registry import Piece
from phonotheque.sources.tar_members import is_tar, tar_members
from phonotheque.sources.xz_end import last_block

# In the order in which they are read; those of the second line are only kept.
ENTITIES = ("artist", "label", "work", "release-group", "recording", "release")
OTHERS = ("area", "event", "genre", "instrument", "place", "series")

_NUMBER_FILE = "JSON_DUMPS_SCHEMA_NUMBER"
_NUMBER = b"1"
_ADVICE = "Give the folder with release.tar.xz, recording.tar.xz and so on, as published or unpacked."
_SHOWN = 200  # bytes of a line that makes no sense


def _nothing(_entity: Any, _mbid: str, _gather: Gather) -> None:
    """Of other entities only the record is kept."""


_Reader = tuple[msgspec.json.Decoder[Any], Callable[[Any, str, Gather], None]]
_OTHER: _Reader = (msgspec.json.Decoder(Other), _nothing)
_READERS: dict[str, _Reader] = {
    "artist": (msgspec.json.Decoder(Thing), tell_thing("artist")),
    "label": (msgspec.json.Decoder(Thing), tell_thing("label")),
    "work": (msgspec.json.Decoder(Thing), tell_thing("work")),
    "release-group": (msgspec.json.Decoder(Thing), tell_thing("release_group")),
    "recording": (msgspec.json.Decoder(Recording), tell_recording),
    "release": (msgspec.json.Decoder(Release), tell_release),
}


@dataclass(frozen=True, slots=True)
class MusicBrainz:
    """A ``registry.Source``."""

    name: str = "musicbrainz"
    summary: str = "the folder of MusicBrainz’ JSON dumps (*.tar.xz), as published or unpacked"

    def files(self, location: Path) -> list[Path]:
        """Return the file of each entity that is there, in the order in which they are read."""
        kind = _kind_of(location)
        if kind is None:
            raise NotFoundError(f"{location} does not exist.", _ADVICE)
        if not stat.S_ISDIR(kind):
            if _entity(location) not in (*ENTITIES, *OTHERS):
                raise UsageError(f"{location} has not the name of a MusicBrainz dump.", _ADVICE)
            return [location]
        found = [file for entity in (*ENTITIES, *OTHERS) if (file := _file_of(location, entity))]
        if not found:
            raise UsageError(f"{location} holds no JSON dumps of MusicBrainz.", _ADVICE)
        return found

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        """Cut one of them into runs of lines. Raises BrokenFileError at once if its format is another one."""
        _check_number(file)
        for number, (entity, first, run) in enumerate(_runs(file)):
            yield Piece(file, number, entity, first, run)

    def read(self, piece: Piece, gather: Gather) -> None:
        """Hand over every line's record, what was cut out of it, and what it says."""
        block: bytes = piece.content
        view, is_utf8 = memoryview(block), _is_utf8(block)
        found, index = splices.places(block), 0
        reader = _READERS.get(piece.kind, _OTHER)
        number, start = piece.first, 0
        while start < len(block):
            end = block.find(b"\n", start)
            end = end if end >= 0 else len(block)
            here: list[int] = []
            while index < len(found) and found[index] < end:
                here.append(found[index] - start)
                index += 1
            gather.position, gather.record_id = number, None
            _read_line(piece.kind, reader, _Line(view[start:end], here, is_utf8), gather)
            number, start = number + 1, end + 1

    def audio(self, location: Path) -> list[Path]:
        """There is none."""
        return []


SOURCE = MusicBrainz()


@dataclass(slots=True)
class _Line:
    """A line, where in it there may be something to cut out, and whether it is known to be UTF-8."""

    content: memoryview
    found: list[int]
    is_utf8: bool


def _read_line(kind: str, reader: _Reader, line: _Line, gather: Gather) -> None:
    try:
        entity, tell, unexpected = _decoded(reader, line.content)
        raw, out = _parted(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if text := bytes(line.content).strip():
            gather.reject("record", _why(error), value=text[:_SHOWN].decode("utf-8", "replace"))
        return
    mbid = checked_id(entity.id)
    if mbid is None:
        gather.reject("record", "has no MBID", field="id", value=entity.id)
        return
    gather.record_id = mbid
    gather.record(kind, mbid, raw)
    if out:
        gather.nonfree(kind, mbid, splices.LICENCE, splices.dump(out))
    if unexpected is not None:
        gather.reject("record", _why(unexpected))
    tell(entity, mbid, gather)


def _decoded(
    reader: _Reader, content: memoryview
) -> tuple[Any, Callable[[Any, str, Gather], None], msgspec.ValidationError | None]:
    """Return an entity and what tells of it. Where it does not say what was expected, only its id is read."""
    decoder, tell = reader
    try:
        return decoder.decode(content), tell, None
    except msgspec.ValidationError as error:
        other, nothing = _OTHER
        return other.decode(content), nothing, error


def _parted(line: _Line) -> tuple[bytes | memoryview, list[splices.Splice]]:
    """Return the line without what is not CC0, and that. Raises ValueError where it is no UTF-8."""
    if not line.is_utf8:
        str(line.content, "utf-8")  # the decoder does not look into what it passes over
    return splices.cut(line.content, line.found) if line.found else (line.content, [])


def _is_utf8(block: bytes) -> bool:
    """Tell whether all of it is UTF-8, at once: it nearly always is."""
    whole = [None, pa.py_buffer(np.array([0, len(block)], np.int64)), pa.py_buffer(block)]
    try:
        pa.Array.from_buffers(pa.large_string(), 1, whole).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _why(error: Exception) -> str:
    match error:
        case msgspec.ValidationError():
            return f"does not say what was expected: {error}"
        case UnicodeDecodeError():
            return f"is no valid UTF-8, at byte {error.start + 1}"
        case RecursionError():
            return "is nested too deeply"
        case _:
            return f"is no valid JSON: {error}"


def _runs(file: Path) -> Iterator[tuple[str, int, bytes]]:
    """Yield (entity, number of the first line, lines) of an archive or a loose file."""
    if not is_tar(file):
        with unpacked(file) as stream:
            for first, run in lines(stream):
                yield _entity(file), first, run
        return
    empty = True
    with tar_members(file) as members:
        for name, content in members:
            folder, _, entity = name.rpartition("/")
            if folder == "mbdump":
                empty = False
                for first, run in lines(content):
                    yield entity, first, run
    if empty:
        raise BrokenFileError(f"{file} holds no file in mbdump/.", "Is it a JSON dump of MusicBrainz?")


def _check_number(file: Path) -> None:
    """Raise BrokenFileError unless the format of a file has the number that this module reads.

    Where an archive breaks off before the number there is nothing to compare, and what is there is read.
    """
    try:
        found = _number_within(file) if is_tar(file) else _number_beside(file)
    except BrokenFileError:
        return
    if found is None:
        raise BrokenFileError(
            f"{file}: there is no {_NUMBER_FILE}, so that its format is not known.",
            f"Put that file of the archive beside it. This program reads number {_NUMBER.decode()}.",
        )
    if found != _NUMBER:
        raise BrokenFileError(
            f"{file}: its {_NUMBER_FILE} is {found[:20].decode('ascii', 'replace')!r}; "
            f"this program reads number {_NUMBER.decode()}. Nothing of it was taken in.",
            "Look for a newer version of Phonotheque.",
        )


def _number_within(file: Path) -> bytes | None:
    """Return the number in an archive. It comes last, and to find it all may have to be unpacked."""
    end = last_block(file) if file.suffix == ".xz" else None
    if end is not None and (place := end.rfind(_NUMBER_FILE.encode())) >= 0:
        try:
            member = tarfile.TarInfo.frombuf(end[place : place + 512], "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            pass  # a text that mentions it
        else:
            return end[place + 512 : place + 512 + min(member.size, 100)].strip()
    with tar_members(file) as members:
        for name, content in members:
            if name == _NUMBER_FILE:
                return content.read(100).strip()
    return None


def _number_beside(file: Path) -> bytes | None:
    folders = [file.parent, file.parent.parent] if file.parent.name == "mbdump" else [file.parent]
    for folder in folders:
        if _kind_of(path := folder / _NUMBER_FILE) is not None:
            with path.open("rb") as stream:
                return stream.read(100).strip()
    return None


def _file_of(folder: Path, entity: str) -> Path | None:
    """Return the file of an entity: the archive if there is one, else what was unpacked."""
    names = [
        f"{entity}{ending}{packed}" for ending in (".tar", ".jsonl", "") for packed in (".xz", "", *PACKED)
    ]
    for name in (*names, f"mbdump/{entity}", f"{entity}/mbdump/{entity}"):
        kind = _kind_of(folder / name)
        if kind is not None and stat.S_ISREG(kind):
            return folder / name
    return None


def _entity(file: Path) -> str:
    return file.name.partition(".")[0]


def _kind_of(path: Path) -> int | None:
    """Return the mode of a file or folder, or None if there is none. Any other error is raised."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
