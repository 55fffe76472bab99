from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.editions.about import About
from phonotheque.editions.edition import BagEntry, TorrentEntry
from phonotheque.mirrors.only import FIELDS, Known, find_named, parse_query, unwanted
from phonotheque.model.errors import UsageError, VerificationError

SEALED = "c" * 64
BAG = BagEntry(
    id="songs-0001-0001",
    wave=1,
    edition=3,
    audience="WORLD",
    payload_bytes=900,
    payload_files=10,
    bytes=5_000_000,
    files=15,
    tagmanifest_sha256=SEALED,
    recordings=8,
    listens=1200,
    torrent=TorrentEntry("editions/3/torrents/x.torrent", 10, "d" * 64, "e" * 40, "f" * 64),
)
ABOUT = About(
    BAG.id,
    SEALED,
    10,
    {("CC0-1.0",): 6, ("CC-BY-SA-4.0", "CC0-1.0"): 2, ("public-domain",): 1, (): 1},
    {1957: 4, 1960: 3, 1999: 1},
    {"master": 7, "access": 3},
)


def known(**changes: Any) -> Known:
    return Known({BAG.id: replace(ABOUT, **changes)}, {})


def asked(query: str, bag: BagEntry = BAG, what: Known | None = None) -> bool:
    return not unwanted(parse_query(query), bag, known() if what is None else what)


@pytest.mark.parametrize(
    ("terms", "query", "wanted"),
    [
        ({("CC0-1.0",): 10}, "licence:cc0", True),
        ({("CC0-1.0",): 10}, "license:CC0-1.0", True),
        ({("CC0-1.0",): 9, (): 1}, "licence:cc0", False),
        ({("CC0-1.0",): 9, (): 1}, "licence:cc0 share:90%", True),
        ({("CC0-1.0",): 9, ("CC-BY-4.0",): 1}, "licence:cc0,cc-by", True),
        ({("CC-BY-SA-4.0",): 10}, "licence:cc-by", False),
        ({("CC-BY-NC-4.0",): 10}, "licence:cc-by*", True),
        ({("CC-BY-3.0-FR",): 10}, "licence:cc-by", True),
        ({("CC-BY-3.0-FR",): 10}, "licence:cc-by-3.0", False),
        ({("CC0-1.0", "public-domain"): 10}, "licence:cc0", False),
        ({("CC0-1.0", "public-domain"): 10}, "licence:cc0,public-domain", True),
        ({("CC-BY-4.0 OR CC0-1.0",): 10}, 'licence:"cc-by-4.0 or cc0-1.0"', True),
        ({("CC0-1.0",): 9, ("CC-BY-NC-4.0", "CC0-1.0"): 1}, "-licence:*-nc-*", False),
        ({("CC0-1.0",): 9, ("CC-BY-NC-4.0", "CC0-1.0"): 1}, "-licence:*-nc-* share:90%", True),
        ({("CC0-1.0",): 10}, "-licence:*-nc-*", True),
    ],
)
def test_licences_are_those_of_all_files(terms: Any, query: str, wanted: bool) -> None:
    assert asked(query, what=known(terms=terms)) == wanted


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", True),
        ("year:..1960", False),  # two have no date
        ("year:..1960 share:70%", True),
        ("year:..1960 share:71%", False),
        ("year:1957,1990.. share:50%", True),
        ("-year:1999", False),
        ("-year:2000..", True),
        ("kind:master", False),
        ("kind:master,access", True),
        ("-kind:sidecar", True),
        ("audience:world", True),
        ("audience:FR", False),
        ('-audience:"DE FR"', True),
        ("bag:songs-0001-*", True),
        ("bag:Songs-0001-0001", True),
        ("bag:songs", False),
        ("wave:audio", True),
        ("wave:1,2", True),
        ("-wave:audio", False),
        ("size:..5MB", True),
        ("size:6MB..", False),
        ("edition:3", True),
        ("edition:1..2", False),
        ("listens:1000..", True),
        ("recordings:8..8", True),
        ("wave:audio edition:4..", False),
    ],
)
def test_other_fields_are_those_of_the_files_or_of_the_bag(query: str, wanted: bool) -> None:
    assert asked(query) == wanted


def test_the_reason_names_the_term_and_counts() -> None:
    assert unwanted(parse_query("licence:cc0"), BAG, known()) == (
        "not asked for by licence:cc0: 6 of its 10 files are"
    )
    assert "wave:artwork: it is not" in unwanted(parse_query("size:1.. wave:artwork"), BAG, known())
    assert unwanted(parse_query("-wave:audio"), BAG, known()) == "not asked for by -wave:audio: it is"
    assert "does not say what is in it" in unwanted(parse_query("licence:cc0"), BAG, Known(None))
    other = known(tagmanifest_sha256="0" * 64)  # of another bag by that name
    assert "does not say what is in it" in unwanted(parse_query("-year:1999"), BAG, other)
    assert not asked("listens:..100", replace(BAG, listens=None))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("cc0", "“cc0” names no field"),
        ("licence:cc0 yaer:..1960", "“yaer:..1960” names no field that there is (licence, year"),
        ("licence:", "“licence:” has no value"),
        ("licence:cc0,,mit", "“licence:cc0,,mit” has no value, or an empty one"),
        ("year:50..60", "“year:50..60” has no year: “50”"),
        ("year:1960..1950", "a range in which nothing lies"),
        ("size:..", "bounds nothing"),
        ("size:..huge", "has no size: “huge” is not a size."),
        ("listens:-1", "“listens:-1” has no number"),
        ("wave:music", "none of the waves catalogue, audio, artwork"),
        ("kind:mp3", "none of the kinds master"),
        ("recording:12", "what is no UUID"),
        ("audience:XX", "“audience:XX” names no territory"),
        ("share:0%", "“share:0%” is no share"),
        ("share:50", "is no share from 1% to 100%"),
        ("-share:50%", "without a minus"),
        ("share:50% share:60%", "“share:60%” can stand once"),
        ('artist:"Some Name', '“artist:"Some Name” has a quotation mark without'),
        ('artist:a "', "has a quotation mark without its other half"),
        ("wave:1 " * 101, "more than 100 terms"),
        ("bag:" + "a" * 2000, "longer than 2000 characters"),
    ],
)
def test_a_term_that_makes_no_sense_is_named(query: str, named: str) -> None:
    with pytest.raises(UsageError, match=r"^--only: ") as caught:
        parse_query(query)
    assert named in caught.value.message


@given(st.text(st.sampled_from('lcar:istyea"-,.*% 019FR'), max_size=40))
def test_any_text_is_a_query_or_an_error_that_says_so(text: str) -> None:
    said = ""
    try:
        unwanted(parse_query(text, "[mirror] only"), BAG, known())
    except UsageError as error:
        said = error.message
    assert not said or said.startswith("[mirror] only: ")


RECORDING = "8f2a5d3e-0000-4000-8000-000000000001"
PATHS = [
    ("one", "data/Django Reinhardt/1937 - Swing/01 Minor.ogg", RECORDING),
    ("two", "data/AC-DC/Live/01 A.ogg", None),
    ("two", "data/Élise & Co/2001 - R.E.M/01 A.ogg", None),
    ("three", "data/Nobody/Django Reinhardt/02 B.ogg", None),
    ("three", "data/Nobody/12 (live).ogg", None),
]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    table = pa.Table.from_pylist(
        [{"bag": bag, "path": path, "recording": recording} for bag, path, recording in PATHS]
    )
    pq.write_table(table, tmp_path / "index.parquet")
    return tmp_path / "index.parquet"


@pytest.mark.parametrize(
    ("term", "bags"),
    [
        ('artist:"django reinhardt"', {"one"}),
        ('artist:"Django R*"', {"one"}),
        ("artist:*reinhardt", {"one"}),
        ("artist:django", set()),
        ("artist:AC/DC", {"two"}),
        ('artist:"élise & CO",nobody', {"two", "three"}),
        ("artist:12*", set()),
        ("release:swing", {"one"}),
        ('release:"1937 - Swing"', {"one"}),
        ("release:R.E.M.", {"two"}),
        ('release:"django reinhardt"', {"three"}),
        ("release:.*", set()),
        ("release:*", {"one", "two", "three"}),
        (f"recording:{RECORDING.upper()}", {"one"}),
        (f"recording:{RECORDING[:-1]}2", set()),
    ],
)
def test_names_are_those_of_folders_in_the_index(index: Path, term: str, bags: set[str]) -> None:
    query = parse_query(term)
    named = find_named(index, query.named)
    assert named == {term: bags}
    for bag in ("one", "two", "three"):
        entry = replace(BAG, id=bag)
        assert asked(term, entry, Known(named=named)) == (bag in bags)
        negated = parse_query(f"-{term}")
        found = Known(named={negated.terms[0].text: frozenset(bags)})
        assert (not unwanted(negated, entry, found)) == (bag not in bags)


def test_without_an_index_nothing_is_there_by_any_name(index: Path) -> None:
    query = parse_query("artist:nobody")
    assert "index, which would tell, is not there" in unwanted(query, BAG, Known(named=None))
    index.write_bytes(b"PAR1")
    with pytest.raises(VerificationError, match=r"index\.parquet is no index"):
        find_named(index, query.named)
    pq.write_table(pa.table({"bag": ["one"]}), index)
    with pytest.raises(VerificationError, match="is no index of an edition"):
        find_named(index, query.named)
    assert find_named(index, parse_query("year:1999").named) == {}


def test_the_fields_are_those_that_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mirrors.md").read_text(encoding="utf-8")
    section = page.split("\n### Only some\n")[1].split("\n#")[0]
    assert re.findall(r"^\| `(\w+):", section, re.MULTILINE) == list(FIELDS)
