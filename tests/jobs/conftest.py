from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.jobs.local_cluster import Cluster, local_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers on this machine. Costly: its tests share a process (xdist_group "cluster")."""
    with local_cluster(2, tmp_path_factory.mktemp("dask")) as running:
        yield running
