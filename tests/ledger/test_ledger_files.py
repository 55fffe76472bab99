"""Files by their bytes, and source paths as they were last seen."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from sqlalchemy import Connection, select

from phonotheque.ledger.files import (
    Recorded,
    Sighting,
    any_accession,
    artwork_from_json,
    each_file,
    finish_accession,
    held_totals,
    outcomes,
    record_file,
    record_sighting,
    sightings_of,
    start_accession,
    tags_from_json,
)
from phonotheque.ledger.schema import accessions, sightings
from phonotheque.model.audio import AudioFacts
from tests.ledger.ledger_facts import DAY, facts

SEEN = Sighting(
    path=b"/music/\xff\n.flac",
    device=str(2**64 - 1),
    inode=str(2**64 - 1),
    size=2**40,
    mtime_ns=2**62,
    evidence_state="0" * 64,
    outcome="drm",
    reason="protected",
)


@pytest.fixture
def accession(ledger: Connection) -> str:
    return start_accession(ledger, source="folder", location="/music", agent="me", at=DAY[0])


def record(ledger: Connection, accession: str, what: AudioFacts, *, held: bool) -> Recorded:
    return record_file(ledger, what, kind="master", held=held, accession=accession, name="a.flac", at=DAY[0])


def test_an_accession_is_open_until_it_comes_to_its_end(ledger: Connection) -> None:
    assert not any_accession(ledger)
    accession = start_accession(ledger, source="folder", location="/music", agent="me", at=DAY[0])
    assert any_accession(ledger)
    assert ledger.execute(select(accessions.c.finished_at)).scalar() is None
    finish_accession(ledger, accession, at=DAY[1])
    assert ledger.execute(select(accessions.c.finished_at)).scalar() == DAY[1]


def test_a_file_comes_back_as_it_was_heard(ledger: Connection, accession: str) -> None:
    what = facts()
    recorded = record(ledger, accession, what, held=True)
    assert recorded == Recorded(recorded.id, held=True, newly_held=True)
    (row,) = each_file(ledger)
    assert (row.id, row.sha256, row.pcm_sha256, row.name) == (
        recorded.id,
        what.sha256,
        what.pcm_sha256,
        "a.flac",
    )
    assert (row.duration, row.lossless, row.loudness, row.fingerprint) == (2.5, True, -14.0, b"\1\2\3\4")
    assert (row.integrity, row.integrity_notes) == ("intact", ["one note"])
    assert tags_from_json(row.tags) == what.tags
    assert artwork_from_json(row.artwork) == what.artwork


def test_the_same_bytes_are_one_file_that_stays_held(ledger: Connection, accession: str) -> None:
    known = record(ledger, accession, facts(), held=False)
    assert (known.held, known.newly_held) == (False, False)
    held = record(ledger, accession, facts(), held=True)
    assert (held.id, held.held, held.newly_held) == (known.id, True, True)
    again = record(ledger, accession, facts(), held=False)
    assert (again.id, again.held, again.newly_held) == (known.id, True, False)
    assert held_totals(ledger) == (1, 1000, 2.5)


def test_hearing_a_file_again_brings_its_facts_up_to_date(ledger: Connection, accession: str) -> None:
    record(ledger, accession, facts(title=None, loudness=None), held=True)
    record(ledger, accession, facts(title="Better", loudness=-9.5), held=True)
    record(ledger, accession, facts(title="Better", loudness=None), held=True)  # not measured this time
    (row,) = each_file(ledger)
    assert tags_from_json(row.tags).title == "Better"
    assert row.loudness == -9.5


def test_files_are_told_apart_by_being_held(ledger: Connection, accession: str) -> None:
    record(ledger, accession, facts("a"), held=True)
    record(ledger, accession, facts("b"), held=False)
    assert [row.sha256 for row in each_file(ledger, held=True)] == [facts("a").sha256]
    assert [row.sha256 for row in each_file(ledger)] == [facts("a").sha256, facts("b").sha256]
    assert held_totals(ledger) == (1, 1000, 2.5)


def test_a_path_is_remembered_as_it_was_seen_last(ledger: Connection, accession: str) -> None:
    record_sighting(ledger, SEEN, accession=accession, at=DAY[0])
    assert sightings_of(ledger, [SEEN.path, b"/elsewhere"]) == {SEEN.path: SEEN}
    recorded = record(ledger, accession, facts(), held=True)
    later = replace(SEEN, size=5, outcome="held", reason=None, file_id=recorded.id)
    record_sighting(ledger, later, accession=accession, at=DAY[1])
    assert sightings_of(ledger, [SEEN.path]) == {SEEN.path: later}
    assert ledger.execute(select(sightings.c.seen_at)).scalars().all() == [DAY[1]]
    assert outcomes(ledger) == {"held": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [("path", b"/x"), ("inode", "9"), ("size", 9), ("mtime_ns", 9), ("evidence_state", "9" * 64)],
)
def test_whatever_differs_means_looking_again(field: str, value: object) -> None:
    assert not SEEN.unchanged(Sighting(**{**asdict(SEEN), field: value}))


def test_a_disk_plugged_in_again_has_another_device_number_and_the_same_files() -> None:
    assert SEEN.unchanged(replace(SEEN, device="7"))


def test_thousands_of_files_are_streamed(ledger: Connection, accession: str) -> None:
    for number in range(2500):
        record(ledger, accession, facts(str(number)), held=True)
    assert sum(1 for _ in each_file(ledger)) == 2500
