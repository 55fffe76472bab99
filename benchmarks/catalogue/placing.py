"""A generated catalogue put where the program looks for what sources said, and whether it has room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.catalogue.facts import ACCESSIONS
from benchmarks.catalogue.generate import BYTES_A_TRACK
from phonotheque.catalogue import datasets
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.manifest import TableFile, hash_file

# What a track takes on the disk beside its facts while a snapshot is made: its tables, the engine's own, and
# what does not fit into memory. Measured at ten million tracks: 420 within 1 GB; 320 where little is spilled.
_MEANWHILE = 440
_TAKEN_AT = "2026-11-01T00:00:00+00:00"


def room_needed(tracks: int, *, generated: bool) -> int:
    """Return how many bytes a run of that size may need at once, about; fewer if its facts are there."""
    return tracks * (_MEANWHILE + (0 if generated else BYTES_A_TRACK))


def room(folder: Path) -> int:
    """Return how many bytes are free where a folder is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def place(generated: Path, catalogue: Path) -> None:
    """Make datasets of generated files, under other names of the same files: nothing is copied."""
    for source, accession in ACCESSIONS.items():
        making = datasets.making_folder(catalogue, source)
        if making.exists():
            shutil.rmtree(making)
        making.mkdir(parents=True)
        parts = {table: tuple(_linked(generated / source, making, table)) for table in ("facts", "listens")}
        dataset = Dataset(making, source, "generated", accession, _TAKEN_AT)
        datasets.put(catalogue, making, dataset, parts)


def _linked(folder: Path, making: Path, table: str) -> Iterable[TableFile]:
    for path in sorted(folder.glob(f"{table}-*.parquet")):
        os.link(path, making / path.name)
        rows = pq.read_metadata(path).num_rows
        yield TableFile(path.name, hash_file(path), path.stat().st_size, rows)
