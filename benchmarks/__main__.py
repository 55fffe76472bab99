"""python -m benchmarks: run all benchmarks, or those that are named, and print their tables."""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from benchmarks.adding import PHONO, bench_add, new_archive
from benchmarks.checking import bench_check
from benchmarks.duplicates import bench_duplicates
from benchmarks.fingerprinting import bench_fingerprint
from benchmarks.held import hold
from benchmarks.jobs import bench_intake, bench_jobs, bench_memory
from benchmarks.measure import adopt_orphans, command
from benchmarks.music import Music, files_in, make_music
from benchmarks.publishing import bench_publish, bench_seal
from benchmarks.sameness import bench_sameness
from benchmarks.stages import bench_stages

_SONGS, _WAVES = 48, 24
_NAMES = (
    "fingerprint", "add", "stages", "intake", "jobs", "memory", "seal", "publish", "check", "sameness",
    "duplicates",
)  # fmt: skip


def main() -> None:
    """Parse the arguments, make what is measured with, and measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which of {', '.join(_NAMES)}; all by default"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run (default: 3)")
    parser.add_argument(
        "--folder", type=Path, help="where to work; kept, so that the music is made only once"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(_NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    names = arguments.names or list(_NAMES)
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        _run(arguments.folder.resolve(), names, arguments.rounds)
        return
    with tempfile.TemporaryDirectory(prefix="phonotheque-bench-") as folder:
        _run(Path(folder), names, arguments.rounds)


def _run(folder: Path, names: list[str], rounds: int) -> None:
    start = time.monotonic()
    adopt_orphans()
    # Compiled modules are kept, as they are wherever Phonotheque is installed and has run once.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    _print_machine()
    music = make_music(folder, songs=_SONGS, waves=_WAVES)
    _warm_up(music, folder)
    print(f"\nMade the music in {time.monotonic() - start:.0f} s.")
    held = cache(lambda: hold(music, folder))
    benchmarks: dict[str, Callable[[], None]] = {
        "fingerprint": lambda: bench_fingerprint(music),
        "add": lambda: bench_add(music, folder, rounds),
        "stages": lambda: bench_stages(music, rounds),
        "intake": lambda: bench_intake(music, folder, rounds),
        "jobs": lambda: bench_jobs(music, folder, rounds),
        "memory": lambda: bench_memory(folder),
        "seal": lambda: bench_seal(music, folder, rounds),
        "publish": lambda: bench_publish(music, folder, held(), rounds),
        "check": lambda: bench_check(held(), rounds),
        "sameness": lambda: bench_sameness(files_in(music.songs), folder),
        "duplicates": lambda: bench_duplicates(folder),
    }
    for name, run in benchmarks.items():
        if name in names:
            run()
    print(f"All of it took {time.monotonic() - start:.0f} s.")


def _warm_up(music: Music, folder: Path) -> None:
    archive = folder / "archive"
    new_archive(archive)
    command(*PHONO, "add", archive, music.demo)()
    command(*PHONO, "publish", archive)()
    command(*PHONO, "check", archive)()


def _print_machine() -> None:
    print(f"{os.cpu_count()} cores, {platform.machine()}, {_system()}, Python {platform.python_version()}")
    ours = (f"{name} {version(name)}" for name in ("phonotheque", "av", "numpy", "libtorrent", "bagit"))
    theirs = (
        _first_line(*words)
        for words in (
            ("ffmpeg", "-version"),
            ("fpcalc", "-version"),
            ("mktorrent", "-h"),
            ("sha256sum", "--version"),
        )
    )
    print(", ".join((*ours, *theirs)), flush=True)


def _system() -> str:
    found = re.search(r'^PRETTY_NAME="?(.*?)"?$', Path("/etc/os-release").read_text(encoding="utf-8"), re.M)
    return found[1] if found else platform.system()


def _first_line(*words: str) -> str:
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    return re.split(r" Copyright| \(FFmpeg| \(c\)", (said.stdout or said.stderr).splitlines()[0])[0]


if __name__ == "__main__":
    main()
