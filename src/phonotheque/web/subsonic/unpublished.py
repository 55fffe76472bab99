"""What may be heard and is in no bag: music under agreements that allow listening, and no sharing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row, exists, select

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.scratch import open_tables, scratch
from phonotheque.editions.entries import Chosen, extension_of, people_path, record_of
from phonotheque.ledger.agreement_tables import granted_files
from phonotheque.ledger.schema import bag_files, files
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.rights import WORLDWIDE
from phonotheque.vault.archive import Archive
from phonotheque.web.subsonic.lines import Sound, sound

UNPUBLISHED: Final = 0  # in place of an edition
_NAMED: Final = (
    "SELECT sha256, recordings.id FROM files JOIN wanted USING (sha256) JOIN recordings USING (recording)"
)


def unpublished(archive: Archive, snapshot: Snapshot, most: int) -> Iterator[Sound]:
    """Yield the masters under agreements that no bag has, the newest first, so many of them.

    Whether they may be heard, and where, is not looked at.
    """
    bagged = exists().where(bag_files.c.file_id == files.c.id)
    granted = select(granted_files.c.file_id)
    wanted = (
        select(files.c.id, files.c.sha256)
        .where(files.c.id.in_(granted), files.c.kind == "master", files.c.held, ~bagged)
        .order_by(files.c.id.desc())
        .limit(most)
    )
    with archive.ledger.connect() as ledger:
        hashes = {row.sha256: row.id for row in ledger.execute(wanted)}
        if not hashes:
            return
        named = _recordings(archive, snapshot, list(hashes))  # in one pass over the catalogue's files
        for some in batched((hashes[sha256] for sha256 in named), IN_A_STATEMENT):
            for row in ledger.execute(select(files).where(files.c.id.in_(some))).all():
                yield sound(_line(row, named[row.sha256]), UNPUBLISHED, WORLDWIDE)


def _recordings(archive: Archive, snapshot: Snapshot, hashes: list[str]) -> dict[str, str]:
    with scratch("naming what is in no bag", archive.folder) as engine:
        open_tables(engine, snapshot, "files", "recordings")
        engine.register("wanted", pa.table({"sha256": pa.array(hashes, pa.string())}))
        return dict(engine.execute(_NAMED).fetchall())


def _line(row: Row[Any], recording: str) -> dict[str, Any]:
    facts = record_of(Chosen(row, row, recording, None, (), {}, Path()))
    told = {"path": people_path(row, extension_of(row)), "size": row.size, "sha256": row.sha256}
    line: dict[str, Any] = json.loads(json.dumps({**facts, **told}))
    return line
