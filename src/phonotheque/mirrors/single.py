"""One recording fetched alone from somebody's public tree, with the tag files of its bag, verified as ever.

What is trusted (TUF's state), the edition's index and tag files lie in a folder of their own, so that the
next recording costs little more than its bytes. A file gets its name only when all of it was verified.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from errno import EXDEV
from fcntl import LOCK_EX, LOCK_NB, flock
from functools import partial
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from phonotheque.editions.edition import Edition, Tombstone
from phonotheque.mirrors.alone import ARRIVING, Alone, Asking
from phonotheque.mirrors.by_code import as_isrc, recordings_of
from phonotheque.mirrors.follow import Followed, follow
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.public import fetch_target
from phonotheque.mirrors.recordings import Indexed, Wanted, find, parse_wanted
from phonotheque.mirrors.strict_json import read_json
from phonotheque.mirrors.whereabouts import concerns, may_hold, taken_back, why_not
from phonotheque.model.errors import (
    BusyError,
    NotFoundError,
    RightsError,
    UsageError,
    VerificationError,
)
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import now
from phonotheque.vault.bag import RECORDINGS
from phonotheque.vault.fixity import check_file
from phonotheque.vault.place import copy_hashing, fsync_dir, replace_durably

_OBEYED = {"autorun.inf", "desktop.ini"}  # by what shows a folder
_MAX_LINE = 16 * 1024**2  # bytes of a line of recordings.jsonl


@dataclass(frozen=True, slots=True)
class Single:
    """A recording that is here. ``record`` is what its bag says of it; ``fetched`` counts bytes."""

    path: Path
    edition: int
    bag: str
    file: str
    size: int
    sha256: str
    recording: str | None
    record: Mapping[str, Any]
    archive: str
    fetched: int
    here_already: bool
    others: int  # files of the same recording that were passed over
    fingerprint: str
    first_use: bool
    stale: tuple[str, ...]
    offline: bool


def fetch_single(
    origin: Origin,
    what: str,
    to: Path,
    state: Path,
    asking: Asking,
    *,
    progress: Progress = QUIET,
    stop: threading.Event | None = None,
    clock: Callable[[], datetime] = now,
) -> Single:
    """Bring one recording into the folder ``to``; what is there already is not fetched again.

    ``what`` is a recording's id, an ISRC, the SHA-256 of a file, or its path (``BAG/data/…``). ``state`` is a
    folder for what is kept from one time to the next. Raises NotFoundError when the edition does not have it,
    RightsError when it was taken back or is not for people there, VerificationError when what is had does not
    verify, NetworkError when nobody has it, UsageError when the file's name is taken by another one.
    """
    state.mkdir(parents=True, exist_ok=True)
    with _alone(state):
        followed = follow(origin, state / "trust", now=clock(), trust=asking.trust)
        edition = followed.edition
        _sweep(state, edition, asking.country)
        _keep_index(origin, state, edition)
        row, others = _choose(origin, state, edition, what, asking.country)
        entry = next(entry for entry in edition.bags if entry.id == row.bag)
        to.mkdir(parents=True, exist_ok=True)
        place = _place(to, row)
        fetching = Alone(origin, state, asking, progress, stop or threading.Event())
        arrival = fetching.arrival(entry, row)
        here = place.exists()
        if not here or any(file.path != row.path for file in arrival.standing.lacking):
            fetching.fetch(arrival, row, payload=not here)
        record = _record(arrival.folder, row)
        if not here:
            _bring(arrival.folder / row.path, place, row)
    return _told(followed, row, place, record, others, fetching.fetched, here=here)


def _told(
    followed: Followed,
    row: Indexed,
    place: Path,
    record: Mapping[str, Any],
    others: int,
    fetched: int,
    *,
    here: bool,
) -> Single:
    return Single(
        place,
        followed.edition.number,
        row.bag,
        row.path,
        row.size,
        row.sha256,
        row.recording,
        record,
        followed.edition.archive.name,
        fetched,
        here,
        others,
        followed.fingerprint,
        followed.first_use,
        followed.stale,
        followed.offline,
    )


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    with (state / ".lock").open("w") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"Something else is being fetched with {state}.", "Wait until it has finished."
            ) from None
        yield


def _keep_index(origin: Origin, state: Path, edition: Edition) -> None:
    index = edition.index
    fetch_target(origin, state, index.path, index.size, index.sha256)
    kept = state / "targets" / index.path
    for old in (state / "targets").glob(f"editions/*/{kept.name}"):
        if old != kept:
            old.unlink()


def _choose(origin: Origin, state: Path, edition: Edition, what: str, country: str) -> tuple[Indexed, int]:
    """Return the file that is meant, and how many others there are that could be had."""
    wanted = _meant(origin, state, edition, what)
    rows = find(state / "targets" / edition.index.path, wanted)
    entries = {entry.id: entry for entry in edition.bags}
    rows = [row for row in rows if row.bag in entries]
    stones = taken_back(country, edition.tombstones)
    left = [row for row in rows if row.sha256 not in stones]
    if not left and (stone := _stone(edition, country, wanted, rows)):
        for row in rows:
            (state / ARRIVING / row.bag / row.path).unlink(missing_ok=True)
        raise RightsError(
            f"{what} was taken back on {stone.date[:10]}: {stone.reason}.",
            "It is not to be had from this archive.",
        )
    if not left:
        raise NotFoundError(
            f"{what} is not in edition {edition.number} of “{edition.archive.name}”.",
            "Look for it in the catalogue, or ask another archive.",
        )
    allowed = [row for row in left if may_hold(country, entries[row.bag].audience)]
    if not allowed:
        raise RightsError(
            f"{what} {why_not(country, entries[left[0].bag])}.", "Say where you are, as it is, with --in."
        )
    names = {row.recording for row in allowed}
    if len(names) > 1:
        listed = ", ".join(sorted(str(name) for name in names)[:10])
        raise UsageError(f"{what} is {len(names)} recordings: {listed}.", "Ask for one of them by its id.")
    best = max(allowed, key=lambda row: (row.size, row.bag, row.path))
    return best, len(allowed) - 1


def _meant(origin: Origin, state: Path, edition: Edition, what: str) -> Wanted:
    if isrc := as_isrc(what):
        return Wanted(recordings_of(origin, state, edition, isrc))
    try:
        return parse_wanted([what])
    except UsageError as error:
        raise UsageError(
            error.message, "Write its id, its ISRC, the SHA-256 of a file, or a path: BAG/data/…"
        ) from error


def _stone(edition: Edition, country: str, wanted: Wanted, rows: Sequence[Indexed]) -> Tombstone | None:
    """Return the tombstone by which what is wanted was taken back there, if there is one."""
    hashes = wanted.hashes | {row.sha256 for row in rows}
    for stone in edition.tombstones:
        meant = stone.recording in wanted.recordings or not hashes.isdisjoint(stone.sha256)
        if meant and concerns(country, stone):
            return stone
    return None


def _sweep(state: Path, edition: Edition, country: str) -> None:
    """Remove what had come of bags that were taken back, or may not be had where we are."""
    current = {entry.id for entry in edition.bags if may_hold(country, entry.audience)}
    folder = state / ARRIVING
    for bag in folder.iterdir() if folder.exists() else ():
        if bag.is_dir() and bag.name not in current:
            shutil.rmtree(bag)


def _place(to: Path, row: Indexed) -> Path:
    """Return where the file goes: under its own name, or with its hash if that is another file's.

    A name that a program would take for an option, or obey, has the hash before it.
    """
    name = PurePosixPath(row.path)
    if name.name.startswith("-") or name.name.lower() in _OBEYED:
        name = name.with_name(f"{row.sha256[:8]} {name.name}")
    for place in (to / name.name, to / f"{name.stem} ({row.sha256[:8]}){name.suffix}"):
        if not os.path.lexists(place) or check_file(place, row.size, row.sha256) is None:
            return place
    raise UsageError(f"{to / name.name} is another file.", "Choose another folder with --to.")


def _record(folder: Path, row: Indexed) -> Mapping[str, Any]:
    """Return what a bag says of a file. Raises VerificationError if it says nothing."""
    with (folder / RECORDINGS).open("rb") as lines:
        for line in iter(partial(lines.readline, _MAX_LINE + 1), b""):
            if row.sha256.encode() not in line:
                continue
            try:
                record = read_json(line)
            except (ValueError, RecursionError) as error:
                raise VerificationError(
                    f"{RECORDINGS} of {row.bag} has a line that is no JSON: {error}."
                ) from error
            if isinstance(record, dict) and record.get("path") == row.path:
                return record
    raise VerificationError(f"{RECORDINGS} of {row.bag} says nothing of {row.path!r:.300}.")


def _bring(source: Path, place: Path, row: Indexed) -> None:
    """Give a verified file its name in somebody's folder; it is theirs from then on."""
    fresh = place.with_name(f".{row.sha256}.part")
    fresh.unlink(missing_ok=True)
    try:
        source.rename(fresh)
    except OSError as error:
        if error.errno != EXDEV:
            raise
        digest = copy_hashing(source, fresh, sha256)
        if digest.hexdigest() != row.sha256:
            fresh.unlink()
            raise VerificationError(f"{fresh} was not written as it was read.", "Check the disk.") from error
        source.unlink()
    fresh.chmod(0o644)
    replace_durably(fresh, place)
    fsync_dir(place.parent)
