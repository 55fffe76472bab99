"""The snapshots of a catalogue: which there are, what they are called, and removing those nobody needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from phonotheque.catalogue import durable, manifest
from phonotheque.catalogue.manifest import STAMP, Snapshot
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError

CURRENT = "current"  # the name of the snapshot in use, for those who ask
_REMOVING = ".removing-"  # begins the names of folders that are being emptied


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A snapshot that is not what it should be: named, never removed."""

    stamp: str
    problem: str


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What a snapshot's folder takes, its index included. ``alone`` would be freed without it: what is shared
    with other snapshots, or with the sources' facts, is one file under several names.
    """

    bytes: int
    alone: int


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed, and the bytes that this freed."""

    removed: tuple[str, ...]
    freed: int


def snapshots(catalogue_dir: Path) -> tuple[list[Snapshot], list[Unreadable]]:
    """Return every snapshot from the oldest to the newest, and those that cannot be read."""
    found, broken = [], []
    for name in _stamps(catalogue_dir):
        try:
            found.append(manifest.read(catalogue_dir / name))
        except VerificationError as error:
            broken.append(Unreadable(name, error.message))
    return found, broken


def named(catalogue_dir: Path, name: str = CURRENT) -> Snapshot:
    """Return the snapshot called ``name``: “current”, its stamp, or the beginning of one stamp only.

    Raises NotFoundError, UsageError for a beginning that several share, VerificationError for a broken one.
    """
    if name == CURRENT:
        snapshot = manifest.current(catalogue_dir)
        if snapshot is None:
            raise NotFoundError(
                f"{catalogue_dir} holds no catalogue yet.", "Add some music first: phono add."
            )
        return snapshot
    stamps = _stamps(catalogue_dir)
    fitting = [name] if name in stamps else [stamp for stamp in stamps if name and stamp.startswith(name)]
    if not fitting:
        raise NotFoundError(
            f"There is no snapshot “{name}” in {catalogue_dir}.", "List them with: phono snapshots."
        )
    if len(fitting) > 1:
        raise UsageError(
            f"Several snapshots begin with {name}: {', '.join(fitting[:5])}.", "Give more of it."
        )
    return manifest.read(catalogue_dir / fitting[0])


def disk_use(folder: Path) -> DiskUse:
    """Return what a snapshot's folder takes on the disk."""
    sizes = [(status.st_size, status.st_nlink) for status in _files(folder)]
    return DiskUse(sum(size for size, _ in sizes), sum(size for size, names in sizes if names == 1))


def collect(catalogue_dir: Path, *, keep: int, published: Collection[str]) -> Collected:
    """Remove all snapshots but the newest ``keep``, the current one, and those ``published``.

    What cannot be read is kept. A snapshot loses its name before its files, so that a kill leaves no half of
    one; the next call clears up what it left. The archive's lock must be held.
    """
    if keep < 1:
        raise UsageError(f"{keep} snapshots cannot be kept.", "Keep at least one.")
    remove_unfinished(catalogue_dir)
    current = manifest.current(catalogue_dir)
    found, _ = snapshots(catalogue_dir)
    kept = {snapshot.stamp for snapshot in found[-keep:]} | set(published)
    kept |= {current.stamp} if current else set()
    doomed = [
        snapshot.path for snapshot in found if snapshot.stamp not in kept and not snapshot.path.is_symlink()
    ]
    freed = _freed(doomed)
    for path in doomed:
        gone = path.with_name(f"{_REMOVING}{path.name}")
        path.rename(gone)
        durable.fsync(catalogue_dir)
        shutil.rmtree(gone)
    return Collected(tuple(path.name for path in doomed), freed)


def remove_unfinished(catalogue_dir: Path) -> None:
    """Remove what killed runs left of snapshots that they were removing. The lock must be held."""
    for left in catalogue_dir.glob(f"{_REMOVING}*"):
        shutil.rmtree(left)


def _stamps(catalogue_dir: Path) -> list[str]:
    try:
        names = [entry.name for entry in catalogue_dir.iterdir() if STAMP.fullmatch(entry.name)]
    except FileNotFoundError:
        return []
    return sorted(names, key=_age)


def _age(stamp: str) -> tuple[str, int]:
    moment, _, again = stamp.partition("Z")
    return moment, int(again.removeprefix("-") or 1)


def _files(folder: Path) -> Iterable[os.stat_result]:
    for path, _, names in os.walk(folder, onerror=_raise):
        for name in names:
            yield Path(path, name).lstat()


def _freed(folders: Iterable[Path]) -> int:
    """Return the bytes of the files all whose names lie in these folders."""
    seen: dict[tuple[int, int], int] = {}
    freed = 0
    for folder in folders:
        for status in _files(folder):
            file = status.st_dev, status.st_ino
            seen[file] = seen.get(file, 0) + 1
            if seen[file] == status.st_nlink:
                freed += status.st_size
    return freed


def _raise(error: OSError) -> None:
    raise error
