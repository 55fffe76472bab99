import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.text import fold, nfc, people, query_terms, search_tokens, title_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Björk", "BJORK"),
        ("Jóga", "joga"),
        ("Ｄａｆｔ　Ｐｕｎｋ", "Daft Punk"),
        ("Sigur Rós", "Sigur Ro\u0301s"),
        ("Guns N’ Roses", "guns n' roses"),
        ("AC/DC", "AC DC"),
        ("Song ft. Someone", "Song (feat. Someone)"),
        ("Song Featuring Someone", "song feat someone"),
        ("Straße", "STRASSE"),
        ("Mø", "Mo"),
        ("Чёрный", "черныи"),
        ("Ἀθῆναι", "Αθηναι"),
        ("שָׁלוֹם", "שלום"),
        ("مُحَمَّد", "محمد"),
        ("ﾊﾝﾄﾞ", "バンド".replace("バ", "ハ")),
        ("soft\u00adhyphen", "softhyphen"),
    ],
)
def test_spellings_of_one_thing_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("か", "が"),  # voicing marks make another letter
        ("คา", "คำ"),  # so do Thai vowels
        ("Song", "Song (Live)"),
        ("ft", "feat"),  # a guest needs a host and a name
        ("!!!", "???"),
    ],
)
def test_different_things_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_is_stable_and_leaves_no_text_behind(text: str) -> None:
    key = fold(text)
    assert fold(key) == key
    assert key == " ".join(key.split())


@given(st.text())
def test_composed_and_decomposed_text_fold_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(st.text())
def test_display_text_is_one_clean_line(text: str) -> None:
    shown = nfc(text)
    assert nfc(shown) == shown
    assert not any(unicodedata.category(c) == "Cc" for c in shown)


def test_terminal_escapes_are_not_shown() -> None:
    assert nfc("red\x1b[31m\x00text\n") == "red [31m text"


def test_guests_leave_the_title_and_join_the_people() -> None:
    assert title_key("Song (feat. Bob)") == title_key("Song ft. Bob") == title_key("SONG") == "song"
    assert people(["Ann feat. Bob"], "Song") == people(["Ann"], "Song (ft. Bob)") == people(["Bob", "Ann"])
    assert title_key("12 ft Tall") != title_key("12")
    assert title_key("(feat. " * 100_000) != ""
    assert people(["Ann"], "Song") != people(["Ann feat. Bob"], "Song")


def test_joint_credits_are_compared_by_person() -> None:
    assert people(["Simon & Garfunkel"]) == people(["Simon and Garfunkel"]) == people(["Garfunkel", "Simon"])
    assert people(["The Beatles"]) == people(["Beatles"])
    assert people([]) == people([" "]) == []


def test_unspaced_scripts_are_indexed_by_pairs() -> None:
    assert search_tokens("日本語 abc") == ["日本", "本語", "語", "abc"]
    assert search_tokens("ก็") == ["ก็", "็"]
    assert search_tokens("Jóga (live)") == ["joga", "live"]


@given(st.text(alphabet="日本語カナ한국 abcไทย"), st.data())
def test_any_part_of_an_unspaced_run_is_found(text: str, data: st.DataObject) -> None:
    tokens = search_tokens(text)
    for run in fold(text).split():
        start = data.draw(st.integers(0, len(run) - 1))
        for phrase in query_terms(run[start:]):
            if phrase[0].isascii():
                continue
            width = len(phrase)
            windows = [tokens[i : i + width] for i in range(len(tokens))]
            assert any(
                w[:-1] == phrase[:-1] and w[-1].startswith(phrase[-1]) for w in windows if len(w) == width
            )


@given(st.text())
def test_tokens_hold_no_space(text: str) -> None:
    assert all(token and not any(c.isspace() for c in token) for token in search_tokens(text))
