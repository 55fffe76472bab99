"""What plots count: copies of bags over time, and only once what stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from phonotheque.editions.edition import ArchiveId, CatalogueEntry, Edition, IndexEntry
from phonotheque.ledger.copy_counts import Count, save_counts
from phonotheque.ledger.mirrors import number_bags
from phonotheque.mirrors.copies import COPIES, BagCopies, Copies, write_copies
from phonotheque.vault.archive import Archive
from phonotheque.web.looking import gathering
from phonotheque.web.looking.kept import read_kept
from phonotheque.web.looking.ledger_counts import count_copies
from phonotheque.web.looking.making import is_due, renew
from phonotheque.web.looking.mirror_counts import count_told_copies
from phonotheque.web.looking.telling import tell
from phonotheque.web.looking.voice import voice
from tests.catalogue.catalogue_facts import write
from tests.web.report_archive import _track, empty_archive, small_archive

pytestmark = pytest.mark.ledger
AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
BAG = "tests-0001-0001"
ID = "0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c"


def copies_become(archive: Archive, claimed: int, proven: int, day: str) -> None:
    """Record that the one bag has other copies from a day on."""
    since = f"{day}T00:00:00Z" if proven else None
    with archive.ledger.begin() as ledger:
        numbers = number_bags(ledger)
        changed = {BAG: Count(claimed, proven, since)}
        save_counts(ledger, changed, {BAG: Count(claimed=-1)}, numbers, day)


def test_copies_are_told_over_time_and_claims_are_none(tmp_path: Path) -> None:
    archive = small_archive(tmp_path / "archive")
    for claimed, proven, day in ((5, 0, "2026-11-22"), (5, 2, "2026-11-24"), (9, 3, "2026-11-25")):
        copies_become(archive, claimed, proven, day)
    with archive.ledger.connect() as ledger:
        now, over_time = count_copies(ledger, "2026-11-26T09:00:00Z")
        assert count_copies(ledger, None)[0].rows == ()
    assert now.rows == ((0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 1, 1_100_000))
    assert over_time.rows == (
        ("2026-11-21", 1, 0, 0, 0),
        ("2026-11-22", 1, 0, 0, 0),
        ("2026-11-24", 1, 1, 1, 0),
        ("2026-11-25", 1, 1, 1, 1),
        ("2026-11-26", 1, 1, 1, 1),
    )
    chart = tell(over_time, voice("fr"))
    assert chart.table.rows[0] == ("26 novembre 2026", "1", "1", "1", "1")


def test_safe_are_bags_with_three_verified_copies_of_when_they_were_counted(tmp_path: Path) -> None:
    archive = small_archive(tmp_path / "archive")
    copies_become(archive, 9, 3, "2026-11-25")
    assert renew(archive, at=AT).first.safe_bags == 0  # nobody told anybody
    archive.public.mkdir()
    told = Copies(ID, "2026-11-25T10:00:00Z", {BAG: BagCopies(9, 3, "2026-11-24T10:00:00Z")})
    (archive.public / COPIES).write_bytes(write_copies(told))
    first = renew(archive, at=AT).first
    assert (first.safe_bags, first.safe_bytes, first.copies_at) == (1, 1_100_000, "2026-11-25T10:00:00Z")


def test_a_mirror_remembers_copies_by_day() -> None:
    edition = Edition(
        2, "2026-11-24T09:00:00Z", ArchiveId(ID, "Ours"), None, (), CatalogueEntry("c", "s"),
        IndexEntry("index", 0, "0" * 64),
    )  # fmt: skip
    _now, before = count_told_copies(edition, Copies(ID, "2026-11-25T10:00:00Z"), None)
    _now, after = count_told_copies(edition, Copies(ID, "2026-11-26T10:00:00Z"), before)
    assert [row[0] for row in after.rows] == ["2026-11-25", "2026-11-26"]
    assert count_told_copies(edition, None, after)[1].rows == after.rows
    assert count_told_copies(edition, Copies(ID, "2026-11-26T12:00:00Z"), after)[1].rows == after.rows


def test_a_snapshot_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = small_archive(tmp_path / "archive")
    before = renew(archive, at=AT)
    monkeypatch.setattr(gathering, "count_catalogue", lambda *_: pytest.fail("was counted again"))
    after = renew(archive, at=AT + timedelta(days=1))
    assert after.counts["years"] == before.counts["years"]
    assert after.first.at == "2026-11-27T09:30:00Z"
    assert read_kept(archive) == after


def test_figures_are_due_when_something_else_is_there(tmp_path: Path) -> None:
    archive = small_archive(tmp_path / "archive")
    assert is_due(archive, None, AT)
    kept = renew(archive, at=AT)
    assert not is_due(archive, kept, AT + timedelta(hours=23))
    assert is_due(archive, kept, AT + timedelta(hours=24))
    write(archive.catalogue, [_track(number, "Another") for number in range(3)], made_at=AT)
    assert is_due(archive, kept, AT)
    assert not is_due(archive, renew(archive, at=AT), AT)


def test_an_empty_archive_is_due_once(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    assert not is_due(archive, renew(archive, at=AT), AT)
