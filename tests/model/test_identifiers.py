"""Identifiers: the normal form, or nothing. Never a guess."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.identifiers import (
    parse_barcode,
    parse_isni,
    parse_isrc,
    parse_iswc,
    parse_mbid,
    public_id,
)

MBID = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"


@pytest.mark.parametrize(
    ("text", "isrc"),
    [
        ("USS1Z9900001", "USS1Z9900001"),
        ("us-s1z-99-00001", "USS1Z9900001"),
        ("ISRC US-S1Z-99-00001", "USS1Z9900001"),
        ("isrc: GB AYE 67 00001 ", "GBAYE6700001"),
        ("US‐S1Z‐99‐00001", "USS1Z9900001"),  # with the typographic hyphens of web pages
        ("ISRC11234567", "ISRC11234567"),  # Iceland, registrant RC1
        ("ISRC ISRC11234567", "ISRC11234567"),
        ("USS1Z990000", None),
        ("USS1Z99000011", None),
        ("U1S1Z9900001", None),
        ("USS1Z99O0001", None),  # the letter O
        ("USS1Z99٠٠٠٠١", None),  # digits, but of another script
        ("ßS1Z9900001", None),  # SS in upper case
        ("ıSS1Z9900001", None),
        ("", None),
    ],
)
def test_isrc(text: str, isrc: str | None) -> None:
    assert parse_isrc(text) == isrc


@pytest.mark.parametrize(
    ("text", "barcode"),
    [
        ("036000291452", "036000291452"),
        ("4 006381 333931", "4006381333931"),
        ("4006381333932", None),
        ("96385074", "96385074"),
        ("10036000291459", "10036000291459"),
        ("000000000000", None),
        ("0000000000000", None),
        ("03600029145", None),
        ("٤٠٠٦٣٨١٣٣٣٩٣١", None),
        ("none", None),
    ],
)
def test_barcode(text: str, barcode: str | None) -> None:
    assert parse_barcode(text) == barcode


@pytest.mark.parametrize(
    ("text", "iswc"),
    [
        ("T-034.524.680-1", "T-034.524.680-1"),
        ("T0345246801", "T-034.524.680-1"),
        ("iswc t-034.524.680-1", "T-034.524.680-1"),
        ("T-034.524.680-2", None),
        ("T-034.524.68-1", None),
        ("T٠٣٤٥٢٤٦٨٠١", None),
    ],
)
def test_iswc(text: str, iswc: str | None) -> None:
    assert parse_iswc(text) == iswc


@pytest.mark.parametrize(
    ("text", "isni"),
    [
        ("0000 0001 2103 2683", "0000000121032683"),
        ("ISNI 000000012281955X", "000000012281955X"),
        ("0000 0001 2281 955x", "000000012281955X"),
        ("0000 0001 2103 2684", None),
        ("X000000121032683", None),
    ],
)
def test_isni(text: str, isni: str | None) -> None:
    assert parse_isni(text) == isni


@pytest.mark.parametrize(
    ("text", "mbid"),
    [
        (MBID, MBID),
        (MBID.upper(), MBID),
        (f"https://musicbrainz.org/recording/{MBID}/", MBID),
        (f"{{{MBID}}}", None),
        (MBID.replace("-", ""), None),
        (f"urn:uuid:{MBID}", None),
        (f"{MBID}0", None),
        ("", None),
    ],
)
def test_mbid(text: str, mbid: str | None) -> None:
    assert parse_mbid(text) == mbid


PARSERS = (parse_isrc, parse_barcode, parse_iswc, parse_isni, parse_mbid)
CODES = st.text("0123456789ABCDEFTXUSISRCNIW-. ٣ßı", max_size=20)


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text() | CODES)
def test_the_normal_form_is_ascii_and_its_own_normal_form(parse: object, text: str) -> None:
    assert callable(parse)
    found = parse(text)
    assert found is None or (found.isascii() and parse(found) == found)


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2),
    st.text("ABCXYZ0123456789", min_size=3, max_size=3),
    st.text("0123456789", min_size=7, max_size=7),
    st.sampled_from(["", "-", " ", ".", "–"]),
    st.sampled_from(["", "ISRC", "isrc ", "ISRC:", "ISRC: "]),
)
def test_an_isrc_is_read_however_it_is_written(
    country: str, registrant: str, rest: str, between: str, before: str
) -> None:
    written = before + between.join((country, registrant, rest[:2], rest[2:]))
    assert parse_isrc(written.lower()) == country + registrant + rest


@given(st.integers(0, 10**12 - 1), st.integers(1, 9))
def test_a_wrong_check_digit_is_refused(number: int, wrong: int) -> None:
    digits = f"{number:012}"
    total = sum(int(d) * (1 if i % 2 == 0 else 3) for i, d in enumerate(digits))
    check = (10 - total % 10) % 10
    assert parse_barcode(digits + str(check)) == (digits + str(check) if number else None)
    assert parse_barcode(digits + str((check + wrong) % 10)) is None


def test_public_ids_are_stable_and_differ() -> None:
    one = public_id("folder", "recording", "abc")
    assert uuid.UUID(one).version == 5
    assert one == public_id("folder", "recording", "abc")
    assert len({one, public_id("folder", "track", "abc"), public_id("other", "recording", "abc")}) == 2 + 1
