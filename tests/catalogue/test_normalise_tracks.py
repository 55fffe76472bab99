"""The quick way of making facts comparable means what the plain one means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.catalogue.normalise import normal_fact
from phonotheque.catalogue.normalise_tracks import OF_TRACKS, normal_tracks
from phonotheque.catalogue.schema import FACTS, TRACK_FACTS
from phonotheque.model.errors import UsageError
from phonotheque.model.text import fold, fold_all
from phonotheque.sources.gather import Gather

MBID = "0a1b2c3d-1111-4111-8111-00000000000f"
_PIECES = st.sampled_from(
    [
        *(
            "Song",
            " ",
            "  ",
            "\t",
            "\n",
            "\0",
            "é",
            "e\u0301",
            "É",
            "ß",
            "日本",
            "か\u3099",
            "ﾊﾟ",
            "Ｆ",
            "\u3000",
        ),
        *(
            "(feat. Bee)",
            " ft. Cee",
            "left",
            "Gift",
            "feat",
            "İ",
            "ŉ",
            "\ue000",
            "\u00ad",
            "‘",
            "…",
            "&",
            "the ",
        ),
        *("🎵", "\u0301", "ก็", "שָׁ", "مُ", "한", "ᄒ", "ᅡ", "ᆫ", "œ", "Æ", "ø", "!", "÷", "A, B", "_"),
    ]
)
_TEXTS = st.one_of(st.lists(_PIECES, max_size=5).map("".join), st.text(max_size=8))
_WELL_FORMED = _TEXTS.filter(lambda text: text.isascii() or "\ud800" not in ascii(text))
_MAYBE = st.none() | _WELL_FORMED
_LISTS = st.none() | st.lists(_WELL_FORMED, max_size=3)
_MBIDS = st.sampled_from(
    [None, "", MBID, MBID.upper(), f"https://musicbrainz.org/recording/{MBID}", "no id", "h" * 36]
)
_NUMBERS = st.sampled_from([None, 0, 1, 7, -1, 2**31 - 1, 2**31, 2**70, 180_000, 24 * 24 * 3600 * 1000 + 1])
_KINDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("recording_mbid", "track_mbid", "release_mbid", "release_group_mbid"), _MBIDS),
    **dict.fromkeys(("track_number", "track_total", "disc_number", "duration_ms"), _NUMBERS),
    **dict.fromkeys(("artists", "album_artists", "composers", "genres", "artist_ids"), _LISTS),
    "artist_mbids": st.none() | st.lists(_MBIDS, max_size=3),
    "isrcs": st.none()
    | st.lists(st.sampled_from(["USRC17607839", "us-rc1-76-07839", "USRC1760783O", ""]), max_size=3),
    "barcode": st.sampled_from([None, "", "4547366518764", "4547366518765", "000000000000"]),
    "file_sha256": st.sampled_from([None, "A" * 64]),
    "pcm_sha256": st.none(),
}
_FIELDS = {
    name: _KINDS.get(name, _MAYBE) for name in TRACK_FACTS.names if name not in ("source", "accession")
}
_SHARED = st.fixed_dictionaries({}, optional={k: v for k, v in _FIELDS.items() if k not in OF_TRACKS})
_TRACKS = st.fixed_dictionaries({}, optional={k: v for k, v in _FIELDS.items() if k in OF_TRACKS})


@settings(deadline=None)
@given(st.lists(st.tuples(_SHARED, st.lists(_TRACKS, max_size=3)), max_size=4))
def test_many_rows_at_once_mean_what_they_mean_one_by_one(
    releases: list[tuple[dict[str, Any], list[dict[str, Any]]]],
) -> None:
    rows = [
        {"source": "s", "accession": "a"} | {"record_id": str(n)} | shared | track | {"source_id": f"{n}-{m}"}
        for n, (shared, tracks) in enumerate(releases)
        for m, track in enumerate(tracks)
    ]
    wanted: list[tuple[str, str, str]] = []
    expected = [normal_fact(row, lambda *what: wanted.append(as_text(*what))) for row in rows]
    told: list[tuple[str, str, str]] = []
    found = normal_tracks(
        rows,
        [1] * len(rows),
        {name: [row.get(name) for row in rows] for name in OF_TRACKS},
        lambda _number, *what: told.append(as_text(*what)),
    )
    assert found.schema == FACTS
    assert found.to_pylist() == expected
    assert sorted(told) == sorted(wanted)


@settings(max_examples=50, deadline=None)
@given(st.lists(_TRACKS, min_size=1, max_size=4), _SHARED)
def test_a_release_given_as_columns_is_its_tracks_one_by_one(
    tracks: list[dict[str, Any]], shared: dict[str, Any]
) -> None:
    shared = shared | {"record_id": "r", "release_id": "r"}  # else its first track tells what it is
    fields = sorted({name for track in tracks for name in track} - {"source_id"})
    one_by_one, together = Gather("s", "a", "file"), Gather("s", "a", "file")
    for number, track in enumerate(tracks):
        one_by_one.track(**shared | track | {"source_id": str(number)})
    columns: dict[str, list[Any]] = {name: [track.get(name) for track in tracks] for name in fields}
    together.release(shared, columns | {"source_id": [str(number) for number in range(len(tracks))]})
    assert together.tables()["facts"] == one_by_one.tables()["facts"]


@given(st.lists(_WELL_FORMED, max_size=6))
def test_folding_many_is_folding_each(texts: list[str]) -> None:
    assert fold_all(texts) == [fold(text) for text in texts]


def test_what_is_left_out_names_its_record() -> None:
    gather = Gather("s", "a", "file")
    for position in (1, 2):
        gather.position, gather.record_id = position, f"r{position}"
        gather.release(
            {"record_id": f"r{position}", "release_mbid": "none" if position == 2 else MBID},
            {"source_id": ["1", "2"], "duration_ms": [1, -1 if position == 2 else 1]},
        )
    rejects = gather.tables()["rejects"].to_pylist()
    assert [(row["position"], row["record_id"], row["field"]) for row in rejects] == [
        (2, "r2", "duration_ms"),
        (2, "r2", "release_mbid"),
    ]


@pytest.mark.parametrize(
    ("shared", "tracks"),
    [
        ({}, {"source_id": ["1"], "album": ["an album"]}),
        ({}, {"source_id": ["1", "2"], "title": ["one"]}),
        ({"file_sha256": "no hash"}, {"source_id": ["1"]}),
    ],
)
def test_what_makes_no_sense_is_refused(shared: dict[str, Any], tracks: dict[str, Any]) -> None:
    def read() -> None:
        gather = Gather("s", "a", "file")
        gather.release({"record_id": "r"} | shared, tracks)
        gather.tables()

    with pytest.raises(UsageError):
        read()


def as_text(field: str, value: object, reason: str) -> tuple[str, str, str]:
    return field, repr(value), reason
