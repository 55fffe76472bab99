"""Items of the Internet Archive: what its metadata API says of them, or the XML files of their folders.

An item is ``ID.json`` or ``ID_meta.json`` (https://archive.org/metadata/ID), or ``ID_meta.xml`` with
``ID_files.xml``. See docs/how-to/add-internet-archive.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from phonotheque.model.errors import NotFoundError
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.gather import Gather
from phonotheque.sources.internet_archive_item import (
    BadItemError,
    Item,
    answer_of,
    item_of_json,
    item_of_xml,
    read_item,
)
from phonotheque.sources.registry import Piece
from phonotheque.sources.small_files import (
    BadXmlError,
    find,
    folder_given,
    holds_audio,
    read_given,
)

_GIVE = "a folder with the Internet Archive's items: ID.json, or ID_meta.xml with ID_files.xml"
_META = "_meta.xml"
_FILES = "_files.xml"


@dataclass(frozen=True, slots=True)
class Texts:
    """What there is to read of one item. ``facts`` is false where another file says the same of the item."""

    name: str  # of the item, as its file's name has it
    text: bytes  # JSON, or meta.xml
    files: bytes | None = None  # files.xml; None for JSON, or if there is none
    facts: bool = True


@dataclass(frozen=True, slots=True)
class InternetArchive:
    """The source ``internet-archive``."""

    name: str = "internet-archive"
    summary: str = "a folder with items of the Internet Archive: their metadata, and audio if it lies beside"

    def files(self, location: Path) -> list[Path]:
        """Return every file that may describe an item: all JSON, and the meta.xml files."""
        folder_given(location, _GIVE)
        found = list(find(location, lambda name: name.endswith((".json", _META))))
        if not found:
            raise NotFoundError(f"{location} holds no metadata of the Internet Archive.", f"Give {_GIVE}.")
        return found

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        """Give one item: these files are small, and their audio is the worker's to read."""
        if not file.name.endswith(_META):
            name = file.name.removesuffix(".json").removesuffix("_meta")
            yield Piece(file, 0, "item", 1, Texts(name, read_given(file)))
            return
        name = file.name.removesuffix(_META)
        listing = file.with_name(name + _FILES)
        files = read_given(listing) if listing.exists() else None
        yield Piece(file, 0, "meta", 1, Texts(name, read_given(file), files, not _said_in_json(file, name)))

    def read(self, piece: Piece, gather: Gather) -> None:
        """Keep the texts of an item and give a track for each of its recordings."""
        texts: Texts = piece.content
        gather.record_id = texts.name
        try:
            item = _xml(texts, gather) if piece.kind == "meta" else _json(texts, gather)
            if item is not None and texts.facts:
                gather.record_id = item.name
                read_item(item, piece.file.parent, gather)
        finally:
            gather.record_id = None

    def audio(self, location: Path) -> list[Path]:
        """Return the folder itself if any audio lies in it."""
        return [location] if holds_audio(location) else []


SOURCE = InternetArchive()


def _json(texts: Texts, gather: Gather) -> Item | None:
    try:
        item = item_of_json(texts.text, texts.name, gather)
    except BadItemError as error:
        gather.reject("file", str(error))
        return None
    gather.record("item", item.name, texts.text)
    return item


def _xml(texts: Texts, gather: Gather) -> Item | None:
    try:
        item, meta, files = item_of_xml(texts.text, texts.files, texts.name, gather)
    except BadXmlError as error:
        gather.reject("file", str(error))
        return None
    gather.record("meta", item.name, meta)
    if files is not None:
        gather.record("files", item.name, files)
    elif texts.files is None and texts.facts:
        gather.reject(
            "value", f"{texts.name}{_FILES} is missing: nobody knows this item's files", field="files"
        )
    return item


def _said_in_json(meta: Path, name: str) -> bool:
    """Tell whether a JSON file beside speaks of the same item, and can be used."""
    for other in (f"{name}.json", f"{name}_meta.json"):
        path = meta.with_name(other)
        try:
            if path.exists() and answer_of(read_given(path)):
                return True
        except (BrokenFileError, BadItemError):
            continue  # which is noted where that file is read
    return False
