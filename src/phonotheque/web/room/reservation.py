"""The header tdm-reservation (TDM Reservation Protocol §6.1): what tdmrep.json says of an address."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOK: Final = 2.0  # seconds between looks whether the file is another one
_LARGEST: Final = 16 * 1024**2  # bytes
_FOLDERS: Final = ("bags", "restricted")
_LOG = logging.getLogger("phonotheque.web")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for addresses that begin so; for one alone, if it is ``exact``."""

    location: str
    exact: bool
    reserved: bool
    policy: str

    def holds(self, path: str) -> bool:
        """Tell whether it is for an address (quoted)."""
        return path == self.location if self.exact else path.startswith(self.location)


@dataclass(frozen=True, slots=True)
class Declared:
    """The rules of a site, those of bags by the bag: there may be thousands."""

    of_bags: dict[str, list[Rule]] = field(default_factory=dict)
    others: list[Rule] = field(default_factory=list)

    def of(self, path: str) -> Rule | None:
        """Return the first rule that holds for a path (quoted), as the protocol says."""
        some = self.of_bags.get(_bag(path), ())
        return next((rule for rule in (*some, *self.others) if rule.holds(path)), None)


def read(data: bytes) -> Declared:
    """Read a tdmrep.json. Raises ValueError for what makes no sense."""
    declared = Declared()
    for told in json.loads(data):
        location, reserved, policy = told["location"], told["tdm-reservation"], told.get("tdm-policy", "")
        if not isinstance(location, str) or reserved not in (0, 1) or not isinstance(policy, str):
            raise ValueError("a rule has no location, or no reservation")
        if not policy.isascii() or not policy.isprintable():
            policy = ""  # it could stand in no header
        rule = Rule(location.removesuffix("$"), location.endswith("$"), reserved == 1, policy)
        bag = _bag(rule.location)
        (declared.of_bags.setdefault(bag, []) if bag else declared.others).append(rule)
    return declared


def _bag(path: str) -> str:
    """Return the folder of the bag in which a path lies, "" for other paths."""
    names = path.split("/", 5)
    depth = 3 if names[1:2] == ["bags"] else 5
    return "/".join(names[:depth]) if names[1:2] and names[1] in _FOLDERS and len(names) >= depth else ""


class Reservation:
    """Adds the header where something is declared, of pages, streams and files alike."""

    def __init__(self, app: ASGIApp, public: Path) -> None:
        self._app, self._file = app, public / ".well-known" / "tdmrep.json"
        self._lock = threading.Lock()
        self._look_at, self._stamp = 0.0, (0, 0)
        self._declared = Declared()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with it."""
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        path = "/".join(quote(name, safe="") for name in scope["path"].split("/"))
        rule = self._current().of(path)

        async def sending(message: Message) -> None:
            if rule is not None and message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("tdm-reservation", str(int(rule.reserved)))
                if rule.reserved and rule.policy:
                    headers.setdefault("tdm-policy", rule.policy)
            await send(message)

        await self._app(scope, receive, sending)

    def _current(self) -> Declared:
        with self._lock:
            now = time.monotonic()
            if now >= self._look_at:
                self._look_at = now + _LOOK
                self._look()
            return self._declared

    def _look(self) -> None:
        try:
            status = os.stat(self._file)  # noqa: PTH116
            stamp = status.st_mtime_ns, status.st_size
            if stamp != self._stamp:
                self._declared = self._read(status.st_size)
                self._stamp = stamp
        except FileNotFoundError:
            self._declared, self._stamp = Declared(), (0, 0)

    def _read(self, size: int) -> Declared:
        try:
            if size > _LARGEST:
                raise ValueError(f"it has {size} bytes")
            return read(self._file.read_bytes())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _LOG.error("%s declares nothing that can be read: %s", self._file.name, error)
            return Declared()
