"""What several sources say about one file: corroboration stays, contradiction is asked about."""

from __future__ import annotations

from collections.abc import Sequence

from phonotheque.model.rights import Covers, Evidence, Kind, Question, Statement
from phonotheque.model.territory import parse_territory

_FREE = {"CC0-1.0", "CC-PDM-1.0"}
MAX_EVIDENCE = 4000  # characters that a question quotes from all its sources


def joined(*evidence: Evidence) -> Evidence:
    """Return all statements and questions as one, without comparing them (`combine` does)."""
    return Evidence(
        tuple(dict.fromkeys(s for found in evidence for s in found.statements)),
        tuple(dict.fromkeys(q for found in evidence for q in found.questions)),
        any(found.unread for found in evidence),
    )


def combine(*evidence: Evidence) -> Evidence:
    """Return what all sources say together, once everything about a file was found.

    Statements that name the same terms corroborate each other and all stay. If two name different terms for
    the same work and place, nothing says which is right: all that take part become one question. A question
    that a source left open overrules nothing, unless it rules out what another source states.
    """
    everything = joined(*evidence)
    statements, questions = everything.statements, everything.questions
    disputed = [s for s in statements if any(contradict(s, other) for other in statements)]
    doubted = [s for s in statements if s not in disputed and any(_rules_out(q, s) for q in questions)]
    certain = tuple(s for s in statements if s not in disputed and s not in doubted)
    if disputed:
        questions += (_question("Its sources name different terms", disputed),)
    if doubted:
        questions += (_question("A source that is not certain speaks against what another states", doubted),)
    return Evidence(certain, questions, everything.unread)


def contradict(one: Statement, other: Statement) -> bool:
    """Tell whether two statements name different terms for the same work, place and time."""
    if not (_names_terms(one) and _names_terms(other)):
        return False
    if one.licence == other.licence or (_is_free(one) and _is_free(other)):
        return False
    if _free_composition(one, other) or _free_composition(other, one):
        return False
    same_work = Covers.BOTH in (one.covers, other.covers) or one.covers == other.covers
    return same_work and _same_place(one.territory, other.territory) and same_time(one, other)


def _names_terms(statement: Statement) -> bool:
    """A mandate, a status, and a deposit without a licence, say nothing of terms and so contradict none."""
    silent = statement.kind in (Kind.MANDATE, Kind.UNKNOWN, Kind.DATES)
    return not silent and (statement.licence is not None or _is_free(statement))


def _is_free(statement: Statement) -> bool:
    return statement.kind is Kind.PUBLIC_DOMAIN or statement.licence in _FREE


def _free_composition(one: Statement, other: Statement) -> bool:
    """A performer's licence on a whole track does not deny that what is played is in the public domain."""
    return one.covers is Covers.COMPOSITION and _is_free(one) and other.covers is Covers.BOTH


def _same_place(one: str, other: str) -> bool:
    return bool(parse_territory(one) & parse_territory(other))


def same_time(one: Statement, other: Statement) -> bool:
    """Tell whether two statements are valid on one day, at least."""
    return all(
        not (ends.valid_until and begins.valid_from) or begins.valid_from <= ends.valid_until
        for ends, begins in ((one, other), (other, one))
    )


def _rules_out(question: Question, statement: Statement) -> bool:
    """Tell whether a question's readings, as far as it has any, all differ from what is stated."""
    readings = set(question.candidates)
    if not readings or not _names_terms(statement) or statement.covers is Covers.COMPOSITION:
        return False
    return statement.licence not in readings and not (_is_free(statement) and readings & _FREE)


def _question(what: str, statements: Sequence[Statement]) -> Question:
    terms = tuple(dict.fromkeys(s.licence or s.kind.value for s in statements))
    quotes = "\n".join(f"{s.evidence_origin}: {s.evidence}" for s in statements)
    origins = ", ".join(dict.fromkeys(s.evidence_origin for s in statements))
    licences = tuple(dict.fromkeys(s.licence for s in statements if s.licence))
    return Question(f"{what}: {', '.join(terms)}.", licences, quotes[:MAX_EVIDENCE], origins)
