"""phono rights: what may be published and why; what may not and why; and the archivist's own statements."""

from __future__ import annotations

import fnmatch
from collections import Counter
from typing import Any

import click
from rich.table import Table
from sqlalchemy import Connection, select

from phonotheque.cli.common import archive_argument, counted, json_option, messages, output, safe, show
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import decisions, files
from phonotheque.ledger.sidecars import KIND as SIDECAR
from phonotheque.ledger.sidecars import sidecar_answers
from phonotheque.ledger.statements import open_questions, record_grant
from phonotheque.model.errors import NotFoundError
from phonotheque.model.rights import WORLDWIDE, Act, Covers, Kind
from phonotheque.rights.grant import make_grant
from phonotheque.sources.decide import redecide
from phonotheque.vault.archive import Archive, now, timestamp

_ACTS = [act.value for act in Act]
_SIGNS = {"yes": "yes", "no": "no", "unknown": "–"}


class _DefaultToList(click.Group):
    """``phono rights ARCHIVE`` lists; ``phono rights grant ARCHIVE …`` states."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("rights", cls=_DefaultToList)
def rights_command() -> None:
    """Show what may be published and why, what may not and why; state a basis.

    \b
    phono rights ARCHIVE             list
    phono rights grant ARCHIVE …     record a statement of your own
    """


@rights_command.command("list")
@archive_argument
@click.option(
    "--all", "everything", is_flag=True, help="List every file, not only what waits or is held back."
)
@json_option
def list_command(archive: Archive, everything: bool, as_json: bool) -> None:
    """List decisions by file, and the questions that wait for you."""
    with archive.ledger.connect() as ledger:
        decided = _decisions(ledger)
        questions = list(open_questions(ledger))
        beside = sidecar_answers(ledger)
    asked = [
        {
            "file": question.name,
            "sha256": question.sha256,
            "question": question.question.text,
            "candidates": list(question.question.candidates),
            "evidence": question.question.evidence,
            "origin": question.question.evidence_origin,
        }
        for question in questions
    ]

    def text() -> None:
        _print_decisions(decided, everything)
        if beside:
            yes, no = beside.get("yes", 0), sum(beside.values()) - beside.get("yes", 0)
            output.print(
                f"\nArtwork, lyrics and documents beside it: {yes:,} may be published, {no:,} may not."
            )
        _print_questions(archive, asked)

    show({"files": decided, "sidecars": beside, "questions": asked}, as_json, text)


@rights_command.command("grant")
@archive_argument
@click.argument("selectors", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--licence", help="SPDX id or address: CC-BY-4.0, https://creativecommons.org/licenses/by/4.0/ …"
)
@click.option(
    "--kind",
    type=click.Choice([Kind.LICENCE.value, Kind.PUBLIC_DOMAIN.value, Kind.DEPOSIT.value]),
    default=Kind.LICENCE.value,
    show_default=True,
)
@click.option("--evidence", required=True, help="Where this can be checked: a URL, a letter, a contract.")
@click.option("--holder", help="Who holds the rights.")
@click.option(
    "--covers", type=click.Choice([c.value for c in Covers]), default=Covers.BOTH.value, show_default=True
)
@click.option("--territory", default=WORLDWIDE, show_default=True, help="WORLD or country codes.")
@click.option("--by", "asserted_by", help="Who states this; the archive's agent by default.")
@json_option
def grant_command(
    archive: Archive,
    selectors: tuple[str, ...],
    licence: str | None,
    kind: str,
    evidence: str,
    holder: str | None,
    covers: str,
    territory: str,
    asserted_by: str | None,
    as_json: bool,
) -> None:
    """Record your own statement about FILEs: names as listed (* and ? allowed) or the start of a SHA-256.

    A pattern means music only: what is granted for the music is not granted for the picture beside it. Name
    artwork, lyrics and documents one by one, or in a rights.toml beside them.
    """
    statement = make_grant(
        licence=licence,
        kind=Kind(kind),
        holder=holder,
        evidence=evidence,
        asserted_by=asserted_by or archive.settings.archive.agent,
        covers=Covers(covers),
        territory=territory,
    )
    at = timestamp(now())
    with archive.writing("rights grant"), archive.ledger.begin() as ledger:
        chosen = _select(ledger, selectors)
        record_grant(ledger, chosen, statement, at=at)
        redecide(ledger, chosen, archive.settings, at=at)
        for name in chosen.values():
            record_event(
                ledger,
                at=at,
                kind="policy assignment",
                subject=name,
                agent=statement.asserted_by,
                detail={"licence": statement.licence, "kind": statement.kind.value},
            )
        unkept = (
            ledger.execute(select(files.c.name).where(files.c.id.in_(list(chosen)), ~files.c.held))
            .scalars()
            .all()
        )

    def text() -> None:
        what = statement.licence or statement.kind.value
        output.print(f"Recorded {what} for {counted(len(chosen), 'file')}.")
        if unkept:
            messages.print(
                f"{counted(len(unkept), 'file')} can now be kept: add the folder again to take them in."
            )

    show({"granted": list(chosen.values()), "now_addable": list(unkept)}, as_json, text)


def _decisions(ledger: Connection) -> list[dict[str, Any]]:
    query = (
        select(files.c.id, files.c.name, files.c.sha256, files.c.held, decisions)
        .join(decisions, decisions.c.file_id == files.c.id)
        .where(files.c.kind == "master")
        .order_by(files.c.name, files.c.id)
    )
    found: dict[int, dict[str, Any]] = {}
    for row in ledger.execute(query):
        entry = found.setdefault(
            row.file_id, {"file": row.name, "sha256": row.sha256, "held": bool(row.held), "decisions": {}}
        )
        entry["decisions"][row.act] = {
            "answer": row.answer,
            "rule": row.rule,
            "reason": row.reason,
            "conditions": row.conditions,
        }
    return list(found.values())


def _print_decisions(decided: list[dict[str, Any]], everything: bool) -> None:
    why = Counter(
        (entry["decisions"]["distribute"]["answer"], entry["decisions"]["distribute"]["reason"])
        for entry in decided
    )
    summary = Table("Files", "May be published", "Because", box=None, pad_edge=False)
    for (answer, reason), count in sorted(why.items(), key=lambda item: (item[0][0] != "yes", -item[1])):
        summary.add_row(f"{count:,}", "yes" if answer == "yes" else "no", safe(reason))
    output.print(summary)
    listed = [e for e in decided if everything or e["decisions"]["distribute"]["answer"] != "yes"]
    if not listed:
        return
    output.print("\nEvery file:" if everything else "\nNot to be published:", style="bold")
    table = Table(box=None, pad_edge=False)
    for heading in ("File", *_ACTS, "Because"):
        table.add_column(heading, overflow="fold")
    for entry in listed:
        answers = [_SIGNS[entry["decisions"][act]["answer"]] for act in _ACTS]
        table.add_row(safe(entry["file"]), *answers, safe(entry["decisions"]["distribute"]["reason"]))
    output.print(table)


def _print_questions(archive: Archive, asked: list[dict[str, Any]]) -> None:
    if not asked:
        return
    output.print(
        f"\n{counted(len(asked), 'question')} for you, because nothing is guessed:", style="bold yellow"
    )
    for question in asked:
        output.print(safe(f"  {question['file']}  ({question['origin']})"))
        output.print(safe(f"    {question['question']}"))
        for line in question["evidence"].strip().splitlines()[:4]:
            output.print(safe(f"    │ {line}"), style="dim")
    candidate = next((c for question in asked for c in question["candidates"]), "CC-BY-4.0")
    answer = f"{archive.folder} NAME --licence {candidate} --evidence “where you checked”"
    output.print(f"Answer with: phono rights grant {answer}")


def _select(ledger: Connection, selectors: tuple[str, ...]) -> dict[int, str]:
    rows = ledger.execute(
        select(files.c.id, files.c.name, files.c.sha256, files.c.kind).where(
            files.c.kind.in_(("master", SIDECAR))
        )
    ).all()
    chosen: dict[int, str] = {}
    for selector in selectors:
        matches = {
            row.id: row.name
            for row in rows
            if row.name == selector
            or (row.kind != SIDECAR and fnmatch.fnmatchcase(row.name, selector))
            or (len(selector) >= 8 and row.sha256.startswith(selector.lower()))
        }
        if not matches:
            raise NotFoundError(
                f"No file is called {selector}.", "Use a name as `phono rights ARCHIVE --all` lists it."
            )
        chosen |= matches
    return chosen
