"""Who uses which registrant's ISRCs: the first five characters of a code (ISO 3901)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.scratch import MEMORY, open_tables, rows, scratch

LENGTH: Final = 5  # characters of an ISRC that name its registrant
_MOST: Final = 20  # artists, or registrants, that are named

_USERS = """
    SELECT credit, count(DISTINCT recording) AS recordings
    FROM isrcs JOIN recordings USING (recording)
    WHERE isrc >= $first AND isrc <= $last AND credit IS NOT NULL
    GROUP BY credit ORDER BY recordings DESC, credit LIMIT $most
"""
_TOTAL = """
    SELECT count(DISTINCT recording) AS recordings FROM isrcs WHERE isrc >= $first AND isrc <= $last
"""
_OWN = """
    SELECT left(isrc, 5) AS registrant, count(DISTINCT recording) AS recordings
    FROM isrcs JOIN recordings USING (recording)
    WHERE credit IN (SELECT unnest($credits)) AND recording NOT IN (SELECT unnest($asked))
    GROUP BY registrant ORDER BY recordings DESC, registrant LIMIT $most
"""
_KEYS = "SELECT recording FROM recordings WHERE id IN (SELECT unnest($ids))"


@dataclass(frozen=True, slots=True)
class Registrant:
    """What the catalogue has of a registrant, and of the artists asked about.

    ``recordings`` bear its codes; ``artists`` are who they are by, with how many. ``usual`` are the
    registrants of all other recordings by the artists asked about; without any, nothing can be compared.
    """

    code: str
    recordings: int
    artists: tuple[tuple[str, int], ...]
    usual: tuple[tuple[str, int], ...]

    @property
    def known(self) -> bool | None:
        """Whether other recordings by these artists have codes of it; None when they have no codes at all."""
        return None if not self.usual else self.code in dict(self.usual)


def registrant(
    snapshot: Snapshot,
    code: str,
    *,
    by: Sequence[str],
    asked: Sequence[str],
    memory_limit: str = MEMORY,
) -> Registrant:
    """Return what is known of an ISRC's registrant, besides the recordings ``asked`` about (public ids)."""
    prefix = code[:LENGTH]
    bounds = {"first": prefix, "last": prefix + "9999999"}
    with scratch("reading codes", snapshot.path, memory_limit) as engine:
        open_tables(engine, snapshot, "isrcs", "recordings")
        (total,) = rows(engine, _TOTAL, **bounds)
        users = rows(engine, _USERS, most=_MOST, **bounds)
        keys = [row["recording"] for row in rows(engine, _KEYS, ids=list(asked))] if asked else []
        own = rows(engine, _OWN, credits=list(by), asked=keys or [-1], most=_MOST) if by else []
    return Registrant(
        code=prefix,
        recordings=total["recordings"],
        artists=tuple((row["credit"], row["recordings"]) for row in users),
        usual=tuple((row["registrant"], row["recordings"]) for row in own),
    )
