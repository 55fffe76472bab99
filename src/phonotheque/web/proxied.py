"""Who asks through a proxy: what one says of that counts only if it is trusted.

A proxy in front of a server is the only one whom it sees. X-Forwarded-For, or where there is none Forwarded
(RFC 7239), then has the addresses on the way, each added at the end by whoever was asked: from the end, the
first that is no trusted proxy is the client. What stands before it anybody may have written.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from phonotheque.model.errors import UsageError
from phonotheque.model.settings import Settings

_MOST: Final = 32  # addresses on a way that are looked at
_LONGEST: Final = 4096  # characters of a header
_FOR: Final = re.compile(r'(?:^|[;,\s])for="?(\[[0-9A-Fa-f:.]+\]|[^";,\s]+)', re.IGNORECASE)
_SCHEMES: Final = ("http", "https")
_UNKNOWN: Final = (
    "Requests come through %s, and [serve] trusted_proxies does not name it: visitors cannot be told apart,"
    " and limits hold for all of them together. If it is your web server, name it, or use --trusted-proxy %s."
)
_LOG = logging.getLogger("phonotheque.web")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that are trusted, by their networks."""

    networks: tuple[Network, ...] = ()

    def __contains__(self, address: str) -> bool:
        """Whether this address is one of theirs."""
        found = _address(address)
        return found is not None and any(found in network for network in self.networks)


NO_PROXIES: Final = Proxies()


def parse_proxies(texts: Iterable[str], where: str) -> Proxies:
    """Read addresses and networks. Raises UsageError, which names ``where`` they were given."""
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError as error:
            raise UsageError(
                f"{where}: “{text:.60}” is neither an address nor a network.",
                "Write it like 127.0.0.1, 10.0.0.0/8 or fd00::/8.",
            ) from error
    return Proxies(tuple(networks))


def trusted_proxies(settings: Settings) -> Proxies:
    """Return the proxies that settings name. Raises UsageError."""
    return parse_proxies(settings.serve.trusted_proxies, "[serve] trusted_proxies")


def client_of(peer: str, headers: Headers, proxies: Proxies) -> str:
    """Return the address of who asks: ``peer``'s own, or what trusted proxies say, if they do."""
    if peer not in proxies:
        return peer
    client = peer
    for hop in reversed(_hops(headers)):
        address = _address(hop)
        if address is None:
            return client
        client = str(address)
        if client not in proxies:
            return client
    return client


def _hops(headers: Headers) -> list[str]:
    told = headers.getlist("x-forwarded-for")
    if told:
        return ",".join(told)[-_LONGEST:].split(",")[-_MOST:]
    return _FOR.findall(",".join(headers.getlist("forwarded"))[-_LONGEST:])[-_MOST:]


def _address(text: str) -> Address | None:
    """Read an address, with a port or without; IPv4 as such also where it is written as IPv6."""
    bare = text.strip().partition("%")[0]
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _is_nearby_proxy(peer: str, scope: Scope) -> bool:
    """Whether a request was passed on by this machine, or one of a private network."""
    told = Headers(scope=scope)
    address = _address(peer) if "x-forwarded-for" in told or "forwarded" in told else None
    return address is not None and (address.is_private or address.is_link_local)


class BehindProxies:
    """Tells an application who asks, and by which scheme, where trusted proxies say so.

    That a proxy nearby is not trusted is said once, in the log: nobody else would notice.
    """

    def __init__(self, app: ASGIApp, proxies: Proxies) -> None:
        self._app, self._proxies = app, proxies
        self._said = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
        peer = scope.get("client")
        if scope["type"] == "http" and peer and peer[0] in self._proxies:
            headers = Headers(scope=scope)
            scope = {**scope, "client": (client_of(peer[0], headers, self._proxies), 0)}
            scheme = headers.get("x-forwarded-proto", "").strip().lower()
            if scheme in _SCHEMES:
                scope["scheme"] = scheme
        elif scope["type"] == "http" and peer and not self._said and _is_nearby_proxy(peer[0], scope):
            self._said = True
            _LOG.warning(_UNKNOWN, peer[0], peer[0])
        await self._app(scope, receive, send)
