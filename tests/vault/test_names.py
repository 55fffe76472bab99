import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from phonotheque.vault.names import allocate, check_portable, find_clash, order, portable_segment, same_place

anything = st.text(alphabet=st.characters(), max_size=120)
awkward = st.text(alphabet="aAéE\u0301.. /:?*\u200d\u202e\n\x00%(2)conCON😀\U0001f3fd", max_size=40)


@given(anything | awkward)
@example("CON")
@example("con.txt")
@example("\ud800")
@example("." * 300)
@example("a" + "\u0301" * 300)
def test_a_segment_is_portable_and_stays_as_it_is(text: str) -> None:
    segment = portable_segment(text)
    assert check_portable(segment) is None
    assert portable_segment(segment) == segment


@given(anything | awkward, st.integers(14, 60))
def test_a_cut_segment_keeps_its_extension_and_its_limit(text: str, limit: int) -> None:
    segment = portable_segment(text, max_bytes=limit, extension=".flac")
    assert segment.endswith(".flac")
    assert len(segment.encode()) <= limit
    assert check_portable(segment) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AC/DC", "AC-DC"),
        ("What? Why*", "What_ Why_"),
        ("100% “Live”", "100％ “Live”"),
        ('Say "hi"', "Say 'hi'"),
        ("...And Justice for All.", "And Justice for All"),
        ("  two \t\n spaces ", "two spaces"),
        ("Cafe\u0301", "Café"),
        ("e\u202e\u0301", "é"),
        ("song\u202e3pm.exe", "song3pm.exe"),
        ("aux", "aux_"),
        ("Com1.live.flac", "Com1_.live.flac"),
        ("", "_"),
        ("...", "_"),
        ("\udcff", "_"),
    ],
)
def test_what_becomes_of_awkward_names(text: str, expected: str) -> None:
    assert portable_segment(text) == expected


def test_cutting_does_not_tear_a_letter_from_what_belongs_to_it() -> None:
    family = "👩\u200d👩\u200d👧"
    assert portable_segment("x" * 10 + family, max_bytes=20) == "x" * 10
    assert portable_segment("x" * 10 + "👍🏽", max_bytes=16) == "x" * 10
    assert portable_segment("x" * 10 + "q\u0301", max_bytes=12) == "x" * 10


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a//b",
        "a/./b",
        "a\\b",
        "C:/x",
        "a/NUL",
        "a/lpt1.txt",
        "a ",
        ".htaccess",
        "a/b.",
        "a\nb",
        "a\x7fb",
        "a\u202eb",
        "a\u200bb",
        "cafe\u0301",
        "x" * 201,
        "/".join(["x" * 150] * 8),
        "/".join("x" * 20),
        "\udcff",
    ],
)
def test_hostile_paths_are_refused_with_a_reason(path: str) -> None:
    assert check_portable(path)


def test_good_paths_are_accepted() -> None:
    for path in (
        "data/Björk/1995 - Post/01 Army of Me.flac",
        "data/100%.txt",
        "データ/音楽.opus",
        "bag-info.txt",
    ):
        assert check_portable(path) is None


def test_clashes_are_told_apart_in_input_order() -> None:
    assert allocate(["A/Title.flac", "A/title.flac", "a/TITLE.flac", "A/Title.mp3"]) == [
        "A/Title.flac",
        "A/title (2).flac",
        "A/TITLE (3).flac",
        "A/Title.mp3",
    ]
    assert allocate(["x/1", "x"]) == ["x/1", "x (2)"]
    assert allocate(["x", "x/1", "X/2"]) == ["x", "x (2)/1", "x (2)/2"]
    assert allocate(["a (2).ogg", "a.ogg", "a.ogg"]) == ["a (2).ogg", "a.ogg", "a (3).ogg"]


names = st.sampled_from(
    ["a", "A", "é", "e", "b.ogg", "B.ogg", "b (2).ogg", "ß", "ss", "x" * 200, "X" * 196 + ".ogg"]
)


@given(st.lists(st.lists(names, min_size=1, max_size=3).map("/".join), max_size=30))
def test_allocated_paths_never_clash(paths: list[str]) -> None:
    given_paths = allocate(paths)
    assert len({same_place(path) for path in given_paths}) == len(paths)
    folders = {path[:at] for path in given_paths for at, c in enumerate(path) if c == "/"}
    assert not {same_place(f) for f in folders} & {same_place(p) for p in given_paths}
    assert len({same_place(f) for f in folders}) == len(folders)
    assert all(check_portable(path) is None for path in given_paths)
    assert allocate(paths) == given_paths


def test_thousands_of_equal_names_are_quick() -> None:
    assert allocate(["T.flac"] * 5000)[-1] == "T (5000).flac"


def test_order_is_by_components_as_bytes() -> None:
    paths = ["A (Deluxe)/1", "A/1", "A", "é", "z", "A/1 b", "a"]
    assert sorted(paths, key=order) == ["A", "A/1", "A/1 b", "A (Deluxe)/1", "a", "z", "é"]


def test_portable_names_are_composed() -> None:
    assert unicodedata.is_normalized("NFC", portable_segment("A\u030angstro\u0308m"))


def test_clashes_in_other_peoples_paths_are_found() -> None:
    assert find_clash(["a/b", "a/c", "b", "ab/é"]) is None
    for paths in (
        ["a/b", "A/c"],
        ["a/b", "a/B"],
        ["a", "a/b"],
        ["a/b", "a"],
        ["a", "A/b"],
        ["é", "e\u0301"],
        ["a", "b", "a"],
        ["x/a", "x/a"],
    ):
        assert find_clash(paths) is not None, paths
