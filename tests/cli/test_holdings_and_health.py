"""What an archivist is told of mirrors and copies, and with which exit code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from phonotheque.editions.publish import PublishResult
from phonotheque.ledger.bags import all_bags, record_bag
from phonotheque.ledger.former_bags import take_back
from phonotheque.ledger.proofs import Outcome
from phonotheque.ledger.schema import bags
from phonotheque.mirrors.copies import COPIES, read_copies
from phonotheque.vault.archive import Archive, now, timestamp
from tests.cli.conftest import Phono
from tests.ledger.ledger_facts import BAG
from tests.mirrors.reported import FILE, Somebody, publishing

A, B, C = (Somebody(name) for name in "abc")


@pytest.fixture
def archive(archive: Archive) -> Archive:
    return publishing(archive)


def test_a_bag_that_is_at_risk_is_told_and_makes_the_exit_code_four(archive: Archive, phono: Phono) -> None:
    told = phono("health", archive.folder)
    assert told.code == 4
    assert "3 bags of edition 1; 0 mirrors, 0 of them heard of in the last 30 days" in told.out
    assert "Claimed copies, which nobody verified:  none: 3" in told.out
    assert "At risk: 3 bags (6.0 kB) with fewer than 3 proven copies" in told.out
    assert "bag-1  1.0 kB: 0 proven, 0 claimed" in told.out
    for mirror in (A, B, C):
        mirror.tells(archive, at=now())
        mirror.proves(archive, "bag-1", "bag-2", at=now())
    told = phono("health", archive.folder)
    assert told.code == 4
    assert "Proven copies, in the last 90 days:  none: 1, 3 or more: 2" in told.out
    assert "bag-3  3.0 kB: 0 proven, 3 claimed" in told.out
    assert phono("health", archive.folder, "--bag", "bag-1").code == 0
    for mirror in (A, B, C):
        mirror.proves(archive, "bag-3", at=now())
    told = phono("health", archive.folder)
    assert (told.code, "Every bag has at least 3 proven copies." in told.out) == (0, True)


def test_one_bag_with_its_history(archive: Archive, phono: Phono) -> None:
    A.tells(archive, ["bag-1"], at=now(), name="Attic\u202e")
    B.proves(archive, "bag-1", at=now())
    told = phono("health", archive.folder, "--bag", "bag-1")
    assert told.code == 4
    assert "Proven 1, claimed 1; 3 proven are wanted" in told.out
    assert "claims it: Attic�" in told.out
    assert "as it says" in told.out
    assert "proved on" in told.out
    data = phono("health", archive.folder, "--bag", "bag-1", "--json").data
    assert [day["claimed"] for day in data["over_time"]] == [1]
    assert [one["mirror"] for one in data["claimed_by"]] == [A.id]
    assert phono("health", archive.folder, "--bag", "none").code == 3


def test_what_cannot_be_asked(archive: Archive, phono: Phono, tmp_path: Path) -> None:
    assert phono("health", archive.folder, "--scrape").code == 2
    assert phono("health", tmp_path / "nothing").code == 3
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "phonotheque.toml").write_text('[mirror]\norigin = "https://example.org"\n')
    for words in (("health",), ("holdings",), ("holdings", "add")):
        refused = phono(*words, mirror, *(["x"] if "add" in words else []))
        assert (refused.code, "is a mirror" in refused.err) == (2, True)
    refused = phono("holdings", "export", archive.folder)
    assert (refused.code, "reports to nobody" in refused.err) == (2, True)


def test_while_somebody_changes_the_archive_it_is_counted_and_not_kept(
    archive: Archive, phono: Phono
) -> None:
    A.tells(archive, at=now())
    with archive.writing("add"):
        told = phono("health", archive.folder, "--json")
    assert "This count is not kept." in told.err
    assert {bag["claimed"] for bag in told.data["bags"]} == {1}
    assert not (archive.public / "copies.json").exists()


def test_a_tracker_that_fails_is_named_and_the_rest_goes_on(archive: Archive, phono: Phono) -> None:
    with (archive.folder / "phonotheque.toml").open("a") as settings:
        settings.write('[publish]\ntrackers = ["udp://127.0.0.1:1/announce"]\n')
    told = phono("health", archive.folder, "--scrape", "--json")
    assert told.code == 4
    (failed,) = told.data["trackers_failed"]
    assert "did not answer" in failed["reason"]
    assert {bag["seeders_claimed_by_trackers"] for bag in told.data["bags"]} == {None}


def test_mirrors_are_listed_with_what_they_say(archive: Archive, phono: Phono) -> None:
    assert "No mirror has reported yet" in phono("holdings", archive.folder).out
    A.tells(archive, ["bag-1", "odd"], at=now(), name="Attic", country="FR", web="https://attic.example.org/")
    B.proves(archive, "bag-2", at=now())
    told = phono("holdings", archive.folder).out
    assert f"Attic in FR  ({A.id})" in told
    assert "claims 1 whole bag, 1.0 kB, every byte verified since" in told
    assert "and 1 bag that are none of this archive's" in told
    assert "says it is at https://attic.example.org/" in told
    assert f"A mirror  ({B.id})\n  has never reported" in told
    data = phono("holdings", archive.folder, "--json").data["mirrors"]
    assert [(one["claims"]["bags"], len(one["changes"]), len(one["proofs"])) for one in data] == [
        (1, 1, 0),
        (0, 0, 1),
    ]
    one = phono("holdings", archive.folder, "--mirror", B.id).out
    assert "proved: bag-2, at b.example.org:6881" in one
    assert phono("holdings", archive.folder, "--mirror", C.id).code == 3


def test_a_list_of_many_mirrors_reads_bags_and_proofs_once(
    archive: Archive, phono: Phono, monkeypatch: pytest.MonkeyPatch
) -> None:
    A.proves(archive, "bag-1", at=now())
    A.proves(archive, "bag-2", at=now(), outcome=Outcome.FAILED)

    def read(*_all: object) -> None:
        raise AssertionError("read for each mirror")

    for name in ("proofs_of_mirror", "changes_of"):
        monkeypatch.setattr(f"phonotheque.cli.holdings.{name}", read)
    B.tells(archive, at=now())
    told = phono("holdings", archive.folder)
    assert told.code == 0, told.err
    assert f"proved 1 time of 2 that it has what was asked, the last on {timestamp(now())[:10]}" in told.out
    assert "proved 0 times of 0 that it has what was asked\n" in told.out


def test_who_says_that_it_has_what_it_should_not_is_named(archive: Archive, phono: Phono) -> None:
    for mirror, country in ((A, "FR"), (B, "DE"), (C, None)):
        mirror.tells(archive, at=now(), country=country)
    with archive.ledger.begin() as ledger:
        ledger.execute(update(bags).where(bags.c.id == "bag-1").values(audience="FR"))
        for bag in all_bags(ledger):
            if bag.id != "bag-1":  # of what goes in edition 2 they have not heard yet
                edition = int(bag.id[-1]) - 1
                take_back(ledger, bag, {}, edition=edition, at=timestamp(now()), reason="", replaced_by=None)
    told = {one["id"]: one for one in phono("holdings", archive.folder, "--json").data["mirrors"]}
    assert [told[one.id]["claims_and_should_not_have"]["not_for_there"] for one in (A, B, C)] == [
        [],
        ["bag-1"],
        ["bag-1"],
    ]
    assert {tuple(one["claims_and_should_not_have"]["taken_back"]) for one in told.values()} == {("bag-2",)}
    text = phono("holdings", archive.folder, "--mirror", B.id).out
    assert "says that it has what was taken back in the edition that it follows: bag-2" in text
    assert "says that it has what is not for people where it says it is: bag-1" in text


def test_files_are_taken_in_and_the_bad_ones_named(archive: Archive, phono: Phono, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(A.report(at=now()) + b"\n")
    bad.write_bytes(A.report(at=now())[:-9])
    told = phono("holdings", "add", archive.folder, bad, tmp_path, good, tmp_path / "gone.json")
    assert told.code == 4
    assert f"{bad}: The report cannot be taken: it is not JSON" in told.err
    assert "There is no" in told.err
    assert f"{tmp_path}: {tmp_path} cannot be read" in told.err
    assert f"{A.id}: a mirror's first report" in told.out
    assert (archive.public / "copies.json").exists()
    assert phono("holdings", "add", archive.folder, good).code == 0


def test_a_new_edition_has_its_bags_counted_if_copies_ever_were(
    archive: Archive, phono: Phono, monkeypatch: pytest.MonkeyPatch
) -> None:
    def published(archive: Archive, **_: object) -> PublishResult:
        with archive.ledger.begin() as ledger:
            number = len(all_bags(ledger)) + 1
            record_bag(ledger, replace(BAG, id=f"bag-{number}"), [FILE])
        return PublishResult(1, new=True)

    monkeypatch.setattr("phonotheque.cli.publish.publish", published)
    assert phono("publish", archive.folder).code == 0
    assert not (archive.public / COPIES).exists()
    assert phono("health", archive.folder).code == 4
    assert phono("publish", archive.folder).code == 0
    assert set(read_copies((archive.public / COPIES).read_bytes()).bags) == {f"bag-{n}" for n in range(1, 6)}


def test_a_mirror_that_lost_its_key_is_forgotten_and_begins_anew(archive: Archive, phono: Phono) -> None:
    anew = Somebody("a")
    A.tells(archive, at=now())
    assert phono("holdings", "forget", archive.folder, C.id).code == 3
    assert phono("holdings", "forget", archive.folder, A.id).out == f"Forgot {A.id}.\n"
    assert anew.tells(archive, at=now()).first
