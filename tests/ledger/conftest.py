from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from phonotheque.ledger.connect import connect_file


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Connection]:
    """A new ledger, in one transaction."""
    engine = connect_file(tmp_path / "ledger.sqlite")
    with engine.begin() as connection:
        yield connection
    engine.dispose()
