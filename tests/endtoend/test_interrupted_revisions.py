"""A mirror is killed, or its disk fills, at any step of following a withdrawal: the next run completes it.

Nothing that may stay is fetched again or lost, nothing withdrawn is left, or erased without its proof.
``KILL_ROUNDS`` sets how many steps are tried, each at random; ``all`` tries every one. Each run is a fork of
this process, which saves the time to start one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from phonotheque.mirrors.home import open_mirror
from phonotheque.model.errors import PhonothequeError
from tests.endtoend.commands import findings
from tests.endtoend.final_states import differences, mirrored
from tests.endtoend.promises import broken, rows, sha256
from tests.endtoend.stepping import Steps
from tests.mirrors.mirror_publisher import Publisher, music
from tests.mirrors.mirror_runs import run
from tests.postgresql import ON_POSTGRESQL, copy_tree

pytestmark = [pytest.mark.ledger, pytest.mark.xdist_group("revisions")]
_SONGS = music("audio-1", 3, 100_000)
_GONE, *_KEPT = _SONGS
_ROUNDS = os.environ.get("KILL_ROUNDS", "2" if ON_POSTGRESQL else "6")  # a copy of a database takes long
_REFUSED = 9


@dataclass(frozen=True, slots=True)
class Revised:
    """A mirror of edition 1, what it follows, which is at edition 2, and what it comes to without kills."""

    mirror: Path
    steps: int
    room: int
    expected: Mapping[str, object]
    tags: int  # bytes of the revision that are no audio


@pytest.fixture(scope="module")
def revised(tmp_path_factory: pytest.TempPathFactory) -> Revised:
    folder = tmp_path_factory.mktemp("revised")
    (folder / "archive").mkdir()
    publisher = Publisher(folder / "archive", with_index=True)
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1", _SONGS)
    publisher.publish(1)
    run(open_mirror(folder / "mirror", str(publisher.folder)))
    fresh = publisher.revise("audio-1", _GONE, edition=2)
    assert fresh
    publisher.publish(2)
    copy_tree(folder / "mirror", folder / "done")
    assert in_fork(folder / "done", "count", folder / "steps") == 0
    steps, room = map(int, (folder / "steps").read_text().split())
    return Revised(
        folder / "mirror", steps, room, mirrored(folder / "done"), fresh.bytes - fresh.payload_bytes
    )


def in_fork(mirror: Path, what: str, said: Path) -> int:
    """Run a mirror once in another process, with its steps counted; return its exit status, or -signal."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            steps = Steps(what)
            steps.watch()
            run(open_mirror(mirror))
            steps.kind = ""
            said.write_text(f"{steps.count} {steps.needing_room}")
            code = 0
        except (PhonothequeError, OSError):
            code = _REFUSED
        finally:
            if code == 1:
                traceback.print_exc(file=sys.stderr)
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def erased(mirror: Path) -> dict[str, str]:
    """What the ledger says was erased, by SHA-256; more than one proof of a file makes no difference."""
    found: dict[str, str] = {}
    for (text,) in rows(mirror, "SELECT detail FROM events WHERE type = 'deletion'"):
        detail = text if isinstance(text, dict) else json.loads(text)
        assert detail["edition"] == 2
        found |= {file["sha256"]: file["path"] for file in detail["erased"]}
    return found


def assert_completed(revised: Revised, mirror: Path) -> None:
    opened = open_mirror(mirror)
    done = run(opened)
    opened.close()
    assert done.fetched <= revised.tags
    assert broken(mirror) == []
    assert findings(mirror) == []
    assert differences(mirrored(mirror), revised.expected) == []
    withdrawn = erased(mirror)
    for path in (file for file in (mirror / "vault").rglob("*") if file.is_file()):
        assert sha256(path) not in withdrawn
    assert f"data/{_GONE}" in withdrawn.values()
    assert not {f"data/{path}" for path in _KEPT} & set(withdrawn.values())


def try_at(revised: Revised, place: Path, what: str, status: int) -> None:
    """Stop a mirror at a step; see what holds, and that the next run completes it."""
    copy_tree(revised.mirror, place)
    try:
        assert in_fork(place, what, place.with_suffix(".said")) == status
        assert broken(place) == []
        # What is being moved may be found where no bag is expected.
        assert [found for found in findings(place) if found["what"] != "extra"] == []
        assert_completed(revised, place)
    except AssertionError as error:
        error.add_note(f"{what} of {revised.steps} steps, {revised.room} of which need room")
        raise


def chosen(most: int) -> list[int]:
    if _ROUNDS == "all":
        return list(range(1, most + 1))
    return random.sample(range(1, most + 1), min(int(_ROUNDS), most))


def test_a_kill_at_any_step(revised: Revised, tmp_path: Path) -> None:
    for step in chosen(revised.steps):
        try_at(revised, tmp_path / f"kill-{step}", f"kill:{step}", -signal.SIGKILL)


@pytest.mark.skipif(ON_POSTGRESQL, reason="a ledger elsewhere is not on the disk that fills")
def test_a_disk_that_is_full_from_any_step_on(revised: Revised, tmp_path: Path) -> None:
    for step in chosen(revised.room):
        try_at(revised, tmp_path / f"full-{step}", f"full:{step}", _REFUSED)
