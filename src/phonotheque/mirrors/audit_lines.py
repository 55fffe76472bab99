"""Reading the lines of ``recordings.jsonl`` from a stranger's bag, and comparing them with the index."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from phonotheque.editions.audit import What
from phonotheque.mirrors.strict_json import read_json
from phonotheque.vault.bag import RECORDINGS

_MAX_LINE: Final = 16 * 1024**2  # bytes
_SHA256 = re.compile(r"[0-9a-f]{64}")

Row = tuple[str, int, str | None]  # SHA-256, size and recording, as an index has them
Told = Callable[[What, str, str], None]


def read_lines(folder: Path, fault: Told) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the lines that are JSON objects, numbered from 1; tell of all others."""
    with (folder / RECORDINGS).open("rb") as lines:
        for number, line in enumerate(iter(partial(lines.readline, _MAX_LINE + 1), b""), start=1):
            place = f"{RECORDINGS}, line {number}"
            if len(line) > _MAX_LINE:
                fault(What.UNREADABLE_LINE, place, "is too long to be read")
                return
            try:
                record = read_json(line)
            except (ValueError, RecursionError) as error:
                fault(What.UNREADABLE_LINE, place, f"is not JSON that means one thing: {error}")
                continue
            if isinstance(record, dict):
                yield number, record
            else:
                fault(What.UNREADABLE_LINE, place, "is no JSON object")


def wrong_names(record: Mapping[str, Any]) -> str | None:
    """Return what a line lacks by which tombstones would know its file, if anything."""
    if record.get("kind") == "sidecar":
        listed = record.get("recordings")
        if not isinstance(listed, list) or not all(_is_recording(one) for one in listed):
            return "its line lacks the list of the recordings that it belongs to"
        return None
    if not _is_recording(record.get("recording")):
        return "its line does not name its recording"
    master = record.get("master_sha256")
    if not isinstance(master, str) or not _SHA256.fullmatch(master):
        return "its line does not name its master by SHA-256"
    if record.get("kind") == "master" and master != record.get("sha256"):
        return "its line names another file as its master, and says that it is a master"
    return None


def compare(record: Mapping[str, Any], row: Row | None) -> str | None:
    """Return how a line differs from its row of the index, where a sidecar has one recording or none."""
    if row is None:
        return "the edition's index does not list it"
    sha256, size, recording = row
    if record.get("kind") == "sidecar":
        named = record.get("recordings")
        same = recording is None or (isinstance(named, list) and recording in named)
    else:
        same = recording == record.get("recording")
    if not same or (sha256, size) != (record.get("sha256"), record.get("size")):
        return "the edition's index gives another recording, size or hash"
    return None


def _is_recording(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False
