"""The life of statements and questions: nothing is edited, what no longer stands is dated."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, select

from phonotheque.ledger.decisions import decision_counts
from phonotheque.ledger.files import record_file, start_accession
from phonotheque.ledger.schema import rights_questions, rights_statements
from phonotheque.ledger.statements import (
    decided_files,
    open_questions,
    record_evidence,
    record_grant,
    save_decisions,
    standing_statements,
)
from phonotheque.model.rights import Act, Answer, Decision, Kind, Question, Statement
from tests.ledger.ledger_facts import DAY, evidence, facts, question, statement

HERE = b"/music/a.flac"
THERE = b"/music/copy of a.flac"
GRANT = Statement(Kind.LICENCE, "CC-BY-4.0", "https://example.org/letter", "grant", "me")


@pytest.fixture
def file_id(ledger: Connection) -> int:
    accession = start_accession(ledger, source="folder", location="/music", agent="me", at=DAY[0])
    what = facts()
    return record_file(
        ledger, what, kind="master", held=True, accession=accession, name="a.flac", at=DAY[0]
    ).id


def find(
    ledger: Connection, file_id: int, *parts: Statement | Question, at: bytes = HERE, on: str = DAY[0]
) -> None:
    record_evidence(ledger, file_id, evidence(*parts), found_at=at, at=on)


def history(ledger: Connection) -> list[tuple[str, str, str | None]]:
    table = rights_statements
    rows = ledger.execute(
        select(table.c.licence, table.c.asserted_at, table.c.withdrawn_at).order_by(
            table.c.asserted_at, table.c.licence
        )
    )
    return [(row[0], row[1], row[2]) for row in rows]


def standing(ledger: Connection, file_id: int) -> list[str | None]:
    return [one.licence for one in standing_statements(ledger, [file_id])[file_id]]


def asked(ledger: Connection) -> list[str]:
    return [one.question.text for one in open_questions(ledger)]


def test_what_is_found_stands_word_for_word(ledger: Connection, file_id: int) -> None:
    find(ledger, file_id, statement())
    (found,) = standing_statements(ledger, [file_id])[file_id]
    assert found.id
    assert (found.licence, found.evidence, found.evidence_origin, found.asserted_by) == (
        "CC-BY-4.0",
        "License: CC BY",
        "tag:LICENSE",
        "tags",
    )


def test_what_is_found_again_unchanged_keeps_its_date(ledger: Connection, file_id: int) -> None:
    for day in DAY[:3]:
        find(ledger, file_id, statement(), statement("GPL-2.0-only"), on=day)
    assert history(ledger) == [("CC-BY-4.0", DAY[0], None), ("GPL-2.0-only", DAY[0], None)]


def test_equal_statements_are_recorded_once(ledger: Connection, file_id: int) -> None:
    find(ledger, file_id, statement(), statement(), question(), question())
    find(ledger, file_id, statement(), statement(), question(), question(), on=DAY[1])
    assert history(ledger) == [("CC-BY-4.0", DAY[0], None)]
    assert asked(ledger) == ["Which version?"]


def test_what_changed_is_dated_and_what_is_new_stands(ledger: Connection, file_id: int) -> None:
    find(ledger, file_id, statement("CC-BY-4.0"))
    find(ledger, file_id, statement("CC0-1.0"), on=DAY[1])
    assert history(ledger) == [("CC-BY-4.0", DAY[0], DAY[1]), ("CC0-1.0", DAY[1], None)]
    assert standing(ledger, file_id) == ["CC0-1.0"]


def test_somebody_else_stating_the_same_is_another_statement(ledger: Connection, file_id: int) -> None:
    find(ledger, file_id, statement(by="a stranger"))
    find(ledger, file_id, statement(by="the label"), on=DAY[1])
    assert [one.asserted_by for one in standing_statements(ledger, [file_id])[file_id]] == ["the label"]


def test_what_is_gone_is_dated_and_may_come_back(ledger: Connection, file_id: int) -> None:
    find(ledger, file_id, statement())
    find(ledger, file_id, on=DAY[1])
    assert standing(ledger, file_id) == []
    find(ledger, file_id, statement(), on=DAY[2])
    assert history(ledger) == [("CC-BY-4.0", DAY[0], DAY[1]), ("CC-BY-4.0", DAY[2], None)]


def test_each_path_speaks_for_itself(ledger: Connection, file_id: int) -> None:
    find(ledger, file_id, statement("CC-BY-4.0"), at=HERE)
    find(ledger, file_id, statement("CC0-1.0"), at=THERE)
    find(ledger, file_id, at=THERE, on=DAY[1])
    assert standing(ledger, file_id) == ["CC-BY-4.0"]


def test_a_grant_answers_questions_and_outlives_evidence(ledger: Connection, file_id: int) -> None:
    find(ledger, file_id, question(), question("By whom?"))
    assert sorted(asked(ledger)) == ["By whom?", "Which version?"]
    record_grant(ledger, [file_id], GRANT, at=DAY[1])
    assert asked(ledger) == []
    find(ledger, file_id, on=DAY[2])
    assert standing(ledger, file_id) == ["CC-BY-4.0"]


@pytest.mark.parametrize("kind", list(Kind))
def test_only_what_names_terms_answers_a_question(ledger: Connection, file_id: int, kind: Kind) -> None:
    find(ledger, file_id, question())
    record_grant(ledger, [file_id], replace(GRANT, kind=kind, licence=None), at=DAY[1])
    silent = {Kind.DATES, Kind.MANDATE, Kind.ON_SITE, Kind.RESERVATION, Kind.WITHDRAWAL}
    assert asked(ledger) == ["Which version?"] * (kind in silent)
    record_grant(ledger, [file_id], GRANT, at=DAY[2])
    assert asked(ledger) == []


def test_what_a_grant_has_answered_is_not_asked_again_wherever_it_is_found(
    ledger: Connection, file_id: int
) -> None:
    find(ledger, file_id, question())
    record_grant(ledger, [file_id], GRANT, at=DAY[1])
    find(ledger, file_id, question(), on=DAY[2])
    find(ledger, file_id, on=DAY[3])
    find(ledger, file_id, question(), on=DAY[4])
    find(ledger, file_id, question(), at=THERE, on=DAY[5])
    assert asked(ledger) == []
    find(ledger, file_id, question(evidence="another text"), on=DAY[6])
    assert asked(ledger) == ["Which version?"]


def test_a_question_whose_evidence_is_gone_is_withdrawn_and_can_be_asked_anew(
    ledger: Connection, file_id: int
) -> None:
    find(ledger, file_id, question())
    find(ledger, file_id, statement(), on=DAY[1])
    assert asked(ledger) == []
    assert ledger.execute(select(rights_questions.c.withdrawn_at)).scalars().all() == [DAY[1]]
    find(ledger, file_id, question(), on=DAY[2])
    assert asked(ledger) == ["Which version?"]


def test_a_question_carries_what_is_needed_to_answer_it(ledger: Connection, file_id: int) -> None:
    find(ledger, file_id, question())
    (one,) = open_questions(ledger)
    assert (one.file_id, one.name, one.sha256, one.question) == (
        file_id,
        "a.flac",
        facts().sha256,
        question(),
    )


def test_decisions_are_replaced_whole(ledger: Connection, file_id: int) -> None:
    yes = Decision(Act.STREAM, Answer.YES, "cc", "It may.", ("attribution",), ("some-id",))
    no = Decision(Act.STREAM, Answer.NO, "cc", "It may not.")
    save_decisions(ledger, {}, at=DAY[0])
    save_decisions(ledger, {file_id: [yes]}, at=DAY[0])
    assert decided_files(ledger, Act.STREAM) == {file_id}
    assert decided_files(ledger, Act.STREAM, among=[file_id, 99]) == {file_id}
    assert decided_files(ledger, Act.STREAM, among=[99]) == set()
    save_decisions(ledger, {file_id: [no]}, at=DAY[1])
    assert decided_files(ledger, Act.STREAM) == set()
    assert decision_counts(ledger) == {("stream", "no"): 1}
