"""The mirror's end of the swarm: libtorrent in a process of its own, spoken to through a socket.

A crash or kill of that process loses nothing that was verified: :class:`SwarmLostError` is raised, and a new
one takes over with the pieces that are found right on the disk. What it calls finished is verified again.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from multiprocessing.connection import Connection
from types import TracebackType

from phonotheque.mirrors.messages import (
    Add,
    Command,
    Limit,
    Listening,
    Magnet,
    Remove,
    Report,
    Stop,
    Stopped,
    SwarmSettings,
)
from phonotheque.model.errors import NetworkError, PhonothequeError, UsageError
from phonotheque.model.schedule import Limits

_START = 30.0  # seconds for the process to come up
_STOP = 40.0  # seconds for it to bring everything to the disk


class SwarmLostError(PhonothequeError):
    """The swarm process ended by itself, or was killed."""


class Swarm:
    """One running swarm process. Use it as a context manager: leaving flushes and ends it."""

    def __init__(self, settings: SwarmSettings) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "phonotheque.mirrors.swarm_process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )
        self._connection = Connection(ours.detach())
        self.port = 0
        try:
            self._send(settings)
            self.port = self._await_port()
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The process id, for those who watch or test it."""
        return self._process.pid

    def add(
        self,
        bag: str,
        torrent: bytes,
        save_path: str,
        *,
        have: bytes | None,
        web_seeds: Sequence[str] = (),
        peers: Sequence[tuple[str, int]] = (),
        wanted: bytes | None = None,
    ) -> None:
        """Bring a bag into ``save_path/<bag>``, fetching the pieces that ``have`` marks 0; None seeds it.

        ``wanted`` marks with 0 the pieces that are not to be fetched. What is there is given to others.
        """
        self._send(Add(bag, torrent, save_path, have, tuple(web_seeds), tuple(peers), wanted))

    def add_magnet(self, magnet: Magnet) -> None:
        """Fetch a torrent by its infohash."""
        self._send(magnet)

    def remove(self, bag: str) -> None:
        """Stop with a bag."""
        self._send(Remove(bag))

    def limit(self, limits: Limits) -> None:
        """Change what transfers may take; stop them all, or go on."""
        self._send(Limit(limits))

    def poll(self, timeout: float) -> list[Report]:
        """Return what the process reports, waiting up to ``timeout`` seconds for the first."""
        reports: list[Report] = []
        try:
            while self._connection.poll(0 if reports else timeout):
                reports.append(self._connection.recv())
        except (EOFError, OSError) as error:
            raise self._lost() from error
        return reports

    def close(self) -> None:
        """Let it bring everything to the disk, and end it."""
        try:
            self._connection.send(Stop())
            while self._connection.poll(_STOP) and not isinstance(self._connection.recv(), Stopped):
                pass
        except (EOFError, OSError):
            pass  # it is gone already; what it had verified and we had not is found again on the disk
        self.kill()

    def kill(self) -> None:
        """End it at once. What was verified is on the disk already."""
        self._connection.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def __enter__(self) -> Swarm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, message: Command | SwarmSettings) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise self._lost() from error

    def _await_port(self) -> int:
        try:
            while self._connection.poll(_START):
                if isinstance(report := self._connection.recv(), Listening):
                    return report.port
        except (EOFError, OSError) as error:
            raise self._lost() from error
        raise NetworkError(
            "The BitTorrent process does not answer.", "Run it again; the machine may be busy."
        )

    def _lost(self) -> SwarmLostError:
        code = self._process.poll()
        return SwarmLostError(
            f"The BitTorrent process ended unexpectedly (status {'unknown' if code is None else code}).",
            "What was verified is kept; run it again.",
        )


def resolve_peers(texts: Iterable[str], *, by_number: bool = False) -> tuple[tuple[str, int], ...]:
    """Return address and port of each “HOST:PORT”; with ``by_number``, no name is looked up.

    Raises UsageError, or NetworkError for unknown hosts.
    """
    found = []
    for text in texts:
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise UsageError(
                f"“{text}” is no peer.", "Write HOST:PORT, such as 192.0.2.7:6881 or [2001:db8::7]:6881."
            )
        if by_number and not _is_number(host.strip("[]")):
            raise UsageError(
                f"The peer {host} is a name, which would be looked up outside the proxy.",
                "Write its number, such as 192.0.2.7:6881 or [2001:db8::7]:6881.",
            )
        try:
            known = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        except OSError as error:
            raise NetworkError(f"The peer {host} is not known: {error}.", "Check its name.") from error
        found += [(str(address[0]), int(address[1])) for *_, address in known]
    return tuple(dict.fromkeys(found))


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
