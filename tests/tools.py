"""Programs that tests compare with: skipped visibly where absent, unless TESTS_MUST_RUN forbids that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

_CLIENTS = Path(__file__).parents[1] / ".venv" / "clients" / "bin"
_HARVESTERS = Path(__file__).parents[1] / ".venv" / "harvesters"


def tool(name: str, package: str) -> str:
    """Return the path of a program from this Debian package; skip the test, or fail it in CI, without it."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} (Debian: {package}) is not installed; make test installs it"
        if os.environ.get("TESTS_MUST_RUN") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def harvesters() -> str:
    """Return the Python that has other people's clients of our interfaces; else skip the test, or fail it."""
    path = _HARVESTERS / "bin" / "python"
    if not (_HARVESTERS / ".made-of").exists():
        reason = "clients of our interfaces are not installed; make tools installs them"
        if os.environ.get("TESTS_MUST_RUN") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return str(path)


def client(name: str, *, must: bool = False) -> str:
    """Return the path of somebody's BitTorrent program, perhaps newer than the system's; else skip the test.

    Only where it ``must`` be there, and TESTS_MUST_RUN says so, the test fails: others are not ours to have.
    """
    path = _CLIENTS / name
    if not path.exists():
        reason = f"{name} is not installed; make tools installs it where it can be had"
        if must and os.environ.get("TESTS_MUST_RUN") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return str(path)
