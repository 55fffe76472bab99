"""What of a bag lies on this disk, piece by piece, and making its files ready to receive the rest."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from errno import ENOTSUP, EOPNOTSUPP, EPERM
from functools import partial
from pathlib import Path

from phonotheque.editions.metainfo import TorrentFile, TorrentMeta
from phonotheque.ledger.holdings import HeldFile
from phonotheque.mirrors.home import MENDING
from phonotheque.vault.hashing import good_pieces
from phonotheque.vault.place import fsync_dir, fsync_file, link_or_copy

_READ_ONLY, _WRITABLE = 0o444, 0o644
_NO_MODES = {EPERM, ENOTSUP, EOPNOTSUPP}  # from file systems that keep no permissions


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a bag is there and right. ``have`` has one byte per piece of its torrent, 1 for right."""

    have: bytes
    lacking: tuple[TorrentFile, ...]  # absent, of another size, or with a wrong piece
    good_bytes: int


def look(folder: Path, meta: TorrentMeta, verified: Mapping[str, HeldFile] | None = None) -> Standing:
    """Hash what lies in a bag's folder, except files in ``verified`` that still have their size.

    Raises OSError naming a file that is there but cannot be read: that does not make it wrong.
    """
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        judged = pool.map(partial(_judge, folder, meta.piece_length, verified or {}), meta.files)
        found = list(zip(meta.files, judged, strict=True))
    return stand(
        meta, {file.path: pieces for file, (pieces, _) in found}, {f.path for f, (_, ok) in found if ok}
    )


def stand(meta: TorrentMeta, pieces: Mapping[str, Iterable[bool]], sized: Iterable[str]) -> Standing:
    """Return a bag's standing from the right ``pieces`` of each file and the files that have their size."""
    have = bytearray()
    lacking, good_bytes, right_size = [], 0, set(sized)
    for file in meta.files:
        good = bytes(pieces[file.path])
        have += good
        good_bytes += sum(
            piece_size(file, index, meta.piece_length) for index, right in enumerate(good) if right
        )
        if file.path not in right_size or not all(good):
            lacking.append(file)
    return Standing(bytes(have), tuple(lacking), good_bytes)


def narrowed(standing: Standing, wanted: Set[str] | None) -> Standing:
    """Return a standing that lacks only what is wanted: files at these paths, or all for None."""
    if wanted is None:
        return standing
    return replace(standing, lacking=tuple(file for file in standing.lacking if file.path in wanted))


def pieces_of(meta: TorrentMeta, paths: Set[str]) -> bytes:
    """Return one byte for each piece of a torrent: 1 for those of the files at these paths."""
    return b"".join((b"\1" if file.path in paths else b"\0") * file.pieces for file in meta.files)


def bytes_lacking(meta: TorrentMeta, standing: Standing) -> int:
    """Return how many bytes of the files that lack something are not there."""
    return sum(
        piece_size(file, index, meta.piece_length)
        for file in standing.lacking
        for index in range(file.pieces)
        if not standing.have[file.first_piece + index]
    )


def piece_size(file: TorrentFile, index: int, piece_length: int) -> int:
    """Return the bytes of a file's piece, the last of which may be short."""
    return min(piece_length, file.size - index * piece_length)


def lost_files(folder: Path, verified: Mapping[str, HeldFile]) -> list[str]:
    """Return which verified files are not there any more, or have another size. Nothing is read."""
    return [path for path, file in verified.items() if _size(folder / path) != file.size]


def make_ready(folder: Path, files: Iterable[TorrentFile], scratch: Path) -> None:
    """Make each file a writable one that is nobody else's, of its final size; what is right in it stays.

    A sealed file is read-only and may be a hard link to somebody's master, which must not change with it.
    """
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        if path.exists():
            _make_private(path, scratch)
        with path.open("ab") as stream:
            stream.truncate(file.size)


def make_durable(folder: Path, files: Iterable[TorrentFile]) -> None:
    """Make a bag's files read-only, and wait until they and their names are on the disk."""
    folders = {folder}
    for file in files:
        path = folder / file.path
        fsync_file(path)  # refuses symbolic links, which chmod would follow
        _protect(path)
        folders.update(folder / parent for parent in Path(file.path).parents)
    for here in sorted(folders, reverse=True):
        fsync_dir(here)


def _judge(
    folder: Path, piece_length: int, verified: Mapping[str, HeldFile], file: TorrentFile
) -> tuple[list[bool], bool]:
    """Return which pieces of a file are right, and whether it has its size."""
    path = folder / file.path
    size = _size(path)
    if size is None:
        return [False] * file.pieces, False
    known = verified.get(file.path)
    if known and known.size == size == file.size:
        return [True] * file.pieces, True
    return good_pieces(path, file.size, file.root, file.layer, piece_length), size == file.size


def _size(path: Path) -> int | None:
    """Return a regular file's size, None if there is none; other errors are raised."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _make_private(path: Path, scratch: Path) -> None:
    found = path.stat()
    if found.st_nlink == 1 and found.st_mode & stat.S_IWUSR:
        return
    copy = scratch / MENDING  # one process at a time holds the lock
    copy.unlink(missing_ok=True)
    link_or_copy(path, copy)
    copy.chmod(_WRITABLE)
    copy.replace(path)
    fsync_dir(path.parent)


def _protect(path: Path) -> None:
    try:
        path.chmod(_READ_ONLY)
    except OSError as error:
        if error.errno not in _NO_MODES:
            raise
