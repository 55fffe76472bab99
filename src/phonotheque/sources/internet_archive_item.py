"""One item of the Internet Archive as values, and the tracks that it gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from phonotheque.model.identifiers import parse_barcode
from phonotheque.model.normal import parse_date
from phonotheque.sources.gather import Gather
from phonotheque.sources.small_files import (
    BadXmlError,
    find_named,
    is_audio,
    local_name,
    parse_xml,
    printable,
    sha256_if_right,
)
from phonotheque.sources.table_values import milliseconds

# Formats whose names say sound where the file's own does not. Playlists, fingerprints and pictures of the
# sound have other names.
_FORMATS = frozenset(
    (
        *("24bit flac", "aiff", "apple lossless audio", "flac", "ogg vorbis", "opus", "shorten", "wave"),
        *("mp3", "vbr mp3", "64kbps mp3", "128kbps mp3", "256kbps mp3", "320kbps mp3", "windows media audio"),
    )
)
_NUMBERED = ("urn:mb_recording_id:", "urn:mb_release_id:", "urn:mb_releasegroup_id:", "urn:upc:", "urn:isrc:")
SUMS = ("md5", "sha1")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")

Entry = Mapping[str, Any]  # values are texts, or lists of texts


class BadItemError(ValueError):
    """A text describes no item, and why."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item: its identifier, what is said of it, and its files as listed."""

    name: str
    metadata: Entry
    files: tuple[Entry, ...]


def item_of(metadata: Entry, files: Sequence[Any], name: str, gather: Gather) -> Item:
    """Return an item from a metadata answer. Entries of files that are none are rejected one by one."""
    good: dict[str, Entry] = {}
    for number, entry in enumerate(files, start=1):
        own = one_text(entry, "name") if isinstance(entry, Mapping) else None
        if own is None or own in good:
            reason = f"entry {number} of the files has " + (
                "no name" if own is None else "the name of another"
            )
            gather.reject("value", reason, field="files", value=printable(str(entry)))
        else:
            good[own] = entry
    identifier = one_text(metadata, "identifier")
    if identifier and not _IDENTIFIER.fullmatch(identifier):
        gather.reject("value", "is no identifier of an item", field="identifier", value=identifier)
        identifier = None
    return Item(identifier or printable(name), metadata, tuple(good.values()))


def item_of_json(text: bytes, name: str, gather: Gather) -> Item:
    """Return the item that an answer of the metadata API describes. Raises BadItemError."""
    answer = answer_of(text)
    return item_of(answer["metadata"], answer["files"], name, gather)


def answer_of(text: bytes) -> dict[str, Any]:
    """Return an answer with “metadata” and “files”. Raises BadItemError for any other text."""
    try:
        text.decode()
        answer = msgspec.json.decode(text)
    except RecursionError as error:
        raise BadItemError("is not valid JSON: nested too deep") from error
    except ValueError as error:
        raise BadItemError(f"is not valid JSON: {error}") from error
    match answer:
        case {"metadata": dict(), "files": list()}:
            return dict(answer)
        case {"response": {"docs": list(found)}}:
            raise BadItemError(_search("an advanced search", found))
        case {"items": list(found)}:
            raise BadItemError(_search("the scraping API", found))
        case {} if not answer:
            raise BadItemError("is an empty answer: the Internet Archive has no such item, or made it dark")
    raise BadItemError("is no answer of the metadata API: it has no “metadata” and “files”")


def _search(what: str, found: list[Any]) -> str:
    return (
        f"is an answer of {what} with {len(found)} results, which names items and does not describe their "
        "files: fetch the metadata of each item"
    )


def item_of_xml(meta: bytes, files: bytes | None, name: str, gather: Gather) -> tuple[Item, str, str | None]:
    """Return an item, and the texts of its two files; a broken files.xml is rejected, and None.

    Raises BadXmlError for a broken meta.xml.
    """
    root, meta_text = parse_xml(meta)
    if local_name(root) != "metadata":
        raise BadXmlError(f"is no item's meta.xml: it begins with “{local_name(root)}”, not “metadata”")
    entries, files_text = [], None
    if files is not None:
        try:
            listing, files_text = parse_xml(files)
            entries = [
                _fields(element)
                | {key: value for key, value in element.attrib.items() if key != "source"}
                | {"source": element.get("source", "")}
                for element in listing
                if local_name(element) == "file"
            ]
        except BadXmlError as error:
            gather.reject("record", f"{name}_files.xml {error}")
    return item_of(_fields(root), entries, name, gather), meta_text, files_text


def read_item(item: Item, folder: Path, gather: Gather) -> None:
    """Give a track for each recording of an item, and for each of its other files that lies in ``folder``."""
    audio = [entry for entry in item.files if _sounds(entry)]
    chosen = _chosen(audio)
    titled = len(chosen) > 1 or any(one_text(entry, "title") for entry in chosen)
    stands = {one_text(entry, "name") for entry in chosen}
    for entry in audio:
        name = one_text(entry, "name") or ""
        digest = _digest(item, entry, name, folder, gather)
        if digest is None and name not in stands:
            continue
        gather.track(**_track(item, entry, name, titled, gather), file_sha256=digest)


def _chosen(audio: list[Entry]) -> list[Entry]:
    """Return the files that stand for recordings: the originals, else the first file made of each."""
    originals = [entry for entry in audio if entry.get("source") == "original"]
    if originals:
        return originals
    first: dict[str, Entry] = {}
    for entry in audio:
        first.setdefault(one_text(entry, "original") or _stem(one_text(entry, "name") or ""), entry)
    return list(first.values())


def _digest(item: Item, entry: Entry, name: str, folder: Path, gather: Gather) -> str | None:
    """Return the SHA-256 of the file if it lies here, in the item's folder or beside it, and is right."""
    path = find_named(gather, folder, [folder, folder / item.name], name)
    if path is None:
        return None
    sums = {algorithm: value for algorithm in SUMS if (value := one_text(entry, algorithm))}
    return sha256_if_right(gather, path, printable(name), sums, "the Internet Archive")


def _track(item: Item, entry: Entry, name: str, titled: bool, gather: Gather) -> dict[str, Any]:
    about = item.metadata
    artists = all_texts(entry, "artist") or all_texts(entry, "creator") or all_texts(about, "creator")
    own_title = one_text(about, "title")
    number, total, position = _place(one_text(entry, "track"))
    identifiers = _identifiers(entry, about)
    return {
        "record_id": item.name,
        "source_id": f"{item.name}/{printable(name)}",
        "title": one_text(entry, "title") or (own_title if not titled else None) or _stem(name),
        "artists": artists,
        "album": one_text(entry, "album") or (own_title if titled else None),
        "album_artists": all_texts(about, "creator"),
        "release_id": item.name,
        "track_number": number,
        "track_total": total,
        "position": position,
        "date": parse_date(
            one_text(entry, "date") or one_text(about, "date") or one_text(about, "year") or ""
        ),
        "genres": all_texts(entry, "genre") or all_texts(about, "genre"),
        "duration_ms": _length(entry, name, gather),
    } | identifiers


def _identifiers(entry: Entry, about: Entry) -> dict[str, Any]:
    """Return what a file or its item has one of in other registers (``external-identifier``)."""
    given: dict[str, list[str]] = {prefix: [] for prefix in _NUMBERED}
    for text in (*all_texts(entry, "external-identifier"), *all_texts(about, "external-identifier")):
        for prefix, values in given.items():
            if text.lower().startswith(prefix):
                values.append(text[len(prefix) :])
    recording, release, group, barcode, isrc = (values for values in given.values())
    valid = {code for code in map(parse_barcode, barcode) if code}
    return {
        "recording_mbid": _only(recording),
        "release_mbid": _only(release),
        "release_group_mbid": _only(group),
        "barcode": _only(sorted(valid)),
        "isrcs": isrc,
    }


def _only(values: list[str]) -> str | None:
    """Return the one value; where there are several, nobody can say which is meant."""
    return values[0] if len(set(values)) == 1 else None


def _sounds(entry: Entry) -> bool:
    return is_audio(one_text(entry, "name") or "") or (one_text(entry, "format") or "").lower() in _FORMATS


def _length(entry: Entry, name: str, gather: Gather) -> int | None:
    """Return milliseconds of “245.3” (seconds) or “4:05”."""
    text = one_text(entry, "length")
    try:
        return milliseconds(text, "clock" if text and ":" in text else "seconds")
    except ValueError as error:
        gather.reject("value", f"{printable(name)}: the length {error}", field="length", value=text)
        return None


def _place(text: str | None) -> tuple[int | None, int | None, str | None]:
    """Return track number, total and position as printed from “1”, “01/12” or “A1”."""
    if not text:
        return None, None, None
    number, _, total = (part.strip() for part in text.partition("/"))
    if number.isascii() and number.isdecimal() and len(number) < 6:
        known = total.isascii() and total.isdecimal() and len(total) < 6
        return int(number), int(total) if known else None, None
    return None, None, text


def _stem(name: str) -> str:
    return printable(name.rpartition("/")[2].rpartition(".")[0] or name)


def _fields(element: Any) -> dict[str, Any]:
    """Return an element's children as the metadata API does: a text, or a list where a name comes again."""
    fields: dict[str, Any] = {}
    for child in element:
        name, text = local_name(child), child.text or ""
        if name in fields:
            earlier = fields[name]
            fields[name] = [*earlier, text] if isinstance(earlier, list) else [earlier, text]
        else:
            fields[name] = text
    return fields


def one_text(entry: Entry, field: str) -> str | None:
    """Return the first text of a field, if it has any."""
    return next(iter(_texts(entry.get(field))), None)


def all_texts(entry: Entry, field: str) -> list[str]:
    """Return all texts of a field."""
    return list(_texts(entry.get(field)))


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a field: it may be one, a list, or a number. Blank ones are no texts."""
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and text.strip():
            yield text.strip()
        elif isinstance(text, int | float) and not isinstance(text, bool):
            yield str(text)
