"""A chain of reasons in plain words, English or French: the answer first, then all that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from phonotheque.model.rights import Answer, Statement
from phonotheque.model.territory import Territory
from phonotheque.rights.chain import Chain, Considered, OfWork, Weight
from phonotheque.rights.explain import describe
from phonotheque.rights.findings import Finding
from phonotheque.rights.reasons import LANGUAGES
from phonotheque.rights.wording import CONDITIONS
from phonotheque.rights.wording_chain import LAW, PHRASES


@dataclass(frozen=True, slots=True)
class Former:
    """A statement that stands no longer, since when, and why: superseded, retracted, or no longer found."""

    statement: Statement
    ended_at: str
    because: str | None = None
    superseded_by: str | None = None


def tell(
    chain: Chain,
    language: str,
    *,
    recorded: Mapping[str, str] | None = None,
    former: Sequence[Former] = (),
) -> list[str]:
    """Return the lines, indented by what they belong to.

    ``recorded`` says when statements were recorded, by their ids.
    """
    return list(_lines(chain, language, recorded or {}, former))


def answer_line(chain: Chain, language: str) -> str:
    """Return the answer in one line: the act, where, when."""
    decision = chain.decision
    values = {
        "asked": _say(f"act-{decision.act.value}", language),
        "where": _place(chain.asked, language),
        "on": chain.on.isoformat(),
        "answer": _say(decision.answer.value, language),
    }
    return _say("answer", language, **values)


def law_of(finding: Finding, language: str) -> str | None:
    """Return the legal source of a rule; None where its reason names the law, or there is none."""
    rules = finding.rule.split(" and ")
    found = (LAW.get(rule) or (LAW["cc"] if rule.startswith("cc-") else None) for rule in rules)
    named = dict.fromkeys(law[LANGUAGES.index(language)] for law in found if law)
    return "; ".join(named) or None


def _lines(
    chain: Chain, language: str, recorded: Mapping[str, str], former: Sequence[Former]
) -> Iterator[str]:
    yield answer_line(chain, language)
    if chain.decision.conditions:
        yield _conditions(chain.decision.conditions, language)
    if chain.decision.answer is not Answer.YES:
        key = "allowed" if chain.allowed else "allowed-nowhere"
        yield _say(key, language, where=chain.allowed)
        yield from (f"  {line}" for line in _missing(chain, language))
    if chain.turns:
        day, answer = chain.turns
        yield _say("turns", language, day=day, answer=_say(answer.value, language))
    if chain.where != chain.asked:
        yield _say("explained", language, where=_named(chain.where, language))
    if chain.denials:
        yield _say("denials", language)
        for one in chain.denials:
            yield from _considered(one, language, recorded)
    yield from _works(chain, language, recorded)
    if chain.others:
        yield _say("others", language)
    for where, finding in chain.others:
        values = {"where": _named(where, language), "answer": _say(finding.answer.value, language)}
        yield f"  {_say('other', language, **values, reason=finding.reason.told(language))}"
    if former:
        yield _say("former", language)
        for past in former:
            yield f"  {describe(past.statement, language)}"
            yield f"    {_ended(past, language)}"


def _missing(chain: Chain, language: str) -> Iterator[str]:
    if chain.missing:
        yield _say("missing", language)
        yield from (f"- {reason.told(language)}" for reason in chain.missing)


def _works(chain: Chain, language: str, recorded: Mapping[str, str]) -> Iterator[str]:
    """Tell of both works; once, if the same is stated of both."""
    recording, composition = chain.works
    if recording.considered == composition.considered and recording.considered:
        yield from _of_work("both", recording, language, recorded)
        return
    for work in chain.works:
        yield from _of_work(work.work.value, work, language, recorded)


def _of_work(key: str, work: OfWork, language: str, recorded: Mapping[str, str]) -> Iterator[str]:
    answer = _say(work.finding.answer.value, language)
    yield _say("of-work", language, work=_say(key, language), answer=answer)
    if not work.considered:
        yield f"  {_say('nothing', language)}"
    for one in sorted(work.considered, key=lambda one: one.weight is not Weight.COUNTS):
        yield from _considered(one, language, recorded)


def _considered(one: Considered, language: str, recorded: Mapping[str, str]) -> Iterator[str]:
    key = "weight-elsewhere" if one.weight is Weight.ELSEWHERE else one.weight.value
    yield f"  {_say(key, language)} — {describe(one.statement, language)}"
    when = []
    if one.statement.stated_at:
        when.append(_say("said", language, at=one.statement.stated_at))
    if one.statement.id in recorded:
        when.insert(0, _say("recorded", language, at=recorded[one.statement.id]))
    if one.statement.evidence_sha256:
        when.append(_say("document", language, sha256=one.statement.evidence_sha256))
    if when:
        yield f"    {', '.join(when)}."
    if one.finding is not None:
        answer = _say(one.finding.answer.value, language)
        reason = one.finding.reason.told(language)
        yield f"    {_say('rule', language, rule=one.finding.rule, answer=answer, reason=reason)}"
        if law := law_of(one.finding, language):
            yield f"    {_say('law', language, law=law)}"


def _ended(past: Former, language: str) -> str:
    if past.superseded_by:
        return _say("former-superseded", language, by=past.superseded_by, at=past.ended_at)
    key = "former-retracted" if past.because else "former-gone"
    return _say(key, language, at=past.ended_at, because=past.because)


def _conditions(conditions: Sequence[str], language: str) -> str:
    index = LANGUAGES.index(language)
    named = (CONDITIONS[each][index] if each in CONDITIONS else each for each in conditions)
    return _say("conditions", language, conditions=", ".join(named))


def _place(where: Territory, language: str) -> str:
    return _say("worldwide", language) if where.worldwide else _say("in", language, where=where)


def _named(where: Territory, language: str) -> str:
    return _say("elsewhere", language) if where.all_but and where.codes else str(where)


def _say(key: str, language: str, **values: object) -> str:
    return PHRASES[key][LANGUAGES.index(language)].format(**values)
