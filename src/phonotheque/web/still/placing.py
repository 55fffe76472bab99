"""Putting pages where a web server finds them, and removing those of an earlier time, and nothing else.

What was put is listed in ``pages/written.txt`` of the archive's folder, a path of the public tree in each
line: before anything is put, what there was and what will be; afterwards what there is. Whenever it is
interrupted, the list names all that may be there, and the next time goes on from it. What the list does not
name was written by somebody else, and stays, whatever it is.
"""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterable
from contextlib import AbstractContextManager
from errno import EXDEV
from pathlib import Path, PurePosixPath
from typing import Final

from phonotheque.editions.site import ROOM, ROOM_TYPES, write_front
from phonotheque.model.errors import VerificationError
from phonotheque.vault.alone import alone
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import write_durably

_LIST: Final = "written.txt"
_LICENCE: Final = "LICENSE"  # of what others have made, beside it


def folder_of(archive: Archive) -> Path:
    """Return where the list lies, and pages while they are made: beside the public tree, not in it."""
    return archive.folder / "pages"


def only_writer(archive: Archive) -> AbstractContextManager[None]:
    """Be the only one who writes or removes pages of an archive. Raises BusyError."""
    return alone(
        folder_of(archive),
        f"The pages of {archive.folder} are being written by another process.",
        "Wait until it has finished, then write them again: phono pages.",
    )


def put(archive: Archive, fresh: Path) -> None:
    """Move all files of a folder to their paths in the public tree; remove what was put there before.

    A file that is the same stays as it is. Each is replaced in one step, pages after what they show: whoever
    reads meanwhile may see pages of both times.
    """
    paths = [path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file()]
    before = written(archive)
    _note(archive, before | set(paths))
    for path in sorted(paths, key=lambda path: (path.endswith(".html"), path)):
        _move(fresh / path, archive.public / path)
    _remove(archive.public, before - set(paths))
    _note(archive, paths)
    write_front(archive)


def remove(archive: Archive) -> int:
    """Remove all pages that were ever put there and what belongs to them; return how many files there were.

    Raises BusyError while they are being written.
    """
    if not (folder_of(archive) / _LIST).exists():
        return 0
    with only_writer(archive):
        removed = _remove(archive.public, written(archive))
        write_front(archive)
        (folder_of(archive) / _LIST).unlink()
    return removed


def written(archive: Archive) -> set[str]:
    """Return the paths, in the public tree, of what was put there.

    Raises VerificationError if the list is none.
    """
    place = folder_of(archive) / _LIST
    try:
        listed = set(place.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return set()
    except UnicodeDecodeError as error:
        raise _broken(place, str(error)) from error
    for path in listed:
        if not _may_be_ours(path):
            raise _broken(place, f"“{path:.100}” is not where pages are")
    return listed


def _broken(place: Path, why: str) -> VerificationError:
    return VerificationError(
        f"{place} is no list of pages: {why}.",
        f"Remove it, and from the public tree what is there of old pages ({', '.join(ROOM)}).",
    )


def _may_be_ours(path: str) -> bool:
    parts = PurePosixPath(path).parts
    kind = PurePosixPath(path).suffix in ROOM_TYPES or parts[-1:] == (_LICENCE,)
    return kind and len(parts) > 1 and parts[0] in ROOM and ".." not in parts and "\0" not in path


def _note(archive: Archive, paths: Iterable[str]) -> None:
    text = "".join(f"{path}\n" for path in sorted(paths))
    write_durably(folder_of(archive) / _LIST, text.encode())


def _move(source: Path, goal: Path) -> None:
    if goal.is_file() and not goal.is_symlink() and filecmp.cmp(source, goal, shallow=False):
        return
    goal.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(goal)
    except OSError as error:
        if error.errno != EXDEV:
            raise
        near = goal.with_name(f".{goal.name}.new")  # the public tree is on another disk
        try:
            shutil.copyfile(source, near)
            near.replace(goal)
        finally:
            near.unlink(missing_ok=True)


def _remove(public: Path, paths: Iterable[str]) -> int:
    """Remove files, and the folders that are empty without them; return how many files there were."""
    removed, folders = 0, set()
    for path in paths:
        try:
            (public / path).unlink()
        except (FileNotFoundError, NotADirectoryError):
            pass  # taken back meanwhile, or by an earlier time that was interrupted
        else:
            removed += 1
        folders |= {str(folder) for folder in PurePosixPath(path).parents if folder.parts}
    for folder in sorted(folders, reverse=True):
        try:
            if not any((public / folder).iterdir()):
                (public / folder).rmdir()
        except (FileNotFoundError, NotADirectoryError):
            pass
    return removed
