"""A verdict is said with its place, and with as many of its reasons as fit."""

from __future__ import annotations

import pytest

from phonotheque.model.audio import Integrity, say_integrity

AT = "at 0:03.0 (byte 37,241): the checksum of the page does not hold"
NEAR = "near 0:01.0: a packet cannot be decoded"


@pytest.mark.parametrize(
    ("integrity", "notes", "said"),
    [
        (Integrity.INTACT, (), "intact"),
        (Integrity.DECODES, ("no checksum",), "decodes: no checksum"),
        (Integrity.DAMAGED, (AT,), f"damaged {AT}"),
        (Integrity.DAMAGED, (NEAR, AT), f"damaged {NEAR}; {AT}"),
        (Integrity.DAMAGED, ("the MD5 does not hold",), "damaged: the MD5 does not hold"),
        ("intact", ("at byte 5 the position goes back",), "intact: at byte 5 the position goes back"),
    ],
)
def test_a_verdict_is_said_with_its_place(integrity: str, notes: tuple[str, ...], said: str) -> None:
    assert say_integrity(integrity, notes) == said


def test_many_reasons_are_counted() -> None:
    assert say_integrity("damaged", ["a", "b", "c", "d"], most=2) == "damaged: a; b; 2 more"
    assert say_integrity("damaged", ["a", "b"], most=2) == "damaged: a; b"
