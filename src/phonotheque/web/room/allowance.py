"""How many requests the form takes in: so many from an address, from its neighbourhood, and from all.

Whoever has many addresses mostly has them side by side: so a neighbourhood counts, too. Corrections, which
can wait, have a share of the whole only. And the last of what is left is for requests to take something
back, from neighbourhoods that have sent nothing lately.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from typing import Final

from phonotheque.ledger.requests import RequestKind
from phonotheque.web.reports import Rate

ADDRESS: Final = 6  # an hour
NEIGHBOURHOOD: Final = 12
CORRECTIONS: Final = 30
ALL: Final = 60
RESERVED: Final = 20  # of these, for who has sent nothing lately
_NEAR: Final = {4: 24, 6: 48}  # bits of an address that neighbours have in common


class Allowance:
    """What is left of it. May be used by several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._each, self._near = Rate(ADDRESS), Rate(NEIGHBOURHOOD)
        self._corrections, self._all = Rate(CORRECTIONS), Rate(ALL)

    def take(self, who: str, kind: RequestKind) -> bool:
        """Take one for an address or IPv6 network ("" for none that tells), if there is one for it."""
        with self._lock:
            at, near = self._clock(), neighbourhood(who)
            wanted = [(self._each, who), (self._near, near)] if who else []
            withdraws = kind is RequestKind.WITHDRAWAL
            wanted += [] if withdraws else [(self._corrections, "")]
            known = bool(who) and self._near.left(near, at) < NEIGHBOURHOOD
            least = 1 if withdraws and not known else RESERVED + 1
            if self._all.left("", at) < least or any(rate.left(name, at) < 1 for rate, name in wanted):
                return False
            for rate, name in (*wanted, (self._all, "")):
                rate.allows(name, at)
            return True


def neighbourhood(who: str) -> str:
    """Return the network that an address, or a network of 64 bits, is one of many in; "" for ""."""
    if not who:
        return ""
    network = ipaddress.ip_network(who)
    return str(network.supernet(new_prefix=_NEAR[network.version]))
