"""The attribution report: what the catalogue could not bring together, or apart, without doubt.

A conflict is evidence for a person to judge. Nothing is changed or deleted because of one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.scratch import MEMORY, open_tables, rows, scratch
from phonotheque.model.errors import UsageError, VerificationError

KINDS = {
    "isrc": "one ISRC, different recordings",
    "sound": "one sound, told as different things",
    "title": "one title and artist, perhaps different recordings",
    "fingerprint": "alike in sound: the same, or a copy by other people",
    "speed": "perhaps a copy at another speed",
    "registrant": "an ISRC of a registrant that is new for the artist",
    "tokens": "a title that tells of an alteration",
}
_FIELDS = {"duration": "length", "artist": "artists", "recording_mbid": "MusicBrainz id"}
_ALTERED = re.compile(
    r"\b(?:(?:sped|speed) up|slowed(?: down)?|nightcore|daycore|reverb|8d(?: audio)?|pitched (?:up|down))\b"
)

_COUNTS = "SELECT kind, count(*) AS conflicts FROM conflicts GROUP BY kind ORDER BY kind"
_TOTAL = """
    SELECT count(*) AS total FROM conflicts WHERE score >= $least AND kind IN (SELECT unnest($kinds))
"""
# First which rows, by their narrow columns; then those rows whole.
_PLACES = """
    SELECT place FROM conflicts WHERE score >= $least AND kind IN (SELECT unnest($kinds))
    ORDER BY score DESC, kind, evidence, recording_a, recording_b, place LIMIT $most
"""
_FOUND = """
    SELECT kind, score, evidence, recording_a, recording_b, detail FROM conflicts
    WHERE place IN (SELECT unnest($places))
    ORDER BY score DESC, kind, evidence, recording_a, recording_b, place
"""
_RECORDINGS = """
    SELECT recording, id, title, credit, duration_ms, listens FROM recordings
    WHERE recording IN (SELECT unnest($keys))
"""


class Explainable(Protocol):
    """What a sentence can be made of."""

    @property
    def kind(self) -> str:
        """One of KINDS."""

    @property
    def evidence(self) -> str:
        """The ISRC, hash or title that was shared."""

    @property
    def detail(self) -> str:
        """JSON: what disagrees (docs/catalogue.md)."""


@dataclass(frozen=True, slots=True)
class Party:
    """A recording that a conflict is about."""

    id: str
    title: str | None
    artist: str | None
    duration_ms: int | None
    listens: int | None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One conflict. ``b`` is None where only one recording is concerned, or both became one."""

    kind: str
    score: float  # 0 to 1: how much it deserves a look
    evidence: str
    a: Party
    b: Party | None
    detail: str


@dataclass(frozen=True, slots=True)
class Suspicions:
    """The highest scores first. ``counts`` are of all kinds; ``total`` of what was asked for."""

    counts: Mapping[str, int]
    total: int
    entries: tuple[Suspicion, ...]


def conflicts(
    snapshot: Snapshot,
    *,
    kind: str | None = None,
    limit: int = 50,
    min_score: float = 0.0,
    memory_limit: str = MEMORY,
) -> Suspicions:
    """Return the conflicts that deserve a look most. Raises UsageError for a kind that there is not."""
    with scratch("reading conflicts", snapshot.path, memory_limit) as engine:
        open_tables(engine, snapshot, "conflicts", "recordings")
        counts = {row["kind"]: row["conflicts"] for row in rows(engine, _COUNTS)}
        if kind is not None and kind not in KINDS.keys() | counts.keys():
            raise UsageError(f"There is no kind of conflict “{kind}”.", f"The kinds are: {', '.join(KINDS)}.")
        asked: dict[str, Any] = {"least": min_score, "kinds": [kind] if kind else list(counts)}
        (total,) = rows(engine, _TOTAL, **asked)
        places = [row["place"] for row in rows(engine, _PLACES, most=limit, **asked)]
        found = rows(engine, _FOUND, places=places) if places else []
        keys = {row[side] for row in found for side in ("recording_a", "recording_b")} - {None}
        parties = {
            row.pop("recording"): Party(artist=row.pop("credit"), **row)
            for row in rows(engine, _RECORDINGS, keys=sorted(keys))
        }
    return Suspicions(counts, total["total"], tuple(_suspicion(row, parties) for row in found))


def _suspicion(row: Mapping[str, Any], parties: Mapping[int, Party]) -> Suspicion:
    a, b = row["recording_a"], row["recording_b"]
    missing = [key for key in (a, b) if key is not None and key not in parties]
    if a is None or missing:
        raise VerificationError(
            f"conflicts: {row['kind']} {row['evidence']!r} names a recording that does not exist.",
            "Check the catalogue: phono check; or make a new snapshot by adding a source again.",
        )
    return Suspicion(
        kind=row["kind"],
        score=row["score"] or 0.0,
        evidence=row["evidence"] or "",
        a=parties[a],
        b=None if b is None or b == a else parties[b],
        detail=row["detail"] or "{}",
    )


def explain(conflict: Explainable) -> str:
    """Return a conflict as plain sentences: what it is, what disagrees, and what was done.

    Titles and names are given as they are: clean them for display. Raises VerificationError when ``detail``
    is not the JSON that it should be.
    """
    told = _Told(_detail(conflict))
    words = _WORDS.get(conflict.kind, _other)(conflict, told)
    return " ".join([f"{words[0].upper()}{words[1:]}", *told.more(conflict.kind)])


class _Told:
    """The ``detail`` of a conflict, read with care: every part of it may be missing."""

    def __init__(self, detail: Mapping[str, Any]) -> None:
        self._detail = detail
        self.a, self.b = self._side(0), self._side(1)
        self.disagree = self._texts("disagree")

    @property
    def rate(self) -> float:
        """How many times as fast the second is as the first; 1 where that cannot be said."""
        a, b = (self._of("durations_ms", side) for side in (0, 1))
        return a / b if isinstance(a, int) and isinstance(b, int) and a > 0 and b > 0 else 1.0

    def more(self, kind: str) -> Iterator[str]:
        """Say what disagrees, who says it at all, and what was done, in sentences."""
        alone = kind in ("tokens", "registrant")  # that are not about two recordings being one
        fields = [_FIELDS[word] for word in self.disagree if word in _FIELDS]
        if fields and not alone:
            verb = "differ" if len(fields) > 1 or fields == ["artists"] else "differs"
            yield f"The {_listed(fields)} {verb}."
        if "speed" in self.disagree and kind != "speed":
            yield "The lengths are as of one recording at two speeds."
        if self._detail.get("uncorroborated") is True:
            sources = list(dict.fromkeys(self._texts("sources")))
            yield f"Only one source says so: {_listed(sources)}." if sources else "Only one source says so."
        if not alone:
            one = self._detail.get("merged") is True
            yield "They are kept as one recording." if one else "They are kept as two recordings."

    def _texts(self, field: str) -> list[str]:
        value = self._detail.get(field)
        return [str(text) for text in value] if isinstance(value, list) else []

    def _of(self, field: str, side: int) -> Any:
        values = self._detail.get(field)
        return values[side] if isinstance(values, list) and len(values) > side else None

    def _side(self, side: int) -> str:
        title, artist, ms = (self._of(field, side) for field in ("titles", "artists", "durations_ms"))
        return (
            (f"“{title}”" if title else "an untitled track")
            + (f" by {artist}" if artist else "")
            + (f" ({_clock(ms)})" if isinstance(ms, int) else "")
        )


def _isrc(conflict: Explainable, told: _Told) -> str:
    return f"the ISRC {conflict.evidence} is on {told.a} and on {told.b}."


def _sound(conflict: Explainable, told: _Told) -> str:
    return f"the same sound is told as {told.a} and as {told.b}."


def _title(conflict: Explainable, told: _Told) -> str:
    return f"{told.a} and {told.b} have the same title and artists, and may be one recording."


def _fingerprint(conflict: Explainable, told: _Told) -> str:
    if "artist" in told.disagree:
        return f"{told.a} sounds like {told.b}, by other people: one may be a copy of the other."
    return f"{told.a} and {told.b} sound alike, and may be one recording."


def _speed(conflict: Explainable, told: _Told) -> str:
    rate, how = told.rate, "at another speed"
    if round(rate, 2) != 1:
        how = f"played {rate:.2f} times as fast" if rate > 1 else f"slowed to {rate:.2f} of its speed"
    return f"{told.b} may be {told.a} {how}."


def _registrant(conflict: Explainable, told: _Told) -> str:
    return (
        f"{told.b} has an ISRC of the registrant {conflict.evidence}, as nothing else by this artist has; "
        f"the others are like that of {told.a}. It may be somebody else’s, or only of another label."
    )


def _tokens(conflict: Explainable, told: _Told) -> str:
    words = dict.fromkeys(_ALTERED.findall(conflict.evidence))
    named = f": {_listed([f'“{word}”' for word in words])}" if words else ""
    return f"the title of {told.a} tells of an alteration{named}."


def _other(conflict: Explainable, told: _Told) -> str:
    return f"{told.a} and {told.b} are in doubt, of the kind “{conflict.kind}”."


_WORDS: Mapping[str, Callable[[Explainable, _Told], str]] = {
    "isrc": _isrc,
    "sound": _sound,
    "title": _title,
    "fingerprint": _fingerprint,
    "speed": _speed,
    "registrant": _registrant,
    "tokens": _tokens,
}


def _detail(conflict: Explainable) -> Mapping[str, Any]:
    try:
        value = json.loads(conflict.detail)
    except (ValueError, RecursionError) as error:
        value = error
    if not isinstance(value, dict):
        raise VerificationError(
            f"conflicts: the detail of {conflict.kind} {conflict.evidence!r} is no JSON object.",
            "Check the catalogue: phono check; or make a new snapshot by adding a source again.",
        )
    return value


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _clock(ms: int) -> str:
    seconds = round(ms / 1000)
    return f"{seconds // 60}:{seconds % 60:02d}"
