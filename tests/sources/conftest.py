from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from phonotheque.sources import intake


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """An empty folder to put music into."""
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files in here instead of in worker processes: quicker, and faults can be put in its way."""

    def one_thread(_workers: int | None = None) -> Executor:
        return ThreadPoolExecutor(1)

    monkeypatch.setattr(intake, "process_pool", one_thread)
