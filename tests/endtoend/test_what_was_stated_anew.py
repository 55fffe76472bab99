"""What is stated, retracted or taken back after publishing: the public tree agrees in all that it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from phonotheque.editions.audit import Fault
from phonotheque.editions.covering import covered_by
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.editions.withdrawing import Asked, accept, request, reverse
from phonotheque.ledger.files import each_file
from phonotheque.ledger.schema import files
from phonotheque.ledger.statements import record_denial, record_grant, retract, standing_statements
from phonotheque.mirrors.audit import Question, audit
from phonotheque.mirrors.origin import open_origin
from phonotheque.model.rights import Act, Kind, Statement
from phonotheque.rights.grant import checked
from phonotheque.sources.decide import redecide
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, open_archive, timestamp
from tests.conftest import MakeArchive
from tests.tones import flac

DAY = datetime(2026, 11, 20, tzinfo=UTC)
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
RESERVED = checked(Statement(Kind.RESERVATION, None, "a letter", "grant", "Ada", acts=(Act.MINE,)))


@pytest.fixture
def archive(make_archive: MakeArchive, tmp_path: Path) -> Iterator[Archive]:
    """An archive with a track, free in France, and one that is free everywhere, with lyrics beside it."""
    made = make_archive("base", mandate="x")
    create_keys(made.keys)
    path = made.folder / "phonotheque.toml"
    lines = '[publish]\naudiences = ["FR"]\n[mining]\nreserve = "denied"\n'
    path.write_text(path.read_text(encoding="utf-8") + lines, encoding="utf-8")
    made.close()
    made = open_archive(made.folder)
    music = tmp_path / "in"
    flac(music / "here.flac", 1, {"TITLE": "Here", "ARTIST": "The Testers", "ALBUM": "One"})
    flac(music / "all.flac", 2, {"TITLE": "All", "ARTIST": "The Testers", "ALBUM": "Two", "LICENSE": CC0})
    (music / "all.lrc").write_text("[00:01.00]la la la\n[00:02.00]la la\n", encoding="utf-8")
    (music / "all.lrc.license").write_text("SPDX-License-Identifier: CC0-1.0\n", encoding="utf-8")
    add_folder(made, music)
    french = checked(Statement(Kind.LICENCE, "CC0-1.0", "a letter", "grant", "Ada", territory="FR"))
    state(made, "here.flac", french)
    rebuild_catalogue(made, at=DAY)
    yield made
    made.close()


def file_id(archive: Archive, name: str) -> int:
    with archive.ledger.connect() as ledger:
        return next(int(row.id) for row in each_file(ledger) if row.name == name)


def state(archive: Archive, name: str, statement: Statement, days: int = 0) -> None:
    at = timestamp(DAY + timedelta(days=days))
    one = file_id(archive, name)
    record = record_denial if statement.kind is Kind.RESERVATION else record_grant
    with archive.ledger.begin() as ledger:
        record(ledger, [one], statement, at=at)
        redecide(ledger, [one], archive.settings, at=at)


def issue(archive: Archive, days: int) -> dict[str, Any]:
    """Publish; return the edition, of whose tree the audit found nothing to say."""
    at = DAY + timedelta(days=days)
    with archive.writing("test"):
        assert publish(archive, at=at).failures == []
    found: list[Fault] = []
    for country in ("", "FR"):
        audit(open_origin(str(archive.public)), Question(country=country), now=at, on_fault=found.append)
    assert found == []
    edition: dict[str, Any] = json.loads((archive.public / "targets" / "edition.json").read_bytes())
    return edition


def rules(archive: Archive) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((archive.public / ".well-known" / "tdmrep.json").read_bytes())
    return found


def test_a_reservation_that_comes_and_goes_is_said_in_bags_too(archive: Archive) -> None:
    issue(archive, 0)
    state(archive, "all.flac", RESERVED)
    reserved = issue(archive, 1)
    assert any(rule["tdm-reservation"] == 1 for rule in rules(archive))
    one = file_id(archive, "all.flac")
    with archive.ledger.begin() as ledger:
        said = standing_statements(ledger, [one])[one]
        wrong = next(each for each in said if each.kind is Kind.RESERVATION)
        retract(ledger, wrong.id, "it was wrong", at=timestamp(DAY))
        redecide(ledger, [one], archive.settings, at=timestamp(DAY))
    freed = issue(archive, 2)
    assert not any(rule["tdm-reservation"] == 1 for rule in rules(archive))
    assert [len(edition["withdrawals"]) for edition in (reserved, freed)] == [1, 2]


def test_what_is_reserved_in_a_bag_for_some_countries_is_declared_where_it_lies(archive: Archive) -> None:
    state(archive, "here.flac", RESERVED)
    edition = issue(archive, 0)
    (bag,) = (bag["id"] for bag in edition["bags"] if bag["audience"] == "FR")
    reserved = [rule["location"] for rule in rules(archive) if rule["tdm-reservation"] == 1]
    assert [place for place in reserved if bag in place] == [f"/restricted/FR/bags/{bag}/"]


def test_lyrics_are_taken_back_without_their_track_and_reinstated(archive: Archive) -> None:
    before = issue(archive, 0)
    with archive.writing("test"):
        asked = Asked("A Poet", "These words are mine.", ("all.lrc",))
        one = request(archive, asked, covered_by(archive, ["all.lrc"]), at=timestamp(DAY))
        accept(archive, one.id, by="me", note=None, at=timestamp(DAY))
    (stone,) = issue(archive, 1)["tombstones"]
    assert (stone["recording"], stone["reinstated"], len(stone["sha256"])) == (None, None, 1)
    with archive.writing("test"):
        reverse(archive, one.id, by="me", note="They were not.", at=timestamp(DAY + timedelta(days=2)))
    after = issue(archive, 3)
    (stone,) = after["tombstones"]
    assert stone["reinstated"] == timestamp(DAY + timedelta(days=2))
    files = [sum(bag["payload_files"] for bag in e["bags"] if bag["wave"] == 2) for e in (before, after)]
    assert files == [1, 1]


def test_of_two_texts_taken_back_together_one_is_reinstated(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "in" / "all.txt").write_text("Sung in one take.\n", encoding="utf-8")
    (tmp_path / "in" / "all.txt.license").write_text("SPDX-License-Identifier: CC0-1.0\n", encoding="utf-8")
    add_folder(archive, tmp_path / "in")
    rebuild_catalogue(archive, at=DAY)
    issue(archive, 0)
    with archive.writing("test"):
        one, both = (
            request(archive, Asked("A Poet", "They are mine.", n), covered_by(archive, n), at=timestamp(DAY))
            for n in (("all.lrc",), ("all.lrc", "all.txt"))
        )
        accept(archive, both.id, by="me", note=None, at=timestamp(DAY))
    assert [len(stone["sha256"]) for stone in issue(archive, 1)["tombstones"]] == [2]
    back = timestamp(DAY + timedelta(days=2))
    with archive.writing("test"):
        accept(archive, one.id, by="me", note=None, at=back)
        reverse(archive, both.id, by="me", note="They were not.", at=back)
    edition = issue(archive, 4)
    stones = [(len(stone["sha256"]), stone["reinstated"]) for stone in edition["tombstones"]]
    assert stones == [(1, None), (1, back)]
    (still,) = edition["tombstones"][0]["sha256"]
    with archive.ledger.connect() as ledger:
        name = select(files.c.name).where(files.c.sha256 == still)
        assert ledger.execute(name).scalars().all() == ["all.lrc"]


def test_mining_that_is_granted_later_is_said_in_the_bag_too(archive: Archive) -> None:
    acts = (Act.PRESERVE, Act.STREAM, Act.DISTRIBUTE)
    deposit = Statement(Kind.DEPOSIT, None, "an agreement", "grant", "Ada", acts=acts)
    state(archive, "here.flac", checked(deposit))
    issue(archive, 0)
    assert not minable(archive)
    grant = Statement(Kind.DEPOSIT, None, "another agreement", "grant", "Ada", acts=(Act.MINE,))
    state(archive, "here.flac", checked(grant), days=1)
    edition = issue(archive, 2)  # the audit compares what is declared with what the bags say
    assert [one["replaced_by"] is not None for one in edition["withdrawals"]] == [True]
    assert minable(archive)


def minable(archive: Archive) -> bool:
    with (archive.public / "mining" / "minable.csv").open(encoding="utf-8") as table:
        return any("Here" in line for line in table)
