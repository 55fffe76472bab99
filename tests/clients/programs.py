"""Other people's BitTorrent programs: each is given a torrent file or a magnet link and a folder to fill.

Transmission is in tests/network: it calls no peer on its own machine.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.endtoend.commands import kill_session
from tests.tools import client, tool

_HERE = "127.0.0.1"
_ENVIRONMENT = {"TERM": "xterm", "LC_ALL": "C.UTF-8"}


class Program(Protocol):
    """Somebody's client. ``version`` says which, as it calls itself, or skips the test where it is not."""

    def version(self) -> str: ...

    @contextmanager
    def downloading(self, what: str, place: Path) -> Iterator[Path]:
        """Let it download a torrent (a file's path, or a magnet link); yield where files are to appear."""


@dataclass(frozen=True)
class Rtorrent:
    """It wants a terminal: tmux is one."""

    def version(self) -> str:
        tool("tmux", "tmux")
        return _said(tool("rtorrent", "rtorrent"), "-h")

    @contextmanager
    def downloading(self, what: str, place: Path) -> Iterator[Path]:
        downloads, session = _folder(place, "downloads"), _folder(place, "session")
        settings = place / "rtorrent.rc"
        settings.write_text(
            f"directory.default.set = {downloads}\n"
            f"session.path.set = {session}\n"
            f"network.bind_address.set = {_HERE}\n"
            "network.port_range.set = 49152-65000\n"
            "dht.mode.set = disable\n"
            "protocol.pex.set = no\n"
            "trackers.use_udp.set = no\n"
        )
        tmux = ["tmux", "-S", str(place / "tmux"), "-f", "/dev/null"]
        what = re.sub("&xt=urn:btmh:[0-9a-f]+", "", what)  # of two hashes it takes the last, and knows but v1
        command = f"exec rtorrent -n -o import='{settings}' '{what}'"
        words = [*tmux, "new-session", "-d", "-x", "100", "-y", "30", command]
        subprocess.run(words, check=True, env={**os.environ, **_ENVIRONMENT})
        try:
            yield downloads
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)


@dataclass(frozen=True)
class Aria2:
    def version(self) -> str:
        return _said(client("aria2c"), "--version")

    @contextmanager
    def downloading(self, what: str, place: Path) -> Iterator[Path]:
        downloads = _folder(place, "downloads")
        options = (
            "--no-conf",
            f"--dir={downloads}",
            "--seed-time=0",
            "--enable-dht=false",
            "--enable-dht6=false",
            "--bt-enable-lpd=false",
            "--enable-peer-exchange=false",
            f"--interface={_HERE}",
            f"--listen-port={free_port()}",
            "--file-allocation=none",
        )
        with _running(place, client("aria2c"), *options, what):
            yield downloads


@dataclass(frozen=True)
class Qbittorrent:
    def version(self) -> str:
        return _said(client("qbittorrent-nox"), "--version")

    @contextmanager
    def downloading(self, what: str, place: Path) -> Iterator[Path]:
        downloads, profile = _folder(place, "downloads"), place / "profile"
        settings = profile / "qBittorrent" / "config" / "qBittorrent.conf"
        settings.parent.mkdir(parents=True)
        settings.write_text(
            "[LegalNotice]\nAccepted=true\n\n[BitTorrent]\n"
            f"Session\\DefaultSavePath={downloads}\n"
            "Session\\DHTEnabled=false\nSession\\LSDEnabled=false\nSession\\PeXEnabled=false\n"
            f"Session\\InterfaceAddress={_HERE}\nSession\\Port={free_port()}\n\n[Network]\n"
            "PortForwardingEnabled=false\n\n[Preferences]\n"
            f"WebUI\\Address={_HERE}\nWebUI\\Port={free_port()}\n"
        )
        words = (f"--profile={profile}", f"--save-path={downloads}", what)
        with _running(place, client("qbittorrent-nox"), *words):
            yield downloads


@dataclass(frozen=True)
class Webtorrent:
    def version(self) -> str:
        return "webtorrent " + _said(client("webtorrent"), "--version")

    @contextmanager
    def downloading(self, what: str, place: Path) -> Iterator[Path]:
        downloads = _folder(place, "downloads")
        with _running(place, client("webtorrent"), "download", what, "--out", str(downloads), "--quiet"):
            yield downloads


PROGRAMS: dict[str, Program] = {
    "rtorrent": Rtorrent(),
    "aria2": Aria2(),
    "qbittorrent": Qbittorrent(),
    "webtorrent": Webtorrent(),
}


def free_port() -> int:
    """A port that was free a moment ago, for programs that cannot choose one themselves."""
    with socket.create_server((_HERE, 0)) as server:
        return int(server.getsockname()[1])


def _folder(place: Path, name: str) -> Path:
    folder = place / name
    folder.mkdir()
    return folder


def _said(*words: str) -> str:
    """The first line of what a program says of itself that has a number in it."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    lines = (done.stdout + done.stderr).splitlines()
    found = [line.strip() for line in lines if re.search(r"\d+\.\d+", line)]
    assert found, f"{words} said nothing of its version: {lines[:5]}"
    return found[0].rstrip(".")


@contextmanager
def _running(place: Path, *words: str) -> Iterator[None]:
    """Run a program with a home of its own; it, and what it started, is ended afterwards."""
    home = place / "own"
    environment = {**os.environ, **_ENVIRONMENT, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    with ExitStack() as stack:
        log = stack.enter_context((place / "log").open("wb"))
        process = subprocess.Popen(
            words,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            yield
        except BaseException as error:
            error.add_note((place / "log").read_text(encoding="utf-8", errors="replace")[-3000:])
            raise
        finally:
            kill_session(process.pid)
            process.wait()
