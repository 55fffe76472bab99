from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.endtoend.commands import serving
from tests.endtoend.kill_rounds import Bases, make_bases


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bases]:
    """What interrupted and starved commands start from. Costly: its tests share a process (xdist_group)."""
    made = make_bases(tmp_path_factory.mktemp("bases"))
    with serving(made.base("mirror") / "archive") as made.url:
        yield made
