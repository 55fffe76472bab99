"""phono rights grant, correct, retract: what the archivist states, and what turned out to be wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import click
from sqlalchemy import Connection, select

from phonotheque.cli.common import archive_argument, counted, json_option, messages, output, safe, show
from phonotheque.cli.rights_fields import anything, kind_given, stated, statement_options
from phonotheque.ledger.decisions import names_of
from phonotheque.ledger.events import record_events
from phonotheque.ledger.named import files_named
from phonotheque.ledger.schema import files
from phonotheque.ledger.statements import (
    Recorded,
    correct,
    record_grant,
    retract,
    standing_statements,
    statements_called,
)
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.rights import Kind, Statement
from phonotheque.rights.combine import contradict
from phonotheque.rights.explain import describe
from phonotheque.rights.grant import GRANT, checked
from phonotheque.rights.records import statement_record
from phonotheque.sources.decide import record_moves, redecide
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.evidence import keep_evidence

_ID = re.compile(r"[0-9a-f][0-9a-f-]{3,35}", re.ASCII)


@dataclass(slots=True)
class _Granted:
    """What a grant came to: the files, those that can now be kept, and what stands against it."""

    names: list[str] = field(default_factory=list)
    addable: list[str] = field(default_factory=list)
    against: Counter[Statement] = field(default_factory=Counter)


@click.command("grant")
@archive_argument
@click.argument("selectors", nargs=-1, required=True, metavar="FILE...")
@click.option("--evidence", required=True, help="Where this can be checked: a URL, a letter, a contract.")
@statement_options
@json_option
def grant_command(archive: Archive, selectors: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Record your own statement about FILEs: names as listed (* and ? allowed) or the start of a SHA-256.

    A pattern means music only: what is granted for the music is not granted for the picture beside it. Name
    artwork, lyrics and documents one by one, or in a rights.toml beside them.
    """
    blank = Statement(
        kind_given(given), None, "", GRANT, given["asserted_by"] or archive.settings.archive.agent
    )
    statement = checked(stated(given, blank), now().date())
    done = _Granted()
    with archive.writing("rights grant"), archive.ledger.begin() as ledger:
        chosen = files_named(ledger, selectors)
        statement = _with_document(archive, given, statement)
        for some in batched(chosen, IN_A_STATEMENT):
            _grant(ledger, archive, {file: chosen[file] for file in some}, statement, done)
    against: list[dict[str, Any]] = [
        {"files": number, "statement": statement_record(other), "said": describe(other)}
        for other, number in done.against.most_common()
    ]

    def text() -> None:
        what = statement.licence or statement.kind.value
        output.print(f"Recorded {what} for {counted(len(done.names), 'file')}.")
        for one in against:
            messages.print(
                safe(f"Against it, {counted(one['files'], 'file')}: {one['said']}"), style="yellow"
            )
        if against:
            messages.print(
                "Both stand, and the most permissive counts. If one is wrong, retract it: "
                "phono rights retract."
            )
        if done.addable:
            messages.print(
                f"{counted(len(done.addable), 'file')} can now be kept: add the folder again to take them in."
            )

    data = {"granted": done.names, "now_addable": done.addable, "document": statement.evidence_sha256}
    show(data | {"contradicts": against}, as_json, text)


@click.command("correct")
@archive_argument
@click.argument("identifier", metavar="STATEMENT-ID")
@click.option("--evidence", help="Where this can be checked: a URL, a letter, a contract.")
@statement_options
@click.option("--because", help="What was wrong.")
@json_option
def correct_command(
    archive: Archive, identifier: str, because: str | None, as_json: bool, **given: Any
) -> None:
    """Put a corrected statement in the place of one that stands; what is not given stays as it was.

    An empty text takes a field away: --until "". The statement that was wrong is dated and kept.
    """
    if not anything(given):
        raise UsageError("Nothing is given that differs.", "Name the fields to correct: --licence, --until …")
    at = timestamp(now())
    with archive.writing("rights correct"), archive.ledger.begin() as ledger:
        old = _standing(ledger, identifier)
        by = given["asserted_by"] or (
            old.statement.asserted_by
            if old.statement.evidence_origin == GRANT
            else archive.settings.archive.agent
        )
        upon = replace(old.statement, evidence_origin=GRANT, asserted_by=by)
        statement = _with_document(archive, given, checked(stated(given, upon), now().date()))
        said = old.statement
        same = replace(statement, evidence_origin=said.evidence_origin)
        if (same if given["asserted_by"] else replace(same, asserted_by=said.asserted_by)) == said:
            raise UsageError(f"{old.statement.id} says so already.", "Nothing was changed.")
        new = correct(ledger, old.statement.id, statement, at=at, because=because or "corrected")
        assert new is not None  # it stands: the lock is held
        detail = {"what": "correction", "statement": new.statement.id, "supersedes": old.statement.id}
        _follow(ledger, archive, old.file_id, detail | {"because": because}, by, at)
    _say_changed(old.statement, new.statement, as_json)


@click.command("retract")
@archive_argument
@click.argument("identifier", metavar="STATEMENT-ID")
@click.option("--because", required=True, help="Why it should not have been stated.")
@json_option
def retract_command(archive: Archive, identifier: str, because: str, as_json: bool) -> None:
    """Let a statement that was wrong stand no longer. It is dated, with the reason, and kept."""
    if not because.strip():
        raise UsageError("because: it is empty.", "Say what was wrong with the statement.")
    at = timestamp(now())
    with archive.writing("rights retract"), archive.ledger.begin() as ledger:
        old = _standing(ledger, identifier)
        retract(ledger, old.statement.id, because.strip(), at=at)
        detail = {"what": "retraction", "statement": old.statement.id, "because": because.strip()}
        _follow(ledger, archive, old.file_id, detail, archive.settings.archive.agent, at)
    _say_changed(old.statement, None, as_json)


def _grant(
    ledger: Connection, archive: Archive, chosen: dict[int, str], statement: Statement, done: _Granted
) -> None:
    """Record a statement about some files, what follows from it, and what stands against it."""
    at = timestamp(now())
    for standing in standing_statements(ledger, chosen).values():
        against = {replace(other, id="") for other in standing if contradict(statement, other)}
        done.against.update(against)
    ids = record_grant(ledger, chosen, statement, at=at)
    detail = {"licence": statement.licence, "kind": statement.kind.value}
    record_events(
        ledger,
        [
            {
                "at": at,
                "kind": "policy assignment",
                "subject": name,
                "agent": statement.asserted_by,
                "detail": {**detail, "statement": ids[file]},
            }
            for file, name in chosen.items()
        ],
    )
    moved = redecide(ledger, chosen, archive.settings, at=at)
    record_moves(ledger, moved, archive.settings, at=at)
    unkept = select(files.c.name).where(files.c.id.in_(list(chosen)), ~files.c.held).order_by(files.c.id)
    done.addable += ledger.execute(unkept).scalars()
    done.names += chosen.values()


def _follow(
    ledger: Connection, archive: Archive, file_id: int, detail: dict[str, Any], agent: str, at: str
) -> None:
    """Record what was done to a file's statements, and what follows from it."""
    name, _ = names_of(ledger, [file_id])[file_id]
    event = {"at": at, "kind": "policy assignment", "subject": name, "agent": agent, "detail": detail}
    record_events(ledger, [event])
    moved = redecide(ledger, [file_id], archive.settings, at=at)
    record_moves(ledger, moved, archive.settings, at=at)


def _with_document(archive: Archive, given: dict[str, Any], statement: Statement) -> Statement:
    """Return the statement with the hash of the document that was given, of which a copy is kept."""
    if given["document"] is None:
        return statement
    return replace(statement, evidence_sha256=keep_evidence(archive, given["document"]))


def _standing(ledger: Connection, identifier: str) -> Recorded:
    """Return the statement that stands and whose id begins so."""
    text = identifier.strip().lower()
    found: Sequence[Recorded] = statements_called(ledger, text) if _ID.fullmatch(text) else ()
    if not found:
        advice = "Find it with: phono rights statements ARCHIVE FILE"
        raise NotFoundError(f"No statement has the id {identifier}.", advice)
    if len(found) > 1:
        raise UsageError(f"The ids of several statements begin with {identifier}.", "Give more of it.")
    (one,) = found
    if one.ended_at is not None:
        instead = f"Correct the one in its place: {one.superseded_by}" if one.superseded_by else ""
        raise UsageError(f"{one.statement.id} stands no longer, since {one.ended_at}.", instead)
    if one.statement.kind is Kind.WITHDRAWAL:
        raise UsageError(
            f"{one.statement.id} is a withdrawal.", "It is reversed where it was decided: phono withdraw."
        )
    return one


def _say_changed(old: Statement, new: Statement | None, as_json: bool) -> None:
    def text() -> None:
        output.print(safe(f"No longer: {describe(old)}"))
        if new is not None:
            output.print(safe(f"Instead:   {describe(new)}"))

    show(
        {
            "statement": old.id,
            "superseded_by": new and new.id,
            "before": statement_record(old),
            "after": new and statement_record(new),
        },
        as_json,
        text,
    )
