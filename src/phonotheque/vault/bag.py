"""Sealing bags (BagIt 1.0, RFC 8493): every source is read once, for the bag's hashes and the torrent's.

A bag is built beside its place, made durable, and appears by one rename: it is there whole or not at all.
Equal plans over equal sources give equal bytes.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from errno import EMFILE, ENFILE, ENOMEM, ENOTSUP, EOPNOTSUPP, EPERM
from pathlib import Path
from typing import Protocol, TypeVar

from phonotheque.model.bags import FileHashes, Finding, SealedBag, SealedFile
from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.vault.bagfolder import (
    DECLARATION,
    DECLARATION_TEXT,
    INFO,
    MANIFEST,
    PAYLOAD,
    TAG_MANIFEST,
    BagContents,
    files_in,
    info_text,
    manifest_text,
    read_bag,
)
from phonotheque.vault.hashing import PieceHasher, hash_file
from phonotheque.vault.names import check_portable, find_clash, order
from phonotheque.vault.place import copy_hashing, feed, fsync_dir, fsync_file, share

__all__ = [
    "BagContents",
    "BagFile",
    "BagPlan",
    "NothingPlacedError",
    "SealedResult",
    "load_sealed",
    "read_bag",
    "remove_bag",
    "remove_unfinished",
    "seal",
]

README = "README.txt"
RECORDINGS = "recordings.jsonl"

_PARTIAL = ".partial-"  # begins the names of folders that are being filled or emptied
_READ_ONLY = 0o444
_OUR_LIMITS = {EMFILE, ENFILE, ENOMEM}  # errors that say nothing about the file that was being opened
_NO_MODES = {EPERM, ENOTSUP, EOPNOTSUPP}  # from file systems that keep no permissions

T = TypeVar("T")
R = TypeVar("R")


class NothingPlacedError(VerificationError):
    """No file of a planned bag could be placed; ``failures`` say why, for each of them."""

    def __init__(self, bag_id: str, failures: Sequence[Finding]) -> None:
        first = failures[0]
        super().__init__(
            f"no file of the bag {bag_id} could be placed; the first, {first.path!r}, is "
            f"{first.what}: {first.detail}"
        )
        self.failures = tuple(failures)


class MapFiles(Protocol):
    """``map``, or the ``map`` of an executor: results in the order of the items."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """Apply ``function``, which can be pickled, to each item."""


@dataclass(frozen=True, slots=True)
class BagFile:
    """A file to be put into a bag. ``path`` is below ``data/``, portable and unique there."""

    source: Path
    path: str
    sha256: str  # expected, hex
    size: int  # expected, bytes
    record: Mapping[str, object]  # its line in recordings.jsonl; path, size and hashes are added


@dataclass(frozen=True, slots=True)
class BagPlan:
    """What a bag is to hold. ``info`` are fields of bag-info.txt in order; Oxum and size are added."""

    id: str
    files: tuple[BagFile, ...]
    info: tuple[tuple[str, str], ...]
    readme: str


@dataclass(frozen=True, slots=True)
class SealedResult:
    """A sealed bag, and the planned files that are not in it, with the reason."""

    bag: SealedBag
    failures: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    source: Path
    target: Path
    path: str
    sha256: str
    size: int


def seal(
    plan: BagPlan,
    bags_dir: Path,
    *,
    map_files: MapFiles = map,
    on_file: Callable[[BagFile], None] | None = None,
) -> SealedResult:
    """Make ``bags_dir/<id>`` from a plan, or take up the bag of that id if it was sealed before.

    Sources are cloned or hard-linked where possible (a linked one becomes read-only), else copied. A source
    that is missing, unreadable or not what the plan expects is left out and reported. ``on_file`` is called
    for each file in order. Raises OSError naming the file when the bag cannot be written, NothingPlacedError
    when no file at all could be placed; nothing is left behind then.
    """
    _check_plan(plan)
    home, partial = bags_dir / plan.id, bags_dir / f"{_PARTIAL}{plan.id}"
    if home.exists():
        return _sealed_before(plan, home, map_files)
    if partial.exists():
        shutil.rmtree(partial)
    try:
        result = _build(plan, partial, map_files, on_file)
        partial.rename(home)
        fsync_dir(bags_dir)
    except BaseException as error:
        _clean_up(partial, error)
        raise
    return result


def remove_bag(bag_dir: Path) -> None:
    """Remove a bag so that a kill on the way leaves no folder that looks like one."""
    doomed = bag_dir.with_name(f"{_PARTIAL}{bag_dir.name}")
    bag_dir.rename(doomed)
    shutil.rmtree(doomed)


def remove_unfinished(bags_dir: Path) -> None:
    """Remove what killed runs left of bags they were filling or emptying. The lock must be held."""
    for left in bags_dir.glob(f"{_PARTIAL}*"):
        shutil.rmtree(left)


def load_sealed(bag_dir: Path, *, map_files: MapFiles = map) -> SealedBag:
    """Read a sealed bag again, as after a crash between sealing and recording it.

    Every file is re-hashed. Raises VerificationError if the folder is not exactly what its manifests say.
    """
    contents = read_bag(bag_dir)
    expected = {**contents.manifest, **contents.tagmanifest, TAG_MANIFEST: None}
    found = {path for path, what in files_in(bag_dir, _raise) if not what or path not in expected}
    if difference := sorted(found ^ expected.keys()):
        raise VerificationError(
            f"the bag {bag_dir.name} is not what its manifests list: {difference[0]!r}",
            "Run a fixity check on it; it says what is missing, damaged or extra.",
        )
    paths = sorted(expected, key=order)
    files = []
    for path, hashes in zip(paths, map_files(hash_file, [bag_dir / path for path in paths]), strict=True):
        if expected[path] not in (None, hashes.sha256):
            raise VerificationError(
                f"{path} in the bag {bag_dir.name} is damaged: its SHA-256 is {hashes.sha256}"
            )
        files.append(SealedFile(path, hashes))
    bag = _sealed(bag_dir.name, files)
    if contents.oxum not in (None, (bag.payload_bytes, bag.payload_files)):
        raise VerificationError(f"{INFO} of {bag.id} states another Payload-Oxum than that of the files")
    return bag


def _raise(folder: str, error: OSError) -> None:
    raise error


def _check_plan(plan: BagPlan) -> None:
    for path in (plan.id, *(file.path for file in plan.files)):
        if reason := check_portable(path):
            raise UsageError(f"the name {path!r} cannot be used in the bag {plan.id}: {reason}")
    if "/" in plan.id:
        raise UsageError(f"the bag id {plan.id!r} holds the character /")
    if clash := find_clash(file.path for file in plan.files):
        raise UsageError(f"the names {clash[0]!r} and {clash[1]!r} clash in the bag {plan.id}")


def _sealed_before(plan: BagPlan, home: Path, map_files: MapFiles) -> SealedResult:
    bag = load_sealed(home, map_files=map_files)
    planned = {PAYLOAD + file.path: file for file in plan.files}
    there = {file.path: file.hashes.sha256 for file in bag.files if file.path.startswith(PAYLOAD)}
    for path, sha256 in there.items():
        if path not in planned or planned[path].sha256 != sha256:
            raise VerificationError(
                f"{home} exists and holds {path!r}, which is not in the plan for it",
                "A sealed bag is never changed: give the new bag another id.",
            )
    absent = [path for path in sorted(planned, key=order) if path not in there]
    return SealedResult(
        bag, tuple(Finding("missing", path, "was left out when the bag was sealed") for path in absent)
    )


def _build(
    plan: BagPlan, folder: Path, map_files: MapFiles, on_file: Callable[[BagFile], None] | None
) -> SealedResult:
    (folder / PAYLOAD).mkdir(parents=True)
    files = sorted(plan.files, key=lambda file: order(file.path))
    jobs = [_Job(f.source, folder / PAYLOAD / f.path, PAYLOAD + f.path, f.sha256, f.size) for f in files]
    placed: list[tuple[BagFile, SealedFile]] = []
    failures: list[Finding] = []
    for file, job, outcome in zip(files, jobs, map_files(_place_one, jobs), strict=True):
        if isinstance(outcome, Finding):
            failures.append(outcome)
        else:
            placed.append((file, SealedFile(job.path, outcome)))
        if on_file:
            on_file(file)
    if failures and not placed:
        raise NothingPlacedError(plan.id, failures)
    tags = [_write_tag(folder, name, content) for name, content in _tag_files(plan, placed)]
    hashes = {tag.path: tag.hashes.sha256 for tag in tags}
    tags.append(_write_tag(folder, TAG_MANIFEST, manifest_text(hashes).encode()))
    _sync_tree(folder)
    return SealedResult(_sealed(plan.id, [*tags, *(sealed for _, sealed in placed)]), tuple(failures))


def _place_one(job: _Job) -> FileHashes | Finding:
    """Bring one source into the bag. Runs in a worker: what it returns is all that is known of the file."""
    job.target.parent.mkdir(parents=True, exist_ok=True)
    try:
        hashes = _place(job.source, job.target)
    except OSError as error:
        if error.errno in _OUR_LIMITS or error.filename != str(job.source):
            raise
        what = "missing" if isinstance(error, FileNotFoundError) else "unreadable"
        return Finding(what, job.path, f"{job.source}: {error.strerror}")
    if (hashes.size, hashes.sha256) != (job.size, job.sha256):
        job.target.unlink()
        got = f"has {hashes.size} bytes with SHA-256 {hashes.sha256}"
        return Finding("damaged", job.path, f"{job.source} {got}; expected {job.size} with {job.sha256}")
    _make_read_only(job.target)
    return hashes


def _place(source: Path, target: Path) -> FileHashes:
    # Nothing is synced here: one pass at the end lets the file system commit all files together.
    # A source with a second name is also somebody else's, who may write to it: the bag gets bytes of its own.
    if not share(source, target, allow_link=source.lstat().st_nlink == 1):
        return copy_hashing(source, target, PieceHasher, sync=False).finish()
    try:
        return feed(target, PieceHasher(), follow_links=False).finish()
    except OSError as error:
        target.unlink()
        error.filename = str(source)  # these are its bytes that could not be read
        raise


def _make_read_only(path: Path) -> None:
    try:
        path.chmod(_READ_ONLY)
    except OSError as error:
        if error.errno not in _NO_MODES:
            raise


def _tag_files(plan: BagPlan, placed: Sequence[tuple[BagFile, SealedFile]]) -> Iterator[tuple[str, bytes]]:
    size = sum(sealed.hashes.size for _, sealed in placed)
    sums = (("Payload-Oxum", f"{size}.{len(placed)}"), ("Bag-Size", _for_people(size)))
    yield README, plan.readme.encode()
    yield RECORDINGS, b"".join(_record(file, sealed) for file, sealed in placed)
    yield DECLARATION, DECLARATION_TEXT.encode()
    yield INFO, info_text((*plan.info, *sums)).encode()
    yield MANIFEST, manifest_text({sealed.path: sealed.hashes.sha256 for _, sealed in placed}).encode()


def _record(file: BagFile, sealed: SealedFile) -> bytes:
    hashes = sealed.hashes
    facts = {
        "path": sealed.path,
        "pieces_root": hashes.root.hex(),
        "sha256": hashes.sha256,
        "size": hashes.size,
    }
    line = json.dumps(
        {**file.record, **facts}, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    # A lone surrogate (from a name that was not UTF-8) becomes \udcxx, which is its escape in JSON too.
    return line.encode("utf-8", "backslashreplace") + b"\n"


def _write_tag(folder: Path, name: str, content: bytes) -> SealedFile:
    path = folder / name
    path.write_bytes(content)
    _make_read_only(path)
    hasher = PieceHasher()
    hasher.update(content)
    return SealedFile(name, hasher.finish())


def _sync_tree(bag: Path) -> None:
    """Make all files and folders durable, deepest first; folders left empty by failures go."""
    for name, _, files in os.walk(bag, topdown=False):
        folder = Path(name)
        for file in files:
            fsync_file(folder / file)
        if folder != bag / PAYLOAD and not any(folder.iterdir()):
            folder.rmdir()
        else:
            fsync_dir(folder)


def _clean_up(partial: Path, error: BaseException) -> None:
    try:
        if partial.exists():
            shutil.rmtree(partial)
    except OSError as second:
        error.add_note(f"The unfinished bag is still there: {second}. The next run removes it.")


def _sealed(bag_id: str, files: Sequence[SealedFile]) -> SealedBag:
    sizes = [file.hashes.size for file in files if file.path.startswith(PAYLOAD)]
    ordered = sorted(files, key=lambda file: order(file.path))
    return SealedBag(bag_id, tuple(ordered), payload_bytes=sum(sizes), payload_files=len(sizes))


def _for_people(size: int) -> str:
    for unit, power in (("TB", 12), ("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:.1f} {unit}"
    return f"{size} bytes"
