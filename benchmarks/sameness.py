"""python -m benchmarks.sameness: an index of very many fingerprints, and what of real music is found again.

    python -m benchmarks.sameness --recordings 10000000 --folder bench
    python -m benchmarks.sameness --recordings 0 --music /usr/share/games --songs 100

The first makes up fingerprints of the folders' music and measures the index; the second re-encodes, crops and
speeds up real songs, and says what is found of them. Music may be given several times; by default it is what
lies in ../shared/samples/music and in Debian's free music packages, as far as they are installed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import measure
from benchmarks.results import Figure, print_figures, print_heading
from benchmarks.sameness_made_up import BLOCKS, MadeUp, copy_of, shared
from benchmarks.sameness_music import bench_recall, fingerprints_of_music, songs_in
from phonotheque.audio.sameness import COMMON, HITS, align, question, sample
from phonotheque.vault.segment_index import SegmentIndex
from phonotheque.vault.segments import Item

_SETUP = {"made": "up"}
_RUN = 100_000  # recordings in a segment before it is merged with others, as phono add has it
_BYTES, _MS = 320, 50.0  # targets: bytes a recording (40 entries of 8), p95 of a question, warm
PLACES = (
    Path(__file__).parents[2] / "shared" / "samples" / "music",
    Path("/usr/share/hyperrogue/music"),
    Path("/usr/share/games/singularity/music"),
    Path("/usr/share/games/wesnoth/1.16/data/core/music"),
    Path("/usr/share/games/warzone2100/music"),
    Path("/usr/share/games/asc/music"),
    Path("/usr/share/games/marsshooter/music"),
)


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sameness",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recordings", type=int, default=1_000_000, help="0: no index is measured")
    parser.add_argument("--questions", type=int, default=200, help="how many are asked (default: 200)")
    parser.add_argument("--cold", type=int, default=20, help="questions from the disk (default: 20)")
    parser.add_argument("--songs", type=int, default=0, help="real songs that are changed and asked for")
    parser.add_argument("--speeds", type=int, default=0, help="of those, how many at other speeds, too")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--music", type=Path, action="append", help="a folder with real music")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    arguments = parser.parse_args()
    music = songs_in(arguments.music or PLACES)
    if not music:
        parser.error("there is no music to begin with: name a folder with --music")
    with tempfile.TemporaryDirectory(prefix="phonotheque-bench-", dir=arguments.folder) as folder:
        if arguments.recordings:
            real = fingerprints_of_music(music, arguments.workers)
            bench_index(Path(folder), real, arguments.recordings, arguments.questions, cold=arguments.cold)
        if arguments.songs:
            bench_recall(
                Path(folder), music, arguments.songs, speeds=arguments.speeds, workers=arguments.workers
            )


def bench_sameness(songs: Sequence[Path], folder: Path) -> None:
    """Measure an index of a million recordings, and what is found of real music, or else of ``songs``."""
    workers = os.cpu_count() or 1
    music = songs_in(PLACES) or list(songs)
    bench_index(folder, fingerprints_of_music(music, workers), 1_000_000, 200)
    bench_recall(folder, music, 20, speeds=4, workers=workers)


def bench_index(
    folder: Path, real: Sequence[bytes], recordings: int, questions: int, *, cold: int = 20
) -> None:
    """Fill an index with made-up recordings and ask it for copies of some, and for what it has not."""
    print_heading(
        "sameness",
        f"An index of {recordings:,} made-up recordings, {BLOCKS} values each, and {questions} questions: "
        "half of them re-encoded copies of what is in it, half of what is not.",
    )
    made_up = MadeUp(real)
    chance = np.random.default_rng(7)
    wanted = set(chance.choice(recordings, min(questions // 2, recordings), replace=False).tolist())
    known: dict[int, Any] = {}
    making = _Watch()
    shutil.rmtree(folder / "index", ignore_errors=True)
    index = SegmentIndex(folder / "index", _SETUP)

    def fill() -> None:
        for items in making.over(_runs(made_up, recordings, wanted, known)):
            index.add(items, {})
        index.tidy()

    cost = measure(fill)
    building = cost.wall - making.seconds
    strangers = MadeUp(real, seed=2)
    others = next(strangers.chunks(questions - len(known)))
    asked = [(copy_of(values, chance), number) for number, values in known.items()]
    asked += [(strangers.whole(others, row), -1) for row in range(len(others.places))]
    warm = [_ask(index, values) for values, _ in asked for _ in range(2)][1::2]
    found = sum(
        any(id_ == number for id_, _ in hits) for (_, number), (_, hits) in zip(asked, warm, strict=True)
    )
    times = np.array([seconds for seconds, _ in warm]) * 1000
    candidates = np.array([len(hits) for _, hits in warm])
    comparing = _comparing(real) * 1000
    size = index.size / recordings
    whole = times + candidates * comparing
    print_figures(
        [
            Figure("built, recordings a second", f"{recordings / building:,.0f}"),
            Figure("bytes a recording", f"{size:.0f}", f"≤ {_BYTES}", met=size <= _BYTES),
            Figure("segments", str(len(index.manifest.segments))),
            Figure("copies found among candidates", f"{found} of {len(known)}"),
            Figure("asking, warm, p50", f"{np.percentile(times, 50):.1f} ms"),
            Figure(
                "asking, warm, p95",
                f"{np.percentile(times, 95):.1f} ms",
                f"≤ {_MS:.0f} ms",
                met=bool(np.percentile(times, 95) <= _MS),
            ),
            Figure("candidates, p50", f"{np.percentile(candidates, 50):.0f}"),
            Figure("candidates, p95", f"{np.percentile(candidates, 95):.0f}"),
            Figure("comparing one candidate", f"{comparing:.2f} ms"),
            Figure("asking and comparing, warm, p95", f"{np.percentile(whole, 95):.1f} ms"),
            Figure("taking values from a fingerprint", f"{_sampling(real) * 1e6:.0f} µs"),
            Figure("memory at most", f"{_memory():,.0f} MB"),
        ]
    )
    if cold:
        print_figures(_cold_figures(folder / "index", [values for values, _ in asked], cold))
    print(f"Made up in {making.seconds:.0f} s beside. Other programs used {cost.others:.0%} meanwhile.")
    some = next(MadeUp(real, seed=3).chunks(2000))
    rates = shared([made_up.whole(some, row) for row in range(2000)])
    print("Pairs of strangers that share 1, 2, 3 … values: " + _shares(rates))
    print("The same of the real music: " + _shares(shared([np.frombuffer(one, "<u4") for one in real])))


class _Watch:
    """Measures how long an iterator takes for its items."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, items: Iterable[Any]) -> Iterable[Any]:
        source = iter(items)
        while True:
            start = time.perf_counter()
            try:
                item = next(source)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - start
            yield item


def _runs(made_up: MadeUp, recordings: int, wanted: set[int], known: dict[int, Any]) -> Iterable[list[Item]]:
    run: list[Item] = []
    for made in made_up.chunks(recordings):
        values = np.sort(made_up.indexed(made), axis=1)
        distinct = np.ones(values.shape, bool)
        distinct[:, 1:] = values[:, 1:] != values[:, :-1]
        run += [Item(made.first + row, HITS, values[row][distinct[row]]) for row in range(len(values))]
        for number in wanted & set(range(made.first, made.first + len(values))):
            known[number] = made_up.whole(made, number - made.first)
        if len(run) >= _RUN:
            yield run
            run = []
    if run:
        yield run


def _ask(index: SegmentIndex, values: Any) -> tuple[float, list[tuple[int, int]]]:
    start = time.perf_counter()
    (hits,) = index.ask([question(values.tobytes())], common=COMMON)
    return time.perf_counter() - start, [(hit.id, hit.shared) for hit in hits]


def _ask_cold(task: tuple[Path, Any]) -> tuple[float, float]:
    """In a process of its own: how long opening and asking take when nothing of it is in memory."""
    folder, values = task
    for path in folder.glob("*.seg"):
        with path.open("rb") as stream:
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    start = time.perf_counter()
    index = SegmentIndex(folder, _SETUP)
    opened = time.perf_counter() - start
    return opened, _ask(index, values)[0]


def _cold_figures(folder: Path, asked: Sequence[Any], count: int) -> list[Figure]:
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(1, maxtasksperchild=1) as pool:
        step = max(1, len(asked) // count)
        found = pool.map(_ask_cold, [(folder, values) for values in asked[::step][:count]], chunksize=1)
    opening, asking = (np.array(times) * 1000 for times in zip(*found, strict=True))
    return [
        Figure("opening, cold, p95", f"{np.percentile(opening, 95):.1f} ms"),
        Figure("asking, cold, p50", f"{np.percentile(asking, 50):.1f} ms"),
        Figure("asking, cold, p95", f"{np.percentile(asking, 95):.1f} ms"),
    ]


def _comparing(real: Sequence[bytes]) -> float:
    """Return the seconds that one comparison takes, of strangers."""
    some = [one for one in real if sample(one) is not None][:40]
    start = time.perf_counter()
    for a in some:
        for b in some[:20]:
            align(a, b)
    return (time.perf_counter() - start) / (len(some) * len(some[:20]))


def _sampling(real: Sequence[bytes]) -> float:
    start = time.perf_counter()
    for one in real[:100]:
        sample(one)
    return (time.perf_counter() - start) / len(real[:100])


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _shares(rates: dict[int, float]) -> str:
    return json.dumps({str(count): float(f"{rate:.2g}") for count, rate in rates.items()})


if __name__ == "__main__":
    main()
