"""Deliveries of labels and distributors: DDEX NewReleaseMessages (ERN 3.8 and 4.x) with their audio files.

What a message's deals allow is read by sources/ddex_rights.py. See docs/how-to/add-ddex.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from phonotheque.model.errors import NotFoundError
from phonotheque.model.identifiers import parse_barcode
from phonotheque.model.normal import parse_date, release_type
from phonotheque.sources.ddex_message import (
    Delivered,
    Edition,
    Message,
    Place,
    Recording,
    Release,
    message_of,
)
from phonotheque.sources.ddex_rights import NEW, PURGE, problems_in
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece
from phonotheque.sources.small_files import (
    BadXmlError,
    find,
    find_named,
    folder_given,
    holds_audio,
    local_name,
    parse_xml,
    printable,
    read_given,
    sha256_if_right,
)
from phonotheque.sources.table_values import milliseconds

_GIVE = "a folder with deliveries: a NewReleaseMessage (XML) each, and the audio files that it names"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True, slots=True)
class Delivery:
    """The text of a message, and the folder that the files it names must lie in."""

    root: Path
    text: bytes


@dataclass(frozen=True, slots=True)
class Ddex:
    """The source ``ddex``."""

    name: str = "ddex"
    summary: str = "a folder with DDEX deliveries: ERN 3.8 or 4.x messages, with their audio files"

    def files(self, location: Path) -> list[Path]:
        """Return every XML file, at any depth."""
        folder_given(location, _GIVE)
        found = list(find(location, lambda name: name.lower().endswith(".xml")))
        if not found:
            raise NotFoundError(f"{location} holds no XML file.", f"Give {_GIVE}.")
        return found

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        """Give one message."""
        yield Piece(file, 0, "message", 1, Delivery(location, read_given(file)))

    def read(self, piece: Piece, gather: Gather) -> None:
        """Keep the message, and give a track for each recording that it delivers."""
        delivery: Delivery = piece.content
        try:
            root, text = parse_xml(delivery.text)
        except BadXmlError as error:
            gather.reject("file", str(error))
            return
        if local_name(root) not in (NEW, PURGE):
            gather.reject("file", f"is no NewReleaseMessage of DDEX: it begins with “{local_name(root)}”")
            return
        message = message_of(root)
        # Senders give the same MessageId to several messages, or none.
        digest = hashlib.sha256(delivery.text).hexdigest()[:12]
        gather.record_id = f"{message.header.id or printable(piece.file.stem)}@{digest}"
        gather.record("message", gather.record_id, text)
        _read(message, delivery.root, piece.file.parent, gather)
        for problem in problems_in(root):
            gather.reject("value", problem.reason, field=problem.field, value=problem.value)
        gather.record_id = None

    def audio(self, location: Path) -> list[Path]:
        """Return the folder itself if any audio lies in it."""
        return [location] if holds_audio(location) else []


SOURCE = Ddex()


def _read(message: Message, root: Path, folder: Path, gather: Gather) -> None:
    digests = _digests(message, root, folder, gather)
    of_tracks = [release for release in message.releases if release.of_track]
    said = {place.resource: release for release in of_tracks for place in release.places}
    placed = set()
    for release in (release for release in message.releases if not release.of_track):
        about = _of_release(release, gather)
        for order, place in enumerate(release.places, start=1):
            placed.add(place.resource)
            if recording := message.recordings.get(place.resource):
                where = _Where(f"{release.reference}/{order}", place, release, said.get(place.resource))
                _tracks(recording, where, about, digests, gather)
            elif place.resource not in message.resources:
                reason = f"release {release.reference} names a resource that the message does not have"
                gather.reject("value", reason, field="ReleaseResourceReference", value=place.resource)
    for recording in message.recordings.values():
        if recording.reference not in placed and not recording.supplemental:
            where = _Where("none", None, None, said.get(recording.reference))
            _tracks(recording, where, {}, digests, gather)


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a recording stands: on which release, and what is said of it there alone (a TrackRelease)."""

    id: str
    place: Place | None
    release: Release | None
    alone: Release | None

    def said(self, name: str) -> Any:
        """Return a value that either has: first what is said of the track alone."""
        found = (getattr(release, name) for release in (self.alone, self.release) if release)
        return next((value for value in found if value), None)


def _tracks(
    recording: Recording, where: _Where, about: dict[str, Any], digests: dict[str, str], gather: Gather
) -> None:
    """Give a track for each edition of a recording and each of its files; one if no file is here."""
    title = recording.title or (where.alone.title if where.alone else "")
    if not title and not any(edition.isrcs for edition in recording.editions):
        reason = f"recording {recording.reference} has neither title nor ISRC"
        gather.reject("record", reason, field="DisplayTitleText")
        return
    place = where.place or Place(recording.reference, None, None)
    facts = about | {
        "record_id": gather.record_id,
        "title": title or None,
        "artists": recording.artists,
        "credit": recording.credit or None,
        "composers": recording.composers,
        "genres": recording.genres or where.said("genres"),
        "label": recording.label or where.said("label"),
        "duration_ms": _length(recording, gather),
        "disc_number": place.disc,
        "track_number": place.number,
    }
    for number, edition in enumerate(recording.editions, start=1):
        facts["date"] = _date(recording, edition, where, gather)
        here = [digests[file.name] for file in edition.files if file.name in digests]
        for copy, digest in enumerate(dict.fromkeys(here) or [None], start=1):
            form = f"/{number}.{copy}" if (number, copy) != (1, 1) else ""
            source_id = f"{gather.record_id}/{where.id}/{recording.reference}{form}"
            gather.track(**facts, source_id=source_id, isrcs=edition.isrcs, file_sha256=digest)


def _of_release(release: Release, gather: Gather) -> dict[str, Any]:
    barcode = parse_barcode(release.icpn) if release.icpn else None
    if release.icpn and barcode is None:
        gather.reject("value", "is no valid UPC, EAN or GTIN-14", field="ICPN", value=release.icpn)
    own = f"icpn:{release.icpn}" if release.icpn else release.other_id
    return {
        "album": release.title or None,
        "album_artists": release.artists,
        "album_credit": release.credit or None,
        "release_id": own or f"{gather.record_id}/{release.reference}",
        "release_type": release_type(None, release.types),
        "barcode": barcode,
        "catalogue_number": release.catalogue_number or None,
    }


def _date(recording: Recording, edition: Edition, where: _Where, gather: Gather) -> str | None:
    """Return the most telling date there is: of the release, of the recording, of a ℗ or © line."""
    release = where.release or where.alone
    dates = (
        (release.date, recording.date, edition.year, release.year)
        if release
        else (recording.date, edition.year)
    )
    for text in filter(None, dates):
        if known := parse_date(text):
            return known
        gather.reject("value", "is no date", field="ReleaseDate", value=text)
    return None


def _length(recording: Recording, gather: Gather) -> int | None:
    try:
        return milliseconds(recording.duration, "clock")
    except ValueError as error:
        reason = f"recording {recording.reference}: the duration {error}"
        gather.reject("value", reason, field="Duration", value=recording.duration)
        return None


def _digests(message: Message, root: Path, folder: Path, gather: Gather) -> dict[str, str]:
    """Return the SHA-256 of the delivered files that lie here and are right, by the names in the message.

    Once one of them lies here, those that do not are missing from the delivery, which is noted.
    """
    files: dict[str, Delivered] = {
        file.name: file
        for recording in message.recordings.values()
        for edition in recording.editions
        for file in edition.files
    }
    digests, missing, there = {}, [], False
    for name, file in files.items():
        path = find_delivered(name, root, folder, gather)
        if path is None:
            missing.append(name)
            continue
        there = True
        if digest := sha256_if_right(gather, path, name, dict(file.sums), "the message"):
            digests[name] = digest
    for name in missing if there else ():
        gather.reject(
            "value", "the message names this file, which is not in the delivery", field="File", value=name
        )
    return digests


def find_delivered(name: str, root: Path, folder: Path, gather: Gather) -> Path | None:
    """Return the file that a URI or path stands for: as it is written, or with %-escapes taken out."""
    plain = name.removeprefix("file:").removeprefix("./")
    if _SCHEME.match(plain):
        return None  # somewhere on the network
    path = find_named(gather, root, [folder], plain)
    if path is None and unquote(plain) != plain:
        path = find_named(gather, root, [folder], unquote(plain))
    return path
