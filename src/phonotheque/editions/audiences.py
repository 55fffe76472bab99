"""For whom something may be published: for everybody, or for people in a territory that the settings name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from phonotheque.model.errors import UsageError
from phonotheque.model.rights import Act, Answer, Statement
from phonotheque.model.settings import Settings
from phonotheque.model.territory import COUNTRIES, WORLD, Territory, parse_territory
from phonotheque.rights.decide import allowed_in, decide


def audiences_of(settings: Settings) -> tuple[Territory, ...]:
    """Return whom the archive publishes for, the most people first: everybody, and who is listed.

    Raises UsageError for a setting that names no territory.
    """
    found = {WORLD}
    for text in settings.publish.audiences:
        try:
            where = parse_territory(" ".join(text.replace("+", " ").split()))
        except ValueError as error:
            raise UsageError(
                f"[publish] audiences: {error}.", 'Write it like ["EU", "DE FR", "WORLD -US"].'
            ) from error
        if not where:
            raise UsageError("[publish] audiences: one of them is empty.", "Leave it out.")
        found.add(where)
    return tuple(sorted(found, key=lambda where: (-size_of(where), str(where))))


def audience_for(allowed: Territory, audiences: Iterable[Territory]) -> Territory | None:
    """Return the first of these audiences that lies in where something is allowed; None: it stays here."""
    return next((audience for audience in audiences if audience <= allowed), None)


def allowed_audience(
    statements: Sequence[Statement], audiences: Sequence[Territory], on: date
) -> Territory | None:
    """Return whom something may be distributed to on a day, of these audiences; None: it stays here."""
    if decide(statements, Act.DISTRIBUTE, on=on).answer is Answer.YES:
        return WORLD
    if len(audiences) < 2:
        return None
    return audience_for(allowed_in(statements, Act.DISTRIBUTE, on=on), audiences)


def size_of(where: Territory) -> int:
    """Return how many countries a territory has, as a measure of how many people may have something."""
    return len(COUNTRIES - where.codes) + 1 if where.all_but else len(where.codes)
