"""Makes nasty files out of good ones, the same every time: the corpus that the verdicts are tested on.

``damaged`` spoils any file in the ways that disks, networks and people do. The rest knows the formats: sizes
that lie, pages with impossible positions, promises of more than any memory holds.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from typing import Final

from fastcrc import crc32

_BLOCK: Final = 2_000  # bytes lost, doubled or moved at a time


def damaged(data: bytes, seed: str) -> dict[str, list[bytes]]:
    """Return spoiled copies of ``data`` by what was done to them, several of each where the place matters."""
    dice = random.Random(seed)
    size = len(data)
    half, quarter = size // 2, size // 4
    noise = dice.randbytes(3_000)
    block, other = data[half : half + _BLOCK], data[quarter : quarter + _BLOCK]
    between, rest = data[quarter + _BLOCK : half], data[half + _BLOCK :]
    return {
        "a bit": [flip(data, dice.randrange(size // 5, size - 100), dice) for _ in range(24)],
        "cut": [data[: int(size * share / 20) + dice.randrange(97)] for share in range(8, 20)],
        "cut by 1 byte": [data[:-1]],
        "bytes after": [data + more for more in (bytes(3_000), noise, data[:3_000])],
        "bytes before": [more + data for more in (bytes(3_000), noise)],
        "zeroed": [data[:half] + bytes(_BLOCK) + rest],
        "missing": [data[:half] + rest],
        "doubled": [data[:half] + block + data[half:]],
        "swapped": [data[:quarter] + block + between + other + rest],
    }


def flip(data: bytes, at: int, dice: random.Random) -> bytes:
    """Return ``data`` with one bit of byte ``at`` turned over."""
    out = bytearray(data)
    out[at] ^= 1 << dice.randrange(8)
    return bytes(out)


def patch(data: bytes, at: int, new: bytes) -> bytes:
    """Return ``data`` with ``new`` written over what is at ``at``."""
    return data[:at] + new + data[at + len(new) :]


def ogg_pages(data: bytes) -> Iterator[bytes]:
    """Cut an Ogg file into its pages."""
    at = 0
    while at < len(data):
        table = data[at + 27 : at + 27 + data[at + 26]]
        end = at + 27 + len(table) + sum(table)
        yield data[at:end]
        at = end


def ogg_page(page: bytes, **fields: int) -> bytes:
    """Return the page with another ``granule``, ``serial``, ``sequence`` or ``flags``, and its checksum."""
    places = {"flags": ("B", 5), "granule": ("<q", 6), "serial": ("<I", 14), "sequence": ("<I", 18)}
    out = bytearray(page)
    for name, value in fields.items():
        form, at = places[name]
        struct.pack_into(form, out, at, value)
    out[22:26] = bytes(4)
    struct.pack_into("<I", out, 22, crc32.cksum(bytes(out)) ^ 0xFFFF_FFFF)
    return bytes(out)


def each_page(data: bytes, change: Callable[[int, bytes], dict[str, int]]) -> bytes:
    """Return an Ogg file with the fields of each page (number, bytes) changed as ``change`` says."""
    return b"".join(ogg_page(page, **change(n, page)) for n, page in enumerate(ogg_pages(data)))


def id3v2(size: int, body: bytes = b"") -> bytes:
    """Return an ID3v2.4 tag that states ``size`` bytes and holds ``body``."""
    return b"ID3\4\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + body


def lame_tag(mp3: bytes, version: bytes, rest: bytes) -> bytes:
    """Return an MP3 file whose LAME tag has another version text (20 bytes) and ``rest`` (16 bytes).

    Of a real tag, the length of the sound and the checksums are the last 8 bytes.
    """
    assert (len(version), len(rest)) == (20, 16)
    return patch(mp3, mp3.index(b"Lav", mp3.index(b"Info")), version + rest)


def box(kind: bytes, content: bytes = b"") -> bytes:
    """Return an MP4 box."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def wave(
    samples: bytes,
    *,
    rate: int = 44_100,
    channels: int = 2,
    bits: int = 16,
    tag: int = 1,
    stated: int = -1,
    big: bool = False,
) -> bytes:
    """Return a WAVE file that states whatever is asked for; with ``big`` a RIFX file, samples as given."""
    order, name = (">", b"RIFX") if big else ("<", b"RIFF")
    frame = channels * bits // 8
    form = struct.pack(
        order + "HHIIHH", tag, channels, rate, rate * frame & 0xFFFF_FFFF, frame & 0xFFFF, bits
    )
    chunks = b"fmt " + struct.pack(order + "I", len(form)) + form + b"data"
    chunks += struct.pack(order + "I", len(samples) if stated < 0 else stated) + samples
    return name + struct.pack(order + "I", 4 + len(chunks)) + b"WAVE" + chunks


def zipped() -> bytes:
    """Return a ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("song.txt"), "la la la")
    return out.getvalue()
