"""What a step costs in a process of its own: time, memory and disk, by itself and by stage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import measure

_EVERY: Final = 0.2  # seconds between looks at the memory
_DISK_EVERY: Final = 10  # looks


class Stages:
    """Receives progress in the process that works, and notes what every stage took."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self._name: str | None = None

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        """Begin a stage; the one before it has ended."""
        self.end()
        self._name, self._wall, self._cpu = what, time.perf_counter(), time.process_time()
        _forget_peak()
        print(f"  {what} …", file=sys.stderr, flush=True)

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        """Nothing: only whole stages are measured."""

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        """Nothing."""

    def say(self, message: str) -> None:
        """Show a line."""
        print(f"  {message}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """End the last stage."""
        if self._name is None:
            return
        self.taken.append(
            {
                "stage": self._name,
                "wall": time.perf_counter() - self._wall,
                "cpu": time.process_time() - self._cpu,
                "peak": peak_memory(),
            }
        )
        self._name = None


def peak_memory() -> int:
    """Return the most memory, in bytes, that this process had at a time since the last stage began."""
    return _status(Path("/proc/self/status"), "VmHWM")


def watch(step: str, catalogue: Path, *arguments: str) -> dict[str, Any]:
    """Run a step of ``benchmarks.catalogue.work`` and return what it prints, with what it cost.

    ``wall``, ``cpu``, ``others``: see ``benchmarks.measure.Cost``. ``peak``: the most memory that the step's
    processes had together. ``disk``: by how much the catalogue's folder grew meanwhile, at most. In bytes.
    Raises CalledProcessError when the step fails; it has said why.
    """
    words = [sys.executable, "-m", "benchmarks.catalogue.work", step, str(catalogue), *arguments]
    before, found = _bytes_in(catalogue), dict[str, Any]()

    def run() -> None:
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            stop = threading.Event()
            peaks = {"peak": 0, "disk": 0}
            watcher = threading.Thread(target=_look, args=(process.pid, catalogue, before, peaks, stop))
            watcher.start()
            assert process.stdout is not None
            said = process.stdout.read()
            code = process.wait()
            stop.set()
            watcher.join()
        if code != 0:
            raise subprocess.CalledProcessError(code, words)
        found.update(json.loads(said))
        peaks["peak"] = max(peaks["peak"], *(stage["peak"] for stage in found.get("stages", ())), 0)
        found.update(peaks)

    cost = measure(run)
    return found | {"wall": cost.wall, "cpu": cost.cpu, "others": cost.others}


def _look(pid: int, folder: Path, before: int, peaks: dict[str, int], stop: threading.Event) -> None:
    looks = 0
    while not stop.wait(_EVERY):
        peaks["peak"] = max(peaks["peak"], sum(resident(one) for one in family(pid)))
        if looks % _DISK_EVERY == 0:
            peaks["disk"] = max(peaks["disk"], _bytes_in(folder) - before)
        looks += 1


def family(pid: int) -> list[int]:
    """Return a process and all that it has started, as far as they are still there."""
    found = [pid]
    for one in found:
        with suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has; 0 when it has ended."""
    try:
        return _status(Path(f"/proc/{pid}/status"), "VmRSS")
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return 0


def _status(path: Path, name: str) -> int:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0  # a process that has ended and was not waited for has no memory


def _forget_peak() -> None:
    """Let the peak be counted anew (proc_pid_clear_refs(5))."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _bytes_in(folder: Path) -> int:
    """Return the bytes that a folder takes on the disk, files with several names once."""
    taken: dict[int, int] = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # removed meanwhile
                found = (Path(directory) / name).lstat()
                taken[found.st_ino] = found.st_blocks * 512
    return sum(taken.values())
