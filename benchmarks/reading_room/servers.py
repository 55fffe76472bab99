"""Web servers in processes of their own, and what they use."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import urllib3

from benchmarks.catalogue.watching import family, resident
from tests.endtoend.commands import kill_session, start

DATASETTE: Final = Path(".venv/datasette/bin/datasette").resolve()
_PATIENCE: Final = 600.0  # seconds for the music to be listed


@dataclass(frozen=True, slots=True)
class Server:
    """A server on this machine: its address without a slash at the end, and its first process."""

    url: str
    pid: int

    def memory(self) -> float:
        """Return the megabytes that its processes have."""
        return sum(resident(pid) for pid in family(self.pid)) / 1e6

    def used(self) -> float:
        """Return the seconds of processor time of its processes, and of those that they waited for."""
        ticks = 0
        for pid in family(self.pid):
            words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            ticks += sum(int(word) for word in words[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def phonotheque(archive: Path) -> Iterator[Server]:
    """Serve an archive; yield when its music is listed."""
    with start("serve", archive, "--port", "0", env={"PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found is not None, said
        url = found[0].rstrip("/")
        deadline = time.monotonic() + _PATIENCE
        while "/stream/" not in (page := urllib3.request("GET", f"{url}/en/listen").data.decode()):
            assert time.monotonic() < deadline, page
            time.sleep(0.5)
        yield Server(url, process.pid)


@contextmanager
def datasette(database: Path) -> Iterator[Server]:
    """Serve a database by Datasette; it proposes no facets, which takes it a second for each search."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [str(DATASETTE), "serve", "--immutable", str(database), "--port", str(port)]
    words += ["--setting", "suggest_facets", "off"]
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        retries = urllib3.Retry(connect=100, backoff_factor=0.1, backoff_max=0.5)
        urllib3.request("GET", f"{url}/-/versions.json", retries=retries)
        yield Server(url, process.pid)
    finally:
        kill_session(process.pid)
        process.wait()
