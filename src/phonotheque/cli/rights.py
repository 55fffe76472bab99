"""phono rights: what may be published and why; what may not and why; and the archivist's own statements."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import groupby, islice
from typing import Any

import click
from rich.table import Table
from sqlalchemy import Connection, func, select

from phonotheque.cli.common import archive_argument, counted, json_option, output, safe
from phonotheque.cli.rights_decide import decide_command, say_if_stale
from phonotheque.cli.rights_explain import explain_command
from phonotheque.cli.rights_forecast import forecast_command
from phonotheque.cli.rights_grant import correct_command, grant_command, retract_command
from phonotheque.cli.rights_statements import statements_command
from phonotheque.ledger.schema import decisions, files
from phonotheque.ledger.sidecars import sidecar_answers
from phonotheque.ledger.statements import open_questions
from phonotheque.ledger.stream import stream
from phonotheque.model.rights import WORLDWIDE, Act
from phonotheque.vault.archive import Archive

_ACTS = [act.value for act in Act]
_SIGNS = {"yes": "yes", "no": "no", "unknown": "–"}
_MOST = 1_000  # files listed, or questions, for a person; --all and --json give every one
_IN_A_TABLE = 1_000
_CODES = 4  # countries named in a table


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
    phono rights explain ARCHIVE ID  the reasons, one by one
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
        say_if_stale(archive, ledger)
        if as_json:
            _print_json(ledger)
            return
        _print_summary(ledger)
        _print_decisions(ledger, everything)
        if beside := sidecar_answers(ledger):
            yes, no = beside.get("yes", 0), sum(beside.values()) - beside.get("yes", 0)
            output.print(
                f"\nArtwork, lyrics and documents beside it: {yes:,} may be published, {no:,} may not."
            )
        _print_questions(archive, _questions(ledger))


for _command in (
    grant_command,
    correct_command,
    retract_command,
    statements_command,
    explain_command,
    forecast_command,
    decide_command,
):
    rights_command.add_command(_command)


def _decisions(ledger: Connection) -> Generator[dict[str, Any]]:
    """Stream what was decided on each master, by name."""
    query = (
        select(files.c.id, files.c.name, files.c.sha256, files.c.held, decisions)
        .join(decisions, decisions.c.file_id == files.c.id)
        .where(files.c.kind == "master")
        .order_by(files.c.name, files.c.id)
    )
    for _, rows in groupby(stream(ledger, query), key=lambda row: row.file_id):
        first, *others = rows
        entry = {"file": first.name, "sha256": first.sha256, "held": bool(first.held), "decisions": {}}
        for row in sorted((first, *others), key=lambda row: row.territory != WORLDWIDE):
            if row.territory != WORLDWIDE:
                entry["decisions"][row.act]["allowed_in"] = row.territory
                continue
            entry["decisions"][row.act] = {
                "answer": row.answer,
                "rule": row.rule,
                "reason": row.reason,
                "conditions": row.conditions,
                "allowed_in": WORLDWIDE if row.answer == "yes" else None,
            }
        yield entry


def _questions(ledger: Connection) -> Generator[dict[str, Any]]:
    for question in open_questions(ledger):
        yield {
            "file": question.name,
            "sha256": question.sha256,
            "question": question.question.text,
            "candidates": list(question.question.candidates),
            "evidence": question.question.evidence,
            "origin": question.question.evidence_origin,
        }


def _print_json(ledger: Connection) -> None:
    """Print everything as one object, its lists piece by piece: they may have millions of items."""
    click.echo('{"files": [')
    _print_items(_decisions(ledger))
    click.echo(f'],\n"sidecars": {json.dumps(sidecar_answers(ledger))},\n"questions": [')
    _print_items(_questions(ledger))
    click.echo("]}")


def _print_items(items: Generator[dict[str, Any]]) -> None:
    with closing(items):  # before the ledger is, also when nobody reads on
        for number, item in enumerate(items):
            click.echo((",\n" if number else "") + json.dumps(item, ensure_ascii=False), nl=False)
    click.echo()


def _print_summary(ledger: Connection) -> None:
    """Print how many masters may be published and why, and why others may not."""
    table = decisions
    query = (
        select(table.c.answer, table.c.reason, func.count().label("files"))
        .join(files, files.c.id == table.c.file_id)
        .where(files.c.kind == "master", table.c.act == Act.DISTRIBUTE.value, table.c.territory == WORLDWIDE)
        .group_by(table.c.answer, table.c.reason)
    )
    rows = sorted(ledger.execute(query), key=lambda row: (row.answer != "yes", -row.files, row.reason))
    summary = Table("Files", "May be published", "Because", box=None, pad_edge=False)
    for row in rows[:_MOST]:
        summary.add_row(f"{row.files:,}", "yes" if row.answer == "yes" else "no", safe(row.reason))
    output.print(summary)
    places = _audiences(ledger)
    for territory, number in places:
        output.print(f"{number:,} of those that are not for everybody may be published in {territory}")


def _audiences(ledger: Connection) -> list[tuple[str, int]]:
    table = decisions
    query = (
        select(table.c.territory, func.count().label("files"))
        .join(files, files.c.id == table.c.file_id)
        .where(files.c.kind == "master", table.c.act == Act.DISTRIBUTE.value, table.c.territory != WORLDWIDE)
        .group_by(table.c.territory)
        .order_by(func.count().desc(), table.c.territory)
        .limit(20)
    )
    return [(row.territory, row.files) for row in ledger.execute(query)]


def _print_decisions(ledger: Connection, everything: bool) -> None:
    with closing(_decisions(ledger)) as found:
        listed = (e for e in found if everything or e["decisions"]["distribute"]["answer"] != "yes")
        shown = listed if everything else islice(listed, _MOST)
        heading = "\nEvery file:" if everything else "\nNot to be published, or not everywhere:"
        printed = 0
        while some := list(islice(shown, _IN_A_TABLE)):
            if not printed:
                output.print(heading, style="bold")
            printed += len(some)
            output.print(_table(some))
        if not everything and (left := sum(1 for _ in listed)):
            output.print(f"… and {counted(left, 'more file')}: --all or --json lists every one.")


def _table(entries: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("File", *_ACTS, "Because"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        decided = entry["decisions"]
        table.add_row(
            safe(entry["file"]),
            *(_sign(decided[act]) for act in _ACTS),
            safe(decided["distribute"]["reason"]),
        )
    return table


def _sign(decision: dict[str, Any]) -> str:
    """Return an answer in a word; where it is yes, if that is not everywhere."""
    if decision["answer"] != "yes" and decision["allowed_in"]:
        codes = decision["allowed_in"].split()
        many = len(codes) > _CODES and codes[0] != WORLDWIDE
        return f"in {len(codes)} countries" if many else f"in {decision['allowed_in']}"
    return _SIGNS[decision["answer"]]


def _print_questions(archive: Archive, asked: Iterator[dict[str, Any]]) -> None:
    some = list(islice(asked, _MOST))
    if not some:
        return
    left = sum(1 for _ in asked)
    output.print(
        f"\n{counted(len(some) + left, 'question')} for you, because nothing is guessed:",
        style="bold yellow",
    )
    for question in some:
        output.print(safe(f"  {question['file']}  ({question['origin']})"))
        output.print(safe(f"    {question['question']}"))
        for line in question["evidence"].strip().splitlines()[:4]:
            output.print(safe(f"    │ {line}"), style="dim")
    if left:
        output.print(f"  … and {left:,} more: --json lists every one.")
    candidate = next((c for question in some for c in question["candidates"]), "CC-BY-4.0")
    answer = f"{archive.folder} NAME --licence {candidate} --evidence “where you checked”"
    output.print(f"Answer with: phono rights grant {answer}")
