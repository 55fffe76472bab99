"""Revising bags: what was taken back leaves, the rest stays byte for byte, and every edition says so."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import bagit
import libtorrent as lt
import pyarrow.parquet as pq
import pytest

from phonotheque.editions.covering import covered_by
from phonotheque.editions.edition import Edition, read_edition
from phonotheque.editions.plan_folder import save_plan
from phonotheque.editions.planning import planned
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.editions.withdrawing import Asked, Done, accept, request, reverse
from phonotheque.ledger.files import each_file
from phonotheque.ledger.statements import correct, standing_statements
from phonotheque.sources.decide import redecide
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, timestamp
from tests.tones import flac

CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
LATER = datetime(2026, 12, 1, tzinfo=UTC)
LATEST = datetime(2026, 12, 24, tzinfo=UTC)
WITHDRAWN = "the artist asked for it"


def tags(title: str, number: int = 1) -> dict[str, str]:
    found = {"TITLE": title, "ARTIST": "The Testers", "ALBUM": "Tones", "LICENSE": CC0}
    return found | {"TRACKNUMBER": str(number)}


@pytest.fixture
def stocked(archive: Archive, tmp_path: Path) -> Archive:
    """An archive with three recordings that may go out."""
    create_keys(archive.keys)
    for number, name in enumerate(("one", "two", "three"), start=1):
        flac(tmp_path / "music" / f"{name}.flac", number, tags(name.capitalize(), number))
    take_in(archive, tmp_path / "music")
    return archive


def take_in(archive: Archive, folder: Path) -> None:
    add_folder(archive, folder)
    rebuild_catalogue(archive, at=NOW)


def withdraw(archive: Archive, *words: str, at: datetime = LATER, erase: bool = False) -> Done:
    asked = Asked("An Artist", "It is mine.", words, public_reason=WITHDRAWN, erase=erase)
    one = request(archive, asked, covered_by(archive, words), at=timestamp(at))
    return accept(archive, one.id, by="archivist", note=None, at=timestamp(at))


def edition(archive: Archive) -> Edition:
    return read_edition((archive.public / "targets" / "edition.json").read_bytes())


def payload(archive: Archive, bag: str) -> dict[str, str]:
    """The SHA-256 of every payload file of a sealed bag, which is valid."""
    bagit.Bag(str(archive.bags / bag)).validate(processes=1)
    folder = archive.bags / bag / "data"
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def music_bags(archive: Archive) -> list[str]:
    return [bag.id for bag in edition(archive).bags if bag.wave == 1]


def test_what_is_withdrawn_leaves_its_bag_and_the_rest_stays(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    (old,) = [bag for bag in edition(stocked).bags if bag.wave == 1]
    before = payload(stocked, old.id)
    (gone,) = [digest for path, digest in before.items() if path.endswith("02 Two.flac")]
    inodes = {path.stat().st_ino for path in (stocked.bags / old.id / "data").rglob("*.flac")}
    withdraw(stocked, "two.flac")
    result = publish(stocked, at=LATER)
    assert (result.number, result.new, result.failures) == (2, True, [])
    current = edition(stocked)
    (new,) = [bag for bag in current.bags if bag.wave == 1]
    assert new.id == f"{old.id}-r2"
    assert payload(stocked, new.id) == {p: d for p, d in before.items() if d != gone}
    kept = {path.stat().st_ino for path in (stocked.bags / new.id / "data").rglob("*.flac")}
    assert kept <= inodes or not kept & inodes, "links, or clones where the file system has them"
    (taken,) = current.withdrawals
    assert (taken.bag, taken.replaced_by, taken.reason) == (old.id, new.id, WITHDRAWN)
    (stone,) = current.tombstones
    assert (stone.sha256, stone.reason, stone.reinstated) == ((gone,), WITHDRAWN, None)
    # Nothing of the old bag is left but what is known of it, and the bytes that are still kept.
    assert not (stocked.bags / old.id).exists()
    assert not (stocked.public / "bags" / old.id).is_symlink()
    assert sha256(stocked.incoming / gone[:2] / gone) == gone
    torrent = lt.torrent_info(str(stocked.public / "targets" / new.torrent.path))
    assert [str(one) for one in torrent.similar_torrents()] == [old.torrent.infohash_v1]


def test_again_with_nothing_new_after_a_revision_changes_nothing(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    before = edition(stocked)
    assert not publish(stocked, at=LATEST).new
    assert edition(stocked) == before


def test_a_bag_of_which_nothing_is_left_has_no_successor(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    (old,) = music_bags(stocked)
    withdraw(stocked, "one.flac", "two.flac", "three.flac")
    publish(stocked, at=LATER)
    current = edition(stocked)
    assert music_bags(stocked) == []
    assert [(one.bag, one.replaced_by) for one in current.withdrawals] == [(old, None)]
    assert len(current.tombstones) == 3
    assert not (stocked.bags / old).exists()


def test_a_second_revision_follows_the_first(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    (old,) = music_bags(stocked)
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    withdraw(stocked, "one.flac", at=LATEST)
    publish(stocked, at=LATEST)
    current = edition(stocked)
    assert music_bags(stocked) == [f"{old}-r3"]
    assert [(one.bag, one.replaced_by) for one in current.withdrawals] == [
        (old, f"{old}-r3"),
        (f"{old}-r2", f"{old}-r3"),
    ]


def test_what_is_reversed_goes_out_again_in_a_new_bag(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    (old,) = music_bags(stocked)
    done = withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    reverse(stocked, done.withdrawal.id, by="archivist", note="It was not theirs.", at=timestamp(LATEST))
    publish(stocked, at=LATEST)
    assert len(music_bags(stocked)) == 2
    (again,) = [bag for bag in music_bags(stocked) if not bag.startswith(old)]
    assert list(payload(stocked, again)) == ["The Testers/Tones/02 Two.flac"]
    (stone,) = edition(stocked).tombstones
    assert stone.reinstated == timestamp(LATEST)


def test_what_is_erased_is_nowhere_and_its_evidence_stays(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    (old,) = music_bags(stocked)
    (gone,) = [digest for path, digest in payload(stocked, old).items() if path.endswith("02 Two.flac")]
    done = withdraw(stocked, "two.flac", erase=True)
    assert (done.erased, done.waiting) == (0, 1)
    publish(stocked, at=LATER)
    everywhere = {sha256(path) for path in stocked.folder.rglob("*") if path.is_file()}
    assert gone not in everywhere
    (stone,) = edition(stocked).tombstones
    assert stone.sha256 == (gone,)


def test_a_copy_that_comes_in_later_stays_withheld(stocked: Archive, tmp_path: Path) -> None:
    publish(stocked, at=NOW)
    withdraw(stocked, "two.flac")
    publish(stocked, at=LATER)
    before = edition(stocked).bags
    # The same sound under other tags: another file, of another recording as far as tags go.
    flac(tmp_path / "more" / "again.flac", 2, tags("A new title", 9))
    take_in(stocked, tmp_path / "more")
    publish(stocked, at=LATEST)
    titles = {
        json.loads(line)["title"]
        for bag in music_bags(stocked)
        for line in (stocked.bags / bag / "recordings.jsonl").read_text().splitlines()
    }
    assert titles == {"One", "Three"}
    assert [bag for bag in edition(stocked).bags if bag.wave == 1] == [bag for bag in before if bag.wave == 1]


def test_an_access_copy_goes_where_its_master_goes(archive: Archive, tmp_path: Path) -> None:
    create_keys(archive.keys)
    for number in (1, 2):
        flac(tmp_path / "in" / f"{number}.flac", number, tags(f"Long {number}", number), seconds=20)
    take_in(archive, tmp_path / "in")
    with planned(archive, None) as found:
        room = sum(pq.read_table(found.candidates)["access_bytes"].to_pylist())
    with planned(archive, room) as found:
        assert (found.plan.masters, found.plan.access_copies) == (0, 2)
        save_plan(archive.plans, found.plan, found.items, NOW, snapshot=found.snapshot.stamp)
    publish(archive, at=NOW)
    (old,) = music_bags(archive)
    (copy,) = [digest for path, digest in payload(archive, old).items() if "Long 1" in path]
    done = withdraw(archive, "1.flac", erase=True)
    assert (done.erased, done.waiting) == (1, 1)  # the master waited; the copy is in a bag
    shown = [path.name for path in (archive.public / "bags" / old / "data").rglob("*.opus")]
    assert shown == ["02 Long 2.opus"]
    publish(archive, at=LATER)
    assert list(payload(archive, f"{old}-r2")) == ["The Testers/Tones/02 Long 2.opus"]
    everywhere = {sha256(path) for path in archive.folder.rglob("*") if path.is_file()}
    assert copy not in everywhere
    (stone,) = edition(archive).tombstones
    assert stone.sha256 == (copy,)


def test_a_bag_is_sealed_anew_when_what_it_says_of_rights_is_no_longer_so(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    (old,) = music_bags(stocked)
    before = payload(stocked, old)
    with stocked.ledger.begin() as ledger:
        (row,) = [row for row in each_file(ledger) if row.name == "one.flac"]
        (tag,) = standing_statements(ledger, [row.id])[row.id]
        said = replace(tag, licence="CC-BY-NC-4.0", evidence="a letter", evidence_origin="grant")
        correct(ledger, tag.id, said, at=timestamp(LATER), because="the tag was wrong")
        redecide(ledger, [row.id], stocked.settings, at=timestamp(LATER))
    result = publish(stocked, at=LATER)
    (revised,) = result.revised
    assert (revised.left, revised.reason) == (0, "what is said of its rights was corrected")
    assert payload(stocked, f"{old}-r2") == before
    lines = (stocked.bags / f"{old}-r2" / "recordings.jsonl").read_text().splitlines()
    (line,) = [record for record in map(json.loads, lines) if record["title"] == "One"]
    assert line["rights"]["statements"][0]["licence"] == "CC-BY-NC-4.0"
    assert edition(stocked).tombstones == ()


def test_a_file_that_is_damaged_when_it_leaves_is_named_and_stays(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    (old,) = music_bags(stocked)
    withdraw(stocked, "two.flac")
    (victim,) = (stocked.bags / old / "data").rglob("02 Two.flac")
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    result = publish(stocked, at=LATER)
    assert {finding.what for finding in result.failures} == {"damaged", "unproven"}
    assert music_bags(stocked) == [f"{old}-r2"], "what was withdrawn leaves all the same"
    assert victim.exists(), "and what has no proof is not deleted"
    assert not (stocked.public / "bags" / old).exists()
