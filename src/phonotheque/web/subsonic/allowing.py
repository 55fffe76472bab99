"""Where what is on the shelves may be heard, as it stands when they are filled.

An archive's ledger says so, decisions made since the edition included; on a mirror the bags say so, and the
edition what was taken back. Who asks for the sound is answered by what holds at that moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import select

from phonotheque.editions.edition import Edition
from phonotheque.ledger.held import where_allowed
from phonotheque.ledger.holdings import HoldingState, all_holdings, verified_files
from phonotheque.ledger.schema import files
from phonotheque.mirrors.whereabouts import taken_back
from phonotheque.model.rights import Act
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.web.subsonic.lines import Sound


class Allowing(Protocol):
    """Says where sounds may be heard."""

    def where(self, bag: str, sounds: Sequence[Sound]) -> dict[str, str]:
        """Return, by the SHA-256 of those that may be heard somewhere, where (model.territory)."""


def allowing_in(archive: Archive, edition: Edition) -> Allowing:
    """Return who says so in an archive, or on a mirror."""
    return _Bags(archive, edition) if archive.is_mirror else _Ledger(archive)


class _Ledger:
    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def where(self, bag: str, sounds: Sequence[Sound]) -> dict[str, str]:
        masters = {sound.master for sound in sounds}
        query = select(files.c.id, files.c.sha256).where(files.c.sha256.in_(masters))
        with self._archive.ledger.connect() as ledger:
            named = {row.sha256: row.id for row in ledger.execute(query)}
            allowed = where_allowed(ledger, Act.STREAM, named.values())
        found = {sound.sha256: allowed.get(named.get(sound.master, -1)) for sound in sounds}
        return {sha256: where for sha256, where in found.items() if where is not None}


class _Bags:
    def __init__(self, mirror: Archive, edition: Edition) -> None:
        self._mirror = mirror
        self._gone = taken_back("", edition.tombstones)
        with mirror.ledger.connect() as ledger:
            self._holdings = all_holdings(ledger)

    def where(self, bag: str, sounds: Sequence[Sound]) -> dict[str, str]:
        held = self._held(bag)
        return {
            sound.sha256: sound.audience
            for sound in sounds
            if sound.heard
            and not {sound.sha256, sound.master} & self._gone.keys()
            and (held is None or PAYLOAD + sound.path in held)
        }

    def _held(self, bag: str) -> frozenset[str] | None:
        """Return the paths that are here of a bag; None for all of them."""
        holding = self._holdings.get(bag)
        if holding is not None and holding.state is HoldingState.COMPLETE:
            return None
        if holding is None or holding.state is not HoldingState.PARTIAL:
            return frozenset()
        with self._mirror.ledger.connect() as ledger:
            return frozenset(verified_files(ledger, bag))
