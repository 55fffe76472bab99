from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.jobs.local_cluster import Cluster, local_cluster, wait_for_workers

_WORKERS = 2


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers on this machine. Costly: its tests share a process (xdist_group "cluster")."""
    with local_cluster(_WORKERS, tmp_path_factory.mktemp("dask")) as running:
        yield running


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    """The cluster that tests share, with both its workers there.

    Clients that another test let fail to connect go first: one that is collected while a new one starts its
    thread waits for a lock that this holds, for ever.
    """
    gc.collect()
    wait_for_workers(shared_cluster.address, _WORKERS)
    return shared_cluster
