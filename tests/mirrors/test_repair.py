from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from phonotheque.mirrors.fetching import Pace
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.repair import RepairReport, repair
from phonotheque.mirrors.sync import sync
from phonotheque.model.bags import PIECE
from phonotheque.model.errors import NotFoundError
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.vault.fixity import check_bag
from tests.mirrors.mirror_publisher import LOCAL, NOW, Publisher, served, tree

pytestmark = pytest.mark.ledger  # a mirror has one

PACE = Pace(stall_timeout=5.0)


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.publish(1)
    return publisher


@pytest.fixture
def mirror(published: Publisher, tmp_path: Path) -> Archive:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    sync(mirror, open_origin(str(published.folder)), budget=10**9, once=True, swarm=LOCAL, clock=lambda: NOW)
    return mirror


def mend(folder: Archive, origin: str, **options: Any) -> RepairReport:
    return repair(folder, open_origin(origin), swarm=LOCAL, pace=PACE, clock=lambda: NOW, **options)


def song(folder: Archive, number: int) -> Path:
    return next((folder.bags / "audio-1" / "data").rglob(f"{number:02d}*"))


def flip(path: Path, at: int) -> None:
    path.chmod(0o644)
    with path.open("r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte[0] ^ 1]))


def assert_whole(folder: Archive, like: dict[str, bytes]) -> None:
    assert tree(folder.bags) == like
    for bag in ("audio-1", "catalogue-1"):
        assert check_bag(folder.bags / bag).findings == ()


def test_a_whole_mirror_needs_nothing(mirror: Archive, published: Publisher) -> None:
    report = mend(mirror, str(published.folder))
    assert report.whole
    assert report.bags == ["catalogue-1", "audio-1"]
    assert (report.fetched, report.findings, report.repaired) == (0, [], [])


def test_only_the_wrong_piece_moves(mirror: Archive, published: Publisher) -> None:
    like = tree(mirror.bags)
    flip(song(mirror, 3), PIECE + 17)
    with served(published.public) as web:
        report = mend(mirror, web.url)
        assert web.bag_bytes == PIECE
    assert report.whole
    assert report.fetched == PIECE
    assert report.repaired == ["audio-1"]
    ((bag, finding),) = report.findings
    assert (bag, finding.what) == ("audio-1", "damaged")
    assert finding.detail == "1 of 4 pieces are wrong"
    assert_whole(mirror, like)


def test_every_kind_of_damage_is_repaired(mirror: Archive, published: Publisher) -> None:
    like = tree(mirror.bags)
    flip(song(mirror, 0), 0)
    song(mirror, 1).unlink()
    song(mirror, 2).chmod(0o644)
    with song(mirror, 2).open("ab") as stream:
        stream.write(b"surplus")
    os.truncate(song(mirror, 3), 300_000)
    flip(mirror.bags / "audio-1" / "manifest-sha256.txt", 3)
    (mirror.bags / "catalogue-1" / "bagit.txt").unlink()
    (mirror.bags / "catalogue-1" / "bagit.txt").symlink_to("/etc/passwd")
    report = mend(mirror, str(published.folder))
    assert {(bag, f.path.rpartition("/")[2], f.what) for bag, f in report.findings} == {
        ("audio-1", "00 Piste.ogg", "damaged"),
        ("audio-1", "01 Piste.ogg", "missing"),
        ("audio-1", "02 Piste.ogg", "damaged"),
        ("audio-1", "03 Piste.ogg", "damaged"),
        ("audio-1", "manifest-sha256.txt", "damaged"),
        ("catalogue-1", "bagit.txt", "damaged"),
    }
    assert report.whole
    assert_whole(mirror, like)


def test_a_lost_bag_comes_back_whole(mirror: Archive, published: Publisher) -> None:
    like = tree(mirror.bags)
    (mirror.bags / "audio-1").rename(mirror.folder / "elsewhere")
    assert mend(mirror, str(published.folder)).whole
    assert_whole(mirror, like)


def test_an_archive_gets_its_bags_back_from_a_mirror(mirror: Archive, published: Publisher) -> None:
    (published.folder / "phonotheque.toml").write_text('[archive]\nname = "Tests"\n')
    archive = open_archive(published.folder)
    like = tree(archive.bags)
    source = published.folder / "sources" / "audio-1" / "3"
    linked = song(archive, 3)
    linked.unlink()
    os.link(source, linked)
    flip(linked, 5)  # somebody has edited the master that the bag shares with its source
    edited = source.read_bytes()
    report = mend(archive, str(mirror.folder))
    assert report.whole
    assert report.repaired == ["audio-1"]
    assert_whole(archive, like)
    assert source.read_bytes() == edited


def test_extra_files_go_only_when_that_is_asked_for(mirror: Archive, published: Publisher) -> None:
    stray = mirror.bags / "audio-1" / "data" / "stray.txt"
    stray.write_text("mine")
    report = mend(mirror, str(published.folder))
    assert not report.whole
    assert report.extra == [("audio-1", "data/stray.txt")]
    assert stray.exists()
    assert mend(mirror, str(published.folder), delete_extra=True).whole
    assert not stray.exists()


def test_what_nobody_can_give_is_reported_and_the_rest_repaired(
    mirror: Archive, published: Publisher
) -> None:
    flip(song(mirror, 0), 0)
    flip(mirror.bags / "catalogue-1" / "data" / "catalogue.parquet", 0)
    next((published.folder / "vault" / "bags" / "audio-1" / "data").rglob("00*")).unlink()
    report = mend(mirror, str(published.folder))
    assert report.repaired == ["catalogue-1"]
    ((bag, why),) = report.failed
    assert bag == "audio-1"
    assert "00 Piste.ogg" in why


def test_one_bag_can_be_named(mirror: Archive, published: Publisher) -> None:
    flip(song(mirror, 0), 0)
    assert mend(mirror, str(published.folder), bags=["catalogue-1"]).bags == ["catalogue-1"]
    with pytest.raises(NotFoundError, match="does not hold the bag nothing"):
        mend(mirror, str(published.folder), bags=["nothing"])
