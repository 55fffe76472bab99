"""Values as tables write them: lengths in several units, whole numbers."""

from __future__ import annotations

import math
import re

from phonotheque.model.normal import parse_duration

UNITS = ("milliseconds", "seconds", "clock")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(?:[.,][0-9]{1,18})?")
_ZERO = re.compile(r"[:.,PTHMSD]*0[0:.,PTHMSD]*")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(?:[.,]0{1,18})?")


def milliseconds(value: object, unit: str) -> int | None:
    """Return milliseconds; None where nothing or zero is given, which sources write for “unknown”.

    ``unit`` is one of UNITS; “clock” is “4:45”, “1:02:03” or ISO 8601 (“PT4M45S”). Raises ValueError for what
    is no such length.
    """
    text = str(value).strip()
    if value is None or not text:
        return None
    if unit == "clock":
        if _ZERO.fullmatch(text.upper()):
            return None
        length = parse_duration(text)
        if length is None:
            raise ValueError("is no length such as 4:45, 1:02:03 or PT4M45S")
        return length
    if isinstance(value, bool) or not (isinstance(value, int | float) or _DECIMAL.fullmatch(text)):
        raise ValueError(f"is no number of {unit}")
    number = float(value if isinstance(value, int | float) else text.replace(",", "."))
    if not math.isfinite(number):
        raise ValueError(f"is no number of {unit}")
    if number < 0:
        raise ValueError("is a negative length")
    return round(number * (1000 if unit == "seconds" else 1)) or None


def whole_number(value: object) -> int | None:
    """Return a whole number (“12.0” is one), None where nothing is given. Raises ValueError for all else."""
    text = str(value).strip()
    if value is None or not text:
        return None
    if isinstance(value, bool) or not _WHOLE.fullmatch(text):
        raise ValueError("is no whole number")
    return int(re.split("[.,]", text)[0])
