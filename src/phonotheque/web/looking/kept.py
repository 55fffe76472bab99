"""What was counted, kept in the archive's or the mirror's folder: ``figures/counted.json`` (docs/format.md).

It can be made again at any time. Pages read it, and say of when it is; they count nothing themselves.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from phonotheque.model.errors import PhonothequeError, VerificationError
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import write_durably
from phonotheque.web.looking.counts import Counted, from_json, to_json
from phonotheque.web.looking.first import First

FORMAT: Final = "phonotheque-figures/1"  # another one whenever rows or facts of a plot mean something else
_LARGEST: Final = 32 << 20  # bytes
_LOG = logging.getLogger("phonotheque.web")


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that was counted last. ``snapshot`` is the catalogue's, None where there was none."""

    first: First
    snapshot: str | None
    counts: Mapping[str, Counted]


def folder_of(archive: Archive) -> Path:
    """Return where figures and drawings lie."""
    return archive.folder / "figures"


def write_kept(archive: Archive, kept: Kept) -> None:
    """Keep what was counted, in place of what was before."""
    value = {
        "format": FORMAT,
        "first": asdict(kept.first),
        "snapshot": kept.snapshot,
        "plots": {key: to_json(counted) for key, counted in kept.counts.items()},
    }
    text = json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n"
    folder_of(archive).mkdir(exist_ok=True)
    write_durably(_file(archive), text.encode("utf-8", "replace"))


def read_kept(archive: Archive) -> Kept | None:
    """Return what was counted last; None if nothing was, or another version wrote it.

    Raises VerificationError for what makes no sense.
    """
    path = _file(archive)
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST)
    except FileNotFoundError:
        return None
    try:
        value = json.loads(data)
        return _decoded(value) if value["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VerificationError(
            f"{path} is damaged: {error!r:.200}.", "Remove it; it is made again."
        ) from error


class Looking:
    """What was counted last, for all threads of a room; it is read again when its file is another one."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._kept: Kept | None = None

    def kept(self) -> Kept | None:
        """Return it, None if nothing was counted yet, or what is kept makes no sense, which is logged."""
        try:
            status = _file(self._archive).stat()
        except FileNotFoundError:
            return None
        with self._lock:
            if self._stamp != (stamp := _stamp(status)):
                self._kept, self._stamp = self._read(), stamp
            return self._kept

    def _read(self) -> Kept | None:
        try:
            return read_kept(self._archive)
        except PhonothequeError as error:
            _LOG.error("Figures cannot be shown: %s", error)
            return None


def _file(archive: Archive) -> Path:
    return folder_of(archive) / "counted.json"


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _decoded(value: Mapping[str, Any]) -> Kept:
    counts = {key: from_json(key, counted) for key, counted in value["plots"].items()}
    return Kept(First(**value["first"]), value["snapshot"], counts)
