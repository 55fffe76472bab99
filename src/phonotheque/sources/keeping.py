"""What of the files taken in may be kept: by the decisions, once all that is stated of them is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from phonotheque.ledger.agreements import keepable_in
from phonotheque.ledger.files import let_go
from phonotheque.ledger.statements import decided_files
from phonotheque.model.rights import Act, Answer
from phonotheque.model.settings import Settings
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path

NOT_KEPT = "not kept: what is stated of it does not allow that (see phono rights explain)"


def keepable(ledger: Connection, settings: Settings, among: Collection[int]) -> set[int]:
    """Return which of these files the decisions allow to preserve where the archive is."""
    country = settings.archive.country
    return decided_files(ledger, Act.PRESERVE, among=among) | keepable_in(ledger, country, among)


def expected_keepable(ledger: Connection, settings: Settings, among: Collection[int]) -> set[int]:
    """Return which of these files may be kept, as it seems before they are read: a mandate may be new."""
    if settings.mandate.preserve.strip():
        return set(among) - decided_files(ledger, Act.PRESERVE, Answer.NO, among=among)
    return keepable(ledger, settings, among)


def let_go_unkeepable(archive: Archive, ledger: Connection, new: Mapping[int, str]) -> set[int]:
    """Hold none of the files newly taken in that may not be kept; return which. ``new``: SHA-256 by id.

    That a path's tags and notes allow it is not all: something may have been withdrawn or retracted since.
    Only bytes that no transaction has acknowledged yet are removed.
    """
    gone = set(new) - keepable(ledger, archive.settings, new.keys())
    let_go(ledger, gone)
    for file_id in gone:
        incoming_path(archive.incoming, new[file_id]).unlink(missing_ok=True)
    return gone
