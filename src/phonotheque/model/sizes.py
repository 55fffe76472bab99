"""Numbers of bytes as people write them."""

from __future__ import annotations

import re
from decimal import Decimal

from phonotheque.model.errors import UsageError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}
_SIZE = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([kmgtp]?)(i?)b?\s*", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Return the bytes of "200MB", "2 TB", "32GiB" or "1000". Raises UsageError on anything else."""
    match = _SIZE.fullmatch(text)
    if match is None or (match[3] and not match[2]):
        raise UsageError(
            f"“{text}” is not a size.", "Write a number and a unit, such as 200MB, 32GiB or 2TB."
        )
    unit = _UNITS[match[2].lower()]
    if match[3]:
        unit = 1024 ** list(_UNITS).index(match[2].lower())
    return int(Decimal(match[1]) * unit)
