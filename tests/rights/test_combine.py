from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.rights import Covers, Evidence, Kind, Question, Statement
from phonotheque.rights.combine import combine


def said(licence: str | None, origin: str = "tag:LICENSE", kind: Kind = Kind.LICENCE) -> Evidence:
    return Evidence((Statement(kind, licence, f"says {licence}", origin, "somebody"),))


def asked(*candidates: str) -> Evidence:
    return Evidence(questions=(Question("Which?", candidates, "…", "sidecar:a.txt"),))


def covering(evidence: Evidence, covers: Covers) -> Evidence:
    return Evidence(tuple(replace(s, covers=covers) for s in evidence.statements))


def in_places(evidence: Evidence, territory: str) -> Evidence:
    return Evidence(tuple(replace(s, territory=territory) for s in evidence.statements))


def test_equal_licences_corroborate() -> None:
    combined = combine(said("CC-BY-4.0"), said("CC-BY-4.0", "sidecar:a.txt"), Evidence())
    assert [s.evidence_origin for s in combined.statements] == ["tag:LICENSE", "sidecar:a.txt"]
    assert not combined.questions


def test_a_contradiction_becomes_one_question_with_all_its_sources() -> None:
    combined = combine(
        said("CC-BY-4.0"), said("CC-BY-NC-4.0", "sidecar:a.txt"), said("CC-BY-4.0", "rights.toml")
    )
    assert not combined.statements
    (question,) = combined.questions
    assert question.candidates == ("CC-BY-4.0", "CC-BY-NC-4.0")
    assert question.evidence_origin == "tag:LICENSE, sidecar:a.txt, rights.toml"
    assert "sidecar:a.txt: says CC-BY-NC-4.0" in question.evidence
    assert question.text == "Its sources name different terms: CC-BY-4.0, CC-BY-NC-4.0."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (said("CC-BY-4.0"), said(None, kind=Kind.MANDATE)),
        (said("CC-BY-4.0"), said(None, kind=Kind.DEPOSIT)),
        (said("CC0-1.0"), said(None, kind=Kind.PUBLIC_DOMAIN)),
        (said("CC-PDM-1.0"), said("CC-PDM-1.0", kind=Kind.PUBLIC_DOMAIN)),
        (covering(said("CC-BY-4.0"), Covers.RECORDING), covering(said("CC-BY-SA-4.0"), Covers.COMPOSITION)),
        (said("CC-BY-4.0"), covering(said(None, kind=Kind.PUBLIC_DOMAIN), Covers.COMPOSITION)),
        (in_places(said("CC-BY-4.0"), "DE"), in_places(said("CC-BY-NC-4.0"), "US FR")),
    ],
)
def test_what_does_not_contradict(one: Evidence, other: Evidence) -> None:
    combined = combine(one, other)
    assert len(combined.statements) == 2
    assert not combined.questions


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (said("CC-BY-4.0"), said("CC-BY-3.0")),
        (said("CC-BY-4.0"), said(None, kind=Kind.PUBLIC_DOMAIN)),
        (said("CC-BY-4.0"), covering(said("CC-BY-NC-4.0"), Covers.RECORDING)),
        (said("CC-BY-4.0"), in_places(said("CC-BY-NC-4.0"), "DE")),
        (covering(said("CC-BY-4.0"), Covers.RECORDING), covering(said("CC0-1.0"), Covers.RECORDING)),
    ],
)
def test_what_contradicts(one: Evidence, other: Evidence) -> None:
    for combined in (combine(one, other), combine(other, one)):
        assert not combined.statements
        assert len(combined.questions) == 1


def test_an_open_question_overrules_only_what_it_rules_out() -> None:
    assert combine(said("CC-BY-4.0"), asked()).statements
    assert combine(said("CC-BY-4.0"), asked("CC-BY-4.0", "CC-BY-3.0")).statements
    assert combine(said("CC0-1.0"), asked("CC-PDM-1.0")).statements
    ruled_out = combine(said("CC-BY-4.0"), asked("CC-BY-NC-4.0", "CC-BY-NC-3.0"))
    assert not ruled_out.statements
    assert len(ruled_out.questions) == 2


EVIDENCE = st.builds(
    said, st.sampled_from(["CC-BY-4.0", "CC-BY-NC-4.0", "CC0-1.0"]), st.sampled_from("abc")
) | st.builds(asked, st.sampled_from(["CC-BY-4.0", "CC0-1.0"]))


@given(st.lists(EVIDENCE, max_size=6), EVIDENCE)
def test_more_evidence_never_settles_a_contradiction(found: list[Evidence], more: Evidence) -> None:
    if not combine(*found).statements and any(evidence.statements for evidence in found):
        assert not combine(*found, more).statements
    assert len({s.licence for s in combine(*found).statements}) <= 1
