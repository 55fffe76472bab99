import libtorrent as lt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.editions import bencode
from phonotheque.editions.bencode import Bencoded, decode, encode
from phonotheque.model.errors import VerificationError

values: st.SearchStrategy[Bencoded] = st.recursive(
    st.integers(-(2**63) + 1, 2**63 - 1) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_was_encoded_is_decoded(value: Bencoded) -> None:
    assert decode(encode(value)) == value


@given(values)
def test_another_implementation_agrees(value: Bencoded) -> None:
    assert lt.bdecode(encode(value)) == value


@given(st.binary(max_size=40) | st.text("0123456789-ilde:a", max_size=30).map(str.encode))
def test_whatever_is_decoded_had_the_only_encoding(data: bytes) -> None:
    try:
        value = decode(data)
    except VerificationError:
        return
    assert encode(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"i03e",
        b"i-0e",
        b"ie",
        b"i-e",
        b"i+1e",
        b"i 1e",
        b"i1",
        b"i99999999999999999999e",
        b"03:abc",
        b"-1:a",
        b"4:abc",
        b"9999999999999999999:",
        b"l",
        b"li1e",
        b"d1:a",
        b"d1:b0:1:a0:e",
        b"d1:a0:1:a0:e",
        b"di1e0:e",
        b"i1ei2e",
        b"x",
        b"\xb2:ab",
    ],
)
def test_anything_else_is_refused_with_its_offset(data: bytes) -> None:
    with pytest.raises(VerificationError, match="offset"):
        decode(data)


def test_input_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VerificationError, match="deep"):
        decode(b"l" * 100_000 + b"e" * 100_000)
    with pytest.raises(VerificationError, match="limit"):
        decode(b"5:abcde", max_bytes=6)
    monkeypatch.setattr(bencode, "MAX_VALUES", 100)
    with pytest.raises(VerificationError, match="more than 100"):
        decode(b"l" + b"0:" * 100 + b"e")


def test_text_is_utf8_and_keys_are_sorted() -> None:
    assert encode({b"b": "é", b"a": (1, -2)}) == b"d1:ali1ei-2ee1:b2:\xc3\xa9e"
    with pytest.raises(TypeError):
        encode(True)
