"""docs/rights.md says what the code does."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from phonotheque.model.rights import Act, Kind, Statement
from phonotheque.rights.decide import decide_all
from phonotheque.rights.folder import load_folder_rules
from phonotheque.rights.licence_rules import RULES
from phonotheque.rights.licences import parse_licence
from phonotheque.rights.rights_toml import FIELDS
from phonotheque.rights.sidecars import sidecar_names

PAGE = (Path(__file__).parents[2] / "docs" / "rights.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]


def stated(basis: str) -> list[Statement]:
    if basis == "nothing":
        return []
    if basis in list(Kind):
        return [Statement(Kind(basis), None, "a letter", "grant", "the archivist")]
    return [Statement(Kind.LICENCE, basis, "a letter", "grant", "the archivist")]


@pytest.mark.parametrize("row", table("What may be done")[1:], ids=lambda row: str(row[0]))
def test_the_table_of_acts(row: list[str]) -> None:
    basis, *cells = row
    decisions = decide_all(stated(basis), on=date(2026, 11, 21))
    assert table("What may be done")[0][1:] == list(Act)
    for act, cell in zip(Act, cells, strict=True):
        answer, _, conditions = cell.partition(": ")
        assert decisions[act].answer == answer
        assert set(decisions[act].conditions) == set(filter(None, conditions.split(", ")))


def test_every_family_of_licences_has_its_row() -> None:
    named = [parse_licence(row[0]) for row in table("What may be done")[1:]]
    assert {licence.family for licence in named if licence} == set(RULES)


def test_the_example_of_rights_toml(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "rights.toml").write_text(example, encoding="utf-8")
    rules = load_folder_rules(tmp_path)
    assert rules is not None
    assert [s.licence for s in rules.evidence_for("01.flac").statements] == ["CC-BY-SA-4.0", None]
    bonus = rules.evidence_for("bonus/01.flac").statements
    assert {s.licence for s in bonus} == {"CC-BY-NC-4.0", None}
    assert len(bonus) == 2


def test_the_fields_of_rights_toml() -> None:
    assert [row[0].strip("`") for row in table("rights.toml")[1:]] == list(FIELDS)


def test_the_names_of_notes() -> None:
    assert ", ".join(f"`{name}`" for name in sidecar_names("a.hq.ogg")) in PAGE
