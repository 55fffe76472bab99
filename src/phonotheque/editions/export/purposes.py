"""What an export is for, and which of the acts that rights decide it needs (docs/how-to/export-music.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from phonotheque.model.rights import Act, Answer, Decision, Statement
from phonotheque.model.territory import WORLDWIDE
from phonotheque.rights.decide import decide
from phonotheque.rights.licence_rules import NON_COMMERCIAL


class Purpose(StrEnum):
    """What somebody wants to do with what is exported."""

    TRAINING = "training"
    RADIO = "radio"
    LIBRARY = "library"
    PLAYER = "player"


# Any one of these sets of acts will do; of a set, all must be allowed.
NEEDS: Final[dict[Purpose, tuple[tuple[Act, ...], ...]]] = {
    Purpose.TRAINING: ((Act.MINE,),),
    Purpose.RADIO: ((Act.STREAM,),),  # a broadcast puts a work before others and leaves them no copy
    Purpose.LIBRARY: ((Act.PRESERVE, Act.DISTRIBUTE),),  # keeps it, and was given a copy
    Purpose.PLAYER: ((Act.STREAM,), (Act.DISTRIBUTE,)),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """On whose behalf it is asked: for what, where (model.territory), when, and whether for money."""

    purpose: Purpose
    on: date
    territory: str = WORLDWIDE
    commercial: bool = False


def permitted(statements: Sequence[Statement], terms: Terms) -> tuple[Decision, ...] | None:
    """Return the decisions that let a file go out on these terms, one for each act that it needs; else None.

    Every decision is yes everywhere in the territory, on the day. What is for money is not let out where a
    condition forbids that.
    """
    for acts in NEEDS[terms.purpose]:
        found = tuple(decide(statements, act, on=terms.on, territory=terms.territory) for act in acts)
        if all(decision.answer is Answer.YES for decision in found) and not (
            terms.commercial and any(NON_COMMERCIAL in decision.conditions for decision in found)
        ):
            return found
    return None


def conditions(decisions: Sequence[Decision]) -> tuple[str, ...]:
    """Return everything that some decisions ask for, each once."""
    return tuple(dict.fromkeys(one for decision in decisions for one in decision.conditions))
