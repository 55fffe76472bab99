"""Which bags of an edition hold which files, as the edition's index says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.model.errors import VerificationError


def bags_of(index: Path, hashes: Collection[str]) -> dict[str, set[str]]:
    """Return the bags that hold files with these SHA-256, by hash; others are not in the answer.

    The index is read some thousands of rows at a time. Raises VerificationError where it is no index.
    """
    found: dict[str, set[str]] = defaultdict(set)
    if not hashes:
        return found
    wanted = pa.array(sorted(hashes), pa.string())
    try:
        with pq.ParquetFile(index) as table:
            for batch in table.iter_batches(columns=["sha256", "bag"]):
                rows = batch.filter(pc.is_in(batch["sha256"], value_set=wanted))
                for sha256, bag in zip(rows["sha256"].to_pylist(), rows["bag"].to_pylist(), strict=True):
                    found[sha256].add(bag)
    except (pa.ArrowException, KeyError) as error:
        raise VerificationError(f"{index.name} is no index of an edition: {error}.") from error
    return found
