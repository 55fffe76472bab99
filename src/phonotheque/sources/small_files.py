"""Sources of many small files with audio beside them: finding, reading, parsing and comparing them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.sources.checksums import ALGORITHMS, Hashes
from phonotheque.sources.cutting import LONGEST, BrokenFileError
from phonotheque.sources.gather import Gather
from phonotheque.vault.place import feed, naming, open_regular

AUDIO_SUFFIXES = frozenset(
    (
        *(".aac", ".aif", ".aifc", ".aiff", ".ape", ".flac", ".m4a", ".mka", ".mp2", ".mp3", ".mp4a", ".oga"),
        *(".ogg", ".opus", ".shn", ".spx", ".wav", ".wma", ".wv"),
    )
)


class BadXmlError(ValueError):
    """A text is no XML that will be read, and why."""


def folder_given(location: Path, what: str) -> None:
    """Raise NotFoundError or UsageError unless ``location`` is a folder; ``what`` says what to give."""
    try:
        status = location.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"{location} does not exist.", f"Give {what}.") from error
    if not stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{location} is not a folder.", f"Give {what}.")


def find(location: Path, wanted: Callable[[str], bool]) -> Iterator[Path]:
    """Yield the files below a folder whose name is ``wanted``, at any depth, in order of names.

    Links to folders are not followed. Raises OSError for a folder that cannot be listed: nothing is skipped.
    """
    for folder, below, names in os.walk(location, onerror=_raise):
        below.sort()
        yield from (Path(folder, name) for name in sorted(names) if wanted(name))


def holds_audio(location: Path) -> bool:
    """Tell whether any file below has the name of an audio file. Stops at the first."""
    return next(find(location, is_audio), None) is not None


def is_audio(name: str) -> bool:
    """Tell whether a file is audio by its name alone."""
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES


def read_whole(path: Path, *, limit: int = LONGEST) -> bytes:
    """Return the bytes of a regular file. Raises BrokenFileError if there are more than ``limit``."""
    with open_regular(path) as stream, naming(path):
        content = bytearray()
        while block := stream.read(limit + 1 - len(content)):
            content += block
            if len(content) > limit:
                raise BrokenFileError(
                    f"{path} is larger than {limit >> 20} MiB, which no such record is.",
                    "Move it out of the folder, or report it if it is what it claims to be.",
                )
    return bytes(content)


def read_given(path: Path) -> bytes:
    """Return the bytes of a file that was found. Raises BrokenFileError for one that cannot be read."""
    try:
        return read_whole(path)
    except OSError as error:
        raise BrokenFileError(
            f"{path} cannot be read: {error.strerror or error}.", "Make it readable, or move it out."
        ) from error


def parse_xml(content: bytes) -> tuple[Any, str]:
    """Return the root element and the text. Raises BadXmlError for what is not well-formed, or has a DTD.

    Nothing outside the text is looked at. libxml2 bounds depth (256) and the length of a text (10 MB).
    """
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise BadXmlError(f"is not valid XML: {error.msg}") from error
    tree = root.getroottree()
    if tree.docinfo.internalDTD is not None or tree.docinfo.doctype:
        raise BadXmlError("has a document type definition, which is refused: it may hide entities")
    encoding = tree.docinfo.encoding or "UTF-8"
    if encoding.upper() == "UTF-16":  # whose decoder would take the byte order mark away
        encoding = "utf-16-le" if content.startswith(b"\xff\xfe") else "utf-16-be"
    try:
        return root, content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise BadXmlError(f"cannot be read as {encoding}: {error}") from error


def local_name(element: Any) -> str:
    """Return an element's name without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def beside(root: Path, folder: Path, name: str) -> Path | None:
    """Return the file that ``name``, relative to ``folder``, stands for; None if nothing is there.

    Raises BadPathError for a name that leads out of ``root``, by itself or through links, or to no regular
    file, and OSError for what cannot be looked at.
    """
    if not name or "\0" in name or len(name) > 4096 or os.path.isabs(name):
        raise BadPathError("is no path relative to its folder")
    path = os.path.join(folder, name)
    try:
        if ".." not in name:
            os.lstat(path)  # quick where, as for most collections, only the metadata are here
        path = os.path.realpath(path)
        if not path.startswith(os.path.realpath(root).rstrip("/") + "/"):
            raise BadPathError("leads out of the folder that was given")
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(status.st_mode):
        raise BadPathError("is not a regular file")
    return Path(path)


class BadPathError(ValueError):
    """A record names a file that will not be looked at, and why."""


def find_named(gather: Gather, root: Path, folders: list[Path], name: str) -> Path | None:
    """Return the file that a record names, from the first folder that has it; a bad name is rejected."""
    try:
        found = (beside(root, folder, name) for folder in folders)
        return next((path for path in found if path is not None), None)
    except BadPathError as error:
        gather.reject("value", f"the file {error}", field="file", value=printable(name))
    except (OSError, UnicodeEncodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        gather.reject("value", f"the file cannot be looked at: {reason}", field="file", value=printable(name))
    return None


def sha256_if_right(gather: Gather, path: Path, name: str, sums: Mapping[str, str], whose: str) -> str | None:
    """Return the SHA-256 of a file, in one read; None, with a reject that names it, if a given sum differs.

    ``sums`` are hexadecimal, by algorithm as the source writes it (“MD5”, “SHA-1” …). ``whose`` says who
    gives them. One that is malformed or of an unknown algorithm is noted, and not compared.
    """
    wanted = {}
    for algorithm, value in sums.items():
        known = algorithm.lower().replace("-", "").replace("_", "")
        if known not in ALGORITHMS:
            gather.reject(
                "value", f"{name}: checksums by {algorithm} are not known here", field="file", value=value
            )
        elif not re.fullmatch(f"[0-9a-f]{{{ALGORITHMS[known]}}}", value.strip().lower()):
            gather.reject("value", f"{name}: is no {algorithm} checksum", field="file", value=value)
        else:
            wanted[known] = value.strip().lower()
    hashes = Hashes({*wanted, "sha256"})
    try:
        feed(path, hashes)
    except OSError as error:
        gather.reject("value", f"{name} cannot be read: {error.strerror or error}", field="file", value=name)
        return None
    for algorithm, value in wanted.items():
        if (actual := hashes.hexdigest(algorithm)) != value:
            reason = (
                f"{name} differs from the checksum that {whose} gives: its {algorithm.upper()} is {actual}"
            )
            gather.reject("value", reason, field="file", value=value)
            return None
    return hashes.hexdigest("sha256")


def printable(text: str) -> str:
    """Return a text that every table can hold: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode()


def _raise(error: OSError) -> None:
    raise PhonothequeError(
        f"{error.filename}: the folder cannot be read: {error.strerror}.", "Make it readable, or move it out."
    ) from error
