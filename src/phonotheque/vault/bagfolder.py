"""The text of a bag's tag files (RFC 8493 §2), written for us and read, with suspicion, from anybody."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.vault.names import check_portable, find_clash, order
from phonotheque.vault.place import naming, open_regular

DECLARATION = "bagit.txt"
INFO = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
PAYLOAD = "data/"

DECLARATION_TEXT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MAX_TAG_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 100_000

_LINE_END = re.compile(r"\r\n|\r|\n")  # not str.splitlines: that splits at characters which names may hold
_ENTRY = re.compile(r"([0-9A-Fa-f]{64})[ \t]+(.+)")
_ESCAPED = re.compile(r"%(0[AaDd]|25)")
_LABEL = re.compile(r"[^\s:][^:\r\n]*")
_OXUM = re.compile(r"([0-9]{1,18})\.([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class BagContents:
    """What a bag's tag files say; no other file was read. Paths are relative to the bag.

    ``manifest`` and ``tagmanifest`` give a lower-case SHA-256 by path; ``oxum`` is payload bytes and files.
    """

    id: str
    info: tuple[tuple[str, str], ...]
    manifest: Mapping[str, str]
    tagmanifest: Mapping[str, str]
    oxum: tuple[int, int] | None


def manifest_text(hashes: Mapping[str, str]) -> str:
    """Write a manifest, in file order; CR, LF and % in paths are escaped (RFC 8493 §2.1.3)."""
    return "".join(f"{hashes[path]}  {_escape(path)}\n" for path in sorted(hashes, key=order))


def info_text(fields: Iterable[tuple[str, str]]) -> str:
    """Write bag-info.txt, one line per field (RFC 8493 §2.2.2); line breaks in values become spaces."""
    lines = []
    for label, value in fields:
        if not _LABEL.fullmatch(label):
            raise UsageError(f"{label!r} cannot be the name of a field in {INFO}")
        lines.append(f"{label}: {' '.join(value.split())}\n")
    return "".join(lines)


def read_bag(bag_dir: Path) -> BagContents:
    """Read the tag files of a BagIt 1.0 bag with SHA-256 manifests.

    Raises VerificationError naming file and line for whatever is absent, malformed, too large, or names a
    path that leaves the bag or is not portable; OSError if something is there but cannot be read.
    """
    try:
        read_declaration(bag_dir)
        manifest, tagmanifest = read_manifest(bag_dir), read_tag_manifest(bag_dir)
        info = read_info(bag_dir)
    except FileNotFoundError as error:
        raise VerificationError(
            f"the bag {bag_dir.name} is incomplete: {error.filename} is missing"
        ) from error
    return BagContents(bag_dir.name, info, manifest, tagmanifest, payload_oxum(info))


def read_declaration(bag_dir: Path) -> None:
    """Check bagit.txt: version 1.0 in UTF-8 (RFC 8493 §2.1.1)."""
    text = _read(bag_dir / DECLARATION)
    if _LINE_END.sub("\n", text).rstrip("\n") + "\n" != DECLARATION_TEXT:
        raise VerificationError(f"{DECLARATION} of {bag_dir.name} does not declare BagIt 1.0 in UTF-8")


def read_manifest(bag_dir: Path) -> dict[str, str]:
    """Return the SHA-256 of each payload file by path, each below ``data/``."""
    return _entries(bag_dir, MANIFEST, lambda path: path.startswith(PAYLOAD))


def read_tag_manifest(bag_dir: Path) -> dict[str, str]:
    """Return the SHA-256 of each tag file by path; a tag manifest lists neither payload nor itself."""
    return _entries(bag_dir, TAG_MANIFEST, lambda path: not path.startswith((PAYLOAD, "tagmanifest-")))


def read_info(bag_dir: Path) -> tuple[tuple[str, str], ...]:
    """Return the fields of bag-info.txt in order, continuation lines joined by a space."""
    fields: list[tuple[str, str]] = []
    for number, line in enumerate(_LINE_END.split(_read(bag_dir / INFO)), start=1):
        label, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and fields:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
        elif colon and _LABEL.fullmatch(label):
            fields.append((label, value.strip()))
        elif line:
            raise VerificationError(f"{INFO} of {bag_dir.name}, line {number}: not a “Label: value”")
    return tuple(fields)


def payload_oxum(info: Iterable[tuple[str, str]]) -> tuple[int, int] | None:
    """Return the payload's bytes and files as Payload-Oxum states them, or None if it is not stated."""
    values = [value for label, value in info if label.lower() == "payload-oxum"]
    if not values:
        return None
    match = _OXUM.fullmatch(values[0])
    if match is None or len(values) > 1:
        raise VerificationError(f"{INFO}: Payload-Oxum is not “bytes.files”, once: {values[0][:60]!r}")
    return int(match[1]), int(match[2])


def files_in(bag_dir: Path, failed: Callable[[str, OSError], None]) -> Iterator[tuple[str, str]]:
    """Yield all that lies in a bag's folder but folders: its path, and "" or what it is instead of a file.

    A folder that cannot be listed is given to ``failed``. Names that are not UTF-8 hold surrogates.
    """
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(bag_dir / folder) as listing:
                for entry in listing:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{folder}{entry.name}/")
                    elif entry.is_symlink():
                        yield folder + entry.name, "a symbolic link"
                    else:
                        regular = entry.is_file(follow_symlinks=False)
                        yield folder + entry.name, "" if regular else "a special file"
        except OSError as error:
            failed(folder, error)


def _entries(bag_dir: Path, name: str, belongs: Callable[[str], bool]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(_LINE_END.split(_read(bag_dir / name)), start=1):
        if not line:
            continue
        where = f"{name} of {bag_dir.name}, line {number}"
        match = _ENTRY.fullmatch(line)
        if match is None:
            raise VerificationError(f"{where}: not a SHA-256 and a path")
        path = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), match[2])
        reason = check_portable(path) or (None if belongs(path) else "it is not listed in this manifest")
        if reason or path in found:
            raise VerificationError(
                f"{where}: the path {path!r:.300} is refused: {reason or 'it is there twice'}"
            )
        if len(found) == MAX_ENTRIES:
            raise VerificationError(f"{where}: more than {MAX_ENTRIES} files")
        found[path] = match[1].lower()
    if clash := find_clash(found):
        raise VerificationError(f"{name} of {bag_dir.name}: the paths {clash[0]!r} and {clash[1]!r} clash")
    return found


def _escape(path: str) -> str:
    return path.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _read(path: Path) -> str:
    with open_regular(path, follow_links=False) as raw, naming(path), io.BufferedReader(raw) as stream:
        data = stream.read(MAX_TAG_BYTES + 1)
    where = f"{path.name} of {path.parent.name}"
    if len(data) > MAX_TAG_BYTES:
        raise VerificationError(f"{where} is larger than {MAX_TAG_BYTES} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise VerificationError(f"{where} is not UTF-8 at byte {error.start}") from error
