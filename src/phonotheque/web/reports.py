"""Where mirrors send what they hold: the one thing that a publisher's server takes in.

A report is bounded in size and time before it is read, one is looked at after the other, and none is believed
beyond its signature (mirrors.taking_reports). How often anybody may send is bounded, too. The archive's lock
is held only while one that was verified is recorded, and while copies are counted, which has a small share of
the time.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import OrderedDict
from dataclasses import asdict
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from phonotheque.ledger.mirrors import bags_ever
from phonotheque.mirrors.health import site
from phonotheque.mirrors.report import MAX_REPORT_BYTES
from phonotheque.mirrors.reporting import REPORTS
from phonotheque.mirrors.taking_reports import (
    NoRoomError,
    NotNewerError,
    Taken,
    TooSoonError,
    check_report,
    record_signed,
)
from phonotheque.mirrors.telling_health import update_health
from phonotheque.model.errors import (
    BusyError,
    NotFoundError,
    PhonothequeError,
    UsageError,
    VerificationError,
)
from phonotheque.vault.archive import Archive, now

_SECONDS: Final = 60.0  # that a report may take to arrive
_AT_ONCE: Final = 8  # reports that are on their way, each from another place
_LATER: Final = 600  # seconds
_PER_HOUR: Final = 60  # reports from one address: a proxy, or a house, may stand for several mirrors
_ADDRESSES: Final = 10_000  # that are remembered
_PER_BAG: Final = 256  # bytes of a report
_BESIDES: Final = 64 * 1024  # bytes of a report that has no bags
_QUICK: Final = 1.0  # seconds: counting that takes no longer is done after each report
_SHARE: Final = 30  # longer counting waits for this many times what it took
_STATUS: Final[tuple[tuple[type[PhonothequeError], int], ...]] = (
    (NoRoomError, 503),
    (NotNewerError, 409),
    (TooSoonError, 429),
    (UsageError, 403),
    (VerificationError, 422),
    (NotFoundError, 503),
)


class Rate:
    """How many times an hour each address may do something: a bucket that fills again, for some thousands."""

    def __init__(self, per_hour: int = _PER_HOUR) -> None:
        self._full = float(per_hour)
        self._per_second = per_hour / 3600
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, address: str, at: float) -> float:
        """Return how many are left in an address's bucket at a moment in seconds."""
        left, since = self._left.get(address, (self._full, at))
        return min(self._full, left + (at - since) * self._per_second)

    def allows(self, address: str, at: float) -> bool:
        """Take one from an address's bucket at a moment in seconds; False if there is none left."""
        left = self.left(address, at)
        self._left.pop(address, None)
        allowed = left >= 1
        self._left[address] = (left - allowed, at)
        while len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)
        return allowed


class Counting:
    """When copies are counted: at once where that is quick, else so that it has a small share of the time."""

    def __init__(self) -> None:
        self.waiting = False  # somebody will count, when it is time
        self._next = 0.0

    def due_in(self, at: float) -> float:
        """Return after how many seconds there may be a count, at a moment in seconds."""
        return max(0.0, self._next - at)

    def took(self, *, begun: float, ended: float) -> None:
        """Take into account how long it took."""
        took = ended - begun
        self._next = ended + took * _SHARE if took > _QUICK else 0.0


def most_bytes(archive: Archive) -> int:
    """Return how large a report can be that names each bag there is or was."""
    with archive.ledger.connect() as ledger:
        return min(MAX_REPORT_BYTES, _BESIDES + _PER_BAG * bags_ever(ledger))


def reports_route(archive: Archive) -> Route:
    """Return the route by which an archive takes reports of mirrors, by POST.

    Answers 200 with what came of it; 400 for half a report, 403 where strangers' are not taken, 409 for an
    older one, 413, 422 for one that does not verify, 429 and 503 with Retry-After.
    """
    rate, looking, counting = Rate(), threading.Lock(), Counting()
    coming = set[str]()

    async def take(request: Request) -> Response:
        who = _asker(request)
        if archive.settings.health.reports == "nobody":
            return _said(403, "This archive takes no reports by HTTP.")
        if not rate.allows(who, time.monotonic()):
            return _said(429, "Too many reports come from your address.")
        if len(coming) >= _AT_ONCE or who in coming:
            return _said(503, "Others are reporting just now.")
        coming.add(who)
        try:
            most = await run_in_threadpool(_most, archive)
            if most is None:
                return _said(503, "The archive cannot record anything just now.")
            data = await asyncio.wait_for(_body(request, most), _SECONDS)
            if data is None:
                return _said(413, f"A report has at most {most} bytes here.")
            answer, changed = await run_in_threadpool(_take, archive, data, looking)
            if changed:
                await _count(archive, looking, counting)
            return answer
        except PhonothequeError:  # the report was recorded; what is wrong is for the archivist
            return _said(500, "The report was recorded, and copies could not be counted.")
        except TimeoutError:
            return _said(408, f"A report must arrive within {_SECONDS:.0f} seconds.")
        except ClientDisconnect:
            return _said(400, "The report broke off.")  # for the log of a proxy: nobody else reads it
        finally:
            coming.discard(who)

    return Route(f"/{REPORTS}", take, methods=["POST"])


async def _count(archive: Archive, looking: threading.Lock, counting: Counting) -> None:
    """Count now, or see to it that it is done when it is time: then for all that came until then."""
    if counting.waiting:
        return
    wait = counting.due_in(time.monotonic())
    if not wait:
        if await run_in_threadpool(_counted, archive, looking, counting):
            return
        wait = _LATER
    counting.waiting = True
    loop = asyncio.get_running_loop()

    def begin() -> None:
        loop.run_in_executor(None, _counted, archive, looking, counting)

    loop.call_later(wait, begin)  # if the server ends before: the next report counts, or phono health


def _counted(archive: Archive, looking: threading.Lock, counting: Counting) -> bool:
    """Count, and tell whether that was done: not while somebody else is changing the archive."""
    with looking:
        counting.waiting = False
        begun = time.monotonic()
        try:
            with archive.writing("serve"):
                update_health(archive, at=now())
        except BusyError:
            return False
        finally:
            counting.took(begun=begun, ended=time.monotonic())
    return True


def _asker(request: Request) -> str:
    """Return whom to slow down: of IPv6 a whole network, which is what one house is given."""
    host = request.client.host if request.client else ""
    return site(f"[{host}]" if ":" in host else host)


def _most(archive: Archive) -> int | None:
    """Return how large a report may be; None if the ledger, of which only the archivist learns, fails."""
    try:
        return most_bytes(archive)
    except PhonothequeError:
        return None


async def _body(request: Request, most: int) -> bytes | None:
    """Return what was sent, None if it is too much; no more than that is ever read."""
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or len(said) > 18 or int(said) > most:
        return None
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            return None
    return bytes(data)


def _take(archive: Archive, data: bytes, looking: threading.Lock) -> tuple[Response, bool]:
    """Return the answer to a report, and whether anything has changed by it."""
    at = now()
    try:
        with looking:
            signed = check_report(archive, data, at=at)
            # The archive's lock keeps out other processes, and would refuse another thread of this one.
            with archive.writing("serve"):
                taken = record_signed(archive, signed, at=at)
    except BusyError:  # its words name folders and processes of this machine
        return _said(503, "The archive is being changed just now."), False
    except PhonothequeError as error:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
        return _said(status, "" if status == 500 else error.message), False
    return _accepted(taken), not taken.again


def _accepted(taken: Taken) -> Response:
    return Response(json.dumps(asdict(taken)) + "\n", media_type="application/json")


def _said(status: int, why: str) -> Response:
    later = {"Retry-After": str(_LATER)} if status in (429, 503) else {}
    return PlainTextResponse(
        f"{why or 'The report could not be recorded.'}\n", status_code=status, headers=later
    )
