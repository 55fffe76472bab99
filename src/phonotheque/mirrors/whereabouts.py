"""Where a mirror is, and what follows from it: which bags it may hold, which withdrawals concern it."""

from __future__ import annotations

from collections.abc import Iterable

from phonotheque.editions.edition import BagEntry, Tombstone
from phonotheque.model.territory import WORLDWIDE, parse_territory


def may_hold(country: str, audience: str) -> bool:
    """Tell whether a mirror in ``country`` ("" where it has not said) may hold what is for ``audience``."""
    territory = parse_territory(audience)
    return territory.worldwide or bool(country and country in territory)


def why_not(country: str, entry: BagEntry) -> str:
    """Return in words why a bag may not be held there."""
    if not country:
        return f"is for {_words(entry.audience)} only; say where this mirror is with --in"
    return f"is for {_words(entry.audience)} only, and this mirror is in {country}"


def concerns(country: str, tombstone: Tombstone) -> bool:
    """Tell whether a withdrawal holds for a mirror in ``country``; one that has not said may be anywhere."""
    territory = parse_territory(tombstone.territory)
    if tombstone.reinstated is not None:
        return False
    return bool(territory) if not country else country in territory


def taken_back(country: str, tombstones: Iterable[Tombstone]) -> dict[str, Tombstone]:
    """Return by SHA-256 which files were withdrawn for a mirror there."""
    return {sha: stone for stone in tombstones if concerns(country, stone) for sha in stone.sha256}


def _words(audience: str) -> str:
    return audience.replace(" -", " but ", 1).replace(" -", ", ") if audience[:5] == WORLDWIDE else audience
