"""Sessions of staff: a random token in a cookie, of which the ledger keeps the hash.

They are written without the archive's lock, each in a moment: whoever has to hide something at once must be
able to log in while a long command runs.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.ledger.staff import (
    Account,
    SessionRecord,
    account,
    begin_session,
    end_old_sessions,
    end_session,
    end_sessions,
    record_action,
    see_session,
    session_with,
)
from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import now, timestamp
from phonotheque.web.room.pages import language_of, room_of

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
_SEEN: Final = timedelta(minutes=1)  # between two records that a session is in use
_PLAIN: Final = "staff"
_SECURE: Final = "__Host-staff"  # taken over https only, for this host alone (RFC 6265bis)


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is logged in, and the token that forms of this session bear."""

    name: str
    form_token: str
    token_sha256: str


def served(request: Request) -> bool:
    """Whether there are pages for staff at all."""
    archive = room_of(request).archive
    return archive.settings.requests.staff and not archive.is_mirror


def is_safe(request: Request) -> bool:
    """Whether nobody on the way reads what is typed: over https, or from this machine.

    Behind a proxy that does not tell, the browser does: Origin names the scheme, and Sec-Fetch-Site is sent
    over what is safe only (Fetch Metadata §2).
    """
    host = request.client.host if request.client else ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    return local or _over_https(request) or "sec-fetch-site" in request.headers


def begin(request: Request, response: Response, known: Account) -> bool:
    """Log a browser in, with a new token; what it had before ends.

    False if the account was removed, or given another password, since it was ``known``.
    """
    token, secure, at = secrets.token_urlsafe(32), _over_https(request), now()
    with _writing(request) as ledger:
        for old in _tokens(request):
            end_session(ledger, _hash(old))
        end_old_sessions(ledger, begun_before=timestamp(at - LONGEST), seen_before=timestamp(at - IDLE))
        made = SessionRecord(_hash(token), known.name, secure, timestamp(at), timestamp(at))
        if not begin_session(ledger, made, known.password):
            return False
        record_action(
            ledger, at=timestamp(at), name=known.name, action="log in", subject=f"staff {known.name}"
        )
    for cookie in (_PLAIN, _SECURE):
        if cookie != (_SECURE if secure else _PLAIN):
            _forget(response, cookie)
    response.set_cookie(
        _SECURE if secure else _PLAIN, token, path="/", secure=secure, httponly=True, samesite="strict"
    )
    return True


def end(request: Request, response: Response, who: Staff, *, everywhere: bool) -> None:
    """Log a browser out, or all in which the same person is logged in."""
    at = timestamp(now())
    action = "log out everywhere" if everywhere else "log out"
    with _writing(request) as ledger:
        if everywhere:
            end_sessions(ledger, who.name)
        else:
            end_session(ledger, who.token_sha256)
        record_action(ledger, at=at, name=who.name, action=action, subject=f"staff {who.name}")
    for cookie in (_PLAIN, _SECURE):
        _forget(response, cookie)


def signed_in(request: Request) -> Staff | None:
    """Return who is logged in; a session that was not used for long, or is old, has ended."""
    at = now()
    for cookie, secure in ((_SECURE, True), (_PLAIN, False)):
        token = request.cookies.get(cookie, "")
        if not 20 <= len(token) <= 100:
            continue
        with room_of(request).archive.ledger.connect() as ledger:
            found = session_with(ledger, _hash(token))
            if found is None or found.secure is not secure or account(ledger, found.name) is None:
                continue
        begun, seen = datetime.fromisoformat(found.begun_at), datetime.fromisoformat(found.seen_at)
        if at - begun > LONGEST or at - seen > IDLE:
            continue
        if at - seen > _SEEN:
            with _writing(request) as ledger:
                see_session(ledger, found.token_sha256, at=timestamp(at))
        form = hmac.new(token.encode(), b"forms of this session", hashlib.sha256).hexdigest()
        return Staff(found.name, form, found.token_sha256)
    return None


def required(request: Request) -> Staff:
    """Return who is logged in; who is not, is led to the login. Raises HTTPException."""
    if not served(request):
        raise HTTPException(404)
    who = signed_in(request)
    if who is None:
        goal = f"/{language_of(request)}/staff/login"
        if request.method in ("GET", "HEAD"):
            goal += f"?next={quote(request.url.path, safe='')}"
        raise HTTPException(303, headers={"Location": goal, "Cache-Control": "no-store"})
    return who


def check_form(who: Staff, token: object) -> bool:
    """Whether a form is one of this session's own."""
    return hmac.compare_digest(who.form_token.encode(), str(token).encode())


@contextmanager
def _writing(request: Request) -> Iterator[Connection]:
    try:
        with room_of(request).archive.ledger.begin() as ledger:
            yield ledger
    except OperationalError as error:
        raise PhonothequeError(
            "The ledger is being written just now, or cannot be.", "Try again in a moment."
        ) from error


def _over_https(request: Request) -> bool:
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")


def _tokens(request: Request) -> list[str]:
    found = (request.cookies.get(name, "") for name in (_PLAIN, _SECURE))
    return [token for token in found if token]


def _forget(response: Response, cookie: str) -> None:
    response.delete_cookie(cookie, path="/", secure=cookie == _SECURE, httponly=True, samesite="strict")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
