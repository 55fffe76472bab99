"""One call of a player: what it asks, who asks it, and what of the shelves they see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from phonotheque.web.room.state import Room
from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.asking import Parameters
from phonotheque.web.subsonic.listeners import Listeners, listeners_of
from phonotheque.web.subsonic.login import Visitor
from phonotheque.web.subsonic.names import parse_id
from phonotheque.web.subsonic.shelves import Shelves
from phonotheque.web.subsonic.shelving import MOST_LISTENED
from phonotheque.web.subsonic.view import View

PAGE: Final = 500  # things in one answer, where the API names no other bound
_AFTER: Final = 1_000_000

Content: TypeAlias = Mapping[str, Any]


class Call:
    """A call whose visitor is known."""

    def __init__(self, request: Request, asked: Parameters, visitor: Visitor, shelves: Shelves) -> None:
        self.request = request
        self.asked = asked
        self.visitor = visitor
        self.shelves = shelves
        self.room: Room = request.app.state.room

    @property
    def country(self) -> str:
        """Where who asks is."""
        return self.room.country(self.request)

    @property
    def listeners(self) -> Listeners:
        """Whom the archive knows by name."""
        return listeners_of(self.room.archive)

    @cached_property
    def stars(self) -> Mapping[str, str]:
        """What who asks has starred, and since when."""
        return {} if self.visitor.listener is None else self.listeners.stars(self.visitor.listener)

    @contextmanager
    def view(self) -> Iterator[View]:
        """Open what who asks sees of the shelves."""
        with self.shelves.open(self.country) as view:
            yield view

    def shelf(self, view: View) -> int:
        """Return the shelf asked about: the most listened where none is named. CallError if there is none."""
        number = self.asked.number("musicFolderId", 0, least=-1)
        if number <= 0:
            return MOST_LISTENED
        if number not in dict(view.shelves()):
            raise not_found("music folder")
        return number

    def page(
        self, size: str = "size", offset: str = "offset", *, default: int = 10, most: int = PAGE
    ) -> Page:
        """Return how many are asked for, and after how many."""
        return Page(self.asked.number(size, default, most=most), self.asked.number(offset, 0, most=_AFTER))

    def named(self, *kinds: str) -> tuple[str, str]:
        """Return what kind of thing the parameter ``id`` names, one of ``kinds``, and its key. CallError."""
        found = parse_id(self.asked.required("id"))
        if found is None or found[0] not in kinds:
            raise not_found(kinds[0])
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list."""

    most: int
    after: int


Answers: TypeAlias = Callable[[Call], Content | Response]


def not_found(what: str) -> CallError:
    """Return the error that there is no such thing, or none that may be heard there."""
    return CallError(Code.NOT_FOUND, f"There is no such {what} here.")
