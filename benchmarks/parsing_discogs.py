"""python -m benchmarks.parsing_discogs SAMPLE.xml.gz [--peer COMMAND …]: reading Discogs on one core.

SAMPLE is a releases file of a dump, or the beginning of one. It is multiplied into a temporary file; every
copy has ids and titles of its own, so that nothing is remembered from one copy to the next that would not be
in a dump. The source reads it in one process: it unpacks, checks, makes display texts and matching keys, and
builds the tables with every record as it came. The peer is another program that reads the file; the path is
added to its command, which runs in a temporary folder. Both run in turns, and processor time is compared.
For example:

    --peer /path/venv/bin/python /path/discogs-xml2db/run.py
"""

from __future__ import annotations

import argparse
import gzip
import re
import subprocess
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import Contender, alternate
from phonotheque.sources.discogs import SOURCE
from phonotheque.sources.gather import Gather

_RELEASE = re.compile(rb"<release .*?</release>", re.DOTALL)
_ID = re.compile(rb'(?<=^<release id=")[0-9]+')
_TITLE_END = re.compile(rb"</title>")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.parsing_discogs", description=__doc__)
    parser.add_argument("sample", type=Path)
    parser.add_argument("--releases", type=int, default=20_000, help="how many to make of it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer", nargs=argparse.REMAINDER, default=[], help="its command; comes last")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dump = folder / "discogs_20000101_releases.xml.gz"
        size = _multiply(given.sample, dump, given.releases)
        releases, tracks = _read(folder, dump)
        contenders = [Contender("phonotheque", lambda: _read(folder, dump))]
        if given.peer:
            command = [*given.peer, str(dump)]
            run = partial(subprocess.run, command, cwd=folder, check=True, capture_output=True)
            contenders.append(Contender("peer", run))
        costs = alternate(contenders, given.rounds)
    print(f"{releases:,} releases, {tracks:,} tracks, {size / 1e6:,.0f} MB; per second of processor time:\n")
    print("| | releases | tracks | MB | seconds |\n|---|---|---|---|---|")
    for name, cost in costs.items():
        rates = (f"{amount / cost.cpu:,.0f}" for amount in (releases, tracks, size / 1e6))
        print(f"| {name} | {' | '.join(rates)} | {cost.cpu:.2f} |")
    if given.peer:
        print(f"\nratio {costs['peer'].cpu / costs['phonotheque'].cpu:.2f}")


def _read(folder: Path, dump: Path) -> tuple[int, int]:
    releases = tracks = 0
    for piece in SOURCE.pieces(folder, dump):
        gather = Gather(SOURCE.name, "a", dump.name)
        SOURCE.read(piece, gather)
        tables = gather.tables()
        releases += len(tables["records"])
        tracks += len(tables["facts"])
    return releases, tracks


def _multiply(sample: Path, dump: Path, releases: int) -> int:
    """Write as many releases as asked for, and return their size in bytes, unpacked."""
    records = _RELEASE.findall(gzip.decompress(sample.read_bytes()))
    if not records:
        raise SystemExit(f"{sample}: there is no release in this file")
    size = 0
    with gzip.open(dump, "wb", compresslevel=6) as file:
        file.write(b"<releases>\n")
        for number in range(releases):
            copy, record = str(number // len(records)).encode(), records[number % len(records)]
            titled = _TITLE_END.sub(b" " + copy + b"</title>", record)
            size += file.write(_ID.sub(str(number + 1).encode(), titled) + b"\n")
        file.write(b"</releases>\n")
    return size


if __name__ == "__main__":
    main()
