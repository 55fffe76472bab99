"""Exports of a mirror: from its bags alone, the same as from the archive that it follows."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.ledger.bags import all_bags
from phonotheque.ledger.holdings import HoldingState, complete, let_go, want
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.model.settings import MirrorSettings
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.editions.export_music import NOW, ask, run, take_in
from tests.tones import flac

CC = "https://creativecommons.org/licenses/"


@pytest.fixture
def archive_and_mirror(make_archive: MakeArchive, tmp_path: Path) -> tuple[Archive, Archive]:
    archive = make_archive(mandate="Tests keep everything.")
    create_keys(archive.keys)
    for number, licence in enumerate(("by", "by-nc", "by-sa")):
        tags = {"TITLE": f"Song {licence}", "ARTIST": "É", "ALBUM": "Songs", "LICENSE": f"{CC}{licence}/4.0/"}
        flac(tmp_path / "music" / f"{licence}.flac", number, tags)
    take_in(archive, tmp_path / "music")
    publish(archive, at=NOW)
    made = make_archive("mirror")
    following = MirrorSettings(origin=str(archive.folder))
    mirror = Archive(made.folder, replace(made.settings, mirror=following))
    shutil.copytree(archive.bags, mirror.bags)
    with archive.ledger.connect() as ledger:
        bags = all_bags(ledger)
    with mirror.ledger.begin() as ledger:
        for bag in bags:
            want(ledger, bag.id, edition=1, size=bag.bytes)
            complete(ledger, bag.id, at="2026-11-21T00:00:00Z")
    return archive, mirror


def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_a_mirror_exports_what_its_archive_does(
    archive_and_mirror: tuple[Archive, Archive], tmp_path: Path
) -> None:
    archive, mirror = archive_and_mirror
    for purpose, number in (("player", 3), ("training", 2)):
        ours, theirs = tmp_path / f"{purpose}-ours", tmp_path / f"{purpose}-theirs"
        assert run(archive, ours, ask(purpose, "folder")).files == number
        assert run(mirror, theirs, ask(purpose, "folder")).files == number
        told = [
            [(one["path"], one["source_sha256"], one["mining"], one["attribution"]["licences"]) for one in of]
            for of in (manifest(ours), manifest(theirs))
        ]
        assert told[0] == told[1]
    assert run(mirror, tmp_path / "found", ask("player", only="SONG nc")).files == 1
    mirror.close()


def test_a_mirror_exports_nothing_of_a_bag_that_was_taken_back(
    archive_and_mirror: tuple[Archive, Archive], tmp_path: Path
) -> None:
    _, mirror = archive_and_mirror
    music = next(path.name for path in mirror.bags.iterdir() if path.name.endswith("-0001"))
    with mirror.ledger.begin() as ledger:
        let_go(ledger, music, HoldingState.WITHDRAWN)
    assert run(mirror, tmp_path / "out", ask("player")).files == 0
    mirror.close()


def test_bags_that_make_no_sense_are_named(
    archive_and_mirror: tuple[Archive, Archive], tmp_path: Path
) -> None:
    _, mirror = archive_and_mirror
    music = next(path for path in mirror.bags.iterdir() if path.name.endswith("-0001"))
    records = music / "recordings.jsonl"
    lines = records.read_text().splitlines()
    records.chmod(0o644)
    for wrong, why in (
        ("{", "no JSON"),
        ("[]", "no object"),
        (json.dumps({**json.loads(lines[0]), "path": "data/../../up.flac"}), "is refused"),
        (json.dumps({**json.loads(lines[0]), "rights": {}}), "without 'statements'"),
    ):
        records.write_text("\n".join([wrong, *lines[1:]]) + "\n")
        with pytest.raises(VerificationError, match=why):
            run(mirror, tmp_path / "out", ask("player"))
    mirror.close()


def test_a_mirror_that_holds_nothing_says_so(make_archive: MakeArchive, tmp_path: Path) -> None:
    made = make_archive("empty")
    mirror = Archive(made.folder, replace(made.settings, mirror=MirrorSettings(origin="https://example.org")))
    with pytest.raises(NotFoundError, match="no complete bag"):
        run(mirror, tmp_path / "out", ask("player"))
    mirror.close()
