"""Which snapshots there are, what they are called, and which go."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from phonotheque.catalogue.collect import CURRENT, collect, disk_use, named, snapshots
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from tests.catalogue.catalogue_tables import recording, write_tables

STAMPS = [f"2026-11-2{day}T101500Z" for day in range(1, 5)]


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    for stamp in [*STAMPS, f"{STAMPS[0]}-2", f"{STAMPS[0]}-10"]:
        write_tables(tmp_path, {"recordings": [recording(0)]}, name=stamp, make_current=stamp == STAMPS[2])
    return tmp_path


def stamps(catalogue: Path) -> list[str]:
    return [snapshot.stamp for snapshot in snapshots(catalogue)[0]]


def test_they_are_listed_in_their_order(catalogue: Path) -> None:
    assert stamps(catalogue) == [STAMPS[0], f"{STAMPS[0]}-2", f"{STAMPS[0]}-10", *STAMPS[1:]]
    assert snapshots(catalogue / "nowhere") == ([], [])


def test_a_snapshot_has_its_stamp_or_its_beginning_for_a_name(catalogue: Path) -> None:
    assert named(catalogue, CURRENT).stamp == STAMPS[2]
    assert named(catalogue, "2026-11-22").stamp == STAMPS[1]
    assert named(catalogue, STAMPS[0]).stamp == STAMPS[0]  # also where others begin with it
    with pytest.raises(UsageError, match="Several"):
        named(catalogue, "2026-11-21")
    for nothing in ("", "2027", "../2026", "CURRENT"):
        with pytest.raises(NotFoundError):
            named(catalogue, nothing)
    with pytest.raises(NotFoundError, match="no catalogue yet"):
        named(catalogue / "nowhere")


def test_the_newest_the_current_and_the_published_stay(catalogue: Path) -> None:
    found = collect(catalogue, keep=1, published={f"{STAMPS[0]}-2", "2020-01-01T000000Z"})
    assert found.removed == (STAMPS[0], f"{STAMPS[0]}-10", STAMPS[1])
    assert found.freed > 0
    assert stamps(catalogue) == [f"{STAMPS[0]}-2", STAMPS[2], STAMPS[3]]
    assert collect(catalogue, keep=1, published={f"{STAMPS[0]}-2"}).removed == ()
    with pytest.raises(UsageError):
        collect(catalogue, keep=0, published=())


def test_what_cannot_be_read_is_named_and_stays(catalogue: Path) -> None:
    (catalogue / STAMPS[0] / "snapshot.json").write_text("{}")
    (catalogue / STAMPS[1] / "snapshot.json").unlink()
    _, broken = snapshots(catalogue)
    assert [(one.stamp, "snapshot.json" in one.problem) for one in broken] == [
        (STAMPS[0], True),
        (STAMPS[1], True),
    ]
    removed = collect(catalogue, keep=1, published=()).removed
    assert removed == (f"{STAMPS[0]}-2", f"{STAMPS[0]}-10")
    assert (catalogue / STAMPS[0]).is_dir()
    assert (catalogue / STAMPS[1]).is_dir()


def test_nothing_goes_while_nobody_knows_which_is_in_use(catalogue: Path) -> None:
    (catalogue / "CURRENT").write_text("nonsense")
    with pytest.raises(VerificationError):
        collect(catalogue, keep=1, published=())
    assert len(stamps(catalogue)) == 6


def test_a_kill_while_removing_leaves_no_half_of_a_snapshot(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            collect(catalogue, keep=5, published=())
    assert stamps(catalogue) == [f"{STAMPS[0]}-2", f"{STAMPS[0]}-10", *STAMPS[1:]]
    assert not snapshots(catalogue)[1]
    assert list(catalogue.glob(".removing-*"))
    collect(catalogue, keep=5, published=())
    assert not list(catalogue.glob(".removing-*"))


def test_what_is_shared_is_not_freed(catalogue: Path) -> None:
    first, second = catalogue / STAMPS[0], catalogue / STAMPS[1]
    shared = first / "facts" / "00000.parquet"
    (second / "facts" / "00000.parquet").unlink()
    os.link(shared, second / "facts" / "00000.parquet")
    size = shared.stat().st_size
    use = disk_use(first)
    assert use.bytes - use.alone == size
    both = disk_use(first).alone + disk_use(second).alone + size  # no snapshot that stays shares it
    for other in (f"{STAMPS[0]}-2", f"{STAMPS[0]}-10"):
        shutil.rmtree(catalogue / other)
    assert collect(catalogue, keep=2, published=()).freed == both


def test_a_link_to_a_snapshot_elsewhere_stays(catalogue: Path, tmp_path: Path) -> None:
    (catalogue / STAMPS[0]).rename(tmp_path / "elsewhere")
    (catalogue / STAMPS[0]).symlink_to(tmp_path / "elsewhere")
    assert STAMPS[0] not in collect(catalogue, keep=1, published=()).removed
    assert (catalogue / STAMPS[0]).is_symlink()
