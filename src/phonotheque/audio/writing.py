"""Writing tags into a copy of a file: only the tags change, never a packet of its sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import mutagen
from mutagen._vorbis import VComment
from mutagen.apev2 import APEv2
from mutagen.asf import ASFTags
from mutagen.id3 import ID3, Frames
from mutagen.mp4 import MP4FreeForm, MP4Tags

from phonotheque.audio.labels import NAMES, Labels, own_texts, texts
from phonotheque.audio.tags import MALFORMED, collect_tags
from phonotheque.model.errors import PhonothequeError

_FREE_FORM: Final[Any] = MP4FreeForm  # mutagen types itself in part only
_UTF8: Final = 3  # ID3v2.4 §4, text encoding
_NO_TAGS: Final = "its format holds no tags that can be written"
_OURS: Final = "----:com.apple.iTunes:"  # the author that programs look for in MP4's fields with a name


class UntaggableError(PhonothequeError):
    """Its format holds no tags that we can write, or what it holds cannot be read."""


def write_tags(path: Path, labels: Labels) -> None:
    """Write ``labels`` into the tags of the file at ``path``; other tags and pictures stay as they are.

    The caller sees to it that nobody else has the file under another name, and compares its packets
    (audio/packets.py). Raises UntaggableError; OSError naming the file when it cannot be written.
    """
    with path.open("r+b") as file:
        try:
            _write(file, labels)
            file.seek(0)
            reading = collect_tags(file)
        except OSError as error:
            error.filename = error.filename or str(path)
            raise
    if reading.notes or reading.tags.title != (labels.title or reading.tags.title):
        why = reading.notes[0] if reading.notes else "they read otherwise"
        raise UntaggableError(f"tags that are written into it do not come back: {why}")


def _write(file: Any, labels: Labels) -> None:
    try:
        file.seek(0)
        holder: Any = mutagen.File(file)
        if holder is None:
            raise UntaggableError(_NO_TAGS)
        if holder.tags is None:
            holder.add_tags()
        for kind, put in _KINDS:
            if isinstance(holder.tags, kind):
                put(holder.tags, labels)
                break
        else:
            raise UntaggableError(_NO_TAGS)
        file.seek(0)
        holder.save(file)
    except MALFORMED as error:
        if isinstance(cause := error.__cause__ or error.__context__, OSError):
            raise cause from error  # mutagen wraps those of the disk in its own
        raise UntaggableError(f"its tags cannot be written: {type(error).__name__}: {error}"[:300]) from error


def _vorbis(tags: Any, labels: Labels) -> None:
    for field, values in texts(labels):
        tags[NAMES[field][0]] = list(values)
    for name, number in _numbers(labels):
        tags[name] = str(number)
    for name, value in own_texts(labels, opus=type(tags).__name__ == "OggOpusVComment"):
        tags[name] = value


def _ape(tags: Any, labels: Labels) -> None:
    for field, values in texts(labels):
        tags[NAMES[field][0]] = list(values)
    for names, number, total in _pairs(labels):
        tags[names[0]] = f"{number}/{total}" if total else str(number)
    for name, value in own_texts(labels):
        tags[name] = value


def _id3(tags: Any, labels: Labels) -> None:
    for field, values in texts(labels):
        name, _, described = NAMES[field][1].partition(":")
        if name == "UFID":
            tags.setall(
                f"UFID:{described}", [_frame("UFID", owner=described, data=values[0].encode("ascii"))]
            )
        elif name == "WCOP":
            tags.setall(name, [_frame("WCOP", url=value) for value in values])
        elif name == "TXXX":
            tags.setall(
                f"TXXX:{described}", [_frame("TXXX", encoding=_UTF8, desc=described, text=list(values))]
            )
        else:
            tags.setall(name, [_frame(name, encoding=_UTF8, text=list(values))])
    for names, number, total in _pairs(labels):
        text = f"{number}/{total}" if total else str(number)
        tags.setall(names[1], [_frame(names[1], encoding=_UTF8, text=[text])])
    for name, value in own_texts(labels):
        tags.setall(f"TXXX:{name}", [_frame("TXXX", encoding=_UTF8, desc=name, text=[value])])


def _frame(name: str, **fields: Any) -> Any:
    return Frames[name](**fields)


def _mp4(tags: Any, labels: Labels) -> None:
    def named(name: str, values: tuple[str, ...]) -> None:
        tags[_OURS + name] = [_FREE_FORM(value.encode()) for value in values]

    for field, values in texts(labels):
        name = NAMES[field][2]
        if name.startswith("----:"):
            named(name.removeprefix("----:"), values)
        else:
            tags[name] = list(values)
    for names, number, total in _pairs(labels):
        tags[names[2]] = [(number, total or 0)]
    for name, value in own_texts(labels):
        named(name, (value,))


def _asf(tags: Any, labels: Labels) -> None:
    own = {"title": "Title", "artist": "Author", "copyright": "Copyright", "licences": "WM/License"}
    for field, values in texts(labels):
        tags[own.get(field, f"WM/{NAMES[field][0]}")] = list(values)
    for names, number, total in _pairs(labels):
        tags[names[3]] = f"{number}/{total}" if total else str(number)
    for name, value in own_texts(labels):
        tags[name] = value


_Places = tuple[tuple[tuple[str, str, str, str], int, int | None], ...]


def _pairs(labels: Labels) -> _Places:
    """Return the number of the track and of the disc, with their totals, as far as they are known."""
    track = ("Track", "TRCK", "trkn", "WM/TrackNumber")
    disc = ("Disc", "TPOS", "disk", "WM/PartOfSet")
    pairs = (
        (track, labels.track_number, labels.track_total),
        (disc, labels.disc_number, labels.disc_total),
    )
    return tuple((names, number, total) for names, number, total in pairs if number)


def _numbers(labels: Labels) -> list[tuple[str, int]]:
    named = {
        "TRACKNUMBER": labels.track_number,
        "TRACKTOTAL": labels.track_total,
        "DISCNUMBER": labels.disc_number,
        "DISCTOTAL": labels.disc_total,
    }
    return [(name, number) for name, number in named.items() if number]


_KINDS: Final[tuple[tuple[type, Callable[[Any, Labels], None]], ...]] = (
    (ID3, _id3),
    (MP4Tags, _mp4),
    (APEv2, _ape),
    (ASFTags, _asf),
    (VComment, _vorbis),
)
