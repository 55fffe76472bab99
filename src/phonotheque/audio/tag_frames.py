"""The entries of every kind of tag that mutagen reads, as plain texts and pictures."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from mutagen._vorbis import VComment
from mutagen.apev2 import APEv2
from mutagen.asf import ASFTags
from mutagen.flac import Picture
from mutagen.id3 import ID3
from mutagen.mp4 import AtomDataType, MP4FreeForm, MP4Tags

from phonotheque.audio.artwork import describe_picture
from phonotheque.model.audio import Artwork


@dataclass(frozen=True, slots=True)
class Embedded:
    """A picture in a tag: what is known of it, and its bytes."""

    facts: Artwork
    data: bytes


Entry = tuple[str, str | Embedded]  # key as its format writes it, and what it holds
Reader = Callable[[str, Any], Iterator[Entry]]


def entries(holder: Any) -> Iterator[Entry]:
    """Yield all texts and pictures of a mutagen file, whatever its kind, in file order."""
    tags: Any = holder.tags
    for picture in getattr(holder, "pictures", ()):
        yield _picture_entry("PICTURE", picture)
    if tags is None:
        return
    for kind, pairs, read in _KINDS:
        if isinstance(tags, kind):
            for key, value in pairs(tags):
                yield from read(key, value)
            return


def _vorbis(key: str, value: str) -> Iterator[Entry]:
    match key.lower():
        case "metadata_block_picture":
            yield _picture_entry(key, _flac_picture(base64.b64decode(value)))
        case "coverart":  # an older custom: only the picture's bytes
            yield key, _embedded(base64.b64decode(value))
        case "coverartmime":
            return
        case _:
            yield key, value


def _id3(_key: str, frame: Any) -> Iterator[Entry]:
    name = str(frame.FrameID)
    if name == "APIC":
        yield name, _embedded(frame.data, role=int(frame.type), mime=frame.mime)
    elif name == "UFID":
        yield f"{name}:{frame.owner}", frame.data.decode("ascii", "replace")
    elif name == "COMM":
        yield from ((f"{name}:{frame.desc}:{frame.lang}", str(text)) for text in frame.text)
    elif name == "USLT":
        yield f"{name}:{frame.desc}:{frame.lang}", str(frame.text)
    elif name == "SYLT":
        yield f"{name}:{frame.desc}:{frame.lang}", _synchronised(frame)
    elif name == "TXXX":
        yield from ((f"{name}:{frame.desc}", str(text)) for text in frame.text)
    elif name == "WXXX":
        yield f"{name}:{frame.desc}", frame.url
    elif name == "TCON":
        yield from ((name, str(genre)) for genre in frame.genres)
    elif name.startswith("W") and hasattr(frame, "url"):
        yield name, frame.url
    elif name.startswith("T") and hasattr(frame, "text"):
        yield from ((name, str(text)) for text in frame.text)


def _synchronised(frame: Any) -> str:
    """Write synchronised lyrics (ID3v2.4 frames §4.9) as the usual LRC lines; without times if not in ms."""
    if int(frame.format) != 2:
        return "".join(str(text) for text, _ in frame.text)
    return "".join(
        f"[{at // 60_000:02}:{at % 60_000 / 1000:05.2f}]{str(text).strip()}\n" for text, at in frame.text
    )


def _mp4(key: str, values: Any) -> Iterator[Entry]:
    if key == "covr":
        for cover in values:
            yield key, _embedded(bytes(cover), role="front")
        return
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, tuple):  # trkn and disk: number and total
            yield key, "/".join(str(part) for part in value)
        elif isinstance(value, MP4FreeForm):
            if value.dataformat == AtomDataType.UTF8:
                yield key, value.decode("utf-8", "replace")
        elif isinstance(value, str | int):
            yield key, str(value)


def _ape(key: str, value: Any) -> Iterator[Entry]:
    if type(value).__name__ == "APEBinaryValue":
        if key.lower().startswith("cover art"):  # a file name, a zero byte, the picture
            role = "front" if "front" in key.lower() else "back" if "back" in key.lower() else "other"
            yield key, _embedded(_bytes(value).partition(b"\0")[2], role=role)
        return
    for text in str(value).split("\0"):
        yield key, text


def _asf(key: str, value: Any) -> Iterator[Entry]:
    if type(value).__name__ != "ASFByteArrayAttribute":
        yield key, str(value)
    elif key == "WM/Picture":  # type, length, MIME and description in UTF-16, the picture
        data = _bytes(value)
        at, words = 5, list[str]()
        while len(words) < 2 and at + 1 < len(data):
            start = at
            while at + 1 < len(data) and data[at : at + 2] != b"\0\0":
                at += 2
            words.append(data[start:at].decode("utf-16-le", "replace"))
            at += 2
        yield key, _embedded(data[at:], role=data[0] if data else 0, mime=words[0] if words else "")


def _bytes(value: Any) -> bytes:
    return bytes(value.value)


def _flac_picture(data: bytes) -> Any:
    return Picture(data)  # type: ignore[no-untyped-call]  # mutagen types itself in part only


def _embedded(data: bytes, *, role: int | str = "other", mime: str = "") -> Embedded:
    return Embedded(describe_picture(data, role=role, mime=mime), data)


def _picture_entry(key: str, picture: Any) -> Entry:
    return key, _embedded(picture.data, role=int(picture.type), mime=picture.mime)


def _items(tags: Any) -> Iterator[tuple[str, Any]]:
    return iter(tags.items())


# Each kind of tag, how to list it in file order, and how to read one entry.
_KINDS: Final[tuple[tuple[type, Callable[[Any], Iterator[tuple[str, Any]]], Reader], ...]] = (
    (ID3, _items, _id3),
    (MP4Tags, _items, _mp4),
    (APEv2, _items, _ape),
    (ASFTags, iter, _asf),  # a list of pairs, in which a key may come again
    (VComment, iter, _vorbis),
)
