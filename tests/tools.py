"""Programs that tests compare with: skipped visibly where absent, unless TESTS_MUST_RUN forbids that."""

from __future__ import annotations

import os
import shutil

import pytest


def tool(name: str, package: str) -> str:
    """Return the path of a program from this Debian package; skip the test, or fail it in CI, without it."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} (Debian: {package}) is not installed; make test installs it"
        if os.environ.get("TESTS_MUST_RUN") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
