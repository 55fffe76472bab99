"""Versions of one song are different recordings: a title brings none of them together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogue.catalogue_facts import ISRC_1, clusters, link, rows_of, track, write


@pytest.mark.parametrize(
    "other",
    [
        "Greensleeves (live)",
        "Greensleeves - Live at the Mill, 1998",
        "Greensleeves [Radio Edit]",
        "Greensleeves (Cid remix)",
        "Greensleeves (acoustic)",
        "Greensleeves (instrumental)",
        "Greensleeves (demo)",
        "Greensleeves, Pt. 2",
    ],
)
def test_a_version_that_says_so_is_another_recording(tmp_path: Path, other: str) -> None:
    """By the same artist, and to the millisecond as long."""
    rows = [track("a", title="Greensleeves"), track("b", title=other)]
    assert clusters(write(tmp_path, rows)) == {frozenset("a"), frozenset("b")}


def test_a_version_that_does_not_say_so_is_told_by_its_length(tmp_path: Path) -> None:
    rows = [
        track("studio", title="Greensleeves", duration_ms=180_000),
        track("live", title="Greensleeves", duration_ms=241_000),
        track("edit", title="Greensleeves", duration_ms=150_000),
    ]
    assert len(clusters(write(tmp_path, rows))) == 3


def test_a_title_alone_is_no_evidence(tmp_path: Path) -> None:
    rows = [
        track("known length", title="Greensleeves"),
        track("no length", title="Greensleeves", duration_ms=None),
        track("other people", title="Greensleeves", artists=["Somebody Else"]),
        track("nobody", title="Greensleeves", artists=[]),
        track("nobody again", title="Greensleeves", artists=[]),
    ]
    assert len(clusters(write(tmp_path, rows))) == len(rows)


def test_an_edit_that_begins_as_the_whole_does_is_another_recording(tmp_path: Path) -> None:
    """Fingerprints are of two minutes: those of an edit and of the whole may be equal to the bit."""
    rows = [
        track("whole", title="Greensleeves", duration_ms=600_000),
        track("edit", title="Greensleeves", duration_ms=420_000),
    ]
    snapshot = write(tmp_path, rows, linked=[link("whole", "edit", 0.0)])
    assert len(clusters(snapshot)) == 2


def test_what_sounds_alike_only_somewhat_stays_apart(tmp_path: Path) -> None:
    rows = [track("studio", title="Greensleeves"), track("remaster", title="Greensleeves (remix)")]
    assert len(clusters(write(tmp_path, rows, linked=[link("studio", "remaster", 0.15)]))) == 2


def test_equal_titles_of_files_that_do_not_sound_alike_merge_nothing(tmp_path: Path) -> None:
    """A live version as long as the studio's, whose title does not say so; and who knows which is meant."""
    rows = [
        track("studio", title="Greensleeves"),
        track("live", title="Greensleeves"),
        track("1", title="Greensleeves", source="table"),
    ]
    snapshot = write(tmp_path, rows, linked=[link("studio", "live", 0.47)])
    assert len(clusters(snapshot)) == 3
    (found,) = rows_of(snapshot, "conflicts")
    assert (found["kind"], json.loads(found["detail"])["merged"]) == ("title", False)


def test_equal_titles_of_files_that_sound_alike_are_one_recording(tmp_path: Path) -> None:
    rows = [track("a", title="Greensleeves"), track("b", title="Greensleeves"), track("c", title="Other")]
    snapshot = write(tmp_path, rows, linked=[link("a", "b", 0.15), link("a", "c", 0.47)])
    assert clusters(snapshot) == {frozenset("ab"), frozenset("c")}


def test_other_evidence_is_not_undone_by_the_sound(tmp_path: Path) -> None:
    """One ISRC, or one MusicBrainz id, is what people say; a remaster may sound quite different."""
    rows = [track(name, title="Greensleeves", isrcs=[ISRC_1]) for name in "ab"]
    snapshot = write(tmp_path, rows, linked=[link("a", "b", 0.3)])
    assert clusters(snapshot) == {frozenset("ab")}
