"""A small network on this machine: hosts in namespaces of their own, joined by a switch, and gone afterwards.

Nothing of it can be reached from outside, and nothing outside from it. Needs root, ``ip`` and ``tc``.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.endtoend.commands import ROOT

_NETWORK = "10.77.0"
_NAMED = Path("/run/netns")
_CLONE_NEWNET = 0x40000000  # setns(2)
_MARK = "phono"
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Host:
    """A machine of the network. Its interface is ``eth0``; ``port`` is the switch's end of its cable."""

    name: str
    address: str
    space: str  # its network namespace
    port: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What runs a command there."""
        return ("nsenter", f"--net={_NAMED / self.space}")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let what this thread opens meanwhile be opened there."""
        with Path("/proc/thread-self/ns/net").open("rb") as home, (_NAMED / self.space).open("rb") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


@dataclass
class Lab:
    """The hosts, by name, and what they are joined by. Use :func:`network`."""

    prefix: str
    hosts: dict[str, Host] = field(default_factory=dict)
    _far: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def switch(self) -> str:
        return f"{self.prefix}-switch"

    def build(self, names: Sequence[str]) -> None:
        ip("netns", "add", self.switch)
        _batch(self.switch, "link add br0 type bridge", "link set br0 up")
        for number, name in enumerate(names, start=2):
            host = Host(name, f"{_NETWORK}.{number}", f"{self.prefix}-{name}", f"port{number}")
            self.hosts[name] = host
            ip("netns", "add", host.space)
            _batch(
                self.switch,
                f"link add {host.port} type veth peer name eth0 netns {host.space}",
                f"link set {host.port} master br0 up",
            )
            _batch(
                host.space,
                f"address add {host.address}/24 dev eth0",
                "link set lo up",
                "link set eth0 up",
            )

    def slow(self, host: Host, mbit: int) -> None:
        """Let a host send, and receive, only so many megabits a second (tc-tbf)."""
        burst = max(32_000, mbit * 1250)  # bytes: as much as goes in 10 ms
        shape = ("root", "tbf", "rate", f"{mbit}mbit", "burst", str(burst), "latency", "200ms")
        for space, device in ((host.space, "eth0"), (self.switch, host.port)):
            run("tc", "-n", space, "qdisc", "replace", "dev", device, *shape)

    def quick(self, host: Host) -> None:
        """Take all that :meth:`slow` and :meth:`distant` did back."""
        for space, device in ((host.space, "eth0"), (self.switch, host.port)):
            run("tc", "-n", space, "qdisc", "del", "dev", device, "root", may_fail=True)
        if relay := self._far.pop(host.name, None):
            _end(relay)
            _batch(self.switch, f"link set {host.port} master br0")

    def distant(self, host: Host, *, milliseconds: int, loss: float) -> str:
        """Let every packet to and from a host take so long, and some be lost; return by what.

        By netem where the kernel has it. Elsewhere a program of ours stands between the host and the switch.
        """
        netem = ("root", "netem", "delay", f"{milliseconds}ms", "loss", f"{loss:.2%}")
        tried = run("tc", "-n", host.space, "qdisc", "replace", "dev", "eth0", *netem, may_fail=True)
        if tried.returncode == 0:
            run("tc", "-n", self.switch, "qdisc", "replace", "dev", host.port, *netem)
            return "netem"
        assert "qdisc kind is unknown" in tried.stderr, tried.stderr
        _batch(self.switch, f"link set {host.port} nomaster")
        words = (sys.executable, "-m", "tests.network.relay", host.port, "br0", str(milliseconds), str(loss))
        relay = subprocess.Popen(
            ["nsenter", f"--net={_NAMED / self.switch}", *words], stdout=subprocess.PIPE, cwd=ROOT
        )
        self._far[host.name] = relay
        assert relay.stdout is not None
        assert relay.stdout.readline() == b"ready\n"
        return "a relay"

    def sent(self, host: Host) -> int:
        """Bytes that a host has sent since there was a network."""
        told = json.loads(ip("-n", host.space, "-s", "-j", "link", "show", "eth0"))
        return int(told[0]["stats64"]["tx"]["bytes"])

    @contextmanager
    def flapping(self, host: Host, *, down: float = 0.4, up: float = 0.8) -> Iterator[list[float]]:
        """Pull a host's cable out and put it back, again and again; yield when it was pulled."""
        over, times = threading.Event(), list[float]()

        def flap() -> None:
            while not over.wait(up):
                _batch(host.space, "link set eth0 down")
                times.append(time.monotonic())
                over.wait(down)
                _batch(host.space, "link set eth0 up")

        thread = threading.Thread(target=flap)
        thread.start()
        try:
            yield times
        finally:
            over.set()
            thread.join()

    def close(self) -> None:
        """End what still runs in the namespaces, and remove them."""
        for relay in self._far.values():
            _end(relay)
        spaces = [host.space for host in self.hosts.values()]
        for space in (*spaces, self.switch):
            _remove(space)


@contextmanager
def network(names: Sequence[str]) -> Iterator[Lab]:
    """Make a network of hosts with these names (and addresses in their order), for as long as the block is.

    Where :func:`why_not` has an answer, it fails.
    """
    _sweep()
    lab = Lab(f"{_MARK}-{os.getpid()}-{next(_numbers)}")
    try:
        lab.build(names)
        yield lab
    finally:
        lab.close()


def _end(relay: subprocess.Popen[bytes]) -> None:
    with relay:
        relay.kill()


def run(*words: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert may_fail or done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done


def ip(*words: str) -> str:
    return run("ip", *words).stdout


def _batch(space: str, *lines: str) -> None:
    done = subprocess.run(
        ["ip", "-n", space, "-batch", "-"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{lines}: {done.stderr}"


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "the network namespace cannot be entered")


def why_not() -> str:
    """Return why no network can be made here, or nothing if it can be."""
    for name in ("ip", "tc", "ss", "nsenter"):
        if shutil.which(name) is None:
            return f"{name} is not installed (Debian: iproute2, util-linux)"
    trial = f"{_MARK}-{os.getpid()}-trial"
    tried = run("ip", "netns", "add", trial, may_fail=True)
    if tried.returncode == 0:
        tried = run("ip", "-n", trial, "link", "add", "br0", "type", "bridge", may_fail=True)
        run("ip", "netns", "del", trial, may_fail=True)
    return f"no network can be made here (root may): {tried.stderr.strip()}" if tried.returncode else ""


def _sweep() -> None:
    """Remove what a run left that was killed."""
    if not _NAMED.is_dir():
        return
    for entry in _NAMED.iterdir():
        mark, _, rest = entry.name.partition("-")
        owner = rest.partition("-")[0]
        if mark == _MARK and owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            _remove(entry.name)


def _remove(space: str) -> None:
    if not (_NAMED / space).exists():
        return
    while members := ip("netns", "pids", space).split():
        for member in members:
            with suppress(ProcessLookupError):
                os.kill(int(member), signal.SIGKILL)
        time.sleep(0.01)
    run("ip", "netns", "del", space)
