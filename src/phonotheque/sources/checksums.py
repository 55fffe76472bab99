"""Checksums that a publisher lays beside files: lists such as ``SHA256SUMS``, and files such as ``NAME.md5``.

Their lines are as sha256sum(1) and its like write them, also with ``--tag``. Which algorithm made a checksum
is plain from its length.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from phonotheque.vault.place import naming, open_regular

# Hexadecimal digits of each, the strongest last.
ALGORITHMS = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
_OF_LENGTH = {length: name for name, length in ALGORITHMS.items()}
_STRENGTH = list(ALGORITHMS)
_SUMS = re.compile(r"(MD5|SHA(1|256|384|512)|CHECK)SUMS?(\.txt)?|.+_CHECKSUM\.txt", re.IGNORECASE)
_BESIDE = re.compile(r"(.+)\.(md5|sha1|sha256|sha384|sha512)(sum)?", re.IGNORECASE)
_LINE = re.compile(r"(\\?)([0-9a-fA-F]+)[ \t]+\*?(\S.*)")
_TAGGED = re.compile(r"(\\?)([A-Za-z][A-Za-z0-9_/-]+) ?\((.+)\) ?= ?([0-9a-fA-F]+)")
_ALONE = re.compile(r"[0-9a-fA-F]+")
_ESCAPED = re.compile(r"\\([\\nr])")
_LARGEST = 16 << 20  # bytes; more is no list of checksums
_MOST_NAMED = 20  # lines of one list that are wrong; more are only counted


class Hashes:
    """Feeds several algorithms with the same bytes."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._all = {name: hashlib.new(name, usedforsecurity=False) for name in set(algorithms)}

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take in more bytes."""
        for digest in self._all.values():
            digest.update(data)

    def hexdigest(self, algorithm: str) -> str:
        """Return what one algorithm makes of all bytes so far."""
        return self._all[algorithm].hexdigest()


class Stated(NamedTuple):
    """A checksum in lower-case hexadecimal, and the list that states it, by its name within the location."""

    algorithm: str
    digest: str
    by: str

    def wrong(self, hashes: Hashes) -> str | None:
        """Return why a file with these hashes is not what the list says, or None if it is."""
        actual = hashes.hexdigest(self.algorithm)
        if actual == self.digest:
            return None
        name = _shown(self.algorithm)
        return f"its {name} is {actual}, not {self.digest} as {self.by} says; fetch it again"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a list that cannot be used: it is named, and the files are taken as they are."""

    by: str
    scope: str  # of the reject: "file" for the whole list, else "value"
    reason: str
    line: int | None = None
    value: str | None = None


@dataclass(slots=True)
class Checksums:
    """What the lists at a location state of its files, the strongest checksum of each, and what is wrong."""

    of: dict[Path, Stated] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def checksums(location: Path, files: Iterable[Path]) -> Checksums:
    """Return what lists beside the files, and in the folders above them within ``location``, state of them.

    Where lists differ, that is a problem, and the one nearest to the file is believed.
    """
    base = location if location.is_dir() else location.parent
    wanted = {os.path.abspath(file): file for file in files}
    found = Checksums()
    for folder in sorted(_folders(base, wanted.values()), key=lambda folder: (len(folder.parts), folder)):
        for path in _lists(folder):
            by = path.relative_to(base) if path.is_relative_to(base) else Path(path.name)
            _read(path, os.fsencode(by).decode("utf-8", "replace"), wanted, found)
    return found


def _folders(base: Path, files: Iterable[Path]) -> set[Path]:
    folders: set[Path] = set()
    for file in files:
        for folder in file.parents if file.is_relative_to(base) else [file.parent]:
            if folder in folders:
                break
            folders.add(folder)
            if folder == base:
                break
    return folders


def _lists(folder: Path) -> list[Path]:
    """Return the lists in a folder, those of single files last: they are nearer to these."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not entry.is_dir())
    several = [name for name in names if _SUMS.fullmatch(name)]
    return [folder / name for name in (*several, *(name for name in names if _BESIDE.fullmatch(name)))]


def _read(path: Path, by: str, wanted: Mapping[str, Path], found: Checksums) -> None:
    try:
        text = _text(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        found.problems.append(Problem(by, "file", f"this list of checksums cannot be read: {reason}"))
        return
    wrong = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not (line := line.strip()) or line.startswith(("#", ";")):
            continue
        try:
            name, algorithm, digest = _parsed(line, path.name)
        except ValueError as error:
            wrong += 1
            if wrong <= _MOST_NAMED:
                shown = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
                found.problems.append(Problem(by, "value", str(error), number, shown))
            continue
        if file := _meant(path.parent, name, wanted):
            _state(file, Stated(algorithm, digest, by), number, found)
    if wrong > _MOST_NAMED:
        reason = f"{wrong - _MOST_NAMED} more lines are no checksums"
        found.problems.append(Problem(by, "value", reason))


def _text(path: Path) -> str:
    """Return a list's text. Raises OSError, and ValueError if it is too large for one."""
    content = bytearray()
    with open_regular(path) as stream, naming(path):
        while block := stream.read(_LARGEST + 1 - len(content)):
            content += block
            if len(content) > _LARGEST:
                raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
    # Names of files need not be UTF-8.
    return bytes(content).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _parsed(line: str, of: str) -> tuple[str, str, str]:
    """Return the name of the file, the algorithm and the checksum that a line of the list ``of`` states."""
    if match := _TAGGED.fullmatch(line):
        escaped, tag, name, digest = match.groups()
        algorithm = tag.lower().replace("-", "").replace("_", "")
        if algorithm not in ALGORITHMS:
            raise ValueError(f"checksums by {tag} are not known here")
        if len(digest) != ALGORITHMS[algorithm]:
            raise ValueError(f"is no {_shown(algorithm)}")
    elif match := _LINE.fullmatch(line):
        escaped, digest, name = match.groups()
    elif _ALONE.fullmatch(line) and (beside := _BESIDE.fullmatch(of)):
        escaped, digest, name = "", line, beside[1]
    else:
        raise ValueError("is no line of a list of checksums")
    if len(digest) not in _OF_LENGTH:
        raise ValueError("is no checksum that is known here")
    if escaped:
        name = _ESCAPED.sub(lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), name)
    return name, _OF_LENGTH[len(digest)], digest.lower()


def _meant(folder: Path, name: str, wanted: Mapping[str, Path]) -> Path | None:
    """Return the file that a list in a folder means; the folders in a name may be those of its author."""
    paths = (os.path.join(folder, name), os.path.join(folder, name.replace("\\", "/").rpartition("/")[2]))
    return next((wanted[path] for path in map(os.path.abspath, paths) if path in wanted), None)


def _state(file: Path, stated: Stated, line: int, found: Checksums) -> None:
    before = found.of.get(file)
    if before is not None and before.algorithm == stated.algorithm and before.digest != stated.digest:
        name = _shown(stated.algorithm)
        reason = f"states another {name} of {file.name} than {before.by}: this one is believed"
        shown = reason.encode("utf-8", "replace").decode()
        found.problems.append(Problem(stated.by, "value", shown, line, stated.digest))
    if before is None or _STRENGTH.index(before.algorithm) <= _STRENGTH.index(stated.algorithm):
        found.of[file] = stated


def _shown(algorithm: str) -> str:
    return "MD5" if algorithm == "md5" else f"SHA-{algorithm[3:]}"
