"""Why something may be done with a recording, or not: the chain of reasons, as a page tells it.

What is private is left out: who keeps the archive, evidence of what was not published, and what was stated
once and stands no longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Final

from phonotheque.model.rights import DENIALS, Act, Answer, Kind, Statement
from phonotheque.model.territory import WORLD, Territory
from phonotheque.rights.chain import Chain, Considered, OfWork, Weight, reasons_for
from phonotheque.rights.explain import stated
from phonotheque.rights.findings import Finding, all_of
from phonotheque.rights.reasons import LANGUAGES, said_by
from phonotheque.rights.telling import law_of
from phonotheque.rights.wording import CONDITIONS
from phonotheque.rights.wording_chain import PHRASES
from phonotheque.web.looking.voice import voice
from phonotheque.web.room.languages import locale
from phonotheque.web.room.sounds import Sound

_FROM_THE_FILE: Final = "tag:"  # an evidence_origin that begins so


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule says of something. ``names`` are those of the pages that explain it."""

    answer: str
    reason: str
    names: tuple[str, ...]
    law: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """A statement: what became of it, what it says, who says so, and where that can be looked up."""

    weight: str
    counts: bool
    sentence: str
    who: str | None
    evidence: str | None
    said_at: str | None
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class Work:
    """The recording, the composition, or both."""

    name: str
    answer: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class There:
    """The answer in one place."""

    where: str
    answer: Answer
    conditions: tuple[str, ...]
    rule: Rule
    turns: tuple[str, str] | None  # the day, and the answer that it then becomes by itself


@dataclass(frozen=True, slots=True)
class Explained:
    """One act: the answers, and what those in the place that was asked about rest on."""

    act: Act
    answers: tuple[There, ...]
    allowed: str | None  # where, if not everywhere that was asked about
    explained: str | None  # the part of it that is explained, if not all is alike
    taken_away: tuple[Said, ...]
    works: tuple[Work, ...]
    others: tuple[tuple[str, Rule], ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Basis:
    """Files of which the same is stated, and what follows."""

    sounds: tuple[Sound, ...]
    acts: tuple[Explained, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Where and when somebody asks about, and in which language they are told."""

    where: Territory
    on: date
    language: str


def bases(sounds: Sequence[Sound], mandate: Sequence[Statement], asked: Asked) -> tuple[Basis, ...]:
    """Explain every act for the files of a recording; files of which the same is stated are told of once."""
    alike: dict[tuple[Statement, ...], list[Sound]] = {}
    for sound in sounds:
        alike.setdefault(_bare(sound.statements), []).append(sound)
    return tuple(
        Basis(tuple(some), tuple(_explained(some, act, tuple(mandate), asked) for act in Act))
        for some in alike.values()
    )


@lru_cache(maxsize=1024)
def _chain(statements: tuple[Statement, ...], act: Act, on: date, where: Territory) -> Chain:
    """Return a chain of reasons; kept, since of most recordings one of a few things is stated."""
    return reasons_for(statements, act, on=on, territory=where)


def place(where: Territory, language: str) -> str:
    """Return a territory as a label: "Worldwide", "France, European Union", "Everywhere but: Germany"."""
    spoken = voice(language)
    if where.worldwide:
        return spoken.gettext("Worldwide")
    if not where:
        return spoken.gettext("Nowhere")
    names = locale(language).territories
    codes = str(where).split()
    listed = ", ".join(sorted(names.get(code.lstrip("-"), code) for code in codes if code != "WORLD"))
    if where.all_but:
        return spoken.gettext("Everywhere but: %(places)s") % {"places": listed}
    return listed


def conditions_in_words(conditions: Sequence[str], language: str) -> tuple[str, ...]:
    """Return conditions by their names for people."""
    index = LANGUAGES.index(language)
    return tuple(CONDITIONS[each][index] if each in CONDITIONS else each for each in conditions)


def rule_of(finding: Finding, language: str) -> Rule:
    """Return a finding in words, with the names of the rules that it comes of."""
    names = dict.fromkeys(finding.rule.split(" and "))
    return Rule(
        _word(finding.answer.value, language),
        finding.reason.told(language),
        tuple(names),
        law_of(finding, language),
    )


def _bare(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Return statements, numbered, without where they were read: as decisions go by them."""
    return tuple(
        replace(one, id=str(number), evidence_origin="", evidence_sha256=None, stated_at=None)
        if one.kind in DENIALS
        else replace(
            one, id=str(number), evidence="", evidence_origin="", evidence_sha256=None, stated_at=None
        )
        for number, one in enumerate(statements)
    )


def _explained(sounds: Sequence[Sound], act: Act, mandate: tuple[Statement, ...], asked: Asked) -> Explained:
    # What is stated of each is the same but for evidence: it is told of one whose evidence is public.
    told = next((sound for sound in sounds if sound.is_published), sounds[0])
    said = (*told.statements, *mandate)
    bare = _bare(said)
    chain = _chain(bare, act, asked.on, asked.where)
    answers = [_there(chain, asked)]
    if asked.where != WORLD:
        answers.append(_there(_chain(bare, act, asked.on, WORLD), asked))
    language = asked.language
    saying = _Saying(said, language, told.is_published)
    yes = chain.decision.answer is Answer.YES
    return Explained(
        act=act,
        answers=tuple(answers),
        allowed=None if yes else place(chain.allowed, language),
        explained=None if chain.where == chain.asked else _named(chain.where, language),
        taken_away=tuple(saying.said(one) for one in chain.denials),
        works=tuple(_works(chain, saying)),
        others=tuple(
            (_named(where, language), rule_of(finding, language)) for where, finding in chain.others
        ),
        missing=tuple(reason.told(language) for reason in chain.missing),
    )


def _there(chain: Chain, asked: Asked) -> There:
    language = asked.language
    turns = None
    if chain.turns:
        day, answer = chain.turns
        turns = day.isoformat(), _word(answer.value, language)
    return There(
        where=place(chain.asked, language),
        answer=chain.decision.answer,
        conditions=conditions_in_words(chain.decision.conditions, language),
        rule=rule_of(outcome(chain), language),
        turns=turns,
    )


def outcome(chain: Chain) -> Finding:
    """Return what holds in the place that a chain explains."""
    denied = (one.finding for one in chain.denials if one.weight is Weight.DENIES and one.finding)
    return next(denied, None) or all_of(work.finding for work in chain.works)


def _works(chain: Chain, saying: _Saying) -> Iterator[Work]:
    recording, composition = chain.works
    if recording.considered == composition.considered and recording.considered:
        yield _work("both", recording, saying)
        return
    for work in chain.works:
        yield _work(work.work.value, work, saying)


def _work(key: str, work: OfWork, saying: _Saying) -> Work:
    first = sorted(work.considered, key=lambda one: one.weight is not Weight.COUNTS)
    answer = _word(work.finding.answer.value, saying.language)
    return Work(_word(key, saying.language), answer, tuple(saying.said(one) for one in first))


@dataclass(frozen=True, slots=True)
class _Saying:
    """Tells of statements, found by their numbers, what everybody may know of them."""

    statements: tuple[Statement, ...]
    language: str
    public: bool  # they were published with a file

    def said(self, one: Considered) -> Said:
        statement, language = self.statements[int(one.statement.id)], self.language
        key = "weight-elsewhere" if one.weight is Weight.ELSEWHERE else one.weight.value
        ours = statement.kind in (Kind.MANDATE, Kind.WITHDRAWAL)  # said by whoever keeps the archive
        shown = not ours and (self.public or statement.evidence_origin.startswith(_FROM_THE_FILE))
        return Said(
            weight=_word(key, language),
            counts=one.weight in (Weight.COUNTS, Weight.DENIES),
            sentence=stated(statement, language) + ".",
            who=said_by(statement.asserted_by, language) if shown else None,
            evidence=statement.evidence if shown else None,
            said_at=statement.stated_at,
            rule=rule_of(one.finding, language) if one.finding else None,
        )


def _named(where: Territory, language: str) -> str:
    if where.all_but and where.codes:
        return voice(language).gettext("Countries that nothing names")
    return place(where, language)


def _word(key: str, language: str) -> str:
    return PHRASES[key][LANGUAGES.index(language)]
