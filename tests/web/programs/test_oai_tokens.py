"""Tokens by which a list goes on, and text that XML cannot have."""

from __future__ import annotations

from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.web.oai.asking import OaiError, Verb
from phonotheque.web.oai.kept import Asked
from phonotheque.web.oai.tokens import VALID, Place, read_token, write_token
from phonotheque.web.xml import add, written

KEY = b"k" * 32
PLACE = Place(Verb.RECORDS, Asked(1, None, 3), (7, UUID(int=5)), 200, 1_000)


def test_a_token_says_where_a_list_goes_on() -> None:
    assert read_token(write_token(PLACE, KEY), KEY, Verb.RECORDS, 1_000 + VALID) == PLACE


@pytest.mark.parametrize(
    ("key", "verb", "now"),
    [(b"x" * 32, Verb.RECORDS, 1_000), (KEY, Verb.IDENTIFIERS, 1_000), (KEY, Verb.RECORDS, 1_001 + VALID)],
)
def test_a_token_of_others_of_another_list_or_of_long_ago_is_refused(
    key: bytes, verb: Verb, now: int
) -> None:
    with pytest.raises(OaiError, match="token"):
        read_token(write_token(PLACE, KEY), key, verb, now)


@given(st.text(max_size=700) | st.binary(max_size=400).map(lambda data: data.hex()))
def test_nothing_made_up_is_a_token(text: str) -> None:
    with pytest.raises(OaiError, match="token"):
        read_token(text, KEY, Verb.RECORDS, 1_000)


@given(st.text(st.characters(exclude_categories=[]), max_size=50))
def test_every_text_can_be_read_back_from_what_is_written(text: str) -> None:
    root = ElementTree.Element("a")
    add(root, "b", text, c=text)
    (read,) = ElementTree.fromstring(written(root))
    kept = "".join(
        one if one in "\t\n" or " " <= one <= "\ud7ff" or one >= "\ue000" else "\ufffd" for one in text
    )
    kept = kept.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    normal = "".join("\n" if one == "\r" else fine for one, fine in zip(text, kept, strict=True))
    assert (read.text or "") == normal
