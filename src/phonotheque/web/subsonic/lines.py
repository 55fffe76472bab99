"""What may go on the shelves: the music and the covers of an edition, as its bags tell of them.

A mirror has nothing but its bags to go by; an archive's shelves are filled from its bags in the same way.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.editions.sealing import ARTWORK_WAVE, AUDIO_WAVE
from phonotheque.model.errors import VerificationError
from phonotheque.model.rights import Act, Answer
from phonotheque.model.text import nfc
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import RECORDINGS

_LONGEST: Final = 16 << 20  # bytes of a line
_TEXT: Final = 500  # characters of a title or a name
_SEVERAL: Final = 20  # names, genres or codes of one file
_NAMED: Final = 100  # recordings that a cover belongs to
_NUMBER: Final = 2**31 - 1
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_DATE: Final = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")


@dataclass(frozen=True, slots=True)
class Sound:
    """A published file that sounds: a master, or an access copy of one. Lengths in milliseconds."""

    recording: str
    is_copy: bool
    sha256: str
    master: str  # the SHA-256 of its master, or its own
    heard: bool  # whether its bag says that those whom it is for may hear it
    size: int
    suffix: str
    path: str  # in its bag, for people
    edition: int
    audience: str  # whom its bag is for
    accession: str
    added_at: str
    title: str
    artists: tuple[str, ...]
    album: str | None
    album_artists: tuple[str, ...]
    track: int | None
    disc: int | None
    date: str | None
    genres: tuple[str, ...]
    composers: tuple[str, ...]
    isrcs: tuple[str, ...]
    label: str | None
    release_mbid: str | None
    recording_mbid: str | None
    length: int
    bit_rate: int | None  # kbit/s
    sample_rate: int | None
    bits: int | None
    channels: int | None
    loudness: float | None  # LUFS


@dataclass(frozen=True, slots=True)
class Beside:
    """A published front cover, or the words of a song, and the recordings that it belongs to."""

    what: str  # "picture" or "lyrics"
    sha256: str
    recordings: tuple[str, ...]


def sounds(archive: Archive, bag: BagEntry) -> Iterator[Sound]:
    """Yield what sounds in a bag. Raises VerificationError naming a bag that makes no sense."""
    with _making_sense(bag.id):
        for line in _lines(archive, bag.id):
            if line.get("kind") in ("master", "access"):
                yield sound(line, bag.edition, bag.audience)


def besides(archive: Archive, bag: BagEntry) -> Iterator[Beside]:
    """Yield the front covers and the lyrics in a bag."""
    with _making_sense(bag.id):
        for line in _lines(archive, bag.id):
            what, role = line.get("what"), line.get("role")
            if line.get("kind") == "sidecar" and (what == "lyrics" or (what, role) == ("picture", "front")):
                of = tuple(one for one in _list(line, "recordings", _NAMED) if _ID.fullmatch(one))
                yield Beside(str(what), _matching(line, "sha256", _SHA256), of)


def bags_by_listens(edition: Edition) -> list[BagEntry]:
    """Return the bags with music, those first whose recordings are the most listened on average."""
    with_music = [bag for bag in edition.bags if bag.wave == AUDIO_WAVE and bag.recordings > 0]
    return sorted(with_music, key=lambda bag: (-(bag.listens or 0) / bag.recordings, bag.edition, bag.id))


def bags_beside(edition: Edition) -> list[BagEntry]:
    """Return the bags with covers and lyrics, the newest first."""
    return sorted(
        (bag for bag in edition.bags if bag.wave == ARTWORK_WAVE), key=lambda bag: (-bag.edition, bag.id)
    )


def _may_be_heard(line: Mapping[str, Any]) -> bool:
    decided: Any = line
    for name in ("rights", "decisions", Act.STREAM.value, "answer"):
        decided = decided.get(name) if isinstance(decided, dict) else None
    return bool(decided == Answer.YES.value)


@contextmanager
def _making_sense(bag: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{bag}/{RECORDINGS} has a line that makes no sense: {error}") from error


def _lines(archive: Archive, bag: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of a bag, if it is here: a mirror holds some only."""
    try:
        stream = (archive.bags / bag / RECORDINGS).open("rb")
    except FileNotFoundError:
        return
    with stream:
        while data := stream.readline(_LONGEST):
            line = json.loads(data)
            if not isinstance(line, dict):
                raise ValueError("it is no object")
            yield line


def sound(line: Mapping[str, Any], edition: int, audience: str) -> Sound:
    """Return what a line of recordings.jsonl says. Raises ValueError where it makes no sense."""
    path = str(line.get("path", ""))
    pure = PurePosixPath(path)
    told = line.get("provenance")
    provenance = told if isinstance(told, dict) else {}
    rate = _number(line, "bit_rate")
    date = _text(line, "date") or ""
    matched = _DATE.match(date)
    return Sound(
        recording=_matching(line, "recording", _ID),
        is_copy=line["kind"] == "access",
        sha256=_matching(line, "sha256", _SHA256),
        master=_matching(line, "master_sha256", _SHA256),
        heard=_may_be_heard(line),
        size=_whole(line, "size"),
        suffix=nfc(pure.suffix.lower().removeprefix("."))[:10],
        path=nfc(path.removeprefix("data/"))[: 2 * _TEXT],
        edition=edition,
        audience=audience,
        accession=str(provenance.get("accession", ""))[:40],
        added_at=str(provenance.get("added_at", ""))[:40],
        title=_text(line, "title") or nfc(pure.stem)[:_TEXT] or "?",
        artists=_list(line, "artists"),
        album=_text(line, "album"),
        album_artists=_list(line, "album_artists"),
        track=_number(line, "track_number"),
        disc=_number(line, "disc_number"),
        date=matched[0] if matched else None,
        genres=_list(line, "genres"),
        composers=_list(line, "composers"),
        isrcs=_list(line, "isrcs"),
        label=_text(line, "label"),
        release_mbid=_id(line, "release_mbid"),
        recording_mbid=_id(line, "recording_mbid"),
        length=round(1000 * (_real(line, "duration") or 0)),
        bit_rate=None if rate is None else round(rate / 1000),
        sample_rate=_number(line, "sample_rate"),
        bits=_number(line, "bits_per_sample"),
        channels=_number(line, "channels"),
        loudness=_real(line, "loudness"),
    )


def _text(line: Mapping[str, Any], name: str) -> str | None:
    value = line.get(name)
    return (nfc(value[: 4 * _TEXT])[:_TEXT] or None) if isinstance(value, str) else None


def _list(line: Mapping[str, Any], name: str, most: int = _SEVERAL) -> tuple[str, ...]:
    values = line.get(name)
    if not isinstance(values, list):
        return ()
    texts = (nfc(value[: 4 * _TEXT])[:_TEXT] for value in values[:most] if isinstance(value, str))
    return tuple(text for text in texts if text)


def _number(line: Mapping[str, Any], name: str) -> int | None:
    value = line.get(name)
    return value if isinstance(value, int) and 0 <= value <= _NUMBER else None


def _real(line: Mapping[str, Any], name: str) -> float | None:
    value = line.get(name)
    sound = isinstance(value, int | float) and math.isfinite(value) and abs(value) < 1_000_000
    return float(value) if sound and value is not None else None


def _whole(line: Mapping[str, Any], name: str) -> int:
    value = line.get(name)
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"its {name} is {value!r:.60}")
    return value


def _matching(line: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = line.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f"its {name} is {value!r:.60}")
    return value


def _id(line: Mapping[str, Any], name: str) -> str | None:
    value = line.get(name)
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
