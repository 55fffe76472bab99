"""The demonstration's course: each step is a command that a user could type, run as a process of its own."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phonotheque.cli.common import counted, human_size, human_time, output
from phonotheque.model.errors import PhonothequeError

_PHONO = (sys.executable, "-m", "phonotheque.cli.main")
_LOOPBACK = ("--listen", "127.0.0.1:0")


@dataclass(frozen=True, slots=True)
class Tour:
    """What the tour came to: a screenful of lines, and where the archive and its report are."""

    lines: tuple[str, ...]
    archive: Path
    report: str


def run_tour(folder: Path, music: Path, *, listens: Path | None) -> Tour:
    """Run the whole job in ``folder``. Raises PhonothequeError at the first step that goes wrong."""
    archive, first, second = (folder / name for name in ("archive", "mirror-1", "mirror-2"))
    mandate = "This is a demonstration: everything made here may be kept here."
    _phono("init", archive, "--name", "Phonotheque demonstration", "--mandate", mandate)
    added = _phono("add", archive, music)
    again = _phono("add", archive, music)
    if listens is not None:
        _phono("add", archive, f"listens:{listens}")
    rights = _phono("rights", archive, "--all")
    status = _phono("status", archive)
    plan = _phono("plan", archive, "--budget", f"{max(status['bytes'] * 2 // 3, 1_000_000)}B")
    published = _phono("publish", archive)
    with _serving(archive) as url, _seeding(url, first) as peer:
        second_held = _phono("mirror", url, second, "--budget", "100GB", "--once", *_LOOPBACK, "--peer", peer)
        checked = _phono("check", second)
        damaged = _damage(second)
        found = _phono("check", second, expect=4)
        repaired = _phono("repair", second, *_LOOPBACK, "--peer", peer)
        checked_again = _phono("check", second)
    report = _phono("report", archive)
    held = (
        f"{counted(added['held'], 'master')}, {human_size(status['bytes'])}, {human_time(status['seconds'])}"
    )
    chosen = f"{plan['masters']:,} masters and {plan['access_copies']:,} access copies"
    fetched = human_size(second_held["fetched"])
    read = sum(part["files"] for part in checked["checked"])
    story = {
        "Took in": f"{held}; refused: {_kinds(added['refused'])}",
        "Again": f"{again['unchanged']:,} files recognised as unchanged, not read again",
        "Rights": f"{_publishable(rights):,} may be published, {_held_back(rights):,} may not",
        "Plan": f"{chosen} in {human_size(plan['bytes'])}: {plan['share']:.1%} of listening",
        "Published": f"edition {published['edition']}: {counted(len(published['bags']), 'bag')}, signed",
        "Mirrored": f"twice; the second fetched {fetched} from the web seed and the first mirror",
        "Checked": f"{read:,} files of the second mirror: {_wrong(checked)}",
        "Damaged": f"one byte of {damaged}",
        "Found": _wrong(found),
        "Repaired": f"by fetching {human_size(repaired['fetched'])}; checked again: {_wrong(checked_again)}",
    }
    lines = tuple(f"{step:<10} {outcome}" for step, outcome in story.items())
    return Tour(lines, archive, str(report["path"]))


def _phono(*words: object, expect: int = 0) -> dict[str, Any]:
    """Show and run one command; return what it says as JSON."""
    arguments = [str(word) for word in words]
    output.print(f"$ phono {shlex.join(arguments)}", style="bold")
    done = subprocess.run([*_PHONO, *arguments, "--json"], stdout=subprocess.PIPE, check=False)
    if done.returncode != expect:
        raise PhonothequeError(
            f"phono {shlex.join(arguments)} ended with exit code {done.returncode} instead of {expect}.",
            "Its own message is above. Please report this with the demo's folder.",
        )
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@contextmanager
def _serving(archive: Path) -> Iterator[str]:
    """Serve the public tree on a free port of loopback while the block runs; yield its URL."""
    with _background("serve", archive, "--port", "0") as process:
        yield _wait_for(process, re.compile(r"(http://\S+?)/?(?=\s|$)"))


@contextmanager
def _seeding(url: str, mirror: Path) -> Iterator[str]:
    """Run a mirror that holds everything and goes on serving; yield its address for peers."""
    with _background("mirror", url, mirror, "--budget", "100GB", *_LOOPBACK) as process:
        yield "127.0.0.1:" + _wait_for(process, re.compile(r"Listening for peers on port (\d+)"))


@contextmanager
def _background(*words: object) -> Iterator[subprocess.Popen[str]]:
    arguments = [str(word) for word in words]
    output.print(f"$ phono {shlex.join(arguments)} &", style="bold")
    process = subprocess.Popen(
        [*_PHONO, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def _wait_for(process: subprocess.Popen[str], wanted: re.Pattern[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if match := wanted.search(line):
            return match[1]
    raise PhonothequeError(f"A background command ended early: {''.join(said).strip()}", "")


def _damage(mirror: Path) -> str:
    """Change one byte in the middle of the largest file of a mirror's bags; return the file's name."""
    victim = max((mirror / "vault" / "bags").glob("*/data/**/*.*"), key=lambda path: path.stat().st_size)
    victim.chmod(0o644)
    with victim.open("r+b") as file:
        file.seek(victim.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 0xFF]))
    return victim.name


def _kinds(refused: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(refused.items())) or "nothing"


def _publishable(rights: dict[str, Any]) -> int:
    return sum(file["decisions"]["distribute"]["answer"] == "yes" for file in rights["files"])


def _held_back(rights: dict[str, Any]) -> int:
    return len(rights["files"]) - _publishable(rights)


def _wrong(checked: dict[str, Any]) -> str:
    findings = [finding for part in checked["checked"] for finding in part["findings"]]
    if not findings:
        return "all as it should be"
    return "; ".join(f"{finding['what']}: {finding['path']}" for finding in findings)
