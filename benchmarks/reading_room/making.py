"""What is served: an archive with a made-up catalogue and published music; its recordings for Datasette."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from benchmarks.adding import PHONO, new_archive
from benchmarks.catalogue.generate import is_made
from benchmarks.catalogue.placing import place
from benchmarks.measure import command
from benchmarks.music import make_music
from benchmarks.reading_room.servers import DATASETTE
from phonotheque.catalogue import manifest
from phonotheque.catalogue.engine import connect
from phonotheque.catalogue.manifest import Snapshot

_AT_ONCE = 50_000  # rows


def archive_of(folder: Path, tracks: int, songs: int, seed: int) -> Path:
    """Return an archive with a catalogue of so many tracks and so many songs published; made if need be."""
    archive = folder / f"archive-{tracks}-{songs}-{seed}"
    if (archive / "made").exists():
        return archive
    music = make_music(folder, songs=songs, waves=0)
    generated = folder / f"generated-{tracks}-{seed}"
    if not is_made(generated, tracks, seed):
        size = ("--tracks", tracks, "--seed", seed)
        command(sys.executable, "-m", "benchmarks.catalogue.generate", generated, *size)()
    new_archive(archive)
    place(generated, archive / "catalogue")
    for words in (("add", archive, music.songs, "--no-loudness"), ("publish", archive), ("figures", archive)):
        print(f"phono {words[0]} …", file=sys.stderr, flush=True)
        subprocess.run([*PHONO, *map(str, words)], stdout=subprocess.DEVNULL, check=True)
    (archive / "made").touch()
    return archive


def snapshot_of(archive: Path) -> Snapshot:
    """Return the snapshot of an archive that was made here."""
    snapshot = manifest.current(archive / "catalogue")
    assert snapshot is not None
    return snapshot


def datasette_of(folder: Path, archive: Path, tracks: int, seed: int) -> Path | None:
    """Return the recordings of an archive as a database with a full-text index; None without Datasette."""
    if not DATASETTE.exists():
        return None
    database = folder / f"datasette-{tracks}-{seed}" / "recordings.db"
    if database.exists():
        return database
    database.parent.mkdir(exist_ok=True)
    partial = database.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    table = str(snapshot_of(archive).table("recordings"))
    with closing(sqlite3.connect(partial)) as made, closing(connect(memory_limit="2GB")) as engine:
        made.execute(
            "CREATE TABLE recordings "
            "(number INTEGER PRIMARY KEY, id, title, credit, date, duration_ms, listens)"
        )
        rows = engine.execute(
            "SELECT recording, id::VARCHAR, title, credit, date, duration_ms, listens FROM read_parquet(?)",
            [table],
        )
        while some := rows.fetchmany(_AT_ONCE):
            made.executemany("INSERT INTO recordings VALUES (?, ?, ?, ?, ?, ?, ?)", some)
        made.execute(
            "CREATE VIRTUAL TABLE recordings_fts USING fts5 (title, credit, content='recordings', "
            "content_rowid='number')"
        )
        made.execute("INSERT INTO recordings_fts (recordings_fts) VALUES ('rebuild')")
        made.commit()
    partial.rename(database)
    return database
