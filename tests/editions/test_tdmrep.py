"""tdmrep.json says of every file what was declared of it, in as few rules as that takes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.editions import tdmrep
from phonotheque.editions.tdmrep import Rules
from tests.editions.tdm_agent import decided, reserved

NAMES = st.text(st.sampled_from("abé*$ %#?"), min_size=1, max_size=3)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
VALUES = st.sampled_from([True, False, None])


def without_files_that_are_folders(listed: dict[str, bool | None]) -> dict[str, bool | None]:
    return {
        path: value
        for path, value in listed.items()
        if not any(other.startswith(f"{path}/") for other in listed)
    }


@given(
    st.dictionaries(st.sampled_from(["one", "two"]), st.dictionaries(PATHS, VALUES, max_size=12), max_size=2),
    st.sampled_from([True, None]),
)
def test_every_file_is_declared_as_it_was_decided(
    bags: dict[str, dict[str, bool | None]], otherwise: bool | None
) -> None:
    rules = Rules(otherwise)
    for bag, listed in bags.items():
        # Where all is reserved that nobody freed, there is nothing undeclared.
        values = {path: otherwise if value is None else value for path, value in listed.items()}
        rules.add_bag(f"bags/{bag}", without_files_that_are_folders(values).items())
    content = rules.written()
    for bag, listed in bags.items():
        for path, value in without_files_that_are_folders(listed).items():
            assert reserved(content, bag, path) is (otherwise if value is None else value)
    assert decided(json.loads(content), "/index.html", longest=False) is otherwise


def rules_of(listed: dict[str, bool | None], otherwise: bool | None = True) -> dict[str, int]:
    rules = Rules(otherwise)
    rules.add_bag("bags/b", listed.items())
    return {rule["location"]: rule["tdm-reservation"] for rule in json.loads(rules.written())}


def test_a_bag_that_is_all_free_takes_one_rule_and_one_that_is_all_reserved_takes_none() -> None:
    files = [f"data/{folder}/{track}.flac" for folder in "ab" for track in range(100)]
    assert rules_of(dict.fromkeys(files, False)) == {"/bags/b/": 0, "/": 1}
    assert rules_of(dict.fromkeys(files, True)) == {"/": 1}
    assert rules_of(dict.fromkeys(files, True), None) == {"/bags/b/": 1}


def test_the_finer_rule_comes_first() -> None:
    files: dict[str, bool | None] = {f"data/free/{track}.flac": False for track in range(9)}
    files["data/free/0.flac"] = True
    files["data/other/1.flac"] = False
    found = rules_of(files)
    assert list(found.items()) == [("/bags/b/data/free/0.flac", 1), ("/bags/b/data/", 0), ("/", 1)]


def test_a_name_that_begins_another_ends_with_a_dollar() -> None:
    assert rules_of({"data/a": False, "data/a.flac": True}) == {"/bags/b/data/a$": 0, "/": 1}
    assert rules_of({"data/a/1": False, "data/a b/1": True}) == {"/bags/b/data/a/": 0, "/": 1}


def test_signs_with_a_meaning_are_quoted() -> None:
    assert rules_of({"data/*$ 100%.flac": False, "x": True}) == {"/bags/b/data/": 0, "/": 1}
    found = rules_of({"data/*$ 100%.flac": False, "data/x": True})
    assert found == {"/bags/b/data/%2A%24%20100%25.flac": 0, "/": 1}


@pytest.mark.parametrize("otherwise", [True, None])
def test_where_there_is_no_room_for_rules_more_is_reserved_never_less(
    otherwise: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tdmrep, "MAX_RULES", 3)
    rules = Rules(otherwise)
    mixed = {f"data/{track}.flac": track % 2 == 0 for track in range(10)}
    for bag in ("one", "two"):
        rules.add_bag(f"bags/{bag}", mixed.items())
    rules.add_bag("bags/free", {"data/1.flac": False}.items())
    content = rules.written()
    assert rules.simplified == 10
    for bag in ("one", "two"):
        assert {reserved(content, bag, path) for path in mixed} == {True}
    assert reserved(content, "free", "data/1.flac") is False


def test_a_policy_is_named_where_something_is_reserved() -> None:
    rules = Rules(True, "https://example.org/mining")
    rules.add_bag("bags/b", {"a": False, "c": True}.items())
    by_location = {rule["location"]: rule for rule in json.loads(rules.written())}
    assert by_location["/"]["tdm-policy"] == "https://example.org/mining"
    assert "tdm-policy" not in by_location["/bags/b/a"]


def test_five_thousand_files_in_turns_stay_small() -> None:
    rules = Rules(True)
    rules.add_bag("bags/b", ((f"data/x/{track:04d}.flac", track % 2 == 0) for track in range(5000)))
    assert len(rules.found) == 2500
    assert len(rules.written()) < 400_000
