"""Hybrid torrents (BEP 52 with BEP 3) made from a sealed bag's hashes: the audio is not read again.

The v2 part is a tree of files with a Merkle root each; the v1 part lists the same files in the same order,
each followed by a pad file (BEP 47) so that every file begins a piece. See docs/design.md, “Torrents”.
Reading somebody's torrent is in :mod:`phonotheque.editions.metainfo`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from phonotheque.editions.bencode import Encodable, encode
from phonotheque.editions.metainfo import PieceSpan, TorrentFile, TorrentMeta, read_torrent, spans
from phonotheque.model.bags import PIECE, FileHashes, SealedBag
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.vault.names import check_portable, order

__all__ = [
    "PieceSpan",
    "Torrent",
    "TorrentFile",
    "TorrentMeta",
    "build_torrent",
    "piece_span",
    "piece_spans",
    "read_torrent",
]


@dataclass(frozen=True, slots=True)
class Torrent:
    """A ``.torrent`` file and what it is called by. Infohashes are hex: SHA-1 (40), SHA-256 (64)."""

    data: bytes
    infohash_v1: str
    infohash_v2: str
    name: str
    pieces: int


def build_torrent(
    bag: SealedBag,
    *,
    trackers: Sequence[str] = (),
    web_seeds: Sequence[str] = (),
    created_by: str,
    creation_date: int | None,
    comment: str = "",
    similar: Sequence[bytes] = (),
    private: bool = False,
) -> Torrent:
    """Make the torrent of a bag; equal arguments give equal bytes.

    Each tracker is a tier of its own (BEP 12). ``creation_date`` is in seconds since 1970. ``similar`` holds
    the 20-byte v1 infohashes of torrents that share files with this one (BEP 38). ``private`` lets clients
    find peers by its trackers only (BEP 27). Raises UsageError for a bag that would give a torrent nobody can
    read.
    """
    _check_bag(bag)
    info = _info(bag, similar)
    if private:
        info[b"private"] = 1
    raw = encode(info)
    top: dict[bytes, Encodable] = {
        b"created by": created_by,
        b"info": info,
        b"piece layers": {f.hashes.root: f.hashes.layer for f in bag.files if f.hashes.layer},
    }
    if trackers:
        top[b"announce"] = trackers[0]
        top[b"announce-list"] = [[tracker] for tracker in trackers]
    if web_seeds:
        top[b"url-list"] = list(web_seeds)
    if creation_date is not None:
        top[b"creation date"] = creation_date
    if comment:
        top[b"comment"] = comment
    return Torrent(
        data=encode(top),
        infohash_v1=hashlib.sha1(raw, usedforsecurity=False).hexdigest(),
        infohash_v2=hashlib.sha256(raw).hexdigest(),
        name=bag.id,
        pieces=sum(span.count for span in piece_spans(bag).values()),
    )


def piece_spans(bag: SealedBag) -> dict[str, PieceSpan]:
    """Return where each file of a bag lies in the bag's torrent, by path."""
    length = _piece_length(bag)
    return dict(
        zip((f.path for f in bag.files), spans((f.hashes.size for f in bag.files), length), strict=True)
    )


def piece_span(of: SealedBag | TorrentMeta, path: str) -> PieceSpan:
    """Return where one file lies, so that it can be fetched alone. Raises NotFoundError."""
    if isinstance(of, SealedBag):
        span, name = piece_spans(of).get(path), of.id
    else:
        span, name = next((f.span for f in of.files if f.path == path), None), of.name
    if span is None:
        raise NotFoundError(f"{name} holds no file {path}")
    return span


def _info(bag: SealedBag, similar: Sequence[bytes]) -> dict[bytes, Encodable]:
    wrong = [infohash for infohash in similar if len(infohash) != 20]
    if wrong:
        raise UsageError(f"the infohash {wrong[0].hex()} of a similar torrent is not 20 bytes long")
    length = _piece_length(bag)
    listed, pieces = _v1_files(bag, length)
    info: dict[bytes, Encodable] = {
        b"file tree": _file_tree(bag),
        b"files": listed,
        b"meta version": 2,
        b"name": bag.id,
        b"piece length": length,
        b"pieces": pieces,
    }
    if similar:
        info[b"similar"] = sorted(similar)
    return info


def _v1_files(bag: SealedBag, length: int) -> tuple[list[Encodable], bytes]:
    """Return the v1 file list with its pads, and the v1 piece hashes.

    Nothing pads the end of the torrent, so that the last piece is hashed as short as it is.
    """
    listed: list[Encodable] = []
    pieces: list[bytes] = []
    last = max((i for i, f in enumerate(bag.files) if f.hashes.size), default=-1)
    for index, file in enumerate(bag.files):
        hashes = file.hashes
        listed.append({b"length": hashes.size, b"path": file.path.split("/")})
        if index == last:
            pieces.append(hashes.v1_pieces[:-20] + hashes.v1_last)
            continue
        pieces.append(hashes.v1_pieces)
        if pad := -hashes.size % length:
            # The index makes the name unique, which some clients insist on.
            listed.append({b"attr": b"p", b"length": pad, b"path": [".pad", f"{index}.{pad}"]})
    return listed, b"".join(pieces)


def _file_tree(bag: SealedBag) -> dict[bytes, Encodable]:
    tree: dict[bytes, Encodable] = {}
    folders: dict[tuple[bytes, ...], dict[bytes, Encodable]] = {(): tree}
    for file in bag.files:
        *parents, name = order(file.path)
        here = tree
        for depth in range(len(parents)):
            key = tuple(parents[: depth + 1])
            if key not in folders:
                folders[key] = {}
                here[parents[depth]] = folders[key]
            here = folders[key]
        here[name] = {b"": _v2_file(file.hashes)}
    return tree


def _v2_file(hashes: FileHashes) -> dict[bytes, Encodable]:
    if not hashes.size:
        return {b"length": 0}
    return {b"length": hashes.size, b"pieces root": hashes.root}


def _check_bag(bag: SealedBag) -> None:
    """Refuse what would give a torrent that clients cannot read, before anything is signed."""
    paths = [file.path for file in bag.files]
    for name in (bag.id, *paths):
        if reason := check_portable(name):
            raise UsageError(f"the name {name!r} in bag {bag.id} cannot go into a torrent: {reason}")
    if paths != sorted(set(paths), key=order):
        raise UsageError(f"the files of bag {bag.id} are not in torrent order, or one is listed twice")
    if paths == [bag.id] or not any(file.hashes.size for file in bag.files):
        raise UsageError(f"bag {bag.id} holds no folder of files that a torrent could describe")


def _piece_length(bag: SealedBag) -> int:
    lengths = {file.hashes.piece_length for file in bag.files} or {PIECE}
    if len(lengths) > 1:
        raise UsageError(f"the files of bag {bag.id} were hashed in pieces of different lengths")
    return lengths.pop()
