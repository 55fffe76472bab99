"""``copies.json``: how many mirrors hold each bag, as the publisher has been told and has proved.

It is no part of TUF and nothing is trusted because of it: it steers which bags mirrors take, and says when
one may be let go. What mirrors say of themselves is *claimed*; what a drill or a read of random blocks has
shown is *proven*, with the date of the oldest proof that is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.strict_json import read_json
from phonotheque.model.errors import NotFoundError, VerificationError

COPIES: Final = "copies.json"  # in the public tree
FORMAT: Final = "phonotheque-copies/1"
MAX_COPIES_BYTES: Final = 64 * 1024**2  # some 400,000 bags
RECENT: Final = timedelta(days=90)  # what was proved longer ago may not be so any more
_SAID_LATELY: Final = timedelta(days=30)  # a publisher who counts no more knows no more
_AHEAD: Final = timedelta(days=1)  # by which somebody's clock may be wrong
_MOST: Final = 10**9
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True)
class BagCopies:
    """Mirrors that say they hold a bag, and mirrors that have proved it: the publisher is none of either.

    ``proven_since`` is the date of the oldest proof counted in ``proven``, None where that is 0.
    """

    claimed: int = 0
    proven: int = 0
    proven_since: str | None = None


@dataclass(frozen=True, slots=True)
class Copies:
    """What was known at ``time`` (UTC, “2026-11-21T10:15:00Z”). A bag that is not named has no copies."""

    archive: str
    time: str
    bags: Mapping[str, BagCopies] = field(default_factory=dict)

    def of(self, bag: str) -> BagCopies:
        """Return what is known of a bag."""
        return self.bags.get(bag, BagCopies())

    def proven_lately(self, bag: str, now: datetime) -> int:
        """Return how many mirrors have proved that they hold a bag; 0 where that is not recent."""
        known = self.of(bag)
        if known.proven_since is None or not _within(_SAID_LATELY, self.time, now):
            return 0
        return known.proven if _within(RECENT, known.proven_since, now) else 0


def write_copies(copies: Copies) -> bytes:
    """Return the JSON, keys sorted. Raises VerificationError when it does not make sense."""
    value = {
        "format": FORMAT,
        "archive": copies.archive,
        "time": copies.time,
        "bags": {bag: asdict(one) for bag, one in copies.bags.items()},
    }
    data = (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()
    read_copies(data)
    return data


def read_copies(data: bytes) -> Copies:
    """Read what a stranger may have written. Raises VerificationError naming what is wrong in it.

    Fields that are not known are passed over: a newer version may tell more.
    """
    if len(data) > MAX_COPIES_BYTES:
        raise _wrong(f"is larger than {MAX_COPIES_BYTES} bytes")
    try:
        top = read_json(data)
    except RecursionError:
        raise _wrong("is nested too deeply") from None
    except ValueError as error:
        raise _wrong(f"is not JSON: {error}") from error
    if not isinstance(top, dict) or top.get("format") != FORMAT:
        raise _wrong(f"is not of the format {FORMAT}")
    archive, bags = top.get("archive"), top.get("bags")
    if not isinstance(archive, str) or not isinstance(bags, dict):
        raise _wrong("names no archive, or no bags")
    time = _time(top.get("time"), "time")
    return Copies(archive, time, {bag: _bag(bag, value) for bag, value in bags.items()})


def fetch_copies(origin: Origin, archive: str) -> tuple[bytes, Copies] | None:
    """Return what an origin says of an archive's copies, verbatim and read; None where it says nothing.

    Raises NetworkError, and VerificationError when it makes no sense or is about another archive.
    """
    try:
        data = fetch(origin, COPIES, MAX_COPIES_BYTES)
    except NotFoundError:
        return None
    copies = read_copies(data)
    if copies.archive != archive:
        raise _wrong(f"is about another archive, {copies.archive:.40}")
    return data, copies


def _bag(bag: str, value: Any) -> BagCopies:
    if not isinstance(value, dict):
        raise _wrong(f"says of {bag!r:.80} what is no object")
    claimed, proven = (_count(value.get(name), f"{bag}.{name}") for name in ("claimed", "proven"))
    oldest = value.get("proven_since")
    if (oldest is None) != (proven == 0):
        raise _wrong(f"gives {bag!r:.80} proofs without a date, or a date without proofs")
    return BagCopies(claimed, proven, None if oldest is None else _time(oldest, f"{bag}.proven_since"))


def _count(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise _wrong(f"has {value!r:.40} as {where:.120}, which is no number of mirrors")
    return value


def _time(value: Any, where: str) -> str:
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            datetime.fromisoformat(value)
            return value
    except ValueError:
        pass  # of a form, and still no time
    raise _wrong(f"has {value!r:.40} as {where:.120}, which is no time like 2026-11-21T10:15:00Z")


def _within(period: timedelta, time: str, now: datetime) -> bool:
    return -_AHEAD <= now - datetime.fromisoformat(time).astimezone(UTC) <= period


def _wrong(what: str) -> VerificationError:
    return VerificationError(f"{COPIES} {what}.", "How many copies there are counts as unknown.")
