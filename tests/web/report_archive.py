"""Archives for the tests of reports: written with the rooms' own functions, without any audio."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import Connection, select

from phonotheque.ledger.bags import (
    BagFileRecord,
    BagRecord,
    EditionRecord,
    record_bag,
    record_edition,
)
from phonotheque.ledger.files import (
    Sighting,
    finish_accession,
    record_file,
    record_sighting,
    start_accession,
)
from phonotheque.ledger.schema import files
from phonotheque.ledger.statements import record_evidence, save_decisions, standing_statements
from phonotheque.model.audio import AudioFacts, Integrity, Tags, Technical
from phonotheque.model.rights import Evidence, Kind, Question, Statement
from phonotheque.model.settings import ArchiveSettings, PublishSettings, Settings
from phonotheque.rights.decide import decide_everywhere
from phonotheque.vault.archive import Archive
from tests.catalogue.catalogue_facts import listens, track, write

AT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
WHEN = "2026-11-21T10:00:00Z"
INFOHASH_V1, INFOHASH_V2 = "1" * 40, "2" * 64
HOSTILE = "<script>alert('x')</script>]]></svg></style>\u202e&quot;"
CC_BY = "CC-BY-4.0"


def empty_archive(folder: Path, name: str = "Tests & more") -> Archive:
    """An archive as `phono init` leaves it."""
    folder.mkdir()
    return Archive(folder, Settings(archive=ArchiveSettings("0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c", name)))


def small_archive(folder: Path, name: str = "Tests & more", title: str = "Song") -> Archive:
    """Six masters of five recordings, one refusal, one question, one bag, one edition, listens counted.

    ``title`` goes into every text that others may write.
    """
    settings = Settings(
        archive=ArchiveSettings("0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c", name),
        publish=PublishSettings(
            "https://example.org/music/", trackers=("udp://tracker.example:6969/announce",)
        ),
    )
    folder.mkdir()
    archive = Archive(folder, settings)
    with archive.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/music", agent="tests", at=WHEN)
        masters = [_master(ledger, accession, number, title) for number in range(6)]
        finish_accession(ledger, accession, at=WHEN)
        _state_rights(ledger, masters, title)
        refuse(ledger, accession, f"/music/locked {title}.m4p", f"protected: {title}")
    write(
        archive.catalogue,
        [_track(number, title) for number in range(6)],
        listened=_listens(title),
        made_at=AT,
    )
    publish_first(archive, masters[0])
    return archive


def refuse(ledger: Connection, accession: str, path: str, reason: str) -> None:
    """Record that a file was not taken in."""
    sighting = Sighting(path.encode(), "1", "2", 3, 4, "0" * 64, "drm", reason)
    record_sighting(ledger, sighting, accession=accession, at=WHEN)


def publish_first(archive: Archive, file_id: int) -> None:
    """Record a bag with the most listened recording, and the edition that lists it."""
    table = pq.read_table(archive.catalogue / "2026-11-21T101500Z" / "recordings.parquet")
    recording = table["id"][0].as_py()
    with archive.ledger.begin() as ledger:
        record_bag(
            ledger,
            BagRecord(
                id="tests-0001-0001",
                edition=1,
                wave=1,
                audience="WORLD",
                bytes=1_100_000,
                files=6,
                payload_bytes=1_000_000,
                payload_files=1,
                recordings=1,
                listens=900,
                tagmanifest_sha256="0" * 64,
                torrent_size=1000,
                torrent_sha256="0" * 64,
                infohash_v1=INFOHASH_V1,
                infohash_v2=INFOHASH_V2,
                sealed_at=WHEN,
            ),
            [BagFileRecord("data/a.flac", 1_000_000, "0" * 64, "0" * 64, 0, 4, file_id, recording)],
        )
        record_edition(ledger, EditionRecord(1, "2026-11-21T10:15:00Z", "2026-11-21T101500Z", "0" * 64, WHEN))


def _master(ledger: Connection, accession: str, number: int, title: str) -> int:
    """Masters 0 and 1 are one recording in FLAC and MP3; the others stand alone, 5 damaged."""
    lossless = number % 2 == 0
    which = max(number, 1)
    technical = Technical(
        container="flac" if lossless else "mp3",
        codec="flac" if lossless else "mp3",
        duration=1000.0 if number == 4 else 100.0 + 40 * which,
        sample_rate=44100,
        channels=2,
        bit_rate=800_000,
        lossless=lossless,
    )
    tags = Tags(
        title=f"{title} {which}",
        artists=(f"Artist {title}",),
        date=None if number == 3 else f"{1960 + 10 * which}",
        isrcs=(f"FRZ03980021{which}",) if number != 5 else ("FRZ039800214",),
    )
    facts = AudioFacts(
        sha256=hashlib.sha256(bytes([number])).hexdigest(),
        size=(number + 1) * 1_000_000,
        pcm_sha256=hashlib.sha256(bytes([which, 0])).hexdigest(),
        technical=technical,
        fingerprint=b"",
        loudness=None if number == 2 else -14.0 - number,
        integrity=Integrity.DAMAGED if number == 5 else Integrity.INTACT if lossless else Integrity.DECODES,
        tags=tags,
    )
    name = f"{number} {title}.flac"
    record_file(ledger, facts, kind="master", held=True, accession=accession, name=name, at=WHEN)
    return int(ledger.execute(select(files.c.id).where(files.c.sha256 == facts.sha256)).scalar_one())


def _state_rights(ledger: Connection, masters: list[int], title: str) -> None:
    """The first three files are CC BY, the fourth has a made-up licence and a question, others nothing."""
    free = Statement(Kind.LICENCE, CC_BY, "CC BY 4.0", "tag:LICENSE", "tests")
    odd = Statement(Kind.LICENCE, f"X-{title}"[:64], title, f"sidecar:{title}", "tests")
    asked = Question(f"Two versions are named: {title}", (CC_BY, f"X {title}"), title, "sidecar:a.txt")
    for file_id in masters[:3]:
        record_evidence(ledger, file_id, Evidence((free,)), found_at=b"/music", at=WHEN)
    record_evidence(ledger, masters[3], Evidence((odd,), (asked,)), found_at=b"/music", at=WHEN)
    standing = standing_statements(ledger, masters)
    decided = {
        file_id: decide_everywhere(statements, on=AT.date()) for file_id, statements in standing.items()
    }
    save_decisions(ledger, decided, at=WHEN)


def _track(number: int, title: str) -> dict[str, Any]:
    """What the catalogue is told of such a master."""
    which = max(number, 1)
    return track(
        f"{number}",
        title=f"{title} {which}",
        artists=[f"Artist {title}"],
        date=None if number == 3 else f"{1960 + 10 * which}",
        isrcs=[f"FRZ03980021{which}"] if number != 5 else ["FRZ039800214"],
        duration_ms=1_000_000 if number == 4 else 1000 * (100 + 40 * which),
        file_sha256=hashlib.sha256(bytes([number])).hexdigest(),
        pcm_sha256=hashlib.sha256(bytes([which, 0])).hexdigest(),
    )


def _listens(title: str) -> list[dict[str, Any]]:
    return [
        listens(times, isrc=f"FRZ03980021{which}", source=f"plays {title}")
        for which, times in ((1, 900), (2, 90), (3, 10))
    ]
