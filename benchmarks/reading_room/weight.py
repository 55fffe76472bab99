"""What a browser fetches to show the first screen for the first time, in bytes over the wire."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final
from urllib.parse import urljoin

import urllib3

from benchmarks.results import Figure, print_figures, print_heading

_TARGET: Final = 150_000  # bytes
_NAMED: Final = re.compile(
    r"""(?:href|src|from|import|url)\s*[=(]?\s*\(?["']?([^"'()\s>]+\.(?:css|m?js|svg|ico|png|woff2))"""
)
_KINDS: Final = {"css": "CSS", "js": "JavaScript", "mjs": "JavaScript", "woff2": "fonts"}


def bench_weight(url: str) -> None:
    """Fetch the first screen with all that it names and that is part of the program, compressed."""
    found, files, open_ = Counter[str](), 0, [f"{url}/en/"]
    seen = set(open_)
    while open_:
        address = open_.pop()
        size, text = _fetched(address)
        files += 1
        found[_KINDS.get(address.rpartition(".")[2], "icons") if "/static/" in address else "HTML"] += size
        for name in _NAMED.findall(text):
            named = urljoin(address, name)
            if named.startswith(f"{url}/static/") and named not in seen:
                seen.add(named)
                open_.append(named)
    print_heading(
        "weight", "The first screen and all that it names, compressed with gzip: bodies of answers."
    )
    total = sum(found.values())
    target = f"≤ {_TARGET / 1000:.0f} kB"
    print_figures(
        [
            *(Figure(kind, f"{size / 1000:.1f} kB") for kind, size in sorted(found.items())),
            Figure(f"all of {files} files", f"{total / 1000:.1f} kB", target, total <= _TARGET),
        ]
    )


def _fetched(address: str) -> tuple[int, str]:
    """Return the bytes that came, and the text that they are."""
    answer = urllib3.request(
        "GET", address, headers={"Accept-Encoding": "gzip"}, preload_content=False, decode_content=False
    )
    raw = answer.read(decode_content=False)
    assert answer.status == 200, f"{address}: {answer.status}"
    plain = urllib3.request("GET", address).data
    return len(raw), plain.decode("utf-8", "replace")
