"""How a server and the processes that make its pages talk: in frames, over a socket that only they have.

A frame is two lengths (four bytes each, big endian), a JSON object, and bytes. The server sends what is asked
for, a worker what it answers, under the same number; unasked it says that it is ready, and what it logs.
"""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Scope

_LENGTHS: Final = struct.Struct(">II")
_TEXTS: Final = ("method", "path", "root_path", "scheme", "http_version")
_BYTES: Final = ("raw_path", "query_string")


@dataclass(frozen=True, slots=True)
class Frame:
    """What is said: an object of JSON, and bytes."""

    told: dict[str, Any]
    body: bytes = b""

    def packed(self) -> bytes:
        """Return it as it is sent."""
        head = json.dumps(self.told).encode()
        return _LENGTHS.pack(len(head), len(self.body)) + head + self.body


async def read_frame(reader: asyncio.StreamReader) -> Frame | None:
    """Return the next frame; None where the other end is gone, in the middle of one, too."""
    try:
        head, body = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
        return Frame(json.loads(await reader.readexactly(head)), await reader.readexactly(body))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def asked(number: int, scope: Scope) -> Frame:
    """Return a request that has no body (ASGI: HTTP connection scope) as a frame."""
    told = {name: scope[name] for name in _TEXTS if name in scope}
    told |= {name: scope[name].decode("latin-1") for name in _BYTES if name in scope}
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Frame(
        told
        | {
            "number": number,
            "headers": headers,
            "client": scope.get("client"),
            "server": scope.get("server"),
        }
    )


def scope_of(frame: Frame) -> Scope:
    """Return the request that is in a frame."""
    told = frame.told
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told["headers"]]
    scope: Scope = {"type": "http", "asgi": {"version": "3.0"}, "headers": headers}
    scope.update((name, told[name]) for name in _TEXTS if name in told)
    scope.update((name, told[name].encode("latin-1")) for name in _BYTES if name in told)
    scope.update((name, tuple(told[name]) if told[name] else None) for name in ("client", "server"))
    return scope


def answered(number: int, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Frame:
    """Return an answer as a frame."""
    shown = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    return Frame({"number": number, "status": status, "headers": shown}, body)


def headers_of(frame: Frame) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in frame.told["headers"]]
