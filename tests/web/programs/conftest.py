"""What tests of interfaces share: time to list what is published, however busy the machine is."""

from __future__ import annotations

import pytest

from phonotheque.web.oai import records


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the list of what is published until it is there."""
    monkeypatch.setattr(records, "_WAIT", 60.0)
