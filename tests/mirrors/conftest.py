from __future__ import annotations

from pathlib import Path

import pytest

from tests.mirrors.mirror_publisher import Publisher


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    folder = tmp_path / "archive"
    folder.mkdir()
    return Publisher(folder)


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.bag("audio-2")
    publisher.publish(1)
    return publisher
