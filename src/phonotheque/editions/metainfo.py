"""Reading a torrent that somebody else may have made: nothing in it is believed before it was checked.

Only hybrid torrents of a folder are read, laid out as :mod:`phonotheque.editions.torrent` does it: that is
what editions hold, and what is not understood cannot hide anything.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from phonotheque.editions.bencode import Bencoded, decode, encode
from phonotheque.model.errors import VerificationError
from phonotheque.vault.hashing import checked_piece_length, layer_root
from phonotheque.vault.names import check_portable, find_clash

MAX_FILES = 50_000
MAX_PIECE_LENGTH = 64 * 1024 * 1024
_MAX_URLS = 100
_TOP_KEYS = {b"announce", b"announce-list", b"comment", b"created by", b"creation date", b"encoding", b"info"}
_TOP_KEYS |= {b"piece layers", b"url-list"}
_INFO_KEYS = {b"collections", b"file tree", b"files", b"meta version", b"name", b"piece length", b"pieces"}
_INFO_KEYS |= {b"private", b"similar", b"source"}
_PAD_NAME = re.compile(rb"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class PieceSpan:
    """Where a file lies in a torrent: its first piece, how many pieces, and its first byte's position."""

    first_piece: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class TorrentFile:
    """One file of a torrent. ``path`` is relative to its folder; ``root`` and ``layer`` are those of BEP 52.

    An empty file has neither root nor pieces; a file that fits in one piece has no layer.
    """

    path: str
    size: int
    root: bytes
    layer: bytes
    offset: int
    first_piece: int
    pieces: int

    @property
    def span(self) -> PieceSpan:
        """Where the file lies."""
        return PieceSpan(self.first_piece, self.pieces, self.offset)


@dataclass(frozen=True, slots=True)
class TorrentMeta:
    """What a torrent says, checked. Infohashes are hex; files are in torrent order."""

    name: str
    piece_length: int
    files: tuple[TorrentFile, ...]
    infohash_v1: str
    infohash_v2: str
    trackers: tuple[str, ...]
    web_seeds: tuple[str, ...]
    private: bool = False  # BEP 27: peers come from its trackers only

    @property
    def size(self) -> int:
        """All bytes of all files, pads not counted."""
        return sum(file.size for file in self.files)


def read_torrent(data: bytes) -> TorrentMeta:
    """Parse and verify a hybrid torrent (BEP 3, 12, 19, 27, 47, 52).

    The names are portable and clash with none, the piece layers belong to their roots, the v1 list and the v2
    tree describe the same files. Raises VerificationError saying what is wrong.
    """
    top = _mapping(decode(data), "the torrent", _TOP_KEYS)
    info = _mapping(top.get(b"info"), "info", _INFO_KEYS)
    if info.get(b"meta version") != 2 or not isinstance(info.get(b"files"), list):
        raise VerificationError("the torrent is not a hybrid (v1 and v2) torrent of a folder")
    if info.get(b"private", 0) not in (0, 1):
        raise VerificationError("the torrent's field private is neither 0 nor 1")
    name = _name(info.get(b"name"), "", "the torrent")
    piece_length = _piece_length(info)
    files = _files(info, _layers(top), piece_length)
    _check_v1(info, files, piece_length)
    raw = encode(info)
    return TorrentMeta(
        name=name,
        piece_length=piece_length,
        files=files,
        infohash_v1=hashlib.sha1(raw, usedforsecurity=False).hexdigest(),
        infohash_v2=hashlib.sha256(raw).hexdigest(),
        trackers=_trackers(top),
        web_seeds=tuple(_urls(top.get(b"url-list", []), "url-list", {"http", "https"})),
        private=info.get(b"private") == 1,
    )


def spans(sizes: Iterable[int], piece_length: int) -> list[PieceSpan]:
    """Return where files of these sizes lie when each begins a piece."""
    found = []
    first = 0
    for size in sizes:
        count = -(-size // piece_length)
        found.append(PieceSpan(first, count, first * piece_length))
        first += count
    return found


def _piece_length(info: Mapping[bytes, Bencoded]) -> int:
    length = _size(info.get(b"piece length"), "piece length")
    try:
        checked_piece_length(length)
    except ValueError as error:
        raise VerificationError(f"the torrent's {error}") from error
    if length > MAX_PIECE_LENGTH:
        raise VerificationError(
            f"the torrent's pieces of {length} bytes exceed the limit of {MAX_PIECE_LENGTH}"
        )
    return length


def _layers(top: Mapping[bytes, Bencoded]) -> dict[bytes, bytes]:
    found = _mapping(top.get(b"piece layers"), "piece layers")
    layers = {root: layer for root, layer in found.items() if isinstance(layer, bytes)}
    if len(layers) != len(found):
        raise VerificationError("a piece layer is not a string of hashes")
    return layers


def _files(
    info: Mapping[bytes, Bencoded], layers: dict[bytes, bytes], piece_length: int
) -> tuple[TorrentFile, ...]:
    found = list(_walk(info.get(b"file tree"), ""))
    if not found or len(found) > MAX_FILES:
        raise VerificationError(f"the torrent lists {len(found)} files; 1 to {MAX_FILES} are read")
    if clash := find_clash(path for path, _, _ in found):
        raise VerificationError(f"the torrent's names {clash[0]!r} and {clash[1]!r} clash")
    for root, layer in layers.items():
        # A layer of one hash, or none, never occurs: a file of one piece has none.
        if len(layer) % 32 or len(layer) < 64 or layer_root(layer, piece_length) != root:
            raise VerificationError(
                f"the piece layer given for the root {root.hex()[:64]} does not belong to it"
            )
    files = []
    for (path, size, root), span in zip(found, spans((f[1] for f in found), piece_length), strict=True):
        layer = layers.get(root, b"") if span.count > 1 else b""
        if span.count > 1 and len(layer) != 32 * span.count:
            raise VerificationError(f"the piece layer of {path!r} is missing or has the wrong length")
        files.append(TorrentFile(path, size, root, layer, span.offset, span.first_piece, span.count))
    if unused := layers.keys() - {file.root for file in files if file.layer}:
        raise VerificationError(f"the piece layer of {min(unused).hex()[:64]} belongs to no file")
    return tuple(files)


def _walk(tree: Bencoded | None, above: str) -> Iterator[tuple[str, int, bytes]]:
    """Yield path, size and root of each file; the decoder has bounded how deep this goes."""
    folder = _mapping(tree, f"the file tree at {above!r}")
    if not folder:
        raise VerificationError(f"the torrent's folder {above!r} is empty")
    for key, entry in folder.items():
        path = _name(key, above, "a file")
        below = _mapping(entry, f"the file tree at {path!r}")
        if b"" not in below:
            yield from _walk(below, path + "/")
            continue
        file = _mapping(below[b""], f"the file {path!r}", {b"length", b"pieces root"})
        size, root = _size(file.get(b"length"), f"the length of {path!r}"), file.get(b"pieces root", b"")
        if len(below) > 1 or not isinstance(root, bytes) or len(root) != (32 if size else 0):
            raise VerificationError(
                f"the file {path!r} in the torrent has no proper root, or is a folder as well"
            )
        yield path, size, root


def _check_v1(info: Mapping[bytes, Bencoded], files: tuple[TorrentFile, ...], piece_length: int) -> None:
    listed, pieces = info.get(b"files"), info.get(b"pieces")
    assert isinstance(listed, list)
    expected = iter(files)
    position = 0
    for item in listed:
        entry = _mapping(item, "a file in the v1 list", {b"length", b"path", b"attr"})
        size = _size(entry.get(b"length"), "the length of a file in the v1 list")
        if b"attr" in entry:
            _check_pad(entry, size, position, piece_length)
        else:
            file = next(expected, None)
            path: list[Bencoded] = list(file.path.encode().split(b"/")) if file else []
            if file is None or size != file.size or entry.get(b"path") != path:
                raise VerificationError(
                    f"the v1 list and the v2 tree differ at {file.path if file else 'the end'!r}"
                )
            if size and position != file.offset:
                raise VerificationError(f"the file {file.path!r} does not begin a piece in the v1 list")
        position += size
    if left := next(expected, None):
        raise VerificationError(f"the v1 list lacks the file {left.path!r}")
    count = sum(file.pieces for file in files)
    if not isinstance(pieces, bytes) or len(pieces) != 20 * count:
        raise VerificationError(f"the torrent does not hold the {count} v1 piece hashes that its files need")


def _check_pad(entry: Mapping[bytes, Bencoded], size: int, position: int, piece_length: int) -> None:
    path = entry.get(b"path")
    match path:
        case [b".pad", bytes(name)] if _PAD_NAME.fullmatch(name) and entry[b"attr"] == b"p":
            if size == -position % piece_length and size:
                return
    raise VerificationError(f"the pad file {path!r:.80} in the v1 list is not one that aligns the next file")


def _trackers(top: Mapping[bytes, Bencoded]) -> tuple[str, ...]:
    tiers = top.get(b"announce-list", [])
    if not isinstance(tiers, list) or not all(isinstance(tier, list) for tier in tiers):
        raise VerificationError("announce-list is not a list of lists")
    listed: list[Bencoded] = [url for tier in tiers if isinstance(tier, list) for url in tier]
    if b"announce" in top:
        listed.insert(0, top[b"announce"])
    return tuple(dict.fromkeys(_urls(listed, "announce", {"http", "https", "udp"})))


def _urls(value: Bencoded, what: str, schemes: set[str]) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if len(listed) > _MAX_URLS:
        raise VerificationError(f"{what} holds {len(listed)} addresses; at most {_MAX_URLS} are read")
    urls = [_text(item, what) for item in listed]
    for url in urls:
        plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= 2000
        if not plain or not _is_address(url, schemes):
            raise VerificationError(
                f"{what} holds {url[:200]!r}, which is no address ({', '.join(sorted(schemes))})"
            )
    return urls


def _is_address(url: str, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or brackets that do not close
        return False


def _mapping(value: Bencoded | None, what: str, keys: set[bytes] | None = None) -> dict[bytes, Bencoded]:
    if not isinstance(value, dict):
        raise VerificationError(f"{what} is not a dictionary")
    if keys is not None and (unknown := value.keys() - keys):
        raise VerificationError(f"{what} holds the unknown field {min(unknown)[:40]!r}")
    return value


def _name(value: Bencoded | None, above: str, what: str) -> str:
    """Return ``above`` with one more segment, if that is a path which may be written."""
    segment = _text(value, f"the name of {what} in {above!r}")
    reason = "it holds the character /" if "/" in segment else check_portable(above + segment)
    if reason:
        raise VerificationError(f"the name {above + segment!r:.300} of {what} is refused: {reason}")
    return above + segment


def _text(value: Bencoded | None, what: str) -> str:
    try:
        if isinstance(value, bytes):
            return value.decode()
    except UnicodeDecodeError as error:
        raise VerificationError(f"{what} is not UTF-8: {value!r:.80}") from error
    raise VerificationError(f"{what} is not a string")


def _size(value: Bencoded | None, what: str) -> int:
    if not isinstance(value, int) or value < 0:
        raise VerificationError(f"{what} is not a size")
    return value
