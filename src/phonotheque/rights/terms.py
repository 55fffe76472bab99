"""Terms of protection: what the recorded dates of a recording or a composition say on a day, in a country."""

from __future__ import annotations

from phonotheque.model.rights import Answer, Statement
from phonotheque.rights.findings import Case, Finding
from phonotheque.rights.reasons import because


def of_dates(statement: Statement, case: Case) -> Finding:
    """What a statement of the kind ``dates`` says: free by the law of the case's country, or not known."""
    return Finding(Answer.UNKNOWN, "term", because("status-only"))
