"""A folder of music as a source: walked one folder at a time, never listed whole."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from phonotheque.model.audio import Refusal, RefusalKind
from phonotheque.model.sidecars import Beside
from phonotheque.rights.folder import RULE_FILES
from phonotheque.rights.sidecars import sidecar_names
from phonotheque.sources.beside import MOST, survey
from phonotheque.sources.item_rights import items_here, items_named

_NOTE_SUFFIXES = (b".txt", b".license")
DEBIAN_COPYRIGHT = os.path.join(b"debian", b"copyright")  # of a source package; speaks of the folder above it


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file under the folder being added, with the notes that may speak of its rights.

    ``path`` and ``notes`` are absolute and bytes, as the file system gave them; ``relative`` is for people.
    ``notes`` come nearest first: notes beside the file, then, from its folder up to the root, rule files and
    what may describe an item of the Internet Archive.
    """

    path: bytes
    relative: str
    device: str
    inode: str
    size: int
    mtime_ns: int
    notes: tuple[bytes, ...]
    notes_state: str  # SHA-256 over the notes' names, sizes and modification times, and what it lies beside
    sidecar: Beside | None = None  # by its name it lies beside music, and belongs to it


@dataclass(frozen=True, slots=True)
class Unwalkable:
    """A file or folder that could not be looked at, or is not to be followed, and why."""

    path: bytes
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class _Folder:
    path: bytes
    rules: tuple[bytes, ...]  # rule files and items that may apply here, nearest first
    release: bytes | None = None  # the place of the release whose music lies in the folder above


def said(path: Path) -> str:
    """Return a path as text for people, whatever bytes it is made of: what is not UTF-8 is escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def walk(
    root: Path, *, skip: Iterable[Path] = (), into: Callable[[bytes], bool] | None = None
) -> Iterator[FoundFile | Unwalkable]:
    """Yield every file under ``root``, in order of names, holding one folder's names at a time.

    Links to music are followed, links to folders are not (they may loop), nor those to anything else: they
    might bring a person's other files in. The folders in ``skip``, the archive's own, are left out by
    whatever path the walk comes to them. ``into`` says which folders below the root are gone into; None: all.
    """
    skipped = {_identity(folder.stat()) for folder in skip}
    waiting = [_Folder(os.fsencode(root.absolute()), ())]
    base = len(waiting[0].path.rstrip(b"/")) + 1
    while waiting:
        folder = waiting.pop()
        try:
            if _identity(os.stat(folder.path)) in skipped:
                continue
            with os.scandir(folder.path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield _unreadable(folder.path, error)
            continue
        names = {entry.name for entry in listed}
        around = survey(folder.path, [entry.name for entry in listed], folder.release)
        notes = _notes_beside([entry.name for entry in listed], around.sidecars)
        rules = (*_rule_files(folder.path, names), *items_here(folder.path, names), *folder.rules)
        below = []
        for entry in listed:
            if entry.name in around.left_out:
                continue
            found = _look(entry, notes, around.sidecars.get(entry.name), rules, base)
            if isinstance(found, _Folder):
                if into is not None and not into(found.path):
                    continue
                own = items_named(folder.path, entry.name, names)
                rules_there = tuple(dict.fromkeys((*own, *found.rules)))
                below.append(replace(found, rules=rules_there, release=around.release))
            elif found is not None:
                yield found
        if around.left_out:
            reason = f"{len(around.left_out):,} more files beside its music are left out: {MOST:,} are kept"
            yield Unwalkable(folder.path, Refusal(RefusalKind.LIMIT, reason))
        waiting.extend(reversed(below))


def _look(
    entry: os.DirEntry[bytes],
    notes: Mapping[bytes, list[bytes]],
    sidecar: Beside | None,
    rules: tuple[bytes, ...],
    base: int,
) -> FoundFile | Unwalkable | _Folder | None:
    try:
        if entry.is_dir(follow_symlinks=False):
            return _Folder(entry.path, rules)
        if entry.name not in notes:
            return None
        if sidecar is not None and entry.is_symlink():
            if sidecar.of_track and entry.name.endswith(_NOTE_SUFFIXES):
                return None  # read as a note about the track, and no more
            reason = "a link, which is followed to music only"
            return Unwalkable(entry.path, Refusal(RefusalKind.NOT_AUDIO, reason))
        status = entry.stat()
        if stat.S_ISDIR(status.st_mode):
            reason = "a link to a folder, which is not followed; add that folder by itself"
            return Unwalkable(entry.path, Refusal(RefusalKind.NOT_AUDIO, reason))
        if not stat.S_ISREG(status.st_mode):
            reason = "not a regular file (a device, pipe or socket)"
            return Unwalkable(entry.path, Refusal(RefusalKind.NOT_AUDIO, reason))
    except OSError as error:
        return _unreadable(entry.path, error)
    folder = os.path.dirname(entry.path)
    applying = (*(os.path.join(folder, name) for name in notes[entry.name]), *rules)
    return FoundFile(
        path=entry.path,
        relative=entry.path[base:].decode("utf-8", "replace"),
        device=str(status.st_dev),
        inode=str(status.st_ino),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        notes=applying,
        notes_state=_state(applying, sidecar),
        sidecar=sidecar,
    )


def _notes_beside(names: list[bytes], sidecars: Mapping[bytes, Beside]) -> dict[bytes, list[bytes]]:
    """Return, for every name in a folder that is not itself a note, the notes that may belong to it.

    A note called like a track may be its lyrics, too. One speaks of a sidecar only by its whole name: what is
    granted for the music is not granted for the picture beside it.
    """
    there = frozenset(names)
    suspected = {name for name in names if name.endswith(_NOTE_SUFFIXES)}
    rules = {name for name in names if name.endswith(b".license") or os.fsdecode(name) in RULE_FILES}
    beside: dict[bytes, list[bytes]] = {}
    notes = set(rules)
    for name in names:
        if name in rules or (name in suspected and name not in sidecars):
            continue
        if name in sidecars:
            possible = [name + suffix for suffix in (b".license", b".txt")]
        else:
            possible = [os.fsencode(note) for note in sidecar_names(os.fsdecode(name))]
        beside[name] = [note for note in possible if note in there]
        notes.update(beside[name])
    # A text that speaks of no other file is a file like any other: looked at, and judged by its content.
    beside.update((name, []) for name in suspected - notes - beside.keys())
    return {
        name: found
        for name, found in beside.items()
        if name not in notes or (name in sidecars and sidecars[name].of_track)
    }


def _rule_files(folder: bytes, names: Collection[bytes]) -> list[bytes]:
    found = [os.path.join(folder, name) for name in map(os.fsencode, RULE_FILES) if name in names]
    packaged = os.path.join(folder, DEBIAN_COPYRIGHT)
    if os.path.dirname(DEBIAN_COPYRIGHT) in names and os.path.lexists(packaged):
        found.append(packaged)
    return found


def _state(notes: tuple[bytes, ...], sidecar: Beside | None) -> str:
    """Hash the notes' names, sizes and times; one that cannot be looked at is a state of its own.

    And what a sidecar belongs to: a picture that was nobody's is looked at again once music lies beside it.
    """
    digest = hashlib.sha256()
    if sidecar is not None:
        digest.update(b"%s %s\0%s\n" % (sidecar.kind.encode(), sidecar.role.encode(), sidecar.place))
    for note in notes:
        try:
            status = os.stat(note)
            digest.update(b"%s\0%d\0%d\n" % (note, status.st_size, status.st_mtime_ns))
        except OSError as error:  # asked about when the file is taken in
            digest.update(b"%s\0error %d\n" % (note, error.errno or 0))
    return digest.hexdigest()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _unreadable(path: bytes, error: OSError) -> Unwalkable:
    return Unwalkable(path, Refusal(RefusalKind.UNREADABLE, error.strerror or str(error)))
