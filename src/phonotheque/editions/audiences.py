"""For whom something may be published: for everybody, or for people in a territory that the settings name."""

from __future__ import annotations

from collections.abc import Iterable

from phonotheque.model.errors import UsageError
from phonotheque.model.settings import Settings
from phonotheque.model.territory import COUNTRIES, WORLD, Territory, parse_territory


def audiences_of(settings: Settings) -> tuple[Territory, ...]:
    """Return whom the archive publishes for, the most people first: everybody, and who is listed.

    Raises UsageError for a setting that names no territory.
    """
    found = {WORLD}
    for text in getattr(settings.publish, "audiences", ()):
        try:
            where = parse_territory(" ".join(text.replace("+", " ").split()))
        except ValueError as error:
            raise UsageError(
                f"[publish] audiences: {error}.", 'Write it like ["EU", "DE FR", "WORLD -US"].'
            ) from error
        if not where:
            raise UsageError("[publish] audiences: one of them is empty.", "Leave it out.")
        found.add(where)
    return tuple(sorted(found, key=lambda where: (-_size(where), str(where))))


def audience_for(allowed: Territory, audiences: Iterable[Territory]) -> Territory | None:
    """Return the first of these audiences that lies in where something is allowed; None: it stays here."""
    return next((audience for audience in audiences if audience <= allowed), None)


def _size(where: Territory) -> int:
    return len(COUNTRIES - where.codes) + 1 if where.all_but else len(where.codes)
