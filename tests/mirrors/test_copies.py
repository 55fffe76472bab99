from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.mirrors.copies import BagCopies, Copies, fetch_copies, read_copies, write_copies
from phonotheque.mirrors.origin import Stamp
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError

ARCHIVE = "0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c"
NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(written)
PROVEN = st.builds(BagCopies, st.integers(0, 10**6), st.integers(1, 10**6), TIMES)
CLAIMED = st.builds(BagCopies, st.integers(0, 10**6))
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(st.builds(Copies, st.just(ARCHIVE), TIMES, st.dictionaries(NAMES, PROVEN | CLAIMED, max_size=5)))
def test_what_is_written_is_read(copies: Copies) -> None:
    data = write_copies(copies)
    assert read_copies(data) == copies
    assert write_copies(read_copies(data)) == data
    assert read_copies(data).of("no such bag \0") == BagCopies()


def document(**changes: Any) -> bytes:
    bag = {"claimed": 4, "proven": 2, "proven_since": "2026-11-20T00:00:00Z"}
    top = {"format": "phonotheque-copies/1", "archive": ARCHIVE, "time": written(NOW), "bags": {"a": bag}}
    bag.update(changes.pop("bag", {}))
    top.update(changes)
    return json.dumps(top).encode()


def test_fields_of_a_newer_version_are_passed_over() -> None:
    copies = read_copies(document(more=[1], bag={"mirrors": 9}))
    assert copies.of("a") == BagCopies(4, 2, "2026-11-20T00:00:00Z")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"bags": {}, "bags": {}}', "there twice"),
        (b"[]", "not of the format"),
        (document(format="phonotheque-copies/2"), "not of the format"),
        (document(archive=None), "names no archive"),
        (document(bags=[]), "names no archive, or no bags"),
        (document(bags={"a": 3}), "what is no object"),
        (document(time="yesterday"), "'yesterday' as time"),
        (document(time="2026-13-01T00:00:00Z"), "as time, which is no time"),
        (document(bag={"claimed": -1}), "-1 as a.claimed"),
        (document(bag={"claimed": True}), "True as a.claimed"),
        (document(bag={"proven": 2.0}), "2.0 as a.proven"),
        (document(bag={"proven_since": None}), "proofs without a date"),
        (document(bag={"proven": 0}), "a date without proofs"),
        (document(bag={"proven_since": 20261120}), "as a.proven_since"),
    ],
)
def test_what_makes_no_sense_is_named(data: bytes, why: str) -> None:
    with pytest.raises(VerificationError) as caught:
        read_copies(data)
    assert why in caught.value.message
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("said", "proof", "proven"),
    [
        (NOW, NOW - timedelta(days=89), 3),
        (NOW - timedelta(days=1), NOW - timedelta(days=90), 3),  # as old as it was when it was counted
        (NOW + timedelta(hours=1), NOW, 3),  # somebody's clock
        (NOW, NOW - timedelta(days=91), 0),
        (NOW - timedelta(days=3), NOW - timedelta(days=3), 0),
        (NOW, NOW + timedelta(days=2), 0),
        (NOW + timedelta(days=2), NOW, 0),
    ],
)
def test_old_proofs_and_future_ones_do_not_count(said: datetime, proof: datetime, proven: int) -> None:
    bags = {"a": BagCopies(9, 3, written(proof)), "b": BagCopies(50)}
    copies = Copies(ARCHIVE, written(said), bags, signed=True)
    assert copies.proven_lately("a", NOW) == proven
    assert copies.proven_lately("b", NOW) == 0
    assert copies.proven_lately("c", NOW) == 0
    assert Copies(ARCHIVE, written(said), bags).proven_lately("a", NOW) == 0


class Said:
    """An origin that answers one thing whatever it is asked."""

    where, web_seed = "somewhere", None

    def __init__(self, answer: Callable[[], bytes]) -> None:
        self.answer = answer

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        assert path == "copies.json"
        yield self.answer()

    def read_if_changed(self, path: str, max_bytes: int, known: Stamp | None) -> tuple[bytes, Stamp] | None:
        raise AssertionError


def raising(error: Exception) -> Callable[[], bytes]:
    def answer() -> bytes:
        raise error

    return answer


def test_an_origin_that_says_nothing_of_copies_is_no_failure_and_one_that_is_gone_is() -> None:
    assert fetch_copies(Said(raising(NotFoundError("absent"))), ARCHIVE) is None
    with pytest.raises(NetworkError):
        fetch_copies(Said(raising(NetworkError("gone"))), ARCHIVE)
    found = fetch_copies(Said(document), ARCHIVE)
    assert found is not None
    assert found == (document(), read_copies(document()))
    with pytest.raises(VerificationError, match="about another archive"):
        fetch_copies(Said(document), "another")
