"""Deciding anew as time goes by: what moves, its events, and going on after an interruption."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select

from phonotheque.ledger.decisions import decisions_on, due_count, last_run, next_turn
from phonotheque.ledger.files import record_file, start_accession
from phonotheque.ledger.schema import decisions, events, files, redecisions
from phonotheque.ledger.statements import record_grant, save_decisions, standing_statements
from phonotheque.model.rights import WORLDWIDE, Act, Kind, Statement
from phonotheque.model.settings import Settings
from phonotheque.rights.decide import decide_everywhere
from phonotheque.sources import decide
from phonotheque.sources.decide import (
    bare,
    bring_up_to_date,
    redecide,
    redecide_all,
    redecide_due,
    stale,
    what_if,
)
from phonotheque.sources.forecast import turned
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.ledger.ledger_facts import facts
from tests.rights.stating import statements_of_all_kinds

TODAY, NEW_YEAR = "2026-12-31T08:00:00Z", "2027-01-01T00:05:00Z"
BY = Statement(Kind.LICENCE, "CC-BY-4.0", "a letter", "grant", "me")
SOON = replace(BY, valid_from="2027-01-01")
ENDS = Statement(
    Kind.DEPOSIT, None, "7", "grant", "me", "Bo", territory="DE FR", acts=(Act.PRESERVE, Act.DISTRIBUTE),
    valid_until="2026-12-31",
)  # fmt: skip


def add(archive: Archive, said: Sequence[Sequence[Statement]], *, kind: str = "master") -> list[int]:
    """Record a file for each of these lists of statements, and decide on it."""
    with archive.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/m", agent="me", at=TODAY)
        ids = []
        for number, statements in enumerate(said):
            name = f"{kind} {number}"
            recorded = record_file(
                ledger, facts(name), kind=kind, held=True, accession=accession, name=name, at=TODAY
            )
            ids.append(recorded.id)
            for one in statements:
                record_grant(ledger, [recorded.id], one, at=TODAY)
        assert len(redecide(ledger, ids, archive.settings, at=TODAY)) == len(ids)
    return ids


def answers(archive: Archive, file_id: int) -> dict[str, str]:
    query = select(decisions).where(decisions.c.file_id == file_id, decisions.c.act == "distribute")
    with archive.ledger.connect() as ledger:
        return {row.territory: row.answer for row in ledger.execute(query)}


def moves(archive: Archive) -> list[dict[str, Any]]:
    query = select(events).where(events.c.type == "policy assignment").order_by(events.c.id)
    with archive.ledger.connect() as ledger:
        return [{"subject": row.subject, "at": row.at, **row.detail} for row in ledger.execute(query)]


def test_on_new_years_day_what_became_free_moves_with_an_event(make_archive: MakeArchive) -> None:
    archive = make_archive()
    same, soon, ends = add(archive, [[BY], [SOON], [ENDS]])
    assert answers(archive, soon) == {WORLDWIDE: "unknown"}
    assert answers(archive, ends) == {WORLDWIDE: "unknown", "DE FR": "yes"}
    with archive.ledger.connect() as ledger:
        assert next_turn(ledger) == "2027-01-01"
        assert stale(ledger, archive.settings, TODAY[:10]) is None
        assert stale(ledger, archive.settings, NEW_YEAR[:10]) == "2027-01-01"
        assert due_count(ledger, "2027-01-01") == 2
    done = redecide_all(archive.ledger, archive.settings, at=NEW_YEAR)
    assert (done.files, done.moved, done.went_on, done.saved) == (3, 2, False, True)
    assert done.ways[("distribute", "", WORLDWIDE)] == 1
    assert done.ways[("distribute", "DE FR", "")] == 1
    assert answers(archive, same) == answers(archive, soon) == {WORLDWIDE: "yes"}
    assert answers(archive, ends) == {WORLDWIDE: "unknown"}
    became_free, ended = moves(archive)
    assert (became_free["subject"], became_free["at"]) == (facts("master 1").sha256, NEW_YEAR)
    assert became_free["before"]["distribute"] == {WORLDWIDE: "unknown"}
    assert became_free["after"]["distribute"] == {WORLDWIDE: "yes"}
    assert (ended["file"], ended["after"]["distribute"]) == ("master 2", {WORLDWIDE: "unknown"})
    assert "stream" not in ended["before"]  # only the acts that moved
    with archive.ledger.connect() as ledger:
        assert next_turn(ledger) is None
        run = last_run(ledger)
        assert run is not None
        assert (run.day, run.finished_at, run.files, run.moved) == ("2027-01-01", NEW_YEAR, 3, 2)
    assert redecide_all(archive.ledger, archive.settings, at=NEW_YEAR).moved == 0
    assert len(moves(archive)) == 2


def test_sidecars_are_decided_on_and_access_copies_go_by_their_masters(make_archive: MakeArchive) -> None:
    archive = make_archive()
    (picture,) = add(archive, [[SOON]], kind="sidecar")
    with archive.ledger.begin() as ledger:
        row = dict(ledger.execute(select(files)).one()._mapping)
        ledger.execute(insert(files), {**row, "id": 900, "sha256": "ab" * 32, "kind": "access"})
    assert redecide_all(archive.ledger, archive.settings, at=NEW_YEAR).files == 1
    assert answers(archive, picture) == {WORLDWIDE: "yes"}
    assert answers(archive, 900) == {}


def test_interrupted_it_goes_on_and_every_move_has_one_event(
    make_archive: MakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive()
    add(archive, [[SOON]] * 7)
    calls = []

    def interrupt(*given: Any, **more: Any) -> None:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        save_decisions(*given, **more)

    monkeypatch.setattr(decide, "save_decisions", interrupt)
    with pytest.raises(KeyboardInterrupt):
        redecide_all(archive.ledger, archive.settings, at=NEW_YEAR, at_once=2)
    assert len(moves(archive)) == 4
    with archive.ledger.connect() as ledger:
        run = last_run(ledger)
        assert run is not None
        assert (run.finished_at, run.files) == (None, 4)
        assert last_run(ledger, finished=True) is None
    done = redecide_all(archive.ledger, archive.settings, at=NEW_YEAR, at_once=2)
    assert (done.went_on, done.files, done.moved) == (True, 7, 7)
    assert len({one["subject"] for one in moves(archive)}) == len(moves(archive)) == 7


def test_another_mandate_makes_a_run_begin_anew(make_archive: MakeArchive) -> None:
    archive = make_archive()
    (file_id,) = add(archive, [[]])
    redecide_all(archive.ledger, archive.settings, at=NEW_YEAR)
    mandated = replace(archive.settings, mandate=replace(archive.settings.mandate, preserve="Legal deposit."))
    with archive.ledger.connect() as ledger:
        assert stale(ledger, archive.settings, NEW_YEAR[:10]) is None
        assert stale(ledger, mandated, NEW_YEAR[:10]) == ""
    done = redecide_all(archive.ledger, mandated, at=NEW_YEAR)
    assert done.ways == {("preserve", "", WORLDWIDE): 1}
    with archive.ledger.connect() as ledger:
        assert stale(ledger, mandated, NEW_YEAR[:10]) is None
        found, _ = decisions_on(ledger, [file_id])[file_id]
        assert next(one for one in found if one.act is Act.PRESERVE).statements == ("mandate",)


def mandated(archive: Archive, text: str) -> Settings:
    return replace(archive.settings, mandate=replace(archive.settings.mandate, preserve=text))


def test_what_decisions_rest_on_is_known_without_a_run_over_all(make_archive: MakeArchive) -> None:
    archive = make_archive(mandate="Legal deposit.")
    none = mandated(archive, "")
    (file_id, other) = add(archive, [[], []])
    with archive.ledger.begin() as ledger:
        assert last_run(ledger) is None
        assert stale(ledger, archive.settings, TODAY[:10]) is None
        assert stale(ledger, none, TODAY[:10]) == ""
        redecide(ledger, [file_id], none, at=TODAY)  # one of them, as when it is added again
        assert stale(ledger, none, TODAY[:10]) == ""
        assert stale(ledger, archive.settings, TODAY[:10]) == ""  # nor may the mandate simply come back
    bring_up_to_date(archive.ledger, none, at=TODAY)
    with archive.ledger.connect() as ledger:
        assert stale(ledger, none, TODAY[:10]) is None
        assert {one.answer for one in decisions_on(ledger, [other])[other][0]} == {"unknown"}
        assert (run := last_run(ledger)) is not None
        assert (run.files, run.moved) == (2, 1)
    bring_up_to_date(archive.ledger, none, at=TODAY)
    with archive.ledger.connect() as ledger:
        assert last_run(ledger) == run  # nothing was to do


def test_what_was_decided_by_nobody_knows_what_is_decided_anew(make_archive: MakeArchive) -> None:
    archive = make_archive()
    add(archive, [[BY]])
    with archive.ledger.begin() as ledger:
        ledger.execute(delete(redecisions))  # as before this was recorded
        redecide(ledger, [1], archive.settings, at=TODAY)
        assert stale(ledger, archive.settings, TODAY[:10]) == ""
    bring_up_to_date(archive.ledger, archive.settings, at=TODAY)
    with archive.ledger.connect() as ledger:
        assert stale(ledger, archive.settings, TODAY[:10]) is None


def test_what_is_due_is_decided_without_looking_at_the_rest(
    make_archive: MakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive()
    _, soon, _ = add(archive, [[BY], [SOON], [BY]])
    asked: list[int] = []

    def noted(ledger: Connection, ids: Iterable[int]) -> dict[int, list[Statement]]:
        asked.extend(ids)
        return standing_statements(ledger, ids)

    monkeypatch.setattr(decide, "standing_statements", noted)
    with archive.ledger.begin() as ledger:
        assert redecide_due(ledger, archive.settings, at=TODAY) == 0
        assert redecide_due(ledger, archive.settings, at=NEW_YEAR) == 1
        assert redecide_due(ledger, archive.settings, at=NEW_YEAR) == 0
    assert asked == [soon]
    assert answers(archive, soon) == {WORLDWIDE: "yes"}
    assert len(moves(archive)) == 1


def test_another_day_can_be_tried_and_nothing_is_saved(make_archive: MakeArchive) -> None:
    archive = make_archive()
    _, soon = add(archive, [[BY], [SOON]])
    done = what_if(archive.ledger, archive.settings, day=date(2027, 1, 1))
    assert (done.files, done.moved, done.saved) == (2, 1, False)
    assert [one["file"] for one in done.told] == ["master 1"]
    assert answers(archive, soon) == {WORLDWIDE: "unknown"}
    assert moves(archive) == []
    with archive.ledger.connect() as ledger:
        assert last_run(ledger) is None


def test_what_stays_as_it_is_is_not_written_again(make_archive: MakeArchive) -> None:
    archive = make_archive()
    add(archive, [[BY]])
    with archive.ledger.begin() as ledger:
        assert redecide(ledger, [1], archive.settings, at=NEW_YEAR) == []
        made = set(ledger.execute(select(decisions.c.decided_at)).scalars())
    assert made == {TODAY}


def test_the_forecast_streams_what_turns(make_archive: MakeArchive) -> None:
    archive = make_archive()
    add(archive, [[BY], [SOON], [ENDS], [SOON]])
    found = turned(
        archive.ledger,
        archive.settings,
        Act.DISTRIBUTE,
        since=date(2027, 1, 1),
        until=date(2030, 1, 1),
    )
    rows = [(str(day), name, gained, lost) for part in found for day, _, name, gained, lost in part]
    assert rows == [
        ("2027-01-01", "master 1", WORLDWIDE, ""),
        ("2027-01-01", "master 2", "", "DE FR"),
        ("2027-01-01", "master 3", WORLDWIDE, ""),
    ]


@settings(max_examples=60)
@given(st.lists(statements_of_all_kinds(), max_size=4), st.sampled_from(["2026-11-26", "2047-12-31"]))
def test_deciding_alike_is_deciding(said: list[Statement], day: str) -> None:
    """Evidence, when it was said and the documents behind it never make a difference, nor do ids."""
    on = date.fromisoformat(day)
    named = [replace(one, id=f"id {number}") for number, one in enumerate(said)]
    found, _ = decide._decided(named, (), on)
    assert found == decide_everywhere(named, on=on)
    bared = [bare(one, number) for number, one in enumerate(named)]
    others = [replace(one, evidence_sha256="ab" * 32, stated_at="2020") for one in named]
    assert [bare(one, number) for number, one in enumerate(others)] == bared
