"""Labels: found by name, listed in order, with their releases by date, some at a time."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from phonotheque.catalogue.index_labels import LABELS, PART, _in_parts
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.model.errors import NotFoundError
from tests.catalogue.catalogue_facts import track, write

LONG = "L" * 2000


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    rows = [
        track(f"t{number}", album=f"Album {number:03}", label=label, date=date, catalogue_number=f"N{number}")
        for number, (label, date) in enumerate(
            [
                ("Édition Zéro", "1999-03-01"),
                ("Edition zero", "1980"),
                ("Édition Zéro", None),
                ("Blue Note", "1957"),
                ("!!!", "2001"),
                (LONG, "2002"),
                ("  ", "2003"),
                (None, "2004"),
                ("blue-note", "1955"),
                ("Blue Note", "1955"),
            ]
        )
    ]
    rows += [track(f"m{n}", album=f"Many {n:04}", label="Many", date=str(1900 + n % 100)) for n in range(700)]
    folder = tmp_path_factory.mktemp("labels") / "catalogue"
    write(folder, rows)
    return Catalogue.open(folder)


def names(catalogue: Catalogue, beginning: str = "", after: str = "") -> list[str]:
    return [label.name for label in catalogue.labels(beginning, after)]


def test_spellings_of_a_label_are_one_and_lists_are_in_order(catalogue: Catalogue) -> None:
    assert names(catalogue) == ["!!!", "Blue Note", "Édition Zéro", LONG[:500], "Many"]
    assert [label.releases for label in catalogue.labels()] == [1, 3, 3, 1, 700]
    assert names(catalogue, beginning="EDITION z") == ["Édition Zéro"]
    assert names(catalogue, beginning="zz") == []
    assert names(catalogue, after="Blue  note") == ["Édition Zéro", LONG[:500], "Many"]
    assert [label.name for label in catalogue.labels(most=1)] == ["!!!"]


def test_releases_of_a_label_come_by_date_and_those_without_one_last(catalogue: Catalogue) -> None:
    found = catalogue.label("edition zéro")
    assert [(one.title, one.date, one.catalogue_number) for one in found.releases] == [
        ("Album 001", "1980", "N1"),
        ("Album 000", "1999-03-01", "N0"),
        ("Album 002", None, "N2"),
    ]
    assert found.following is None
    assert found.label.releases == 3
    shown = catalogue.show(found.releases[0].id)
    assert shown.id == found.releases[0].id
    assert len(catalogue.label(LONG).releases) == 1


def test_parts_of_a_label_go_on_over_batches() -> None:
    keys = np.repeat(np.array([0, 1 << 12, 9 << 12]), [3, 2 * PART + 5, PART])
    values = np.arange(len(keys))
    made = []
    for size in (1, 1000, 4095, 4096, 10_000):
        batches = (
            pa.record_batch({"k": keys[i : i + size], "v": values[i : i + size]})
            for i in range(0, len(keys), size)
        )
        found = list(_in_parts(batches))
        made.append(np.concatenate([each for each, _ in found]).tolist())
        assert np.concatenate([each for _, each in found]).tolist() == values.tolist()
    assert all(one == made[0] for one in made)
    assert made[0] == sorted(made[0])
    assert Counter(made[0]) == {0: 3, 4096: PART, 4097: PART, 4098: 5, 9 << 12: PART}


def test_pages_of_a_large_label_have_each_release_once(catalogue: Catalogue) -> None:
    seen, begin, dates = set(), 0, []
    while True:
        page = catalogue.label("many", begin, most=60)
        seen |= {one.id for one in page.releases}
        dates += [one.date for one in page.releases]
        if page.following is None:
            break
        begin = page.following
    assert len(seen) == len(dates) == 700
    assert dates == sorted(dates, key=str)


def test_labels_that_there_are_not_are_said_not_to_be(catalogue: Catalogue) -> None:
    for name in ("", "Blue", "x" * 100_000, "\0"):
        with pytest.raises(NotFoundError):
            catalogue.label(name)
    assert catalogue.label("Blue Note", begin=2**62).releases == ()


def test_a_lost_file_of_labels_is_made_again(tmp_path: Path) -> None:
    write(tmp_path, [track("a", album="A", label="L")])
    with Catalogue.open(tmp_path) as catalogue:
        place = catalogue.snapshot.path / LABELS
        place.unlink()
        assert names(catalogue) == ["L"]
        with sqlite3.connect(place) as opened:
            opened.execute("DROP TABLE labels")
        opened.close()
        assert names(catalogue) == ["L"]
