"""The attribution report: what comes first, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from phonotheque.catalogue.conflicts import KINDS, conflicts, explain
from phonotheque.model.errors import UsageError, VerificationError
from tests.catalogue.catalogue_tables import conflict, recording, write_tables

TWO = {
    "titles": ["Jóga", "Joga"],
    "artists": ["Björk", "Somebody"],
    "durations_ms": [180_000, 225_400],
    "recording_mbids": [None, None],
    "merged": False,
    "disagree": ["duration", "artist"],
}


@dataclass(frozen=True)
class Told:
    kind: str
    evidence: str
    detail: str


def said(kind: str, evidence: str, **detail: Any) -> str:
    return explain(Told(kind, evidence, json.dumps(detail)))


A, B = "“Jóga” by Björk (3:00)", "“Joga” by Somebody (3:45)"
BOTH = "The length and artists differ."
APART, TOGETHER = "They are kept as two recordings.", "They are kept as one recording."
FASTER = (
    "“Joga” by Somebody (3:20) may be “Jóga” by Björk (4:10) played 1.25 times as fast. "
    f"The length differs. {APART}"
)
REVIEW = (
    f"{A} and {B} sound alike, and may be one recording. The length differs. "
    f"The lengths are as of one recording at two speeds. {APART}"
)
TITLE = f"{A} and {B} have the same title and artists, and may be one recording."
NIGHTCORE = {"titles": ["Jóga (Sped-up, 8D)"] * 2, "artists": ["X"] * 2, "durations_ms": [60_000] * 2}
REGISTRANT = (
    f"{B} has an ISRC of the registrant QZK6H, as nothing else by this artist has; the others are like that "
    f"of {A}. It may be somebody else’s, or only of another label."
)

SAID: list[tuple[str, str, dict[str, Any], str]] = [
    ("isrc", "GBAAA0100001", {}, f"The ISRC GBAAA0100001 is on {A} and on {B}. {BOTH} {APART}"),
    ("sound", "abab", {"merged": True}, f"The same sound is told as {A} and as {B}. {BOTH} {TOGETHER}"),
    (
        "title",
        "joga / bjork",
        {"disagree": [], "uncorroborated": True, "sources": ["discogs", "discogs"]},
        f"{TITLE} Only one source says so: discogs. {APART}",
    ),
    (
        "fingerprint",
        "bit error rate 0.0700",
        {},
        f"{A} sounds like {B}, by other people: one may be a copy of the other. {BOTH} {APART}",
    ),
    (
        "fingerprint",
        "bit error rate 0.1500",
        {"disagree": ["duration", "speed"]},
        REVIEW,
    ),
    (
        "speed",
        "joga / bjork",
        {"disagree": ["artist"], "uncorroborated": True},
        f"{B} may be {A} slowed to 0.80 of its speed. The artists differ. Only one source says so. {APART}",
    ),
    (
        "speed",
        "joga / bjork",
        {"durations_ms": [250_000, 200_000], "disagree": ["duration", "speed"]},
        FASTER,
    ),
    (
        "speed",
        "joga / bjork",
        {"durations_ms": None},
        f"{B[:-7]} may be {A[:-7]} at another speed. {BOTH} {APART}",
    ),
    ("registrant", "QZK6H", {}, REGISTRANT),
    (
        "tokens",
        "joga sped up 8d / x",
        NIGHTCORE,
        "The title of “Jóga (Sped-up, 8D)” by X (1:00) tells of an alteration: “sped up” and “8d”.",
    ),
    ("later", "x", {}, f"{A} and {B} are in doubt, of the kind “later”. {BOTH} {APART}"),
]


@pytest.mark.parametrize(("kind", "evidence", "detail", "sentence"), SAID)
def test_every_kind_is_explained(kind: str, evidence: str, detail: dict[str, Any], sentence: str) -> None:
    assert said(kind, evidence, **(TWO | detail)) == sentence


def test_no_kind_needs_any_detail() -> None:
    for kind in KINDS:
        assert said(kind, "x").endswith(".")


@pytest.mark.parametrize("detail", ["", "[]", "{", "[" * 100_000, "null"])
def test_a_detail_that_is_none_is_damage(detail: str) -> None:
    with pytest.raises(VerificationError, match="isrc 'x'"):
        explain(Told("isrc", "x", detail))


def test_the_highest_score_comes_first(tmp_path: Path) -> None:
    found = [
        conflict("title", score=0.2),
        conflict("isrc", score=0.9, evidence="ISRC", recording_b=0, detail={"merged": True}),
        conflict("speed", score=0.9, evidence="a"),
        *(conflict("tokens", score=0.1, recording_b=None, evidence=str(n)) for n in range(30)),
    ]
    snapshot = write_tables(
        tmp_path, {"recordings": [recording(0, listens=5), recording(1)], "conflicts": found}
    )
    first = conflicts(snapshot, limit=3)
    assert [(one.kind, one.score) for one in first.entries] == [("isrc", 0.9), ("speed", 0.9), ("title", 0.2)]
    assert (first.entries[0].a.title, first.entries[0].a.listens, first.entries[0].b) == ("Song 0", 5, None)
    assert first.entries[1].b is not None
    assert first.counts == {"isrc": 1, "speed": 1, "title": 1, "tokens": 30}
    assert first.total == 33
    assert [one.kind for one in conflicts(snapshot, min_score=0.5).entries] == ["isrc", "speed"]
    few = conflicts(snapshot, kind="tokens", limit=4)
    assert ([one.evidence for one in few.entries], few.total) == (["0", "1", "10", "11"], 30)
    assert conflicts(snapshot, kind="sound").entries == ()
    with pytest.raises(UsageError, match="isrc, sound"):
        conflicts(snapshot, kind="loudness")


def test_a_catalogue_without_conflicts(tmp_path: Path) -> None:
    found = conflicts(write_tables(tmp_path))
    assert (found.counts, found.total, found.entries) == ({}, 0, ())


def test_a_conflict_about_nothing_is_damage(tmp_path: Path) -> None:
    snapshot = write_tables(tmp_path, {"conflicts": [conflict("isrc")]})
    with pytest.raises(VerificationError, match="does not exist"):
        conflicts(snapshot)
