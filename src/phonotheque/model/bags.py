"""Bags and their hashes as values, shared by those who seal, publish, mirror and check."""

from __future__ import annotations

from dataclasses import dataclass

BLOCK = 16 * 1024  # BEP 52: leaves of the v2 hash tree
PIECE = 256 * 1024  # bytes per piece, v1 and v2
MAX_BAG_BYTES = 32 * 1024**3
MAX_BAG_FILES = 5000


@dataclass(frozen=True, slots=True)
class FileHashes:
    """One pass over one file: SHA-256 and BitTorrent v1 and v2 hashes, for pieces of ``piece_length``.

    ``v1_pieces`` is 20 bytes per piece, the last piece padded with zeros to its full length (the file
    is piece-aligned, BEP 47); ``v1_last`` is the same last piece's hash without the padding, for a file
    that nothing follows. ``root`` is the BEP 52 Merkle root (empty for an empty file) and ``layer`` the
    concatenated 32-byte piece hashes (empty when the file fits in one piece).
    """

    size: int
    sha256: str
    v1_pieces: bytes
    v1_last: bytes
    root: bytes
    layer: bytes
    piece_length: int = PIECE


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file inside a sealed bag. ``path`` is relative to the bag, with ``/``."""

    path: str
    hashes: FileHashes


@dataclass(frozen=True, slots=True)
class SealedBag:
    """A finished BagIt folder (RFC 8493), every file hashed, in BitTorrent file order."""

    id: str
    files: tuple[SealedFile, ...]  # payload and tag files, sorted by path components
    payload_bytes: int
    payload_files: int

    @property
    def size(self) -> int:
        """All bytes of the bag, tag files included."""
        return sum(f.hashes.size for f in self.files)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a stored file. ``what`` is damaged, missing, extra or unreadable."""

    what: str
    path: str
    detail: str
