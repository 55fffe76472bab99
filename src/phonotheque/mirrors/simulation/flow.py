"""How fast bags come: who uploads how much of what in one step, as a fluid.

A bag is served by the publisher and by mirrors that hold all of it. Mirrors that are fetching it pass on to
each other what has come, as BitTorrent clients do: no byte can reach them that has not come from a whole copy
once, and beyond that their own lines are the limit (the fluid model of Qiu and Srikant, 2004, with perfect
exchange).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_AT_ONCE: Final = 4 * 1024**2  # cells of the table of copies that are worked on at once: bounds memory
_ROUNDS: Final = 2  # what a source cannot give is asked of the others once more
_LEAST: Final = 0.5  # bytes


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked for in a step, a row for each mirror and bag: ``amounts`` in bytes.

    ``bags`` are the bags asked for, each once, ``of`` which of them a row is about, ``by`` the column.
    """

    bags: Ints
    of: Ints
    by: Ints
    amounts: Floats


@dataclass(frozen=True, slots=True)
class Flow:
    """Bytes in one step: ``served`` of each bag asked for, ``sent`` by each mirror, and by the publisher."""

    served: Floats
    sent: Floats
    published: float


def flow(asking: Asking, copies: NDArray[np.bool_], room: Floats, publisher: float) -> Flow:
    """Share what mirrors and the publisher can send among the bags that are asked for.

    ``copies``: row a bag, column a mirror; ``room``: bytes that each mirror can send, 0 while it is away;
    ``publisher``: bytes that the publisher can send, 0 if it is gone. Each source gives to all that ask it in
    proportion, and who asks spreads evenly over the sources.
    """
    number = len(asking.bags)
    wanted = np.bincount(asking.of, asking.amounts, number).astype(np.float64)
    most = np.zeros(number)
    np.maximum.at(most, asking.of, asking.amounts)
    whole = _Table(copies, asking.bags)
    once, left, left_publisher = _give(most, whole, room, publisher)
    fetching = np.bincount(asking.of, minlength=number)
    among = _Pairs(asking.of, asking.by, number, len(room))
    passed, left, _ = _give(np.minimum(wanted, once * fetching) - once, among, left, 0.0)
    again, left, left_publisher = _give(wanted - once - passed, whole, left, left_publisher)
    return Flow(np.minimum(once + passed + again, wanted), room - left, publisher - left_publisher)


def _give(
    wanted: Floats, links: _Table | _Pairs, room: Floats, publisher: float
) -> tuple[Floats, Floats, float]:
    """Return the bytes that each bag gets over these links, and what room is left afterwards."""
    served, left = np.zeros(len(wanted)), room.copy()
    for _ in range(_ROUNDS):
        missing = np.where(wanted - served > _LEAST, wanted - served, 0.0)
        sources = left > _LEAST
        there = 1.0 if publisher > _LEAST else 0.0
        if not missing.any() or not (there or sources.any()):
            break
        count = links.of_bags(sources) + there
        each = np.divide(missing, count, out=np.zeros(len(wanted)), where=count > 0)
        load = links.of_mirrors(each) * sources
        gives = np.divide(np.minimum(left, load), load, out=np.zeros(len(room)), where=load > 0)
        asked = float(each.sum()) * there
        given = min(publisher, asked) / asked if asked else 0.0
        served += each * (links.of_bags(gives) + given)
        left -= load * gives
        publisher -= asked * given
    return served, left, publisher


class _Table:
    """Which mirrors hold which bags whole: the rows of some bags, a part at a time."""

    def __init__(self, copies: NDArray[np.bool_], bags: Ints) -> None:
        self._copies = copies
        step = max(1, _AT_ONCE // max(copies.shape[1], 1))
        self._cuts = [bags[at : at + step] for at in range(0, len(bags), step)]
        self._small = copies[bags].astype(np.float32) if len(self._cuts) == 1 else None

    def of_bags(self, mirrors: NDArray[Any]) -> Floats:
        """Return for each bag the sum over its mirrors."""
        narrow = mirrors.astype(np.float32)
        return np.concatenate([part @ narrow for part in self._parts()]).astype(np.float64)

    def of_mirrors(self, bags: Floats) -> Floats:
        """Return for each mirror the sum over its bags."""
        narrow, at = bags.astype(np.float32), 0
        total = np.zeros(self._copies.shape[1])
        for part in self._parts():
            total += narrow[at : at + len(part)] @ part
            at += len(part)
        return total

    def _parts(self) -> Iterator[NDArray[np.float32]]:
        if self._small is not None:
            yield self._small
            return
        for some in self._cuts:
            yield self._copies[some].astype(np.float32)


class _Pairs:
    """Which mirrors are fetching which bags."""

    def __init__(self, bags: Ints, mirrors: Ints, number: int, columns: int) -> None:
        self._bags, self._mirrors, self._number, self._columns = bags, mirrors, number, columns

    def of_bags(self, mirrors: NDArray[Any]) -> Floats:
        """Return for each bag the sum over its mirrors."""
        return np.bincount(self._bags, mirrors[self._mirrors], self._number).astype(np.float64)

    def of_mirrors(self, bags: Floats) -> Floats:
        """Return for each mirror the sum over its bags."""
        return np.bincount(self._mirrors, bags[self._bags], self._columns).astype(np.float64)
