"""Many listeners at once: each takes ranges of a song as players do, and waits if they come late."""

from __future__ import annotations

import asyncio
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import numpy as np
import urllib3

from benchmarks.reading_room.servers import Server
from benchmarks.results import Figure, print_figures, print_heading

_RATE: Final = 40_000  # bytes a second: 320 kbit/s
_RANGE: Final = 256 * 1024  # bytes that a player asks for at a time
_AHEAD: Final = 10.0  # seconds of music that it wants to have
_ENOUGH: Final = 0.5  # seconds of music with which it begins, and goes on after a stall
_SONG: Final = re.compile(r"/stream/[0-9a-f]{64}")


@dataclass(slots=True)
class _Heard:
    begun: float = 0.0  # seconds until there was enough to begin
    stalls: int = 0
    taken: int = 0  # bytes
    refused: int = 0


def bench_songs(server: Server, archive: Path, listeners: int, seconds: int) -> None:
    """Let so many listen for so many seconds, and count how often any had to wait."""
    songs = _songs(server.url)
    before, used = server.memory(), server.used()
    heard = asyncio.run(_all(server.url, songs, listeners, seconds))
    used = server.used() - used
    p50, p95 = np.percentile([one.begun for one in heard], [50, 95])
    taken, stalls = sum(one.taken for one in heard), sum(one.stalls for one in heard)
    print_heading(
        "songs",
        f"{listeners} listeners to {len(songs)} songs for {seconds} s, each at {_RATE * 8 // 1000} kbit/s in "
        f"ranges of {_RANGE // 1024} KiB, {_AHEAD:.0f} s ahead, on this machine’s own network.",
    )
    print_figures(
        [
            Figure("stalls", str(stalls), "0", stalls == 0),
            Figure(
                "answers that were not 206",
                str(refused := sum(one.refused for one in heard)),
                "0",
                not refused,
            ),
            Figure(
                "until there is enough to begin, p50 and p95", f"{1000 * p50:.0f} and {1000 * p95:.0f} ms"
            ),
            Figure("music sent", f"{taken / 1e6:.0f} MB, {taken / 1e6 / seconds:.1f} MB/s"),
            Figure("processor time for each MB", f"{1e9 * used / max(1, taken):.1f} ms"),
            Figure("memory before and after", f"{before:.0f} MB, {server.memory():.0f} MB"),
        ]
    )


def _songs(url: str) -> list[str]:
    """Return the addresses of songs that may be heard."""
    found = _SONG.findall(urllib3.request("GET", f"{url}/en/listen").data.decode())
    return sorted(set(found))


async def _all(url: str, songs: list[str], listeners: int, seconds: int) -> list[_Heard]:
    place, chance = urlsplit(url), random.Random(1)
    assert place.hostname is not None
    assert place.port is not None
    each = [
        _listen(place.hostname, place.port, chance.choice(songs), chance.uniform(0, seconds / 4), seconds)
        for _ in range(listeners)
    ]
    return list(await asyncio.gather(*each))


async def _listen(host: str, port: int, song: str, later: float, seconds: float) -> _Heard:
    """Listen from a moment on; at the end of the song it begins again."""
    await asyncio.sleep(later)
    heard, start = _Heard(), time.perf_counter()
    until = start + seconds
    playing: float | None = None  # since when it plays without a stall
    base = place = 0  # bytes that were there then, and where in the song the next begin
    while (at := time.perf_counter()) < until:
        if playing is not None:
            ahead = (heard.taken - base) / _RATE - (at - playing)
            if ahead > _AHEAD:
                await asyncio.sleep(min(ahead - _AHEAD, until - at))
                continue
        reader, writer = await asyncio.open_connection(host, port)
        asked = f"GET {song} HTTP/1.1\r\nHost: {host}\r\nRange: bytes={place}-{place + _RANGE - 1}\r\n"
        writer.write(f"{asked}Connection: close\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        partial = head.startswith(b"HTTP/1.1 206")
        heard.refused += not partial
        got = 0
        while some := await reader.read(16_384):
            got += len(some)
            heard.taken += len(some)
            now = time.perf_counter()
            if playing is None:
                if heard.taken - base >= _ENOUGH * _RATE:
                    heard.begun = heard.begun or now - start
                    playing = now
            elif heard.taken - len(some) - base < _RATE * (now - playing):
                heard.stalls += 1
                playing, base = None, heard.taken
        writer.close()
        place = place + got if partial and got == _RANGE else 0
    return heard
