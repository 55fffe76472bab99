"""Masters to lie in a vault: their content, and where it lies."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path

MASTERS = ("first", "second", "third")


def content(name: str) -> bytes:
    return name.encode() * 1000


def place(archive: Archive, name: str) -> Path:
    path = incoming_path(archive.incoming, sha256(content(name)).hexdigest())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content(name))
    return path


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)
