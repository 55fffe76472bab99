"""A wanted bag's files found among what is on this disk already, by hash, before anything is fetched.

A revision of a bag has the same files under the same paths, less some; a file that moved to another bag has
another path and the same bytes. Nothing is taken for right because of its name or its size: every file is
read, and compared with the wanted torrent's hashes.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from phonotheque.editions.metainfo import TorrentFile, TorrentMeta
from phonotheque.ledger.holdings import HeldFile, held_like
from phonotheque.mirrors.home import REUSED, arriving, leaving
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import PAYLOAD, files_in
from phonotheque.vault.hashing import good_pieces, hash_file
from phonotheque.vault.place import link_or_copy, share


def reuse(
    mirror: Archive,
    folder: Path,
    meta: TorrentMeta,
    lacking: Iterable[TorrentFile],
    say: Callable[[str], None],
) -> dict[str, HeldFile]:
    """Bring into a wanted bag's ``folder`` what it lacks and is on this disk; return what was found whole.

    What a bag that has to go holds under the same path is brought if more of it is right than is here. A file
    that cannot be read is told to ``say`` and passed over. Tag files are not looked for: a bag has its own.
    """
    wanted = [file for file in lacking if file.path.startswith(PAYLOAD) and file.size]
    found: dict[str, HeldFile] = {}
    _scratch(mirror)
    if not wanted:
        return found
    going = _going(mirror, {file.size for file in wanted}, say)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        judged = pool.map(partial(_same_path, going, meta.piece_length, say), wanted)
        for file, (source, pieces) in zip(wanted, judged, strict=True):
            if source is None or sum(pieces) <= _right(folder / file.path, file, meta.piece_length):
                continue
            if _bring(mirror, source, folder / file.path) and all(pieces):
                found[file.path] = HeldFile(file.path, file.size, "")
    left = [file for file in wanted if file.path not in found]
    for file, source in _by_root(mirror, going, meta.piece_length, left, say):
        if _bring(mirror, source, folder / file.path):
            found[file.path] = HeldFile(file.path, file.size, "")
    return found


def _going(mirror: Archive, sizes: set[int], say: Callable[[str], None]) -> dict[int, list[tuple[str, Path]]]:
    """Return by size the files of bags that have to go: their path in the bag, and where they are."""
    found: dict[int, list[tuple[str, Path]]] = defaultdict(list)
    place = leaving(mirror)
    if not place.exists():
        return found

    def failed(folder: str, error: OSError) -> None:
        say(f"{folder or 'A bag that has to go'} cannot be listed: {error.strerror}.")

    for bag in sorted(path for path in place.iterdir() if path.is_dir()):
        for path, instead in files_in(bag, failed):
            if not instead and path.startswith(PAYLOAD) and (size := (bag / path).lstat().st_size) in sizes:
                found[size].append((path, bag / path))
    return found


def _same_path(
    going: dict[int, list[tuple[str, Path]]],
    piece_length: int,
    say: Callable[[str], None],
    file: TorrentFile,
) -> tuple[Path | None, Sequence[bool]]:
    best: tuple[Path | None, Sequence[bool]] = (None, ())
    for path, source in going.get(file.size, ()):
        if path != file.path:
            continue
        try:
            pieces = good_pieces(source, file.size, file.root, file.layer, piece_length)
        except OSError as error:
            say(f"{source} cannot be read: {error.strerror}; it is looked for elsewhere.")
            continue
        if sum(pieces) > sum(best[1]):
            best = source, pieces
    return best


def _right(path: Path, file: TorrentFile, piece_length: int) -> int:
    """Return how many pieces of a wanted file are right already, where it arrives."""
    if not path.exists():
        return 0
    return sum(good_pieces(path, file.size, file.root, file.layer, piece_length))


def _by_root(
    mirror: Archive,
    going: dict[int, list[tuple[str, Path]]],
    piece_length: int,
    wanted: Sequence[TorrentFile],
    say: Callable[[str], None],
) -> Iterator[tuple[TorrentFile, Path]]:
    """Yield the files of which any held one, under whatever name, has the hash (BEP 52: the pieces root)."""
    if not wanted:
        return
    with mirror.ledger.connect() as ledger:
        held = list(held_like(ledger, ((file.size, file.root) for file in wanted)))
    places: dict[int, list[Path]] = defaultdict(list)
    for size, entries in going.items():
        places[size] += [source for _, source in entries]
    for bag, kept in held:
        if kept.path.startswith(PAYLOAD):
            places[kept.size].append(mirror.bags / bag / kept.path)
    roots: dict[Path, bytes] = {}
    for file in wanted:
        for source in places.get(file.size, ()):
            if source not in roots:
                roots[source] = _root(source, piece_length, say)
            if roots[source] == file.root:
                yield file, source
                break


def _root(source: Path, piece_length: int, say: Callable[[str], None]) -> bytes:
    try:
        return hash_file(source, piece_length).root
    except FileNotFoundError:
        return b""  # a check or a repair will say so
    except OSError as error:
        say(f"{source} cannot be read: {error.strerror}; it is looked for elsewhere.")
        return b""


def _bring(mirror: Archive, source: Path, place: Path) -> bool:
    """Give a file that is here a place in another bag: its blocks shared where that can be, else moved.

    False if it has gone there before, to a bag that wanted it as well.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = _scratch(mirror)
    try:
        if not source.is_relative_to(leaving(mirror)):
            link_or_copy(source, fresh, allow_link=True, sync=False)
        elif share(source, fresh, allow_link=True) is None:
            source.replace(place)
            return True
    except FileNotFoundError:
        return False
    fresh.replace(place)
    fresh.unlink(missing_ok=True)  # it stays where both are names of one file already
    return True


def _scratch(mirror: Archive) -> Path:
    """Return a free name for a file on its way; one process at a time holds the lock."""
    fresh = arriving(mirror) / REUSED
    fresh.unlink(missing_ok=True)
    return fresh
