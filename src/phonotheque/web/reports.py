"""Where mirrors send what they hold: the one thing that a publisher's server takes in.

A report is bounded in size and time before it is read, one is looked at after the other, and none is believed
beyond its signature (mirrors.taking_reports). How often anybody may send is bounded, too.
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

from phonotheque.mirrors.health import site
from phonotheque.mirrors.report import MAX_REPORT_BYTES
from phonotheque.mirrors.reporting import REPORTS
from phonotheque.mirrors.taking_reports import NoRoomError, NotNewerError, Taken, take_report
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
_AT_ONCE: Final = 4  # reports that are on their way; each may take some 16 MiB of memory
_LATER: Final = "600"  # seconds
_PER_HOUR: Final = 60  # reports from one address: a proxy, or a house, may stand for several mirrors
_ADDRESSES: Final = 10_000  # that are remembered
_STATUS: Final[tuple[tuple[type[PhonothequeError], int], ...]] = (
    (NoRoomError, 503),
    (NotNewerError, 409),
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

    def allows(self, address: str, at: float) -> bool:
        """Take one from an address's bucket at a moment in seconds; False if there is none left."""
        left, since = self._left.pop(address, (self._full, at))
        left = min(self._full, left + (at - since) * self._per_second)
        allowed = left >= 1
        self._left[address] = (left - allowed, at)
        while len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)
        return allowed


def reports_route(archive: Archive) -> Route:
    """Return the route by which an archive takes reports of mirrors, by POST.

    Answers 200 with what came of it; 400 for half a report, 403 where strangers' are not taken, 409 for an
    older one, 413, 422 for one that does not verify, 429 and 503 with Retry-After.
    """
    rate, looking = Rate(), threading.Lock()
    coming = 0

    async def take(request: Request) -> Response:
        nonlocal coming
        if archive.settings.health.reports == "nobody":
            return _said(403, "This archive takes no reports by HTTP.")
        if not rate.allows(_asker(request), time.monotonic()):
            return _said(429, "Too many reports come from your address.")
        if coming >= _AT_ONCE:
            return _said(503, "Others are reporting just now.")
        coming += 1
        try:
            data = await asyncio.wait_for(_body(request), _SECONDS)
            if data is None:
                return _said(413, f"A report has at most {MAX_REPORT_BYTES} bytes.")
            return await run_in_threadpool(_take, archive, data, looking)
        except TimeoutError:
            return _said(408, f"A report must arrive within {_SECONDS:.0f} seconds.")
        except ClientDisconnect:
            return _said(400, "The report broke off.")  # for the log of a proxy: nobody else reads it
        finally:
            coming -= 1

    return Route(f"/{REPORTS}", take, methods=["POST"])


def _asker(request: Request) -> str:
    """Return whom to slow down: of IPv6 a whole network, which is what one house is given."""
    host = request.client.host if request.client else ""
    return site(f"[{host}]" if ":" in host else host)


async def _body(request: Request) -> bytes | None:
    """Return what was sent, None if it is too much; no more than that is ever read."""
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or len(said) > 18 or int(said) > MAX_REPORT_BYTES:
        return None
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_REPORT_BYTES:
            return None
    return bytes(data)


def _take(archive: Archive, data: bytes, looking: threading.Lock) -> Response:
    at = now()
    try:
        archive.ledger.connect().close()
    except PhonothequeError:  # what is wrong with it, and where it is, is for the archivist
        return _said(503, "The archive cannot record anything just now.")
    try:
        # The archive's lock keeps out other processes, and would refuse another thread of this one.
        with looking, archive.writing("serve"):
            taken = take_report(archive, data, at=at)
            if not taken.again:
                update_health(archive, at=at)
    except BusyError:  # its words name folders and processes of this machine
        return _said(503, "The archive is being changed just now.")
    except PhonothequeError as error:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
        return _said(status, "" if status == 500 else error.message)
    return _accepted(taken)


def _accepted(taken: Taken) -> Response:
    return Response(json.dumps(asdict(taken)) + "\n", media_type="application/json")


def _said(status: int, why: str) -> Response:
    later = {"Retry-After": _LATER} if status in (429, 503) else {}
    return PlainTextResponse(
        f"{why or 'The report could not be recorded.'}\n", status_code=status, headers=later
    )
