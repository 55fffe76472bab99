"""phono rights explain: the reasons for an answer, one by one, in plain words."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import date
from typing import Any

import click

from phonotheque.cli.common import archive_argument, json_option, messages, output, safe, show
from phonotheque.cli.rights_fields import day_of
from phonotheque.cli.which import which_files
from phonotheque.ledger.statements import Recorded, all_statements
from phonotheque.model.errors import UsageError
from phonotheque.model.rights import WORLDWIDE, Act
from phonotheque.model.territory import Territory, parse_territory
from phonotheque.rights.chain import Chain, Considered, reasons_for
from phonotheque.rights.reasons import LANGUAGES
from phonotheque.rights.records import statement_record
from phonotheque.rights.telling import Former, law_of, tell
from phonotheque.sources.decide import mandate_statement
from phonotheque.vault.archive import Archive, now

_MOST = 10  # files of one recording that a person is told about


@click.command("explain")
@archive_argument
@click.argument("identifier", metavar="ID")
@click.option("--act", type=click.Choice([act.value for act in Act]), default="distribute", show_default=True)
@click.option(
    "--in", "where", metavar="CC", default=WORLDWIDE, help="Country codes: FR, “DE FR”, EU.  [WORLD]"
)
@click.option("--on", "on", metavar="DAY", help="As of another day than today: 2047-01-01.")
@click.option(
    "--language", type=click.Choice(LANGUAGES), help="English or French; by LC_ALL, LC_MESSAGES or LANG."
)
@json_option
def explain_command(
    archive: Archive,
    identifier: str,
    act: str,
    where: str,
    on: str | None,
    language: str | None,
    as_json: bool,
) -> None:
    """Say why something may or may not be done with ID, and what it would take.

    ID is a file's name as listed, the start of a SHA-256, a recording's id, or an ISRC.
    """
    territory, day = place_of(where, "--in"), day_of(on, "--on") or now().date()
    spoken = language or _language_of_the_user()
    with archive.ledger.connect() as ledger:
        names = which_files(archive, ledger, identifier)
        stated = all_statements(ledger, names)
    if as_json:
        data = [_data(archive, names[file], stated[file], Act(act), territory, day, spoken) for file in names]
        show(data, as_json, lambda: None)
        return
    for file in list(names)[:_MOST]:
        output.print(safe(names[file]), style="bold")
        chain = _chain(archive, stated[file], Act(act), territory, day)
        recorded = {one.statement.id: one.recorded_at for one in stated[file]}
        for line in tell(chain, spoken, recorded=recorded, former=_former(stated[file])):
            output.print(safe(f"  {line}"))
    if len(names) > _MOST:
        messages.print(f"… and {len(names) - _MOST:,} more files: --json tells of all.")


def place_of(text: str, option: str) -> Territory:
    """Return the territory of an option; UsageError if it is none."""
    try:
        territory = parse_territory(text.strip().upper())
    except ValueError as error:
        advice = "Write two-letter country codes (ISO 3166-1) with spaces between them: “DE FR”, EU."
        raise UsageError(f"{option}: {error}.", advice) from None
    if not territory:
        raise UsageError(f"{option}: it is empty.", "Write for example FR.")
    return territory


def _chain(archive: Archive, stated: list[Recorded], act: Act, territory: Territory, day: date) -> Chain:
    standing = [one.statement for one in stated if one.ended_at is None]
    statements = [*standing, *mandate_statement(archive.settings)]
    return reasons_for(statements, act, on=day, territory=territory)


def _former(stated: list[Recorded]) -> list[Former]:
    return [
        Former(one.statement, one.ended_at, one.ended_because, one.superseded_by)
        for one in stated
        if one.ended_at is not None
    ]


def _data(
    archive: Archive,
    name: str,
    stated: list[Recorded],
    act: Act,
    territory: Territory,
    day: date,
    language: str,
) -> dict[str, Any]:
    chain = _chain(archive, stated, act, territory, day)
    recorded = {one.statement.id: one.recorded_at for one in stated}
    former = _former(stated)
    decision = chain.decision
    return {
        "file": name,
        "act": act.value,
        "on": day.isoformat(),
        "in": str(territory),
        "answer": decision.answer.value,
        "rule": decision.rule,
        "conditions": list(decision.conditions),
        "reason": decision.reason,
        "allowed_in": str(chain.allowed),
        "explained_for": str(chain.where),
        "elsewhere": [
            {"in": str(part), "answer": finding.answer.value, "reason": finding.reason.told(language)}
            for part, finding in chain.others
        ],
        "turns": chain.turns and {"on": chain.turns[0].isoformat(), "answer": chain.turns[1].value},
        "missing": [reason.told(language) for reason in chain.missing],
        "denials": [_considered(one, recorded, language) for one in chain.denials],
        "works": {
            work.work.value: {
                "answer": work.finding.answer.value,
                "rule": work.finding.rule,
                "statements": [_considered(one, recorded, language) for one in work.considered],
            }
            for work in chain.works
        },
        "former": [
            statement_record(one.statement)
            | {key: value for key, value in asdict(one).items() if key != "statement"}
            for one in former
        ],
        "told": tell(chain, language, recorded=recorded, former=former),
    }


def _considered(one: Considered, recorded: dict[str, str], language: str) -> dict[str, Any]:
    finding = one.finding
    return {
        "id": one.statement.id,
        "recorded_at": recorded.get(one.statement.id),
        **statement_record(one.statement),
        "weight": one.weight.value,
        "finding": finding
        and {
            "answer": finding.answer.value,
            "rule": finding.rule,
            "reason": finding.reason.told(language),
            "conditions": list(finding.conditions),
            "law": law_of(finding, language),
        },
    }


def _language_of_the_user() -> str:
    """Return the language that the environment asks for, if reasons are told in it, else English."""
    spoken = next(filter(None, (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return spoken[:2] if spoken[:2] in LANGUAGES else "en"
