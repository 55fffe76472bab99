"""Plain values to record in a ledger."""

from __future__ import annotations

from hashlib import sha256

from phonotheque.ledger.bags import BagRecord
from phonotheque.model.audio import Artwork, AudioFacts, Integrity, Tags, Technical
from phonotheque.model.rights import Evidence, Kind, Question, Statement

DAY = [f"2026-01-0{day}T00:00:00Z" for day in range(1, 10)]


BAG = BagRecord(
    id="tests-0001-0001",
    edition=1,
    wave=1,
    audience="WORLD",
    bytes=5000,
    files=3,
    payload_bytes=4000,
    payload_files=2,
    recordings=2,
    listens=None,
    tagmanifest_sha256="ab" * 32,
    torrent_size=300,
    torrent_sha256="cd" * 32,
    infohash_v1="ef" * 20,
    infohash_v2="01" * 32,
    sealed_at=DAY[0],
)


def facts(name: str = "a", *, title: str | None = "A", loudness: float | None = -14.0) -> AudioFacts:
    return AudioFacts(
        sha256=sha256(name.encode()).hexdigest(),
        size=1000,
        pcm_sha256=sha256(b"pcm" + name.encode()).hexdigest(),
        technical=Technical("flac", "flac", 2.5, 44_100, 2, 900_000, 16, lossless=True),
        fingerprint=b"\1\2\3\4",
        loudness=loudness,
        integrity=Integrity.INTACT,
        integrity_notes=("one note",),
        tags=Tags(title=title, artists=("One", "Two"), track_number=3, raw={"TITLE": ("A", "B")}),
        artwork=(Artwork("ab" * 32, "image/png", 77, "front", 10, 20),),
    )


def statement(licence: str = "CC-BY-4.0", *, evidence: str = "License: CC BY", by: str = "tags") -> Statement:
    return Statement(Kind.LICENCE, licence, evidence, "tag:LICENSE", by)


def question(text: str = "Which version?", evidence: str = "CC BY") -> Question:
    return Question(text, ("CC-BY-3.0", "CC-BY-4.0"), evidence, "sidecar:a.txt")


def evidence(*parts: Statement | Question) -> Evidence:
    return Evidence(
        tuple(part for part in parts if isinstance(part, Statement)),
        tuple(part for part in parts if isinstance(part, Question)),
    )
