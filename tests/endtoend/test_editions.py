"""Editions by command: the same bytes from the same state, old bags for ever, mirrors that follow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.endtoend.commands import DATE, LOOPBACK, phono
from tests.endtoend.final_states import differences, published, tree
from tests.endtoend.kill_rounds import EPOCH, Bases
from tests.endtoend.promises import broken
from tests.postgresql import copy_tree

pytestmark = pytest.mark.xdist_group("bases")
_HOLD_ALL = ("--budget", "1GB", "--once", "--json", *LOOPBACK)


def copied(bases: Bases, command: str, place: Path) -> Path:
    """Copy the archive as it is before a command."""
    copy_tree(bases.base(command) / "archive", place)
    return place


def stamps(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return what changes when a file is rewritten or only touched: inode, size, time of change."""
    found = {path: path.stat() for path in folder.rglob("*")}
    return {str(path): (status.st_ino, status.st_size, status.st_mtime_ns) for path, status in found.items()}


def contents(folder: Path) -> dict[str, bytes]:
    """Return what the files of a bag hold, by their paths in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_state_and_date_give_the_same_bytes(bases: Bases, tmp_path: Path) -> None:
    archive = copied(bases, "publish", tmp_path / "elsewhere" / "Архив")
    elsewhere = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "42", "HOME": str(tmp_path)}
    phono("publish", archive, "--date", DATE, env=EPOCH | elsewhere)
    assert differences(published(archive), bases.expected["publish"]) == []


def test_a_second_edition_touches_nothing_of_the_first(bases: Bases, tmp_path: Path) -> None:
    archive = copied(bases, "publish", tmp_path / "archive")
    old = [folder for folder in (archive / "vault" / "bags").iterdir() if not folder.name.startswith(".")]
    before = {folder.name: stamps(folder) for folder in old}
    torrents = tree(archive / "public" / "targets" / "editions" / "1")
    assert before
    done = phono("publish", archive, "--json")
    assert done.data["edition"] == 2
    assert {folder.name: stamps(folder) for folder in old} == before
    assert tree(archive / "public" / "targets" / "editions" / "1") == torrents
    edition = json.loads((archive / "public" / "targets" / "edition.json").read_text())
    assert {bag["id"] for bag in edition["bags"]} > before.keys()


def test_a_mirror_follows_and_fetches_only_what_is_new(bases: Bases, tmp_path: Path) -> None:
    archive, mirror = copied(bases, "publish", tmp_path / "archive"), tmp_path / "mirror"
    first = phono("mirror", archive, mirror, *_HOLD_ALL).data
    before = {bag: stamps(mirror / "vault" / "bags" / bag) for bag in first["complete"]}
    held = {content for bag in before for content in contents(mirror / "vault" / "bags" / bag).values()}
    again = phono("mirror", archive, mirror, *_HOLD_ALL).data
    assert (again["edition"], again["fetched"]) == (1, 0)
    new = phono("publish", archive, "--json").data["bags"]
    second = phono("mirror", archive, mirror, *_HOLD_ALL).data
    assert second["edition"] == 2
    bags = [archive / "vault" / "bags" / bag["id"] for bag in new]
    fetched = [
        len(content)
        for bag in bags
        for path, content in contents(bag).items()
        if not (path.startswith("data/") and content in held)
    ]
    assert second["fetched"] == sum(fetched) > 0
    assert set(second["complete"]) == {*first["complete"], *(bag["id"] for bag in new)}
    assert {bag: stamps(mirror / "vault" / "bags" / bag) for bag in before} == before
    assert tree(mirror / "vault" / "bags") == tree(archive / "vault" / "bags")
    assert broken(mirror) == []
