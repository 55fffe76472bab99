"""Groups of copies: families of many files, and many families, in processor time and memory."""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from benchmarks.results import Figure, print_figures, print_heading
from phonotheque.ledger.connect import connect_file
from phonotheque.ledger.files import start_accession
from phonotheque.ledger.schema import files
from phonotheque.model.batches import batched
from phonotheque.sources.grouping import find_groups
from phonotheque.sources.likeness import PAIRS

_FAMILY = 10_000  # files
_AT = "2026-11-21T10:15:00Z"
_SECONDS, _MEGABYTES = 5.0, 500.0


def bench_duplicates(folder: Path) -> None:
    """Measure grouping files that are made up, each kind of family in a ledger of its own."""
    print_heading(
        "duplicates", f"{_FAMILY:,} files in groups of copies; processor time, memory that is added."
    )
    random = np.random.default_rng(1)
    drawn = np.sort(random.integers(1, _FAMILY + 1, (50 * _FAMILY, 2)))
    one = np.arange(1, _FAMILY)
    cases = {
        "all with equal samples": (1, np.zeros((0, 2), np.int64)),
        "of two sounds that are alike": (2, np.array([[1, 2]])),
        "each like the one before": (_FAMILY, np.stack([one, one + 1], axis=1)),
        "50 likenesses a file, at random": (_FAMILY, drawn[drawn[:, 0] < drawn[:, 1]]),
    }
    figures = []
    for name, (sounds, pairs) in cases.items():
        seconds, megabytes = _group(folder / "duplicates", sounds, pairs, random)
        met = seconds <= _SECONDS and megabytes <= _MEGABYTES
        value = f"{seconds:.2f} s, {megabytes:.0f} MB"
        figures.append(Figure(name, value, f"≤ {_SECONDS:.0f} s, {_MEGABYTES:.0f} MB", met))
    print_figures(figures)


def _group(folder: Path, sounds: int, ends: Any, random: np.random.Generator) -> tuple[float, float]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    pairs = np.zeros(len(ends), PAIRS)
    pairs["earlier"], pairs["later"] = ends[:, 0], ends[:, 1]
    pairs["ber"], pairs["overlap"] = random.uniform(0, 0.2, len(ends)), 900
    engine = connect_file(folder / "ledger.sqlite")
    with engine.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="x", agent="benchmark", at=_AT)
        for rows in batched(_rows(sounds, accession), 1000):
            ledger.execute(insert(files), rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    with engine.connect() as ledger:
        find_groups(ledger, pairs, limit=50)
    seconds = time.process_time() - start
    engine.dispose()
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _rows(sounds: int, accession: str) -> Iterator[dict[str, Any]]:
    for number in range(1, _FAMILY + 1):
        yield {
            "id": number, "sha256": f"{number:064x}", "size": 100 + number % 7, "kind": "master",
            "held": True, "accession_id": accession, "name": "x", "added_at": _AT,
            "pcm_sha256": f"{number % sounds:064x}", "container": "flac", "codec": "flac",
            "duration": 200.0, "sample_rate": 44_100, "channels": 2,
            "bits_per_sample": 16, "lossless": True, "integrity": "intact", "integrity_notes": [], "tags": {},
            "artwork": [],
        }  # fmt: skip
