"""Long looks into an edition's index: what was found is kept."""

from __future__ import annotations

import pytest

from phonotheque.model.errors import NotFoundError
from phonotheque.web.room import seeking
from phonotheque.web.room.seeking import Seeking


def test_so_many_answers_are_kept_the_last_ones() -> None:
    looked: list[int] = []
    looks = Seeking(wait=60)

    def find(number: int) -> int:
        return int(looks.find(number, lambda: looked.append(number) or number) or 0)  # type: ignore[func-returns-value]

    for number in range(seeking._KEPT):
        find(number)
    for number in range(seeking._KEPT):
        assert find(number) == number
    assert looked == list(range(seeking._KEPT))
    find(seeking._KEPT)
    find(seeking._KEPT + 1)
    find(seeking._KEPT - 1)
    assert looked == list(range(seeking._KEPT + 2))
    find(0)
    assert looked[-1] == 0


def test_what_went_wrong_is_looked_for_again() -> None:
    looks = Seeking(wait=60)

    def fails() -> int:
        raise NotFoundError("There is none.", "Look elsewhere.")

    with pytest.raises(NotFoundError):
        looks.find("it", fails)
    assert looks.find("it", lambda: 7) == 7
