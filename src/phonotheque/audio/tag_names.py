"""Which tag means what: the names that programs write, brought to the fields of model.audio.Tags.

Names follow the common mappings of Vorbis comments, ID3v2.3/2.4, MP4 atoms, APEv2 and ASF, as MusicBrainz
Picard and others write them. Lookup is by ``plain``: case, spaces and punctuation do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from phonotheque.model.audio import Tags
from phonotheque.model.identifiers import parse_barcode, parse_isrc, parse_mbid

_NAMES: Final[dict[str, str]] = {
    "title": "title tit2 ©nam wmtitle name inam",
    "artists": "artists wmartists",
    "artist": "artist tpe1 ©art author iart performer",
    "album": "album talb ©alb albumtitle iprd product",
    "album_artist": "albumartist tpe2 aart ensemble",
    "track": "tracknumber track trck trkn iprt",
    "track_total": "tracktotal totaltracks trackc",
    "disc": "discnumber disc disk tpos partofset",
    "disc_total": "disctotal totaldiscs discc",
    "date": "date tdrc ©day year tyer releasedate tdrl icrd",
    "original_date": "originaldate tdor originalreleasedate originalyear",
    "composer": "composer tcom ©wrt imus",
    "genre": "genre tcon ©gen ignr",
    "isrc": "isrc tsrc",
    "recording_mbid": "musicbrainztrackid ufid:http:musicbrainz.org musicbrainzrecordingid",
    "track_mbid": "musicbrainzreleasetrackid",
    "release_mbid": "musicbrainzalbumid musicbrainzreleaseid",
    "artist_mbid": "musicbrainzartistid",
    "barcode": "barcode upc ean eanupc eanupn",
    "label": "label publisher tpub organization organisation ©pub",
    "catalogue_number": "catalognumber cataloguenumber catalog labelno catalogid",
    "licence": "license licence wcop ©lic licenseurl licenceurl copyrighturl cclicense webstatement",
    "copyright": "copyright tcop cprt ©cpy icop rights",
    "comment": "comment ©cmt comm description icmt desc",
}
# The words of a song, with or without times. ID3's begin with the names of its frames.
_LYRICS: Final = frozenset(
    ("lyrics", "lyricssynchronised", "syncedlyrics", "unsyncedlyrics", "unsynchronisedlyrics", "©lyr")
)
_MAX_LIST: Final = 100  # values in one field


def plain(key: str) -> str:
    """Return the name under which ``key`` is looked up: no container's prefix, no case, no punctuation."""
    key = key.casefold()
    if key.startswith("----:"):  # MP4 freeform atoms name their author in the middle
        key = key.rsplit(":", 1)[-1]
    if key.startswith("comm:"):  # a comment with a description is a field of some program
        key = "comm" if key.split(":")[1] == "" else key
    key = key.removeprefix("txxx:").removeprefix("wm/")
    return re.sub(r"[\s_\-/]", "", key)


_FIELDS: Final[dict[str, str]] = {
    plain(name): field for field, names in _NAMES.items() for name in names.split()
}


def to_tags(entries: list[tuple[str, str]]) -> Tags:
    """Sort ``entries`` (key and value, in file order) into fields; every entry also stays in ``raw``."""
    raw: dict[str, list[str]] = {}
    fields: dict[str, list[str]] = {}
    for key, value in entries:
        raw.setdefault(key, []).append(value)
        field = _field(key)
        text = value.strip(" \t\r\n\0")
        if (
            field
            and text
            and text not in (values := fields.setdefault(field, []))
            and len(values) < _MAX_LIST
        ):
            values.append(text)
    return _assemble(fields, {key: tuple(values) for key, values in raw.items()})


def is_lyrics(key: str) -> bool:
    """Whether what a tag of this name holds are the words of the song."""
    return plain(key) in _LYRICS or key.upper().startswith(("USLT:", "SYLT:"))


def _field(key: str) -> str | None:
    if field := _FIELDS.get(plain(key)):
        return field
    # ID3's own-description URLs: "WXXX:License", "WXXX:CC licence" …
    return "licence" if key.upper().startswith("WXXX:") and "licen" in key.casefold() else None


def _assemble(fields: Mapping[str, list[str]], raw: Mapping[str, tuple[str, ...]]) -> Tags:
    def first(name: str) -> str | None:
        return next(iter(fields.get(name, ())), None)

    def every(name: str) -> tuple[str, ...]:
        return tuple(fields.get(name, ()))

    track, tracks = _numbers(first("track"), first("track_total"))
    disc, discs = _numbers(first("disc"), first("disc_total"))
    return Tags(
        title=first("title"),
        artists=every("artists") or every("artist"),
        album=first("album"),
        album_artists=every("album_artist"),
        track_number=track,
        track_total=tracks,
        disc_number=disc,
        disc_total=discs,
        date=_date(first("date")) or _date(first("original_date")),
        composers=every("composer"),
        genres=every("genre"),
        isrcs=_unique(parse_isrc(part) for text in every("isrc") for part in re.split(r"[;,/\0]", text)),
        recording_mbid=_one_mbid(every("recording_mbid")),
        track_mbid=_one_mbid(every("track_mbid")),
        release_mbid=_one_mbid(every("release_mbid")),
        artist_mbids=_unique(
            parse_mbid(p) for text in every("artist_mbid") for p in re.split(r"[;,/\s]+", text)
        ),
        barcode=next((b for b in map(parse_barcode, every("barcode")) if b), None),
        label=first("label"),
        catalogue_number=first("catalogue_number"),
        licences=every("licence"),
        copyright=first("copyright"),
        comment=first("comment"),
        raw=raw,
    )


def _numbers(number: str | None, total: str | None) -> tuple[int | None, int | None]:
    """Read "3", "03", "3/12" and a total given apart. Vinyl sides ("A1") stay in raw only."""
    match = re.fullmatch(r"(\d{1,6})?\s*(?:/\s*(\d{1,6})?)?", number or "")
    apart = re.fullmatch(r"\d{1,6}", total or "")
    first = int(match[1]) if match and match[1] else None
    second = int(match[2]) if match and match[2] else int(apart[0]) if apart else None
    return first or None, second or None  # 0 is how some programs write "none"


def _date(text: str | None) -> str | None:
    """Return the date at the beginning of ``text`` as YYYY, YYYY-MM or YYYY-MM-DD, or None."""
    match = re.match(r"(\d{4})(?:[-/.](\d{2})(?:[-/.](\d{2}))?)?(?!\d)", text or "")
    if match is None or match[1] == "0000":
        return None
    year, month, day = match.groups()
    if month is None or not 1 <= int(month) <= 12:
        return str(year)
    return f"{year}-{month}-{day}" if day and 1 <= int(day) <= 31 else f"{year}-{month}"


def _one_mbid(texts: tuple[str, ...]) -> str | None:
    return next((m for m in map(parse_mbid, texts) if m), None)


def _unique(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v for v in values if v))
