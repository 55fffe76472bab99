"""``rights.toml``: what an archivist, or whoever made a folder, states about the files in it. Our own format.

[[rights]]
files = ["*.flac", "disc 1/**"]      # default: all music below
licence = "CC-BY-SA-4.0"
holder = "The Example Ensemble"
evidence = "https://example.org/releases/7"
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import WORLDWIDE, Act, Covers, Dates, Evidence, Kind, Statement
from phonotheque.rights import globs
from phonotheque.rights.dates import LAST_YEAR
from phonotheque.rights.expressions import parse_terms
from phonotheque.rights.grant import STATED, Problem, normal_form
from phonotheque.rights.prose import kind_of
from phonotheque.rights.ruleset import Rule, RuleSet, compiled, first_unknown, load_toml, strings
from phonotheque.rights.sidecars import shown

NAME = "rights.toml"
_DATES = ("published", "fixed", "communicated", "country")
_FLAGS = ("all_deaths", "with_words", "for_hire", "anonymous")
FIELDS = (
    "files", "licence", "kind", "evidence", "covers", "territory", "asserted_by", "holder",
    "acts", "conditions", "valid_from", "valid_until", "stated_at", *_DATES, "deaths", *_FLAGS,
)  # fmt: skip

_Choice = TypeVar("_Choice", bound=StrEnum)


def read_rights_toml(path: Path) -> RuleSet:
    """Return the rules of a ``rights.toml``; PhonothequeError names the file, the table and the field."""
    document = load_toml(path)
    if (unknown := first_unknown(document, ["rights"])) is not None:
        raise PhonothequeError(
            f"{shown(path)}: “{unknown}” is no part of it", "Every table starts with [[rights]]."
        )
    tables = document.get("rights", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise PhonothequeError(
            f"{shown(path)}: “rights” is not a list of tables", "Start each with [[rights]]."
        )
    rules = tuple(_rule(table, f"{shown(path)}: [[rights]] table {n}") for n, table in enumerate(tables, 1))
    return RuleSet(rules, side_by_side=True)


def _rule(table: Mapping[str, object], where: str) -> Rule:
    if (unknown := first_unknown(table, FIELDS)) is not None:
        near = difflib.get_close_matches(unknown, FIELDS, n=1)
        advice = f"Did you mean “{near[0]}”? " if near else ""
        raise PhonothequeError(
            f"{where}: there is no field “{unknown}”", f"{advice}Fields: {', '.join(FIELDS)}."
        )
    patterns = strings(table.get("files", ["**"]))
    if not patterns or not all(patterns):
        raise PhonothequeError(
            f"{where}: files: it is not a list of patterns", 'Write for example files = ["*.flac"].'
        )
    licence = _text(table, "licence", where) or None
    terms = parse_terms(licence) if licence else None
    stated = Statement(
        kind=_choice(table, "kind", Kind, kind_of(terms) if terms else Kind.LICENCE, where),
        licence=licence,
        evidence=_text(table, "evidence", where),
        evidence_origin=NAME,
        asserted_by=_text(table, "asserted_by", where, NAME),
        covers=_choice(table, "covers", Covers, Covers.BOTH, where),
        territory=_text(table, "territory", where, WORLDWIDE),
        acts=tuple(_chosen("acts", act, Act, where) for act in _texts(table, "acts", where)),
        conditions=_texts(table, "conditions", where),
        dates=_dates(table, where),
        holder=_text(table, "holder", where) or None,
        valid_from=_text(table, "valid_from", where) or None,
        valid_until=_text(table, "valid_until", where) or None,
        stated_at=_text(table, "stated_at", where) or None,
    )
    checked = normal_form(stated)
    if isinstance(checked, Problem):
        raise PhonothequeError(f"{where}: {checked.field}: {checked.what}", checked.advice)
    evidence = Evidence(statements=(checked,))
    return Rule(compiled(patterns, globs.ours, where), evidence, unnamed="files" not in table)


def _dates(table: Mapping[str, object], where: str) -> Dates | None:
    """Return the facts that terms are reckoned from, if any is given."""
    deaths = table.get("deaths", [])
    if not isinstance(deaths, list) or not all(type(year) is int for year in deaths):
        raise PhonothequeError(f"{where}: deaths: it is not a list of years", "Write deaths = [1937, 1944].")
    flags = {field: table.get(field) for field in _FLAGS}
    for field, value in flags.items():
        if value is not None and not isinstance(value, bool):
            raise PhonothequeError(
                f"{where}: {field}: it is neither true nor false", f"Write {field} = true."
            )
    texts = {field: _text(table, field, where) or None for field in _DATES}
    flags["all_deaths"] = bool(flags["all_deaths"])
    found = Dates(**texts, **flags, deaths=tuple(deaths))  # type: ignore[arg-type]
    return None if found == Dates() else found


def _text(table: Mapping[str, object], field: str, where: str, otherwise: str = "") -> str:
    """Return a field's text. Days and years may be written without quotes, as TOML's dates and numbers."""
    value = table.get(field, otherwise)
    if isinstance(value, date):
        return value.isoformat()
    if field in _DATES and type(value) is int:
        if not 1 <= value <= LAST_YEAR:  # of huge ones, Python does not even write the digits
            raise PhonothequeError(f"{where}: {field}: it is not a year", f"Write {field} = 1932.")
        return str(value)
    if not isinstance(value, str):
        raise PhonothequeError(f"{where}: {field}: it is not a text", f'Write {field} = "…".')
    return value


def _texts(table: Mapping[str, object], field: str, where: str) -> tuple[str, ...]:
    found = strings(table.get(field, []))
    if found is None:
        raise PhonothequeError(f"{where}: {field}: it is not a list of texts", f'Write {field} = ["…"].')
    return found


def _choice(
    table: Mapping[str, object], field: str, choices: type[_Choice], otherwise: _Choice, where: str
) -> _Choice:
    return _chosen(field, _text(table, field, where, otherwise), choices, where)


def _chosen(field: str, text: str, choices: type[_Choice], where: str) -> _Choice:
    among = [choice for choice in choices if choices is not Kind or choice in STATED]
    for choice in among:
        if choice == text:
            return choice
    advice = f"Choose one of: {', '.join(among)}."
    raise PhonothequeError(f"{where}: {field}: “{text[:100]}” is not one of its values", advice)
