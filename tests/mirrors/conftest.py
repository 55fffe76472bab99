from __future__ import annotations

from pathlib import Path

import pytest
from mirror_publisher import Publisher


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    folder = tmp_path / "archive"
    folder.mkdir()
    return Publisher(folder)
