"""Several origins of one archive: the publisher's, and mirrors' own. Where one fails, the next is asked.

Which of them is believed does not arise: none is. All of them give the same bytes, or what does not verify.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from phonotheque.editions.shelves import BAGS
from phonotheque.mirrors.origin import Origin, Stamp, open_origin
from phonotheque.model.errors import NetworkError, NotFoundError, PhonothequeError, VerificationError

T = TypeVar("T")


class Origins:
    """Origins in the order in which they are asked; the one that answered a look last comes first."""

    def __init__(self, origins: Sequence[Origin]) -> None:
        self._origins = list(origins)
        self._first = self._origins[0]

    @property
    def each(self) -> tuple[Origin, ...]:
        """All of them, in the order in which they were given."""
        return tuple(self._origins)

    def prefer(self, origin: Origin) -> None:
        """Ask this one first for files from now on."""
        self._first = origin

    @property
    def where(self) -> str:
        """The address of the one that is asked first."""
        return self._first.where

    @property
    def web_seed(self) -> str | None:
        """The web seed of the one that is asked first."""
        return self._first.web_seed

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield bytes from the first that has them; where it breaks off, the next one goes on."""
        got, troubles = 0, list[NetworkError | NotFoundError]()
        for origin in self._that_give(path):
            try:
                left = None if length is None else length - got
                for chunk in origin.open_range(path, start + got, left):
                    got += len(chunk)
                    yield chunk
                return
            except (NetworkError, NotFoundError) as error:
                troubles.append(error)
        # That it cannot be reached says less than that it is not there, so it is said first.
        raise next((error for error in troubles if isinstance(error, NetworkError)), troubles[0])

    def read_if_changed(self, path: str, max_bytes: int, known: Stamp | None) -> tuple[bytes, Stamp] | None:
        """Ask the first only: a stamp is of one origin."""
        return self._first.read_if_changed(path, max_bytes, known)

    def _that_give(self, path: str) -> list[Origin]:
        """Bags come straight from folders only: web servers seed the swarm, which asks others, too."""
        near = [one for one in self.in_turn() if one.web_seed is None] if path.startswith(f"{BAGS}/") else []
        return near or self.in_turn()

    def in_turn(self) -> list[Origin]:
        """All of them, in the order in which they are asked."""
        return [self._first, *(origin for origin in self._origins if origin is not self._first)]


def each(origin: Origin) -> tuple[Origin, ...]:
    """Return the origins that an origin consists of."""
    return origin.each if isinstance(origin, Origins) else (origin,)


def first_right(origin: Origin, read: Callable[[Origin], T]) -> T:
    """Return what ``read`` makes of the first of an origin's parts that has it right.

    Raises VerificationError if one has it wrong and none right, else what the first of them raised.
    """
    troubles = list[PhonothequeError]()
    for one in origin.in_turn() if isinstance(origin, Origins) else (origin,):
        try:
            return read(one)
        except (NetworkError, NotFoundError, VerificationError) as error:
            troubles.append(error)
    raise next((error for error in troubles if isinstance(error, VerificationError)), troubles[0])


def has_near(origin: Origin) -> bool:
    """Tell whether bags can be taken straight from an origin, or one of its parts: from a folder, that is."""
    return any(one.web_seed is None for one in each(origin))


def prefer(origin: Origin, one: Origin) -> None:
    """Have files asked for at this one first, if it is one of several."""
    if isinstance(origin, Origins):
        origin.prefer(one)


def open_origins(texts: Sequence[str], opened: Callable[[str], Origin] = open_origin) -> Origin:
    """Return what is at these addresses and folders as one origin, the first of them being asked first."""
    found = [opened(text) for text in dict.fromkeys(texts)]
    return found[0] if len(found) == 1 else Origins(found)
