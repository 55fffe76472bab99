"""A Dask cluster on this machine, for tests: a program that says its address and lives as its input does."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LOOK = 2.0  # seconds between looks at whether all workers are there
_PATIENCE = 120  # seconds for them to be there, on a busy machine


@dataclass(frozen=True)
class Cluster:
    """A running cluster. Killing its process takes the scheduler and all workers with it."""

    address: str
    process: subprocess.Popen[bytes]


def wait_for_workers(address: str, workers: int) -> None:
    """Wait until so many workers are there: one that a test before had killed may still be starting."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        client.wait_for_workers(workers, timeout=_PATIENCE)


@contextmanager
def local_cluster(workers: int, folder: Path) -> Iterator[Cluster]:
    """A scheduler and so many worker processes, on ports that were free."""
    run = [sys.executable, "-m", "tests.jobs.local_cluster", str(workers), str(folder)]
    with subprocess.Popen(run, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        address = process.stdout.readline().decode().strip()
        assert address.startswith("tcp://"), "the cluster did not start"
        try:
            yield Cluster(address, process)
        finally:
            process.stdin.close()
            process.wait(timeout=60)


def main() -> None:
    import dask
    from distributed import LocalCluster

    # A busy machine is slow to start workers again: that is no reason to do without them.
    patient = {
        "distributed.comm.timeouts.connect": "600s",
        "distributed.comm.timeouts.tcp": "600s",
        "distributed.scheduler.worker-ttl": None,
        "distributed.worker.profile.enabled": False,
    }
    with (
        dask.config.set(patient),
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=int(sys.argv[1]),
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address=None,
            local_directory=sys.argv[2],
            silence_logs=50,
        ) as cluster,
    ):
        print(cluster.scheduler_address, flush=True)
        while not select.select([sys.stdin], [], [], _LOOK)[0]:
            # A worker killed while it starts is given up by its nanny; this makes another in its place.
            cluster.scale(int(sys.argv[1]))


if __name__ == "__main__":
    main()
