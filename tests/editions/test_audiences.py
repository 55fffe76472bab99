"""Bags for whom they may be shared with: everybody, or people in territories that the settings name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from phonotheque.editions.audiences import audience_for, audiences_of
from phonotheque.editions.edition import Edition, read_edition
from phonotheque.editions.publish import publish
from phonotheque.editions.torrent import read_torrent
from phonotheque.editions.trust import create_keys
from phonotheque.ledger.files import each_file
from phonotheque.ledger.statements import record_grant
from phonotheque.model.errors import UsageError
from phonotheque.model.rights import Act, Kind, Statement
from phonotheque.model.settings import Layer, parse_settings
from phonotheque.model.territory import NOWHERE, WORLD, parse_territory
from phonotheque.sources.decide import redecide
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, open_archive, timestamp
from tests.conftest import MakeArchive
from tests.tones import flac

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
LATER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def archive(make_archive: MakeArchive, tmp_path: Path) -> Archive:
    """An archive that publishes for the EU and for France, too, with three recordings without a basis."""
    plain = make_archive(mandate="Tests keep everything.")
    create_keys(plain.keys)
    settings = plain.folder / "phonotheque.toml"
    settings.write_text(settings.read_text() + '[publish]\naudiences = ["FR", "EU"]\n')
    archive = open_archive(plain.folder)
    for number, name in enumerate(("one", "two", "three"), start=1):
        flac(tmp_path / "in" / f"{name}.flac", number, {"TITLE": name, "ARTIST": "The Testers"})
    add_folder(archive, tmp_path / "in")
    rebuild_catalogue(archive, at=NOW)
    return archive


def allow(archive: Archive, name: str, territory: str, *, until: str | None = None) -> None:
    """Record an agreement for one file, and decide anew."""
    said = Statement(
        Kind.DEPOSIT, None, "an agreement", "grant", "a label", territory=territory, valid_until=until,
        acts=(Act.STREAM, Act.DISTRIBUTE),
    )  # fmt: skip
    with archive.ledger.begin() as ledger:
        ids = [row.id for row in each_file(ledger) if row.name == name]
        record_grant(ledger, ids, said, at=timestamp(NOW))
        redecide(ledger, ids, archive.settings, at=timestamp(NOW))


def edition(archive: Archive) -> Edition:
    return read_edition((archive.public / "targets" / "edition.json").read_bytes())


def titles(archive: Archive) -> dict[str, list[str]]:
    """What is published, by audience, as the public tree shows it."""
    found: dict[str, list[str]] = {}
    for bag in edition(archive).bags:
        if bag.wave == 1:
            lines = (archive.bags / bag.id / "recordings.jsonl").read_text().splitlines()
            found.setdefault(bag.audience, []).extend(sorted(json.loads(line)["title"] for line in lines))
    return found


def test_each_file_goes_to_the_most_people_who_may_have_it(archive: Archive) -> None:
    allow(archive, "one.flac", "WORLD")
    allow(archive, "two.flac", "EU US")
    allow(archive, "three.flac", "FR DE")
    publish(archive, at=NOW)
    assert titles(archive) == {"WORLD": ["one"], "EU": ["two"], "FR": ["three"]}
    for bag in edition(archive).bags:
        meta = read_torrent((archive.public / "targets" / bag.torrent.path).read_bytes())
        assert meta.private == (bag.audience != "WORLD")
    assert {path.name for path in (archive.public / "restricted").iterdir()} == {"EU", "FR"}
    everybody = {bag.id for bag in edition(archive).bags if bag.audience == "WORLD"}
    assert {path.name for path in (archive.public / "bags").iterdir()} == everybody


def test_what_no_listed_audience_may_have_stays_here(archive: Archive) -> None:
    allow(archive, "one.flac", "US")
    publish(archive, at=NOW)
    assert titles(archive) == {}


def test_an_agreement_that_ends_takes_its_file_out(archive: Archive) -> None:
    # Far ahead: whoever publishes decides first on what has ended on the day it really is.
    allow(archive, "one.flac", "WORLD", until="2099-11-25")
    allow(archive, "two.flac", "WORLD")
    publish(archive, at=NOW)
    result = publish(archive, at=datetime(2099, 12, 1, tzinfo=UTC))
    assert titles(archive) == {"WORLD": ["two"]}
    (revised,) = result.revised
    assert revised.reason == "no longer allowed to be shared here"
    assert edition(archive).tombstones == ()


def test_what_more_people_may_have_goes_into_a_bag_for_them(archive: Archive) -> None:
    allow(archive, "one.flac", "FR")
    allow(archive, "two.flac", "FR")
    publish(archive, at=NOW)
    allow(archive, "one.flac", "EU")
    result = publish(archive, at=LATER)
    assert titles(archive) == {"EU": ["one"], "FR": ["two"]}
    (revised,) = result.revised
    assert revised.reason == "now allowed to be shared more widely"
    allow(archive, "one.flac", "WORLD")
    publish(archive, at=datetime(2026, 12, 24, tzinfo=UTC))
    assert titles(archive) == {"WORLD": ["one"], "FR": ["two"]}


def test_the_largest_audience_comes_first() -> None:
    settings = parse_settings(Layer("a test", {"publish": {"audiences": ["FR", "WORLD -US", "EU", "DE+FR"]}}))
    audiences = audiences_of(settings)
    assert [str(audience) for audience in audiences] == ["WORLD", "WORLD -US", "EU", "DE FR", "FR"]
    assert audience_for(parse_territory("EU JP"), audiences) == parse_territory("EU")
    assert audience_for(WORLD, audiences) == WORLD
    assert audience_for(NOWHERE, audiences) is None


@pytest.mark.parametrize("text", ["", "Germany", "XX"])
def test_an_audience_that_is_no_territory_is_refused(text: str) -> None:
    settings = parse_settings(Layer("a test", {"publish": {"audiences": [text]}}))
    with pytest.raises(UsageError, match=r"\[publish\] audiences"):
        audiences_of(settings)
