import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.model.bags import BLOCK, PIECE, FileHashes
from phonotheque.model.errors import VerificationError
from phonotheque.vault.hashing import PieceHasher, good_pieces, hash_file

SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 7, PIECE - 1, PIECE, PIECE + 1]
SIZES += [2 * PIECE, 3 * PIECE, 3 * PIECE + 5, 5 * PIECE + 3 * BLOCK + 1]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def tree(leaves: Sequence[bytes]) -> bytes:
    """The root of a whole binary tree, computed from the top: nothing shared with the code under test."""
    if len(leaves) == 1:
        return leaves[0]
    half = len(leaves) // 2
    return sha256(tree(leaves[:half]) + tree(leaves[half:]))


def naive(data: bytes, piece: int) -> FileHashes:
    """BEP 52 as one reads it: the leaves of the whole file, padded with zeros to a power of two."""
    leaves = [sha256(data[i : i + BLOCK]) for i in range(0, len(data), BLOCK)]
    count = 1
    while count < len(leaves):
        count *= 2
    per_piece = piece // BLOCK
    full = leaves + [bytes(32)] * (max(count, per_piece) - len(leaves))
    layer = b"".join(tree(full[i : i + per_piece]) for i in range(0, len(leaves), per_piece))
    pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
    return FileHashes(
        size=len(data),
        sha256=sha256(data).hex(),
        v1_pieces=b"".join(hashlib.sha1(p.ljust(piece, b"\0")).digest() for p in pieces),
        v1_last=hashlib.sha1(pieces[-1]).digest() if pieces else b"",
        root=tree(full[:count]) if data else b"",
        layer=layer if len(data) > piece else b"",
        piece_length=piece,
    )


def noise(size: int, seed: int = 0) -> bytes:
    return hashlib.shake_128(seed.to_bytes(4, "big")).digest(size)


def hashed(data: bytes, piece: int, slices: Sequence[int]) -> FileHashes:
    hasher = PieceHasher(piece)
    at = 0
    for length in slices:
        hasher.update(data[at : at + length])
        at += length
    hasher.update(memoryview(data)[at:])
    return hasher.finish()


@pytest.mark.parametrize("size", SIZES)
def test_hashes_are_those_of_the_standard(size: int) -> None:
    data = noise(size)
    assert hashed(data, PIECE, []) == naive(data, PIECE)


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 20 * BLOCK),
    blocks=st.sampled_from([1, 2, 4]),
    slices=st.lists(st.integers(0, 5 * BLOCK), max_size=8),
)
def test_how_the_bytes_arrive_does_not_matter(size: int, blocks: int, slices: list[int]) -> None:
    data = noise(size, seed=size)
    assert hashed(data, blocks * BLOCK, slices) == naive(data, blocks * BLOCK)


def test_a_file_is_hashed_from_disk(tmp_path: Path) -> None:
    data = noise(5 * PIECE + 11)
    (tmp_path / "f").write_bytes(data)
    assert hash_file(tmp_path / "f") == naive(data, PIECE)


def test_only_regular_files_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="link"):
        hash_file(tmp_path / "link")
    with pytest.raises(OSError, match="not a regular file"):
        hash_file(tmp_path)


@pytest.mark.parametrize("length", [0, 1000, BLOCK + 1, PIECE - 1])
def test_impossible_piece_lengths_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        PieceHasher(length)


class TestGoodPieces:
    data = noise(3 * PIECE + 1000)
    hashes = naive(data, PIECE)

    def good(self, path: Path) -> list[bool]:
        return good_pieces(path, self.hashes.size, self.hashes.root, self.hashes.layer)

    def test_a_whole_file(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(self.data)
        assert self.good(tmp_path / "f") == [True] * 4

    def test_a_flipped_bit_costs_one_piece(self, tmp_path: Path) -> None:
        damaged = bytearray(self.data)
        damaged[PIECE + 5] ^= 1
        (tmp_path / "f").write_bytes(damaged)
        assert self.good(tmp_path / "f") == [True, False, True, True]

    def test_a_short_file(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(self.data[: 2 * PIECE - 1])
        assert self.good(tmp_path / "f") == [True, False, False, False]

    def test_a_preallocated_file(self, tmp_path: Path) -> None:
        with (tmp_path / "f").open("wb") as stream:
            stream.write(self.data[:PIECE])
            stream.truncate(len(self.data))
        assert self.good(tmp_path / "f") == [True, False, False, False]

    def test_a_longer_file(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(self.data + b"more")
        assert self.good(tmp_path / "f") == [True] * 4

    def test_an_absent_file(self, tmp_path: Path) -> None:
        assert self.good(tmp_path / "f") == [False] * 4

    def test_a_small_and_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"abc")
        hashes = naive(b"abc", PIECE)
        assert good_pieces(tmp_path / "f", 3, hashes.root, b"") == [True]
        assert good_pieces(tmp_path / "f", 0, b"", b"") == []

    def test_an_input_error_is_not_a_wrong_piece(self, tmp_path: Path) -> None:
        (tmp_path / "f").mkdir()
        with pytest.raises(OSError, match="not a regular file"):
            self.good(tmp_path / "f")
        with pytest.raises(OSError, match="/proc/self/mem"):
            good_pieces(Path("/proc/self/mem"), 3, bytes(32), b"")

    def test_a_layer_that_is_not_the_roots_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(VerificationError):
            good_pieces(tmp_path / "f", self.hashes.size, bytes(32), self.hashes.layer)
        with pytest.raises(VerificationError):
            good_pieces(tmp_path / "f", self.hashes.size, self.hashes.root, self.hashes.layer[:-32])
