"""Rights in the metadata of an item of the Internet Archive, for the files that it lists.

They are in its ``licenseurl`` and ``rights``. Concerts of the Live Music Archive, the collection ``etree``,
are there because their artists let them be traded: the item's own words say so, or it is asked about.

An item is found by its files' names alone: any JSON may be none, and says nothing then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from phonotheque.model.rights import Covers, Evidence, Kind, Statement
from phonotheque.rights.families import ARTIST_PERMISSION
from phonotheque.rights.licences import find_licence_uris
from phonotheque.rights.permission import doubt_in, permission_in
from phonotheque.rights.prose import ask, from_prose
from phonotheque.rights.spellings import find_mentions
from phonotheque.sources.checksums import Hashes
from phonotheque.sources.gather import Gather
from phonotheque.sources.internet_archive_item import (
    SUMS,
    BadItemError,
    Entry,
    Item,
    all_texts,
    item_of_json,
    item_of_xml,
    one_text,
)
from phonotheque.sources.small_files import BadXmlError, read_whole
from phonotheque.vault.place import feed

ITEM = "the item's metadata at the Internet Archive"
_META = (b"_meta.json", b"_meta.xml")
_LISTING = b"_files.xml"
_TRADED = "etree"
_HEARD_ONLY = "stream_only"
_WORDS = ("notes", "description")  # where items say what their artist allows, beside "rights"
_MARKUP = re.compile(r"<[^<>]{0,500}>")  # descriptions are HTML
_MOST_WORDS = 64 * 1024  # characters of them that are read
_MOST = 8  # items of one folder that are asked for each of its files; of more, only those named like a folder
_LARGEST = 16 << 20  # bytes of an item's metadata that is read for rights


def items_here(folder: bytes, names: Collection[bytes]) -> tuple[bytes, ...]:
    """Return the files in a folder that may describe an item whose files lie in it or below."""
    found = sorted(name for name in names if is_item(name))
    return _with_listings(folder, found, names) if len(found) <= _MOST else ()


def items_named(folder: bytes, name: bytes, names: Collection[bytes]) -> tuple[bytes, ...]:
    """Return the files in a folder that may describe an item whose files lie in the folder ``name`` there."""
    possible = (name + ending for ending in (b".json", *_META))
    return _with_listings(folder, [path for path in possible if path in names], names)


def is_item(path: bytes) -> bool:
    """Whether a file may describe an item, by its name."""
    return path.endswith((b".json", b"_meta.xml"))


def is_listing(path: bytes) -> bool:
    """Whether a file may list those of an item, by its name: it is read with the item."""
    return path.endswith(_LISTING)


def _with_listings(folder: bytes, items: Iterable[bytes], names: Collection[bytes]) -> tuple[bytes, ...]:
    found = []
    for name in items:
        listing = name.removesuffix(b"_meta.xml") + _LISTING
        found += [name, listing] if listing in names else [name]
    return tuple(os.path.join(folder, name) for name in found)


def item_evidence(path: bytes, note: bytes) -> Evidence:
    """Return what an item says of the rights in one of its files; empty if the file is none of them.

    Terms that cannot be read with certainty are a question, and so are any of a file that is not, by its
    checksum, the one that the item has. Raises BrokenFileError or OSError for what cannot be read.
    """
    found = _item(note, *(_changed(file) for file in _texts_of(note)))
    entry = _listed(*found, os.fsdecode(os.path.relpath(path, os.path.dirname(note)))) if found else None
    if found is None or entry is None:
        return Evidence()
    item, _ = found
    urls = all_texts(item.metadata, "licenseurl")
    stated = "\n".join((*urls, *all_texts(item.metadata, "rights")))
    name = os.path.basename(note).decode("utf-8", "replace")
    origin = f"item:{name}"
    evidence = from_prose(stated, origin, asserted_by=ITEM)
    if _TRADED in all_texts(item.metadata, "collection") and not urls and not find_licence_uris(stated):
        evidence = _traded(item, stated, origin)
    if not evidence.questions and not all(find_licence_uris(url) for url in urls):
        return ask("Its licenseurl names no licence that can be read.", stated, origin)
    if evidence.statements and (algorithm := _differs(Path(os.fsdecode(path)), entry)):
        problem = f"It names a licence, but the file is not the one that it lists: its {algorithm} differs."
        may_mean = tuple(statement.licence for statement in evidence.statements if statement.licence)
        return ask(problem, stated, origin, may_mean)
    return evidence


def _traded(item: Item, stated: str, origin: str) -> Evidence:
    """Return what an item of the Live Music Archive says of the artist's permission.

    It is of the recording only: what is played may be somebody else's. What may be heard there and not be
    downloaded is not passed on.
    """
    words = "\n".join((stated, *(text for field in _WORDS for text in all_texts(item.metadata, field))))
    words = _MARKUP.sub("\n", words[:_MOST_WORDS])
    sentence = permission_in(words)
    quote = "\n".join((f"collection: {_TRADED}", sentence or stated)).strip()
    if _HEARD_ONLY in all_texts(item.metadata, "collection"):
        return ask("It may be heard at the Internet Archive only (stream_only).", quote, origin)
    if sentence is None:
        problem = "It is among concerts that artists let be traded, and does not say what its artist allows."
        return ask(problem, quote, origin, (ARTIST_PERMISSION,))
    if doubt := doubt_in(words, sentence) or _licensed(stated):
        problem = f"It says what its artist allows, and also “{doubt}”."
        return ask(problem, quote, origin, (ARTIST_PERMISSION,))
    artist = all_texts(item.metadata, "creator")
    statement = Statement(
        Kind.LICENCE,
        ARTIST_PERMISSION,
        quote,
        origin,
        ITEM,
        artist[0] if len(artist) == 1 else None,
        Covers.RECORDING,
    )
    return Evidence(statements=(statement,))


def _licensed(stated: str) -> str | None:
    """Return the first licence that is named beside a permission, which it then may not be."""
    mentions = find_mentions(stated)
    return stated[mentions[0].start : mentions[0].end] if mentions else None


def _texts_of(note: bytes) -> Iterator[bytes]:
    yield note
    if note.endswith(b"_meta.xml"):
        yield note.removesuffix(b"_meta.xml") + _LISTING


def _changed(path: bytes) -> int | None:
    # Part of the key: a worker outlives a correction that the archivist makes meanwhile.
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return None


@lru_cache(maxsize=_MOST)
def _item(note: bytes, *_mtimes: int | None) -> tuple[Item, Mapping[str, Entry]] | None:
    """Return the item that a file describes, and its files by name; None if it describes none."""
    meta, *listing = (Path(os.fsdecode(path)) for path in _texts_of(note))
    name = meta.name.removesuffix("_meta.xml").removesuffix(".json").removesuffix("_meta")
    gather = Gather("", "", name)  # what it rejects is told where the item is added as a source
    text = read_whole(meta, limit=_LARGEST)
    try:
        if not listing:
            item = item_of_json(text, name, gather)
        else:
            files = read_whole(listing[0], limit=_LARGEST) if listing[0].exists() else None
            item, _, _ = item_of_xml(text, files, name, gather)
    except (BadItemError, BadXmlError):
        return None
    return item, {one_text(entry, "name") or "": entry for entry in item.files}


def _listed(item: Item, files: Mapping[str, Entry], relative: str) -> Entry | None:
    """Return the entry of a file, which lies in the item's folder or in one of its name beside it."""
    return files.get(relative) or files.get(relative.removeprefix(f"{item.name}/"))


def _differs(path: Path, entry: Entry) -> str | None:
    """Return the algorithm by which a file is not the one listed, None if it is, or none is given."""
    sums = {algorithm: text.lower() for algorithm in SUMS if (text := one_text(entry, algorithm))}
    hashes = feed(path, Hashes(sums)) if sums else None
    wrong = (name for name, text in sums.items() if hashes and hashes.hexdigest(name) != text)
    return next((name.upper() for name in wrong), None)
