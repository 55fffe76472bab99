"""A damaged file is taken in, and where it is damaged is said when it is added and when it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Phono
from tests.tones import flac

pytestmark = pytest.mark.usefixtures("own_settings")


def test_damage_is_said_with_its_place(phono: Phono, tmp_path: Path) -> None:
    archive, path = tmp_path / "archive", tmp_path / "music" / "a.flac"
    assert phono("init", archive, "--name", "Ours").code == 0
    flac(path, 1, {"TITLE": "Broken off", "LICENSE": "CC0-1.0"}, seconds=2)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    added = phono("add", archive, tmp_path / "music", "--json")
    assert added.data["held"] == 1
    assert "damaged at 0:0" in added.out
    (hit,) = phono("search", archive, "broken", "--json").data
    shown = " ".join(phono("show", archive, hit["id"]).out.split())
    assert "Integrity damaged at 0:0" in shown
    assert "the last frame, or what follows it, is damaged" in shown
    (holding,) = phono("show", archive, hit["id"], "--json").data["holdings"]
    assert holding["integrity"] == "damaged"
    assert holding["integrity_notes"][0].startswith("at 0:0")
