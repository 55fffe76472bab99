"""A folder of music as a source: walked one folder at a time, never listed whole."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from phonotheque.model.audio import Refusal, RefusalKind
from phonotheque.rights.folder import RULE_FILES
from phonotheque.rights.sidecars import sidecar_names

_NOTE_SUFFIXES = (b".txt", b".license")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file under the folder being added, with the notes that may speak of its rights.

    ``path`` and ``notes`` are absolute and bytes, as the file system gave them; ``relative`` is for people.
    ``notes`` come nearest first: notes beside the file, then rule files from its folder up to the root.
    """

    path: bytes
    relative: str
    device: str
    inode: str
    size: int
    mtime_ns: int
    notes: tuple[bytes, ...]
    notes_state: str  # SHA-256 over the notes' names, sizes and modification times


@dataclass(frozen=True, slots=True)
class Unwalkable:
    """A file or folder that could not be looked at, or is not to be followed, and why."""

    path: bytes
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class _Folder:
    path: bytes
    rules: tuple[bytes, ...]  # rule files that apply here, nearest first


def walk(root: Path, *, skip: Path | None = None) -> Iterator[FoundFile | Unwalkable]:
    """Yield every file under ``root``, in order of names, holding one folder's names at a time.

    Links to files are followed, links to folders are not (they may loop). ``skip``, the archive itself, is
    left out when it lies inside ``root``.
    """
    skipped = None if skip is None else _identity(skip.stat())
    waiting = [_Folder(os.fsencode(root.absolute()), ())]
    base = len(waiting[0].path.rstrip(b"/")) + 1
    while waiting:
        folder = waiting.pop()
        try:
            if skipped is not None and _identity(os.stat(folder.path)) == skipped:
                continue
            with os.scandir(folder.path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield _unreadable(folder.path, error)
            continue
        names = frozenset(entry.name for entry in listed)
        here = [os.path.join(folder.path, name) for name in map(os.fsencode, RULE_FILES) if name in names]
        rules = (*here, *folder.rules)
        below = []
        for entry in listed:
            found = _look(entry, names, rules, base)
            if isinstance(found, _Folder):
                below.append(found)
            elif found is not None:
                yield found
        waiting.extend(reversed(below))


def survey(root: Path) -> Iterator[tuple[int, int]]:
    """Yield (files, bytes) per folder: a quick look ahead, so that a progress bar knows how much there is.

    What cannot be read counts as nothing here; ``walk`` reports it.
    """
    for folder, _, names in os.walk(os.fsencode(root)):
        size = 0
        for name in names:
            try:
                size += os.stat(os.path.join(folder, name)).st_size
            except OSError:
                continue
        yield len(names), size


def _look(
    entry: os.DirEntry[bytes], names: frozenset[bytes], rules: tuple[bytes, ...], base: int
) -> FoundFile | Unwalkable | _Folder | None:
    try:
        if entry.is_dir(follow_symlinks=False):
            return _Folder(entry.path, rules)
        if _is_note(entry.name, names):
            return None
        status = entry.stat()
        if stat.S_ISDIR(status.st_mode):
            reason = "a link to a folder, which is not followed; add that folder by itself"
            return Unwalkable(entry.path, Refusal(RefusalKind.NOT_AUDIO, reason))
        if not stat.S_ISREG(status.st_mode):
            reason = "not a regular file (a device, pipe or socket)"
            return Unwalkable(entry.path, Refusal(RefusalKind.NOT_AUDIO, reason))
        notes, state = _notes(entry, names, rules)
    except OSError as error:
        return _unreadable(entry.path, error)
    return FoundFile(
        path=entry.path,
        relative=entry.path[base:].decode("utf-8", "replace"),
        device=str(status.st_dev),
        inode=str(status.st_ino),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        notes=notes,
        notes_state=state,
    )


def _is_note(name: bytes, names: frozenset[bytes]) -> bool:
    if os.fsdecode(name) in RULE_FILES or name.endswith(b".license"):
        return True
    stem = name.removesuffix(b".txt")
    return stem != name and any(
        other.startswith(stem + b".") and not other.endswith(_NOTE_SUFFIXES) for other in names
    )


def _notes(
    entry: os.DirEntry[bytes], names: frozenset[bytes], rules: tuple[bytes, ...]
) -> tuple[tuple[bytes, ...], str]:
    folder = os.path.dirname(entry.path)
    beside = [name for name in map(os.fsencode, sidecar_names(os.fsdecode(entry.name))) if name in names]
    notes = tuple(os.path.join(folder, name) for name in beside if name != entry.name) + rules
    digest = hashlib.sha256()
    for note in notes:
        status = os.stat(note)
        digest.update(b"%s\0%d\0%d\n" % (note, status.st_size, status.st_mtime_ns))
    return notes, digest.hexdigest()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _unreadable(path: bytes, error: OSError) -> Unwalkable:
    return Unwalkable(path, Refusal(RefusalKind.UNREADABLE, error.strerror or str(error)))
