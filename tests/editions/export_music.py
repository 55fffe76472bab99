"""An archive with music of every codec and several bases, for tests of what is exported from it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from phonotheque.audio.labels import Labels
from phonotheque.audio.writing import UntaggableError, write_tags
from phonotheque.editions.export.purposes import Purpose, Terms
from phonotheque.editions.export.running import Asked, Exported, Format, export
from phonotheque.ledger.schema import files
from phonotheque.ledger.statements import record_grant, save_decisions, standing_statements
from phonotheque.model.rights import Statement
from phonotheque.rights.decide import decide_everywhere
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from tests.audio.audio_making import (
    AAC,
    AIFF,
    ALAC,
    FLAC,
    MATROSKA,
    MP3,
    OGG_FLAC,
    OPUS,
    WAV,
    WAVPACK,
    WMA,
    music,
    write,
    write_vorbis,
)

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
KINDS = (FLAC, MP3, OPUS, AAC, ALAC, WAV, AIFF, WAVPACK, WMA, OGG_FLAC, MATROSKA)
_LICENCES = ("by", "by-sa", "by-nc", "by-nd")


def write_music(folder: Path) -> None:
    """Write a file of each codec, by turns under four licences."""
    folder.mkdir(parents=True)
    vorbis = write_vorbis(folder / "0.ogg", music(1, seed=100))
    made = [
        vorbis,
        *(write(folder / f"{n}-{kind.name}", kind, music(1, seed=n)) for n, kind in enumerate(KINDS, 1)),
    ]
    for number, path in enumerate(made):
        licence = f"https://creativecommons.org/licenses/{_LICENCES[number % 4]}/4.0/"
        labels = Labels(
            title=f"Song {number}: “{path.suffix}”",
            artist="The Ensemble",
            album="All of them",
            album_artist="The Ensemble",
            track_number=number + 1,
            date="2024",
            isrcs=(f"ZZPHN24{number:05d}",),
            licences=(licence,),
            copyright="2024 The Ensemble",
        )
        try:
            write_tags(path, labels)
        except UntaggableError:
            path.with_name(f"{path.name}.license").write_text(f"{licence}\n")


def take_in(archive: Archive, folder: Path) -> None:
    add_folder(archive, folder)
    rebuild_catalogue(archive, at=NOW)


def ask(purpose: str, form: str = "folder", **more: object) -> Asked:
    terms = {name: more.pop(name) for name in ("territory", "commercial") if name in more}
    return Asked(Terms(Purpose(purpose), NOW.date(), **terms), Format(form), **more)  # type: ignore[arg-type]


def run(archive: Archive, folder: Path, asked: Asked) -> Exported:
    return export(archive, folder, asked, at=NOW)


def state_more(archive: Archive, name: str, statement: Statement) -> None:
    """Record a further statement about the master whose name begins so, and decide anew."""
    with archive.ledger.begin() as ledger:
        found = select(files.c.id).where(files.c.name.startswith(name), files.c.kind == "master")
        (file_id,) = ledger.execute(found).scalars()
        record_grant(ledger, [file_id], statement, at="2026-11-21T00:00:00Z")
        standing = standing_statements(ledger, [file_id])[file_id]
        save_decisions(
            ledger, {file_id: decide_everywhere(standing, on=NOW.date())}, at="2026-11-21T00:00:00Z"
        )


def masters(archive: Archive) -> dict[Path, tuple[str, int, int]]:
    """Every file of the vault with its hash, its number of names and its time of change."""
    found = {}
    for path in (archive.folder / "vault").rglob("*"):
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[path] = (digest, path.stat().st_nlink, path.stat().st_mtime_ns)
    return found


def listed(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What would be another, were a file of the export written again: inode, size, time."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".phonotheque-export" not in path.parts)
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_ino,
            path.stat().st_size,
            path.stat().st_mtime_ns,
        )
        for path in found
    }
