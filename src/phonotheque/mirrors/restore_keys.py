"""The keys of a restored archive, from a backup: only those that its root names."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tuf.api.metadata import Metadata, Root

from phonotheque.editions.keys import ROLES, own_keys
from phonotheque.model.errors import NotFoundError
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import fsync_dir, fsync_file


@dataclass(frozen=True, slots=True)
class KeyState:
    """Which roles can be signed for: enough keys are here that the newest root names."""

    here: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ROLES

    @property
    def can_publish(self) -> bool:
        """Whether another edition can be signed; the root's key is not needed for that."""
        return set(self.lacking) <= {"root"}


def keys_in(backup: Path) -> list[Path]:
    """Return the keys in a folder. Raises NotFoundError if there are none."""
    named = [path for role in ROLES for path in (backup / f"{role}.pem", *backup.glob(f"{role}-*.pem"))]
    found = [path for path in named if path.is_file()]
    if not found:
        raise NotFoundError(
            f"{backup} holds no keys.", f"They are called {', '.join(f'{role}.pem' for role in ROLES)}."
        )
    return found


def bring_keys(archive: Archive, backup: Path | None) -> KeyState:
    """Put keys back from a folder, where none of that name is here; tell which of them count.

    Raises NotFoundError if there are none in it.
    """
    archive.keys.mkdir(mode=0o700, exist_ok=True)
    if backup is not None:
        for path in keys_in(backup):
            place = archive.keys / path.name
            if not place.exists():
                shutil.copyfile(path, place)
                place.chmod(0o600)
                fsync_file(place)
        fsync_dir(archive.keys)
    return key_state(archive)


def key_state(archive: Archive) -> KeyState:
    """Tell for which roles enough keys are here."""
    roots = sorted(
        (archive.public / "metadata").glob("*.root.json"), key=lambda path: int(path.name.partition(".")[0])
    )
    root = Metadata[Root].from_bytes(roots[-1].read_bytes()).signed
    here = []
    for role in ROLES:
        named = root.roles[role]
        if len(own_keys(archive.keys, role).keys() & set(named.keyids)) >= named.threshold:
            here.append(role)
    return KeyState(tuple(here), tuple(role for role in ROLES if role not in here))
