"""A mirror is killed, or its disk fills, at any step of following a withdrawal: the next run completes it.

Nothing that may stay is fetched again or lost, nothing withdrawn is left, or erased without its proof.
``KILL_ROUNDS`` sets how many steps are tried (2 by default, each at random); ``all`` tries every one.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.endtoend.commands import LOOPBACK, STEPPING, findings, phono, start
from tests.endtoend.final_states import differences, mirrored
from tests.endtoend.kill_rounds import EPOCH
from tests.endtoend.promises import broken, rows, sha256
from tests.endtoend.stepping import SAYS
from tests.mirrors.mirror_publisher import Publisher, music
from tests.postgresql import ON_POSTGRESQL, copy_tree

pytestmark = [pytest.mark.ledger, pytest.mark.xdist_group("revisions")]
_ROUNDS = os.environ.get("KILL_ROUNDS", "2")
_SONGS = music("audio-1", 3, 100_000)
_GONE, *_KEPT = _SONGS


@dataclass(frozen=True, slots=True)
class Revised:
    """A mirror of edition 1, what it follows, which is at edition 2, and what it comes to without kills."""

    folder: Path
    steps: int
    room: int
    expected: Mapping[str, object]
    tags: int  # bytes of the revision that are no audio

    def words(self, place: Path) -> tuple[object, ...]:
        return ("mirror", self.folder / "archive", place, "--budget", "1GB", "--once", "--json", *LOOPBACK)


@pytest.fixture(scope="module")
def revised(tmp_path_factory: pytest.TempPathFactory) -> Revised:
    folder = tmp_path_factory.mktemp("revised")
    (folder / "archive").mkdir()
    publisher = Publisher(folder / "archive", with_index=True)
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1", _SONGS)
    publisher.publish(1)
    made = Revised(folder, 0, 0, {}, 0)
    phono(*made.words(folder / "mirror"), env=EPOCH)
    fresh = publisher.revise("audio-1", _GONE, edition=2)
    assert fresh
    publisher.publish(2)
    copy_tree(folder / "mirror", folder / "done")
    with start(*made.words(folder / "done"), env=EPOCH, program=(STEPPING, "count")) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    steps, room = map(int, err.rpartition(SAYS)[2].split())
    return Revised(folder, steps, room, mirrored(folder / "done"), fresh.bytes - fresh.payload_bytes)


def chosen(most: int) -> list[int]:
    if _ROUNDS == "all":
        return list(range(1, most + 1))
    return random.sample(range(1, most + 1), min(int(_ROUNDS), most))


def erased(mirror: Path) -> dict[str, str]:
    """What the ledger says was erased, by SHA-256; more than one proof of a file makes no difference."""
    found: dict[str, str] = {}
    for (text,) in rows(mirror, "SELECT detail FROM events WHERE type = 'deletion'"):
        detail = text if isinstance(text, dict) else json.loads(text)
        assert detail["edition"] == 2
        found |= {file["sha256"]: file["path"] for file in detail["erased"]}
    return found


def assert_completed(revised: Revised, mirror: Path) -> None:
    done = phono(*revised.words(mirror), env=EPOCH).data
    assert done["fetched"] <= revised.tags
    assert broken(mirror) == []
    assert findings(mirror) == []
    assert differences(mirrored(mirror), revised.expected) == []
    withdrawn = erased(mirror)
    for path in (file for file in (mirror / "vault").rglob("*") if file.is_file()):
        assert sha256(path) not in withdrawn
    assert f"data/{_GONE}" in withdrawn.values()
    assert not {f"data/{path}" for path in _KEPT} & set(withdrawn.values())


def test_a_kill_at_any_step(revised: Revised, tmp_path: Path) -> None:
    for step in chosen(revised.steps):
        mirror = tmp_path / f"kill-{step}"
        copy_tree(revised.folder / "mirror", mirror)
        with start(*revised.words(mirror), env=EPOCH, program=(STEPPING, f"kill:{step}")) as process:
            _, err = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, f"step {step}: {err}"
        assert broken(mirror) == [], f"killed before step {step}"
        wrong = [found for found in findings(mirror) if found["what"] != "extra"]
        assert wrong == [], f"killed before step {step}"
        try:
            assert_completed(revised, mirror)
        except AssertionError as error:
            error.add_note(f"killed before step {step}")
            raise


@pytest.mark.skipif(ON_POSTGRESQL, reason="a ledger elsewhere is not on the disk that fills")
def test_a_disk_that_is_full_from_some_step_on(revised: Revised, tmp_path: Path) -> None:
    for step in chosen(revised.room):
        mirror = tmp_path / f"full-{step}"
        copy_tree(revised.folder / "mirror", mirror)
        with start(*revised.words(mirror), env=EPOCH, program=(STEPPING, f"full:{step}")) as process:
            _, err = process.communicate(timeout=60)
        assert process.returncode == 1, f"full from step {step}: {err}"
        assert "Traceback" not in err, err
        assert broken(mirror) == [], f"full from step {step}"
        try:
            assert_completed(revised, mirror)
        except AssertionError as error:
            error.add_note(f"full from step {step}")
            raise
