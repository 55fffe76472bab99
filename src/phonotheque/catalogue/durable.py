"""Writes that survive a crash. The vault has its own; rooms of this layer do not know the vault."""

from __future__ import annotations

import os
from pathlib import Path


def fsync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, content: bytes) -> None:
    """Replace a small file in one step, so that readers see all of it or what was there before.

    The caller sees to it that only one process at a time does so.
    """
    temporary = path.with_name(f".{path.name}.tmp")  # what a killed run left there is written over
    try:
        temporary.write_bytes(content)
        rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def rename(temporary: Path, path: Path) -> None:
    """Give a finished file its name, durably, replacing what had it."""
    fsync(temporary)
    temporary.replace(path)
    fsync(path.parent)
