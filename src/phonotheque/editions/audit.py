"""What a line of ``recordings.jsonl`` must say for its file to be public, decided anew from that line alone.

Nothing here knows an archive or a ledger: statements, audience, dates and tombstones come from public files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from phonotheque.editions.edition import Edition, Tombstone
from phonotheque.editions.sealing import ARTWORK_WAVE, AUDIO_WAVE
from phonotheque.model.errors import VerificationError
from phonotheque.model.rights import Act, Answer, Decision, Statement
from phonotheque.model.territory import Territory, parse_territory
from phonotheque.rights.decide import allowed_in, decide
from phonotheque.rights.records import decision_records, read_statement

_KINDS: Final = {AUDIO_WAVE: ("master", "access"), ARTWORK_WAVE: ("sidecar",)}
_MOST_STATEMENTS: Final = 1000  # about one file; more is refused rather than worked through
_COMPARED: Final = ("answer", "rule", "conditions", "territory")


class What(StrEnum):
    """What an audit can find. The last three are of bytes, all others of rights and of what is claimed."""

    NO_BASIS = "no-basis"  # a file that the statements do not let out, on that day, in that audience
    NO_LINE = "no-line"  # a file of which no line of recordings.jsonl tells
    NO_FILE = "no-file"  # a line without a file
    UNREADABLE_LINE = "unreadable-line"
    UNLISTED = "unlisted"  # public, and named by no manifest or edition
    DECISION = "decision"  # a recorded decision that does not follow from the statements
    TOMBSTONE = "tombstone"  # taken back, and there all the same
    WITHDRAWN = "withdrawn"  # a bag that was taken back and can still be reached
    AUDIENCE = "audience"  # what is for some countries only, and not kept to them
    MINING = "mining"  # tdmrep.json lets be mined what the decisions do not, or does not reserve what they do
    CATALOGUE = "catalogue"  # a table that is not one to be published
    CLAIM = "claim"  # the edition, its index or a torrent tell of a bag what is not so
    HISTORY = "history"  # an earlier edition tells of what this one has dropped without a word
    DAMAGED = "damaged"
    MISSING = "missing"
    UNREADABLE = "unreadable"


OF_BYTES: Final = frozenset({What.DAMAGED, What.MISSING, What.UNREADABLE})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``bag`` and ``path`` (relative to it) are empty where it concerns neither."""

    what: What
    bag: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What the files of one bag are measured by. Its decisions were recorded on the day ``sealed``."""

    bag: str
    wave: int
    audience: Territory  # where they must be free to go
    on: date
    sealed: date
    stones: Tombstones


@dataclass(frozen=True, slots=True)
class Tombstones:
    """What was taken back and not reinstated: where, by recording and by SHA-256."""

    recordings: Mapping[str, Sequence[Tombstone]] = field(default_factory=dict)
    files: Mapping[str, Sequence[Tombstone]] = field(default_factory=dict)

    def over(self, record: Mapping[str, Any], recording: str, audience: Territory) -> Iterator[Tombstone]:
        """Yield the tombstones that forbid a file, of a recording, to some of an audience."""
        found = list(self.recordings.get(recording, ()))
        for name in ("sha256", "master_sha256"):
            found += self.files.get(str(record.get(name)), ())
        for stone in dict.fromkeys(found):
            if parse_territory(stone.territory) & audience:
                yield stone


def tombstones_of(edition: Edition) -> Tombstones:
    """Return the tombstones of an edition that hold: there may be several of one recording or file."""
    recordings: dict[str, list[Tombstone]] = defaultdict(list)
    files: dict[str, list[Tombstone]] = defaultdict(list)
    for stone in edition.tombstones:
        if stone.reinstated is None:
            if stone.recording is not None:
                recordings[stone.recording].append(stone)
            for sha256 in stone.sha256:
                files[sha256].append(stone)
    return Tombstones(recordings, files)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one line comes to. ``mining``: whether its file may be mined, throughout its audience."""

    faults: tuple[Fault, ...]
    mining: Answer = Answer.UNKNOWN


def judge(record: Mapping[str, Any], terms: Terms, belongs_to: str | None = None) -> Judged:
    """Decide anew whether a file may be public, and compare what its line says was decided.

    ``belongs_to`` is the one recording that a text or picture belongs to, if it belongs to one.
    """
    path = str(record.get("path", ""))

    def fault(what: What, reason: str) -> Fault:
        return Fault(what, terms.bag, path, reason)

    if record.get("kind") not in _KINDS.get(terms.wave, ()):
        kind = record.get("kind")
        return Judged((fault(What.CLAIM, f"files of the kind {kind!r:.40} have no place in this bag"),))
    recording = str(belongs_to if record.get("kind") == "sidecar" else record.get("recording"))
    faults = [
        fault(What.TOMBSTONE, f"was taken back on {stone.date[:10]}: {stone.reason}")
        for stone in terms.stones.over(record, recording, terms.audience)
    ]
    try:
        statements, recorded = _rights(record)
        decision = _decided(statements, Act.DISTRIBUTE, terms.on, terms.audience)
        if decision.answer is not Answer.YES:
            faults.append(fault(What.NO_BASIS, _no_basis(statements, decision, terms)))
        faults += [fault(What.DECISION, reason) for reason in _differing(statements, recorded, terms)]
    except VerificationError as error:
        return Judged((*faults, fault(What.NO_BASIS, error.message)))
    return Judged(tuple(faults), _decided(statements, Act.MINE, terms.on, terms.audience).answer)


def _rights(record: Mapping[str, Any]) -> tuple[tuple[Statement, ...], Mapping[str, Any]]:
    rights = record.get("rights")
    if not isinstance(rights, dict):
        raise VerificationError("its line names no rights")
    statements, decisions = rights.get("statements"), rights.get("decisions")
    if not isinstance(statements, list) or not isinstance(decisions, dict):
        raise VerificationError("its line lacks a list of statements, or the decisions")
    if len(statements) > _MOST_STATEMENTS:
        raise VerificationError(f"its line has {len(statements)} statements; {_MOST_STATEMENTS} are read")
    if not all(isinstance(statement, dict) for statement in statements):
        raise VerificationError("a rights statement in its line is no object")
    return tuple(read_statement(statement) for statement in statements), decisions


def _no_basis(statements: tuple[Statement, ...], decision: Decision, terms: Terms) -> str:
    """Return why a file may not be where it is, in words, and where it might be."""
    where = str(terms.audience) or "nowhere"
    allowed = allowed_in(statements, Act.DISTRIBUTE, on=terms.on)
    instead = f" It may be had only in: {allowed}." if allowed else ""
    return f"may not be distributed in {where} on {terms.on}: {decision.reason}{instead}"


def _differing(statements: tuple[Statement, ...], recorded: Mapping[str, Any], terms: Terms) -> Iterator[str]:
    """Yield how the decisions in a line differ from what followed from its statements on that day."""
    for act in Act:
        said = recorded.get(act.value)
        if not isinstance(said, dict):
            yield f"the line holds no decision on the act {act.value}"
            continue
        try:
            where = parse_territory(said.get("territory", ""))
        except (TypeError, ValueError):
            yield f"the recorded decision on the act {act.value} is for no territory"
            continue
        derived = decision_records([_decided(statements, act, terms.sealed, where)])[act.value]
        for name in _COMPARED:
            if said.get(name) != derived[name]:
                yield (
                    f"{act.value}: {name} is recorded as {_plain(said.get(name))}; from the statements "
                    f"follows {_plain(derived[name])} (on {terms.sealed}: {derived['reason']})"
                )
                break
    for other in recorded.keys() - {act.value for act in Act}:
        yield f"a decision on the unknown act {other!r:.40} is recorded"


def _plain(value: Any) -> str:
    return f"“{', '.join(map(str, value)) if isinstance(value, list) else value}”"[:200]


@lru_cache(maxsize=64)  # the last few are enough, and each may hold many statements
def _decided(statements: tuple[Statement, ...], act: Act, on: date, where: Territory) -> Decision:
    """Decide; files of one release mostly have equal statements."""
    return decide(statements, act, on=on, territory=where)
