"""Every hash a bag and a torrent need, from one read of a file.

The file's SHA-256 (BagIt), SHA-1 of its pieces (BitTorrent v1, BEP 3 with BEP 47 padding), and the v2 Merkle
tree over 16 KiB blocks (BEP 52).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from phonotheque.model.bags import BLOCK, PIECE, FileHashes
from phonotheque.model.errors import VerificationError
from phonotheque.vault.place import feed, naming, open_regular

_HASH = 32  # bytes of SHA-256
_sha256 = hashlib.sha256


def _zero_subtrees(levels: int) -> tuple[bytes, ...]:
    """Return the roots of trees without any data: BEP 52 pads with leaves of 32 zero bytes."""
    roots = [bytes(_HASH)]
    for _ in range(levels):
        roots.append(_sha256(roots[-1] * 2).digest())
    return tuple(roots)


_ZERO = _zero_subtrees(64)


class PieceHasher:
    """Takes a file's bytes in order, in slices of any size, and yields its :class:`FileHashes`."""

    def __init__(self, piece_length: int = PIECE) -> None:
        self._piece_length = checked_piece_length(piece_length)
        self._piece_level = _level(piece_length)
        self._size = 0
        self._file = _sha256()
        self._v1 = bytearray()
        self._layer = bytearray()
        self._pending = bytearray()  # less than a piece

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take the next bytes. Whole pieces are hashed where they lie; only the remainder is copied."""
        view = memoryview(data).cast("B")
        self._size += len(view)
        start = 0
        if self._pending:
            start = min(self._piece_length - len(self._pending), len(view))
            self._pending += view[:start]
            if len(self._pending) < self._piece_length:
                return
            self._whole_piece(memoryview(self._pending))
            self._pending = bytearray()
        while start + self._piece_length <= len(view):
            self._whole_piece(view[start : start + self._piece_length])
            start += self._piece_length
        self._pending += view[start:]

    def finish(self) -> FileHashes:
        """Return the hashes of all that was taken. Call it once, at the end."""
        last = bytes(self._v1[-20:])
        root = bytes(self._layer)  # right for no piece and for exactly one
        if self._pending:
            self._file.update(self._pending)
            last = _sha1(self._pending)
            self._v1 += _sha1(self._pending.ljust(self._piece_length, b"\0"))
            whole = len(self._layer) == 0
            root = piece_hash(self._pending, self._piece_length, whole_file=whole)
            self._layer += root
        if len(self._layer) > _HASH:
            root = layer_root(self._layer, self._piece_length)
        return FileHashes(
            size=self._size,
            sha256=self._file.hexdigest(),
            v1_pieces=bytes(self._v1),
            v1_last=last,
            root=root,
            layer=bytes(self._layer) if len(self._layer) > _HASH else b"",
            piece_length=self._piece_length,
        )

    def _whole_piece(self, piece: memoryview) -> None:
        self._file.update(piece)
        self._v1 += _sha1(piece)
        self._layer += _climb(_leaves(piece), 0, self._piece_level)


def hash_file(path: Path, piece_length: int = PIECE) -> FileHashes:
    """Read a regular file once (symbolic links are refused). Raises OSError naming it."""
    return feed(path, PieceHasher(piece_length), follow_links=False).finish()


def good_pieces(path: Path, size: int, root: bytes, layer: bytes, piece_length: int = PIECE) -> list[bool]:
    """Tell which v2 pieces of a file on disk are right, so that only the others are fetched.

    ``size``, ``root`` and ``layer`` are what the torrent says. The file may be absent (no piece is right),
    short, longer (the surplus is not looked at) or damaged. Raises VerificationError if layer and root
    disagree, and OSError if the file is there but cannot be read: that does not make its pieces wrong.
    """
    expected = piece_hashes(size, root, layer, piece_length)
    good = [False] * len(expected)
    buffer = memoryview(bytearray(min(piece_length, max(size, 1))))
    try:
        stream = open_regular(path, follow_links=False)
    except FileNotFoundError:
        return good
    with stream, naming(path):
        for index, wanted in enumerate(expected):
            length = min(piece_length, size - index * piece_length)
            got = 0
            while got < length and (count := stream.readinto(buffer[got:length])):
                got += count
            if got < length:
                break
            good[index] = piece_hash(buffer[:length], piece_length, whole_file=len(expected) == 1) == wanted
    return good


def piece_hashes(size: int, root: bytes, layer: bytes, piece_length: int = PIECE) -> list[bytes]:
    """Return the 32-byte hash of each v2 piece; VerificationError if ``layer`` is not that of ``root``."""
    checked_piece_length(piece_length)
    count = -(-size // piece_length)
    if count == 0 and not root and not layer:
        return []
    if count == 1 and len(root) == _HASH and not layer:
        return [root]
    if count < 2 or len(layer) != count * _HASH or layer_root(layer, piece_length) != root:
        raise VerificationError(
            f"the piece layer of {len(layer)} bytes is not that of a file of {size} bytes with the given root"
        )
    return _split(layer)


def piece_hash(data: bytes | bytearray | memoryview, piece_length: int, *, whole_file: bool) -> bytes:
    """Return the v2 hash of one non-empty piece (BEP 52).

    A short piece is extended with zero subtrees up to ``piece_length``; a file that fits in one piece
    (``whole_file``) only up to the next power of two of blocks, and the result is the file's root.
    """
    leaves = _leaves(memoryview(data))
    return _climb(leaves, 0, (len(leaves) - 1).bit_length() if whole_file else _level(piece_length))


def layer_root(layer: bytes | bytearray, piece_length: int) -> bytes:
    """Return the root over the hashes of two or more pieces."""
    hashes = _split(layer)
    bottom = _level(piece_length)
    return _climb(hashes, bottom, bottom + (len(hashes) - 1).bit_length())


def checked_piece_length(piece_length: int) -> int:
    """Return the piece length if BEP 52 allows it (a power of two, 16 KiB or more), else raise ValueError."""
    if piece_length < BLOCK or piece_length & (piece_length - 1):
        raise ValueError(f"piece length {piece_length} is not a power of two of at least {BLOCK}")
    return piece_length


def _level(piece_length: int) -> int:
    return (piece_length // BLOCK - 1).bit_length()


def _leaves(piece: memoryview) -> list[bytes]:
    return [_sha256(piece[at : at + BLOCK]).digest() for at in range(0, len(piece), BLOCK)]


def _climb(hashes: Sequence[bytes], bottom: int, top: int) -> bytes:
    """Reduce hashes in pairs from tree level ``bottom`` (0: blocks) to the one hash at level ``top``."""
    nodes = list(hashes)
    for level in range(bottom, top):
        if len(nodes) % 2:
            nodes.append(_ZERO[level])
        nodes = [_sha256(nodes[i] + nodes[i + 1]).digest() for i in range(0, len(nodes), 2)]
    (root,) = nodes
    return root


def _split(layer: bytes | bytearray) -> list[bytes]:
    return [bytes(layer[at : at + _HASH]) for at in range(0, len(layer), _HASH)]


def _sha1(piece: bytes | bytearray | memoryview) -> bytes:
    return hashlib.sha1(piece, usedforsecurity=False).digest()
