"""Killed at any step: what was taken back is not shown again, nothing kept is lost, and the next run ends it.

``REVISION_KILLS`` says how often commands are killed, each before another step (4 by default), or ``all``.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from phonotheque.cli.demo.encoding import FLAC
from tests.endtoend.commands import findings
from tests.endtoend.final_states import differences, published
from tests.endtoend.promises import broken, rows
from tests.endtoend.small_music import write_album
from tests.storage.forked import counted, run, was_killed

pytestmark = pytest.mark.sqlite("commands run in forked processes")

EPOCH = {"SOURCE_DATE_EPOCH": "1795256100"}
FIRST, SECOND = "2026-11-20", "2026-11-21"
KILLS = os.environ.get("REVISION_KILLS", "4")
ERASED = "The First/03 Étude 3.flac"
WITHDRAWN = "The First/02 Étude 2.flac"


def steps_of(count: int) -> Iterator[int]:
    """Before which steps to kill."""
    if KILLS == "all":
        yield from range(1, count + 1)
    else:
        chance = random.Random()
        yield from sorted(chance.sample(range(1, count + 1), min(int(KILLS), count)))


def phono(*words: object, what: str = "let") -> str:
    done = run(*words, env=EPOCH, what=what)
    assert done.code == 0, f"{words}: {done.err}"
    return done.out


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A published archive, and requests that wait: one to withhold a file, one to erase another."""
    place = tmp_path_factory.mktemp("kills")
    archive = place / "archive"
    write_album(place / "music", "The First", forms=(FLAC,), tracks=4, seed=1)
    phono("init", archive, "--name", "Kills", "--mandate", "Tests may keep what they make.")
    phono("add", archive, place / "music")
    phono("publish", archive, "--date", FIRST)
    who = ("--by", "An Artist", "--reason", "It is mine.", "--json")
    requests = [
        json.loads(phono("withdraw", "request", archive, WITHDRAWN, *who)),
        json.loads(phono("withdraw", "request", archive, ERASED, *who, "--erase")),
    ]
    return archive, [one["id"] for one in requests]


def shown(archive: Path) -> set[str]:
    """The music that the public tree shows, whatever links lead to it."""
    found = set()
    for here, _, names in os.walk(archive / "public", followlinks=True):
        found |= {name for name in names if name.endswith(".flac") and Path(here, name).exists()}
    return found


def recorded(archive: Path) -> set[str]:
    """The names of the files that the ledger says are withdrawn."""
    query = (
        "SELECT name FROM files JOIN rights_statements s ON s.file_id = files.id"
        " WHERE s.kind = 'withdrawal' AND s.withdrawn_at IS NULL"
    )
    return {Path(name).name for (name,) in rows(archive, query)}


def state(archive: Path) -> Mapping[str, object]:
    former = [
        row
        for query in (
            "SELECT id, taken_back_in, reason, replaced_by FROM former_bags ORDER BY id",
            "SELECT bag_id, path, sha256, left_because FROM former_bag_files ORDER BY bag_id, path",
            "SELECT sha256, held FROM files ORDER BY sha256",
        )
        for row in rows(archive, query)
    ]
    return {**published(archive), "former": former}


def test_a_killed_acceptance_hides_before_it_is_recorded(
    asked: tuple[Path, list[str]], tmp_path: Path
) -> None:
    base, ids = asked
    copy = tmp_path / "archive"
    shutil.copytree(base, copy, symlinks=True)
    count = counted(run("withdraw", "accept", copy, ids[0], env=EPOCH, what="count"))
    for step in steps_of(count):
        shutil.rmtree(copy)
        shutil.copytree(base, copy, symlinks=True)
        if not was_killed(run("withdraw", "accept", copy, ids[0], env=EPOCH, what=f"kill:{step}")):
            continue
        assert not recorded(copy) & shown(copy), f"killed before step {step}"
        assert broken(copy) == [], f"killed before step {step}"
        if not recorded(copy):
            phono("withdraw", "accept", copy, ids[0])
        phono("withdraw", "accept", copy, ids[1])  # any command on withdrawals completes what was interrupted
        assert Path(WITHDRAWN).name not in shown(copy)
        assert len(shown(copy)) == 2


def test_a_killed_revision_loses_nothing_and_is_completed_by_the_next(
    asked: tuple[Path, list[str]], tmp_path: Path
) -> None:
    base, ids = asked
    ready, copy = tmp_path / "ready", tmp_path / "archive"
    shutil.copytree(base, ready, symlinks=True)
    for one in ids:
        phono("withdraw", "accept", ready, one)
    shutil.copytree(ready, copy, symlinks=True)
    count = counted(run("publish", copy, "--date", SECOND, env=EPOCH, what="count"))
    expected = state(copy)
    assert {path.name for path in (copy / "vault" / "bags").iterdir() if "-0001-0001" in path.name} == {
        "kills-0001-0001-r2"
    }
    for step in steps_of(count):
        shutil.rmtree(copy)
        shutil.copytree(ready, copy, symlinks=True)
        if not was_killed(run("publish", copy, "--date", SECOND, env=EPOCH, what=f"kill:{step}")):
            continue
        assert not recorded(copy) & shown(copy), f"killed before step {step}"
        assert broken(copy) == [], f"killed before step {step}"
        phono("publish", copy, "--date", SECOND)
        assert differences(state(copy), expected) == [], f"killed before step {step}"
        assert findings(copy) == [], f"killed before step {step}"
