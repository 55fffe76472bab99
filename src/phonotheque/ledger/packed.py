"""What a mirror says that it holds, as one value: some bytes for a bag, compressed (docs/format.md)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

# Bag: its number in the table "copies". Verified: seconds since 1970, 0 for never.
_RECORD: Final = np.dtype([("bag", "<u4"), ("bytes", "<i8"), ("verified", "<u4"), ("whole", "u1")])
_LATEST: Final = 2**32 - 1

Packed: TypeAlias = NDArray[np.void]  # one record for a bag, in the order of their numbers


@dataclass(frozen=True, slots=True)
class Held:
    """What a mirror says of one bag, by its number; ``verified_at`` is None where nothing was."""

    bag: int
    bytes: int
    verified_at: str | None
    whole: bool


def pack(held: Iterable[Held]) -> bytes:
    """Return the records of bags, packed."""
    rows = [(one.bag, one.bytes, _seconds(one.verified_at), one.whole) for one in held]
    return zlib.compress(np.sort(np.array(rows, _RECORD), order="bag").tobytes(), 6)


def unpack(data: bytes | None) -> Packed:
    """Return the records that ``pack`` made; none for None."""
    return np.frombuffer(zlib.decompress(data) if data else b"", _RECORD)


def whole_bags(records: Packed) -> NDArray[np.uint32]:
    """Return the numbers of the bags that are held whole, in ascending order."""
    numbers: NDArray[np.uint32] = records["bag"][records["whole"] == 1]
    return numbers


def held_of(records: Packed, bag: int) -> Held | None:
    """Return what is said of one bag."""
    place = int(np.searchsorted(records["bag"], bag))
    if place == len(records) or records["bag"][place] != bag:
        return None
    return _held(records[place])


def oldest_verified(records: Packed) -> str | None:
    """Return when that bag was verified which was verified longest ago; None where none was."""
    times = records["verified"][records["verified"] > 0]
    return _time(int(times.min())) if len(times) else None


def _held(record: Any) -> Held:
    when = int(record["verified"])
    return Held(
        int(record["bag"]), int(record["bytes"]), _time(when) if when else None, bool(record["whole"])
    )


def _seconds(at: str | None) -> int:
    return 0 if at is None else min(max(int(datetime.fromisoformat(at).timestamp()), 1), _LATEST)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
