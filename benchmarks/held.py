"""An archive that holds all the music and can be put back to where nothing of it was published."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.adding import PHONO, new_archive
from benchmarks.measure import command
from benchmarks.music import Music
from phonotheque.vault.incoming import incoming_path


@dataclass(frozen=True, slots=True)
class Held:
    """An archive, and a copy of all of it but the masters, as it was before publishing."""

    archive: Path
    before: Path

    def publish(self) -> None:
        """Publish all of it, from before."""
        self.unpublish()
        command(*PHONO, "publish", self.archive)()

    def unpublish(self) -> None:
        """Put every master back where it waited for a bag, under its only name, and forget the rest."""
        incoming = self.archive / "vault" / "incoming"
        for manifest in self.archive.glob("vault/bags/*/manifest-sha256.txt"):
            if manifest.parent.name.endswith("-catalogue"):
                continue
            for line in manifest.read_text(encoding="utf-8").splitlines():
                sha256, path = line.split(maxsplit=1)
                place = incoming_path(incoming, sha256)
                place.parent.mkdir(exist_ok=True)
                (manifest.parent / path).rename(place)
        for entry in self.archive.iterdir():
            if entry.is_dir() and entry.name != "vault":
                shutil.rmtree(entry)
        shutil.rmtree(self.archive / "vault" / "bags", ignore_errors=True)
        shutil.copytree(self.before, self.archive, dirs_exist_ok=True)


def hold(music: Music, folder: Path) -> Held:
    """Take all songs and waves into a new archive."""
    held = Held(folder / "held", folder / "held-before")
    new_archive(held.archive)
    for source in (music.songs, music.waves):
        command(*PHONO, "add", held.archive, source, "--no-loudness")()
    shutil.rmtree(held.before, ignore_errors=True)
    shutil.copytree(held.archive, held.before, ignore=shutil.ignore_patterns("vault"))
    return held
