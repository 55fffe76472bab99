"""phono rights statements: everything that was ever stated about a file."""

from __future__ import annotations

from typing import Any

import click

from phonotheque.cli.common import archive_argument, json_option, output, safe, show
from phonotheque.cli.which import which_files
from phonotheque.ledger.statements import Recorded, all_statements
from phonotheque.rights.explain import describe
from phonotheque.rights.records import statement_record
from phonotheque.vault.archive import Archive


@click.command("statements")
@archive_argument
@click.argument("file")
@json_option
def statements_command(archive: Archive, file: str, as_json: bool) -> None:
    """Show everything that was stated about FILE, also what stands no longer: who, when, on what evidence.

    FILE is a name as listed, the start of a SHA-256, a recording's id, or an ISRC.
    """
    with archive.ledger.connect() as ledger:
        names = which_files(archive, ledger, file)
        found = all_statements(ledger, names)
    data = [
        {"file": names[file_id], "statements": [_data(one) for one in found[file_id]]} for file_id in names
    ]
    show(data, as_json, lambda: _print(names, found))


def _data(one: Recorded) -> dict[str, Any]:
    return {
        "id": one.statement.id,
        "stands": one.ended_at is None,
        **statement_record(one.statement),
        "recorded_at": one.recorded_at,
        "ended_at": one.ended_at,
        "ended_because": one.ended_because,
        "supersedes": one.supersedes,
        "superseded_by": one.superseded_by,
        "found_at": None if one.found_at is None else one.found_at.decode("utf-8", "replace"),
    }


def _print(names: dict[int, str], found: dict[int, list[Recorded]]) -> None:
    for file_id, name in names.items():
        output.print(safe(name), style="bold")
        if not found[file_id]:
            output.print("  Nobody has stated anything about it.")
        for one in found[file_id]:
            _print_one(one)


def _print_one(one: Recorded) -> None:
    said = one.statement
    output.print(safe(f"  {said.id}  {describe(said)}"), style=None if one.ended_at is None else "dim")
    facts = [f"recorded {one.recorded_at}"]
    if said.stated_at:
        facts.insert(0, f"said {said.stated_at}")
    if one.supersedes:
        facts.append(f"corrects {one.supersedes}")
    if one.found_at is not None:
        facts.append(f"read at {one.found_at.decode('utf-8', 'replace')}")
    if said.evidence_sha256:
        facts.append(f"document {said.evidence_sha256}")
    output.print(safe(f"      {'; '.join(facts)}"))
    if one.ended_at is not None:
        output.print(safe(f"      stands no longer since {one.ended_at}: {why_ended(one)}"))


def why_ended(one: Recorded) -> str:
    """Return why a statement stands no longer."""
    if one.superseded_by:
        because = f" ({one.ended_because})" if one.ended_because not in (None, "corrected") else ""
        return f"superseded by {one.superseded_by}{because}"
    return f"retracted: {one.ended_because}" if one.ended_because else "no longer found where it was read"
