"""Artwork and lyrics as a user meets them: added, shown, granted, published, mirrored, checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Phono
from tests.sources.test_sidecars import LYRICS, png, put
from tests.tones import flac

pytestmark = pytest.mark.usefixtures("own_settings")


@pytest.fixture
def archive(phono: Phono, tmp_path: Path) -> Path:
    assert phono("init", tmp_path / "archive", "--name", "Ours").code == 0
    return tmp_path / "archive"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    words = {"TITLE": "Skim", "ARTIST": "The Testers", "LICENSE": "CC0-1.0", "LYRICS": "La la"}
    flac(folder / "a.flac", 1, words)
    png(folder / "cover.png")
    put(folder / "a.lrc", LYRICS)
    return folder


def test_what_lies_beside_music_waits_for_a_basis_of_its_own(
    phono: Phono, archive: Path, music: Path, tmp_path: Path
) -> None:
    added = phono("add", archive, music)
    assert "2 files beside it not kept, for want of a basis" in added.out
    (hit,) = phono("search", archive, "skim", "--json").data
    shown = phono("show", archive, hit["id"])
    assert "Lyrics     in the file: lyrics" in shown.out.replace("LYRICS", "lyrics")
    assert "cover.png (front, image/png, 600 × 500" in shown.out
    assert "known, not kept; may not be shared: There is no recorded basis." in shown.out

    everything = ("*", "--licence", "CC-BY-4.0", "--evidence", "a letter")
    assert phono("rights", "grant", archive, *everything, "--json").data["granted"] == ["a.flac"]
    cover = ("cover.png", "--licence", "CC-BY-4.0", "--evidence", "a letter of who drew it")
    assert phono("rights", "grant", archive, *cover, "--json").data["granted"] == ["cover.png"]
    again = phono("add", archive, music, "--json").data
    assert again["sidecars"] == {"held": 1, "again": 0, "known": 0}
    status = phono("status", archive)
    assert "With it    1 picture, 0 texts of lyrics, 0 documents" in status.out
    assert phono("status", archive, "--json").data["sidecars"]["known"] == 1

    assert "beside it: 1 may be published, 1 may not." in phono("rights", archive).out
    assert phono("rights", archive, "--json").data["sidecars"] == {"yes": 1, "unknown": 1}

    assert phono("publish", archive).code == 0
    (file,) = phono("show", archive, hit["id"], "--json").data["holdings"]
    of = {one["name"]: one for one in file["sidecars"]}
    assert (of["cover.png"]["may_be_shared"], of["a.lrc"]["may_be_shared"]) == ("yes", "unknown")
    assert of["cover.png"]["bag"].endswith("/The Testers/cover.png")
    assert phono("check", archive).code == 0

    mirror = tmp_path / "mirror"
    assert phono("mirror", archive, mirror, "--budget", "10MB", "--once").code == 0
    (copy,) = mirror.glob("vault/bags/*/data/The Testers/cover.png")
    assert copy.read_bytes() == (music / "cover.png").read_bytes()
    copy.chmod(0o644)
    copy.write_bytes(b"x" * copy.stat().st_size)
    assert phono("check", mirror).code == 4
    assert phono("repair", mirror).code == 0
    assert copy.read_bytes() == (music / "cover.png").read_bytes()
