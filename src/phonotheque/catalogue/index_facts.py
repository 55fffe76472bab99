"""What facts say beyond the row of their recording: other titles and credits, and more ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.streaming import parquet_file

_BATCH = 100_000  # rows
_NONE = 2**32 - 1  # no recording
# By what titles and credits are held to be other ones. It is the same within one run.
_HASH = "(hash(lower(title), lower(credit)) & 4294967295)::UINTEGER"
_TABLES = """
    CREATE OR REPLACE MACRO uuid_key(id) AS (('0x' || replace(left(id, 18), '-', ''))::UBIGINT >> 1)::BIGINT;
    CREATE OR REPLACE MACRO name_key(name) AS (md5_number_lower(name) >> 1)::BIGINT;
    CREATE TABLE other (recording BIGINT, hash UINTEGER, title VARCHAR, credit VARCHAR);
    CREATE TABLE said (recording BIGINT, key BIGINT);
"""
_RECORDINGS = f"SELECT recording, {_HASH} AS hash FROM read_parquet($path)"  # noqa: S608 — of our own
_FACTS = f"""
    SELECT file_row_number AS place, title, credit, {_HASH} AS hash,
           uuid_key(recording_mbid) AS recording_key, uuid_key(track_mbid) AS track_key
    FROM read_parquet($path, file_row_number = true)
"""  # noqa: S608 — of our own
OTHERS = "SELECT recording, hash, title, credit FROM other ORDER BY recording"


def compare(scratch: duckdb.DuckDBPyConnection, snapshot: Snapshot, advance: Callable[[int], None]) -> None:
    """Leave in ``scratch`` the tables ``other`` (titles and credits) and ``said`` (keys of more ids).

    Takes four bytes of memory a track and four a recording: rows of facts lie in no order of recordings.
    """
    scratch.execute(_TABLES)
    recordings = _recordings_of_facts(snapshot)
    hashes = np.zeros(snapshot.counts["recordings"], np.uint32)
    for batch in _stream(scratch, _RECORDINGS, snapshot.table("recordings")):
        hashes[batch["recording"].to_numpy()] = batch["hash"].to_numpy()
    first = 0
    with scratch.cursor() as writer:
        for part in snapshot.tables["facts"]:
            for batch in _stream(scratch, _FACTS, snapshot.path / part.file):
                _compare(writer, batch, recordings[first + batch["place"].to_numpy()], hashes)
                advance(batch.num_rows)
            first += part.rows


def _recordings_of_facts(snapshot: Snapshot) -> npt.NDArray[np.uint32]:
    recordings = np.full(snapshot.counts["facts"], _NONE, np.uint32)
    with parquet_file(snapshot.table("tracks")) as tracks:
        for batch in tracks.iter_batches(_BATCH, columns=["recording", "fact"]):
            recordings[batch["fact"].to_numpy()] = batch["recording"].to_numpy()
    return recordings


def _stream(scratch: duckdb.DuckDBPyConnection, query: str, path: Path) -> pa.RecordBatchReader:
    return scratch.sql(query, params={"path": str(path)}).to_arrow_reader(_BATCH)


def _compare(
    writer: duckdb.DuckDBPyConnection,
    facts: pa.RecordBatch,
    recordings: npt.NDArray[np.uint32],
    hashes: npt.NDArray[np.uint32],
) -> None:
    known = recordings != _NONE
    differs = known.copy()
    differs[known] = hashes[recordings[known]] != facts["hash"].to_numpy()[known]
    _insert(writer, "other", facts.select(["hash", "title", "credit"]), recordings, differs)
    for column in ("recording_key", "track_key"):
        said = known & facts[column].is_valid().to_numpy(False)
        _insert(writer, "said", facts.select([column]), recordings, said)


def _insert(
    writer: duckdb.DuckDBPyConnection,
    table: str,
    columns: pa.RecordBatch,
    recordings: npt.NDArray[np.uint32],
    which: npt.NDArray[np.bool_],
) -> None:
    if which.any():
        batch = pa.table([pa.array(recordings), *columns.columns], ["recording", *columns.schema.names])
        writer.register("batch", batch.filter(pa.array(which)))
        writer.execute(f"INSERT INTO {table} FROM batch")
        writer.unregister("batch")
