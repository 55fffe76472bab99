"""Shards for training: tar files as WebDataset reads them, or Parquet with the audio in a column.

Files come in one order, that of recordings' ids, and a shard is cut before it would be larger than it may:
the same files give the same shards, to the byte.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.editions.export.telling import Told, as_written
from phonotheque.model.errors import VerificationError
from phonotheque.vault.place import open_regular
from phonotheque.vault.places import let_go

SHARD: Final = 512 * 1024**2  # bytes of audio in one, by default
_FILES: Final = 10_000  # in one, at most
_MEMORY: Final = 64 * 1024**2  # bytes of audio in one row group
# Facts that tables are searched by have a column; all others are in “facts”, as JSON.
_SCHEMA: Final = pa.schema(
    [
        ("recording", pa.string()),
        ("audio", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("title", pa.string()),
        ("artist", pa.string()),
        ("album", pa.string()),
        ("date", pa.string()),
        ("isrcs", pa.list_(pa.string())),
        ("genres", pa.list_(pa.string())),
        ("duration", pa.float64()),
        ("sample_rate", pa.int32()),
        ("channels", pa.int16()),
        ("codec", pa.string()),
        ("licences", pa.list_(pa.string())),
        ("attribution", pa.string()),
        ("sha256", pa.string()),
        ("facts", pa.string()),
    ]
)

Readable = Callable[[Told], Path]  # where a file's bytes can be read now
Write = Callable[[Sequence[Told], Path, Readable], None]


def cut(told: Iterable[Told], most: int) -> Iterator[list[Told]]:
    """Cut what goes out into the contents of shards of at most ``most`` bytes, or of one larger file."""
    shard: list[Told] = []
    size = 0
    for one in told:
        if shard and (size + one.item.size > most or len(shard) == _FILES):
            yield shard
            shard, size = [], 0
        shard.append(one)
        size += one.item.size
    if shard:
        yield shard


def made_from(shard: Sequence[Told]) -> str:
    """Return a hash over all that a shard's bytes follow from."""
    parts = [(one.item.recording, one.made_from, _facts(one)) for one in shard]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write_tar(shard: Sequence[Told], to: Path, readable: Readable) -> None:
    """Write a shard as WebDataset: ``KEY.EXTENSION`` and ``KEY.json`` by recording, with nothing of this
    machine or moment. Raises VerificationError for a file that is not right.
    """
    with to.open("wb") as raw, tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for one in shard:
            with _checked(one, readable(one)) as stream:
                tar.addfile(_member(line_of(one)["path"], one.item.size), cast("IO[bytes]", stream))
            facts = _facts(one).encode()
            tar.addfile(_member(f"{one.item.recording}.json", len(facts)), io.BytesIO(facts))


def write_parquet(shard: Sequence[Told], to: Path, readable: Readable) -> None:
    """Write a shard as Parquet; ``audio`` is as the common loaders of audio sets expect it."""
    with pq.ParquetWriter(to, _SCHEMA, compression="zstd") as writer:
        rows: list[dict[str, Any]] = []
        size = 0
        for one in shard:
            with _checked(one, readable(one)) as stream:
                rows.append(_row(one, stream.read()))
            size += one.item.size
            if size >= _MEMORY:
                writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))
                rows, size = [], 0
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))


def _row(one: Told, content: bytes) -> dict[str, Any]:
    facts = line_of(one)
    same = ("title", "album", "date", "isrcs", "genres", "duration", "sample_rate", "channels", "codec")
    return {
        **{field: facts.get(field) for field in same},
        "recording": one.item.recording,
        "audio": {"bytes": content, "path": facts["path"]},
        "artist": facts.get("credit"),
        "licences": [note.id for note in one.credit.licences],
        "attribution": one.credit.line,
        "sha256": one.item.sha256,
        "facts": _facts(one),
    }


def line_of(one: Told) -> dict[str, Any]:
    """Return the facts of a file in a shard, with its name there."""
    name = f"{one.item.recording}{PurePosixPath(one.item.path).suffix.lower()}"
    return {
        **as_written(one.line, tagged=False),
        "path": name,
        "sha256": one.item.sha256,
        "size": one.item.size,
    }


def _facts(one: Told) -> str:
    return json.dumps(line_of(one), ensure_ascii=False, sort_keys=True)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


@contextmanager
def _checked(one: Told, source: Path) -> Iterator[_Hashing]:
    try:
        with open_regular(source) as raw:
            stream = _Hashing(raw)
            yield stream
    finally:
        let_go(source)
    if stream.digest.hexdigest() != one.item.sha256:
        raise VerificationError(f"{source} is damaged: its SHA-256 is not {one.item.sha256}.")


class _Hashing(io.RawIOBase):
    """A file whose bytes are hashed as they are read."""

    def __init__(self, raw: io.FileIO) -> None:
        super().__init__()
        self._raw = raw
        self.digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Read as a file does."""
        data = self._raw.read(size)
        self.digest.update(data or b"")
        return data or b""
