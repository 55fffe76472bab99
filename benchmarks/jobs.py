"""Jobs and intake: a cluster beside the process pool, what a file costs, two cores beside one, and memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.adding import new_archive
from benchmarks.measure import Contender, alternate, command
from benchmarks.music import Music, files_in
from benchmarks.results import Figure, print_figures, print_heading, print_times
from phonotheque.audio.decode import decode
from phonotheque.jobs.cluster import cluster_pool
from phonotheque.jobs.pool import process_pool, run_batches
from phonotheque.ledger.files import each_file
from phonotheque.ledger.jobs import open_items
from phonotheque.model.progress import QUIET
from phonotheque.sources.folder import FoundFile, walk
from phonotheque.sources.spread import Where, take_in_spread
from phonotheque.sources.take_in import How, TakeIn, take_in
from phonotheque.vault.archive import open_archive

_BATCH = 100
_EMPTY_FILES = 20_000  # that nothing is done with
_SMALL_FILES = 20_000
_TIMES_OVER = 4  # each song: so that starting and ending weigh little
_KILL_EVERY = 10.0  # seconds
_FLAT = 1.1  # times as much memory at the end as after a tenth
_CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    options = dict(host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50)
    with LocalCluster(n_workers=2, threads_per_worker=1, local_directory=sys.argv[1], **options) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


def bench_intake(music: Music, folder: Path, rounds: int) -> None:
    """Measure taking one song in, all parts of it, in one process, beside decoding alone and other tools."""
    about = f"Processor time of taking in one song of 4 minutes, in a running worker, {rounds} rounds."
    print_heading("intake: the cost of a file", about)
    incoming = folder / "incoming"
    songs = {path.suffix: path for path in reversed(files_in(music.songs))}
    columns = [_costs(song, incoming, rounds) for _, song in sorted(songs.items())]
    names = [suffix[1:].upper() for suffix in sorted(songs)]
    print_times(names, {name: [column[name] for column in columns] for name in columns[0]})
    figures = []
    for name, column in zip(names, columns, strict=True):
        alone = column[_INTAKE] / column[_ALONE]
        quiet = column[_QUIET] / column[_ALONE]
        tools = column[_TOOLS] / column[_INTAKE]
        fewest = column[_FEWEST] / column[_INTAKE]
        figures += [
            Figure(f"{name}: times decoding alone", f"{alone:.2f}", "≤ 1.8", alone <= 1.8),
            Figure(f"{name}: times decoding alone, without loudness", f"{quiet:.2f}", "≤ 1.8", quiet <= 1.8),
            Figure(f"{name}: times fewer than a tool for each", f"{tools:.2f}", "≥ 2.0", tools >= 2.0),
            Figure(f"{name}: times fewer than the fewest tools", f"{fewest:.2f}", "", True),
        ]
    print_figures(figures)


_ALONE, _INTAKE, _QUIET = "decoding alone", "whole intake", "whole intake without loudness"
_TOOLS = "a tool for each: ffprobe, ffmpeg into SHA-256, ffmpeg into ebur128, fpcalc, sha256sum"
_FEWEST = "fewest: ffprobe, ffmpeg into ebur128, fpcalc, sha256sum"


def _costs(song: Path, incoming: Path, rounds: int) -> dict[str, float]:
    def fresh() -> None:
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir()

    def taking(*, loudness: bool) -> Callable[[], object]:
        return lambda: take_in([_task(found, incoming, loudness=loudness)])

    def alone() -> None:
        with song.open("rb", buffering=0) as file:
            decode(file, song.stat().st_size, [])

    (found,) = (item for item in _music_in(song.parent) if item.path == os.fsencode(song))
    reading = ("ffmpeg", "-v", "error", "-nostdin", "-i", song, "-map", "0:a")
    samples = command(*reading, "-f", "hash", "-hash", "sha256", "-")
    fewest = [
        command("ffprobe", "-v", "error", "-show_format", "-show_streams", song),
        command(*reading, "-af", "ebur128", "-f", "null", "-"),
        command("fpcalc", song),
        command("sha256sum", song),
    ]
    contenders = (
        Contender(_ALONE, alone),
        Contender(_INTAKE, taking(loudness=True), fresh),
        Contender(_QUIET, taking(loudness=False), fresh),
        Contender(_TOOLS, lambda: [tool() for tool in (samples, *fewest)]),
        Contender(_FEWEST, lambda: [tool() for tool in fewest]),
    )
    return {name: cost.cpu for name, cost in alternate(contenders, rounds).items()}


def bench_jobs(music: Music, folder: Path, rounds: int) -> None:
    """Measure spreading: one process, two, and a cluster of two; work that is nothing; workers killed."""
    songs = list(_music_in(music.songs)) * _TIMES_OVER
    about = f"{len(songs)} songs of 4 minutes taken in, each {_TIMES_OVER} times, {rounds} rounds in turns."
    print_heading("jobs", about)
    with _cluster(folder) as address:
        took = _in_turns(
            {
                "1 process": partial(_take_in_all, songs, folder, Where(1)),
                "2 processes": partial(_take_in_all, songs, folder, Where(2)),
                "2 cluster workers": partial(_take_in_all, songs, folder, Where(cluster=address)),
            },
            rounds,
        )
        scaling = took["1 process"] / took["2 processes"]
        beside = took["2 processes"] / took["2 cluster workers"]
        shared = folder / "shared"
        shared.mkdir(exist_ok=True)
        pools: dict[str, Callable[[], Executor]] = {
            "processes": lambda: process_pool(2),
            "cluster": lambda: cluster_pool(address, shared=shared),
        }
        idle = _in_turns({name: partial(_do_nothing, make) for name, make in pools.items()}, rounds)
        per_file = {name: 1000 * seconds / _EMPTY_FILES for name, seconds in idle.items()}
    figures = [
        Figure(f"songs a second, {name}", f"{len(songs) / s:.2f}", "", True) for name, s in took.items()
    ]
    figures += [
        Figure("2 processes beside 1", f"{scaling:.2f}", "≥ 1.85", scaling >= 1.85),
        Figure("2 cluster workers beside 2 processes", f"{beside:.2f}", "≥ 0.9", beside >= 0.9),
    ]
    figures += [
        Figure(f"ms a file, batches of {_BATCH} that are nothing, {name}", f"{ms:.3f}", "≤ 1", ms <= 1)
        for name, ms in per_file.items()
    ]
    print_figures(figures)
    _bench_killing(music, folder)


def _bench_killing(music: Music, folder: Path) -> None:
    """Take in everything on a cluster while a worker is killed every few seconds."""
    archive = folder / "archive"
    new_archive(archive)
    expected = len(files_in(music.songs)) + len(files_in(music.waves))
    with _cluster(folder) as address, _killing(address) as killed:
        start = time.perf_counter()
        for music_folder in (music.songs, music.waves):
            command(sys.executable, "-m", "benchmarks.only_adding", archive, music_folder, address)()
        seconds = time.perf_counter() - start
    opened = open_archive(archive)
    with opened.ledger.connect() as ledger:
        held = [row.sha256 for row in each_file(ledger, held=True)]
        failed = open_items(ledger)
    opened.ledger.dispose()
    right = len(held) == len(set(held)) == expected and not failed
    print_figures(
        [
            Figure(
                f"workers killed in {seconds:.0f} s, one every {_KILL_EVERY:.0f} s",
                f"{len(killed)}",
                "",
                True,
            ),
            Figure("files in the ledger, each once", f"{len(held)}", f"{expected}", right),
        ]
    )


def bench_memory(folder: Path) -> None:
    """Add very many small files, and look at the memory of all processes meanwhile."""
    small = folder / "small"
    _make_small_files(small, _SMALL_FILES)
    archive = folder / "archive"
    new_archive(archive)
    print_heading("jobs: memory", f"{_SMALL_FILES:,} files of half a second, added by 2 processes.")
    run = [sys.executable, "-m", "benchmarks.only_adding", str(archive), str(small)]
    start = time.perf_counter()
    said = subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    seconds = time.perf_counter() - start
    noted = [json.loads(line) for line in said]
    early = next(note for note in noted if note["files"] >= _SMALL_FILES / 10)
    last = noted[-1]
    figures = [Figure("files a second", f"{last['files'] / seconds:.0f}", "", True)]
    for name in ("main", "workers"):
        grown = last[name] / early[name]
        value = f"{early[name] / 1e6:.0f} MB, then {last[name] / 1e6:.0f} MB"
        figures.append(
            Figure(
                f"memory of {name}, after a tenth and at the end", value, f"≤ {_FLAT} times", grown <= _FLAT
            )
        )
    print_figures(figures)


def nothing(batch: list[int]) -> list[int]:
    """Do nothing with a batch: what is left is what spreading costs."""
    return batch


def _in_turns(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median of the seconds that each takes, by the clock: a cluster's time is not ours."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def _take_in_all(songs: Sequence[FoundFile], folder: Path, where: Where) -> None:
    incoming = folder / "incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir()
    tasks = (_task(found, incoming) for found in songs)
    spread = take_in_spread(tasks, where, incoming=incoming, folder=folder, progress=QUIET)
    done = sum(len(taken) for taken in spread)
    assert done == len(songs)


def _do_nothing(make_pool: Callable[[], Executor]) -> None:
    done = run_batches(nothing, range(_EMPTY_FILES), batch=_BATCH, make_pool=make_pool)
    assert sum(len(batch) for batch in done) == _EMPTY_FILES


def _task(found: FoundFile, incoming: Path, *, loudness: bool = True) -> TakeIn:
    return TakeIn(found, incoming, How.COPY, may_keep=True, loudness=loudness)


def _music_in(folder: Path) -> Iterator[FoundFile]:
    return (item for item in walk(folder) if isinstance(item, FoundFile))


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """Run a scheduler and two workers; give the address. They are no part of what is measured as ours."""
    run = [sys.executable, "-c", _CLUSTER, str(folder / "dask")]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        address = process.stdout.readline().decode().strip()
        assert address, "the cluster did not start"
        try:
            yield address
        finally:
            process.stdin.close()
            process.wait()


@contextmanager
def _killing(address: str) -> Iterator[list[int]]:
    """Kill a worker of the cluster outright, one after the other, every few seconds."""
    from distributed import Client

    killed: list[int] = []
    ended = threading.Event()
    client = Client(address, set_as_default=False)  # type: ignore[no-untyped-call]

    def kill() -> None:
        while not ended.wait(_KILL_EVERY):
            workers = client.run(os.getpid)
            if workers:
                killed.append(sorted(workers.values())[0])
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()
        client.close()  # type: ignore[no-untyped-call]


def _make_small_files(folder: Path, count: int) -> None:
    """Make sounds of half a second, each another, a thousand in a folder."""
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:06}.wav"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(number)
        partial_path = path.with_suffix(".partial")
        with wave.open(str(partial_path), "wb") as file:
            file.setparams((1, 1, 8000, 0, "NONE", "not compressed"))
            file.writeframes(noise.bytes(4000))
        partial_path.rename(path)
