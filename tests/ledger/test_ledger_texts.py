"""What files say of themselves, however odd, is kept on every database, and found again."""

from __future__ import annotations

from dataclasses import replace
from hashlib import shake_256

import pytest
from sqlalchemy import Connection, select

from phonotheque.ledger.bags import BagFileRecord, all_bags, bag_totals, record_bag
from phonotheque.ledger.events import record_event
from phonotheque.ledger.files import (
    Sighting,
    each_file,
    held_totals,
    record_file,
    record_sighting,
    sightings_of,
    start_accession,
)
from phonotheque.ledger.schema import accessions, events
from phonotheque.ledger.statements import record_evidence, standing_statements
from phonotheque.model.audio import Tags, Technical
from tests.ledger.ledger_facts import BAG, DAY, evidence, facts, statement

ENTRY = BagFileRecord("bagit.txt", 10, "ab" * 32, "cd" * 32, 0, 1)


@pytest.fixture
def accession(ledger: Connection) -> str:
    return start_accession(ledger, source="folder", location="/music", agent="me", at=DAY[0])


def record(ledger: Connection, accession: str, **changes: object) -> int:
    what = replace(facts(), **changes)  # type: ignore[arg-type]
    return record_file(ledger, what, kind="master", held=True, accession=accession, name="a", at=DAY[0]).id


def test_numbers_are_as_large_as_headers_make_them(ledger: Connection, accession: str) -> None:
    technical = Technical("wav", "pcm_s32le", 1e-9, 2**32 - 1, 2**16 - 1, 2**40, 2**16 - 1, lossless=True)
    record(ledger, accession, technical=technical, size=2**62)
    (row,) = each_file(ledger)
    assert (row.sample_rate, row.channels, row.bit_rate, row.size) == (2**32 - 1, 2**16 - 1, 2**40, 2**62)
    assert held_totals(ledger)[:2] == (1, 2**62)


def test_sums_are_whole_numbers(ledger: Connection) -> None:
    for number in range(3):
        record_bag(ledger, replace(BAG, id=str(number), bytes=2**61), [ENTRY])
    total = bag_totals(ledger)["bytes"]
    assert (type(total), total) == (int, 3 * 2**61)


def test_tags_with_any_character_come_back(ledger: Connection, accession: str) -> None:
    odd = "nul \0, \x1f, half a pair \ud800, “\U0001f3b5”, \\u0000"
    record(ledger, accession, tags=Tags(title=odd, raw={odd: (odd,)}))
    (row,) = each_file(ledger)
    assert (row.tags["title"], row.tags["raw"]) == (odd, {odd: [odd]})


def test_evidence_with_a_nul_is_read_twice_and_stands_once(ledger: Connection, accession: str) -> None:
    file_id = record(ledger, accession)
    for day in DAY[:2]:
        found = evidence(statement(evidence="License:\0CC BY"))
        record_evidence(ledger, file_id, found, found_at=b"/a", at=day)
    (one,) = standing_statements(ledger, [file_id])[file_id]
    assert one.evidence == "License:�CC BY"


def test_an_expression_of_licences_and_a_list_of_countries_have_any_length(
    ledger: Connection, accession: str
) -> None:
    file_id = record(ledger, accession)
    many = replace(statement(" AND ".join(["CC-BY-4.0"] * 20)), territory=" ".join(["US", "FR"] * 50))
    record_evidence(ledger, file_id, evidence(many), found_at=b"/a", at=DAY[0])
    (one,) = standing_statements(ledger, [file_id])[file_id]
    assert (one.licence, one.territory) == (many.licence, many.territory)


def test_paths_as_long_as_the_system_allows_are_told_apart(ledger: Connection, accession: str) -> None:
    """PostgreSQL's indexes hold 2,704 bytes; this path does not become shorter by packing it."""
    long = b"/" + shake_256(b"a path").hexdigest(2000).encode()
    paths = [long + end for end in (b"1", b"2")]
    for path in paths:
        seen = Sighting(path, "1", "2", 3, 4, "5" * 64, "not-audio", path.decode()[-1])
        record_sighting(ledger, seen, accession=accession, at=DAY[0])
        record_sighting(ledger, replace(seen, size=9), accession=accession, at=DAY[1])
    found = sightings_of(ledger, [*paths, long])
    assert {path: (seen.path, seen.size, seen.reason) for path, seen in found.items()} == {
        paths[0]: (paths[0], 9, "1"),
        paths[1]: (paths[1], 9, "2"),
    }
    record_event(ledger, at=DAY[0], kind="policy assignment", subject=long.decode(), agent="me")
    assert ledger.execute(select(events.c.subject)).scalar() == long.decode()


def test_names_are_in_the_order_of_their_bytes(ledger: Connection) -> None:
    """As in bags, torrents and SQLite; a server's own language would order them otherwise."""
    names = ["Z", "a", "B", "_", "é", "-", "e", "\U0001f3b5", "\uffee", "a b", "ab"]
    for name in names:
        record_bag(ledger, replace(BAG, id=name), [ENTRY])
    assert [bag.id for bag in all_bags(ledger)] == sorted(names)


def test_what_is_not_there_comes_first(ledger: Connection, accession: str) -> None:
    file_id = record(ledger, accession)
    parts = [replace(statement(), licence=licence) for licence in ("CC0-1.0", None)]
    record_evidence(ledger, file_id, evidence(*parts), found_at=b"/a", at=DAY[0])
    assert [one.licence for one in standing_statements(ledger, [file_id])[file_id]] == [None, "CC0-1.0"]


def test_a_source_may_have_any_name(ledger: Connection) -> None:
    start_accession(ledger, source="s" * 100, location="/m\0", agent="me", at=DAY[0])
    assert ledger.execute(select(accessions.c.source)).scalar() == "s" * 100
