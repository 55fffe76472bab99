"""What tests of audits share: an archive that has published, audits of it, and a tombstone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phonotheque.editions.audit import Fault, What
from phonotheque.editions.edition import Tombstone
from phonotheque.editions.trust import create_keys
from phonotheque.mirrors.audit import Audit, Question, audit
from phonotheque.mirrors.origin import open_origin
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from tests.mirrors.forging import Record, bag_of, change_lines, reseal
from tests.tones import flac

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
LATER = datetime(2026, 12, 1, tzinfo=UTC)
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
BY_NC = "https://creativecommons.org/licenses/by-nc/4.0/"


JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc0000b080001000101011100ffc40014000100000000"
    "00000000000000000000000000ffc40014100100000000000000000000000000000000ffda0008010100003f0037ffd9"
)


def fill(archive: Archive, music: Path) -> None:
    create_keys(archive.keys)
    for number, licence in enumerate((CC0, BY_NC, None)):
        tags = {"TITLE": f"Tone {number}", "ARTIST": "The Testers", "ALBUM": "Tones"}
        flac(music / f"{number}.flac", number, tags | ({"LICENSE": licence} if licence else {}))
    (music / "cover.jpg").write_bytes(JPEG)
    (music / "cover.jpg.license").write_text("SPDX-License-Identifier: CC0-1.0\n")
    add_folder(archive, music)
    rebuild_catalogue(archive, at=NOW)


def audited(where: Archive | Path | str, now: datetime = NOW, **asked: Any) -> tuple[Audit, list[Fault]]:
    found: list[Fault] = []
    place = str(where.folder if isinstance(where, Archive) else where)
    result = audit(open_origin(place), Question(**asked), now=now, on_fault=found.append)
    return result, found


def kinds(where: Archive | Path | str, **asked: Any) -> set[What]:
    result, found = audited(where, **asked)
    assert sum(result.faults.values()) == len(found)
    return {fault.what for fault in found}


def stone(record: Record, **changes: Any) -> Tombstone:
    made = Tombstone(
        id="7f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d",
        recording=record["recording"],
        sha256=(),
        territory="WORLD",
        date="2026-11-20T00:00:00Z",
        reason="the artist asked for it",
        reinstated=None,
    )
    return replace(made, **changes)


def statements(record: Record) -> list[Record]:
    listed: list[Record] = record["rights"]["statements"]
    return listed


def narrow(archive: Archive) -> None:
    """Let every statement of the music speak for two countries only, and the decisions say so."""

    def change(record: Record) -> None:
        for statement in statements(record):
            statement["territory"] = "DE FR"
        for decision in record["rights"]["decisions"].values():
            decision["territory"] = "DE FR"

    change_lines(archive, bag_of(archive, 1).id, change)
    reseal(archive, bag_of(archive, 1).id)
    artwork = f"/bags/{bag_of(archive, 2).id}/data/*"
    rules = [{"location": artwork, "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]
    (archive.public / ".well-known" / "tdmrep.json").write_text(json.dumps(rules))
