"""Encrypted and copy-protected files, recognised by their containers. Phonotheque never removes protection.

Decoding proves nothing here: players happily decode some of these to noise. Only the structure tells.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from phonotheque.audio.asf import ASF_HEADER, header_objects
from phonotheque.audio.matroska import CLUSTER, EBML_MAGIC, read_element
from phonotheque.audio.mp4 import Box, boxes

_BOXES: Final[dict[bytes, str]] = {  # ISO/IEC 23001-7 (CENC) and its relatives
    b"enca": "an encrypted sound track (enca)",
    b"encv": "an encrypted video track (encv)",
    b"sinf": "a protection scheme (sinf)",
    b"tenc": "track encryption (tenc)",
    b"senc": "encrypted samples (senc)",
    b"pssh": "a DRM system's header (pssh)",
    b"drms": "a FairPlay-protected sound track (drms)",
    b"drmi": "a FairPlay-protected video track (drmi)",
    b"aavd": "an Audible-protected sound track (aavd)",
}
_PIFF: Final[dict[bytes, str]] = {  # Microsoft's uuid forms of the same boxes
    bytes.fromhex("d08a4f1810f34a82b6c832d8aba183d3"): "a DRM system's header (PIFF pssh)",
    bytes.fromhex("a2394f525a9b4f14a2446c427c648df4"): "encrypted samples (PIFF senc)",
    bytes.fromhex("8974dbce7be74c5184f97148f9882554"): "track encryption (PIFF tenc)",
}
_BRANDS: Final = {b"aax ": "Audible (AAX)", b"aaxc": "Audible (AAXC)"}
_MAX_ENTRY: Final = 64 * 1024  # bytes of a sample entry searched for protection

# ASF objects, ASF specification §3 and §10.
_ASF_STREAM: Final = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_ASF: Final[dict[bytes, str]] = {
    bytes.fromhex("fbb31122 23bdd211 b4b700a0 c955fc6e"): "a Content Encryption object",
    bytes.fromhex("14e68a29 2226174c b935dae0 7ee9289c"): "an Extended Content Encryption object",
    bytes.fromhex("33850543 8169e649 9b74ad12 cb86d58c"): "an Advanced Content Encryption object",
}

AUDIBLE_MAGIC: Final = b"\x57\x90\x75\x36"  # at byte 4 of an AA file

# Matroska element ids (RFC 9559 §5) on the way to ContentEncryption.
_ENCRYPTION: Final = 0x5035
_ON_THE_WAY: Final = frozenset({0x18538067, 0x1654AE6B, 0xAE, 0x6D80, 0x6240})
_MAX_ELEMENTS: Final = 10_000


def find_protection(file: BinaryIO, size: int) -> str | None:
    """Return what protects the file of ``size`` bytes, in words for a person, or None. Reads headers only."""
    file.seek(0)
    head = file.read(16)
    if head[4:8] == AUDIBLE_MAGIC:
        return "Audible (AA)"
    if head == ASF_HEADER:
        return _in_asf(file, size)
    if head[:4] == EBML_MAGIC:
        return _in_matroska(file, size)
    if head[4:8] in (
        b"ftyp",
        b"moov",
        b"styp",
        b"moof",
        b"mdat",
        b"free",
        b"skip",
        b"wide",
        b"pssh",
        b"sidx",
    ):
        return _in_mp4(file, size)
    return None


def _in_mp4(file: BinaryIO, size: int) -> str | None:
    for box in boxes(file, size):
        if box.kind in _BOXES:
            return f"MP4 with {_BOXES[box.kind]}"
        if found := _inside(file, box):
            return f"MP4 with {found}"
    return None


def _inside(file: BinaryIO, box: Box) -> str | None:
    """Look into the few boxes whose content matters: brands, uuid boxes, sample entries."""
    if box.kind == b"ftyp":
        file.seek(box.body)
        brands = file.read(min(box.end - box.body, 256))
        return next((name for brand, name in _BRANDS.items() if brand in brands), None)
    if box.kind == b"uuid":
        file.seek(box.body)
        return _PIFF.get(file.read(16))
    if box.parent == b"stsd":
        file.seek(box.body)
        entry = file.read(min(box.end - box.body, _MAX_ENTRY))
        # The boxes of an entry follow fields whose length depends on its version: search instead of guessing.
        at = entry.find(b"sinf")
        if at >= 4 and entry[at + 8 : at + 12] in (b"frma", b"schm", b"schi", b"imif"):
            return _BOXES[b"sinf"]
    return None


def _in_asf(file: BinaryIO, size: int) -> str | None:
    for kind, body in header_objects(file, size):
        if found := _ASF.get(kind):
            return f"Windows Media with {found}"
        # Stream Properties: the top bit of its flags says that the stream is encrypted (§3.3).
        if kind == _ASF_STREAM and len(body) >= 50 and body[49] & 0x80:
            return "Windows Media with an encrypted stream"
    return None


def _in_matroska(file: BinaryIO, size: int) -> str | None:
    """Walk the elements that lead to ContentEncryption; everything else is stepped over."""
    at = 0
    for _ in range(_MAX_ELEMENTS):
        element = read_element(file, at)
        if element is None or element.id == CLUSTER:  # the tracks come before the sound
            return None
        if element.id == _ENCRYPTION:
            return "Matroska with ContentEncryption"
        if element.id in _ON_THE_WAY:
            at = element.body  # inside; what follows lies right after, so leaving needs no bookkeeping
        elif element.end is None or element.end >= size:
            return None
        else:
            at = element.end
    return None
