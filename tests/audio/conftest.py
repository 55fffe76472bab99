from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.audio.audio_making import CENC, KINDS, music, write

SAMPLES = Path(__file__).parents[2].parent / "shared/samples/music"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """One file of each kind, six seconds of the same music, by name."""
    folder = tmp_path_factory.mktemp("made")
    return {kind.name: write(folder / kind.name, kind, music(6, rate=kind.rate)) for kind in (*KINDS, CENC)}


@pytest.fixture(scope="session")
def samples() -> list[Path]:
    """Real recordings, where they are at hand."""
    found = sorted(SAMPLES.glob("*.ogg"))
    if not found:
        pytest.skip("no real recordings beside the repository")
    return found
