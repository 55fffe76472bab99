"""One bag on its way: its torrent checked, what is there already found, at the end every byte verified."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from phonotheque.editions.edition import BagEntry
from phonotheque.editions.metainfo import TorrentMeta, read_torrent
from phonotheque.editions.shelves import bags_folder
from phonotheque.editions.withholding import show_anew
from phonotheque.ledger.events import record_event
from phonotheque.ledger.holdings import (
    DELETION,
    HeldFile,
    HoldingState,
    complete,
    complete_in_part,
    record_verified,
    reopen,
    state_of,
    verified_files,
    want,
)
from phonotheque.mirrors.copying import copy_pieces
from phonotheque.mirrors.home import arriving, leaving, replaced
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.origins import first_right
from phonotheque.mirrors.public import keep_target, publish_bag, read_target
from phonotheque.mirrors.reuse import reuse
from phonotheque.mirrors.standing import (
    Standing,
    bytes_lacking,
    look,
    make_durable,
    make_ready,
    narrowed,
    pieces_of,
)
from phonotheque.model.bags import Finding
from phonotheque.model.errors import PhonothequeError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.territory import WORLDWIDE
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import PAYLOAD, TAG_MANIFEST, files_in, read_bag
from phonotheque.vault.fixity import check_bag
from phonotheque.vault.place import fsync_dir, link_or_copy

MAX_TORRENT_BYTES = 64 * 1024**2
WITHDRAWN = "withdrawn"  # what is wrong with a file that has to be erased


class NoRoomError(PhonothequeError):
    """The disk has no room for a bag; a smaller one may still fit."""


@dataclass(slots=True)
class Arrival:
    """A bag being brought. ``folder`` is where its files lie until, and when, they are all right.

    ``wanted`` are the files that are wanted of it, tag files among them; None: all.
    """

    entry: BagEntry
    torrent: bytes
    meta: TorrentMeta
    folder: Path
    standing: Standing
    reused: int = 0  # bytes that were found in other bags
    wanted: frozenset[str] | None = None

    @property
    def wanted_pieces(self) -> bytes | None:
        """One byte for each piece of the torrent, 1 for a wanted one; None: all are."""
        return None if self.wanted is None else pieces_of(self.meta, self.wanted)


def find_torrent(origin: Origin, public: Path, entry: BagEntry) -> tuple[bytes, TorrentMeta]:
    """Return a bag's torrent, kept or fetched, checked against the edition and in itself.

    Raises VerificationError naming it, and the errors of the origin.
    """
    wanted = entry.torrent
    data = read_target(public, wanted.path, wanted.sha256)
    if data is not None:
        return data, check_torrent(data, entry)
    if wanted.size > MAX_TORRENT_BYTES:
        raise VerificationError(f"{wanted.path} is larger than a torrent may be: {wanted.size} bytes.")

    def read(one: Origin) -> tuple[bytes, TorrentMeta]:
        found = fetch(one, f"targets/{wanted.path}", wanted.size)
        return found, check_torrent(found, entry)

    data, meta = first_right(origin, read)
    keep_target(public, wanted.path, data)
    return data, meta


def check_torrent(data: bytes, entry: BagEntry) -> TorrentMeta:
    """Read a torrent and compare it with what the edition says of it and of its bag."""
    wanted = entry.torrent
    if len(data) != wanted.size or sha256(data).hexdigest() != wanted.sha256:
        raise VerificationError(f"{wanted.path} is not the torrent that edition.json lists.")
    try:
        meta = read_torrent(data)
    except VerificationError as error:
        raise VerificationError(f"{wanted.path} is refused: {error.message}", error.advice) from error
    for what, found, listed in (
        ("infohash (v1)", meta.infohash_v1, wanted.infohash_v1),
        ("infohash (v2)", meta.infohash_v2, wanted.infohash_v2),
        ("name", meta.name, entry.id),
        ("number of bytes", meta.size, entry.bytes),
        ("number of files", len(meta.files), entry.files),
    ):
        if found != listed:
            raise VerificationError(f"{wanted.path}: its {what} is {found}, edition.json lists {listed}.")
    if entry.audience != WORLDWIDE and not meta.private:
        raise VerificationError(
            f"{wanted.path} is for {entry.audience} only, and not private: everybody would be told of it."
        )
    return meta


def begin(
    mirror: Archive,
    origin: Origin,
    entry: BagEntry,
    say: Callable[[str], None],
    part: Set[str] | None = None,
) -> Arrival:
    """Find out how much of a bag is on the disk, there or in other bags, and make files for the rest.

    Only the files of ``part`` and the tag files are wanted, if it is given. Raises VerificationError when the
    torrent is refused, or has not what is wanted; NoRoomError when the disk is too small.
    """
    torrent, meta = find_torrent(origin, mirror.public, entry)
    scratch = arriving(mirror)
    scratch.mkdir(parents=True, exist_ok=True)
    mirror.bags.mkdir(parents=True, exist_ok=True)
    known: dict[str, HeldFile] = {}
    in_part = False
    if mirror.is_mirror:  # an archive has its own records of its own bags
        with mirror.ledger.begin() as connection:
            want(connection, entry.id, edition=entry.edition, size=entry.bytes)
            known = verified_files(connection, entry.id)
            in_part = state_of(connection, entry.id) is HoldingState.PARTIAL
    _take_up(mirror, entry.id)
    folder = home_of(mirror, entry.id)
    if in_part and folder == mirror.bags / entry.id:
        folder = _beside(mirror, meta)
    standing = look(folder, meta, known)
    wanted = None if part is None else _wanted(entry, meta, standing, part)
    standing = narrowed(standing, wanted)
    reused = 0
    if mirror.is_mirror and standing.lacking:
        before = standing.good_bytes
        found = reuse(mirror, folder, meta, standing.lacking, say)
        standing = narrowed(look(folder, meta, known | found), wanted)
        reused = standing.good_bytes - before
    missing, free = bytes_lacking(meta, standing), shutil.disk_usage(scratch).free
    if missing > free:
        raise NoRoomError(
            f"The disk of {mirror.folder} has {free} bytes free; the bag {entry.id} needs {missing} more.",
            "Make room or lower the budget, then run it again: what is verified is kept.",
        )
    make_ready(folder, standing.lacking, scratch)
    return Arrival(entry, torrent, meta, folder, standing, reused, wanted)


def _wanted(entry: BagEntry, meta: TorrentMeta, standing: Standing, part: Set[str]) -> frozenset[str] | None:
    """Return the files that are wanted of a bag: those asked for, tag files, and what is whole already."""
    paths = {file.path for file in meta.files}
    if unknown := part - paths:
        raise VerificationError(f"{entry.torrent.path} has no file {min(unknown)!r:.300}.")
    tags = {path for path in paths if not path.startswith(PAYLOAD)}
    wanted = part | tags | (paths - {file.path for file in standing.lacking})
    return None if wanted == paths else frozenset(wanted)


def _beside(mirror: Archive, meta: TorrentMeta) -> Path:
    """Return where a bag that is held in part grows, with what is there: the old part stays in its place."""
    folder = arriving(mirror) / meta.name
    for file in meta.files:
        source, place = mirror.bags / meta.name / file.path, folder / file.path
        # What is damaged is mended there: it gets a copy of its own before anything is written.
        if source.is_file() and not source.is_symlink() and not os.path.lexists(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(source, place, allow_link=True, sync=False)
    return folder


def _take_up(mirror: Archive, bag: str) -> None:
    """Take back what is left of a bag that was not for here and is now."""
    left, scratch = leaving(mirror) / bag, arriving(mirror) / bag
    if left.exists() and not scratch.exists() and not (mirror.bags / bag).exists():
        left.rename(scratch)
        fsync_dir(left.parent)
        fsync_dir(scratch.parent)


def home_of(mirror: Archive, bag: str) -> Path:
    """Where a bag's files are: in ``vault/bags`` once they were all right, before that where it arrives."""
    home = mirror.bags / bag
    return home if home.exists() else arriving(mirror) / bag


def copy(
    arrival: Arrival, origin: Origin, *, on_bytes: Callable[[int], None], stop: threading.Event
) -> tuple[Finding, ...]:
    """Fetch what lacks straight from the origin; return what it has wrong or not at all."""
    standing, findings = copy_pieces(
        origin,
        f"{bags_folder(arrival.entry.audience)}/{arrival.entry.id}",
        arrival.folder,
        arrival.meta,
        arrival.standing,
        on_bytes=on_bytes,
        stop=stop,
    )
    arrival.standing = narrowed(standing, arrival.wanted)
    return findings


def finish(
    mirror: Archive,
    arrival: Arrival,
    *,
    at: str,
    event: str = "replication",
    forbidden: Set[str] = frozenset(),
    progress: Progress = QUIET,
) -> tuple[Finding, ...]:
    """Verify a bag from the disk; if nothing is wrong, it is held: recorded, in its place, and shown.

    Order: bytes → fsync → verification → place → ledger → link. Returns what is wrong. Files that nothing
    lists are left where they are, and only mentioned; those with a ``forbidden`` SHA-256 are erased.
    """
    entry, only = arrival.entry, arrival.wanted
    files = [file for file in arrival.meta.files if only is None or file.path in only]
    if only is not None:
        _drop_unwanted(arrival, only)
    make_durable(arrival.folder, files)
    report = check_bag(arrival.folder, tagmanifest_sha256=entry.tagmanifest_sha256, only=only)
    wrong = tuple(finding for finding in report.findings if finding.what != "extra")
    if wrong:
        return wrong
    contents = read_bag(arrival.folder)
    hashes = {**contents.manifest, **contents.tagmanifest, TAG_MANIFEST: entry.tagmanifest_sha256}
    if different := sorted(hashes.keys() ^ {file.path for file in arrival.meta.files}):
        return (Finding("damaged", different[0], "is not in both the torrent and the manifests"),)
    if bad := [file for file in files if hashes[file.path] in forbidden]:
        return _throw_out(mirror, arrival, [HeldFile(f.path, f.size, hashes[f.path]) for f in bad], at=at)
    _settle(mirror, arrival)
    held = [HeldFile(file.path, file.size, hashes[file.path]) for file in files]
    roots = {file.path: file.root for file in files}
    with mirror.ledger.begin() as connection:
        if mirror.is_mirror and only is not None:
            complete_in_part(connection, entry.id, held, at=at, roots=roots)
        elif mirror.is_mirror:
            record_verified(connection, entry.id, held, at=at, roots=roots)
            complete(connection, entry.id, at=at)
        record_event(
            connection,
            at=at,
            kind=event,
            subject=entry.id,
            agent=mirror.settings.archive.agent,
            detail={"bytes": report.bytes_checked, "files": report.files_checked}
            | ({} if only is None else {"part": True}),
        )
    # An archive that mends its own bag may show only a part of it.
    if mirror.is_mirror or not show_anew(mirror, entry.id, date.fromisoformat(at[:10])):
        publish_bag(mirror.public, entry.id, entry.audience)
    for finding in report.findings:
        progress.say(f"{entry.id}/{finding.path}: {finding.what}, {finding.detail}; left where it is.")
    return ()


def _settle(mirror: Archive, arrival: Arrival) -> None:
    """Bring a verified bag to its place; the part of it that was there before goes.

    Raises OSError naming a folder of that part that cannot be listed: what lies in it may be somebody's.
    """
    home, old = mirror.bags / arrival.entry.id, replaced(mirror, arrival.entry.id)
    if arrival.folder == home:
        return
    if home.exists():
        for path in _extra(arrival, home):
            place = arrival.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            (home / path).rename(place)
            fsync_dir(place.parent)
        home.rename(old)  # a kill after this: the next command puts it back, or removes it (home.sweep)
    arrival.folder.rename(home)
    fsync_dir(mirror.bags)
    fsync_dir(arrival.folder.parent)
    arrival.folder = home
    if old.exists():
        shutil.rmtree(old)


def _extra(arrival: Arrival, folder: Path) -> list[str]:
    """Return the files in a bag's folder that the bag does not list: they are somebody's, and stay."""
    unlistable: list[OSError] = []
    there = [path for path, _ in files_in(folder, lambda _, error: unlistable.append(error))]
    if unlistable:
        raise unlistable[0]
    return sorted(set(there) - {file.path for file in arrival.meta.files})


def _drop_unwanted(arrival: Arrival, wanted: Set[str]) -> None:
    """Remove what had come, not whole, of files that are not wanted any more."""
    for file in arrival.meta.files:
        path = arrival.folder / file.path
        if file.path not in wanted and os.path.lexists(path):
            path.unlink()


def _throw_out(
    mirror: Archive, arrival: Arrival, files: Sequence[HeldFile], *, at: str
) -> tuple[Finding, ...]:
    """Erase files that were withdrawn and came in again in a bag that should not have them."""
    for file in files:
        path = arrival.folder / file.path
        path.unlink()
        fsync_dir(path.parent)
    with mirror.ledger.begin() as connection:
        record_event(
            connection,
            at=at,
            kind=DELETION,
            subject=arrival.entry.id,
            agent=mirror.settings.archive.agent,
            detail={"erased": [asdict(file) for file in files], "why": "withdrawn, and not to come back"},
        )
    return tuple(Finding(WITHDRAWN, file.path, "was withdrawn and is erased") for file in files)


def examine(mirror: Archive, arrival: Arrival) -> None:
    """Look again at what is on the disk, trusting no record; what was recorded wrongly is so no more."""
    arrival.standing = narrowed(look(arrival.folder, arrival.meta), arrival.wanted)
    if mirror.is_mirror and arrival.standing.lacking:
        with mirror.ledger.begin() as connection:
            reopen(connection, arrival.entry.id, [file.path for file in arrival.standing.lacking])
