"""phono check against sha256sum -c and bagit.py --validate, on bags whose files are in the page cache."""

from __future__ import annotations

import os
import sys

from benchmarks.adding import PHONO
from benchmarks.held import Held
from benchmarks.measure import Contender, alternate, command
from benchmarks.music import size_of
from benchmarks.publishing import BAGIT
from benchmarks.results import Race, print_heading, print_races

_CHECK, _SHA256SUM = "phono check", "sha256sum -c"


def bench_check(held: Held, rounds: int) -> None:
    """Measure a check of a published archive's bags, warm."""
    held.publish()
    bags = sorted((held.archive / "vault" / "bags").iterdir())
    size = size_of([path for bag in bags for path in bag.rglob("*") if path.is_file()])
    about = f"{len(bags)} bags of a published archive, {size / 1e9:.2f} GB, warm, {rounds} rounds."
    print_heading("check", about)

    def peer(name: str, *words: object) -> Contender:
        runs = [command(*words, cwd=bag) for bag in bags]
        return Contender(name, lambda: [run() for run in runs])

    validate = (sys.executable, BAGIT, "--quiet", "--validate", "--processes")
    cores = os.cpu_count() or 1
    peers = [
        peer(_SHA256SUM, "sha256sum", "--quiet", "-c", "manifest-sha256.txt", "tagmanifest-sha256.txt"),
        peer("bagit.py --validate", *validate, 1, "."),
        peer(f"bagit.py --validate --processes {cores}", *validate, cores, "."),
    ]
    ours = Contender(_CHECK, command(*PHONO, "check", held.archive))
    costs = alternate((ours, *peers), rounds)
    targets = (1.5, None, None)
    print_races(
        [
            Race(_CHECK, rival.name, costs[_CHECK], costs[rival.name], target)
            for rival, target in zip(peers, targets, strict=True)
        ]
    )
