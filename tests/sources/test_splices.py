from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.sources.splices import cut, dump, join, load, places

RESTRICTED = (
    *("tags", "user-tags", "genres", "user-genres", "moods", "user-moods"),
    *("rating", "user-rating", "annotation"),
)
SAYS_NOTHING: list[Any] = [None, [], "", {}, {"value": None, "votes-count": 0}]

NOTHING = {json.dumps(part) for part in [*SAYS_NOTHING, {"votes-count": 0, "value": None}]}

_texts = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "tags",
            '"tags":',
            '\\"tags":["x"]',
            "\\",
            '","tags":["a"],"',
            "annotation",
            "user-tags",
            "é日😀",
            '"genres"',
        ]
    ),
)
_names = st.one_of(_texts, st.sampled_from([*RESTRICTED, "tag", "xtags", "x-tags", "ratings"]))
_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-99, 10**12), st.floats(allow_nan=False), _texts)
    | st.sampled_from(SAYS_NOTHING),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=25,
)
_records = st.dictionaries(_names, _values, max_size=6)
_layouts = st.sampled_from([{"separators": (",", ":")}, {"separators": (", ", ": ")}, {"indent": 1}])


def without(value: Any) -> Any:
    """The same by other means: the parsed record without its restricted parts."""
    if isinstance(value, list):
        return [without(part) for part in value]
    if isinstance(value, dict):
        return {
            name: (part if json.dumps(part) in NOTHING else None) if name in RESTRICTED else without(part)
            for name, part in value.items()
        }
    return value


@given(_records, _layouts, st.booleans())
def test_what_is_cut_out_is_gone_and_can_be_put_back(
    record: dict[str, Any], layout: dict[str, Any], ascii_only: bool
) -> None:
    raw = json.dumps(record, ensure_ascii=ascii_only, **layout)
    line = raw.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode()
    raw = line.decode()
    text, splices = cut(line)
    assert join(text.decode(), load(dump(splices))) == raw
    assert json.loads(text) == without(json.loads(raw))


@given(st.lists(st.tuples(_records, st.booleans()), max_size=5))
def test_places_found_in_many_lines_at_once_are_enough(records: list[tuple[dict[str, Any], bool]]) -> None:
    lines = [
        json.dumps(record, ensure_ascii=ascii_only, separators=(",", ":")).encode("utf-8", "replace")
        for record, ascii_only in records
    ]
    found = places(b"\n".join(lines))
    start = 0
    for line in lines:
        here = [place - start for place in found if start <= place < start + len(line)]
        assert cut(line, here) == cut(line)
        start += len(line) + 1


@pytest.mark.parametrize("at", [-9, -4, -1, 0, 1, 2, 7])
def test_a_name_across_two_blocks_is_found(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phonotheque.sources.splices._BLOCK", 64)
    for name in RESTRICTED:
        line = b'{"title":"' + b"x" * (54 + at) + f'","{name}":["a"]}}'.encode()
        assert cut(line, places(line))[1], (name, at)


def test_an_escaped_name_in_a_title_is_no_name() -> None:
    line = (
        rb'{"title":"say \"tags\":[\"a\"]","x\"tags":["b"],"tags":["c","}"],"y":"\\",'
        rb'"user-tags":[{"name":"d"}]}'
    )
    text, splices = cut(line)
    assert text == rb'{"title":"say \"tags\":[\"a\"]","x\"tags":["b"],"tags":null,"y":"\\","user-tags":null}'
    assert [part for _, part in splices] == ['["c","}"]', '[{"name":"d"}]']


def test_empty_parts_stay_where_they_are() -> None:
    line = (
        b'{"tags":[],"genres": [ ],"rating":{"value":null,"votes-count":0},"annotation":null,"user-tags":""}'
    )
    assert cut(line) == (line, [])
    assert cut(b'{"rating":{"value":4.5,"votes-count":2}}') == (
        b'{"rating":null}',
        [(10, '{"value":4.5,"votes-count":2}')],
    )


def test_parts_in_parts_go_with_the_outer_one() -> None:
    assert cut(b'{"tags":[{"tags":["a"]}],"b":1}') == (b'{"tags":null,"b":1}', [(8, '[{"tags":["a"]}]')])


def test_offsets_count_characters() -> None:
    text, splices = cut('{"a":"日本😀","tags":["é"],"b":"ö","genres":[1]}'.encode())
    assert text.decode() == '{"a":"日本😀","tags":null,"b":"ö","genres":null}'
    assert splices == [(18, '["é"]'), (40, "[1]")]


@pytest.mark.parametrize("splices", [[(0, "x")], [(8, "[1]"), (8, "[1]")], [(99, "x")]])
def test_splices_of_another_text_are_refused(splices: list[tuple[int, str]]) -> None:
    with pytest.raises(ValueError, match="no part missing"):
        join('{"tags":null}', splices)


@pytest.mark.parametrize("line", [b'{"tags":[1', b'{"tags":[1,}', b'{"tags":}', b'{"tags":["\xff"]}'])
def test_what_is_no_json_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever the parser gives
        cut(line)


@given(st.text('aé日😀\\"', max_size=1500), st.integers(0, 3))
def test_values_of_any_length_end_where_they_end(text: str, more: int) -> None:
    record = {"a": "é", "annotation": text + "!", "b": ["日" * 300] * more}
    line = json.dumps(record, ensure_ascii=False).encode()
    assert cut(line)[1] == [(25, json.dumps(text + "!", ensure_ascii=False))]


def test_what_is_too_deep_is_refused() -> None:
    with pytest.raises(RecursionError):
        cut(b'{"tags":' + b"[" * 200_000)
