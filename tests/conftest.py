"""What tests of several rooms share: an archive, kept apart from the settings of whoever runs them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from phonotheque.vault.archive import Archive, open_archive

MakeArchive = Callable[..., Archive]
ARCHIVE_ID = "5f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d"


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the (empty) folder of the user's settings; nothing is set in the environment."""
    for name in os.environ:
        if name.startswith("PHONOTHEQUE_") or name == "SOURCE_DATE_EPOCH":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def make_archive(own_settings: Path, tmp_path: Path) -> Iterator[MakeArchive]:
    """A function that makes an archive: ``make_archive("name", mandate="why")``."""
    made: list[Archive] = []

    def make(name: str = "archive", *, mandate: str = "", folder: Path | None = None) -> Archive:
        folder = folder or tmp_path / name
        folder.mkdir(exist_ok=True)
        # JSON's strings are TOML's
        lines = (
            "[archive]",
            f'id = "{ARCHIVE_ID}"',
            f"name = {json.dumps(name)}",
            "[mandate]",
            f"preserve = {json.dumps(mandate)}",
        )
        (folder / "phonotheque.toml").write_text("\n".join(lines) + "\n")
        made.append(open_archive(folder))
        return made[-1]

    yield make
    for archive in made:
        if "ledger" in vars(archive):  # it was opened
            archive.ledger.dispose()


@pytest.fixture
def archive(make_archive: MakeArchive) -> Archive:
    """Return an archive with a mandate to keep whatever it is given."""
    return make_archive(mandate="Tests keep everything.")
