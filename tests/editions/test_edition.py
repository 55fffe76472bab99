from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.editions.edition import (
    ArchiveId,
    BagEntry,
    CatalogueEntry,
    Edition,
    IndexEntry,
    Previous,
    Tombstone,
    TorrentEntry,
    Withdrawal,
    read_edition,
    write_edition,
)
from phonotheque.model.errors import VerificationError


def bag(name: str = "audio-1", **changes: Any) -> BagEntry:
    torrent = TorrentEntry(f"editions/1/torrents/{name}.torrent", 1200, "a" * 64, "b" * 40, "c" * 64)
    entry = BagEntry(name, 1, 1, "WORLD", 900, 3, 1000, 8, "d" * 64, 3, None, torrent)
    return replace(entry, **changes)


def edition(**changes: Any) -> Edition:
    return replace(
        Edition(
            number=2,
            date="2026-11-21T10:15:00Z",
            archive=ArchiveId("0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c", "Phonothèque d’Élise"),
            previous=Previous(1, "e" * 64),
            bags=(bag("catalogue-1", wave=0, recordings=0), bag(listens=12)),
            catalogue=CatalogueEntry("catalogue-1", "2026-11-21T101500Z"),
            index=IndexEntry("editions/2/index.parquet", 321, "f" * 64),
            withdrawals=(Withdrawal("old", "2026-11-20T00:00:00Z", "asked for", "audio-1"),),
        ),
        **changes,
    )


def test_what_is_written_is_read_back_equal() -> None:
    data = write_edition(edition())
    assert read_edition(data) == edition()
    assert data.endswith(b"}\n")
    assert "Phonothèque d’Élise".encode() in data
    assert read_edition(write_edition(edition(previous=None, withdrawals=()))).previous is None


def test_an_edition_of_the_first_format_is_read_and_written_as_it_was() -> None:
    """It is the same, without tombstones."""
    value = json.loads(write_edition(edition()))
    del value["tombstones"]
    value["format"] = "phonotheque-edition/1"
    data = (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()
    first = read_edition(data)
    assert first == edition(format="phonotheque-edition/1")
    assert write_edition(first) == data
    stone = Tombstone(
        "0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c", None, (), "WORLD", "2026-11-20T00:00:00Z", "asked for", None
    )
    with pytest.raises(VerificationError, match="tombstones"):
        write_edition(replace(first, tombstones=(stone,)))
    with pytest.raises(VerificationError, match="canonical"):
        read_edition(data.replace(b'"withdrawals"', b'"tombstones": [],\n "withdrawals"'))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("format",), "phonotheque-edition/3", "newer version"),
        (("number",), 0, "number"),
        (("number",), True, "number"),
        (("number",), 1.0, "number"),
        (("number",), 2**63, "number"),
        (("date",), "2026-11-21T10:15:00+01:00", "date"),
        (("date",), "2026-02-30T10:15:00Z", "date"),
        (("archive", "id"), "0B9CBD60-4f0e-4ab4-8f7f-1d6e7f1b2a3c", "archive.id"),
        (("archive", "name"), "\x1b[2Jgone", "archive.name"),
        (("archive",), [], "archive"),
        (("previous", "number"), 2, "previous.number"),
        (("bags",), {}, "bags"),
        (("bags", 1, "id"), "../../etc", "bags[1].id"),
        (("bags", 1, "id"), "a/b", "bags[1].id"),
        (("bags", 1, "id"), "Catalogue-1", "twice"),
        (("bags", 1, "edition"), 3, "later edition"),
        (("bags", 1, "payload_bytes"), 1001, "more payload"),
        (("bags", 1, "torrent", "path"), "/etc/passwd", "torrent.path"),
        (("bags", 1, "torrent", "path"), "editions/../../x", "torrent.path"),
        (("bags", 1, "torrent", "path"), "metadata/root.json", "torrent.path"),
        (("bags", 1, "torrent", "path"), "editions/7/x/R.bin", "torrent.path"),
        (("bags", 1, "torrent", "path"), "editions/1/restricted/FR/audio-1.torrent", "torrent.path"),
        (("bags", 1, "audience"), "FR", "torrent.path"),
        (("bags", 1, "torrent", "sha256"), "A" * 64, "torrent.sha256"),
        (("bags", 1, "tagmanifest_sha256"), None, "tagmanifest_sha256"),
        (("bags", 1, "listens"), -1, "listens"),
        (("catalogue", "bag"), "nowhere", "catalogue.bag"),
        (("withdrawals", 0, "bag"), "audio-1", "still among"),
        (("withdrawals", 0, "replaced_by"), "nowhere", "replaces"),
        (("extra",), 1, "canonical"),
    ],
)
def test_a_hostile_field_is_refused_by_name(path: tuple[str | int, ...], value: Any, says: str) -> None:
    whole = json.loads(write_edition(edition()))
    at = whole
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    data = (json.dumps(whole, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()
    with pytest.raises(VerificationError, match=r"edition\.json") as caught:
        read_edition(data)
    assert says in str(caught.value)


def test_a_missing_field_is_named() -> None:
    whole = json.loads(write_edition(edition()))
    del whole["bags"][0]["torrent"]["size"]
    with pytest.raises(VerificationError, match=r"bags\[0\]\.torrent\.size is missing"):
        read_edition(json.dumps(whole).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"format": NaN}',
        b"1" * 5000,
        write_edition(edition()).replace(b'"number": 2', b'"number": 2, "number": 2'),
        write_edition(edition()) + b" ",
        json.dumps(json.loads(write_edition(edition()))).encode(),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(VerificationError):
        read_edition(data)


def test_nothing_senseless_is_written() -> None:
    with pytest.raises(VerificationError, match=r"catalogue\.bag"):
        write_edition(edition(bags=(bag(),)))


@given(st.data())
def test_flipped_bytes_never_escape_as_other_errors(data: st.DataObject) -> None:
    good = bytearray(write_edition(edition()))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_edition(bytes(good))
    except VerificationError:
        return
    assert write_edition(found) == bytes(good)
