"""phono audit and phono verify-claim, as somebody sees them: what is said, where, with which code."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from tests.cli.conftest import Phono
from tests.mirrors.forging import bag_of, change_lines, edition_of, reseal, sign, writable
from tests.tones import flac

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
CODE = "ZZPHN2400001"


@pytest.fixture
def published(archive: Archive, tmp_path: Path) -> Archive:
    create_keys(archive.keys)
    tags = {"TITLE": "One \x1b[31m[b]", "ARTIST": "The Testers", "ISRC": CODE, "LICENSE": CC0}
    flac(tmp_path / "in" / "1.flac", 1, tags, seconds=20)
    add_folder(archive, tmp_path / "in")
    rebuild_catalogue(archive, at=NOW)
    publish(archive, at=NOW)
    return archive


def test_an_audit_says_what_it_found_and_ends_with_a_code(published: Archive, phono: Phono) -> None:
    clean = phono("audit", published.folder, "--bytes")
    assert clean.code == 0
    assert "each has a basis on 2026-11-21, where each bag may be had." in clean.out
    assert "Fingerprint of its root: " in clean.err
    told = phono("audit", published.folder, "--json").data
    assert (told["clean"], told["found"], told["number"]) == (True, [], 1)
    assert phono("audit", published.folder, "--trust", "0" * 64).code == 4
    assert phono("audit", published.folder, "--trust", told["fingerprint"]).code == 0

    bag = bag_of(published, 1).id
    music = next((writable(published, bag) / "data").rglob("*.flac"))
    whole = music.read_bytes()
    music.write_bytes(whole[:-1])
    damaged = phono("audit", published.folder)
    assert damaged.code == 4
    assert f"damaged: {bag}/" in damaged.out
    music.write_bytes(whole)

    change_lines(published, bag, lambda record: record["rights"]["statements"][0].update(licence="Mine-1.0"))
    reseal(published, bag)
    sign(published, NOW)
    wrong = phono("audit", published.folder)
    assert wrong.code == 6
    assert f"no-basis: {bag}/data/The Testers/" in wrong.out
    assert "may not be distributed in WORLD on 2026-11-21" in wrong.out
    told = phono("audit", published.folder, "--json").data
    assert (told["clean"], {fault["what"] for fault in told["found"]}) == (
        False,
        {"no-basis", "decision", "mining"},
    )
    assert sum(told["faults"].values()) == len(told["found"])


def test_a_name_that_is_no_text_stops_no_audit(published: Archive, phono: Phono) -> None:
    bag = bag_of(published, 1).id
    with (writable(published, bag) / "recordings.jsonl").open("a") as lines:
        lines.write('{"path": "data/\\udc80.flac"}\n')
    reseal(published, bag)
    sign(published, NOW)
    told = phono("audit", published.folder, "--json")
    assert told.code == 6
    assert "data/\udc80.flac" in {fault["path"] for fault in told.data["found"]}
    assert phono("audit", published.folder).code == 6


def test_what_cannot_be_audited_is_said_clearly(published: Archive, phono: Phono, tmp_path: Path) -> None:
    assert phono("audit", tmp_path / "nowhere").code == 3
    for options, named in (
        (("--on", "tomorrow"), "--on tomorrow"),
        (("--in", "ATLANTIS"), "--in ATLANTIS"),
        (("--bytes", "--claims-only"), "--bytes"),
    ):
        refused = phono("audit", published.folder, *options)
        assert (refused.code, named in refused.err, refused.out) == (2, True, "")
    assert edition_of(published).number == 1
    assert phono("audit", "http://127.0.0.1:1/", "--json").code == 5


def test_a_claim_is_verified_in_words_and_in_fields(published: Archive, phono: Phono, tmp_path: Path) -> None:
    known = phono("verify-claim", published.folder, CODE)
    assert known.code == 0
    assert "that is no proof of ownership" in known.out
    data = phono("verify-claim", published.folder, tmp_path / "in" / "1.flac", "--json").data
    assert (data["known"], data["answer"], data["isrcs"]) == (True, "bytes", [CODE])
    assert data["files"][0]["statements"][0]["statement"]["licence"] == "CC0-1.0"
    assert "ce n’est pas un titre" in phono("verify-claim", published.folder, CODE, "--language", "fr").out
    unknown = phono("verify-claim", published.folder, "FRXXX0000001")
    assert (unknown.code, "Nothing is known here" in unknown.out) == (3, True)
    neither = phono("verify-claim", published.folder, "no code")
    assert (neither.code, "neither a file nor an ISRC" in neither.err) == (3, True)
