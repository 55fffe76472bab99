"""Why a rule says what it says, in plain words, English or French.

A reason is a key with values, so that the same reason can be told in both languages. The words are in
rights/wording.py; what is stored in ledgers and bags is the English sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from phonotheque.rights.wording import ACTS, CONDITIONS, REASONS, WORKS
from phonotheque.rights.wording_chain import SAYERS

LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence of rights/wording.py and what stands in its gaps; or several such, as ``parts``."""

    key: str
    values: tuple[tuple[str, str], ...] = ()
    parts: tuple[Reason, ...] = ()

    @classmethod
    def joined(cls, reasons: Iterable[Reason]) -> Reason:
        """Return reasons that hold together as one."""
        found = tuple(part for reason in reasons for part in (reason.parts or (reason,)))
        return found[0] if len(found) == 1 else cls("joined", parts=found)

    def told(self, language: str = "en") -> str:
        """Return the sentence in a language of LANGUAGES."""
        if self.parts:
            return " ".join(part.told(language) for part in self.parts)
        values = {name: _word(name, value, language) for name, value in self.values}
        return REASONS[self.key][LANGUAGES.index(language)].format(**values)


def because(key: str, **values: object) -> Reason:
    """Return a reason.

    Values named ``act``, ``conditions`` and ``work`` are words, and translated, too; so is a ``holder`` that
    is no name.
    """
    return Reason(key, tuple((name, str(value)) for name, value in values.items()))


def _word(name: str, value: str, language: str) -> str:
    index = LANGUAGES.index(language)
    if name == "act":
        return ACTS[value][index]
    if name == "work":
        return WORKS[value][index]
    if name == "conditions":
        return ", ".join(CONDITIONS[each][index] for each in value.split())
    return said_by(value, language) if name == "holder" else value


def said_by(who: str, language: str) -> str:
    """Return who states something; in French what it is, where that is known, and no name."""
    return SAYERS.get(who, who) if language == "fr" else who
