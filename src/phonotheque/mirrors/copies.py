"""``copies.json``: how many mirrors hold each bag, as the publisher has been told and has proved.

It is no part of TUF, and steers which bags mirrors take; signed by the keys of TUF's timestamp it also says
when one may be let go. What mirrors say of themselves is *claimed*; what a drill or a read of random blocks
has shown is *proven*, with the date of the oldest proof that is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from securesystemslib.signer import Signature, Signer
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Root, Timestamp

from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.strict_json import read_json
from phonotheque.model.errors import NotFoundError, VerificationError

COPIES: Final = "copies.json"  # in the public tree
FORMAT: Final = "phonotheque-copies/1"
MAX_COPIES_BYTES: Final = 64 * 1024**2  # some 400,000 bags
RECENT: Final = timedelta(days=90)  # what was proved longer before the count may not be so any more
SAID_LATELY: Final = timedelta(days=2)  # mirrors report daily: a publisher who is there counts as often
_AHEAD: Final = timedelta(days=1)  # by which somebody's clock may be wrong
_MOST: Final = 10**9
_SIGNATURES: Final = "signatures"
_SIGNERS: Final = 100  # signatures that are looked at
_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}")  # Ed25519
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
    """What was known at ``time`` (UTC, “2026-11-21T10:15:00Z”). A bag that is not named has no copies.

    ``signed``: as many of the timestamp's keys signed it as the root asks for.
    """

    archive: str
    time: str
    bags: Mapping[str, BagCopies] = field(default_factory=dict)
    signed: bool = False

    def of(self, bag: str) -> BagCopies:
        """Return what is known of a bag."""
        return self.bags.get(bag, BagCopies())

    def is_late(self, now: datetime) -> bool:
        """Tell whether this was said lately, and not in the future by more than a clock may be wrong."""
        return _within(SAID_LATELY, self.time, now)

    def proven_lately(self, bag: str, now: datetime) -> int:
        """Return how many mirrors have proved that they hold a bag; 0 if that is not recent, or not signed.

        A proof's age is what it was when it was counted.
        """
        return 0 if self.of(bag).proven == 0 or self.why_not(bag, now) else self.of(bag).proven

    def why_not(self, bag: str, now: datetime) -> str:
        """Return why proofs of a bag do not count, though there may be some; "" where they do."""
        oldest = self.of(bag).proven_since
        if not self.signed:
            return f"the publisher has not signed {COPIES}"
        if not self.is_late(now):
            return f"{COPIES} is of {self.time}, not of the last two days"
        if oldest is not None and not _within(RECENT, oldest, moment(self.time)):
            return f"of its {self.of(bag).proven} proofs the oldest is of {oldest}, too long before the count"
        return ""


def write_copies(copies: Copies, signers: Sequence[Signer] = ()) -> bytes:
    """Return the JSON, keys sorted, and signed. Raises VerificationError when it does not make sense."""
    value: dict[str, Any] = {
        "format": FORMAT,
        "archive": copies.archive,
        "time": copies.time,
        "bags": {bag: asdict(one) for bag, one in copies.bags.items()},
    }
    if signers:
        payload = _payload(value)
        value[_SIGNATURES] = {one.public_key.keyid: one.sign(payload).signature for one in signers}
    data = (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()
    read_copies(data)
    return data


def read_copies(data: bytes, root: Root | None = None) -> Copies:
    """Read what a stranger may have written. Raises VerificationError naming what is wrong in it.

    Fields that are not known are passed over: a newer version may tell more. It counts as signed if the keys
    of ``root`` for the timestamp have signed it. What is not, or wrongly, is read all the same.
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
    signed = root is not None and _is_signed(top, root)
    return Copies(archive, time, {bag: _bag(bag, value) for bag, value in bags.items()}, signed)


def fetch_copies(origin: Origin, archive: str, root: Root | None = None) -> tuple[bytes, Copies] | None:
    """Return what an origin says of an archive's copies, verbatim and read; None where it says nothing.

    ``root`` is as for :func:`read_copies`.
    Raises NetworkError, and VerificationError when it makes no sense or is about another archive.
    """
    try:
        data = fetch(origin, COPIES, MAX_COPIES_BYTES)
    except NotFoundError:
        return None
    copies = read_copies(data, root)
    if copies.archive != archive:
        raise _wrong(f"is about another archive, {copies.archive:.40}")
    return data, copies


def moment(time: str) -> datetime:
    """Return the moment that a time as it is written here means."""
    return datetime.fromisoformat(time).astimezone(UTC)


def _payload(value: Mapping[str, Any]) -> bytes:
    """Return what is signed: the JSON without its signatures, keys sorted, no blanks, nothing but ASCII."""
    said = {name: one for name, one in value.items() if name != _SIGNATURES}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode("ascii")


def _is_signed(value: Mapping[str, Any], root: Root) -> bool:
    given = value.get(_SIGNATURES)
    if not isinstance(given, dict) or len(given) > _SIGNERS:
        return False
    found = {
        keyid: Signature(keyid, signature)
        for keyid, signature in given.items()
        if isinstance(signature, str) and _SIGNATURE.fullmatch(signature)
    }
    try:
        root.verify_delegate(Timestamp.type, _payload(value), found)
    except UnsignedMetadataError:
        return False
    return True


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
    return -_AHEAD <= now - moment(time) <= period


def _wrong(what: str) -> VerificationError:
    return VerificationError(f"{COPIES} {what}.", "How many copies there are counts as unknown.")
