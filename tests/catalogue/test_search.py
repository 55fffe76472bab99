import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.catalogue import index, index_words, lookup, search
from phonotheque.catalogue.index_words import searchable, stored
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.model.errors import UsageError
from phonotheque.model.text import search_tokens
from tests.catalogue.catalogue_facts import ISRC_1, listens, track, write

SONGS = [
    ("Bachelorette", "Björk"),
    ("Señorita", "Ñandú"),
    ("Smørrebrød", "Gåte"),
    ("Калинка", "Хор"),
    ("Θάλασσα πλατιά", "Χορωδία"),
    ("زهرة المدائن", "فيروز"),
    ("יְרוּשָׁלַיִם של זהב", "מקהלה"),
    ("月亮代表我的心", "合唱团"),
    ("上を向いて歩こう", "合唱"),
    ("아리랑 타령", "합창단"),
    ("ลอยกระทง", "วงดนตรี"),
    ("Strangers in the Night", "The Quartet"),
    ("Nightingale", "The Quartet"),
    ("Night", "The Trio"),
    ("Song (feat. Somebody Else)", "The Quartet"),
    ("!!!", "Hush"),
    ("¿\u180e?", "Mum"),  # SQLite parts words at that sign
    ("C'est l'été", "AC/DC-Zone"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalogue")
    songs = [track(f"song {i}", title=title, artists=[artist]) for i, (title, artist) in enumerate(SONGS)]
    songs += [
        track("a", title="Evening", artists=["Duo"], isrcs=[ISRC_1], album="First pressing"),
        track("b", title="Abendlied", artists=["Duo"], isrcs=[ISRC_1], album="Zweite Ausgabe"),
    ]
    counts = [
        listens(9, title="Night", artist="The Trio"),
        listens(99, title="Nightingale", artist="The Quartet"),
    ]
    write(path, songs, listened=counts)
    return path


@pytest.fixture
def catalogue(folder: Path) -> Iterator[Catalogue]:
    with Catalogue.open(folder) as opened:
        yield opened


def titles(catalogue: Catalogue, query: str) -> list[str | None]:
    return [hit.title for hit in catalogue.search(query)]


@pytest.mark.parametrize(
    ("script", "query", "title"),
    [
        ("Latin", "bachelorette", "Bachelorette"),
        ("Latin, prefix", "björk bachel", "Bachelorette"),
        ("accents", "senorita nandu", "Señorita"),
        ("accents typed", "SEÑORITA", "Señorita"),
        ("letters that do not decompose", "smorrebrod", "Smørrebrød"),
        ("Cyrillic", "калинка", "Калинка"),
        ("Cyrillic, prefix", "хор кал", "Калинка"),
        ("Greek", "θαλασσα", "Θάλασσα πλατιά"),
        ("Greek, prefix", "ΘΑΛ", "Θάλασσα πλατιά"),
        ("Arabic", "المدائن زهرة", "زهرة المدائن"),
        ("Arabic, prefix", "فيروز زهر", "زهرة المدائن"),
        ("Hebrew, without points", "ירושלים", "יְרוּשָׁלַיִם של זהב"),
        ("Hebrew, prefix", "ירוש", "יְרוּשָׁלַיִם של זהב"),
        ("Chinese", "月亮代表我的心", "月亮代表我的心"),
        ("Chinese, beginning", "月", "月亮代表我的心"),
        ("Chinese, inside", "代表我", "月亮代表我的心"),
        ("Chinese, end", "心", "月亮代表我的心"),
        ("Japanese", "上を向いて", "上を向いて歩こう"),
        ("Japanese, inside", "向いて歩", "上を向いて歩こう"),
        ("Korean", "아리랑", "아리랑 타령"),
        ("Korean, inside", "타령 리랑", "아리랑 타령"),
        ("Thai", "ลอยกระทง", "ลอยกระทง"),
        ("Thai, inside", "กระ", "ลอยกระทง"),
        ("marks alone", "!!!", "!!!"),
        ("marks, beginning", "hush !", "!!!"),
        ("marks with a sign between them", "¿\u180e?", "¿\u180e?"),
        ("marks part words", "ac dc zone", "C'est l'été"),
        ("guests", "song featuring somebody else", "Song (feat. Somebody Else)"),
        ("another title", "duo abendlied", "Abendlied"),
        ("another title of the same", "duo evening", "Abendlied"),
        ("every release", "first pressing zweite", "Abendlied"),
    ],
)
def test_every_script_is_found(catalogue: Catalogue, script: str, query: str, title: str) -> None:
    found = catalogue.find(query)
    assert [hit.title for hit in found.hits] == [title]
    assert found.corrected is None


def test_what_was_typed_comes_before_what_it_begins(catalogue: Catalogue) -> None:
    assert titles(catalogue, "night") == ["Night", "Nightingale", "Strangers in the Night"]
    assert titles(catalogue, "nigh")[0] == "Nightingale"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("bachelorete", "bachelorette"),  # a letter too few
        ("bachellorette", "bachelorette"),  # too many
        ("bachelorettw", "bachelorette"),  # a wrong one
        ("ochelorette", "bachelorette"),  # two, at the beginning
        ("abchelorette", "bachelorette"),  # changed places
        ("bacheolrette", "bachelorette"),
        ("nihgt", "night"),
        ("калинак", "калинка"),
        ("θλαασσα", "θαλασσα"),
        ("زهره", "زهرة"),
        ("qartet", "quartet"),
        ("bjork bachelorwtte", "bjork bachelorette"),
        ("bjrok bachelorwtte", "bjork bachelorette"),
    ],
)
def test_misspelt_words_are_corrected_and_that_is_told(catalogue: Catalogue, typed: str, meant: str) -> None:
    found = catalogue.find(typed)
    assert found.corrected == meant
    assert found.hits == catalogue.find(meant).hits != ()


def test_words_that_exist_but_not_together_are_corrected_one_at_a_time(tmp_path: Path) -> None:
    write(tmp_path, [track("1", title="Joga", artists=["Bjork"]), track("2", title="Jogo", artists=["Seu"])])
    with Catalogue.open(tmp_path) as catalogue:
        assert catalogue.find("bjork jogo").corrected == "bjork joga"
        assert catalogue.find("seu jogo").corrected is None


@pytest.mark.parametrize("query", ["xyzzyx", "qu zzz", "花", "бж", "a" * 400, "q1 w2 e3 r4 t5 y6 u7 i8 o9"])
def test_what_is_nothing_like_anything_finds_nothing(catalogue: Catalogue, query: str) -> None:
    assert catalogue.find(query) == search.Found(())


def test_common_beginnings_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_words, "_CROWDED", 3)
    monkeypatch.setattr(index_words, "COMPLETIONS", 2)
    names = ["ana", "anb", "anc", "and", "ane", "anf", "ang"]
    songs = [track(name, title=f"{name} song", artists=[f"Artist {name}"]) for name in names]
    write(tmp_path, [*songs, track("again", title="anc again", artists=["Other"])])
    with Catalogue.open(tmp_path) as catalogue:
        # by itself, what begins so most often
        assert {hit.title for hit in catalogue.search("an")} == {"ana song", "anc again", "anc song"}
        # beside other words, also what begins so rarely
        assert len(catalogue.search("song an")) == len(names)


def test_a_search_that_takes_too_long_is_stopped(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phonotheque.catalogue.index_reader._STEPS", 1)
    monkeypatch.setattr(lookup, "SECONDS", -1.0)
    monkeypatch.setattr(index, "rebuild", None)  # it is not taken for damage
    with pytest.raises(UsageError, match="longer than"):
        catalogue.search("night")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text(max_size=30) | st.sampled_from(["ft. A", "A ft B", "B FEATURING C", "!!", "\ue0ff"]),
        max_size=5,
    )
)
def test_texts_are_parted_alike_one_by_one_and_together(texts: list[str]) -> None:
    together = searchable(pa.array(texts, pa.string())).to_pylist()
    for text, found in zip(texts, together, strict=True):
        if not found.isascii() or found != text:  # else SQLite parts it
            assert found.split() == [stored(token) for token in search_tokens(text)]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=30))
def test_sqlite_parts_plain_text_as_we_do(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("words") / "words.sqlite"
    index_words.build(path, [searchable(pa.array([text]))], lambda _: None)
    with closing(sqlite3.connect(path)) as words:
        terms = {term for (term,) in words.execute("SELECT term FROM term")}
    assert terms == {stored(token) for token in search_tokens(text)}
