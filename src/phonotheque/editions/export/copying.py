"""Making one exported file: copied, checked, tagged, and its sound compared with the source's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from phonotheque.audio.labels import Labels
from phonotheque.audio.packets import NoPacketsError, packets_sha256
from phonotheque.audio.writing import UntaggableError, write_tags
from phonotheque.model.bags import Finding
from phonotheque.vault.place import copy_hashing, feed, fsync_file, replace_durably


@dataclass(frozen=True, slots=True)
class Order:
    """A file to be made. ``labels``: its tags; None to leave every byte as it is."""

    source: Path
    sha256: str
    size: int
    partial: Path  # where it is made, on the file system of ``target``
    target: Path
    labels: Labels | None


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made. ``untagged``: why it was left as it is although tags were asked for."""

    sha256: str
    size: int
    mtime_ns: int
    tagged: bool
    untagged: str | None = None


def make_copies(orders: list[Order]) -> list[Made | Finding]:
    """Do what some orders ask for, in a worker."""
    return [make_copy(order) for order in orders]


def make_copy(order: Order) -> Made | Finding:
    """Make a file and give it its place; a source that is not what it should be is a finding.

    Never a second name of the source: a copy of its own, which is compared with the source packet by packet
    after its tags were written. Where that is not possible, or the sound would be another, the copy is left
    without tags of ours. Raises OSError when it cannot be written.
    """
    try:
        wrong = _copied(order)
        if wrong is not None:
            return wrong
        untagged = _tagged(order) if order.labels else None
        if untagged is not None and (wrong := _copied(order)) is not None:
            return wrong
        tagged = order.labels is not None and untagged is None
        digest = feed(order.partial, hashlib.sha256()).hexdigest() if tagged else order.sha256
        order.partial.chmod(0o644)
        order.target.parent.mkdir(parents=True, exist_ok=True)
        replace_durably(order.partial, order.target)
    finally:
        order.partial.unlink(missing_ok=True)
    status = order.target.stat()
    return Made(digest, status.st_size, status.st_mtime_ns, tagged, untagged)


def _copied(order: Order) -> Finding | None:
    order.partial.unlink(missing_ok=True)
    try:
        digest = copy_hashing(order.source, order.partial, hashlib.sha256, sync=False).hexdigest()
    except OSError as error:
        if error.filename != str(order.source):
            raise
        what = "missing" if isinstance(error, FileNotFoundError) else "unreadable"
        return Finding(what, str(order.source), error.strerror or str(error))
    if digest != order.sha256:
        detail = f"its SHA-256 is {digest} instead of {order.sha256}"
        return Finding("damaged", str(order.source), detail)
    return None


def _tagged(order: Order) -> str | None:
    """Write the tags; return why that was given up."""
    assert order.labels is not None
    try:
        before = packets_sha256(order.partial)
        write_tags(order.partial, order.labels)
        fsync_file(order.partial)
        if packets_sha256(order.partial) != before:
            return "its sound would not have stayed the same to the bit"
    except (NoPacketsError, UntaggableError) as error:
        return error.message
    return None
