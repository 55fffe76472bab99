"""The catalogue that a mirror holds, made searchable: its tables by links, and an index of them beside.

    catalogue/2026-11-21T101500Z/    links into the bag, snapshot.json, and the index
    catalogue/CURRENT                its name, written last

All of it is derived, and counts as held nowhere. It takes what the budget would leave if all of the edition
were held, and what ``[mirror] search`` gives beside the budget. It is made by ``python -m
phonotheque.mirrors.searchable MIRROR``, which ends when its input does: with whoever has started it.
"""

from __future__ import annotations

import _thread
import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from phonotheque.catalogue import durable, index, manifest
from phonotheque.catalogue.manifest import CURRENT, STAMP, Snapshot
from phonotheque.catalogue.schema import FLAGGED
from phonotheque.editions.edition import Edition
from phonotheque.ledger.holdings import GOING, HoldingState, state_of
from phonotheque.mirrors.accepted import accepted
from phonotheque.mirrors.catalogue_shape import check_shape, check_told
from phonotheque.mirrors.home import trust_dir
from phonotheque.model.errors import BusyError, PhonothequeError, UsageError, VerificationError
from phonotheque.vault.alone import alone
from phonotheque.vault.archive import Archive, now, open_archive
from phonotheque.vault.bagfolder import PAYLOAD

_MAKING: Final = ".making"
_REMOVING: Final = ".removing"
_OF_A_RECORDING, _AT_LEAST = 200, 1_000_000  # bytes that making it takes on the disk, by what was measured
_LOOK: Final = 1.0  # seconds between looks how much it takes
_END: Final = 10.0  # seconds to end in good order


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be searchable: the snapshot of an edition, of a bag. ``leave`` is in bytes."""

    snapshot: str
    bag: str
    leave: int


def wanted(mirror: Archive, edition: Edition) -> Wanted:
    """Return what is to be searchable of an edition, and how much of the disk it may take.

    Raises VerificationError when the edition gives its snapshot a name that is none.
    """
    if not STAMP.fullmatch(edition.catalogue.snapshot):
        raise VerificationError(f"edition.json: “{edition.catalogue.snapshot:.80}” is no name of a snapshot.")
    leave = _leave(mirror, edition, mirror.settings.mirror.budget)
    return Wanted(edition.catalogue.snapshot, edition.catalogue.bag, leave)


def _leave(mirror: Archive, edition: Edition, budget: int) -> int:
    """Return the bytes that no bag could have: what is left when all is held, and what is given besides."""
    whole = sum(bag.bytes + bag.torrent.size for bag in edition.bags)
    whole += sum(table.size for table in edition.tables)
    return mirror.settings.mirror.search + max(0, budget - whole)


def is_due(mirror: Archive, one: Wanted) -> bool:
    """Tell whether a catalogue is held, whole and verified, and not searchable yet."""
    return _is_held(mirror, one.bag) and not _is_made(mirror, one)


def make(mirror: Archive) -> bool:
    """Make the catalogue searchable that a mirror holds, unless it is; return whether it was made.

    Nobody sees anything of it before all is there. Raises UsageError when there is no leave for as much of
    the disk, VerificationError for a catalogue that makes no sense, BusyError while another process makes it,
    other PhonothequeErrors and OSError when the disk is full.
    """
    followed = accepted(trust_dir(mirror), now=now())
    if followed is None or not is_due(mirror, one := wanted(mirror, followed.edition)):
        return False
    with _alone(mirror.catalogue):
        _clear(mirror.catalogue)
        if _is_made(mirror, one):
            return False
        try:
            _make(mirror, one)
        finally:
            _clear(mirror.catalogue)
    return True


def forget(mirror: Archive, edition: Edition, budget: int) -> str:
    """Remove what was made of a bag that has to go, or takes more than there is leave for; say why, if so.

    What cannot be removed is said, too: it must not keep a mirror from erasing the bag itself.
    """
    if not mirror.catalogue.is_dir():
        return ""
    with suppress(BusyError), _alone(mirror.catalogue):
        _clear(mirror.catalogue)
    why = ""
    for home, bag in _all_made(mirror):
        if not _may_stay(mirror, bag):
            why = f"{bag} goes, and with it what was made of it to search in."
        elif (size := _size(home)) > (leave := _leave(mirror, edition, budget)):
            why = f"What was made of the catalogue to search in goes: {size} bytes, where {leave} are left."
        else:
            continue
        try:
            _remove(home)
        except OSError as error:
            why = f"{home} has to go, and cannot be removed: {error}."
    return why


def _make(mirror: Archive, one: Wanted) -> None:
    source, making = mirror.bags / one.bag / PAYLOAD, mirror.catalogue / _MAKING
    snapshot = manifest.read(source)
    check_told(snapshot)
    _check_room(mirror, one, snapshot)
    making.mkdir()
    snapshot = _linked(snapshot, making)
    bound = _Bound(making, one.leave)
    check_shape(snapshot, bound.check)
    index.ensure(snapshot, progress=bound)
    bound.check_now()
    home = mirror.catalogue / one.snapshot
    if home.exists():
        _remove(home)
    making.rename(home)
    durable.write(mirror.catalogue / CURRENT, f"{home.name}\n".encode())
    for other, _ in _all_made(mirror):
        if other != home:
            _remove(other)
    if not _may_stay(mirror, one.bag):  # it had to go meanwhile
        _remove(home)


def _check_room(mirror: Archive, one: Wanted, snapshot: Snapshot) -> None:
    """Raise UsageError or PhonothequeError, if it would take too much. What is there of before gives way."""
    need = _AT_LEAST + _OF_A_RECORDING * max(0, snapshot.counts["recordings"])
    if need > one.leave:
        raise UsageError(
            f"To search in it takes some {need} bytes of the disk, and there is leave for {one.leave}.",
            'Give as much beside the budget: [mirror] search = "20GB"; or a larger budget.',
        )
    before = list(_all_made(mirror))
    if need + sum(_size(home) for home, _ in before) > one.leave:
        for home, _ in before:
            _remove(home)
    if need > (free := shutil.disk_usage(mirror.catalogue).free):
        raise PhonothequeError(
            f"To search in it takes some {need} bytes, and the disk has {free} free.",
            "Make room.",
        )


def _linked(snapshot: Snapshot, home: Path) -> Snapshot:
    """Return a snapshot of links to the tables of another; without those that were not published."""
    there = {
        table: tuple(part for part in parts if table not in FLAGGED or (snapshot.path / part.file).is_file())
        for table, parts in snapshot.tables.items()
    }
    made = replace(snapshot, path=home, tables=there)
    for part in made.files:
        place = home / part.file
        place.parent.mkdir(exist_ok=True)
        # no hard link: what is erased from a bag is to be nowhere
        place.symlink_to(os.path.relpath(snapshot.path / part.file, place.parent))
    manifest.write_sums(home, made)
    return made


class _Bound:
    """Stops who makes something that becomes too large; told of progress, it looks now and then."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._looked = time.monotonic()

    def check(self) -> None:
        if time.monotonic() - self._looked >= _LOOK:
            self.check_now()
            self._looked = time.monotonic()

    def check_now(self) -> None:
        if (size := _size(self._folder)) > self._most:
            raise UsageError(
                f"What is made of it takes {size} bytes already, and there is leave for {self._most}.",
                'Give more beside the budget: [mirror] search = "20GB"; or a larger budget.',
            )

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        self.check_now()

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        self.check()

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        pass

    def say(self, message: str) -> None:
        pass


def _is_held(mirror: Archive, bag: str) -> bool:
    with mirror.ledger.connect() as ledger:
        return state_of(ledger, bag) is HoldingState.COMPLETE


def _may_stay(mirror: Archive, bag: str) -> bool:
    """Whether a bag is here, and has not to go: also while a file of it is mended."""
    with mirror.ledger.connect() as ledger:
        state = state_of(ledger, bag)
    return state is not None and state not in GOING and (mirror.bags / bag).is_dir()


def _is_made(mirror: Archive, one: Wanted) -> bool:
    home = mirror.catalogue / one.snapshot
    if _bag_of(home) != one.bag:
        return False
    try:
        snapshot = manifest.current(mirror.catalogue)
    except VerificationError:
        return False
    return snapshot is not None and snapshot.path == home and index.usable(snapshot)


def _all_made(mirror: Archive) -> Iterator[tuple[Path, str]]:
    """Yield what was made, and of which bag."""
    for home in sorted(mirror.catalogue.iterdir()):
        if STAMP.fullmatch(home.name) and (bag := _bag_of(home)):
            yield home, bag


def _bag_of(home: Path) -> str:
    """Return into which bag the links of a folder lead; empty if it is not there, or was not made by this."""
    table = home / "recordings.parquet"
    return table.readlink().parts[-3] if table.is_symlink() else ""


def _remove(home: Path) -> None:
    """Remove a folder: first its name, so that nobody sees half of it."""
    pointer = home.parent / CURRENT
    if pointer.exists() and pointer.read_text("ascii", "replace").strip() == home.name:
        pointer.unlink(missing_ok=True)
    gone = home.with_name(f"{_REMOVING}-{os.getpid()}-{home.name}")
    with suppress(FileNotFoundError):  # another process removes it
        home.rename(gone)
        durable.fsync(home.parent)
        shutil.rmtree(gone)


def _clear(catalogue: Path) -> None:
    """Remove what killed runs left. Only one process at a time."""
    for left in catalogue.glob(".*"):
        if left.name == _MAKING or left.name.startswith(_REMOVING):
            shutil.rmtree(left, ignore_errors=True)


def _size(folder: Path) -> int:
    """Return the bytes of a folder's files; links are none."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(place, name).lstat().st_size
            except FileNotFoundError:  # scratch that is not needed any more
                continue
    return total


def _alone(catalogue: Path) -> AbstractContextManager[None]:
    """Be the only one who makes it."""
    return alone(catalogue, f"{catalogue} is being made by another process.", "Wait until it is.")


def _main(folder: Path) -> int:
    os.nice(10)

    def end_with_input() -> None:
        while os.read(0, 1):  # nothing buffered: whoever holds its lock at the end aborts the process
            pass
        _thread.interrupt_main()
        time.sleep(_END)
        os._exit(1)  # an engine may not hear of it for long; the next one clears up

    threading.Thread(target=end_with_input, daemon=True).start()
    try:
        mirror = open_archive(folder)
        followed = accepted(trust_dir(mirror), now=now())
        if followed is not None:  # no single file becomes larger, whatever a catalogue makes of itself
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            most = max(wanted(mirror, followed.edition).leave, _AT_LEAST)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        make(mirror)
    except BusyError:
        return 0
    except (PhonothequeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
