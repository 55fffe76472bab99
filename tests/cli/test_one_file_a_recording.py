"""An edition holds one file of each recording: the best that may be published. Versions have their own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.audio.audio_making import FLAC, MP3, WAV, music, write
from tests.cli.conftest import Phono

_RIGHTS = """\
[[rights]]
files = ["*"]
licence = "CC0-1.0"
holder = "Tests"
evidence = "Made on the spot"
asserted_by = "Tests"
"""


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "rights.toml").write_text(_RIGHTS)
    return folder


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_of_copies_only_the_best_is_published(
    phono: Phono, own_settings: Path, tmp_path: Path, shelf: Path
) -> None:
    song = music(20, seed=3)
    write(shelf / "a.mp3", MP3, song)
    best = write(shelf / "b.flac", FLAC, song)
    write(shelf / "c.wav", WAV, song)
    other = write(shelf / "d.flac", FLAC, music(20, seed=4))
    archive = tmp_path / "archive"
    assert phono("init", "--name", "Copies", archive).code == 0
    assert phono("add", archive, shelf, "--workers", "1").code == 0
    (group,) = phono("duplicates", archive, "--json").data["groups"]
    assert group["best"]["sha256"] == sha256(best)
    assert [copy["copy"]["name"] for copy in group["copies"]] == ["c.wav", "a.mp3"]
    assert phono("publish", archive).code == 0
    bags = [path for path in archive.glob("vault/bags/*") if not path.name.endswith("-catalogue")]
    payload = [path for bag in bags for path in (bag / "data").rglob("*.*")]
    assert sorted(map(sha256, payload)) == sorted(map(sha256, (best, other)))
