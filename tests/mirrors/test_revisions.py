from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, select

from phonotheque.editions.edition import BagEntry, Tombstone
from phonotheque.ledger.holdings import HoldingState, all_holdings, verified_files
from phonotheque.ledger.schema import events, holding_files, holdings
from phonotheque.mirrors.holdings import expected_bags
from phonotheque.mirrors.home import leaving, open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.repair import repair
from phonotheque.model.bags import PIECE, FileHashes
from phonotheque.model.errors import NetworkError, VerificationError
from phonotheque.vault.archive import Archive
from phonotheque.vault.check import check_bags
from phonotheque.vault.hashing import hash_file
from tests.mirrors.mirror_publisher import DATE, LOCAL, Publisher, music, tree
from tests.mirrors.mirror_runs import PACE, Told, assert_complete, complete, run

pytestmark = pytest.mark.ledger  # a mirror has one

SONGS = music("audio-1")
GONE, *KEPT = SONGS


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.publish(1)
    return publisher


@pytest.fixture
def mirror(published: Publisher, tmp_path: Path) -> Archive:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    return mirror


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tag_bytes(*bags: BagEntry) -> int:
    """Bytes of what is not payload: all that a revision has to bring."""
    return sum(bag.bytes - bag.payload_bytes for bag in bags)


def proofs(mirror: Archive, kind: str = "deletion") -> list[tuple[str, dict[str, Any]]]:
    with mirror.ledger.connect() as connection:
        query = select(events.c.subject, events.c.detail).where(events.c.type == kind).order_by(events.c.id)
        return [(row.subject, row.detail) for row in connection.execute(query)]


def erased(mirror: Archive) -> dict[str, tuple[str, int]]:
    """By SHA-256, the bag and size of every payload file that the ledger says was erased."""
    return {
        file["sha256"]: (bag, file["size"])
        for bag, detail in proofs(mirror)
        for file in detail["erased"]
        if file["path"].startswith("data/")
    }


def assert_gone(mirror: Archive, *contents: bytes) -> None:
    """No file below the mirror has these bytes."""
    assert {sha(data) for data in tree(mirror.folder / "vault").values()}.isdisjoint(map(sha, contents))


def assert_nothing_left(mirror: Archive, bag: str) -> None:
    assert not (mirror.bags / bag).exists()
    assert not (mirror.public / "bags" / bag).is_symlink()
    assert not (leaving(mirror) / bag).exists()
    assert not list(mirror.public.rglob(f"{bag}.torrent"))
    with mirror.ledger.connect() as connection:
        assert verified_files(connection, bag) == {}
        assert all_holdings(connection)[bag].state is HoldingState.WITHDRAWN


def test_a_revision_is_made_of_what_is_held_and_the_withdrawn_file_is_erased_with_proof(
    published: Publisher, mirror: Archive
) -> None:
    fresh = published.revise("audio-1", GONE, edition=2, reason="asked for by its maker")
    edition = published.publish(2)
    assert fresh
    result = run(mirror)
    assert result.fetched <= tag_bytes(fresh)
    assert result.reused == fresh.payload_bytes
    assert (result.missing, result.refused) == ((), ())
    assert result.withdrawn == (("audio-1", "audio-1-r2"),)
    assert_complete(mirror, published, ("audio-1-r2", "catalogue-1"))
    assert_gone(mirror, SONGS[GONE])
    assert_nothing_left(mirror, "audio-1")
    assert erased(mirror) == {sha(SONGS[GONE]): ("audio-1", len(SONGS[GONE]))}
    (bag, proof), *_ = proofs(mirror)
    assert (bag, proof["edition"]) == ("audio-1", 2)
    assert published.previous
    assert proof["edition_sha256"] == published.previous.sha256
    assert proof["withdrawal"]["reason"] == "asked for by its maker"
    assert [stone["id"] for stone in proof["tombstones"]] == [edition.tombstones[0].id]
    assert expected_bags(mirror).keys() == {"audio-1-r2", "catalogue-1"}
    recorded = proofs(mirror)
    again = run(mirror)
    assert (again.fetched, again.erased_files) == (0, 0)
    assert proofs(mirror) == recorded


def test_a_bag_that_is_taken_back_whole_is_erased_whole(published: Publisher, mirror: Archive) -> None:
    published.take_back("audio-1", edition=2, reason="its licence was forged")
    published.publish(2)
    result = run(mirror)
    assert result.withdrawn == (("audio-1", None),)
    assert_gone(mirror, *SONGS.values())
    assert_nothing_left(mirror, "audio-1")
    assert erased(mirror).keys() == {sha(data) for data in SONGS.values()}
    assert proofs(mirror)[0][1]["withdrawal"]["reason"] == "its licence was forged"


@pytest.mark.parametrize("with_index", [True, False])
def test_files_that_move_to_another_bag_are_found_by_their_hash(
    published: Publisher, mirror: Archive, with_index: bool
) -> None:
    published.with_index = with_index
    moved = {f"Elsewhere/{number}.ogg": SONGS[path] for number, path in enumerate(KEPT)}
    published.take_back("audio-1", edition=2)
    published.withdrawals["audio-1"] = replace(published.withdrawals["audio-1"], replaced_by="audio-2")
    added = published.bag("audio-2", moved, edition=2)
    published.publish(2)
    result = run(mirror)
    assert result.fetched <= tag_bytes(added)
    assert_complete(mirror, published, ("audio-2", "catalogue-1"))
    assert erased(mirror).keys() == {sha(SONGS[GONE])}  # which no bag has any more


def test_a_new_bag_takes_what_another_one_holds(published: Publisher, mirror: Archive) -> None:
    added = published.bag("audio-2", {"Best of/1.ogg": SONGS[KEPT[0]], "Best of/2.ogg": b"new" * 999})
    published.publish(2)
    result = run(mirror)
    assert result.fetched <= tag_bytes(added) + 3 * 999
    assert result.reused == len(SONGS[KEPT[0]])
    assert_complete(mirror, published, ("audio-1", "audio-2", "catalogue-1"))


def test_held_files_of_the_same_size_are_read_only_if_they_may_be_the_same(
    published: Publisher, mirror: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def reading(path: Path, piece_length: int) -> FileHashes:
        read.append(path.name)
        return hash_file(path, piece_length)

    monkeypatch.setattr("phonotheque.mirrors.reuse.hash_file", reading)
    other, same = KEPT[:2]
    new = {"Best of/1.ogg": SONGS[same], "Best of/2.ogg": b"n" * len(SONGS[other])}
    published.bag("audio-2", new, edition=2)
    published.publish(2)
    assert run(mirror).reused == len(SONGS[same])
    assert read == [Path(same).name]


def test_a_mirror_that_was_away_for_several_editions(published: Publisher, mirror: Archive) -> None:
    published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    last = published.revise("audio-1-r2", KEPT[0], edition=3)
    published.publish(3)
    assert last
    result = run(mirror)
    assert result.edition == 3
    assert result.fetched <= tag_bytes(last)
    assert result.withdrawn == (("audio-1", "audio-1-r3"),)
    assert_complete(mirror, published, ("audio-1-r3", "catalogue-1"))
    assert_gone(mirror, SONGS[GONE], SONGS[KEPT[0]])


@pytest.mark.parametrize("index", ["none", "noise", "right"])
def test_until_the_revision_can_be_had_what_may_stay_is_kept_and_nothing_is_served(
    published: Publisher, mirror: Archive, index: str
) -> None:
    published.with_index = index == "right"
    fresh = published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    assert fresh
    if index == "none":
        (published.public / "targets" / "editions" / "2" / "index.parquet").rename(
            published.folder / "index.parquet"
        )
    torrent = published.public / "targets" / fresh.torrent.path
    torrent.rename(torrent.with_suffix(".hidden"))
    with pytest.raises(NetworkError, match="audio-1-r2"):
        run(mirror)
    assert_gone(mirror, SONGS[GONE])
    assert not (mirror.public / "bags" / "audio-1").is_symlink()
    assert not (mirror.bags / "audio-1").exists()
    left = tree(leaving(mirror) / "audio-1")
    assert {sha(data) for data in left.values()} == {sha(SONGS[path]) for path in KEPT}
    assert erased(mirror).keys() == {sha(SONGS[GONE])}
    assert expected_bags(mirror).keys() == {"catalogue-1"}
    assert [checked.findings for checked in check_bags(mirror, expected_bags(mirror))] == [()]
    torrent.with_suffix(".hidden").rename(torrent)
    if index == "none":
        (published.folder / "index.parquet").rename(
            published.public / "targets" / "editions" / "2" / "index.parquet"
        )
    result = run(mirror)
    assert result.fetched <= tag_bytes(fresh)
    assert_complete(mirror, published, ("audio-1-r2", "catalogue-1"))
    assert_nothing_left(mirror, "audio-1")


def test_of_a_damaged_file_only_the_wrong_piece_is_fetched(published: Publisher, mirror: Archive) -> None:
    song = mirror.bags / "audio-1" / "data" / KEPT[-1]
    song.chmod(0o644)
    with song.open("r+b") as stream:
        stream.seek(PIECE + 5)
        stream.write(b"damage")
    fresh = published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    assert fresh
    result = run(mirror)
    assert result.fetched <= tag_bytes(fresh) + PIECE
    assert_complete(mirror, published, ("audio-1-r2", "catalogue-1"))


def test_a_bag_that_is_withdrawn_before_it_has_arrived(publisher: Publisher, tmp_path: Path) -> None:
    publisher.with_index = True
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))
    last = next((publisher.folder / "vault" / "bags" / "audio-1" / "data").rglob("03*"))
    last.rename(last.with_name("hidden"))
    with pytest.raises(NetworkError, match="audio-1"):
        run(mirror)
    last.with_name("hidden").rename(last)
    fresh = publisher.revise("audio-1", GONE, edition=2)
    publisher.publish(2)
    assert fresh
    result = run(mirror)
    assert result.fetched <= tag_bytes(fresh) + len(SONGS[KEPT[-1]])
    assert_complete(mirror, publisher, ("audio-1-r2", "catalogue-1"))
    assert_gone(mirror, SONGS[GONE])
    assert_nothing_left(mirror, "audio-1")
    assert sha(SONGS[GONE]) in erased(mirror)


@pytest.mark.parametrize("with_index", [True, False])
def test_what_came_of_a_file_of_a_withdrawn_bag_is_not_fetched_again(
    publisher: Publisher, tmp_path: Path, with_index: bool
) -> None:
    """Nor is what came of it for the bag in its place, when that was interrupted, too."""
    publisher.with_index = with_index
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))
    vault, path, whole = publisher.folder / "vault" / "bags", KEPT[-1], SONGS[KEPT[-1]]

    def cut(bag: str, pieces: int) -> Path:
        song = vault / bag / "data" / path
        song.chmod(0o644)
        song.write_bytes(whole[: pieces * PIECE])
        return song

    cut("audio-1", 2)
    assert "too short" in dict(run(mirror).refused)["audio-1"]
    fresh = publisher.revise("audio-1", GONE, edition=2)
    publisher.publish(2)
    assert fresh
    song = cut("audio-1-r2", 3)
    second = run(mirror)
    assert "too short" in dict(second.refused)["audio-1-r2"]
    assert second.fetched <= tag_bytes(fresh) + PIECE
    song.write_bytes(whole)
    result = run(mirror)
    assert result.fetched <= len(whole) - 3 * PIECE
    assert_complete(mirror, publisher, ("audio-1-r2", "catalogue-1"))
    assert_gone(mirror, SONGS[GONE])


def test_where_files_can_be_neither_cloned_nor_linked_they_are_moved(
    published: Publisher, mirror: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phonotheque.vault.place.clone", lambda *_: False)
    monkeypatch.setattr("phonotheque.vault.place.hard_link", lambda *_: False)
    fresh = published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    assert fresh
    assert run(mirror).fetched <= tag_bytes(fresh)
    assert_complete(mirror, published, ("audio-1-r2", "catalogue-1"))
    assert erased(mirror).keys() == {sha(SONGS[GONE])}
    assert_nothing_left(mirror, "audio-1")


def test_a_withdrawn_bag_does_not_come_back(published: Publisher, mirror: Archive) -> None:
    old = next(bag for bag in published.bags if bag.id == "audio-1")
    fresh = published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    run(mirror)
    published.withdrawals.clear()
    published.bags.append(old)
    published.publish(3)
    with pytest.raises(VerificationError, match="brings back the bag audio-1"):
        run(mirror)
    assert fresh
    assert complete(mirror) == {"audio-1-r2", "catalogue-1"}


@pytest.mark.parametrize("with_index", [True, False])
def test_a_withdrawn_file_does_not_come_back_in_another_bag(
    published: Publisher, mirror: Archive, with_index: bool
) -> None:
    published.with_index = with_index
    published.revise("audio-1", GONE, edition=2)
    published.bag("audio-2", {"again.ogg": SONGS[GONE], "other.ogg": b"other" * 500}, edition=2)
    published.publish(2)
    result = run(mirror)
    assert_gone(mirror, SONGS[GONE])
    assert complete(mirror) == {"audio-1-r2", "catalogue-1"}
    told = dict(result.left_out if with_index else result.refused)
    assert "withdraw" in told["audio-2"]


def test_a_bag_that_still_lists_what_the_edition_withdraws_is_served_no_more(
    published: Publisher, mirror: Archive
) -> None:
    fresh = published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    run(mirror)
    assert fresh
    published.tombstones.append(
        replace(published.tombstones[0], sha256=(sha(SONGS[KEPT[0]]),), id=str(uuid4()))
    )
    published.publish(3)
    result = run(mirror)
    assert_gone(mirror, SONGS[KEPT[0]])
    assert dict(result.left_out) == {"audio-1-r2": "holds a file that edition 3 withdraws"}
    assert result.complete == ("catalogue-1",)
    last = published.revise("audio-1-r2", KEPT[0], edition=4)
    published.publish(4)
    assert last
    assert run(mirror).fetched <= tag_bytes(last)  # the rest of it had been kept for this
    assert_complete(mirror, published, ("audio-1-r3", "catalogue-1"))


def test_what_was_reinstated_may_come_back(published: Publisher, mirror: Archive) -> None:
    published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    run(mirror)
    published.tombstones = [replace(stone, reinstated=DATE) for stone in published.tombstones]
    published.bag("audio-2", {"again.ogg": SONGS[GONE]}, edition=3)
    published.publish(3)
    run(mirror)
    assert_complete(mirror, published, ("audio-1-r2", "audio-2", "catalogue-1"))


def test_a_repair_does_not_bring_back_what_was_withdrawn(published: Publisher, mirror: Archive) -> None:
    published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    run(mirror)
    report = repair(mirror, open_origin(str(published.folder)), swarm=LOCAL, pace=PACE)
    assert report.whole
    assert sorted(report.bags) == ["audio-1-r2", "catalogue-1"]
    assert_gone(mirror, SONGS[GONE])


def test_over_the_budget_a_revision_still_takes_the_place_of_what_is_held(
    published: Publisher, mirror: Archive
) -> None:
    fresh = published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    assert fresh
    result = run(mirror, budget=10_000)
    assert result.fetched <= tag_bytes(fresh)
    assert_complete(mirror, published, ("audio-1-r2", "catalogue-1"))


def test_a_larger_bag_in_place_of_what_is_held_keeps_to_the_budget(
    published: Publisher, mirror: Archive
) -> None:
    published.take_back("audio-1", edition=2)
    published.withdrawals["audio-1"] = replace(published.withdrawals["audio-1"], replaced_by="audio-1-r2")
    published.bag("audio-1-r2", SONGS | {"More/more.ogg": b"more" * 5_000_000}, edition=2)
    published.publish(2)
    result = run(mirror, budget=10_000_000)
    assert "audio-1-r2" in dict(result.left_out)
    assert (result.fetched, result.complete) == (0, ("catalogue-1",))


@pytest.mark.parametrize("arrived", [True, False])
def test_a_bag_that_the_ledger_does_not_know_goes_as_well(
    published: Publisher, mirror: Archive, arrived: bool
) -> None:
    """The ledger was lost, or brought back from an older backup; the bag and its link are there."""
    with mirror.ledger.begin() as ledger:
        ledger.execute(delete(holding_files).where(holding_files.c.bag_id == "audio-1"))
        ledger.execute(delete(holdings).where(holdings.c.bag_id == "audio-1"))
    if not arrived:
        (mirror.public / "bags" / "audio-1").unlink()
        (mirror.bags / "audio-1").rename(mirror.folder / "vault" / "arriving" / "audio-1")
    published.take_back("audio-1", edition=2)
    published.publish(2)
    run(mirror)
    assert_gone(mirror, *SONGS.values())
    assert_nothing_left(mirror, "audio-1")
    assert erased(mirror).keys() == {sha(data) for data in SONGS.values()}


def test_a_bag_that_has_not_arrived_and_is_to_bring_what_was_withdrawn_goes(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.with_index = True
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))
    last = next((publisher.folder / "vault" / "bags" / "audio-1" / "data").rglob("03*"))
    last.rename(last.with_name("hidden"))
    with pytest.raises(NetworkError, match="audio-1"):
        run(mirror)
    publisher.tombstones.append(
        Tombstone(str(uuid4()), None, (sha(SONGS[GONE]),), "WORLD", DATE, "asked for", None)
    )
    publisher.publish(2)
    result = run(mirror)
    assert "holds a file that edition 2 withdraws" in dict(result.left_out)["audio-1"]
    assert_gone(mirror, SONGS[GONE])
    assert {sha(SONGS[path]) for path in KEPT[:-1]} <= {
        sha(data) for data in tree(leaving(mirror) / "audio-1").values()
    }


def test_what_is_no_bag_among_those_that_leave_stops_nothing(published: Publisher, mirror: Archive) -> None:
    leaving(mirror).mkdir()
    (leaving(mirror) / ".DS_Store").write_bytes(b"a file manager's")
    published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    said: list[str] = []
    run(mirror, progress=Told(said.append))
    assert_complete(mirror, published, ("audio-1-r2", "catalogue-1"))
    assert not [line for line in said if "cannot be listed" in line]


def test_copies_that_a_kill_left_half_way_are_removed(published: Publisher, mirror: Archive) -> None:
    for name in (".reused", ".mending"):
        (mirror.folder / "vault" / "arriving" / name).write_bytes(SONGS[GONE])
    published.revise("audio-1", GONE, edition=2)
    published.publish(2)
    run(mirror)
    assert_gone(mirror, SONGS[GONE])
