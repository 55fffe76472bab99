"""phono check: verify every byte."""

from __future__ import annotations

from dataclasses import asdict

import click

from phonotheque.cli.common import (
    archive_argument,
    counted,
    human_size,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.mirrors.holdings import expected_bags, parts_held
from phonotheque.vault.archive import Archive
from phonotheque.vault.check import (
    Checked,
    check_bags,
    check_catalogue,
    check_incoming,
    check_ledger,
    record_check,
    recorded_bags,
)

_SHOWN = 50


@click.command("check")
@archive_argument
@json_option
@click.pass_context
def check_command(context: click.Context, archive: Archive, as_json: bool) -> None:
    """Re-read and re-hash everything ARCHIVE (or a mirror) holds. Exit code 4 when something is wrong."""
    with archive.writing("check"):
        checked = _check(archive)
    wrong = [(part.subject, finding) for part in checked for finding in part.findings]

    def text() -> None:
        for subject, finding in wrong[:_SHOWN]:
            messages.print(safe(f"{finding.what}: {subject}: {finding.path}: {finding.detail}"), style="red")
        if len(wrong) > _SHOWN:
            messages.print(f"… and {len(wrong) - _SHOWN} more; --json lists them all")
        size = sum(part.bytes for part in checked)
        read = counted(sum(part.files for part in checked), "file")
        verdict = f"{counted(len(wrong), 'thing')} wrong" if wrong else "all as it should be"
        output.print(
            f"Checked {', '.join(part.subject for part in checked)}: {read}, {human_size(size)}: {verdict}."
        )
        if wrong:
            messages.print(f"To fetch what is damaged or missing from others: phono repair {archive.folder}")

    show({"checked": [asdict(part) for part in checked], "wrong": len(wrong)}, as_json, text)
    context.exit(4 if wrong else 0)


def _check(archive: Archive) -> list[Checked]:
    checked = [check_ledger(archive)]
    if checked[0].findings:
        return checked  # a ledger that cannot be trusted says nothing about the rest
    with progress_bars() as progress:
        if archive.is_mirror:
            checked += check_bags(archive, expected_bags(archive), progress, parts=parts_held(archive))
        else:
            checked.append(check_catalogue(archive))
            checked.append(check_incoming(archive, progress))
            checked += check_bags(archive, recorded_bags(archive), progress)
    for part in checked:
        record_check(archive, part)
    return checked
