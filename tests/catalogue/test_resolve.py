import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.catalogue.engine import Engine
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.resolve import merge_pairs
from tests.catalogue.catalogue_facts import (
    ISRC_1,
    ISRC_2,
    MBID_1,
    MBID_2,
    clusters,
    link,
    rows_of,
    track,
    write,
)


def together(*groups: str) -> set[frozenset[str]]:
    return {frozenset(group.split()) for group in groups}


def conflicts(snapshot: Snapshot) -> list[tuple[str, str, list[str], bool]]:
    rows = rows_of(snapshot, "conflicts")
    details = [json.loads(row["detail"]) for row in rows]
    return [
        (row["kind"], row["evidence"], detail["disagree"], detail["merged"])
        for row, detail in zip(rows, details, strict=True)
    ]


def test_unrelated_tracks_stay_apart(tmp_path: Path) -> None:
    snapshot = write(tmp_path, [track("a"), track("b", artists=[]), track("c", title=None)])
    assert clusters(snapshot) == together("a", "b", "c")
    assert conflicts(snapshot) == []


def test_one_mbid_is_one_recording_whatever_else_is_said(tmp_path: Path) -> None:
    a = track("a", recording_mbid=MBID_1, duration_ms=1000)
    b = track("b", recording_mbid=MBID_1.upper(), artists=["Other"])
    assert clusters(write(tmp_path, [a, b])) == together("a b")


def test_one_isrc_needs_a_shared_artist_and_length(tmp_path: Path) -> None:
    rows = [
        track("a", isrcs=[ISRC_1], artists=["Ann & Bob"], duration_ms=180_000),
        track("b", isrcs=["FR-Z03-98-00212"], artists=["ann", "Cid"], duration_ms=183_000),
        track("long", isrcs=[ISRC_1], artists=["Ann"], duration_ms=190_000),
        track("clone", isrcs=[ISRC_1], artists=["Dan"], duration_ms=180_000),
    ]
    snapshot = write(tmp_path, rows)
    assert clusters(snapshot) == together("a b", "long", "clone")
    assert sorted(c[2] for c in conflicts(snapshot)) == [["artist"], ["duration"]]
    assert {c[:2] for c in conflicts(snapshot)} == {("isrc", ISRC_1)}


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([180_000, 183_000], "a b"),
        ([180_000, 183_001], "a|b"),
        ([180_000, 181_000, None], "a b c"),
        ([180_000, 190_000, None], "a|b|c"),  # the unknown one could be either
        ([None, None], "a b"),
        ([-5, 180_000], "a b"),  # a length below zero is no length
    ],
)
def test_length_guard_of_an_isrc(tmp_path: Path, lengths: list[int | None], expected: str) -> None:
    rows = [
        track(name, isrcs=[ISRC_1], duration_ms=length) for name, length in zip("abc", lengths, strict=False)
    ]
    assert clusters(write(tmp_path, rows)) == together(*expected.split("|"))


def test_a_malformed_isrc_is_no_evidence(tmp_path: Path) -> None:
    rows = [track("a", isrcs=["FRZ0398OO212"]), track("b", isrcs=["FRZ0398OO212"])]
    snapshot = write(tmp_path, rows)
    assert clusters(snapshot) == together("a", "b")
    assert rows_of(snapshot, "isrcs") == []


def test_weaker_evidence_does_not_overrule_two_mbids(tmp_path: Path) -> None:
    rows = [
        track("a", recording_mbid=MBID_1, isrcs=[ISRC_1]),
        track("b", recording_mbid=MBID_2, isrcs=[ISRC_1]),
        track("between", isrcs=[ISRC_1]),
        track("c", recording_mbid=MBID_1, isrcs=[ISRC_2]),
        track("joins", isrcs=[ISRC_2]),
        track("too", isrcs=[ISRC_2]),
    ]
    snapshot = write(tmp_path, rows)
    assert clusters(snapshot) == together("a c joins too", "b", "between")
    found = conflicts(snapshot)
    assert ("isrc", ISRC_1, ["recording_mbid"], False) in found
    assert len(found) == 2


def test_the_same_sound_is_one_recording_and_disagreement_is_told(tmp_path: Path) -> None:
    rows = [
        track("a", pcm_sha256="0" * 64, artists=["Ann"]),
        track("b", pcm_sha256="0" * 64, artists=["Clone Records"]),
        track("c", pcm_sha256="0" * 64, artists=[]),
    ]
    snapshot = write(tmp_path, rows)
    assert clusters(snapshot) == together("a b c")
    (conflict,) = conflicts(snapshot)
    assert conflict == ("sound", "0" * 64, ["artist"], True)


def test_the_same_file_from_two_sources_is_one_recording(tmp_path: Path) -> None:
    held = track("a")
    delivered = track("x", source="ddex", file_sha256=held["file_sha256"], artists=[], title=None)
    snapshot = write(tmp_path, [held, delivered])
    assert clusters(snapshot) == together("a x")


def test_names_and_lengths_make_one_recording(tmp_path: Path) -> None:
    rows = [
        track("a", title="Jóga (feat. Bob)", artists=["Björk"], duration_ms=180_000),
        track("b", title="JOGA", artists=["Bjork ft. Bob"], duration_ms=181_000),
        track("live", title="Jóga (live)", artists=["Björk", "Bob"], duration_ms=180_000),
        track("solo", title="Jóga", artists=["Björk"], duration_ms=180_000),
    ]
    assert clusters(write(tmp_path, rows)) == together("a b", "live", "solo")


def test_lengths_that_run_into_each_other_are_ambiguous(tmp_path: Path) -> None:
    rows = [track(name, title="Dark", duration_ms=180_000 + 2000 * i) for i, name in enumerate("abc")]
    snapshot = write(tmp_path, rows)
    assert clusters(snapshot) == together("a", "b", "c")
    assert conflicts(snapshot) == [("title", "dark / somebody", ["duration"], False)]


def test_two_places_of_one_release_are_not_one_recording_by_name(tmp_path: Path) -> None:
    rows = [track(f"n{i}", title="Interlude", album="Album", track_number=i) for i in (3, 7)]
    assert clusters(write(tmp_path, rows)) == together("n3", "n7")


def test_places_of_no_release_at_all_may_be_one_recording(tmp_path: Path) -> None:
    rows = [track(f"n{i}", title="Song", track_number=i) for i in (3, 7)]
    assert clusters(write(tmp_path, rows)) == together("n3 n7")


def test_a_title_that_is_none_is_no_evidence(tmp_path: Path) -> None:
    rows = [track(name, title=title) for name, title in (("a", "Track 01"), ("b", "track 01"))]
    assert clusters(write(tmp_path, rows)) == together("a", "b")


@pytest.mark.parametrize(
    ("score", "other", "expected", "told"),
    [
        (0.02, {}, "a b", []),
        (0.02, {"artists": ["Clone"]}, "a b", [["artist"]]),
        (0.02, {"duration_ms": 240_000}, "a|b", [["duration"]]),
        (0.15, {}, "a|b", [[]]),
        (0.25, {}, "a|b", []),
    ],
)
def test_fingerprints(
    tmp_path: Path, score: float, other: dict[str, Any], expected: str, told: list[list[str]]
) -> None:
    rows = [track("a"), track("b", **other)]
    snapshot = write(tmp_path, rows, linked=[link("a", "b", score), link("b", "nobody", 0.01)])
    assert clusters(snapshot) == together(*expected.split("|"))
    assert [c[2] for c in conflicts(snapshot)] == told


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_merging_makes_connected_components(edges: list[tuple[int, int]]) -> None:
    parent = list(range(31))

    def root(node: int) -> int:
        while parent[node] != node:
            node = parent[node]
        return node

    for a, b in edges:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    pairs = [(min(e), max(e)) for e in edges if e[0] != e[1]]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE member (fact BIGINT, cluster BIGINT)")
        connection.execute("CREATE TABLE pair (a BIGINT, b BIGINT)")
        if pairs:
            connection.executemany("INSERT INTO pair VALUES (?, ?)", pairs)
        merge_pairs(Engine(connection))
        found = dict(connection.execute("FROM member").fetchall())
    roots = {node: root(node) for node in range(31)}
    sizes = Counter(roots.values())
    assert found == {node: at for node, at in roots.items() if sizes[at] > 1}


def test_a_long_chain_is_one_cluster(tmp_path: Path) -> None:
    codes = [f"FRZ03980{i:04d}" for i in range(60)]
    rows = [track(f"n{i}", isrcs=codes[i : i + 2]) for i in range(59)]
    random.Random(1).shuffle(rows)
    assert len(clusters(write(tmp_path, rows))) == 1
