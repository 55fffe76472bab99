"""Who asks: a guest, who needs no account, or a listener by an app password, its token, or an API key."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.asking import Parameters
from phonotheque.web.subsonic.listeners import GUEST, Listener, Listeners

_API: Final = (1, 16)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. A guest has no ``listener``, and may look and listen, but keep nothing here."""

    name: str
    listener: int | None = None

    def keeping(self) -> int:
        """Return whose stars and playlists are meant. CallError for a guest."""
        if self.listener is None:
            text = "Guests have no stars and playlists of their own: ask the archive for a name."
            raise CallError(Code.FORBIDDEN, text)
        return self.listener


def who(asked: Parameters, listeners: Listeners) -> Visitor:
    """Return who asks, by what their player sent along. CallError where it is wrong or missing."""
    _understood(asked.text("v"))
    key, name = asked.text("apiKey"), asked.text("u")
    if key and (name or asked.given("p") or asked.given("t") or asked.given("s")):
        raise CallError(Code.TWO_LOGINS, "Send an API key alone, or a name with a password.")
    if key:
        if (found := listeners.with_key(key)) is None:
            raise CallError(Code.WRONG_KEY, "Invalid API key.")
        return Visitor(found.name, found.id)
    name = asked.required("u")
    if name.lower() == GUEST:
        return Visitor(GUEST)
    known = listeners.named(name)
    if not _right(asked, known):
        raise CallError(Code.WRONG_LOGIN, f"Wrong username or password. Everybody may come in as “{GUEST}”.")
    assert known is not None
    return Visitor(known.name, known.id)


def _right(asked: Parameters, listener: Listener | None) -> bool:
    """Whether a password, or the token made of it, is a listener's."""
    password = listener.password if listener else ""
    if asked.given("t"):
        salt = asked.required("s")
        expected = hashlib.md5((password + salt).encode(), usedforsecurity=False).hexdigest()
        given = asked.text("t").lower()
    else:
        expected, given = password, _plain(asked.required("p"))
    right = hmac.compare_digest(expected.encode(), given.encode())
    return right and listener is not None


def _plain(password: str) -> str:
    """Return a password as it was typed: some players send its bytes in hexadecimal digits."""
    if not password.startswith("enc:"):
        return password
    try:
        return bytes.fromhex(password[4:]).decode("utf-8", "replace")
    except ValueError:
        return password


def _understood(version: str) -> None:
    """Refuse players of another version of the API; one that does not say is believed to know this one."""
    parts = version.split(".")
    if not version or not (parts[0].isascii() and parts[0].isdecimal() and len(parts[0]) < 4):
        return
    if int(parts[0]) > _API[0]:
        raise CallError(
            Code.SERVER_TOO_OLD, "Incompatible Subsonic REST protocol version. Server must upgrade."
        )
    if int(parts[0]) < _API[0]:
        raise CallError(
            Code.CLIENT_TOO_OLD, "Incompatible Subsonic REST protocol version. Client must upgrade."
        )
