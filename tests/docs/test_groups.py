"""Tests that share something costly run in one process, as CONTRIBUTING says."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("named")
def test_a_test_is_named_with_its_group(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("there are no groups without --dist loadgroup, as in make test")
    assert request.node.nodeid.endswith("@named")  # by which the tests are dealt out
