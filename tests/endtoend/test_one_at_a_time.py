"""A second command on the same archive is told who is at work, harms nothing, and reading goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.endtoend.commands import LOOPBACK, PATIENCE, phono, start
from tests.endtoend.final_states import differences
from tests.endtoend.kill_rounds import EPOCH, Bases, changing, state, wait_for_lock, words_of
from tests.postgresql import copy_tree

pytestmark = pytest.mark.xdist_group("bases")


@pytest.mark.parametrize("command", ["add", "mirror"])
def test_a_second_command_is_refused_while_one_works(bases: Bases, tmp_path: Path, command: str) -> None:
    place = tmp_path / "round"
    copy_tree(bases.base(command), place)
    folder = changing(command, place)
    words = words_of(command, place, place / "archive")
    others: list[tuple[object, ...]] = [("check", folder), words]
    if command == "add":
        others += [("publish", folder), ("plan", folder, "--budget", "1GB")]
    else:
        others += [("repair", folder, *LOOPBACK)]
    with start(*words, env=EPOCH) as process:
        wait_for_lock(process, folder)
        os.kill(process.pid, signal.SIGSTOP)  # it holds the lock for as long as this test likes
        for other in others:
            said = " ".join(phono(*other, code=1, env=EPOCH).err.split())
            if other[0] == "mirror":  # two of them never work on one folder, not even by turns
                assert f"is being mirrored already, by process {process.pid}." in said
            else:
                assert f"is being changed by “phono {command}” (process {process.pid})" in said
        phono("status", folder)
        os.kill(process.pid, signal.SIGCONT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert differences(state(command, place), bases.expected[command]) == []
