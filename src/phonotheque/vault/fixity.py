"""Fixity: reading stored files again and saying exactly what was checked and what is wrong.

A file is damaged, missing or extra only when that was seen; one that cannot be read is unreadable, and
nothing else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from phonotheque.model.bags import Finding
from phonotheque.model.errors import VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.bagfolder import (
    DECLARATION,
    INFO,
    MANIFEST,
    PAYLOAD,
    TAG_MANIFEST,
    files_in,
    payload_oxum,
    read_declaration,
    read_info,
    read_manifest,
    read_tag_manifest,
)
from phonotheque.vault.place import feed, open_regular

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BagReport:
    """What a check of one bag read, and what it found, sorted by path; no findings means all is well."""

    bag_id: str
    files_checked: int  # read to the end, right or wrong
    bytes_checked: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Check:
    """What a bag should hold, as far as its tag files can be read, and what was found wrong, by path."""

    bag_dir: Path
    payload: dict[str, str] | None = None
    tags: dict[str, str] | None = None
    oxum: tuple[int, int] | None = None
    findings: dict[str, Finding] = field(default_factory=dict)

    def add(self, what: str, path: str, detail: str) -> None:
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        self.findings[shown] = Finding(what, shown, detail)


def check_bag(
    bag_dir: Path,
    *,
    executor: Executor | None = None,
    progress: Progress = QUIET,
    tagmanifest_sha256: str | None = None,
    only: Collection[str] | None = None,
) -> BagReport:
    """Validate a bag completely (RFC 8493 §3): every payload and tag file is read and hashed.

    Also reported: files that no manifest lists, symbolic links, and a Payload-Oxum that is wrong though every
    file is right. ``tagmanifest_sha256``, where known from elsewhere, shows that the bag is the one meant.
    Of a bag held in part, ``only`` are the payload files that have to be there: others may be missing.
    The caller starts the stage of ``progress``. Without an executor, one thread per core hashes.
    """
    check = _Check(bag_dir)
    try:
        bag_dir.lstat()
    except FileNotFoundError:
        check.add("missing", bag_dir.name, "the folder of the bag is not there")
        return BagReport(bag_dir.name, 0, 0, tuple(check.findings.values()))
    _read_tag_files(check)
    expected: dict[str, str | None] = {**(check.payload or {}), **(check.tags or {})}
    expected[TAG_MANIFEST] = tagmanifest_sha256
    wanted = {path: sha256 for path, sha256 in expected.items() if _is_wanted(bag_dir, path, only)}
    files, sizes = 0, {PAYLOAD: 0, "": 0}
    with ThreadPoolExecutor(os.cpu_count()) if executor is None else nullcontext(executor) as pool:
        for path, (size, finding) in zip(
            wanted, pool.map(partial(_check_one, bag_dir), wanted.items()), strict=True
        ):
            if finding:
                check.findings[path] = finding
            files += size is not None
            sizes[PAYLOAD if path.startswith(PAYLOAD) else ""] += size or 0
            progress.advance(files=1, size=size or 0)
    _find_extras(check, expected.keys())
    if only is None:
        _check_oxum(check, sizes[PAYLOAD])
    findings = sorted(check.findings.values(), key=lambda finding: finding.path)
    return BagReport(bag_dir.name, files, sum(sizes.values()), tuple(findings))


def check_file(
    path: Path, size: int, sha256: str, *, name: str | None = None, from_disk: bool = False
) -> Finding | None:
    """Return what is wrong with one stored file, called ``name`` in the finding, or None.

    A file of another size is damaged, and not read. ``from_disk``: see :func:`~phonotheque.vault.place.feed`.
    """
    name = str(path) if name is None else name
    try:
        with open_regular(path, follow_links=False) as stream:
            found = os.fstat(stream.fileno()).st_size
    except OSError as error:
        return _not_read(name, error)
    if found != size:
        return Finding("damaged", name, f"has {found} bytes instead of {size}")
    return _hash(path, name, sha256, from_disk=from_disk)[1]


def _is_wanted(bag_dir: Path, path: str, only: Collection[str] | None) -> bool:
    return only is None or not path.startswith(PAYLOAD) or path in only or os.path.lexists(bag_dir / path)


def _read_tag_files(check: _Check) -> None:
    bag_dir = check.bag_dir
    check.tags = _attempt(check, TAG_MANIFEST, lambda: read_tag_manifest(bag_dir))
    check.payload = _attempt(check, MANIFEST, lambda: read_manifest(bag_dir))
    check.oxum = _attempt(check, INFO, lambda: payload_oxum(read_info(bag_dir)))
    _attempt(check, DECLARATION, lambda: read_declaration(bag_dir))
    for name in (DECLARATION, MANIFEST):
        if check.tags is not None and name not in check.tags:
            check.add("damaged", TAG_MANIFEST, f"does not list {name}")


def _attempt(check: _Check, name: str, read: Callable[[], T]) -> T | None:
    try:
        return read()
    except VerificationError as error:
        check.add("damaged", name, error.message)
    except OSError as error:
        check.findings[name] = _not_read(name, error)
    return None


def _check_one(bag_dir: Path, item: tuple[str, str | None]) -> tuple[int | None, Finding | None]:
    path, sha256 = item
    return _hash(bag_dir / path, path, sha256)


class _Counted:
    """SHA-256 and the number of bytes."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.size = 0

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self.hash.update(data)
        self.size += len(data)


def _hash(
    path: Path, name: str, sha256: str | None, *, from_disk: bool = False
) -> tuple[int | None, Finding | None]:
    """Return a file's size (None if it could not be read to the end) and what is wrong with it."""
    try:
        counted = feed(path, _Counted(), follow_links=False, from_disk=from_disk)
    except OSError as error:
        return None, _not_read(name, error)
    found = counted.hash.hexdigest()
    if sha256 in (None, found):
        return counted.size, None
    return counted.size, Finding("damaged", name, f"its SHA-256 is {found} instead of {sha256}")


def _not_read(name: str, error: OSError) -> Finding:
    if isinstance(error, FileNotFoundError):
        return Finding("missing", name, "is not there")
    return Finding("unreadable", name, f"cannot be read: {error.strerror}")


def _find_extras(check: _Check, expected: Collection[str]) -> None:
    """Report what no manifest lists; where a manifest cannot be read, nothing can be said about its part."""

    def failed(folder: str, error: OSError) -> None:
        check.add("unreadable", folder or check.bag_dir.name, f"cannot be listed: {error.strerror}")

    for path, instead in files_in(check.bag_dir, failed):
        listed = check.payload if path.startswith(PAYLOAD) else check.tags
        if path in expected:
            if instead:
                check.add("damaged", path, f"is {instead}")
        elif instead:
            check.add("extra", path, f"is {instead}")
        elif listed is not None:
            check.add("extra", path, "no manifest lists it")


def _check_oxum(check: _Check, payload_bytes: int) -> None:
    """Compare Payload-Oxum where nothing else explains a difference: every listed file is there and right."""
    if check.oxum is None or check.payload is None:
        return
    if any(path.startswith(PAYLOAD) for path in check.findings):
        return
    found = (payload_bytes, len(check.payload))
    if found != check.oxum:
        stated = f"{check.oxum[0]} bytes in {check.oxum[1]} files"
        check.add("damaged", INFO, f"Payload-Oxum states {stated}; there are {found[0]} in {found[1]}")
