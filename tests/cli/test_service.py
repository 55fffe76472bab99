"""What systemd is told, and how the first and the second signal end what runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from phonotheque.cli.ending import ending_well
from phonotheque.cli.service import notify, one_line, pulse
from tests.mirrors.mirror_publisher import wait_for


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket on which a service manager listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def test_systemd_is_told(manager: socket.socket) -> None:
    assert notify("READY=1", "STATUS=Edition 7: 2 bags.")
    assert manager.recv(1000) == b"READY=1\nSTATUS=Edition 7: 2 bags."


def test_a_socket_without_a_file_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"phonotheque-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        assert notify("STOPPING=1")
        assert listening.recv(1000) == b"STOPPING=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at all"])
def test_without_systemd_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify("READY=1")


def test_the_watchdog_hears_of_us_as_long_as_all_is_well(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    asked, well = list[bool](), threading.Event()
    well.set()

    def is_well() -> bool:
        asked.append(well.is_set())
        return asked[-1]

    with pulse(is_well):
        assert [manager.recv(1000) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        well.clear()
        wait_for(lambda: asked.count(False) > 2)
    notify("that is all")
    heard = [b"WATCHDOG=1"] * 3
    while heard[-1] != b"that is all":
        heard.append(manager.recv(1000))
    assert heard.count(b"WATCHDOG=1") == asked.count(True)


@pytest.mark.parametrize(("usec", "pid"), [("", ""), ("0", ""), ("many", ""), ("1000", "1")])
def test_no_watchdog_no_pulse(
    usec: str, pid: str, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    threads = threading.active_count()
    with pulse(lambda: True):
        assert threading.active_count() == threads


def test_a_status_is_one_short_line() -> None:
    assert one_line("a\nb=c   d") == "a b=c d"
    assert len(one_line("x" * 1000)) == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_for_an_end_in_good_order(number: signal.Signals) -> None:
    stop, said = threading.Event(), list[signal.Signals]()
    before = signal.getsignal(number)
    with ending_well(stop, said.append):
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(20)
        wait_for(lambda: said)
    assert said == [number]
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_it_at_once(number: signal.Signals) -> None:
    code = (
        "import threading; from phonotheque.cli.ending import ending_well\n"
        "stop, never = threading.Event(), threading.Event()\n"
        "with ending_well(stop, lambda number: print(number.name, flush=True)):\n"
        "    print('ready', flush=True); stop.wait(); never.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"{number.name}\n"
        process.send_signal(number)
        assert process.wait(20) == 128 + number
