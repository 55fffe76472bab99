"""Places that are no other places: the archive itself, links into it, disks that are not mounted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from phonotheque.editions.sending import check_public
from phonotheque.ledger.bags import BagFileRecord, BagPlace, files_in_bag, places_of_bags
from phonotheque.model.errors import PhonothequeError, UsageError
from phonotheque.model.progress import QUIET
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.vault.outside import target_of
from phonotheque.vault.places import (
    borrowed_path,
    check_bagged,
    check_places,
    let_all_go,
    let_go,
    settle_bags,
)
from phonotheque.vault.storage.base import PlaceGoneError
from tests.endtoend.commands import findings
from tests.endtoend.final_states import tree
from tests.storage.archives import FIRST, SECOND, make, payload

pytestmark = [pytest.mark.xdist_group("swift"), pytest.mark.sqlite("commands run in forked processes")]


def test_the_archive_is_no_place_outside(tmp_path: Path) -> None:
    kept = make(tmp_path, tracks=1)
    kept.phono("publish", "--date", FIRST)
    before = tree(kept.folder / "vault")
    public = str(kept.folder / "public")
    for settings in ({"bags": str(kept.folder / "vault/bags")}, {"public": public, "bags": f"{public}/bags"}):
        kept.settings(**settings)
        assert "lie in one another" in kept.phono("publish", "--date", SECOND, code=2).err
    shutil.move(kept.folder / "vault", tmp_path / "disk")  # a part of it is somewhere else
    (kept.folder / "vault").symlink_to(tmp_path / "disk")
    (tmp_path / "link").symlink_to(kept.folder)
    for place in ("archive", "archive/more", "link", "link/public", "disk/bags/more", "disk", "."):
        for settings in ({"bags": str(tmp_path / place)}, {"public": str(tmp_path / place)}):
            kept.settings(**settings)
            with pytest.raises(UsageError, match="lie in one another"):
                target_of(open_archive(kept.folder))
    assert tree(tmp_path / "disk") == before


def test_one_file_under_two_names_is_no_copy(tmp_path: Path) -> None:
    kept = make(tmp_path, tracks=1)
    kept.phono("publish", "--date", FIRST)
    before = tree(kept.folder / "vault")
    (tmp_path / "elsewhere").mkdir()
    kept.settings(bags=str(tmp_path / "elsewhere"))
    for folder in (kept.folder / "vault" / "bags").iterdir():
        (tmp_path / "elsewhere" / folder.name).symlink_to(folder)
    assert "are one file" in kept.phono("publish", "--date", SECOND, code=4).err
    for link in (tmp_path / "elsewhere").iterdir():
        folder = link.readlink()
        link.unlink()
        shutil.copytree(folder, link, copy_function=os.link)
    assert "are one file" in kept.phono("publish", "--date", SECOND, code=4).err
    assert tree(kept.folder / "vault") == before
    for folder in (tmp_path / "elsewhere").iterdir():
        shutil.rmtree(folder)
    kept.phono("publish", "--date", SECOND)
    assert payload(kept.folder) == []
    assert findings(kept.folder) == []


def test_where_nothing_is_mounted_is_another_place(tmp_path: Path) -> None:
    kept = make(tmp_path, tracks=1)
    disk = tmp_path / "disk"
    disk.mkdir()
    kept.settings(public=str(disk), bags=f"{disk}/bags")
    kept.phono("publish", "--date", FIRST)
    archive = open_archive(kept.folder)
    bag = min(folder.name for folder in archive.bags.iterdir())
    entry = next(entry for entry in entries_of(archive, bag) if entry.path.startswith("data/"))
    # A file that was left here says so, each time, and is not deleted.
    stray = archive.bags / bag / "data" / "stray"
    stray.parent.mkdir()
    stray.write_bytes(b"not ours")
    with pytest.raises(PhonothequeError, match=r"data/stray lies in a bag"):
        settle_bags(archive, QUIET)
    stray.unlink()
    settle_bags(archive, QUIET)
    assert not stray.parent.exists()
    disk.rename(tmp_path / "unmounted")
    with pytest.raises(PlaceGoneError):
        check_bagged(archive, bag, entry.path, entry.size, entry.sha256)
    disk.mkdir()
    for ask in (
        lambda: check_public(archive),
        lambda: settle_bags(archive, QUIET),
        lambda: list(check_places(archive, bag, places_of(archive, bag), QUIET)),
        lambda: check_bagged(archive, bag, entry.path, entry.size, entry.sha256),
    ):
        (disk / "bags").mkdir(exist_ok=True)
        with pytest.raises(PlaceGoneError, match="has none of the bags"):
            ask()
    assert list((disk / "bags").iterdir()) == []
    # A new, empty disk is said to be one by hand: then each file is missing, and can be brought there.
    (disk / "bags" / bag).mkdir()
    shutil.copy(archive.bags / bag / "tagmanifest-sha256.txt", disk / "bags" / bag)
    found = [
        one for one in check_places(archive, bag, places_of(archive, bag), QUIET) if not isinstance(one, int)
    ]
    assert {finding.what for finding in found} == {"missing"}
    archive.ledger.dispose()


def entries_of(archive: Archive, bag: str) -> list[BagFileRecord]:
    """Return what the ledger says is in a bag."""
    with archive.ledger.connect() as ledger:
        return list(files_in_bag(ledger, bag))


def places_of(archive: Archive, bag: str) -> list[BagPlace]:
    """Return where the ledger says that a bag lies."""
    with archive.ledger.connect() as ledger:
        return places_of_bags(ledger, bag)[bag]


def test_the_tree_of_another_archive_is_seen_before_bags_are_moved_there(tmp_path: Path) -> None:
    kept = make(tmp_path, tracks=1)
    kept.phono("publish", "--date", FIRST)
    shared = tmp_path / "shared"
    (shared / "metadata").mkdir(parents=True)
    (shared / "metadata" / "1.root.json").write_bytes(b"{}")
    kept.settings(public=str(shared), bags=f"{shared}/bags")
    archive = open_archive(kept.folder)
    with pytest.raises(UsageError, match="of another archive"):
        check_public(archive)
    shutil.rmtree(archive.public / "metadata")  # not made yet
    with pytest.raises(UsageError, match="of another archive"):
        check_public(archive)


def test_equal_files_are_borrowed_apart(tmp_path: Path) -> None:
    kept = make(tmp_path, tracks=1)
    archive = open_archive(kept.folder)
    one, other = (borrowed_path(archive, "0" * 64) for _ in range(2))
    assert one != other
    for copy in (one, other):
        copy.write_bytes(b"")
    let_go(one)
    assert other.exists()
    let_all_go(archive)
    assert not other.exists()
