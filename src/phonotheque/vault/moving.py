"""Moving an archive's ledger into another database: copied, compared, and only then in use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Engine, make_url, text
from sqlalchemy.exc import ArgumentError

from phonotheque.ledger.connect import open_database, shown
from phonotheque.ledger.lock import only_writer
from phonotheque.ledger.move import Copied, copy_ledger
from phonotheque.model.errors import UsageError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import LEDGER_FILE, SETTINGS_FILE, Archive, now, timestamp
from phonotheque.vault.place import replace_durably
from phonotheque.vault.settings_file import set_in_file

IN_ENVIRONMENT = "PHONOTHEQUE_LEDGER_URL"  # where it is set, no file counts


@dataclass(frozen=True, slots=True)
class Moved:
    """Where the ledger was and is; ``copied`` is None where it was there already.

    ``settings`` is the file that now says so, None where the environment says where the ledger is: then
    ``url`` is for whoever set it there. ``kept`` is where the old ledger is now, unchanged.
    """

    source: str
    target: str
    copied: Copied | None
    url: str
    settings: Path | None
    kept: str


def move_ledger(archive: Archive, url: str, progress: Progress = QUIET) -> Moved:
    """Copy the ledger to ``url``, compare, and use it from then on; the old one stays, under another name.

    ``sqlite:`` stands for the file in the archive's folder. Can be interrupted and run again. Raises what
    ``ledger.move.copy_ledger`` raises, and UsageError for an address that holds a password.
    """
    address = _address(archive, url)
    with archive.writing("ledger move"):
        source, target = archive.ledger, open_database(address)
        try:
            copied = None if _same(source, target) else _copied(archive, target, progress)
        finally:
            target.dispose()
            source.dispose()
        written = _as_set(archive, address)
        settings, kept = None, shown(source)
        if IN_ENVIRONMENT not in os.environ:
            settings = archive.folder / SETTINGS_FILE
            if archive.settings.ledger.url != written:
                set_in_file(settings, "ledger", "url", written)
            if written and (copied is None or _is_in_folder(archive, source)):
                kept = _put_aside(archive) or kept
        return Moved(shown(source), shown(target), copied, written, settings, kept)


def _copied(archive: Archive, target: Engine, progress: Progress) -> Copied:
    if archive.ledger.dialect.name == "sqlite":
        with archive.ledger.connect() as ledger:  # the file is to be whole without its log
            ledger.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    with only_writer(target, "ledger move"):
        return copy_ledger(
            archive.ledger,
            target,
            owner=archive.settings.archive.id or str(archive.folder.resolve()),
            agent=archive.settings.archive.agent,
            at=timestamp(now()),
            progress=progress,
        )


def _same(one: Engine, other: Engine) -> bool:
    if one.dialect.name == other.dialect.name == "sqlite":
        return Path(str(one.url.database)).resolve() == Path(str(other.url.database)).resolve()
    return shown(one) == shown(other)


def _is_in_folder(archive: Archive, ledger: Engine) -> bool:
    return ledger.dialect.name == "sqlite" and Path(str(ledger.url.database)).resolve() == _in_folder(archive)


def _in_folder(archive: Archive) -> Path:
    return archive.folder.resolve() / LEDGER_FILE


def _address(archive: Archive, url: str) -> URL:
    if url == "sqlite:":
        return URL.create("sqlite", database=str(_in_folder(archive)))
    try:
        address = make_url(url)
    except ArgumentError as error:
        advice = "Write it like postgresql://user@host/name."
        raise UsageError(f"The address cannot be used: {error}.", advice) from error
    if address.password is not None or "password" in address.query:
        advice = "Put it into ~/.pgpass or the environment (PGPASSWORD), and leave it out here."
        raise UsageError("An address is kept in the settings: a password does not belong into it.", advice)
    if address.get_backend_name() == "sqlite":
        if not address.database or address.database == ":memory:":
            raise UsageError("The address names no file.", "Write it like sqlite:////folder/name.sqlite.")
        return address.set(database=str(Path(address.database).resolve()))
    return address


def _as_set(archive: Archive, address: URL) -> str:
    """Return the setting for an address: none for the file in the folder, so that the folder may be moved."""
    if address.database == str(_in_folder(archive)):
        return ""
    return address.render_as_string(hide_password=False)


def _put_aside(archive: Archive) -> str | None:
    """Rename the file in the folder, which is not in use any more: nobody shall take it for the ledger."""
    path = archive.folder / LEDGER_FILE
    if not path.exists():
        return None
    kept = archive.folder / f"ledger.moved-{now():%Y-%m-%dT%H%M%SZ}.sqlite"
    for end in ("-wal", "-shm", ""):  # the first two only while somebody still reads it
        if (part := path.with_name(path.name + end)).exists():
            replace_durably(part, kept.with_name(kept.name + end))
    return str(kept)
