"""An archive whose bags and public tree go to a storage, run by the command line as users have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.endtoend.commands import Done
from tests.endtoend.small_music import write_album
from tests.storage.forked import run

EPOCH = {"SOURCE_DATE_EPOCH": "1795256100"}
FIRST, SECOND = "2026-11-20", "2026-11-21"


@dataclass(frozen=True)
class Kept:
    """An archive, and what the environment of its commands holds."""

    folder: Path
    music: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def phono(self, command: str, *words: object, code: int | None = 0) -> Done:
        """Run a command on the archive."""
        done = run(command, self.folder, *words, env={**EPOCH, **self.env})
        assert code in (None, done.code), f"phono {command} ended with {done.code}:\n{done.out}{done.err}"
        return done

    def settings(self, **storage: str) -> None:
        """Write the section [storage]."""
        file = self.folder / "phonotheque.toml"
        text = file.read_text(encoding="utf-8").partition("\n[storage]")[0]
        lines = "".join(f'{key} = "{value}"\n' for key, value in storage.items())
        file.write_text(f"{text}\n[storage]\n{lines}", encoding="utf-8")


def make(place: Path, *, url: str = "", env: Mapping[str, str] = {}, tracks: int = 3) -> Kept:
    """Make an archive and take some music in."""
    kept = Kept(place / "archive", place / "music", env)
    write_album(kept.music / "first", "The First", tracks=tracks, seed=1)
    kept.phono("init", "--name", "Kept far away", "--mandate", "Tests keep what they make.", "--url", url)
    kept.phono("add", kept.music / "first")
    return kept


def payload(archive: Path) -> list[Path]:
    """Return what lies below ``data/`` of the bags in the archive's folder."""
    return [file for file in (archive / "vault" / "bags").glob("*/data/**/*") if file.is_file()]
