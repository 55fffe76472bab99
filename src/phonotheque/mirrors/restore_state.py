"""Where a restore begins, how far it is, and behind what it may not go back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from sqlalchemy import select

from phonotheque.editions.edition import Edition
from phonotheque.ledger.bags import latest_edition
from phonotheque.ledger.schema import accessions, bags, editions
from phonotheque.mirrors.follow import EDITION, Followed
from phonotheque.mirrors.restore_settings import written_settings
from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.model.settings import Layer, Settings
from phonotheque.vault.archive import LEDGER_FILE, RESTORED_FILE, Archive, is_half_restored, settings_of
from phonotheque.vault.place import write_durably

FORMAT: Final = "phonotheque-restore/1"
WORK: Final = "restoring"  # a folder beside it: what is trusted of the mirrors


def take_up(folder: Path) -> Settings:
    """Take up a folder: a new one, one that an earlier run began, or an archive that has lost its ledger."""
    folder.mkdir(parents=True, exist_ok=True)
    settings, begun = written_settings(folder), (folder / RESTORED_FILE).exists()
    if settings is None:
        there = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
        if not begun and there not in ([], [WORK]):  # that is left of a first contact that failed
            raise UsageError(f"{folder} holds other files.", "Choose a new folder for the restored archive.")
        return settings_of(Layer("", {}))
    if settings.mirror.origin:
        raise UsageError(
            f"{folder} is a mirror.", "Restore from it into a new folder; to mend it: phono repair"
        )
    if not begun and not settings.ledger.url and (folder / LEDGER_FILE).exists():
        raise UsageError(
            f"{folder} is an archive, and has its ledger.",
            f"If bags are missing or damaged there: phono repair {folder} --from MIRROR",
        )
    return settings


def demand_own_ledger(archive: Archive) -> None:
    """Refuse a database that is in use, unless an earlier run began there. Raises UsageError.

    It may be set for all that somebody does, and be another archive's; or this one's, which is not lost then.
    """
    if not archive.settings.ledger.url or (archive.folder / RESTORED_FILE).exists():
        return
    with archive.ledger.connect() as ledger:
        for table in (accessions, bags, editions):
            if ledger.execute(select(table).limit(1)).first() is not None:
                raise UsageError(
                    f"The ledger that [ledger] url names for {archive.folder} is in use by an archive.",
                    "Name an empty database. If it is this archive's own, and bags are missing or damaged: "
                    f"phono repair {archive.folder} --from MIRROR",
                )


def note_state(archive: Archive, followed: Followed, *, finished: bool) -> None:
    """Note how far it is: until it has ended, no other command takes the folder for an archive."""
    state = {"format": FORMAT, "edition": followed.edition.number, "sha256": followed.sha256}
    text = json.dumps(state | {"finished": finished}) + "\n"
    write_durably(archive.folder / RESTORED_FILE, text.encode())


def knows_already(archive: Archive, edition: Edition) -> bool:
    """Tell whether a restore came to its end before, and the ledger knows all that the edition says."""
    try:
        if not (archive.folder / RESTORED_FILE).exists() or is_half_restored(archive.folder):
            return False
    except VerificationError:
        return False  # it is written anew
    with archive.ledger.connect() as ledger:
        latest = latest_edition(ledger)
    return latest is not None and latest.number == edition.number


def demand_no_older(archive: Archive, followed: Followed) -> None:
    """Refuse to go back behind what this archive has published itself: what it took back would be back.

    Raises VerificationError. What its public tree says counts although nothing there verifies any more.
    """
    number = followed.edition.number
    said, known = _said_here(archive.public / "targets" / EDITION), None
    if archive.settings.ledger.url or (archive.folder / LEDGER_FILE).exists():
        with archive.ledger.connect() as ledger:
            known = latest_edition(ledger)
    newest = max(said, known.number if known else 0)
    if number < newest:
        raise VerificationError(
            f"{archive.folder} has published edition {newest}; the newest that verifies is edition {number}, "
            "and what was taken back since then would come back.",
            f"Name a mirror that has edition {newest}. If there is none any more: restore into a new folder.",
        )
    if known is not None and known.number == number and known.sha256 != followed.sha256:
        raise VerificationError(
            f"{archive.folder} has published another edition {number} than these mirrors hold.",
            "Restore theirs into a new folder.",
        )


def _said_here(path: Path) -> int:
    """Return the number of the edition that a public tree says it is, 0 if it says none."""
    try:
        said = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return 0
    number = said.get("number") if isinstance(said, dict) else None
    return number if isinstance(number, int) else 0
