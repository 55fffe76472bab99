"""What may be mined: every declaration says the same, and none frees what no basis frees."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.views import RecordingView
from phonotheque.editions import tdmrep
from phonotheque.editions.declaring import declare
from phonotheque.editions.edition import Edition, read_edition
from phonotheque.editions.jsonld import recording_jsonld
from phonotheque.editions.mining import declared
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.ledger.schema import files, rights_statements
from phonotheque.ledger.statements import record_grant, save_decisions, standing_statements
from phonotheque.model.rights import Act, Answer, Covers, Kind, Statement
from phonotheque.model.settings import MiningSettings
from phonotheque.rights.decide import decide, decide_everywhere
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.editions.tdm_agent import reserved
from tests.tones import flac

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
TODAY = NOW.date()
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
TRACKS = 5


def stated(kind: Kind, licence: str | None = None, **more: object) -> Statement:
    plain = Statement(kind, licence, "a letter", "grant", "the archivist")
    return replace(plain, **more)  # type: ignore[arg-type]


POOL = (
    stated(Kind.LICENCE, "CC0-1.0"),
    stated(Kind.LICENCE, "CC-BY-4.0"),
    stated(Kind.LICENCE, "CC-BY-4.0", covers=Covers.RECORDING),
    stated(Kind.LICENCE, "CC-BY-NC-4.0"),
    stated(Kind.LICENCE, "CC-BY-SA-3.0", territory="FR"),
    stated(Kind.LICENCE, "CC-BY-4.0 OR GPL-2.0-or-later"),
    stated(Kind.PUBLIC_DOMAIN, covers=Covers.COMPOSITION),
    stated(Kind.DEPOSIT, acts=(Act.PRESERVE, Act.DISTRIBUTE, Act.MINE)),
    stated(Kind.DEPOSIT, acts=(Act.MINE,), valid_until="2026-11-20"),
    stated(Kind.DEPOSIT, acts=(Act.MINE,), valid_from="2026-11-22"),
    stated(Kind.RESERVATION, acts=(Act.MINE,)),
    stated(Kind.RESERVATION, acts=(Act.MINE,), territory="DE"),
    stated(Kind.RESERVATION, acts=(Act.MINE,), valid_until="2026-11-20"),
    stated(Kind.WITHDRAWAL, acts=tuple(Act)),
    stated(Kind.MANDATE),
)


@pytest.fixture
def published(make_archive: MakeArchive, tmp_path: Path) -> Archive:
    archive = make_archive(mandate="Tests keep everything.")
    create_keys(archive.keys)
    for number in range(TRACKS):
        tags = {"TITLE": f"Note {number} 100%", "ARTIST": "É", "ALBUM": f"Notes {number % 2}", "LICENSE": CC0}
        flac(tmp_path / "music" / f"{number}.flac", number, tags)
    add_folder(archive, tmp_path / "music")
    rebuild_catalogue(archive, at=NOW)
    publish(archive, at=NOW)
    return archive


def edition(archive: Archive) -> Edition:
    return read_edition((archive.public / "targets" / "edition.json").read_bytes())


def state(archive: Archive, statements: Sequence[Sequence[Statement]], decided_on: date = TODAY) -> list[int]:
    """Make these the statements that stand, file by file; return the files' ids in order."""
    with archive.ledger.begin() as ledger:
        ids = list(ledger.execute(select(files.c.id).order_by(files.c.name)).scalars())
        ledger.execute(update(rights_statements).values(withdrawn_at="2026-11-21T00:00:00Z"))
        for file_id, of_file in zip(ids, statements, strict=True):
            for statement in of_file:
                record_grant(ledger, [file_id], statement, at="2026-11-21T00:00:00Z")
        standing = standing_statements(ledger, ids)
        decided = {file_id: decide_everywhere(standing[file_id], on=decided_on) for file_id in ids}
        save_decisions(ledger, decided, at="2026-11-21T00:00:00Z")
    return ids


def table(archive: Archive) -> dict[str, dict[str, str]]:
    with (archive.public / "mining" / "minable.csv").open(newline="", encoding="utf-8") as stream:
        return {row["sha256"]: row for row in csv.DictReader(stream)}


def paths(archive: Archive) -> dict[str, tuple[str, str]]:
    """Where each file is published, by its SHA-256: bag and path."""
    found = {}
    for bag in archive.bags.glob("*-0001*"):
        for line in (bag / "recordings.jsonl").read_text().splitlines():
            found[json.loads(line)["sha256"]] = (bag.name, json.loads(line)["path"])
    return found


def in_jsonld(archive: Archive, sha256: str) -> bool | None:
    """What the recording's JSON-LD says of its one published file."""
    with Catalogue.open(archive.catalogue) as catalogue, archive.ledger.connect() as ledger:
        view = catalogue.show(sha256)
        assert isinstance(view, RecordingView)
        (file,) = recording_jsonld(ledger, archive.settings, view, TODAY)["encoding"]
    assert file["sha256"] == sha256
    return bool(file["tdm:reservation"]) if "tdm:reservation" in file else None


def hashes(archive: Archive, ids: Sequence[int]) -> list[str]:
    with archive.ledger.connect() as ledger:
        known = {row.id: row.sha256 for row in ledger.execute(select(files))}
    return [known[file_id] for file_id in ids]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.sampled_from(POOL), max_size=4), min_size=TRACKS, max_size=TRACKS),
    st.sampled_from(["unknown", "denied"]),
)
def test_all_declarations_agree(published: Archive, statements: list[list[Statement]], reserve: str) -> None:
    archive = Archive(published.folder, replace(published.settings, mining=MiningSettings(reserve)))
    ids = state(archive, statements)
    declare(archive, edition(archive), TODAY)
    free, where = table(archive), paths(archive)
    rules = (archive.public / ".well-known" / "tdmrep.json").read_bytes()
    for of_file, sha256 in zip(statements, hashes(archive, ids), strict=True):
        answer = decide(of_file, Act.MINE, on=TODAY).answer
        bag, path = where[sha256]
        assert in_jsonld(archive, sha256) is declared(answer, reserve)
        assert reserved(rules, bag, path) is declared(answer, reserve)
        assert (sha256 in free) == (answer is Answer.YES)
        if sha256 in free:
            assert unquote(free[sha256]["url"]) == f"bags/{bag}/{path}"
            assert (archive.public / unquote(free[sha256]["url"])).stat().st_size == int(free[sha256]["size"])
            licences = set(free[sha256]["licences"].split("; ")) - {""}
            assert licences <= {one.licence for one in of_file}
    described = json.loads((archive.public / "mining" / "croissant.json").read_text())
    (listed,) = described["distribution"]
    content = (archive.public / "mining" / "minable.csv").read_bytes()
    assert listed["sha256"] == hashlib.sha256(content).hexdigest()
    assert listed["contentSize"] == f"{len(content)} B"
    archive.close()


def test_a_deal_that_has_ended_frees_nothing_though_nobody_has_decided_since(published: Archive) -> None:
    deal = stated(Kind.DEPOSIT, acts=(Act.MINE,), valid_until="2026-11-20")
    ids = state(published, [[deal]] * TRACKS, decided_on=date(2026, 11, 1))
    declare(published, edition(published), date(2026, 11, 20))
    assert set(table(published)) == set(hashes(published, ids))
    declare(published, edition(published), TODAY)
    assert table(published) == {}


def test_a_reservation_holds_with_the_next_publish_which_says_it_in_the_bag(published: Archive) -> None:
    assert len(table(published)) == TRACKS
    reservation = stated(Kind.RESERVATION, acts=(Act.MINE,))
    licence = stated(Kind.LICENCE, "CC0-1.0")
    ids = state(published, [[licence, reservation], *[[licence]] * (TRACKS - 1)])
    (revised,) = publish(published, at=NOW).revised
    assert (revised.left, revised.reason) == (0, "what is said of its rights was corrected")
    first, *others = hashes(published, ids)
    assert set(table(published)) == set(others)
    bag, path = paths(published)[first]
    assert reserved((published.public / ".well-known" / "tdmrep.json").read_bytes(), bag, path) is True


def test_what_is_for_people_in_some_countries_is_free_where_mining_is_allowed_there(
    published: Archive,
) -> None:
    state(published, [[stated(Kind.LICENCE, "CC-BY-4.0", territory="FR CH")]] * TRACKS)
    current = edition(published)
    for audience, expected in (("CH FR", TRACKS), ("DE FR", 0), ("WORLD", 0)):
        bags = tuple(replace(bag, audience=audience) for bag in current.bags)
        declare(published, replace(current, bags=bags), TODAY)
        assert len(table(published)) == expected


def test_croissant_names_the_licences_and_where_the_table_is(
    published: Archive,
) -> None:
    state(published, [[stated(Kind.LICENCE, "CC-BY-4.0")]] * TRACKS)
    site = replace(published.settings.publish, url="https://music.example.org/archive")
    mining = MiningSettings(policy="https://music.example.org/ask")
    archive = Archive(published.folder, replace(published.settings, publish=site, mining=mining))
    declare(archive, edition(archive), TODAY)
    described = json.loads((archive.public / "mining" / "croissant.json").read_text())
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert described["license"] == ["https://creativecommons.org/licenses/by/4.0/"]
    assert described["usageInfo"] == "https://music.example.org/ask"
    (listed,) = described["distribution"]
    assert listed["contentUrl"] == "https://music.example.org/archive/mining/minable.csv"
    rows = list(table(archive).values())
    assert all(row["url"].startswith("https://music.example.org/archive/bags/") for row in rows)
    columns = {field["source"]["extract"]["column"] for field in described["recordSet"][0]["field"]}
    assert columns == set(rows[0])
    archive.close()


def test_what_is_reserved_for_want_of_rules_is_not_listed_as_free(
    published: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = stated(Kind.LICENCE, "CC0-1.0")
    state(published, [[free], [], [free], [], []])
    declare(published, edition(published), TODAY)
    assert len(table(published)) == 2
    monkeypatch.setattr(tdmrep, "MAX_RULES", 1)
    assert declare(published, edition(published), TODAY).simplified == 2
    assert table(published) == {}
