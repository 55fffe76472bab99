"""docs/rules-of-rights.md says what the code does, row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from phonotheque.model.rights import Act, Covers, Dates, Kind, Statement
from phonotheque.rights import eu, us
from phonotheque.rights.decide import decide
from phonotheque.rights.findings import Case
from phonotheque.rights.licence_rules import RULES
from phonotheque.rights.licences import parse_licence
from phonotheque.rights.rules import denial, of_statement
from phonotheque.rights.terms import term_of

PAGE = (Path(__file__).parents[2] / "docs" / "rules-of-rights.md").read_text(encoding="utf-8")
ON = date(2026, 11, 21)

LAWS = {
    "United States: recordings": ("US", Covers.RECORDING),
    "United States: compositions": ("US", Covers.COMPOSITION),
    "European Union: recordings": ("DE", Covers.RECORDING),
    "European Union: compositions": ("DE", Covers.COMPOSITION),
    "France: compositions": ("FR", Covers.COMPOSITION),
    "Spain: compositions": ("ES", Covers.COMPOSITION),
}


def rows(heading: str) -> list[list[str]]:
    section = re.split(r"\n#+ ", PAGE.split(f"# {heading}\n")[1])[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def read(facts: str) -> Dates:
    """Return the dates that a cell of the page tells, such as “published 1930; country DE”."""
    found: dict[str, object] = {}
    for fact in facts.split("; "):
        match fact.split():
            case [("published" | "fixed" | "communicated" | "country") as name, value]:
                found[name] = value
            case ["all", "died", *years] | ["died", *years]:
                found["deaths"] = tuple(int(year.strip(",")) for year in years)
                found["all_deaths"] = fact.startswith("all")
            case [*how, "words"]:
                found["with_words"] = how == ["with"]
            case [*how, "for", "hire"]:
                found["for_hire"] = not how
            case ["anonymous"]:
                found["anonymous"] = True
            case _:
                raise AssertionError(fact)
    return Dates(**found)  # type: ignore[arg-type]


TERMS = [(heading, *row) for heading in LAWS for row in rows(heading)]


@pytest.mark.parametrize(("heading", "facts", "free", "rule", "source"), TERMS)
def test_terms_of_protection(heading: str, facts: str, free: str, rule: str, source: str) -> None:
    country, work = LAWS[heading]
    term = term_of(read(facts), work, country)
    day, _, latest = free.partition(" at ")
    assert (str(term.free_from or "not known"), term.rule) == (day, rule)
    assert term.latest == bool(latest)


def _rules_of(module: object) -> Iterator[str]:
    source = Path(str(getattr(module, "__file__"))).read_text(encoding="utf-8")  # noqa: B009
    yield from re.findall(r'(?:Term|missing)\(\s*"([a-z0-9-]+)"', source)
    yield from re.findall(r'rule="([a-z0-9-]+)"', source)


def test_every_rule_of_a_term_is_on_the_page() -> None:
    known = {rule for module in (us, eu) for rule in _rules_of(module)}
    assert len(known) > 15
    assert known <= {row[3] for row in TERMS}


def _licences() -> Iterator[tuple[str, str]]:
    for names, rule, _ in rows("Licences"):
        yield from ((name, rule) for name in names.split(", "))


@pytest.mark.parametrize(("name", "rule"), list(_licences()))
def test_licences(name: str, rule: str) -> None:
    statement = Statement(Kind.LICENCE, name, "e", "o", "a")
    assert decide([statement], Act.DISTRIBUTE, on=ON, territory="US").rule == rule


def test_every_family_is_on_the_page() -> None:
    assert {licence.family for name, _ in _licences() if (licence := parse_licence(name))} == set(RULES)


def test_every_kind_is_on_the_page() -> None:
    found = {}
    for kind, rule, _ in rows("Other kinds of statements"):
        statement = Statement(Kind(kind), None, "e", "o", "a", acts=(Act.MINE,))
        takes_away = kind in ("reservation", "withdrawal")
        finding = denial(statement) if takes_away else of_statement(statement, Case(Act.MINE, "US", ON))
        assert finding.rule == rule
        found[kind] = rule
    assert set(found) | {"licence", "dates"} == set(Kind)
