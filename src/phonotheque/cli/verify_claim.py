"""phono verify-claim: what an archive knows about a file or an ISRC that somebody claims."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from phonotheque.cli.common import archive_argument, counted, json_option, messages, output, safe, show
from phonotheque.cli.duplicates import current_index
from phonotheque.model.errors import NotFoundError
from phonotheque.model.identifiers import parse_isrc
from phonotheque.sources.claim_words import LANGUAGES, verdict
from phonotheque.sources.claims import Bearer, Claim, HeldFile, claim_of_file, claim_of_isrc
from phonotheque.vault.archive import Archive, now

_UNKNOWN = 3  # exit code


@click.command("verify-claim")
@archive_argument
@click.argument("claimed", metavar="FILE-or-ISRC")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the verdict; else that of your system.")
@json_option
@click.pass_context
def verify_claim_command(
    context: click.Context, archive: Archive, claimed: str, language: str | None, as_json: bool
) -> None:
    """Tell what ARCHIVE knows of a file, or of an ISRC: since when, from whom, and who says otherwise.

    The file is only read, and stays out of the archive. Nothing that is told proves whose something is. Exit
    code 3 when nothing is known.
    """
    claim = _claim(archive, claimed)
    told = verdict(claim, language or _language())
    show(_data(claim) | {"verdict": told}, as_json, lambda: _print(claim, told))
    context.exit(0 if claim.known else _UNKNOWN)


def _claim(archive: Archive, claimed: str) -> Claim:
    on = now().date()
    path = Path(claimed)
    if path.exists():
        return claim_of_file(archive, current_index(archive), path, on=on)
    isrc = parse_isrc(claimed)
    if isrc is None:
        raise NotFoundError(
            f"{claimed} is neither a file nor an ISRC.",
            "Name a file that is there, or a code like FRZ039801231.",
        )
    return claim_of_isrc(archive, isrc, on=on)


def _data(claim: Claim) -> dict[str, Any]:
    data = asdict(claim)
    for file in data["files"]:
        for recorded in file["statements"]:
            del recorded["found_at"]  # bytes, and told by the accession
    seen = claim.first_seen
    return data | {"first_seen": None if seen is None else asdict(seen), "known": claim.known}


def _language() -> str:
    spoken = next(filter(None, (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return spoken[:2] if spoken[:2] in LANGUAGES else "en"


def _print(claim: Claim, told: list[str]) -> None:
    for sentence in told:
        output.print(safe(sentence))
    for bearer in claim.bearers:
        _print_bearer(bearer)
    if claim.more:
        messages.print(f"… and {counted(claim.more, 'more recording')}: see phono show and phono search.")
    for file in claim.files:
        _print_file(file)


def _print_bearer(bearer: Bearer) -> None:
    output.print()
    perhaps = "" if bearer.certain else "  (perhaps)"
    output.print(safe(f"{bearer.title or '?'} – {bearer.artist or '?'}{perhaps}"), style="bold")
    output.print(safe(f"  {bearer.id}  {', '.join(bearer.isrcs)}"), style="dim")
    if bearer.releases:
        output.print(safe(f"  on {'; '.join(bearer.releases)}"))
    for seen in bearer.said_by:
        output.print(
            safe(f"  {seen.at[:10]}  {seen.source}  {seen.location}  (accession {seen.accession[:8]})")
        )
    if bearer.sayers > len(bearer.said_by):
        output.print(f"  … and {bearer.sayers - len(bearer.said_by)} more")


def _print_file(file: HeldFile) -> None:
    kept = "" if file.held else ", not kept"
    output.print()
    output.print(safe(f"File {file.name}  ({file.sha256[:16]}…{kept})"), style="bold")
    if file.match is not None:
        perhaps = "" if file.certain else "perhaps "
        output.print(f"  {perhaps}the same {file.match.evidence.level.value}")
    for recorded in file.statements:
        said = recorded.statement
        what = said.licence or said.kind.value
        until = f", until {recorded.ended_at[:10]}" if recorded.ended_at else ""
        by = f"{said.asserted_by} ({said.evidence_origin})"
        output.print(safe(f"  {recorded.recorded_at[:10]}{until}  {what}  {by}"))
    output.print(safe(f"  distribute: {file.decision.answer.value}. {file.decision.reason}"))
