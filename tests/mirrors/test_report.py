"""Reports as bytes: what is not written exactly so, or not signed by its key, is refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.mirrors.report import (
    MAX_BAGS,
    MAX_REPORT_BYTES,
    Report,
    ReportedBag,
    read_report,
    write_report,
)
from phonotheque.model.errors import VerificationError

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
TIME = "2026-11-26T12:00:00Z"
REPORT = Report(
    archive="5f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d",
    mirror="0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c",
    edition=7,
    time=TIME,
    bags=(ReportedBag("a", 10, TIME, True), ReportedBag("é", 5, None, False)),
    name="Grenier d’Aïcha",
    country="FR",
    web="https://mirror.example.org/music",
    peers=("mirror.example.org:6881", "[2001:db8::1]:6881"),
)


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The report with a change, signed again by the same key: only what it says is wrong."""
    value = json.loads(write_report(REPORT, KEY))
    del value["signature"]
    change(value)
    return encode(value | {"signature": KEY.sign(encode(value)).hex()})


def test_a_report_is_read_as_it_was_written() -> None:
    data = write_report(REPORT, KEY)
    found = read_report(data)
    assert found.report == REPORT
    assert found.key == KEY.public_key().public_bytes_raw().hex()
    assert read_report(data + b"\r\n") == found  # of a file that somebody sent
    bare = replace(REPORT, name=None, country=None, web=None, peers=(), bags=())
    assert read_report(write_report(bare, KEY)).report == bare


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v.update(format="phonotheque-holdings/2"), "format"),
        (lambda v: v.update(more=1), "too many"),
        (lambda v: v.pop("peers"), "too few: peers"),
        (lambda v: v.update(archive="no"), "archive is not a UUID"),
        (lambda v: v.update(mirror=v["mirror"].upper()), "mirror is not a UUID"),
        (lambda v: v.update(edition=True), "edition"),
        (lambda v: v.update(edition=-1), "edition"),
        (lambda v: v.update(edition=2**63), "edition"),
        (lambda v: v.update(time="2026-13-26T12:00:00Z"), "time"),
        (lambda v: v.update(time="2026-11-26T12:00:00+00:00"), "time"),
        (lambda v: v.update(name="two\nlines"), "name"),
        (lambda v: v.update(name="x" * 101), "name"),
        (lambda v: v.update(country="XX"), "country"),
        (lambda v: v.update(web="file:///etc/passwd"), "web"),
        (lambda v: v.update(web="https://user@example.org/"), "web"),
        (lambda v: v.update(web="https://example.org/\u202e"), "web"),
        (lambda v: v.update(web="https://[::1/"), "web"),
        (lambda v: v.update(web=3), "web"),
        (lambda v: v.update(peers=["example.org"]), "peers"),
        (lambda v: v.update(peers=["example.org:70000"]), "peers"),
        (lambda v: v.update(peers=["example.org:1"] * 21), "peers"),
        (lambda v: v.update(bags={}), "bags"),
        (lambda v: v["bags"].append(v["bags"][0]), "in the order of ids, each once"),
        (lambda v: v["bags"].reverse(), "in the order of ids"),
        (lambda v: v["bags"].append(["ž", 1, None]), "bags holds something else"),
        (lambda v: v["bags"].append(["ž/../y", 1, None, False]), "the id of a bag"),
        (lambda v: v["bags"].append(["ž", -1, None, False]), "ž: bytes"),
        (lambda v: v["bags"].append(["ž", 1.5, None, False]), "ž: bytes"),
        (lambda v: v["bags"].append(["ž", 1, "2026-11-26T12:00:01Z", True]), "after the report was made"),
        (lambda v: v["bags"].append(["ž", 1, None, True]), "whole and never verified"),
        (lambda v: v["bags"].append(["ž", 1, None, "yes"]), "neither whole nor not"),
        (lambda v: v.update(bags=[["a" * 9, 1, None, False]] * (MAX_BAGS + 1)), "bags is no list"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_though_it_is_signed(
    change: Callable[[dict[str, Any]], Any], said: str
) -> None:
    with pytest.raises(VerificationError, match=said):
        read_report(signed(change))


def test_what_is_not_signed_by_its_key_is_refused() -> None:
    data = write_report(REPORT, KEY)
    for altered in (
        data.replace(b'"edition":7', b'"edition":8'),
        data.replace(b'["a",10,', b'["a",11,'),
        data.replace(KEY.public_key().public_bytes_raw().hex().encode(), b"00" * 32),
    ):
        assert altered != data
        with pytest.raises(VerificationError, match="signature"):
            read_report(altered)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"a":1,"a":2}',
        b'{"n":' + b"9" * 10_000 + b"}",
        b" " * (MAX_REPORT_BYTES + 1),
    ],
)
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(VerificationError, match="cannot be taken"):
        read_report(data)


def test_another_spelling_of_the_same_is_refused() -> None:
    value = json.loads(write_report(REPORT, KEY))
    for data in (json.dumps(value).encode(), json.dumps(value, indent=1, sort_keys=True).encode()):
        with pytest.raises(VerificationError, match="canonical"):
            read_report(data)


@given(st.binary(max_size=300), st.integers(0, 2000))
def test_damage_anywhere_is_refused_and_nothing_else_happens(noise: bytes, place: int) -> None:
    data = write_report(REPORT, KEY)
    place %= len(data)
    altered = data[:place] + noise + data[place + len(noise) :]
    if altered.rstrip(b"\r\n") == data:
        return
    with pytest.raises(VerificationError):
        read_report(altered)


def test_what_cannot_be_read_is_not_written() -> None:
    with pytest.raises(VerificationError, match="in the order of ids"):
        write_report(replace(REPORT, bags=REPORT.bags[::-1]), KEY)
