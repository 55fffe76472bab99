"""phono audit: is everything in a public tree signed, and may it be there? From its public files alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import click

from phonotheque.cli.common import (
    counted,
    human_size,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
)
from phonotheque.cli.transfer import own_proxy
from phonotheque.editions.audit import OF_BYTES, Fault
from phonotheque.editions.trust import root_fingerprint
from phonotheque.mirrors.audit import Audit, Question, audit
from phonotheque.mirrors.moved import open_tree
from phonotheque.model.errors import PhonothequeError, UsageError
from phonotheque.model.territory import COUNTRIES
from phonotheque.vault.archive import now

_RIGHTS, _BYTES = 6, 4  # exit codes


@click.command("audit")
@click.argument("tree", metavar="PUBLIC-TREE")
@click.option("--on", "on", metavar="DATE", help="Would it still be right on that day? (2031-01-01)")
@click.option("--in", "country", metavar="CC", help="Only what is for this country, and whether it may be.")
@click.option(
    "--bytes", "every_byte", is_flag=True, help="Read and hash every file; else sizes are compared."
)
@click.option("--claims-only", is_flag=True, help="Look for no files: verify what is said of them.")
@click.option("--trust", metavar="SHA256", help="Demand this fingerprint of the publisher's root.")
@json_option
@click.pass_context
def audit_command(
    context: click.Context,
    tree: str,
    on: str | None,
    country: str | None,
    every_byte: bool,
    claims_only: bool,
    trust: str | None,
    as_json: bool,
) -> None:
    """Verify all that is published at PUBLIC-TREE, and decide anew whether it may be.

    PUBLIC-TREE is a URL, or the folder of an archive or a mirror, or its public. No archive is needed, and
    nothing is written. Exit code 6 when something has no basis there or is not as it is said to be, 4 when
    bytes or signatures are wrong.
    """
    if every_byte and claims_only:
        raise UsageError("--bytes reads files, --claims-only reads none.", "Give one of them.")
    question = Question(_day(on), _country(country), every_byte, not claims_only, trust or _pinned(tree))
    with _spool() as faults, progress_bars() as progress:

        def tell(fault: Fault) -> None:
            if as_json:
                faults.write(json.dumps(asdict(fault), sort_keys=True) + "\n")
            else:
                output.print(safe(_told(fault)), style="red")

        result = audit(
            open_tree(tree, country=question.country or "", proxy=own_proxy()),
            question,
            now=now(),
            on_fault=tell,
            progress=progress,
        )
        if as_json:
            _print_json(result, faults)
    if not as_json:
        _print(result)
    context.exit(_code(result))


def _code(result: Audit) -> int:
    if any(what not in OF_BYTES for what in result.faults):
        return _RIGHTS
    return _BYTES if result.faults else 0


def _told(fault: Fault) -> str:
    where = "/".join(part for part in (fault.bag, fault.path) if part)
    return f"{fault.what}: {where}: {fault.reason}"


def _print(result: Audit) -> None:
    messages.print(safe(f"{result.archive}, edition {result.number} of {result.date}, at {result.where}"))
    messages.print(f"Fingerprint of its root: {result.fingerprint}")
    if result.stale:
        messages.print(f"Signatures have expired: {', '.join(result.stale)}.", style="yellow")
    if not result.mining:
        messages.print("Not there, as in a mirror: .well-known/tdmrep.json, and so which bags must be there.")
    if result.oldest > 1:
        messages.print(f"Compared with earlier editions back to edition {result.oldest} only.")
    if result.absent:
        absent = counted(len(result.absent), "bag")
        messages.print(f"Not there, and so not audited: {absent} (a mirror need not hold all).")
    if result.elsewhere:
        others = counted(len(result.elsewhere), "bag")
        whom = f"for {result.country}" if result.country else "shown without --in"
        messages.print(f"Not {whom}, and so not audited: {others}.")
    place = f"in {result.country}" if result.country else "where each bag may be had"
    what = (
        f"{counted(result.files, 'file')} in {counted(len(result.bags), 'bag')}, {human_size(result.bytes)}"
    )
    wrong = sum(result.faults.values())
    if not wrong:
        output.print(f"{what}: each has a basis on {result.on}, {place}.")
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(result.faults.items()))
    output.print(f"{what}: {counted(wrong, 'fault')} on {result.on}, {place}: {kinds}.", style="bold red")


def _print_json(result: Audit, faults: IO[str]) -> None:
    """Print one JSON object. The faults may be many: they are copied line by line."""
    summary = asdict(result) | {"faults": dict(result.faults), "clean": not result.faults}
    head = json.dumps(summary, indent=1, default=str)
    click.echo(head.removesuffix("\n}") + ',\n "found": [', nl=False)
    faults.seek(0)
    for number, line in enumerate(faults):
        click.echo(("," if number else "") + "\n  " + line.rstrip("\n"), nl=False)
    click.echo("\n ]\n}")


@contextmanager
def _spool() -> Iterator[IO[str]]:
    with TemporaryFile("w+", encoding="utf-8") as stream:
        yield stream


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--on {text} is no day.", "Write it like 2031-01-01.") from None


def _country(text: str | None) -> str | None:
    if text is not None and text not in COUNTRIES:
        raise UsageError(f"--in {text} is no country.", "Write it like FR (ISO 3166-1).")
    return text


def _pinned(tree: str) -> str | None:
    """Return the fingerprint that a mirror's folder trusts already, so that its tree must agree with it."""
    root = Path(tree, "trust", "root_history", "1.root.json")
    if "://" in tree or not root.is_file():
        return None
    try:
        return root_fingerprint(root.read_bytes())
    except OSError as error:
        raise PhonothequeError(f"{root} cannot be read: {error.strerror}.") from error
