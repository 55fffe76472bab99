"""Sealed bags, their files, and editions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from phonotheque.ledger.bags import (
    BagFileRecord,
    EditionRecord,
    all_bags,
    bag_totals,
    bagged_kinds,
    files_in_bag,
    latest_edition,
    record_bag,
    record_edition,
    where_bagged,
)
from phonotheque.ledger.files import record_file, start_accession
from tests.ledger.ledger_facts import BAG, DAY, facts

RECORDING = "11111111-1111-5111-8111-111111111111"


@pytest.fixture
def master(ledger: Connection) -> int:
    accession = start_accession(ledger, source="folder", location="/music", agent="me", at=DAY[0])
    return record_file(ledger, facts(), kind="master", held=True, accession=accession, name="a", at=DAY[0]).id


def entry(path: str, file_id: int | None = None, recording: str | None = None) -> BagFileRecord:
    return BagFileRecord(path, 10, "ab" * 32, "cd" * 32, 0, 1, file_id, recording)


def test_a_bag_comes_back_with_its_files_in_order(ledger: Connection, master: int) -> None:
    contents = [entry("data/b.flac", master, RECORDING), entry("bagit.txt")]
    record_bag(ledger, BAG, contents)
    assert all_bags(ledger) == [BAG]
    assert list(files_in_bag(ledger, BAG.id)) == contents[::-1]
    assert where_bagged(ledger, [master, 99]) == {master: (BAG.id, "data/b.flac")}
    assert bagged_kinds(ledger, [RECORDING, "another"]) == {RECORDING: {("master", "WORLD")}}
    assert bag_totals(ledger) == {"bags": 1, "files": 2, "bytes": 5000}


def test_bags_come_in_the_order_of_publication(ledger: Connection) -> None:
    for bag in (replace(BAG, id="c", edition=2), replace(BAG, id="b", wave=0), replace(BAG, id="a")):
        record_bag(ledger, bag, [entry("bagit.txt")])
    assert [bag.id for bag in all_bags(ledger)] == ["b", "a", "c"]


def test_a_sealed_bag_is_never_recorded_twice(ledger: Connection) -> None:
    record_bag(ledger, BAG, [entry("bagit.txt")])
    with pytest.raises(IntegrityError):
        record_bag(ledger, replace(BAG, bytes=1), [])


def test_a_bag_cannot_hold_a_file_that_the_ledger_does_not_know(ledger: Connection) -> None:
    with pytest.raises(IntegrityError):
        record_bag(ledger, BAG, [entry("data/a", file_id=99)])


def test_the_newest_edition_is_current(ledger: Connection) -> None:
    assert latest_edition(ledger) is None
    second = EditionRecord(2, "2026-02-01", "2026-02-01T000000Z", "ab" * 32, DAY[1])
    record_edition(ledger, second)
    record_edition(ledger, replace(second, number=1))
    assert latest_edition(ledger) == second
