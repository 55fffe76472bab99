"""Settings: the first that says something wins, and a mistake is named where it was made."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.bags import MAX_BAG_BYTES, MAX_BAG_FILES
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import Layer, Settings, parse_settings, parse_size


def settings(**sections: Any) -> Settings:
    return parse_settings(Layer("a.toml", sections))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000", 1000),
        ("200MB", 200_000_000),
        ("2 TB", 2 * 10**12),
        ("2t", 2 * 10**12),
        ("32GiB", 32 * 2**30),
        ("1.5kB", 1500),
        ("0.1 GB", 100_000_000),
        (" 7 b ", 7),
        ("9007199254740993", 9007199254740993),  # more than a float can tell apart
        ("1.1PiB", 1238489897526886),
    ],
)
def test_sizes_are_read_exactly(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MB", "-5", "1e9", "5 XB", "5iB", "1,5GB", "nan", "9" * 400, "٣MB", "5MB 5", "0x10", ".5G"]
)
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        parse_size(text)


@given(st.text())
def test_no_text_breaks_the_reader_of_sizes(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_size(text) >= 0


def test_nothing_said_means_the_defaults() -> None:
    assert parse_settings() == Settings()
    assert parse_settings().publish.bag_bytes == MAX_BAG_BYTES
    assert parse_settings().publish.bag_files == MAX_BAG_FILES


def test_the_first_layer_that_says_something_wins() -> None:
    found = parse_settings(
        Layer("flags", {"archive": {"name": "one"}}),
        Layer("environment", {"archive": {"name": "two", "agent": "two"}}),
        Layer("file", {"archive": {"name": "three", "agent": "three", "id": "three"}}),
    )
    assert (found.archive.name, found.archive.agent, found.archive.id) == ("one", "two", "three")


def test_values_may_be_written_as_the_environment_must() -> None:
    found = settings(publish={"trackers": "udp://a, udp://b\nudp://c", "bag_files": "100"})
    assert found.publish.trackers == ("udp://a", "udp://b", "udp://c")
    assert found.publish.bag_files == 100
    assert settings(publish={"trackers": ["udp://a b"]}).publish.trackers == ("udp://a b",)
    assert settings(mirror={"budget": "2TB"}).mirror.budget == 2 * 10**12


@pytest.mark.parametrize(
    ("sections", "named"),
    [
        ({"publsih": {}}, r"a\.toml: there is no section \[publsih\]"),
        ({"archive": "x"}, r"a\.toml: archive must be a table"),
        ({"archive": {"nmae": "x"}}, r"a\.toml: \[archive\] nmae is not a setting"),
        ({"archive": {"name": 5}}, r"a\.toml: \[archive\] name must be text"),
        ({"mandate": {"preserve": True}}, r"a\.toml: \[mandate\] preserve must be text"),
        ({"publish": {"trackers": [1]}}, r"a\.toml: \[publish\] trackers must be a list"),
        ({"publish": {"bag_bytes": True}}, r"a\.toml: \[publish\] bag_bytes must be a size"),
        ({"publish": {"bag_bytes": -1}}, r"a\.toml: \[publish\] bag_bytes must be a size"),
        ({"publish": {"bag_bytes": 1.5}}, r"a\.toml: \[publish\] bag_bytes must be a size"),
        ({"publish": {"bag_bytes": "big"}}, r"a\.toml: \[publish\] bag_bytes: “big” is not a size"),
        ({"publish": {"bag_files": 0}}, r"a\.toml: \[publish\] bag_files must be more than nothing"),
        ({"storage": {"verify": "no"}}, r"a\.toml: \[storage\] verify cannot be .no."),
    ],
)
def test_a_mistake_is_named_with_its_place(sections: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=named) as caught:
        settings(**sections)
    assert caught.value.advice


def test_the_layer_with_the_mistake_is_named_even_where_another_wins() -> None:
    good = Layer("flags", {"archive": {"name": "good"}})
    with pytest.raises(UsageError, match="the environment"):
        parse_settings(good, Layer("the environment", {"archive": {"name": 5}}))
