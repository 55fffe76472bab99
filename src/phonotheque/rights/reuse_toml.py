"""``REUSE.toml``, version 1: licences of many files at once (REUSE 3.3, "REUSE.toml").

The ``precedence`` of an annotation is not followed: what a file says itself is recorded beside what the
annotation says, and if they differ, that is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import Evidence
from phonotheque.rights import globs
from phonotheque.rights.expressions import parse_terms
from phonotheque.rights.licences import readings
from phonotheque.rights.prose import ask, stating
from phonotheque.rights.ruleset import Rule, RuleSet, compiled, load_toml, strings
from phonotheque.rights.sidecars import shown
from phonotheque.rights.spdx_tags import holder_of

NAME = "REUSE.toml"


def read_reuse_toml(path: Path) -> RuleSet:
    """Return the annotations of a REUSE.toml, of which the last that matches a file holds."""
    document = load_toml(path)
    if document.get("version") != 1:
        message = (
            f"{shown(path)}: version: {document.get('version')!r:.40} is not 1, the only one that can be read"
        )
        raise PhonothequeError(message, "Write version = 1 (REUSE 3.3).")
    tables = document.get("annotations", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise PhonothequeError(
            f"{shown(path)}: “annotations” is not a list of tables", "Start each with [[annotations]]."
        )
    return RuleSet(
        tuple(_rule(table, f"{shown(path)}: [[annotations]] table {n}") for n, table in enumerate(tables, 1))
    )


def _rule(table: Mapping[str, object], where: str) -> Rule:
    patterns = _list(table, "path", where)
    if not patterns:
        raise PhonothequeError(f"{where}: path: it is missing", 'Write for example path = "music/**".')
    notices = _list(table, "SPDX-FileCopyrightText", where)
    licences = _list(table, "SPDX-License-Identifier", where)
    evidence = _evidence(licences, notices) if licences else Evidence()
    return Rule(compiled(patterns, globs.reuse, where), evidence)


def _evidence(licences: tuple[str, ...], notices: tuple[str, ...]) -> Evidence:
    lines = [f"SPDX-FileCopyrightText: {notice}" for notice in notices]
    lines += [f"SPDX-License-Identifier: {licence}" for licence in licences]
    # Several identifiers of one annotation all apply.
    terms = parse_terms(" AND ".join(f"({licence})" for licence in licences) if licences[1:] else licences[0])
    if terms is None:
        return ask("It names a licence that cannot be read.", "\n".join(lines), NAME, readings(licences[0]))
    holder = "; ".join(filter(None, map(holder_of, notices))) or None
    return Evidence((stating(terms, "\n".join(lines), NAME, NAME, holder),))


def _list(table: Mapping[str, object], field: str, where: str) -> tuple[str, ...]:
    found = strings(table.get(field, []))
    if found is None:
        raise PhonothequeError(
            f"{where}: {field}: it is not a text or a list of texts", f'Write {field} = "…".'
        )
    return found
