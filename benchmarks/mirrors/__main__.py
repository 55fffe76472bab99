"""python -m benchmarks.mirrors: one publisher and five mirrors on a network; a mirror with many bags.

    python -m benchmarks.mirrors five --size 200MB
    python -m benchmarks.mirrors many --bags 1000

Five mirrors are filled by Phonotheque, by Transmission, and by rsync and curl one after another, over the
same line of the publisher's. Many bags are held by Phonotheque and by Transmission. Needs root.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import adopt_orphans
from benchmarks.mirrors.five import bench_five
from benchmarks.mirrors.many import bench_many
from phonotheque.model.sizes import parse_size
from tests.network.lab import why_not

_STEPS = ("five", "many")


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mirrors",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help=f"which of {', '.join(_STEPS)}; all by default"
    )
    parser.add_argument("--size", default="200MB", help="of what is published, about (default: 200MB)")
    parser.add_argument("--rate", type=int, default=320, help="Mbit/s of the publisher's line (default: 320)")
    parser.add_argument("--bags", type=int, default=1000, help="that one mirror holds (default: 1000)")
    parser.add_argument(
        "--folder", type=Path, help="where to work; what is published there is made only once"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.steps) - set(_STEPS):
        parser.error(f"there is no step {', '.join(sorted(unknown))}")
    steps = arguments.steps or list(_STEPS)
    if "five" in steps and (reason := why_not()):
        sys.exit(reason)
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="phonotheque-bench-") as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if "five" in steps:
            bench_five(folder, parse_size(arguments.size), arguments.rate)
        if "many" in steps:
            bench_many(folder, arguments.bags)


if __name__ == "__main__":
    main()
