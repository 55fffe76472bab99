"""Rights as values: what somebody stated, with what evidence, and what was decided from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from phonotheque.model.territory import WORLDWIDE as WORLDWIDE


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
    PUBLIC_DOMAIN = "public-domain"  # somebody declares it
    DATES = "dates"  # facts that a term of protection is reckoned from: the public domain by rule
    DEPOSIT = "deposit"  # an agreement; allows the acts it names
    DELIVERY = "delivery"  # a label's deal (DDEX); allows the acts it names
    OWN_WORK = "own-work"  # by whoever made it, for this archive; allows the acts it names
    MANDATE = "mandate"  # the archive's own duty or permission to preserve; never more
    ON_SITE = "on-site"  # to be kept, and heard at the archive's premises only
    UNKNOWN = "unknown"  # a status that grants nothing (rightsstatements.org)
    # These take away what others grant.
    RESERVATION = "reservation"  # against mining (EU 2019/790 art. 4)
    WITHDRAWAL = "withdrawal"  # what was taken back


class Covers(StrEnum):
    """Which of the two works in a track a statement speaks for."""

    BOTH = "both"
    RECORDING = "recording"
    COMPOSITION = "composition"


NEVER = "never"  # of Dates: what was not published, or not communicated, to this day
DENIALS = frozenset({Kind.RESERVATION, Kind.WITHDRAWAL})


@dataclass(frozen=True, slots=True)
class Dates:
    """What terms of protection are reckoned from. Dates are ISO 8601, as far as known: 1932, 1932-05-03.

    None or empty is not known, and lets a rule that needs it say so. ``published`` and ``country`` (ISO
    3166-1) are of the first lawful publication; ``fixed`` is when it was recorded, or a composition written
    down; ``communicated`` when it was first lawfully communicated to the public (broadcast). What never was
    is ``published`` or ``communicated`` NEVER. ``deaths`` are the years in which the authors died, complete
    if ``all_deaths``: of words and music, or, in a statement of a recording only, of the recording.
    ``for_hire``: a US work made for hire. ``anonymous``: no author was ever made known to the public.

    In a statement of both works, ``deaths`` and ``with_words`` are of the composition, all else is of the
    recording.
    """

    published: str | None = None
    fixed: str | None = None
    communicated: str | None = None
    country: str | None = None
    deaths: tuple[int, ...] = ()
    all_deaths: bool = False
    with_words: bool | None = None
    for_hire: bool | None = None
    anonymous: bool | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A recorded basis: who stated what about a file, and the evidence for it.

    ``licence`` is an SPDX id (``CC-BY-SA-3.0``, ``CC0-1.0``, ``GPL-2.0-or-later``, …) or
    ``CC-PDM-1.0`` for the Public Domain Mark; Creative Commons ports keep their jurisdiction
    (``CC-BY-3.0-AT``). ``evidence`` is the text, URL or tag the statement was read from, verbatim; a document
    that the archive keeps is named by ``evidence_sha256``. ``acts`` are what a deposit, a delivery or an own
    work allows, and what a denial forbids; empty for other kinds, which allow by rule. ``valid_from`` and
    ``valid_until`` (ISO 8601 days, both included) bound it in time, ``territory`` (model.territory) in space.
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
    acts: tuple[Act, ...] = ()
    valid_from: str | None = None
    valid_until: str | None = None
    stated_at: str | None = None  # when they said so, as far as known: ISO 8601
    dates: Dates | None = None
    conditions: tuple[str, ...] = ()  # that the acts are allowed under: "attribution", "non-commercial", …
    evidence_sha256: str | None = None


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
    """What the rights readers found about one file.

    ``unread``: something that may speak of it was there and could not be read, so that what is not among this
    may still be said.
    """

    statements: tuple[Statement, ...] = ()
    questions: tuple[Question, ...] = field(default_factory=tuple)
    unread: bool = False
