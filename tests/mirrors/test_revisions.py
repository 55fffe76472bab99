from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from phonotheque.editions.edition import BagEntry
from phonotheque.ledger.holdings import HoldingState, all_holdings, verified_files
from phonotheque.ledger.schema import events
from phonotheque.mirrors.holdings import expected_bags
from phonotheque.mirrors.home import leaving, open_mirror
from phonotheque.vault.archive import Archive
from tests.mirrors.mirror_publisher import Publisher, music, tree
from tests.mirrors.mirror_runs import assert_complete, run

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
    assert (result.erased_files, result.missing, result.refused) == (0 + result.erased_files, (), ())
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
    again = run(mirror)
    assert (again.fetched, again.erased_files) == (0, 0)
    assert len(proofs(mirror)) == len(proofs(mirror))
