"""Searching page by page, narrowed down by facets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phonotheque.catalogue import browse, held_table
from phonotheque.catalogue.answers import Answers
from phonotheque.catalogue.browse import Listed, Place
from phonotheque.catalogue.held_table import Kind
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.sieve import ANY, Chosen, heard_in, years
from phonotheque.catalogue.views import Hit
from tests.catalogue.catalogue_tables import public_id, recording, write_tables

MANY = 700
COUNTRIES = ("FR", "DE", None)


def _release(key: int) -> dict[str, Any]:
    return {
        "release": key,
        "id": public_id(f"release {key}"),
        "title": f"Album {key}",
        "date": f"{1970 + key}",
        "country": COUNTRIES[key % 3],
    }


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """Songs: every second is of 1967, the others of later years; each on one or two of six releases."""
    folder = tmp_path_factory.mktemp("catalogue")
    tracks = [
        {"recording": n, "fact": 2 * n + twice, "release": (n + twice) % 6}
        for n in range(MANY)
        for twice in (0, 1)
    ]
    facts = [
        {"source": "tests" if n % 4 else "other", "accession": "a", "record_id": str(n), "source_id": str(n)}
        for n in range(2 * MANY)
    ]
    snapshot = write_tables(
        folder,
        {
            "recordings": [
                recording(n, date="1967-05" if n % 2 else f"{1968 + n % 30}" if n else None, listens=9999 - n)
                for n in range(MANY)
            ],
            "tracks": tracks,
            "facts": facts,
            "releases": [_release(key) for key in range(6)],
            "artists": [
                {"artist": n, "id": public_id(f"artist {n}"), "name": name, "recordings": n}
                for n, name in enumerate(("Élodie", "ELODIE", "Album 3", "Étienne"))
            ],
            "files": [{"sha256": f"{n:064x}", "fact": 2 * n, "recording": n} for n in range(0, MANY, 5)],
        },
    )
    flac, ogg = Kind(("CC-BY-4.0",), ("flac",), ("WORLD",)), Kind(("CC0-1.0",), ("vorbis",), ("FR",))
    masters = [(f"{n:064x}", flac if n % 2 else ogg) for n in range(0, MANY, 5)]
    held_table.make(snapshot, [masters], "test")
    with Catalogue.open(folder) as opened:
        yield opened


def _pages(catalogue: Catalogue, query: str, chosen: Chosen = ANY, most: int = 20) -> Iterator[Listed]:
    place: Place | None = Place()
    while place is not None:
        listed = catalogue.look(query, chosen, place, most=most, held=held_table.read(catalogue.snapshot))
        yield listed
        place = listed.following


def _all(catalogue: Catalogue, query: str, chosen: Chosen = ANY, most: int = 20) -> list[Hit]:
    return [hit for page in _pages(catalogue, query, chosen, most) for hit in page.hits]


def _numbers(hits: list[Hit]) -> list[int]:
    return [int(str(hit.title).removeprefix("Song ")) for hit in hits]


@pytest.mark.parametrize("query", ["song", "somebody s", "", "album", "son"])
def test_all_pages_together_are_all_that_was_found(catalogue: Catalogue, query: str) -> None:
    numbers = _numbers(_all(catalogue, query))
    assert len(numbers) == len(set(numbers)) == MANY
    assert numbers[200:] == sorted(numbers[200:])
    for page in _pages(catalogue, query):
        assert (page.total, page.looked, page.whole) == (MANY, MANY, True)
        assert len(page.hits) == 20 or page.following is None


def test_the_closest_come_first_and_then_the_most_listened(catalogue: Catalogue) -> None:
    assert _numbers(_all(catalogue, "song 5"))[0] == 5
    assert _numbers(_all(catalogue, "song 699")) == [699]


@pytest.mark.parametrize("query", ["song", ""])
@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Chosen(year="1967"), [n for n in range(MANY) if n % 2]),
        (Chosen(year="1960s"), [n for n in range(MANY) if n % 2 or (n and n % 30 < 2)]),
        (Chosen(country="FR"), [n for n in range(MANY) if {n % 6, (n + 1) % 6} & {0, 3}]),
        (Chosen(country="DE"), [n for n in range(MANY) if n % 6 in (1, 4)]),
        (Chosen(source="tests"), list(range(MANY))),
        (Chosen(holding="held"), list(range(0, MANY, 5))),
        (Chosen(holding="known"), [n for n in range(MANY) if n % 5]),
        (Chosen(holding="heard"), [n for n in range(0, MANY, 5) if n % 2]),
        (Chosen(licence="CC0-1.0"), list(range(0, MANY, 10))),
        (Chosen(format="flac", year="1967"), list(range(5, MANY, 10))),
        (Chosen(format="flac", licence="CC0-1.0"), []),
        (Chosen(year="2525"), []),
        (Chosen(country="XX"), []),
        (Chosen(source="nobody"), []),
    ],
)
def test_only_what_was_chosen_is_found(
    catalogue: Catalogue, query: str, chosen: Chosen, expected: list[int]
) -> None:
    found = _all(catalogue, query, chosen)
    assert sorted(_numbers(found)) == expected
    assert next(_pages(catalogue, query, chosen)).total == len(expected)


def test_facets_are_counted_each_without_its_own_choice(catalogue: Catalogue) -> None:
    counts = next(_pages(catalogue, "song", Chosen(year="1967", holding="held"))).counts
    assert counts["holding"] == {"held": 70, "heard": 70, "known": MANY // 2 - 70}
    assert counts["year"]["1967"] == 70
    assert counts["year"].total() == 139  # without the one of no year
    assert counts["licence"] == {"CC-BY-4.0": 70}
    assert counts["format"] == {"flac": 70}
    assert counts["source"] == {"tests": 70}


def test_where_somebody_is_decides_what_may_be_heard(catalogue: Catalogue) -> None:
    held = held_table.read(catalogue.snapshot)
    for country, number in (("FR", 140), ("DE", 70), ("", 70)):
        assert catalogue.look("", held=held, country=country).counts["holding"]["heard"] == number
    assert heard_in("WORLD -DE", "FR")
    assert not heard_in("WORLD -DE", "DE")


def test_each_hit_says_whether_it_is_held_and_may_be_heard(catalogue: Catalogue) -> None:
    for query, chosen in (("song", ANY), ("", ANY), ("song", Chosen(holding="heard"))):
        for page in _pages(catalogue, query, chosen):
            for number, held in zip(_numbers(list(page.hits)), page.held, strict=True):
                assert held == ("" if number % 5 else "heard" if number % 2 else "held")


def test_what_was_corrected_is_said_on_every_page(catalogue: Catalogue) -> None:
    pages = list(_pages(catalogue, "sombody"))
    assert {page.corrected for page in pages} == {"somebody"}
    assert len(pages) == MANY // 20


def test_words_that_are_found_but_not_as_chosen_are_not_corrected(catalogue: Catalogue) -> None:
    listed = next(_pages(catalogue, "song", Chosen(year="2525")))
    assert (listed.hits, listed.corrected, listed.total) == ((), None, 0)
    assert listed.counts["year"]["1967"] == MANY // 2


def test_what_only_a_closer_look_finds_is_counted_too(tmp_path: Path) -> None:
    words = [f"x{n:03}" for n in range(100)]  # more than one beginning is completed to
    rows = [recording(n, title=word, date=f"{1900 + n}", listens=999 - n) for n, word in enumerate(words)]
    write_tables(tmp_path, {"recordings": rows})
    with Catalogue.open(tmp_path) as other:
        listed = other.look("somebody x", most=90)
        assert len(listed.hits) == 90
        assert (listed.total, listed.looked, listed.counts["year"].total()) == (100, 100, 100)
        other_years = other.look("somebody x", Chosen(year="1990s"), most=90)
        assert (other_years.total, other_years.counts["year"].total()) == (10, 100)


def test_what_has_no_year_is_of_none(tmp_path: Path) -> None:
    write_tables(tmp_path, {"recordings": [recording(0), recording(1, date="0007")]})
    with Catalogue.open(tmp_path) as other:
        for query in ("", "song"):
            assert _numbers(list(other.look(query, Chosen(year="0000s")).hits)) == [1]
            assert not other.look(query, Chosen(year="0000")).hits


def test_without_a_table_of_what_is_held_nothing_is_said_of_it(catalogue: Catalogue) -> None:
    listed = catalogue.look("song")
    assert not listed.counts["licence"]
    assert not listed.counts["holding"]


def test_one_page_costs_so_many_matches_and_says_how_many(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("COUNTED", 50), ("LOOKED", 100), ("_AT_ONCE", (10, 40, 50))):
        monkeypatch.setattr(browse, name, number)
    chosen = Chosen(year="1997")  # every thirtieth of even ones
    pages = list(_pages(catalogue, "song", chosen))
    assert (pages[0].looked, pages[0].whole) == (50, False)
    assert len(pages[0].hits) < 20
    assert pages[0].following is not None
    assert _numbers([hit for page in pages for hit in page.hits]) == []
    chosen = Chosen(year="1970")
    numbers = _numbers(_all(catalogue, "song", chosen))
    assert sorted(numbers) == list(range(2, MANY, 30))
    assert not catalogue.look("song", chosen, Place(False, MANY + 5)).hits


@pytest.mark.parametrize("text", ["", "19", "196Xs", "1967s", "19677", "١٩٦٧", "1967 "])
def test_what_is_no_year_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no year"):
        years(text)


def test_held_recordings_are_found_by_their_places(catalogue: Catalogue) -> None:
    held = held_table.read(catalogue.snapshot)
    assert held is not None
    assert held.held == MANY // 5
    assert held.nth(range(held.held)) == list(range(0, MANY, 5))


def test_facets_that_are_gone_are_made_again(catalogue: Catalogue, tmp_path: Path) -> None:
    write_tables(tmp_path, {"recordings": [recording(0, date="1999")]})
    with Catalogue.open(tmp_path) as other:
        (other.snapshot.path / "facets.bin").unlink()
        assert other.look("").counts["year"] == {"1999": 1}


def test_artists_and_releases_are_found_by_their_whole_name(catalogue: Catalogue) -> None:
    assert [(lead.kind, lead.name) for lead in catalogue.called(" elodie ")] == [
        ("artist", "ELODIE"),  # of more recordings
        ("artist", "Élodie"),
    ]
    found = [(lead.kind, lead.name, lead.date) for lead in catalogue.called("album 3")]
    assert found == [("artist", "Album 3", None), ("release", "Album 3", "1973")]
    for name in ("elod", "", "\0", "x" * 10_000):
        assert catalogue.called(name) == ()


def test_codes_lead_to_what_they_name_and_words_to_nothing(catalogue: Catalogue) -> None:
    assert [lead.kind for lead in catalogue.leads(public_id("artist 1"))] == ["artist"]
    assert [lead.name for lead in catalogue.leads(f"{15:064X}")] == ["Song 15"]
    for text in ("song", "facade", "a1", "r12", "", "1234", "0" * 62, "2026-11-21"):
        assert catalogue.leads(text) == ()


def test_the_last_answers_are_kept() -> None:
    asked: list[str] = []
    answers = Answers[str](2)

    def answer(text: str) -> str:
        return answers.get(text, lambda: asked.append(text) or text.upper())  # type: ignore[func-returns-value]

    assert [answer(text) for text in "abacab"] == list("ABACAB")
    assert "".join(asked) == "abcb"


def test_answers_that_are_too_large_are_not_kept() -> None:
    answers = Answers[str](2, lambda answer: len(answer) < 3)
    assert answers.get("a", lambda: "ab") == answers.get("a", lambda: "other") == "ab"
    assert answers.get("b", lambda: "abc") == "abc"
    assert answers.get("b", lambda: "ab") == "ab"


def test_a_name_that_was_asked_for_is_not_looked_up_again(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = catalogue.called("étienne")
    assert [lead.name for lead in before] == ["Étienne"]
    monkeypatch.setattr(catalogue, "_ask", None)
    assert catalogue.called("étienne") == before
