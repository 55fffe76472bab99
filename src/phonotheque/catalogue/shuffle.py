"""A true shuffle: every order is as likely as any other, nothing comes twice, and no list is kept in memory.

An order is a permutation of 0 … n−1 that a key decides, by the swap-or-not shuffle (V. T. Hoang, B. Morris,
P. Rogaway: An Enciphering Scheme Based on a Card Shuffle, CRYPTO 2012, doi:10.1007/978-3-642-32009-5_1). In
each round every card has one partner, and both together decide by a keyed hash whether they change places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from phonotheque.catalogue.describe import hits
from phonotheque.catalogue.listening import hold
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.scratch import MEMORY, scratch
from phonotheque.catalogue.views import Hit

_ROUNDS = 256  # above 6 log₂ n, of which the authors show that nobody can tell it from chance, for n < 2⁴²
_RANKED = """
    CREATE TABLE ranked AS SELECT recording, row_number() OVER (ORDER BY recording) - 1 AS rank FROM held
"""
_CHOSEN = "SELECT rank, recording FROM ranked WHERE rank IN (SELECT unnest($ranks))"


def shuffled(seed: str, size: int, *, after: int = 0, most: int | None = None) -> Iterator[int]:
    """Yield numbers of 0 … ``size`` − 1 in the order that ``seed`` gives, from place ``after`` on.

    At most ``most`` of them; fewer at the end, where all have come once.
    """
    key = blake2b(seed.encode("utf-8", "surrogatepass"), person=b"phono shuffle").digest()
    end = size if most is None else min(size, after + most)
    for place in range(after, end):
        yield _moved(place, size, key)


@lru_cache(maxsize=64)
def _turns(size: int, key: bytes) -> tuple[int, ...]:
    return tuple(
        int.from_bytes(blake2b(f"{size} {turn}".encode(), key=key).digest()) % size for turn in range(_ROUNDS)
    )


@lru_cache(maxsize=4096)  # one order may be that of a whole day, of which everybody sees the beginning
def _moved(place: int, size: int, key: bytes) -> int:
    for number, turn in enumerate(_turns(size, key)):
        partner = (turn - place) % size
        pair = f"{number} {max(place, partner)}".encode()
        if blake2b(pair, key=key, digest_size=1).digest()[0] & 1:
            place = partner
    return place


@dataclass(frozen=True, slots=True)
class Shuffled:
    """Recordings in the order drawn, and of how many."""

    hits: tuple[Hit, ...]
    of: int


def draw(
    snapshot: Snapshot,
    seed: str,
    number: int,
    *,
    after: int = 0,
    held: Iterable[Sequence[tuple[str, int]]] | None = None,
    memory_limit: str = MEMORY,
) -> Shuffled:
    """Return the next ``number`` recordings of the order that ``seed`` gives, from place ``after`` on.

    Of all, or, where ``held`` is given (as to ``listening.hold``), of those with a held master.
    """
    with scratch("shuffling", snapshot.path, memory_limit) as engine:
        if held is None:
            of = snapshot.counts["recordings"]
            keys = list(shuffled(seed, of, after=after, most=number))
        else:
            hold(engine, snapshot, held)
            engine.execute(_RANKED)
            ((of,),) = engine.execute("SELECT count(*) FROM ranked").fetchall()
            ranks = list(shuffled(seed, of, after=after, most=number))
            known = dict(engine.execute(_CHOSEN, {"ranks": ranks}).fetchall()) if ranks else {}
            keys = [known[rank] for rank in ranks]
        found = dict(zip(sorted(keys), hits(engine, snapshot, keys), strict=True))
    return Shuffled(tuple(found[key] for key in keys), of)
