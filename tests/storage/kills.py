"""Killing ``phono publish`` while it sends, then running it again: what came of it, and what must not."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from phonotheque.vault.archive import open_archive
from phonotheque.vault.storage.base import Storage
from phonotheque.vault.storage.opening import open_place
from tests.endtoend.commands import findings
from tests.endtoend.final_states import differences, published
from tests.endtoend.promises import rows
from tests.storage.archives import EPOCH, SECOND, Kept
from tests.storage.forked import counted, run, was_killed
from tests.storage.proxy import Proxy


@dataclass(frozen=True)
class Ground:
    """An archive to be published, what that comes to without kills, and in how many steps."""

    base: Path
    kept: Kept
    place: str  # of the public tree, with the bags in it
    expected: Mapping[str, object]
    steps: int
    requests: int  # 0 for a folder


def prepare(kept: Kept, place: str, proxy: Proxy | None = None) -> Ground:
    """Publish a copy of the archive once, and note what it came to."""
    base = kept.folder.with_name("base")
    shutil.copytree(kept.folder, base, symlinks=True)
    before = len(proxy.requests) if proxy else 0
    steps = counted(run(*_words(kept), env=_env(kept), what="count"))
    requests = len(proxy.requests) - before if proxy else 0
    return Ground(base, kept, place, state(kept.folder, place), steps, requests)


def kill_at_step(ground: Ground, step: int) -> bool:
    """Publish, killed before that step that changes the disk or commits; whether it was."""
    return was_killed(run(*_words(ground.kept), env=_env(ground.kept), what=f"kill:{step}"))


def kill_at_request(ground: Ground, proxy: Proxy, number: int) -> bool:
    """Publish, killed when it has begun its request of that number; whether it was."""
    seen = itertools.count(1)

    def begun(process: int) -> None:
        def kill(_line: str) -> None:
            if next(seen) == number:
                os.kill(process, signal.SIGKILL)

        proxy.on_request = kill

    done = run(*_words(ground.kept), env=_env(ground.kept), begun=begun)
    proxy.on_request = None
    return was_killed(done)


def again(ground: Ground) -> None:
    """Put the archive back to where it was, and empty the storage."""
    shutil.rmtree(ground.kept.folder)
    shutil.copytree(ground.base, ground.kept.folder, symlinks=True)
    storage = storage_of(ground.kept.folder, ground.place)
    storage.tidy("")
    for stored in list(storage.list("")):
        storage.delete(stored.key)


def nothing_is_lost(ground: Ground) -> None:
    """Every file that the ledger calls held is somewhere, right; every bag that it says is there is whole."""
    folder = ground.kept.folder
    everywhere = set(_hashes(folder / "vault"))
    storage = storage_of(folder, ground.place)
    everywhere |= {_sha256(storage, stored.key) for stored in storage.list("bags/")}
    held = {row[0] for row in rows(folder, "SELECT sha256 FROM files WHERE held")}
    assert held <= everywhere
    for bag, moved in rows(folder, "SELECT bag_id, moved FROM bag_places"):
        assert moved
        for path, digest in rows(folder, f"SELECT path, sha256 FROM bag_files WHERE bag_id = '{bag}'"):
            assert _sha256(storage, f"bags/{bag}/{path}") == digest


def all_is_done(ground: Ground) -> None:
    """Run it to its end: it has come to the same as without kills, and nothing is left about."""
    ground.kept.phono("publish", "--date", SECOND)
    found = differences(state(ground.kept.folder, ground.place), ground.expected)
    assert not found, "\n".join(found)
    assert findings(ground.kept.folder) == []
    assert storage_of(ground.kept.folder, ground.place).tidy("") == 0


def state(folder: Path, place: str) -> Mapping[str, object]:
    """Return what publishing has come to, here and there."""
    storage = storage_of(folder, place)
    there = {stored.key: _sha256(storage, stored.key) for stored in storage.list("")}
    places = rows(folder, "SELECT bag_id, place, moved FROM bag_places ORDER BY bag_id")
    return {**published(folder), "there": there, "places": places}


def storage_of(folder: Path, place: str) -> Storage:
    """Return the storage, as the archive's settings open it."""
    return open_place(place, open_archive(folder).settings.storage)


def _words(kept: Kept) -> tuple[object, ...]:
    return ("publish", kept.folder, "--date", SECOND)


def _env(kept: Kept) -> Mapping[str, str]:
    return {**EPOCH, **kept.env}


def _sha256(storage: Storage, key: str) -> str:
    digest = hashlib.sha256()
    for chunk in storage.read(key):
        digest.update(chunk)
    return digest.hexdigest()


def _hashes(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            yield hashlib.sha256(file.read_bytes()).hexdigest()
