"""The proxy through which a mirror reaches the world: SOCKS5 (RFC 1928) or HTTP (RFC 9110 §9.3.6)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from phonotheque.model.errors import UsageError

_KINDS = {"socks5": "socks5", "socks5h": "socks5", "http": "http"}
_PORTS = {"socks5": 1080, "http": 3128}


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where the proxy is. ``kind`` is ``socks5`` or ``http``; it resolves all names, in either kind."""

    kind: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    @property
    def where(self) -> str:
        """The address without user and password, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address with user and password. Names are left to the proxy: ``socks5h``."""
        scheme, _, place = self.where.partition("://")
        access = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""
        return f"{'socks5h' if scheme == 'socks5' else scheme}://{access}{place}"


def parse_proxy(text: str) -> Proxy | None:
    """Return the proxy at ``socks5://HOST:PORT`` or ``http://HOST:PORT``; None for "".

    User and password may stand before the host (``socks5://user:password@host``). Raises UsageError.
    """
    if not text:
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:  # brackets that do not close, a port that is no number
        raise _wrong() from None
    kind = _KINDS.get(parts.scheme)
    if kind is None or not host or port == 0 or parts.path.strip("/") or parts.query or parts.fragment:
        raise _wrong()
    # RFC 1929 has one byte for the length of each.
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if max(len(user.encode()), len(password.encode())) > 255:
        raise _wrong()
    return Proxy(kind, host, port or _PORTS[kind], user, password)


def _wrong() -> UsageError:
    # What was given may hold a password: it is not repeated.
    return UsageError("This is no proxy.", "Write it as socks5://HOST:PORT or http://HOST:PORT.")
