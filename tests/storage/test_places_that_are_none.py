"""Places that are no other places: the archive itself, links into it, disks that are not mounted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import open_archive
from phonotheque.vault.outside import target_of
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
