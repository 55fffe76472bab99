"""The command line as users have it, each command a process of its own: run, watched, killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from phonotheque.cli.check import check_command

PHONO = ("phonotheque.cli.main",)
STEPPING = "tests.endtoend.stepping"
ROOT = Path(__file__).parents[2]
DATE = "2026-11-21T10:15:00Z"
PATIENCE = 60.0  # seconds for anything to happen, on a busy machine
_UNBUFFERED = {"PYTHONUNBUFFERED": "1"}
LOOPBACK = ("--listen", "127.0.0.1:0", "--no-discovery")


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended; its output as text."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


def phono(*words: object, code: int | None = 0, env: Mapping[str, str] = {}) -> Done:
    """Run a command to its end; the test fails unless it ends with this exit code (None: any)."""
    with start(*words, env=env) as process:
        out, err = process.communicate(timeout=3 * PATIENCE)
    done = Done(process.returncode, out, err)
    assert "Traceback" not in err, f"phono {_words(words)}:\n{err}"
    assert code in (None, done.code), f"phono {_words(words)} ended with {done.code}, not {code}:\n{out}{err}"
    return done


def findings(folder: Path) -> list[dict[str, str]]:
    """Return what ``phono check`` finds, run in this process: starting one takes longer."""
    done = CliRunner().invoke(check_command, [str(folder), "--json"])
    assert isinstance(done.exception, SystemExit | None), done.exception
    found = [finding for part in json.loads(done.stdout)["checked"] for finding in part["findings"]]
    assert done.exit_code == (4 if found else 0)
    return found


@contextmanager
def start(
    *words: object, env: Mapping[str, str] = {}, program: tuple[str, ...] = PHONO
) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a session of its own; whatever is left of it at the end of the block is killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", *program, *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **env},
    )
    try:
        yield process
    finally:
        kill_session(process.pid)
        process.communicate()


@contextmanager
def serving(archive: Path) -> Iterator[str]:
    """Serve a public tree on loopback with ``phono serve``; yield its address without a slash at the end."""
    with start("serve", archive, "--port", "0", env=_UNBUFFERED) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, process.communicate()
        yield found[0].rstrip("/")


@contextmanager
def seeding(origin: object, mirror: Path, *words: object) -> Iterator[int]:
    """Run a mirror that goes on serving; yield the port it listens on, once it says so."""
    arguments = ("mirror", origin, mirror, "--budget", "1GB", *LOOPBACK, *words)
    with start(*arguments, env=_UNBUFFERED) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"Listening for peers on port (\d+)", line):
                yield int(found[1])
                break
        else:
            raise AssertionError("".join(said))
        process.terminate()
        process.communicate(timeout=PATIENCE)


def wait_for(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
    """Wait until something is so; the test fails if it does not become so."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"not within {patience:.0f} s: {what}"
        time.sleep(0.005)


def session_members(session: int) -> Mapping[int, str]:
    """Return the processes of a session that are alive, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            state, _, _, own_session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            command = (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if int(own_session) == session and state not in "ZX":
            found[int(entry.name)] = command
    return found


def kill_session(session: int) -> None:
    """``kill -9`` every process of a session, its leader first, until none is left."""
    while members := session_members(session):
        for process in sorted(members):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _words(words: tuple[object, ...]) -> str:
    return " ".join(map(str, words))
