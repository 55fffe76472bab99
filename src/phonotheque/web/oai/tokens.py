"""Resumption tokens: where a list goes on, signed, so that nothing has to be remembered of harvesters."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import astuple, dataclass
from typing import Final
from uuid import UUID

from phonotheque.web.oai.asking import Code, OaiError, Verb
from phonotheque.web.oai.kept import Asked, Key

VALID: Final = 7 * 24 * 3600  # seconds
_LENGTH: Final = 16  # bytes of a signature
_LONGEST: Final = 600  # characters


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list stands: what was asked for, the last record given, and how many were."""

    verb: Verb
    asked: Asked
    after: Key
    given: int
    at: int  # seconds since 1970, when it was handed out


def write_token(place: Place, key: bytes) -> str:
    """Return a token."""
    value = [
        place.verb.value,
        *astuple(place.asked),
        place.after[0],
        place.after[1].hex,
        place.given,
        place.at,
    ]
    data = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_sign(data, key) + data).decode().rstrip("=")


def read_token(text: str, key: bytes, verb: Verb, now: int) -> Place:
    """Read a token that was handed out here. Raises OaiError for all others, and for one that has expired."""
    try:
        if len(text) > _LONGEST:
            raise ValueError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise _unknown() from error
    sign, data = raw[:_LENGTH], raw[_LENGTH:]
    if not key or not hmac.compare_digest(sign, _sign(data, key)):
        raise _unknown()
    name, since, until, edition, stamp, recording, given, at = json.loads(data)  # ours: it is signed
    if name != verb.value:
        raise OaiError(Code.BAD_TOKEN, f"This token belongs to {name}.")
    if now - at > VALID:
        raise OaiError(
            Code.BAD_TOKEN, "This token has expired: begin again, from the date of your last harvest."
        )
    return Place(verb, Asked(since, until, edition), (stamp, UUID(recording)), given, at)


def _sign(data: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"oai" + data, hashlib.sha256).digest()[:_LENGTH]


def _unknown() -> OaiError:
    return OaiError(Code.BAD_TOKEN, "This token was not handed out here, or not for the list as it is now.")
