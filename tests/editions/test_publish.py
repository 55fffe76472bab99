"""Publishing: only what a basis allows, to the same bytes, never rewriting, and saying what could not go."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Row

from phonotheque.editions import sealing
from phonotheque.editions.edition import Edition, read_edition
from phonotheque.editions.plan_folder import save_plan
from phonotheque.editions.planning import planned
from phonotheque.editions.publish import PublishResult, publish
from phonotheque.editions.torrent import read_torrent
from phonotheque.editions.trust import create_keys
from phonotheque.ledger.files import each_file
from phonotheque.ledger.statements import record_grant
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.model.rights import Act, Covers, Kind
from phonotheque.rights.grant import make_grant
from phonotheque.sources.decide import redecide
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.vault.bag import BagFile, BagPlan, seal
from phonotheque.vault.incoming import incoming_path
from tests.conftest import MakeArchive
from tests.postgresql import copy_tree
from tests.tones import flac

CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
LATER = datetime(2026, 12, 1, tzinfo=UTC)


def tags(title: str, licence: str | None = CC0) -> dict[str, str]:
    found = {"TITLE": title, "ARTIST": "The Testers", "ALBUM": "Tones", "DATE": "2024", "TRACKNUMBER": "1"}
    return found | ({"LICENSE": licence} if licence else {})


def take_in(archive: Archive, folder: Path) -> None:
    add_folder(archive, folder)
    rebuild_catalogue(archive, at=NOW)


def edition(archive: Archive) -> Edition:
    return read_edition((archive.public / "targets" / "edition.json").read_bytes())


def bag_of_music(result: PublishResult) -> str:
    (bag,) = [bag.id for bag in result.bags if bag.wave == 1]
    return bag


def records(archive: Archive, bag: str) -> list[dict[str, object]]:
    lines = (archive.bags / bag / "recordings.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    flac(folder / "free.flac", 1, tags("Free <&> “easy”"))
    flac(folder / "unstated.flac", 2, tags("Unstated", licence=None))
    return folder


@pytest.fixture
def stocked(archive: Archive, music: Path) -> Archive:
    create_keys(archive.keys)
    take_in(archive, music)
    return archive


def test_publishes_what_may_go_out_and_nothing_else(stocked: Archive) -> None:
    result = publish(stocked, at=NOW)
    bag = bag_of_music(result)
    (record,) = records(stocked, bag)
    assert (record["title"], record["path"]) == (
        "Free <&> “easy”",
        "data/The Testers/2024 - Tones/01 Free _&_ “easy”.flac",
    )
    rights = record["rights"]
    assert isinstance(rights, dict)
    assert rights["decisions"]["distribute"]["answer"] == "yes"
    assert rights["statements"][0]["evidence"] == CC0
    # What may not go out stays where it is.
    assert len(list(stocked.incoming.glob("??/*"))) == 1


def test_the_edition_leads_to_every_byte(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    current = edition(stocked)
    assert (current.number, current.previous, len(current.bags)) == (1, None, 2)
    for bag in current.bags:
        meta = read_torrent((stocked.public / "targets" / bag.torrent.path).read_bytes())
        assert (meta.name, meta.infohash_v2) == (bag.id, bag.torrent.infohash_v2)
        assert (stocked.public / "bags" / bag.id / "bagit.txt").is_file()
    index = pq.read_table(stocked.public / "targets" / current.index.path).to_pylist()
    music = next(bag for bag in current.bags if bag.wave == 1)
    spans = {
        file.path: file.span
        for file in read_torrent((stocked.public / "targets" / music.torrent.path).read_bytes()).files
    }
    assert [(row["bag"], spans[row["path"]].first_piece) for row in index] == [
        (music.id, row["first_piece"]) for row in index
    ]
    assert len(index) == 1


def test_the_same_state_and_date_give_the_same_bytes(stocked: Archive, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    copy_tree(stocked.folder, twin)
    publish(stocked, at=NOW)
    publish(open_archive(twin), at=NOW)
    for part in ("vault", "public"):
        assert _bytes_of(stocked.folder / part) == _bytes_of(twin / part)


def test_again_with_nothing_new_changes_nothing(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    before = sorted(path.name for path in (stocked.public / "metadata").iterdir())
    result = publish(stocked, at=LATER)
    assert (result.number, result.new) == (1, False)
    assert sorted(path.name for path in (stocked.public / "metadata").iterdir()) == before


def written(folder: Path) -> dict[Path, tuple[int, ...]]:
    """Everything in a folder, and when it was last changed in any way. It may be read."""
    stats = {path: path.stat() for path in folder.rglob("*")}
    return {path: (one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for path, one in stats.items()}


def test_new_music_makes_a_new_edition_and_leaves_old_bags_alone(stocked: Archive, tmp_path: Path) -> None:
    first = bag_of_music(publish(stocked, at=NOW))
    old = written(stocked.bags / first)
    flac(tmp_path / "more" / "second.flac", 3, tags("Second"))
    take_in(stocked, tmp_path / "more")
    result = publish(stocked, at=LATER)
    assert result.number == 2
    assert [record["title"] for record in records(stocked, bag_of_music(result))] == ["Second"]
    assert written(stocked.bags / first) == old
    current = edition(stocked)
    assert current.previous is not None
    assert current.previous.number == 1
    assert len(current.bags) == 4  # two of each edition


def test_a_grant_lets_out_what_was_held_back(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    grant = make_grant(
        licence="CC-BY-4.0",
        kind=Kind.LICENCE,
        holder="The Testers",
        evidence="a letter of 1 May",
        asserted_by="archivist",
        covers=Covers.BOTH,
        territory="WORLD",
    )
    with stocked.ledger.begin() as ledger:
        held_back = {2}
        record_grant(ledger, held_back, grant, at="2026-11-30T00:00:00Z")
        redecide(ledger, held_back, stocked.settings, at="2026-11-30T00:00:00Z")
    result = publish(stocked, at=LATER)
    (record,) = records(stocked, bag_of_music(result))
    assert record["title"] == "Unstated"
    assert "CC-BY-4.0" in json.dumps(record["rights"])


def test_a_mandate_keeps_but_never_publishes(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive(mandate="We must keep everything.")
    create_keys(archive.keys)
    flac(tmp_path / "in" / "unstated.flac", 1, tags("Unstated", licence=None))
    take_in(archive, tmp_path / "in")
    result = publish(archive, at=NOW)
    assert [bag.wave for bag in result.bags] == [0]  # facts, no sound


def test_a_damaged_master_is_named_and_the_rest_goes_out(stocked: Archive, tmp_path: Path) -> None:
    flac(tmp_path / "more" / "second.flac", 3, tags("Second"))
    take_in(stocked, tmp_path / "more")
    victim = next(row.sha256 for row in _held(stocked) if row.name == "second.flac")
    path = stocked.incoming / victim[:2] / victim
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    result = publish(stocked, at=NOW)
    assert [failure.what for failure in result.failures] == ["damaged"]
    assert [record["title"] for record in records(stocked, bag_of_music(result))] == ["Free <&> “easy”"]
    assert path.exists()


def test_an_access_copy_goes_out_where_the_budget_asks_for_it(archive: Archive, tmp_path: Path) -> None:
    create_keys(archive.keys)
    flac(tmp_path / "in" / "long.flac", 5, tags("Long"), seconds=20)
    take_in(archive, tmp_path / "in")
    with planned(archive, None) as found:
        (master,) = pq.read_table(found.candidates)["master_bytes"].to_pylist()
    with planned(archive, master - 1) as found:
        assert (found.plan.masters, found.plan.access_copies) == (0, 1)
        save_plan(archive.plans, found.plan, found.items, NOW, snapshot=found.snapshot.stamp)
    result = publish(archive, at=NOW)
    (record,) = records(archive, bag_of_music(result))
    assert (record["kind"], record["codec"]) == ("access", "opus")
    (kept,) = archive.incoming.glob("??/*")
    assert record["master_sha256"] == kept.name
    with planned(archive, None) as found:
        save_plan(archive.plans, found.plan, found.items, LATER, snapshot=found.snapshot.stamp)
    result = publish(archive, at=LATER)
    assert [record["kind"] for record in records(archive, bag_of_music(result))] == ["master"]


def test_an_unrecorded_bag_with_files_that_are_nowhere_else_is_not_deleted(
    stocked: Archive, tmp_path: Path
) -> None:
    flac(tmp_path / "more" / "second.flac", 3, tags("Second"))
    (stocked.bags).mkdir(parents=True, exist_ok=True)
    publish(stocked, at=NOW)
    stranger = stocked.bags / "archive-0002-0001"
    original = stocked.bags / "archive-0001-0001"
    shutil.copytree(original, stranger)
    take_in(stocked, tmp_path / "more")
    # Deleting needs a proof, and its music lies under incoming no more.
    with pytest.raises(VerificationError, match="archive-0002-0001"):
        publish(stocked, at=LATER)
    assert stranger.exists()


def test_an_unrecorded_bag_is_not_deleted_on_the_word_of_a_damaged_file(
    stocked: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "record_bag", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(stocked, at=NOW)
    (kept,) = (stocked.bags / "archive-0001-0001" / "data").rglob("*.flac")
    content = kept.read_bytes()
    waiting = incoming_path(stocked.incoming, hashlib.sha256(content).hexdigest())
    waiting.unlink()  # it may be a second name of the file in the bag
    waiting.write_bytes(b"x" * len(content))
    with pytest.raises(VerificationError, match="archive-0001-0001"):
        publish(stocked, at=NOW)
    assert kept.read_bytes() == content
    waiting.write_bytes(content)
    assert publish(stocked, at=NOW).failures == []


def test_mining_is_reserved_unless_it_is_allowed(stocked: Archive, tmp_path: Path) -> None:
    flac(
        tmp_path / "more" / "nc.flac",
        3,
        tags("Not for sale", "https://creativecommons.org/licenses/by-nc/4.0/"),
    )
    take_in(stocked, tmp_path / "more")
    result = publish(stocked, at=NOW)
    rules = json.loads((stocked.public / ".well-known" / "tdmrep.json").read_text())
    bag = bag_of_music(result)
    assert rules == [
        {
            "location": f"/bags/{bag}/data/The%20Testers/2024%20-%20Tones/"
            "01%20Free%20_%26_%20%E2%80%9Ceasy%E2%80%9D.flac",
            "tdm-reservation": 0,
        },
        {"location": "/mining/", "tdm-reservation": 0},
        {"location": "/", "tdm-reservation": 1},
    ]


def test_pages_name_the_edition_and_are_well_formed(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    feed = ElementTree.parse(stocked.public / "feed.atom").getroot()
    atom = "{http://www.w3.org/2005/Atom}"
    assert [entry.findtext(f"{atom}title") for entry in feed.iter(f"{atom}entry")] == ["Edition 1"]
    page = (stocked.public / "index.html").read_text()
    assert "--trust" in page
    assert edition(stocked).bags[0].torrent.infohash_v2 in page


def test_an_empty_archive_says_what_to_do(archive: Archive) -> None:
    create_keys(archive.keys)
    with pytest.raises(NotFoundError, match="holds nothing yet"):
        publish(archive, at=NOW)


def test_every_act_is_decided_in_the_record(stocked: Archive) -> None:
    result = publish(stocked, at=NOW)
    (record,) = records(stocked, bag_of_music(result))
    rights = record["rights"]
    assert isinstance(rights, dict)
    assert set(rights["decisions"]) == {act.value for act in Act}


def test_a_bag_that_was_sealed_and_not_recorded_is_made_anew(stocked: Archive) -> None:
    (master,) = [row for row in _held(stocked) if row.name == "free.flac"]
    source = incoming_path(stocked.incoming, master.sha256)
    left = BagPlan(
        id="archive-0001-0001",
        files=(BagFile(source=source, path="left.flac", sha256=master.sha256, size=master.size, record={}),),
        info=(),
        readme="left by a run that was killed",
    )
    stocked.bags.mkdir(parents=True, exist_ok=True)
    seal(left, stocked.bags)
    bag = bag_of_music(publish(stocked, at=NOW))
    assert bag == left.id
    assert not (stocked.bags / bag / "data" / "left.flac").exists()


@pytest.mark.parametrize("whole", [True, False])
def test_what_a_kill_left_beside_a_recorded_bag_goes_if_the_bag_is_whole(
    stocked: Archive, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("phonotheque.editions.publish._catalogue_order", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            publish(stocked, at=NOW)
    (bagged,) = stocked.bags.glob("*-0001/data/**/*.flac")
    spare = incoming_path(stocked.incoming, hashlib.sha256(bagged.read_bytes()).hexdigest())
    shutil.copyfile(bagged, spare)
    if not whole:
        bagged.chmod(0o644)
        bagged.write_bytes(bagged.read_bytes()[:-1] + b"?")
    publish(stocked, at=NOW)
    assert spare.exists() is not whole


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("key", "value"), [("id", "mine"), ("id", ""), ("name", "two\\nlines")])
def test_an_archive_without_a_usable_identity_is_told_so_before_anything_is_made(
    stocked: Archive, key: str, value: str
) -> None:
    settings = stocked.folder / "phonotheque.toml"
    lines = [line for line in settings.read_text().splitlines() if not line.startswith(f"{key} =")]
    lines.insert(1, f'{key} = "{value}"')
    settings.write_text("\n".join(lines))
    with pytest.raises(UsageError, match=rf"\[archive\] {key}"):
        publish(open_archive(stocked.folder), at=NOW)
    assert not list(stocked.bags.glob("*"))


def _bytes_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _held(archive: Archive) -> list[Row[Any]]:
    with archive.ledger.connect() as ledger:
        return list(each_file(ledger))
