"""What MusicBrainz' entities say, as rows of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import msgspec

from phonotheque.model.identifiers import parse_isni, parse_iswc, parse_mbid
from phonotheque.model.normal import country_code, parse_date, release_type
from phonotheque.model.text import nfc
from phonotheque.sources.gather import Gather
from phonotheque.sources.musicbrainz_json import (
    Credits,
    LabelInfo,
    Medium,
    OnTrack,
    Recording,
    Release,
    Thing,
    Track,
)

_IPI = re.compile(r"[0-9]{9,11}")
_MBID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_CREDITED = ("artists", "credit", "artist_mbids")  # what ``_credited`` returns
_NONE = frozenset({"[none]", "[no label]"})  # what MusicBrainz writes where it is known that there is none


def tell_release(release: Release, mbid: str, gather: Gather) -> None:
    """Add a row for each track of a release."""
    tracks, discs, totals = _tracks(release.media or (), gather)
    if not tracks:
        return
    shared = _shared(release, mbid, gather)
    recordings = [track.recording or _NO_RECORDING for track in tracks]
    both = list(zip(tracks, recordings, strict=True))
    ids = [track.id for track in tracks]
    columns: dict[str, list[Any]] = {
        "source_id": ids,
        "track_mbid": ids,
        "recording_mbid": [recording.id for recording in recordings],
        "title": [track.title or recording.title for track, recording in both],
        "duration_ms": [track.length or recording.length for track, recording in both],
        "position": [track.number for track in tracks],
        "track_number": [track.position for track in tracks],
        "disc_number": discs,
        "track_total": totals,
    }
    isrcs = [recording.isrcs for recording in recordings]
    if any(isrcs):
        columns["isrcs"] = isrcs
    whole = release.artist_credit or ()
    credited = [track.artist_credit or _credit_of(recording, gather) or whole for track, recording in both]
    if credited.count(whole) == len(credited):
        shared |= dict(zip(_CREDITED, _credited(whole), strict=True))
    else:
        each = [_credited(credit) for credit in credited]
        columns |= {
            name: list(values) for name, values in zip(_CREDITED, zip(*each, strict=True), strict=True)
        }
    gather.release(shared, columns)


def _shared(release: Release, mbid: str, gather: Gather) -> dict[str, Any]:
    """What all tracks of a release have in common."""
    album_artists, album_credit, _ = _credited(release.artist_credit or ())
    label, catalogue_number = _label(release.label_info)
    group = release.release_group
    return {
        "record_id": mbid,
        "album": release.title,
        "album_artists": album_artists,
        "album_credit": album_credit,
        "release_mbid": mbid,
        "release_group_mbid": group and group.id,
        "release_type": group and release_type(group.primary_type, filter(None, group.secondary_types or ())),
        "country": _checked("country", release.country, country_code, gather),
        "date": _checked("date", release.date, parse_date, gather),
        "barcode": release.barcode,
        "label": label,
        "catalogue_number": catalogue_number,
    }


def tell_recording(recording: Recording, mbid: str, gather: Gather) -> None:
    """Add a row for a recording that is on no release."""
    names, credit, mbids = _credited(recording.artist_credit or ())
    gather.track(
        source_id=mbid,
        record_id=mbid,
        recording_mbid=mbid,
        title=recording.title,
        artists=names,
        credit=credit,
        artist_mbids=mbids,
        isrcs=recording.isrcs,
        duration_ms=recording.length,
        date=_checked("date", recording.first_release_date, parse_date, gather),
    )


def tell_thing(kind: str) -> Callable[[Thing, str, Gather], None]:
    """Return what adds a row of a kind of ``schema.THINGS``."""

    def tell(thing: Thing, mbid: str, gather: Gather) -> None:
        name = nfc(thing.name or thing.title or "")
        if not name:
            gather.reject("value", "is missing", field="name")
        aliases = dict.fromkeys(nfc(alias.name) for alias in thing.aliases or () if alias.name)
        begin = thing.life_span.begin if thing.life_span else None
        gather.thing(
            record_id=mbid,
            kind=kind,
            mbid=mbid,
            name=name or None,
            sort_name=nfc(thing.sort_name or "") or None,
            aliases=[alias for alias in aliases if alias and alias != name],
            identifiers=_identifiers(thing, gather),
            type=nfc(thing.type or thing.primary_type or "") or None,
            country=_checked("country", thing.country, country_code, gather),
            date=_checked("date", begin or thing.first_release_date, parse_date, gather),
        )

    return tell


_NO_RECORDING = OnTrack()
_NULL = msgspec.Raw(b"null")
_CREDITS = msgspec.json.Decoder(Credits)


def _credit_of(recording: OnTrack, gather: Gather) -> Credits | None:
    if recording.artist_credit == _NULL:
        return None
    try:
        return _CREDITS.decode(recording.artist_credit)
    except msgspec.MsgspecError as error:
        gather.reject("value", f"does not say what was expected: {error}", field="artist-credit")
        return None


def _tracks(
    media: Iterable[Medium], gather: Gather
) -> tuple[list[Track], list[int | None], list[int | None]]:
    """Return the tracks that have an id, and for each the number of its medium and how many are on that."""
    tracks: list[Track] = []
    discs: list[int | None] = []
    totals: list[int | None] = []
    for medium in media:
        before = len(tracks)
        if medium.pregap:
            tracks.append(medium.pregap)
        tracks += medium.tracks or ()
        tracks += medium.data_tracks or ()
        if not all(track.id for track in tracks[before:]):
            gather.reject("value", "has no id", field=f"track on medium {medium.position}")
            tracks[before:] = [track for track in tracks[before:] if track.id]
        count = len(tracks) - before
        discs += [medium.position] * count
        totals += [medium.track_count] * count
    return tracks, discs, totals


@lru_cache(maxsize=1 << 14)
def _credited(credit: Credits) -> tuple[tuple[str, ...], str, tuple[str | None, ...]]:
    """Return the names as credited, all of them as one line, and whose they are."""
    names, line, mbids = [], [], []
    for part in credit:
        if name := part.name or (part.artist.name if part.artist else None):
            names.append(name)
            line.append(name + (part.joinphrase or ""))
            mbids.append(part.artist.id if part.artist else None)
    return tuple(names), "".join(line), tuple(mbids)


def _label(infos: list[LabelInfo] | None) -> tuple[str | None, str | None]:
    """Return the name of the first label, and its number for the release."""
    if not infos:
        return None, None
    name = infos[0].label.name if infos[0].label else None
    number = infos[0].catalog_number
    return None if name in _NONE else name, None if number and number.lower() in _NONE else number


def _identifiers(thing: Thing, gather: Gather) -> list[str]:
    found = [
        f"{scheme}:{value}"
        for scheme, texts, parse in (
            ("isni", thing.isnis, parse_isni),
            ("ipi", thing.ipis, _parse_ipi),
            ("iswc", thing.iswcs, parse_iswc),
        )
        for text in texts or ()
        if (value := _checked(scheme, text, parse, gather))
    ]
    if thing.label_code is not None:
        found.append(f"lc:{thing.label_code}")
    return list(dict.fromkeys(found))


def _parse_ipi(text: str) -> str | None:
    """Return the 11 digits of an IPI name number (CISAC), or None."""
    return text.zfill(11) if _IPI.fullmatch(text) else None


def _checked(field: str, text: str | None, parse: Callable[[str], str | None], gather: Gather) -> str | None:
    if not text:
        return None
    value = parse(text)
    if value is None:
        gather.reject("value", "is not valid", field=field, value=text)
    return value


def checked_id(text: str | None) -> str | None:
    """Return the id of an entity, an MBID, or None."""
    if text is None or _MBID.fullmatch(text):
        return text
    return parse_mbid(text)
