"""The files of a deposit: their list, and whether a folder has exactly these, byte for byte."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.sources.agreement import Agreement, bad_path
from phonotheque.sources.folder import said
from phonotheque.sources.small_files import read_whole
from phonotheque.vault.place import open_regular, write_durably

MANIFEST = "manifest-sha256.txt"
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # left by file managers
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_LARGEST = 1 << 30  # bytes of a list of files
_NAMED = 10  # files named in a message
_BLOCK = 1 << 20
_MAKE_IT = "Make it with: phono deposit --manifest FOLDER"


def write_manifest(folder: Path, progress: Progress = QUIET) -> tuple[Path, str, int]:
    """Write the list of a folder's files as sha256sum does; return its place, its SHA-256, and how many.

    Raises UsageError naming a file that cannot be listed or deposited, OSError for one that cannot be read.
    """
    if not folder.is_dir():
        raise NotFoundError(f"{folder} is not a folder.", "Give the folder that is deposited.")
    place = folder / MANIFEST
    found = [path for path in _files_in(folder) if path != MANIFEST and not _paper_like(folder, path)]
    bad = [path for path in found if bad_path(path) or not _is_text(path)]
    if bad:
        raise UsageError(f"This name cannot stand in a list: {bad[0]!r}.", "Rename the file.")
    if not found:
        raise UsageError(f"{folder} holds no file to deposit.", "Put the music into it first.")
    digests = _hash_all(folder, found, progress)
    content = "".join(f"{digests[path]}  {path}\n" for path in found).encode()
    write_durably(place, content)
    return place, hashlib.sha256(content).hexdigest(), len(found)


def _paper_like(folder: Path, path: str) -> bool:
    """Whether a file is an agreement or its signature: signed after the list is made."""
    if "/" in path or not path.endswith((".toml", ".toml.sig")):
        return False
    with open_regular(folder / path, follow_links=False) as stream:
        beginning = stream.read(1 << 16)
    return b"[deposit]" in beginning or b"BEGIN SSH SIGNATURE" in beginning


def listed(folder: Path, agreement: Agreement) -> dict[str, str]:
    """Return the SHA-256 of each file that an agreement is about, by path.

    Raises NotFoundError, UsageError or VerificationError for a list that is not there, makes no sense, or is
    not the one that was signed.
    """
    if agreement.manifest is None:
        return dict(agreement.files)
    name, wanted = agreement.manifest
    if bad_path(name):
        raise UsageError(f"[manifest] name is no path in the folder: {name[:100]}.", "Correct it.")
    path = folder / name
    if not path.is_file() or path.is_symlink():
        raise NotFoundError(f"There is no {path}.", "The list of files belongs to what is deposited.")
    content = read_whole(path, limit=_LARGEST)
    if (found := hashlib.sha256(content).hexdigest()) != wanted:
        raise VerificationError(
            f"{path} is not the list that was signed: its SHA-256 is {found}, not {wanted}.",
            "Ask for the list as it was, or for a new agreement about this one.",
        )
    return parsed(content, name)


def parsed(content: bytes, name: str) -> dict[str, str]:
    """Return the files in a list as sha256sum writes it. Raises UsageError, which names the line."""
    files: dict[str, str] = {}
    try:
        # Not splitlines(), which splits at other characters, too, that names may have.
        lines = content.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8.", _MAKE_IT) from error
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None or (why := bad_path(match[2])):
            what = why if match else "is no line of a list of SHA-256"
            raise UsageError(f"{name}, line {number} {what}.", _MAKE_IT)
        if match[2] in files:
            raise UsageError(f"{name}, line {number} names {match[2]} again.", "Take one out.")
        files[match[2]] = match[1]
    if not files:
        raise UsageError(f"{name} lists no file.", _MAKE_IT)
    return files


def check_names(folder: Path, files: Mapping[str, str], papers: Iterable[Path], agreement: Agreement) -> None:
    """Raise VerificationError unless the folder has exactly the files that are listed."""
    own = {os.path.relpath(paper.resolve(), folder) for paper in papers}
    own.add(agreement.manifest[0] if agreement.manifest else MANIFEST)
    there = set(_files_in(folder))
    if missing := sorted(files.keys() - there):
        raise VerificationError(
            f"The agreement lists {_some(missing)}, not in {folder}.", "Ask for the whole folder."
        )
    if unlisted := sorted(there - files.keys() - own):
        raise VerificationError(
            f"{folder} has {_some(unlisted)}, not in the agreement.",
            "Nothing was taken in. Move it out, or ask for an agreement about all of it.",
        )


def _files_in(folder: Path) -> Iterator[str]:
    """Yield the paths of all files in a folder, in order. Raises UsageError for a link or a device."""
    for place, below, names in os.walk(folder, onerror=_raise):
        below.sort()
        for name in sorted([*names, *(each for each in below if os.path.islink(os.path.join(place, each)))]):
            path = os.path.join(place, name)
            if name in _LITTER:
                continue
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise UsageError(f"{said(Path(path))} is a link or no file.", "Put the file itself there.")
            yield os.path.relpath(path, folder)


def check_bytes(folder: Path, files: Mapping[str, str], progress: Progress) -> None:
    """Raise VerificationError naming the files that are not, byte for byte, those that are listed."""
    found = _hash_all(folder, list(files), progress)
    if wrong := [path for path, digest in files.items() if found[path] != digest]:
        raise VerificationError(
            f"{_some(wrong)} in {folder}: not what the agreement lists, by SHA-256.",
            "Nothing was taken in. Ask for the files that were agreed on, or for an agreement about these.",
        )


def _hash_all(folder: Path, paths: list[str], progress: Progress) -> dict[str, str]:
    size = sum(os.stat(folder / path).st_size for path in paths)
    progress.start("Verifying", total_files=len(paths), total_bytes=size)
    found = {}
    for path in paths:
        digest = hashlib.sha256()
        with open_regular(folder / path, follow_links=False) as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                progress.advance(size=len(block))
        found[path] = digest.hexdigest()
        progress.advance(files=1)
    return found


def _some(paths: list[str]) -> str:
    shown = ", ".join(said(Path(path)) for path in paths[:_NAMED])
    more = len(paths) - _NAMED
    count = f"{len(paths):,} {'file' if len(paths) == 1 else 'files'}"
    return f"{count} ({shown}{f' and {more:,} more' if more > 0 else ''})"


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _raise(error: OSError) -> None:
    raise error
