"""Results travel as Arrow batches: what comes back is what was sent, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.jobs.columns import from_batch, schema_of, to_batch
from phonotheque.model.audio import Artwork, AudioFacts, Integrity, Refusal, RefusalKind, Tags, Technical
from phonotheque.model.rights import Covers, Evidence, Kind, Question, Statement
from phonotheque.sources.folder import FoundFile
from phonotheque.sources.take_in import Taken

PLAIN: dict[type, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bytes: st.binary(max_size=12),
    bool: st.booleans(),
    type(None): st.none(),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a hint, all parts of them included."""
    if hint in PLAIN:
        return PLAIN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return st.builds(hint, **{field.name: anything(hints[field.name]) for field in fields(hint)})
    parts = get_args(hint)
    if get_origin(hint) is UnionType:
        return st.one_of([anything(part) for part in parts])
    if get_origin(hint) is tuple:
        return st.lists(anything(parts[0]), max_size=3).map(tuple)
    if parts:
        return st.dictionaries(anything(parts[0]), anything(parts[1]), max_size=3)
    return st.from_type(hint)


@settings(deadline=None, max_examples=60)
@given(st.lists(anything(Taken), max_size=3))
def test_what_was_taken_in_comes_back_as_it_was(taken: list[Taken]) -> None:
    batch = to_batch(Taken, taken)
    assert batch.schema == schema_of(Taken)
    with pa.BufferOutputStream() as sink:
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        (again,) = pa.ipc.open_stream(sink.getvalue())
    assert from_batch(Taken, again) == taken


def test_a_schema_can_be_read() -> None:
    taken = schema_of(Taken)
    assert taken.names == [field.name for field in fields(Taken)]
    assert taken.field("found").type.field("path").type == pa.binary()
    assert {"AudioFacts", "Refusal"} <= {part.name for part in taken.field("outcome").type}


def test_kinds_of_values_are_kept() -> None:
    found = FoundFile(b"\xff/a", "a", "1", "2", 3, 4, (b"n", b"\xfe"), "s")
    statement = Statement(Kind.LICENCE, None, "e", "o", "by", covers=Covers.RECORDING)
    evidence = Evidence((statement,), (Question("?", ("x", "y"), "e", "o"),))
    technical = Technical("ogg", "vorbis", float("inf"), 44_100, 2, 1)
    heard = AudioFacts("a", 1, "b", technical, b"\0\xff", None, Integrity.INTACT, (), Tags(raw={"K": ("v",)}))
    pictured = AudioFacts(
        "a",
        1,
        "b",
        technical,
        b"",
        -1.5,
        Integrity.DAMAGED,
        ("cut",),
        Tags(),
        (Artwork("c", "m", 9, "front"),),
    )
    taken = [
        Taken(found, heard, evidence, True),
        Taken(found, pictured),
        Taken(found, Refusal(RefusalKind.DRM, "locked")),
    ]
    back = from_batch(Taken, to_batch(Taken, taken))
    assert back == taken
    assert isinstance(back[2].outcome, Refusal)
    assert isinstance(back[2].outcome.kind, RefusalKind)


@dataclass(frozen=True)
class Odd:
    path: Path
    maybe: Path | None
    several: Mapping[str, int]


def test_paths_need_not_be_text() -> None:
    odd = [Odd(Path("/a/\udcff"), None, {}), Odd(Path("b"), Path("c"), {"x": 1, "a": 2})]
    assert from_batch(Odd, to_batch(Odd, odd)) == odd


def test_nothing_is_guessed_for_what_is_not_known() -> None:
    @dataclass(frozen=True)
    class Unknown:
        what: complex

    with pytest.raises(TypeError, match="complex"):
        schema_of(Unknown)
