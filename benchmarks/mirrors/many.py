"""A mirror that holds many bags: how long it takes to serve them all, and the memory that it keeps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.adding import PHONO
from benchmarks.measure import command
from benchmarks.mirrors.copied import copy_padded
from benchmarks.mirrors.five import CLIENTS
from benchmarks.results import print_heading
from tests.endtoend.commands import kill_session, session_members, start
from tests.mirrors.mirror_publisher import Publisher, noise

_FILES, _BYTES = 20, 20_000  # of each bag
_HERE = "127.0.0.1"
_CONTROL, _PEERS = 9099, 51499  # ports of the daemon
_PATIENCE, _SETTLING = 1800.0, 5.0  # seconds


@dataclass(frozen=True)
class Held:
    """What holding bags takes: seconds until all are served, megabytes kept by each process, CPU seconds."""

    name: str
    ready: float
    memory: Mapping[str, float]
    cpu: float


def bench_many(folder: Path, bags: int) -> None:
    """Hold so many bags, by Phonotheque and by Transmission."""
    home = folder / f"many-{bags}"
    if not (home / "made").exists():
        shutil.rmtree(home, ignore_errors=True)
        _make(home, bags)
        (home / "made").touch()
    found = [_phonotheque(home, bags)]
    if (CLIENTS / "transmission-daemon").exists():
        found.append(_transmission(home, bags))
    print_heading(
        "many bags",
        f"{bags} bags of {_FILES} files and {_FILES * _BYTES / 1e3:.0f} kB, all of them verified before; "
        "what is kept 5 s after all are served.",
    )
    print("| by | s until all are served | CPU s | MB kept | of it |")
    print("|---|---:|---:|---:|---|")
    for one in found:
        parts = ", ".join(f"{what} {size:.0f}" for what, size in one.memory.items())
        print(f"| {one.name} | {one.ready:.1f} | {one.cpu:.1f} | {sum(one.memory.values()):.0f} | {parts} |")
    print(flush=True)


def _make(home: Path, bags: int) -> None:
    """Publish bags of noise, and mirror them."""
    archive = home / "archive"
    archive.mkdir(parents=True)
    publisher = Publisher(archive, with_index=False)
    for number in range(bags):
        name = f"bag-{number:05}"
        publisher.bag(name, {f"{file:02}.ogg": noise(f"{name}/{file}", _BYTES) for file in range(_FILES)})
        publisher.contents[name] = {}
        shutil.rmtree(archive / "sources" / name)
    publisher.publish(1)
    mirror = ("mirror", archive, home / "mirror", "--budget", "1TB", "--once")
    command(*PHONO, *mirror, "--listen", f"{_HERE}:0", "--no-discovery")()


def _phonotheque(home: Path, bags: int) -> Held:
    words = ("mirror", home / "archive", home / "mirror", "--listen", f"{_HERE}:0", "--no-discovery")
    begun = time.monotonic()
    with start(*words, env={"PYTHONUNBUFFERED": "1"}) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if f"{bags:,} bags held and served" in line:
                break
        else:
            sys.exit("the mirror ended")
        return _settled("Phonotheque", begun, process.pid)


def _transmission(home: Path, bags: int) -> Held:
    """Let it load what it was told of in an earlier run, and is believed to hold."""
    own = home / "transmission"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    settings = {
        "bind-address-ipv4": _HERE,
        "dht-enabled": False,
        "download-dir": str(home / "seeded"),
        "download-queue-enabled": False,
        "lpd-enabled": False,
        "peer-port": _PEERS,
        "pex-enabled": False,
        "port-forwarding-enabled": False,
        "rename-partial-files": False,
        "rpc-bind-address": _HERE,
        "rpc-port": _CONTROL,
        "watch-dir": str(home / "watched"),
        "watch-dir-enabled": True,
    }
    (own / "settings.json").write_text(json.dumps(settings))
    torrents = list((home / "mirror" / "public" / "targets").rglob("*.torrent"))
    copy_padded(home / "mirror" / "vault" / "bags", torrents, home / "seeded")
    watched = home / "watched"
    shutil.rmtree(watched, ignore_errors=True)
    watched.mkdir()
    for torrent in torrents:
        shutil.copy(torrent, watched)
    with _daemon(own):  # the first time, it reads everything
        _await_seeding(bags)
    begun = time.monotonic()
    with _daemon(own) as process:
        _await_seeding(bags)
        return _settled("Transmission", begun, process)


@contextmanager
def _daemon(own: Path) -> Iterator[int]:
    """Run the daemon in a session of its own, then let it end in good order; yield the process id."""
    words = (str(CLIENTS / "transmission-daemon"), "--foreground", "--config-dir", str(own))
    with (own / "log").open("ab") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process.pid
        process.terminate()
        process.wait(120)
    finally:
        kill_session(process.pid)
        process.wait()


def _await_seeding(bags: int) -> None:
    """Wait until the daemon says that it has all of each."""
    words = (str(CLIENTS / "transmission-remote"), f"{_HERE}:{_CONTROL}", "--list")
    deadline = time.monotonic() + _PATIENCE
    while True:
        told = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()[1:-1]
        if sum("100%" in line and "Verifying" not in line for line in told) == bags:
            return
        assert time.monotonic() < deadline, f"{len(told)} torrents are known"
        time.sleep(0.2)


def _settled(name: str, begun: float, session: int) -> Held:
    """Say what a session's processes have used, and keep."""
    ready = time.monotonic() - begun
    time.sleep(_SETTLING)
    memory: dict[str, float] = {}
    ticks = 0
    for pid, words in session_members(session).items():
        what = "the BitTorrent process" if "swarm_process" in words else "the program"
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        kept = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        memory[what] = memory.get(what, 0) + int(kept.split()[1]) / 1000
        used = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += sum(int(word) for word in used[11:15])  # with those that it waited for
    return Held(name, ready, memory, ticks / os.sysconf("SC_CLK_TCK"))
