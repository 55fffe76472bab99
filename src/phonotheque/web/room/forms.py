"""Forms that change something: read within bounds, from our own pages only, and sent by people.

A browser tells where a form was sent from (Sec-Fetch-Site, else Origin: RFC 6454 §7). Only this site's own
pages count; so nobody else's page can send in a visitor's name. A form also bears a token: when it was asked
for, and a number of its own, signed with a key of this process. No cookie is needed for that.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message

from phonotheque.web.crowd import place_of
from phonotheque.web.room import full
from phonotheque.web.room.pages import _, refusal, room_of

_LOG = logging.getLogger("phonotheque.web")
SMALL: Final = 64 * 1024  # bytes of a form without a document
_FIELDS: Final = 60
_PART: Final = 48 * 1024  # bytes of a field
_SECONDS: Final = 300.0  # that a form may take to arrive
_AT_ONCE: Final = 16  # forms on their way
_OF_ONE: Final = 4  # of these, from one address: nobody shuts the door for all others
_OLD: Final = 24 * 3600  # seconds that a form may lie open
QUICKEST: Final = 3.0  # seconds that nobody needs less than, to fill in what is not known

Handler = Callable[[Request, FormData], Response]


class TokenError(Exception):
    """A form's token is missing, forged or of another process."""


class StaleError(TokenError):
    """A form lay open for too long."""


class HastyError(TokenError):
    """A form came back quicker than anybody writes."""


class Tokens:
    """Signs forms, each with a number of its own."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._key = secrets.token_bytes(32)
        self._clock = clock

    def make(self) -> str:
        """Return a token for a form that is shown now."""
        said = f"{int(self._clock())}.{secrets.token_hex(16)}"
        return f"{said}.{self._sign(said)}"

    def check(self, token: str, *, quickest: float = 0.0) -> bytes:
        """Return a secret that only this form has. Raises TokenError, StaleError, HastyError."""
        said, _dot, signature = token.rpartition(".")
        if not hmac.compare_digest(self._sign(said).encode(), signature.encode()):
            raise TokenError
        age = self._clock() - float(said.partition(".")[0])
        if age > _OLD:
            raise StaleError
        if age < quickest:
            raise HastyError
        return hmac.digest(self._key, b"form " + said.encode(), hashlib.sha256)

    def _sign(self, said: str) -> str:
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()


class _TooMuchError(Exception):
    pass


def posted(handler: Handler, *, most: int = SMALL) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that reads a form of at most ``most`` bytes; ``handler`` answers, in a thread.

    What was not sent by this site's own pages is 403, what is too much 413, what takes too long 408; and
    where the disk is full, 507.
    """
    coming = Counter[str]()

    async def endpoint(request: Request) -> Response:
        if not from_here(request):
            return refusal(request, 403, _("This form was not sent from a page of this site."))
        who = asker(request)
        if coming.total() >= _AT_ONCE or (who and coming[who] >= _OF_ONE):
            later = {"Retry-After": "60"}
            return refusal(
                request, 503, _("Many people are sending something just now. Try again."), headers=later
            )
        coming[who] += 1
        try:
            form = await asyncio.wait_for(_read(request, most), _SECONDS)
            try:
                return await run_in_threadpool(handler, request, form)
            finally:
                await form.close()
        except full.ERRORS as error:
            archive = room_of(request).archive
            if not full.is_full(error, archive):
                raise
            _LOG.error("The disk is full: %s", error)
            return refusal(request, 507, _("The disk here is full: nothing was kept. Try again later."))
        except _TooMuchError:
            return refusal(request, 413, _("This is too much to be taken in at once."))
        except TimeoutError:
            return refusal(request, 408, _("This took too long to arrive."))
        except ClientDisconnect:
            return PlainTextResponse("", status_code=400)  # nobody reads it
        except HTTPException as error:
            if error.status_code != 400:
                raise
            return refusal(request, 400, _("What was sent is no form that can be read."))
        finally:
            coming[who] -= 1
            if not coming[who]:
                del coming[who]

    return endpoint


def from_here(request: Request) -> bool:
    """Whether a request comes from a page of this site, as browsers tell."""
    told = request.headers.get("sec-fetch-site")
    if told is not None:
        return told == "same-origin"
    origin = request.headers.get("origin") or request.headers.get("referer") or ""
    ours = {request.headers.get("host", "").lower()}
    with suppress(ValueError):
        ours.add(urlsplit(room_of(request).archive.settings.publish.url).netloc.lower())
        where = urlsplit(origin)
        return where.scheme in ("http", "https") and where.netloc.lower() in ours - {""}
    return False


def asker(request: Request) -> str:
    """Return whom to slow down; "" for who is on this machine or in its network: a proxy, perhaps."""
    return place_of(request.client.host) if request.client else ""


def field(form: Mapping[str, object], name: str, most: int) -> str:
    """Return what was typed in a field, with plain line ends, cut after ``most`` characters and one more."""
    value = form.get(name)
    text = value if isinstance(value, str) else ""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd").strip()[: most + 1]


def document_in(form: Mapping[str, object], name: str) -> UploadFile | None:
    """Return a file that was sent, None where none was chosen."""
    value = form.get(name)
    return value if isinstance(value, UploadFile) and value.size else None


async def _read(request: Request, most: int) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/"):
        most = min(most, SMALL)  # only what may have a document with it is larger, and quickly read
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or len(said) > 18 or int(said) > most:
        raise _TooMuchError
    left = most

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _TooMuchError
        return message

    bounded = Request(request.scope, receive)
    try:
        form = await bounded.form(max_files=1, max_fields=_FIELDS, max_part_size=_PART)
        for name, value in form.multi_items():
            (name + value if isinstance(value, str) else name).encode()
    except UnicodeError as error:  # a charset of its sender's choice decodes to what is no text
        raise HTTPException(400) from error
    return form
