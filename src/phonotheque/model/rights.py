"""Rights as values: what somebody stated, with what evidence, and what was decided from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Act(StrEnum):
    """What one may want to do with a recording."""

    PRESERVE = "preserve"
    STREAM = "stream"
    DISTRIBUTE = "distribute"
    MINE = "mine"


class Answer(StrEnum):
    """The outcome of a decision. UNKNOWN counts as no."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a statement rests on."""

    LICENCE = "licence"
    PUBLIC_DOMAIN = "public-domain"
    DEPOSIT = "deposit"
    MANDATE = "mandate"  # the archive's own duty or permission to preserve; never more


class Covers(StrEnum):
    """Which of the two works in a track a statement speaks for."""

    BOTH = "both"
    RECORDING = "recording"
    COMPOSITION = "composition"


WORLDWIDE = "WORLD"


@dataclass(frozen=True, slots=True)
class Statement:
    """A recorded basis: who stated what about a file, and the evidence for it.

    ``licence`` is an SPDX id (``CC-BY-SA-3.0``, ``CC0-1.0``, ``GPL-2.0-or-later``, …) or
    ``CC-PDM-1.0`` for the Public Domain Mark; Creative Commons ports keep their jurisdiction
    (``CC-BY-3.0-AT``). ``evidence`` is the text, URL or tag the statement was read from, verbatim.
    """

    kind: Kind
    licence: str | None
    evidence: str
    evidence_origin: str  # "tag:LICENSE", "sidecar:NAME.txt", "rights.toml", "copyright", "grant"
    asserted_by: str
    holder: str | None = None
    covers: Covers = Covers.BOTH
    territory: str = WORLDWIDE
    id: str = ""  # UUID, given by the ledger


@dataclass(frozen=True, slots=True)
class Question:
    """Evidence that could not be read with certainty: the archivist is asked, nothing is guessed."""

    text: str  # what is unclear, in one sentence
    candidates: tuple[str, ...]  # licences it may mean, perhaps none
    evidence: str
    evidence_origin: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One computed answer, with the rule that gave it and the statements it rests on."""

    act: Act
    answer: Answer
    rule: str  # name of the rule, e.g. "cc-by"
    reason: str  # one sentence for a person
    conditions: tuple[str, ...] = ()  # "attribution", "share-alike", "non-commercial", "no-derivatives"
    statements: tuple[str, ...] = ()  # ids
    territory: str = WORLDWIDE


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rights readers found about one file."""

    statements: tuple[Statement, ...] = ()
    questions: tuple[Question, ...] = field(default_factory=tuple)
