"""Fetching the pieces that are missing straight from an origin, each verified before it is written."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from phonotheque.editions.metainfo import TorrentFile, TorrentMeta
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.standing import Standing, piece_size, stand
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.vault.hashing import piece_hash, piece_hashes
from phonotheque.vault.place import naming


def copy_pieces(
    origin: Origin,
    shown: str,
    folder: Path,
    meta: TorrentMeta,
    standing: Standing,
    *,
    on_bytes: Callable[[int], None],
    stop: threading.Event,
) -> tuple[Standing, tuple[Finding, ...]]:
    """Fetch into a bag's folder, made ready, what it lacks; return how it stands now, and what was not had.

    ``shown`` is where the origin shows the bag. Only missing pieces are asked for, neighbours in one request.
    What the origin has wrong or not at all is a finding, and the next file is tried. Raises OSError naming
    the file that cannot be written.
    """
    good = {f.path: bytearray(standing.have[f.first_piece : f.first_piece + f.pieces]) for f in meta.files}
    findings = []
    for file in standing.lacking:
        if stop.is_set():
            break
        try:
            _fill(origin, f"{shown}/{file.path}", folder / file.path, meta, file, good[file.path], on_bytes)
        except NotFoundError as error:
            findings.append(Finding("missing", file.path, error.message))
        except NetworkError as error:
            findings.append(Finding("unreadable", file.path, error.message))
        except VerificationError as error:
            findings.append(Finding("damaged", file.path, error.message))
    return stand(meta, {path: map(bool, pieces) for path, pieces in good.items()}, good), tuple(findings)


def _fill(
    origin: Origin,
    source: str,
    path: Path,
    meta: TorrentMeta,
    file: TorrentFile,
    good: bytearray,
    on_bytes: Callable[[int], None],
) -> None:
    expected = piece_hashes(file.size, file.root, file.layer, meta.piece_length)
    with path.open("r+b", buffering=0) as stream, naming(path):
        for first, count in _gaps(good):
            start = first * meta.piece_length
            sizes = [piece_size(file, index, meta.piece_length) for index in range(first, first + count)]
            chunks = origin.open_range(source, start, sum(sizes))
            for index, piece in enumerate(_pieces(chunks, sizes), start=first):
                if piece_hash(piece, meta.piece_length, whole_file=file.pieces == 1) != expected[index]:
                    raise VerificationError(f"piece {index} of {source} at {origin.where} is damaged")
                os.pwrite(stream.fileno(), piece, index * meta.piece_length)
                good[index] = 1
                on_bytes(len(piece))
        os.fsync(stream.fileno())
    if not all(good):
        raise VerificationError(f"{source} at {origin.where} is too short")


def _gaps(good: bytearray) -> Iterator[tuple[int, int]]:
    """Yield the runs of missing pieces: the first, and how many."""
    index = 0
    for right, run in groupby(bytes(good)):
        length = len(list(run))
        if not right:
            yield index, length
        index += length


def _pieces(chunks: Iterator[bytes], sizes: list[int]) -> Iterator[bytearray]:
    """Cut what comes into pieces of these sizes; an incomplete last one is dropped."""
    wanted = iter(sizes)
    piece, size = bytearray(), next(wanted, 0)
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            part = rest[: size - len(piece)]
            piece += part
            rest = rest[len(part) :]
            if len(piece) < size:
                break
            yield piece
            piece, size = bytearray(), next(wanted, 0)
            if not size:
                return
