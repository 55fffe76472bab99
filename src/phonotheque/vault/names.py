"""Names that every file system, archive tool and torrent client can keep (docs/design.md, “Bags”).

Segments are NFC, at most 200 bytes of UTF-8, without what Windows reserves, without control or direction
characters. Paths are relative, with ``/``, and unique even where case or normalisation does not count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_SEGMENT = 200  # bytes; most file systems allow 255, the rest is room for other people's suffixes
MAX_PATH = 1024
MAX_DEPTH = 16

_RESERVED_NAME = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.I | re.S
)
_RESERVED_CHARACTERS = '<>:"/\\|?*'
# C0, C1, surrogates, and the non-characters of the first plane
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Direction marks, embeddings and isolates; invisible spaces and separators; tag characters. A name made with
# them reads as another name (“gnp.exe”). ZWJ and ZWNJ stay: several scripts and emoji are written with them.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
# "%" is legal, but BagIt writes it as %25 (RFC 8493 §2.1.3) and widely used validators do not read that back.
_SUBSTITUTES = str.maketrans(
    {**dict.fromkeys("/\\|:", "-"), '"': "'", **dict.fromkeys("<>?*", "_"), "%": "％"}
)
_EXTENSION = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,10}")


def portable_segment(text: str, *, max_bytes: int = MAX_SEGMENT, extension: str = "") -> str:
    """Return ``text`` as one portable path segment, never empty; ``extension`` (".flac") survives cutting.

    The result is a fixed point: made portable again with the same extension split off, it stays as it is.
    """
    suffix = "." + _clean(extension).strip(". ") if extension.strip(". ") else ""
    room = max_bytes - len(suffix.encode())
    if room < 8:  # so that a reserved name can be told apart by one more character
        raise ValueError(f"no room for a name of {max_bytes} bytes with the extension {suffix!r}")
    stem = _cut(_clean(text), room)
    if _RESERVED_NAME.fullmatch(stem + suffix):
        head, dot, rest = stem.partition(".")
        stem = _cut(f"{head.rstrip()}_{dot}{rest}", room).strip(". ")
    return (stem or "_") + suffix


def check_portable(path: str) -> str | None:
    """Return why a relative path from somebody else's bag or torrent must be refused, or None."""
    if not path:
        return "it is empty"
    if path.startswith("/"):
        return "it is absolute"
    segments = path.split("/")
    if len(segments) > MAX_DEPTH:
        return f"it is more than {MAX_DEPTH} folders deep"
    if len(path.encode("utf-8", "surrogatepass")) > MAX_PATH:
        return f"it is longer than {MAX_PATH} bytes"
    return next((reason for segment in segments if (reason := _refusal(segment))), None)


def find_clash(paths: Iterable[str]) -> tuple[str, str] | None:
    """Return two paths (or folders of them) that some file system takes for one, or None.

    Also a path listed twice, and a file that is a folder of another path.
    """
    places: dict[str, str] = {}  # key → the one spelling seen; a folder's ends in “/”
    folders: set[str] = set()
    for path in paths:
        names = [path[: at + 1] for at, character in enumerate(path) if character == "/"]
        for name in [n for n in names if n not in folders] + [path]:
            other = places.setdefault(same_place(name.removesuffix("/")), name)
            if other != name or (name == path and path in folders):
                return other, name
            folders.add(name)
    return None


def same_place(path: str) -> str:
    """Return a key that is equal for paths which some file system takes for one: case, normalisation."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def order(path: str) -> tuple[bytes, ...]:
    """Sort key of THE order of files, in bags as in torrents: by path components, as UTF-8 bytes (BEP 52)."""
    return tuple(path.encode().split(b"/"))


class NameAllocator:
    """Hands out relative paths that clash with none handed out before; the same requests give the same paths.

    Of names that differ only in case or normalisation, later files become “Title (2).flac”; later folders
    become the first folder, as they would on a file system that cannot tell them apart.
    """

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}  # key of the path asked for → name given
        self._taken: set[str] = set()  # keys of paths given, to files and to folders
        self._last: dict[str, int] = {}  # key → the last number tried, so that many equal names stay quick

    def add(self, path: str) -> str:
        """Return ``path``, already portable, or a variation of it that is unique."""
        *folders, name = path.split("/")
        parent = ""
        for folder in folders:
            key = same_place(parent + folder)
            if key not in self._folders:
                self._folders[key] = self._unique(parent, folder, "")
            parent += self._folders[key] + "/"
        found = _EXTENSION.search(name, max(len(name) - 11, 0))
        extension = found[0] if found and found.end() == len(name) else ""
        return parent + self._unique(parent, name.removesuffix(extension), extension)

    def _unique(self, parent: str, stem: str, extension: str) -> str:
        name, key = stem + extension, same_place(parent + stem + extension)
        first = key
        number = self._last.get(first, 1)
        while key in self._taken:
            number += 1
            suffix = f" ({number})"
            cut = portable_segment(stem, max_bytes=MAX_SEGMENT - len(suffix) - len(extension.encode()))
            name = cut + suffix + extension
            key = same_place(parent + name)
        self._last[first] = number
        self._taken.add(key)
        return name


def allocate(paths: Iterable[str]) -> list[str]:
    """Make portable relative paths unique, in order (see :class:`NameAllocator`)."""
    allocator = NameAllocator()
    return [allocator.add(path) for path in paths]


def _clean(text: str) -> str:
    text = " ".join(unicodedata.normalize("NFC", text).split())
    text = _INVISIBLE.sub("", _CONTROL.sub("", text)).translate(_SUBSTITUTES)
    # What was taken out may have stood between a letter and its accent, or between two spaces.
    return " ".join(unicodedata.normalize("NFC", text).split()).strip(". ")


def _cut(text: str, max_bytes: int) -> str:
    """Return the start of ``text`` that fits, not cutting between a letter and what is written upon it."""
    raw = text.encode()
    if len(raw) <= max_bytes:
        return text
    end = len(raw[:max_bytes].decode("utf-8", "ignore"))
    whole = end
    while whole and _belongs_together(text[whole - 1], text[whole]):
        whole -= 1
    return text[: whole or end].rstrip(". ")


def _belongs_together(before: str, after: str) -> bool:
    joiner = "\u200d"
    extends = unicodedata.category(after).startswith("M") or "\U0001f3fb" <= after <= "\U0001f3ff"
    return extends or joiner in (before, after)


def _refusal(segment: str) -> str | None:
    if segment in ("", ".", ".."):
        return "it has an empty, “.” or “..” segment"
    if found := _CONTROL.search(segment) or _INVISIBLE.search(segment):
        return f"it holds the invisible or control character U+{ord(found[0]):04X}"
    if found := re.search(f"[{re.escape(_RESERVED_CHARACTERS)}]", segment):
        return f"it holds the character {found[0]}"
    if segment.strip(". ") != segment:
        return "a segment begins or ends with a dot or a space"
    if _RESERVED_NAME.fullmatch(segment):
        return f"Windows reserves the name {segment}"
    if len(segment.encode()) > MAX_SEGMENT:
        return f"a segment is longer than {MAX_SEGMENT} bytes"
    if unicodedata.normalize("NFC", segment) != segment:
        return "it is not in Unicode normal form C"
    return None
