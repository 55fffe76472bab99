"""What a person states on the command line, field by field: of a new statement, or of a correction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from phonotheque.model.errors import UsageError
from phonotheque.model.rights import Act, Covers, Dates, Kind, Statement
from phonotheque.rights.expressions import parse_terms
from phonotheque.rights.grant import STATED
from phonotheque.rights.prose import kind_of

_F = TypeVar("_F", bound=Callable[..., Any])
_DATES = tuple(field.name for field in fields(Dates))
_TEXTS = ("licence", "holder", "territory", "valid_from", "valid_until", "stated_at", "evidence")

_OPTIONS = (
    click.option(
        "--kind", type=click.Choice([kind.value for kind in STATED]), help="What it rests on.  [licence]"
    ),
    click.option(
        "--licence", help="SPDX id or address: CC-BY-4.0, https://creativecommons.org/licenses/by/4.0/ …"
    ),
    click.option("--holder", help="Who holds the rights."),
    click.option(
        "--covers", type=click.Choice([covers.value for covers in Covers]), help="Of which work.  [both]"
    ),
    click.option("--territory", help="WORLD or country codes: “DE FR”, “EU”, “WORLD -US”.  [WORLD]"),
    click.option(
        "--act",
        "acts",
        multiple=True,
        type=click.Choice([act.value for act in Act]),
        help="What a deposit or an own work allows; again for each.",
    ),
    click.option(
        "--condition", "conditions", multiple=True, help="That they are allowed under: attribution …"
    ),
    click.option("--from", "valid_from", metavar="DAY", help="The first day that it is valid."),
    click.option("--until", "valid_until", metavar="DAY", help="The last day that it is valid."),
    click.option("--stated-at", metavar="DATE", help="When they said so, as far as known."),
    click.option("--published", metavar="DATE", help="Dates: the first publication; “never”."),
    click.option("--fixed", metavar="DATE", help="Dates: when it was recorded, or written down."),
    click.option("--communicated", metavar="DATE", help="Dates: the first broadcast; “never”."),
    click.option("--country", metavar="CC", help="Dates: where it was first published."),
    click.option(
        "--death",
        "deaths",
        multiple=True,
        type=int,
        metavar="YEAR",
        help="Dates: of an author; again for each.",
    ),
    click.option("--all-deaths/--some-deaths", default=None, help="Dates: whether no author is left out."),
    click.option("--with-words/--instrumental", default=None, help="Dates: whether there are words to it."),
    click.option("--for-hire/--not-for-hire", default=None, help="Dates: whether it was made for hire (US)."),
    click.option("--anonymous/--named", default=None, help="Dates: whether no author was ever named."),
    click.option(
        "--document",
        type=click.Path(path_type=Path),
        help="A file that shows it: a copy is kept by its hash, and never published.",
    ),
    click.option("--by", "asserted_by", help="Who states this; the archive's agent by default."),
)


def statement_options(command: _F) -> _F:
    """Add an option for every field but the evidence."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def stated(given: Mapping[str, Any], upon: Statement) -> Statement:
    """Return ``upon`` with what was given; an empty text takes a field away.

    With another kind, what belonged to the kind before goes: its licence, acts, conditions and dates.
    """
    kind = Kind(given["kind"]) if given["kind"] else upon.kind
    if kind is not upon.kind:
        upon = replace(upon, kind=kind, licence=None, acts=(), conditions=(), dates=None)
    changes: dict[str, Any] = {name: given[name] for name in _TEXTS if given[name] is not None}
    if given["acts"]:
        changes["acts"] = tuple(map(Act, given["acts"]))
    if given["conditions"]:
        changes["conditions"] = tuple(given["conditions"])
    if given["covers"]:
        changes["covers"] = Covers(given["covers"])
    return replace(upon, **changes, dates=_dates(given, upon.dates))


def kind_given(given: Mapping[str, Any]) -> Kind:
    """Return the kind that a new statement is of: as named, or as its licence makes it."""
    if given["kind"]:
        return Kind(given["kind"])
    terms = parse_terms(given["licence"]) if given["licence"] else None
    return kind_of(terms) if terms else Kind.LICENCE


def anything(given: Mapping[str, Any]) -> bool:
    """Return whether any field was given."""
    return any(value not in (None, ()) for value in given.values())


def day_of(text: str | None, option: str) -> date | None:
    """Return a day (ISO 8601) of an option, None for none; UsageError for anything else."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: “{text}” is not a day.", "Write it like 2027-01-01.") from None


def _dates(given: Mapping[str, Any], before: Dates | None) -> Dates | None:
    facts = {name: given[name] for name in _DATES if given[name] not in (None, ())}
    return replace(before or Dates(), **facts) if facts else before
