"""What else a public tree shows: things that nothing signed lists, and what is left of what was taken back.

Of a folder, all of it is looked at. A server shows no list of what it has: there, it is asked for every path
where what was taken back, or is not for everybody, may have lain.
"""

from __future__ import annotations

import hashlib
import os
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from phonotheque.editions.audit import Fault, What
from phonotheque.editions.edition import Edition, Withdrawal
from phonotheque.editions.shelves import BAGS, RESTRICTED, bags_folder, torrent_path
from phonotheque.editions.site import ROOM, ROOM_TYPES
from phonotheque.mirrors.audit_bag import home_of
from phonotheque.mirrors.audit_history import History
from phonotheque.mirrors.origin import Origin, is_there
from phonotheque.model.errors import NetworkError, VerificationError
from phonotheque.model.territory import WORLDWIDE
from phonotheque.vault.bag import RECORDINGS
from phonotheque.vault.bagfolder import DECLARATION, TAG_MANIFEST
from phonotheque.vault.place import open_regular

_PAGES: Final = frozenset(
    {"index.html", "feed.atom", ".well-known/tdmrep.json", "mining/croissant.json", "mining/minable.csv"}
    | {"copies.json", "health.atom"}
)
_METADATA: Final = ("root.json", "targets.json", "snapshot.json")  # each after its version and a dot
_PARTIAL: Final = ".partial-"  # begins the names of folders that are being filled or emptied
_CHUNK: Final = 1024**2  # bytes
_PROBES: Final = (TAG_MANIFEST, DECLARATION, RECORDINGS)

Told = Callable[[Fault], None]


@dataclass(frozen=True, slots=True)
class Listed:
    """What may lie in a public tree, by path; with size or SHA-256 where nothing else has compared them."""

    files: Mapping[str, tuple[int | None, str | None]]
    bags: frozenset[str]  # the places of current bags
    gone: Mapping[str, Withdrawal]


def listed_by(
    edition: Edition,
    history: History,
    targets: Mapping[str, str],
    audited: Sequence[str],
    *,
    every_byte: bool,
) -> Listed:
    """Return what an edition, its predecessors and TUF's ``targets.json`` list. ``audited`` are bags."""
    files: dict[str, tuple[int | None, str | None]] = dict.fromkeys(_PAGES, (None, None))
    for path, sha256 in targets.items():
        folder, slash, name = path.rpartition("/")
        for known in (path, f"{folder}{slash}{sha256}.{name}", f"{sha256}.{name}"):
            files[f"targets/{known}"] = None, sha256
        if folder.startswith("editions/") and int(folder.split("/")[1]) < history.oldest:
            for name in ("index.parquet", "bags.jsonl"):
                files[f"targets/{folder}/{name}"] = None, None  # whose edition a mirror may lack
    for index in history.indexes.values():
        files[f"targets/{index.path}"] = index.size, index.sha256 if every_byte else None
    files[f"targets/{edition.index.path}"] = None, None  # it has been read
    if (about := edition.about) is not None:
        files[f"targets/{about.path}"] = about.size, about.sha256
    for bag in edition.bags:
        known_by = None if bag.id in audited else bag.torrent.sha256
        files[f"targets/{bag.torrent.path}"] = None, known_by
    return Listed(
        files,
        frozenset(home_of(bag) for bag in edition.bags),
        {withdrawal.bag: withdrawal for withdrawal in edition.withdrawals},
    )


def audit_folder(public: Path, listed: Listed, on_fault: Told) -> None:
    """Tell of all in a folder that nothing lists. Raises NetworkError when it cannot be read."""
    folders = {parent.as_posix() for path in listed.files for parent in Path(path).parents}
    for path, entry in _entries(public, "", folders | {"metadata"}):
        parent, _, name = path.rpartition("/")
        if path in (BAGS, RESTRICTED) or _is_of_room(path, entry):
            continue  # see below
        if path in listed.files or (parent == "metadata" and _is_metadata(name)):
            if reason := _differs(Path(entry.path), path, *listed.files.get(path, (None, None))):
                on_fault(Fault(What.DAMAGED, "", _shown(path), reason))
        elif (bag := name.removesuffix(".torrent")) != name and bag in listed.gone:
            on_fault(_withdrawn(listed.gone[bag], _shown(path)))
        elif not entry.is_dir(follow_symlinks=False) or _holds_something(Path(entry.path)):
            on_fault(Fault(What.UNLISTED, "", _shown(path), "is public, and nothing signed lists it"))
    _audit_shelves(public, listed, on_fault)


def _audit_shelves(public: Path, listed: Listed, on_fault: Told) -> None:
    shelves = [f"{RESTRICTED}/{name}" for name in _names(public / RESTRICTED)]
    for shelf in shelves:
        if (public / shelf).is_symlink() or not (public / shelf).is_dir():
            on_fault(Fault(What.UNLISTED, "", _shown(shelf), "is no folder of bags"))
            continue
        for name in _names(public / shelf):
            if name != BAGS:
                reason = "is public, and nothing signed lists it"
                on_fault(Fault(What.UNLISTED, "", _shown(f"{shelf}/{name}"), reason))
    for folder in (BAGS, *(f"{shelf}/{BAGS}" for shelf in shelves)):
        for name in _names(public / folder):
            bag = name.removeprefix(_PARTIAL)
            if bag in listed.gone:
                on_fault(_withdrawn(listed.gone[bag], _shown(f"{folder}/{name}")))
            elif f"{folder}/{name}" not in listed.bags:
                reason = f"is shown in {_shown(folder)}; no bag is listed there"
                on_fault(Fault(What.UNLISTED, _shown(name), "", reason))


def audit_server(
    origin: Origin,
    edition: Edition,
    history: History,
    samples: Mapping[str, Sequence[str]],
    executor: Executor,
    on_fault: Told,
) -> None:
    """Ask a server for what was taken back, and for what is not for everybody where everybody would look.

    ``samples`` are some payload paths of withdrawn bags. Raises NetworkError.
    """
    shelves = sorted({bags_folder(bag.audience) for bag in history.bags.values()} | {BAGS})
    wanted: list[tuple[str, Fault]] = []
    for gone in edition.withdrawals:
        places = [f"{shelf}/{gone.bag}/{name}" for shelf in shelves for name in _PROBES]
        places += [f"{shelf}/{gone.bag}/{path}" for shelf in shelves for path in samples.get(gone.bag, ())]
        if (former := history.bags.get(gone.bag)) is not None:
            places.append(f"targets/{former.torrent.path}")
        wanted += [(place, _withdrawn(gone, place)) for place in places]
    for bag in edition.bags:
        if bag.audience != WORLDWIDE:
            places = [f"{BAGS}/{bag.id}/{name}" for name in _PROBES]
            places.append(f"targets/{torrent_path(bag.edition, bag.id, WORLDWIDE)}")
            reason = f"is for {bag.audience}, and is shown to everybody at {{}}"
            wanted += [(place, Fault(What.AUDIENCE, bag.id, "", reason.format(place))) for place in places]
    told: set[tuple[What, str]] = set()
    found = executor.map(lambda one: is_there(origin, one[0]), wanted)
    for (_, fault), there in zip(wanted, found, strict=True):
        if there and (fault.what, fault.bag) not in told:
            told.add((fault.what, fault.bag))
            on_fault(fault)


def _withdrawn(gone: Withdrawal, place: str) -> Fault:
    reason = f"was taken back on {gone.date[:10]} ({gone.reason}), and is still there: {place}"
    return Fault(What.WITHDRAWN, gone.bag, "", reason)


def _entries(public: Path, folder: str, known: set[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield what lies in a folder, and in those below it that are known, but not these folders."""
    try:
        with os.scandir(public / folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(public / folder, error) from error
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        below = path in known or path.startswith("targets/") or path.partition("/")[0] in ROOM
        if below and entry.is_dir(follow_symlinks=False):
            yield from _entries(public, path, known)
        else:
            yield path, entry


def _is_of_room(path: str, entry: os.DirEntry[str]) -> bool:
    """Whether it is a page of the reading room or belongs to one, by its place and its kind."""
    kind = PurePosixPath(path).suffix in ROOM_TYPES or PurePosixPath(path).name == "LICENSE"
    return kind and path.partition("/")[0] in ROOM and entry.is_file(follow_symlinks=False)


def _holds_something(folder: Path) -> bool:
    """Tell whether there is anything but folders in a folder: what was there may have left them behind."""

    def failed(error: OSError) -> None:
        raise _unreadable(folder, error) from error

    for here, folders, names in os.walk(folder, onerror=failed):
        if names or any(Path(here, name).is_symlink() for name in folders):
            return True
    return False


def _is_metadata(name: str) -> bool:
    version, _, role = name.partition(".")
    return name == "timestamp.json" or (role in _METADATA and version.isdecimal())


def _differs(file: Path, path: str, size: int | None, sha256: str | None) -> str | None:
    """Return how a file differs from what it must be: at least text, if nothing more is known of it."""
    try:
        with open_regular(file, follow_links=False) as stream:
            found = os.fstat(stream.fileno()).st_size
            if size is not None and found != size:
                return f"has {found} bytes, not {size}"
            if sha256 is not None and hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                return f"its SHA-256 is not {sha256}"
            if (path in _PAGES or path.startswith("metadata/")) and not _is_text(stream):
                return "is no text"
    except VerificationError as error:
        return error.message
    except OSError as error:
        raise _unreadable(file, error) from error
    return None


def _is_text(stream: IO[bytes]) -> bool:
    decoder = getincrementaldecoder("utf-8")()
    try:
        while chunk := stream.read(_CHUNK):
            if b"\0" in chunk:
                return False
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(place: Path, error: OSError) -> NetworkError:
    return NetworkError(f"{place} cannot be read: {error.strerror}.", "Check the disk.")


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
