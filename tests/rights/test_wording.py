"""Every reason can be told in both languages, with the same in its gaps."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from string import Formatter

import pytest

from phonotheque.model.rights import Act, Covers, Kind, Statement
from phonotheque.rights import licence_rules
from phonotheque.rights.decide import decide
from phonotheque.rights.families import STATUS_IDS
from phonotheque.rights.licences import KNOWN_IDS
from phonotheque.rights.reasons import LANGUAGES, because
from phonotheque.rights.wording import ACTS, CONDITIONS, REASONS, WORKS
from phonotheque.rights.wording_chain import LAW

CODE = Path(licence_rules.__file__).parent
# Keys that code puts together: rights/licence_rules.py, rights/term.py, rights/dates.py, …
MADE = re.compile(r"rs-|free-|protected-|perhaps-|missing-|eu-[57]0-|impossible-(?:published|communicated)$")


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", REASONS)
def test_both_languages_have_the_same_gaps(key: str) -> None:
    english, french = REASONS[key]
    assert gaps(english) == gaps(french)
    for text in (english, french):
        assert text == text.strip()
        assert text.endswith(".") or key == "joined"
        assert "  " not in text
    assert not re.search(r"[^\s  ][;:!?](?:\s|$)", french), "French sets a space before ; : ! ?"
    assert "'" not in french, "French has a curly apostrophe"


@pytest.mark.parametrize("words", [ACTS, CONDITIONS, WORKS], ids=["acts", "conditions", "works"])
def test_words_are_told_in_both_languages(words: dict[str, tuple[str, str]]) -> None:
    assert all(len(told) == len(LANGUAGES) and all(told) for told in words.values())


def test_every_act_condition_and_work_has_words() -> None:
    assert set(ACTS) == set(Act)
    assert set(WORKS) == {Covers.RECORDING, Covers.COMPOSITION}
    told = {name: value for name, value in vars(licence_rules).items() if name.isupper()}
    named = {value for name, value in told.items() if isinstance(value, str) and "US" not in name}
    assert named <= set(CONDITIONS)


def test_every_reason_is_given_somewhere_and_every_reason_given_has_words() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in CODE.glob("*.py") if not path.name.startswith("wording")
    )
    given = set(re.findall(r'because\(\s*"([A-Za-z0-9-]+)"', code))
    assert given <= set(REASONS)
    quoted = set(re.findall(r'"([A-Za-z0-9-]+)"', code))
    assert {key for key in REASONS if not MADE.match(key)} <= quoted | given


def test_every_status_has_words() -> None:
    codes = {spdx.removeprefix("LicenseRef-RS-").removesuffix("-1.0") for spdx in STATUS_IDS.values()}
    assert len(codes) == 12
    assert {f"rs-{code}" for code in codes} <= set(REASONS)


def test_a_reason_is_told_in_french() -> None:
    reason = because("limited", licence="CC-BY-NC-4.0", conditions="non-commercial no-derivatives")
    assert reason.told("fr") == (
        "CC-BY-NC-4.0 est limitée (usage non commercial, pas de modification) ; il est discuté si cela "
        "permet la fouille."
    )
    assert because("no-basis-for", work="recording").told("fr").endswith("pour l’enregistrement.")


def test_every_rule_of_a_licence_names_what_it_rests_on() -> None:
    statements = [Statement(Kind.LICENCE, licence, "e", "o", "a") for licence in KNOWN_IDS]
    rules = {decide([one], Act.STREAM, on=date(2026, 1, 1), territory="US").rule for one in statements}
    six = re.compile(r"cc(-by)?(-nc)?(-sa|-nd)?")  # rights/telling.py tells them all alike
    assert {rule for rule in rules if not six.fullmatch(rule)} <= set(LAW)
