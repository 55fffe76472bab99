"""A file of somebody's bag read in places over the network: what is read is verified, no more is fetched."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable

from phonotheque.editions.metainfo import TorrentFile, TorrentMeta
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.standing import piece_size
from phonotheque.model.errors import VerificationError
from phonotheque.vault.hashing import piece_hash, piece_hashes

_KEPT = 64  # pieces in memory: 16 MiB at the usual 256 KiB


class VerifiedFile(io.RawIOBase):
    """A file at ``place`` of an origin, read by whole pieces, each compared with its hash in the torrent.

    Reading raises VerificationError for a wrong piece, and the errors of the origin.
    """

    def __init__(
        self,
        origin: Origin,
        place: str,
        meta: TorrentMeta,
        file: TorrentFile,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._origin = origin
        self._place = place
        self._file = file
        self._length = meta.piece_length
        self._hashes = piece_hashes(file.size, file.root, file.layer, meta.piece_length)
        self._pieces: OrderedDict[int, bytes] = OrderedDict()
        self._on_bytes = on_bytes
        self._at = 0

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def seekable(self) -> bool:
        """It can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, counted from the beginning, from here or from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Return so many bytes, or all that follow; fewer only at the end."""
        end = self._file.size if size < 0 else min(self._at + size, self._file.size)
        found = bytearray()
        while self._at < end:
            index, skip = divmod(self._at, self._length)
            part = self._piece(index)[skip : skip + end - self._at]
            found += part
            self._at += len(part)
        return bytes(found)

    def _piece(self, index: int) -> bytes:
        if index in self._pieces:
            self._pieces.move_to_end(index)
            return self._pieces[index]
        size = piece_size(self._file, index, self._length)
        data = b"".join(self._origin.open_range(self._place, index * self._length, size))
        whole = self._file.pieces == 1
        if len(data) != size or piece_hash(data, self._length, whole_file=whole) != self._hashes[index]:
            raise VerificationError(f"piece {index} of {self._place} at {self._origin.where} is damaged.")
        self._on_bytes(size)
        self._pieces[index] = data
        if len(self._pieces) > _KEPT:
            self._pieces.popitem(last=False)
        return data
