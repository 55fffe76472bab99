"""Every rule is listed for those who ask what it means, and its examples are decided by it."""

from __future__ import annotations

from datetime import date

import pytest

from phonotheque.model.rights import DENIALS, Act, Kind
from phonotheque.rights.findings import Case
from phonotheque.rights.listed import LISTED
from phonotheque.rights.listing import ListedRule
from phonotheque.rights.rules import denial, of_statement
from tests.rights.test_rules_page import LAWS, rows

ON = date(2026, 11, 21)


def test_all_rules_of_the_documents_are_listed() -> None:
    told = {row[1] for row in rows("Licences")} | {row[1] for row in rows("Other kinds of statements")}
    told |= {rule for heading in LAWS for _, _, rule, _ in rows(heading)}
    assert told <= LISTED.keys()
    assert LISTED.keys() - told == {"no-basis", "term"}


@pytest.mark.parametrize("rule", LISTED.values(), ids=lambda rule: rule.name)
def test_the_examples_are_decided_by_the_rule(rule: ListedRule) -> None:
    for example in rule.examples:
        statement = example.statement
        if statement is None:
            assert rule.name == "no-basis"
        elif statement.kind in DENIALS:
            assert denial(statement).rule == rule.name
        else:
            act = Act.MINE if statement.kind is Kind.RESERVATION else Act.STREAM
            case = Case(act, example.country, ON, example.work)
            assert of_statement(statement, case).rule == rule.name
