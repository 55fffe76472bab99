"""Statements that were wrong: superseded or retracted, dated, kept, and not read from files again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from phonotheque.ledger.files import record_file, start_accession
from phonotheque.ledger.named import files_called, files_named, files_with_hashes
from phonotheque.ledger.statements import (
    all_statements,
    correct,
    open_questions,
    record_evidence,
    record_grant,
    recorded_statement,
    retract,
    standing_statements,
    statements_called,
)
from phonotheque.model.errors import NotFoundError
from phonotheque.model.rights import Act, Dates, Kind, Question, Statement
from tests.ledger.ledger_facts import DAY, evidence, facts, question, statement

GRANT = Statement(Kind.LICENCE, "CC-BY-4.0", "a letter", "grant", "me")


def add(ledger: Connection, name: str = "a", *, kind: str = "master") -> int:
    accession = start_accession(ledger, source="folder", location="/music", agent="me", at=DAY[0])
    recorded = record_file(
        ledger, facts(name), kind=kind, held=True, accession=accession, name=name, at=DAY[0]
    )
    return recorded.id


def licences(ledger: Connection, file_id: int) -> list[str | None]:
    return [one.licence for one in standing_statements(ledger, [file_id])[file_id]]


def test_a_correction_stands_in_the_place_of_what_it_supersedes(ledger: Connection) -> None:
    file_id = add(ledger)
    old = record_grant(ledger, [file_id], GRANT, at=DAY[1])[file_id]
    better = replace(GRANT, licence="CC-BY-SA-4.0", stated_at="2025-12", evidence_sha256="ab" * 32)
    new = correct(ledger, old, better, at=DAY[2], because="the second page")
    assert new is not None
    assert standing_statements(ledger, [file_id])[file_id] == [new.statement]
    assert replace(new.statement, id="") == better
    first, second = all_statements(ledger, [file_id])[file_id]
    assert (first.ended_at, first.ended_because, first.superseded_by) == (
        DAY[2],
        "the second page",
        new.statement.id,
    )
    assert (second.supersedes, second.recorded_at, second.ended_at) == (old, DAY[2], None)
    assert correct(ledger, old, better, at=DAY[3]) is None  # it stands no longer
    assert correct(ledger, "none", better, at=DAY[3]) is None


def test_what_was_read_and_corrected_or_retracted_is_not_recorded_again(ledger: Connection) -> None:
    file_id = add(ledger)
    read = evidence(statement(), statement("CC0-1.0"), statement("MIT"))
    record_evidence(ledger, file_id, read, found_at=b"/a", at=DAY[0])
    by, zero, mit = (
        next(one.id for one in standing_statements(ledger, [file_id])[file_id] if one.licence == licence)
        for licence in ("CC-BY-4.0", "CC0-1.0", "MIT")
    )
    correct(ledger, by, GRANT, at=DAY[1])
    retract(ledger, zero, "somebody else's tag", at=DAY[1])
    for place, day in ((b"/a", DAY[2]), (b"/elsewhere", DAY[3])):
        record_evidence(ledger, file_id, read, found_at=place, at=day)
        assert sorted(filter(None, licences(ledger, file_id)))[:1] == ["CC-BY-4.0"]
        assert "CC0-1.0" not in licences(ledger, file_id)
    assert licences(ledger, file_id).count("MIT") == 2  # read at both places, and nobody took it back
    assert [one.id for one in standing_statements(ledger, [file_id])[file_id] if one.id == mit]
    gone = evidence(statement())
    record_evidence(ledger, file_id, gone, found_at=b"/a", at=DAY[4])
    record_evidence(ledger, file_id, read, found_at=b"/a", at=DAY[5])
    assert "MIT" in licences(ledger, file_id)  # what was merely no longer found may come back


def test_what_is_put_right_is_so_at_every_path_where_it_was_read(ledger: Connection) -> None:
    file_id = add(ledger)
    read = evidence(statement(), statement("MIT"))
    for path in (b"/a", b"/copy of a"):
        record_evidence(ledger, file_id, read, found_at=path, at=DAY[0])
    first = standing_statements(ledger, [file_id])[file_id]
    by = next(one.id for one in first if one.licence == "CC-BY-4.0")
    mit = next(one.id for one in first if one.licence == "MIT")
    new = correct(ledger, by, replace(GRANT, licence="CC-BY-NC-4.0"), at=DAY[1], because="the letter")
    assert retract(ledger, mit, "another record", at=DAY[1]) is not None
    assert set(licences(ledger, file_id)) == {"CC-BY-NC-4.0"}
    for day, path in zip(DAY[2:], (b"/a", b"/copy of a", b"/another copy", b"/a"), strict=False):
        record_evidence(ledger, file_id, read, found_at=path, at=day)
        assert set(licences(ledger, file_id)) == {"CC-BY-NC-4.0"}
    assert new is not None
    assert retract(ledger, new.statement.id, "a forged letter", at=DAY[6]) == new
    assert licences(ledger, file_id) == []
    record_evidence(ledger, file_id, read, found_at=b"/a", at=DAY[7])
    assert licences(ledger, file_id) == []


def test_a_correction_ends_with_what_it_corrects(ledger: Connection) -> None:
    file_id = add(ledger)
    deal = evidence(statement("CC-BY-4.0", by="a label"))
    record_evidence(ledger, file_id, deal, found_at=b"ddex:1#A1", at=DAY[0])
    (read,) = standing_statements(ledger, [file_id])[file_id]
    new = correct(ledger, read.id, replace(read, holder="Bo", evidence_origin="grant"), at=DAY[1])
    assert new is not None
    record_evidence(ledger, file_id, deal, found_at=b"ddex:1#A1", at=DAY[2])  # as it was
    record_evidence(ledger, file_id, evidence(), found_at=b"elsewhere", at=DAY[2])
    assert standing_statements(ledger, [file_id])[file_id] == [new.statement]
    record_evidence(ledger, file_id, evidence(), found_at=b"ddex:1#A1", at=DAY[3])  # a takedown
    assert standing_statements(ledger, [file_id])[file_id] == []
    record_evidence(ledger, file_id, deal, found_at=b"ddex:1#A1", at=DAY[4])  # which was taken back
    (again,) = standing_statements(ledger, [file_id])[file_id]
    assert replace(again, id="") == new.said
    correct(ledger, again.id, replace(again, holder="Cy"), at=DAY[5])
    record_evidence(ledger, file_id, deal, found_at=b"ddex:1#A1", at=DAY[6])
    assert [one.holder for one in standing_statements(ledger, [file_id])[file_id]] == ["Cy"]
    record_evidence(ledger, file_id, evidence(statement("MIT")), found_at=b"ddex:1#A1", at=DAY[7])
    assert licences(ledger, file_id) == ["MIT"]


def test_a_correction_may_be_taken_back(ledger: Connection) -> None:
    file_id = add(ledger)
    read = evidence(statement())
    record_evidence(ledger, file_id, read, found_at=b"/a", at=DAY[0])
    (was,) = standing_statements(ledger, [file_id])[file_id]
    new = correct(ledger, was.id, GRANT, at=DAY[1])
    assert new is not None
    back = correct(ledger, new.statement.id, was, at=DAY[2])
    assert back is not None
    for path in (b"/a", b"/copy of a"):
        record_evidence(ledger, file_id, read, found_at=path, at=DAY[3])
    assert {replace(one, id="") for one in standing_statements(ledger, [file_id])[file_id]} == {back.said}
    record_evidence(ledger, file_id, evidence(), found_at=b"/a", at=DAY[4])
    record_evidence(ledger, file_id, evidence(), found_at=b"/copy of a", at=DAY[4])
    assert licences(ledger, file_id) == []


def test_a_retracted_grant_leaves_its_question_open(ledger: Connection) -> None:
    file_id = add(ledger)
    record_evidence(ledger, file_id, evidence(question()), found_at=b"/a", at=DAY[0])
    granted = record_grant(ledger, [file_id], GRANT, at=DAY[1])[file_id]
    assert list(open_questions(ledger)) == []
    better = correct(ledger, granted, replace(GRANT, holder="Bo"), at=DAY[2])
    assert better is not None
    assert list(open_questions(ledger)) == []  # the correction answers it, too
    old = retract(ledger, better.statement.id, "another record", at=DAY[3])
    assert old is not None
    assert (old.ended_at, old.statement.holder) == (None, "Bo")  # as it stood
    assert [one.file_id for one in open_questions(ledger)] == [file_id]
    assert licences(ledger, file_id) == []
    found = recorded_statement(ledger, better.statement.id)
    assert found is not None
    assert (found.ended_at, found.ended_because) == (DAY[3], "another record")
    assert retract(ledger, better.statement.id, "twice", at=DAY[4]) is None
    record_evidence(ledger, file_id, evidence(question()), found_at=b"/a", at=DAY[5])
    assert len(list(open_questions(ledger))) == 1  # asked once


def test_a_correction_that_names_no_terms_leaves_the_question_open(ledger: Connection) -> None:
    file_id = add(ledger)
    record_evidence(ledger, file_id, evidence(question()), found_at=b"/a", at=DAY[0])
    granted = record_grant(ledger, [file_id], GRANT, at=DAY[1])[file_id]
    correct(ledger, granted, replace(GRANT, kind=Kind.RESERVATION, licence=None), at=DAY[2])
    assert [one.file_id for one in open_questions(ledger)] == [file_id]


@pytest.mark.parametrize("way", ["correct", "retract"])
def test_an_unclear_statement_that_is_put_right_is_asked_about_no_more(ledger: Connection, way: str) -> None:
    file_id, other = add(ledger), add(ledger, "b")
    unclear = Statement(Kind.RESERVATION, None, "TDM-RESERVATION=yes", "tag:T", "tags", acts=(Act.MINE,))
    read = evidence(unclear, question(), Question("Which?", (), "TDM-RESERVATION=yes", "tag:T"))
    for each in (file_id, other):
        record_evidence(ledger, each, read, found_at=b"/a", at=DAY[0])
    (stands,) = standing_statements(ledger, [file_id])[file_id]
    if way == "correct":
        correct(ledger, stands.id, replace(unclear, evidence="their letter"), at=DAY[1])
    else:
        retract(ledger, stands.id, "another tool's habit", at=DAY[1])
    for path, day in ((b"/a", DAY[2]), (b"/copy of a", DAY[3])):
        open_of_file = [one.question.text for one in open_questions(ledger) if one.file_id == file_id]
        assert set(open_of_file) == {"Which version?"}
        record_evidence(ledger, file_id, read, found_at=path, at=day)
    assert sum(one.file_id == other for one in open_questions(ledger)) == 2


def test_statements_are_found_by_the_start_of_their_ids(ledger: Connection) -> None:
    ids = [add(ledger, name) for name in "abcdefgh"]
    granted = sorted(record_grant(ledger, ids, GRANT, at=DAY[1]).values())
    assert len(granted) == len(set(granted)) == 8
    (found,) = statements_called(ledger, granted[3])
    assert found.statement.id == granted[3]
    assert len(statements_called(ledger, "")) == 2
    assert statements_called(ledger, "zz") == []


def test_every_field_is_kept(ledger: Connection) -> None:
    file_id = add(ledger)
    facts_of_terms = Dates("1932", "1931-05-03", "never", "FR", (1937, 1944), True, True, False)
    said = [
        Statement(Kind.DATES, None, "a label", "grant", "me", dates=facts_of_terms),
        Statement(
            Kind.DEPOSIT, None, "7", "grant", "me", "Label", territory="DE FR",
            acts=(Act.PRESERVE, Act.STREAM), conditions=("attribution",), valid_from="2026-01-01",
            valid_until="2027-12-31", stated_at="2025-12-24", evidence_sha256="cd" * 32,
        ),
    ]  # fmt: skip
    for one in said:
        record_grant(ledger, [file_id], one, at=DAY[1])
    found = standing_statements(ledger, [file_id])[file_id]
    assert {replace(one, id="") for one in found} == set(said)


def test_a_grant_for_more_files_than_a_statement_has_parameters(ledger: Connection) -> None:
    ids = [add(ledger, f"{number}") for number in range(1203)]
    record_evidence(ledger, ids[-1], evidence(question()), found_at=b"/a", at=DAY[0])
    granted = record_grant(ledger, iter(ids), GRANT, at=DAY[1])
    assert list(granted) == ids
    assert list(open_questions(ledger)) == []
    assert len(files_named(ledger, ["1*"])) == 1 + 10 + 100 + 203


# --- files by what people call them ---


def test_files_are_found_by_name_pattern_and_hash(ledger: Connection) -> None:
    first, second = add(ledger, "Song [live].flac"), add(ledger, "b/c.flac")
    picture = add(ledger, "b/cover.png", kind="sidecar")
    copy = add(ledger, "b/c.opus", kind="access")
    digest = facts("b/c.flac").sha256
    assert files_named(ledger, ["Song [live].flac"]) == {first: "Song [live].flac"}  # not a pattern
    assert list(files_named(ledger, ["b/c.flac", "Song*"])) == [first, second]
    assert list(files_named(ledger, ["*"])) == [first, second]  # music only
    assert list(files_named(ledger, ["b/cover.png"])) == [picture]
    assert list(files_called(ledger, digest[:8].upper())) == [second]
    assert files_called(ledger, digest[:7]) == {}
    assert list(files_with_hashes(ledger, [digest, "ff" * 32])) == [second]
    assert copy not in files_named(ledger, ["b/*"])
    with pytest.raises(NotFoundError, match="No file is called nothing"):
        files_named(ledger, ["b/c.flac", "nothing"])
