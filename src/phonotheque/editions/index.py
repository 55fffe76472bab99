"""The public index: for every published file, its bag, path, and where its pieces are in the torrent."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection

from phonotheque.editions.sealing import CATALOGUE_WAVE
from phonotheque.ledger.bags import BagRecord, files_in_bag
from phonotheque.model.bags import PIECE
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.place import replace_durably

SCHEMA = pa.schema(
    [
        ("recording", pa.string()),  # public id; null for what belongs to several, as a cover does
        ("bag", pa.string()),
        ("path", pa.string()),  # relative to the bag
        ("size", pa.int64()),
        ("sha256", pa.string()),
        ("pieces_root", pa.string()),  # BEP 52, hex
        ("offset", pa.int64()),  # of the first byte in the torrent's content
        ("first_piece", pa.int32()),
        ("pieces", pa.int32()),
        ("piece_length", pa.int32()),
    ]
)


def write_index(ledger: Connection, bags: list[BagRecord], path: Path) -> None:
    """Write the index of these bags, bag by bag, so that it never has to fit into memory."""
    temporary = path.with_name(f".{path.name}.tmp")
    with pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
        for bag in bags:
            rows = [
                {
                    "recording": entry.recording,
                    "bag": bag.id,
                    "path": entry.path,
                    "size": entry.size,
                    "sha256": entry.sha256,
                    "pieces_root": entry.pieces_root,
                    "offset": entry.first_piece * PIECE,
                    "first_piece": entry.first_piece,
                    "pieces": entry.pieces,
                    "piece_length": PIECE,
                }
                for entry in files_in_bag(ledger, bag.id)
                # Files of a bag that was lost with the ledger are none of its rows, and stay listed.
                if entry.path.startswith(PAYLOAD) and bag.wave != CATALOGUE_WAVE
            ]
            if rows:
                writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
    replace_durably(temporary, path)
