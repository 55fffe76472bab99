"""What recordings are narrowed down by, as it is made and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.catalogue import facets, held_table
from phonotheque.catalogue.held_table import Kind
from phonotheque.catalogue.manifest import Snapshot, SourceCount
from tests.catalogue.catalogue_facts import track, write
from tests.catalogue.catalogue_tables import public_id, recording, write_tables


def _go_on() -> None:
    """Nothing stops it."""


def _built(snapshot: Snapshot) -> list[tuple[int, str, int]]:
    path = snapshot.path / facets.FACETS
    facets.build(path, snapshot, _go_on)
    rows = [tuple(map(int, row)) for row in facets.read(snapshot)]
    return [(year, facets.country_name(code) if code else "", bits) for year, code, bits in rows]


def _snapshot(
    folder: Path, dates: list[str | None], on: list[tuple[int, int | None]], releases: list[tuple[Any, Any]]
) -> Snapshot:
    facts = [
        {"source": "tests", "accession": "a", "record_id": str(n), "source_id": str(n)}
        for n in range(len(on))
    ]
    return write_tables(
        folder,
        {
            "recordings": [recording(n, date=date) for n, date in enumerate(dates)],
            "tracks": [{"recording": r, "fact": n, "release": release} for n, (r, release) in enumerate(on)],
            "facts": facts,
            "releases": [
                {"release": n, "id": public_id(f"release {n}"), "date": date, "country": country}
                for n, (date, country) in enumerate(releases)
            ],
        },
    )


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
def test_the_country_is_that_of_the_earliest_release_that_says_one(
    tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "_BATCH", batch)
    releases = [
        ("1969-09-26", "GB"),
        ("1969-09", "US"),
        ("1969", "FR"),
        ("1968", None),
        (None, "JP"),
        ("1969-09-25", "XW"),
    ]
    on: list[tuple[int, int | None]] = [
        *((0, release) for release in range(5)),
        *((1, release) for release in (4, 3, 2)),
        (2, None),
        (2, 4),
        (3, 3),
        *((4, release) for release in (0, 5)),
    ]
    snapshot = _snapshot(tmp_path, [None] * 6, on, releases)
    assert [country for _, country, _ in _built(snapshot)] == ["GB", "FR", "JP", "", "XW", ""]


@pytest.mark.parametrize("batch", [1, 1000])
def test_the_year_is_that_of_the_earliest_date(
    tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "_BATCH", batch)
    dates = ["1999", "1999-03", "1999-03-01", "0987-12-31", None, "9999"]
    assert [year for year, _, _ in _built(_snapshot(tmp_path, dates, [], []))] == [
        1999,
        1999,
        1999,
        987,
        0,
        9999,
    ]


def test_sources_are_bits_whether_a_part_is_of_one_or_of_several(tmp_path: Path) -> None:
    snapshot = write(
        tmp_path,
        [
            track("One", isrcs=["FRZ039800212"]),
            track("One again", title="One", isrcs=["FRZ039800212"], source="discogs"),
            track("Two", source="discogs", artists=["Else"]),
            track("Three", source="musicbrainz", artists=["Third"]),
        ],
    )
    names = facets.source_names(snapshot)
    assert names == ("discogs", "folder", "musicbrainz")
    assert sorted(bits for _, _, bits in _built(snapshot)) == [0b001, 0b011, 0b100]


def test_of_more_sources_than_bits_the_last_bit_stands_for_the_others(tmp_path: Path) -> None:
    names = [f"source-{n:02}" for n in range(20)]
    facts = [{"source": name, "accession": "a", "record_id": name, "source_id": name} for name in names]
    on = [{"recording": n, "fact": n} for n in range(20)]
    snapshot = write_tables(
        tmp_path, {"recordings": [recording(n) for n in range(20)], "tracks": on, "facts": facts}
    )
    snapshot = replace(snapshot, sources=tuple(SourceCount(name, 1, 1) for name in names))
    assert facets.source_names(snapshot) == (*names[:15], facets.OTHERS)
    assert [bits for _, _, bits in _built(snapshot)] == [1 << min(n, 15) for n in range(20)]


def test_without_recordings_there_is_nothing(tmp_path: Path) -> None:
    assert _built(write_tables(tmp_path)) == []


def test_a_file_of_another_size_is_not_read(tmp_path: Path) -> None:
    snapshot = _snapshot(tmp_path, ["1999"], [], [])
    _built(snapshot)
    (snapshot.path / facets.FACETS).write_bytes(b"12345")
    with pytest.raises(ValueError, match="not of 1 recordings"):
        facets.read(snapshot)


@given(st.text("ABYZaz1é", max_size=3))
def test_countries_are_numbers_and_back(text: str) -> None:
    code = facets.country_code(text)
    if len(text) == 2 and text.isascii() and text.isupper() and text.isalpha():
        assert facets.country_name(code) == text
        assert 0 < code < 1 << 10
    else:
        assert code == 0


FREE = Kind(("CC0-1.0",), ("flac",), ("WORLD",))
FRENCH = Kind(("CC-BY-4.0",), ("mp3",), ("FR",))


def _held(folder: Path) -> Snapshot:
    rows = [{"sha256": f"{n:064x}", "fact": n, "recording": n // 2} for n in range(8)]
    return write_tables(folder, {"recordings": [recording(n) for n in range(5)], "files": rows})


def test_a_recording_is_of_the_kinds_of_all_its_masters(tmp_path: Path) -> None:
    snapshot = _held(tmp_path)
    masters = [(f"{0:064x}", FREE), (f"{2:064x}", FREE), (f"{3:064x}", FRENCH), (f"{6:064x}", FRENCH)]
    held_table.make(snapshot, [masters[:2], masters[2:], [("f" * 64, FREE)]], "basis")
    table = held_table.read(snapshot)
    assert table is not None
    kinds = [table.kinds[code - 1] if code else None for code in table.codes]
    both = Kind(("CC-BY-4.0", "CC0-1.0"), ("flac", "mp3"), ("FR", "WORLD"))
    assert kinds == [FREE, both, None, FRENCH, None]
    assert (table.basis, table.held, table.nth([2, 0])) == ("basis", 3, [3, 0])


def test_the_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    snapshot = _held(tmp_path)
    held_table.make(snapshot, [[(f"{0:064x}", FREE)]], "one")
    before = held_table.read(snapshot)
    held_table.make(snapshot, [], "two")
    after = held_table.read(snapshot)
    assert before is not None
    assert after is not None
    assert (before.held, after.held, int(before.codes[0]), int(after.codes[0])) == (1, 0, 1, 0)
    assert not [path.name for path in snapshot.path.iterdir() if path.name.startswith(".held")]


def test_of_too_many_kinds_the_rest_keeps_its_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_table, "_MOST_KINDS", 1)
    snapshot = _held(tmp_path)
    held_table.make(snapshot, [[(f"{0:064x}", FREE), (f"{2:064x}", FRENCH)]], "")
    table = held_table.read(snapshot)
    assert table is not None
    assert table.kinds == (FREE, Kind((), ("mp3",), ()))


def test_a_number_without_a_kind_is_none(tmp_path: Path) -> None:
    snapshot = _held(tmp_path)
    held_table.make(snapshot, [[(f"{0:064x}", FREE)]], "")
    path = snapshot.path / held_table.HELD
    data = path.read_bytes()
    path.write_bytes(data[:-4] + b"\xff" * 4)
    table = held_table.read(snapshot)
    assert table is not None
    assert table.numbers(np.arange(5)).tolist() == [1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: data[:8] + b"x" + data[9:],
        lambda data: data.replace(b'"version": 1', b'"version": 9'),
        lambda data: data.replace(b'"kinds"', b'"minds"'),
    ],
)
def test_a_table_that_makes_no_sense_is_none(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    snapshot = _held(tmp_path)
    held_table.make(snapshot, [[(f"{0:064x}", FREE)]], "")
    path = snapshot.path / held_table.HELD
    path.write_bytes(spoil(path.read_bytes()))
    assert held_table.read(snapshot) is None
