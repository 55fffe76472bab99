"""Whom a stranger may have us ask: machines out in the Internet, not ours, nor those in our own network.

A name means what it is resolved to at the moment of asking, so that is looked at, connected to and recorded:
many names for one machine are one machine.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from phonotheque.model.errors import NetworkError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_ASKED: Final = 4  # addresses of one name that are tried


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be asked: ``anywhere``, or none that is not for all the Internet, nor ``own``."""

    anywhere: bool = True
    own: frozenset[str] = frozenset()

    def why_not(self, address: Address) -> str | None:
        """Return why an address may not be asked, None if it may."""
        if self.anywhere:
            return None
        if not is_public(address):
            return f"{address} is inside somebody's own network"
        if str(address) in self.own or _is_this_machine(address):
            return f"{address} is where this archive is itself"
        return None


ANYWHERE: Final = Reach()


def resolve(host: str, port: int, reach: Reach) -> list[str]:
    """Return the addresses of a host. Raises NetworkError when it has none, or one that may not be asked."""
    found = _addresses(host, port)
    for address in found:
        if why := reach.why_not(address):
            raise NetworkError(
                f"{host} is not asked, since a stranger named it: {why}.",
                "If you know whose it is: --mirror, or [health] private_addresses = true.",
            )
    return [str(address) for address in found[:_ASKED]]


def reach_of_strangers(published: str, *, private: bool) -> Reach:
    """Return where mirrors may be of which nothing is known but their reports.

    Raises NetworkError when it cannot be told where ``published``, the archive's own address, is.
    """
    if private:
        return ANYWHERE
    host = urlsplit(published).hostname if published else None
    return Reach(anywhere=False, own=frozenset(map(str, _addresses(host, None))) if host else frozenset())


def literal(host: str) -> Address | None:
    """Return the address that a host is written as (also as 127.1, or as one number), None for a name."""
    try:
        return _plain(ipaddress.ip_address(host))
    except ValueError:
        pass  # perhaps one of the old ways to write it
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the whole Internet, and of one machine."""
    address = _plain(address)
    return address.is_global and not address.is_multicast


def names_this_machine(host: str) -> bool:
    """Tell whether a name means the machine that asks (RFC 6761, 6.3)."""
    last = host.rstrip(".").lower().rpartition(".")[2]
    return last == "localhost"


def _addresses(host: str, port: int | None) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NetworkError(f"The name {host} could not be resolved: {error}.", "Try again later.") from error
    return list(dict.fromkeys(_plain(ipaddress.ip_address(str(entry[4][0]))) for entry in found))


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        teredo = address.teredo
        return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
    return address


def _is_this_machine(address: Address) -> bool:
    """Tell whether an address is one of this machine's: what leaves for it leaves from it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:  # sends nothing
        try:
            probe.connect((str(address), 9))
        except OSError:
            return False  # no way leads there, so it is not here
        return str(probe.getsockname()[0]) == str(address)
