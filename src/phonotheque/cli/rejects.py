"""phono rejects: what sources said that could not be taken in, and why."""

from __future__ import annotations

from dataclasses import asdict

import click

from phonotheque.catalogue.rejects import SCOPES, Reject, Rejects, rejects
from phonotheque.cli.common import archive_argument, counted, json_option, messages, output, safe, show
from phonotheque.vault.archive import Archive


@click.command("rejects")
@archive_argument
@click.option("--source", help="Only of one source, such as discogs.")
@click.option("--scope", type=click.Choice(SCOPES), help="Only where so much was left out.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(0, 1_000_000))
@json_option
def rejects_command(
    archive: Archive, source: str | None, scope: str | None, limit: int, as_json: bool
) -> None:
    """Show what sources said that could not be taken in, where it stands, and why.

    A rejected value is missing from the catalogue; the rest of its record is there. The records themselves
    are kept as they came.
    """
    scopes = (scope,) if scope else SCOPES
    found = rejects(archive.catalogue, source=source, scopes=scopes, limit=limit)
    data = {
        "total": found.total,
        "reasons": [asdict(reason) for reason in found.reasons],
        "rejects": [asdict(reject) for reject in found.entries],
    }
    show(data, as_json, lambda: _print(found))


def _print(found: Rejects) -> None:
    for reject in found.entries:
        output.print(safe(f"{reject.source}  {_place(reject)}: {_what(reject)} {reject.reason}"))
    if not found.total:
        messages.print("Nothing was rejected.")
        return
    messages.print(f"{counted(found.total, 'reject')}:")
    for reason in found.reasons:
        messages.print(safe(f"{reason.times:>11,}  {reason.source}, {reason.scope}: {reason.reason}"))
    if found.total > len(found.entries):
        messages.print(f"{found.total - len(found.entries):,} are not listed: see --limit.")


def _place(reject: Reject) -> str:
    """Return “artists.xml.gz:17 (a12)”."""
    place = reject.file if reject.position is None else f"{reject.file}:{reject.position}"
    return f"{place} ({reject.record_id})" if reject.record_id else place


def _what(reject: Reject) -> str:
    """Return “duration_ms “99:99””, or what was left out whole."""
    name = reject.field or f"the {reject.scope}"
    return name if reject.value is None else f"{name} “{reject.value}”"
