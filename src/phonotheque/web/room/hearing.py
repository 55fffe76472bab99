"""What of a recording may be heard or taken by whom: decided anew, from what is stated now, each time.

Of an archive, the ledger's standing statements decide; of a mirror, the edition it obeys and the statements
that its bags bring with them. What was decided before counts nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from phonotheque.editions.croissant import licences_in
from phonotheque.model.media import UNTYPED, media_type
from phonotheque.model.rights import WORLDWIDE, Act, Answer, Kind, Statement
from phonotheque.rights.decide import decide, in_force
from phonotheque.rights.explain import licence_name
from phonotheque.rights.expressions import parse_terms
from phonotheque.vault.storage.base import Storage

ACCESS: Final = "access"  # the kind of a file that is an access copy
# What no browser plays although its media type may say so is not offered to be played.
_PLAYED: Final = {
    "opus": "audio/ogg; codecs=opus",
    "vorbis": "audio/ogg; codecs=vorbis",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "aac": "audio/mp4",
    "pcm_s16le": "audio/wav",
}
_DECLARED: Final = frozenset({Kind.PUBLIC_DOMAIN, Kind.DATES})


class Access(StrEnum):
    """Whether somebody may have something."""

    ALLOWED = "allowed"
    BARRED = "barred"
    WITHDRAWN = "withdrawn"  # taken back, everywhere


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one act is allowed to somebody today, and why: a public reason, in English."""

    access: Access
    reason: str
    statements: tuple[str, ...] = ()  # ids of those it rests on


@dataclass(frozen=True, slots=True)
class Basis:
    """On what something may be heard: a licence by its name and address, or a ``kind`` without one."""

    kind: str  # "licence", "public-domain" or "agreement"
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Away:
    """Bytes that lie in a storage."""

    storage: Storage
    key: str


Lies: TypeAlias = Path | Away | None  # where bytes lie; None: they are not here


@dataclass(frozen=True, slots=True)
class Audio:
    """A file that is held: a master or an access copy, and what a visitor may do with it today."""

    sha256: str
    master: str  # the SHA-256 of its master, or its own
    size: int  # bytes
    kind: str  # "master", "access" or "sidecar"
    media: str  # its media type
    codec: str
    seconds: float | None
    bit_rate: int | None
    name: str  # under which it may be kept
    title: str
    artist: str
    recording: str | None  # its public id, as far as its bag says it
    hear: Verdict
    take: Verdict
    bases: tuple[Basis, ...]
    lies: Callable[[], Lies]

    @property
    def heard(self) -> bool:
        """Whether the visitor may hear it."""
        return self.hear.access is Access.ALLOWED

    @property
    def played(self) -> str | None:
        """The media type with its codec, if browsers play that."""
        return _PLAYED.get(self.codec) if self.heard else None


def verdict(statements: Sequence[Statement], act: Act, country: str, on: date) -> Verdict:
    """Return whether somebody in a country may; where that is not known (""), whether everybody may."""
    decision = decide(statements, act, on=on, territory=country or WORLDWIDE)
    if decision.answer is Answer.YES:
        return Verdict(Access.ALLOWED, decision.reason, decision.statements)
    access = Access.WITHDRAWN if is_withdrawn(statements, act, on) else Access.BARRED
    return Verdict(access, decision.reason, decision.statements)


def is_withdrawn(statements: Iterable[Statement], act: Act, on: date) -> bool:
    """Tell whether something was taken back everywhere; what was so in some countries is barred there."""
    return any(
        one.kind is Kind.WITHDRAWAL and act in one.acts and one.territory == WORLDWIDE and in_force(one, on)
        for one in statements
    )


def bases_of(statements: Sequence[Statement], resting: Iterable[str]) -> tuple[Basis, ...]:
    """Return what these statements, of which those with ids ``resting`` count, allow something on."""
    wanted = set(resting)
    found: dict[Basis, None] = {}
    for one in statements:
        if one.id not in wanted:
            continue
        licences = licences_in(parse_terms(one.licence)) if one.licence else ()
        found |= {Basis("licence", licence_name(licence), licence.uri): None for licence in licences}
        if not licences:
            found[Basis("public-domain" if one.kind in _DECLARED else "agreement")] = None
    return tuple(found)


def audio_type(extension: str) -> str:
    """Return the media type of audio with an extension (".flac"); what is none is not typed."""
    found = media_type(f"bags/a{extension}")
    return found if found.startswith("audio/") else UNTYPED


def to_play(files: Iterable[Audio]) -> list[Audio]:
    """Return what browsers can play and the visitor may hear: the smallest, access copies first."""
    played = [one for one in files if one.played]
    return sorted(played, key=lambda one: (one.kind != ACCESS, one.size, one.sha256))
