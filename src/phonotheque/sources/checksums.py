"""Checksums that a publisher lays beside files: ``SHA256SUMS`` and its like, as sha256sum(1) writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from phonotheque.catalogue.datasets import SourceFile

_NAMES = re.compile(r"(SHA256SUMS?|CHECKSUMS?)(\.txt)?|.+_CHECKSUM\.txt", re.IGNORECASE)
_LINE = re.compile(r"\\?([0-9a-fA-F]{64}) [ *](.+)")
_LARGEST = 16 << 20  # bytes; more is no list of checksums


def checksums(location: Path) -> dict[str, str]:
    """Return the SHA-256 that lists in the folder state, by the file's name. OSError when one cannot be
    read.
    """
    folder = location if location.is_dir() else location.parent
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if _NAMES.fullmatch(path.name) and path.is_file():
            with path.open("rb") as stream:
                text = stream.read(_LARGEST).decode("utf-8", "replace")
            for line in text.splitlines():
                if match := _LINE.fullmatch(line.strip()):
                    found[Path(match[2]).name] = match[1].lower()
    return found


def wrong_checksum(expected: Mapping[str, str], file: SourceFile) -> str | None:
    """Return why a file is not what its publisher says, or None when it is, or nobody says."""
    stated = expected.get(Path(file.name).name)
    if stated is None or stated == file.sha256:
        return None
    return f"its SHA-256 is {file.sha256}, not {stated} as the list beside it says; fetch it again"
