from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.conftest import open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Connection]:
    """A new ledger, in one transaction."""
    engine = open_ledger(tmp_path / "ledger.sqlite")
    with engine.begin() as connection:
        yield connection
    engine.dispose()
