"""Parquet files read from beginning to end, in memory that does not grow with them."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq


def parquet_file(path: str | Path) -> pq.ParquetFile:
    """Open a file for ``iter_batches``. Arrow would keep all that it has read until the file is closed."""
    return pq.ParquetFile(path, pre_buffer=False)
