"""python -m benchmarks.planning: plan for many recordings within several budgets, and say what it cost.

    python -m benchmarks.planning --recordings 256000000 --folder D --memory 6GB

The candidates are generated: listens with the skew of the catalogue's benchmark, lengths about a log-normal
of 3.6 minutes, two fifths lossless. The peers are the plain way in memory, sorting all by worth per byte with
numpy (where it fits into memory), and the bound of the linear relaxation, which no plan can exceed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from benchmarks.catalogue.listens import listens_at
from phonotheque.editions.candidates import CANDIDATES
from phonotheque.editions.plan import make_plan
from phonotheque.editions.plan_groups import Group

_PART = 1 << 20  # rows made at a time
_BUDGETS = (0.001, 0.05, 0.5)  # shares of what all masters take
_IN_MEMORY = 60_000_000  # rows that numpy is asked to sort


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.planning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recordings", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--memory", default="6GB", help="limit of the engine (default: 6GB)")
    parser.add_argument(
        "--extras", action="store_true", help="protect a part, and forecast two groups of mirrors"
    )
    parser.add_argument("--run", type=float, help=argparse.SUPPRESS)  # one budget, in a process of its own
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="phonotheque-bench-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        candidates = folder / f"candidates-{arguments.recordings}-{arguments.seed}.parquet"
        if arguments.run is not None:
            print(json.dumps(_plan(candidates, arguments.run, arguments.memory, extras=arguments.extras)))
            return
        if not candidates.exists():
            start = time.perf_counter()
            _generate(candidates, arguments.recordings, arguments.seed)
            took, size = time.perf_counter() - start, candidates.stat().st_size / 1e9
            print(f"made {arguments.recordings:,} candidates in {took:.0f} s, {size:.2f} GB", flush=True)
        for budget in _BUDGETS:
            command = [
                sys.executable,
                "-m",
                "benchmarks.planning",
                "--run",
                str(budget),
                "--folder",
                str(folder),
            ]
            command += ["--recordings", str(arguments.recordings), "--seed", str(arguments.seed)]
            done = subprocess.run(
                [*command, "--memory", arguments.memory], check=True, stdout=subprocess.PIPE
            )
            _print(arguments.recordings, budget, json.loads(done.stdout))
        if arguments.recordings <= _IN_MEMORY:
            _peer(candidates)


def _plan(candidates: Path, share: float, memory: str, *, extras: bool) -> dict[str, Any]:
    masters = parquet.read_metadata(candidates).metadata
    budget = int(share * int(masters[b"master_bytes"]))
    items = candidates.with_suffix(".items.parquet")
    start = time.perf_counter()
    plan = make_plan(
        candidates,
        budget,
        protect=budget // 20 if extras else 0,
        groups=[Group("homes", 1000, max(budget // 2000, 1)), Group("libraries", 3, budget)]
        if extras
        else (),
        to=items,
        memory_limit=memory,
    )
    wall = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * 1024,
        "budget": budget,
        "bytes": plan.bytes,
        "masters": plan.masters,
        "access_copies": plan.access_copies,
        "share": plan.share,
        "bound": plan.bound,
        "items": items.stat().st_size,
    }


def _print(recordings: int, share: float, found: dict[str, Any]) -> None:
    budget = f"{share:.1%} of all masters ({found['budget'] / 1e12:.2f} TB)"
    print(
        f"{recordings:,} recordings, a budget of {budget}: "
        f"{found['wall']:.1f} s, {found['cpu']:.0f} s of processors, peak {found['peak'] / 1e9:.2f} GB; "
        f"covers {found['share']:.6%}, the bound is {found['bound']:.6%}; {found['masters']:,} masters, "
        f"{found['access_copies']:,} access copies; {found['items'] / 1e9:.2f} GB of items",
        flush=True,
    )


def _generate(path: Path, recordings: int, seed: int) -> None:
    """Write candidates in the order of listens, and the bytes of all masters in the file's metadata."""
    chance = np.random.default_rng(seed)
    total = 0
    making = path.with_suffix(".making")
    with parquet.ParquetWriter(making, CANDIDATES, compression="zstd") as writer:
        for first in range(0, recordings, _PART):
            keys = np.arange(first, min(first + _PART, recordings), dtype=np.int64)
            table = _candidates(chance, keys, recordings)
            total += int(table["master_bytes"].to_numpy().sum())
            writer.write_table(table)
        writer.add_key_value_metadata({"master_bytes": str(total)})
    making.rename(path)


def _candidates(chance: np.random.Generator, keys: NDArray[np.int64], recordings: int) -> pa.Table:
    seconds = np.exp(chance.normal(np.log(216), 0.45, len(keys))).clip(5, 7200)
    lossless = chance.random(len(keys)) < 0.4
    kbps = np.where(lossless, chance.normal(850, 120, len(keys)).clip(200), 192)
    listens = listens_at(keys, recordings)
    counted = listens > 0
    copies = chance.integers(0, 12, len(keys))
    known = chance.random(len(keys)) < 0.3
    columns = {
        "recording": keys,
        "file": chance.permutation(len(keys)) + keys[0],
        "listens": pa.array(listens, mask=~counted),
        "master_bytes": (seconds * kbps * 125).astype(np.int64),
        "access_bytes": (seconds * 75 * 125 * 1.08).astype(np.int64) + 4096,
        "lossless": lossless,
        "publishable": chance.random(len(keys)) < 0.9,
        "copies": pa.array(copies, mask=~known),
    }
    return pa.table(columns, schema=CANDIDATES)


def _peer(candidates: Path) -> None:
    """Sort everything in memory by worth per byte: what planning takes at least, done the plain way."""
    start = time.perf_counter()
    table = parquet.read_table(candidates, columns=["listens", "master_bytes", "access_bytes"])
    listens = table["listens"].fill_null(0).to_numpy()
    cost = np.minimum(table["master_bytes"].to_numpy(), table["access_bytes"].to_numpy())
    order = np.argsort(-(listens / cost), kind="stable")
    np.cumsum(cost[order])
    print(f"the peer, one sort in memory with numpy: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
