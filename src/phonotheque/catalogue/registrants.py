"""Who uses which registrant's ISRCs: the first five characters of a code (ISO 3901)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.scratch import MEMORY, Row, open_tables, rows, scratch

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
_ARTISTS = """
    SELECT artist, id, lower(name) AS name FROM artists
    WHERE id IN (SELECT unnest($ids)) OR lower(name) IN (SELECT lower(unnest($names)))
"""
# What each of them is on, besides what bears the code itself.
_OTHERS = """
    CREATE OR REPLACE TEMP TABLE others AS
    WITH asked AS (SELECT unnest($artists) AS artist, unnest($numbers) AS number)
    SELECT DISTINCT number, recording, isrc
    FROM asked JOIN credits USING (artist) JOIN isrcs USING (recording)
    WHERE recording NOT IN (SELECT recording FROM isrcs WHERE isrc = $code)
      AND recording NOT IN (SELECT recording FROM recordings WHERE id IN (SELECT unnest($asked)))
"""
_OWN = """
    SELECT number, count(DISTINCT recording) AS recordings
    FROM others WHERE isrc >= $first AND isrc <= $last GROUP BY number
"""
_USUAL = """
    SELECT number, left(isrc, 5) AS registrant, count(DISTINCT recording) AS recordings
    FROM others GROUP BY number, registrant
    QUALIFY row_number() OVER (PARTITION BY number ORDER BY recordings DESC, registrant) <= $most
    ORDER BY number, recordings DESC, registrant
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """An artist's use of a registrant, in all recordings but those that were asked about.

    ``recordings`` bear its codes; ``usual`` are the commonest registrants of their codes, with how many
    recordings. Without any, nothing can be compared.
    """

    artist: str
    recordings: int
    usual: tuple[tuple[str, int], ...]

    @property
    def known(self) -> bool | None:
        """Whether others of their recordings have codes of it; None when they have no codes at all."""
        return self.recordings > 0 if self.usual else None


@dataclass(frozen=True, slots=True)
class Registrant:
    """What the catalogue has of a registrant, and of each of the artists asked about.

    ``recordings`` bear its codes; ``artists`` are the credits that most of them are under, with how many.
    """

    code: str
    recordings: int
    artists: tuple[tuple[str, int], ...]
    used: tuple[Usage, ...]


def registrant(
    snapshot: Snapshot,
    code: str,
    *,
    by: Mapping[str, Sequence[str]],
    asked: Sequence[str],
    memory_limit: str = MEMORY,
) -> Registrant:
    """Return what is known of an ISRC's registrant, besides the recordings ``asked`` about (public ids).

    ``by`` are artists by name, each with the public ids of those who are meant; without any, all are that
    are called so.
    """
    prefix = code[:LENGTH]
    bounds = {"first": prefix, "last": prefix + "9999999"}
    with scratch("reading codes", snapshot.path, memory_limit) as engine:
        open_tables(engine, snapshot, "isrcs", "recordings", "artists", "credits")
        (total,) = rows(engine, _TOTAL, **bounds)
        users = rows(engine, _USERS, most=_MOST, **bounds)
        ids = [one for some in by.values() for one in some]
        named = [name for name, some in by.items() if not some]
        found = rows(engine, _ARTISTS, ids=ids, names=named) if by else []
        meant = [pair for row in found for pair in _meant(row, by)]
        own, usual = dict[int, int](), list[Row]()
        if meant:
            artists, numbers = map(list, zip(*meant, strict=True))
            engine.execute(
                _OTHERS, {"artists": artists, "numbers": numbers, "code": code, "asked": list(asked)}
            )
            own = {row["number"]: row["recordings"] for row in rows(engine, _OWN, **bounds)}
            usual = rows(engine, _USUAL, most=_MOST)
    return Registrant(
        code=prefix,
        recordings=total["recordings"],
        artists=tuple((row["credit"], row["recordings"]) for row in users),
        used=tuple(
            Usage(
                name,
                own.get(number, 0),
                tuple((row["registrant"], row["recordings"]) for row in usual if row["number"] == number),
            )
            for number, name in enumerate(by)
        ),
    )


def _meant(row: Row, by: Mapping[str, Sequence[str]]) -> list[tuple[int, int]]:
    """Return an artist's key with the numbers of the names in ``by`` that mean them."""
    return [
        (row["artist"], number)
        for number, (name, ids) in enumerate(by.items())
        if (row["id"] in ids if ids else row["name"] == name.lower())
    ]
