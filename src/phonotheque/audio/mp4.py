"""MP4 and QuickTime (ISO/IEC 14496-12): a walk over the boxes that reads headers only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from phonotheque.audio.verdict import Damage, Verdict, short, stray

_MAX_BOXES: Final = 200_000
_MAX_DEPTH: Final = 10
# Boxes that hold boxes, with the bytes that come before the first of them.
_HOLDERS: Final[dict[bytes, int]] = {
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"stbl": 0,
    b"stsd": 8,  # version, flags, count of entries
    b"moof": 0,
    b"traf": 0,
    b"edts": 0,
    b"sinf": 0,
    b"schi": 0,
}
# Boxes that hold nothing but boxes, each of a stated size.
_STRICT: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})


@dataclass(frozen=True, slots=True)
class Box:
    """One box. ``start`` and ``end`` are byte offsets in the file, header included; ``parent`` is a type."""

    kind: bytes
    start: int
    body: int  # offset of the first byte after the header
    end: int  # as the box states it: may lie beyond the file
    parent: bytes  # b"" at the top
    limit: int  # where the box around it, or the file, ends


def boxes(file: BinaryIO, size: int) -> Iterator[Box]:
    """Yield the boxes of a file of ``size`` bytes, top down; at most 200,000 of them, ten deep."""
    pending: list[tuple[int, int, bytes, int]] = [(0, size, b"", 0)]  # offset, end, parent, depth
    for _ in range(_MAX_BOXES):
        while pending and pending[-1][0] >= pending[-1][1]:
            pending.pop()
        if not pending:
            return
        at, limit, parent, depth = pending.pop()
        box = _read_box(file, at, limit, parent)
        if box is None:
            continue  # the rest of this parent is not boxes
        yield box
        pending.append((box.end, limit, parent, depth))
        if box.kind in _HOLDERS and depth < _MAX_DEPTH:
            pending.append((box.body + _HOLDERS[box.kind], min(box.end, limit), box.kind, depth + 1))


def _read_box(file: BinaryIO, at: int, limit: int, parent: bytes) -> Box | None:
    """Read the header at ``at`` (14496-12 §4.2), or None when there is none."""
    file.seek(at)
    header = file.read(16)
    if len(header) < 8:
        return None
    length, kind, body = int.from_bytes(header[:4], "big"), header[4:8], at + 8
    if length == 1 and len(header) == 16:
        length, body = int.from_bytes(header[8:], "big"), at + 16
    elif length == 0 and not parent:  # the last box of the file runs to its end
        length = limit - at
    return Box(kind, at, body, at + length, parent, limit) if length >= body - at else None


def check_mp4(file: BinaryIO, size: int) -> Verdict:
    """Compare the boxes with one another and with the file's ``size``. Never proven: MP4 has no checksum."""
    end, kinds = 0, set()
    for box in boxes(file, size):
        if box.parent:
            if box.parent in _STRICT and box.end > box.limit and box.limit <= size:
                what = (
                    f"its {_word(box.kind)} box states more bytes than the {_word(box.parent)} box has left"
                )
                return Verdict(damage=(Damage(what, byte=box.start),))
            continue
        if not box.kind.isascii() or not box.kind.decode("ascii").isprintable():
            break
        kinds.add(box.kind)
        if box.end > size:
            what = short(box.end - size, f"{_word(box.kind)} box")
            return Verdict(damage=(Damage(what, byte=size),))
        end = box.end
    if end < size:
        return Verdict(damage=(Damage(stray(size - end, "box"), byte=end),))
    if b"moov" not in kinds:
        return Verdict(damage=(Damage("it has no 'moov' box"),))
    return Verdict()


def _word(kind: bytes) -> str:
    return repr(kind.decode("ascii", "backslashreplace"))
