from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from phonotheque.sources import importing, spread
from tests.sources.songs import Here


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

    monkeypatch.setattr(spread, "process_pool", one_thread)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read pieces here instead of in worker processes."""

    def no_pool(_workers: int | None = None) -> Executor:
        return Here()

    monkeypatch.setattr(importing, "process_pool", no_pool)


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every piece by itself, however small, so that an interruption leaves some of them."""
    monkeypatch.setattr(importing, "_MOST_TOGETHER", 1)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """An empty folder to put songs into, as text."""
    folder = tmp_path / "songs"
    folder.mkdir()
    return folder


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Where there will be a catalogue."""
    return tmp_path / "catalogue"
