"""What is counted ahead and shown: the three figures of the first screen, and plots with their numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from phonotheque.vault.archive import Archive
from phonotheque.web.guard import ANYBODY
from phonotheque.web.looking.first import First
from phonotheque.web.looking.kept import folder_of
from phonotheque.web.looking.making import renew
from phonotheque.web.room.state import Room
from tests.web.report_archive import empty_archive, small_archive

pytestmark = pytest.mark.ledger
AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive = small_archive(tmp_path_factory.mktemp("small") / "archive")
    renew(archive, at=AT)
    return archive


def figures(archive: Archive) -> First:
    found = Room(archive, ANYBODY).figures
    assert found is not None
    return found


def test_figures_are_of_what_was_counted_last(small: Archive) -> None:
    found = figures(small)
    assert (found.files, found.bytes, found.seconds, found.shareable) == (6, 21_000_000, 1980.0, 3)
    assert (found.bags, found.safe_bags, found.copies_at) == (1, 0, None)
    assert (found.at, found.edition) == ("2026-11-26T09:30:00Z", 1)


def test_nothing_was_counted_before_the_first_time(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    assert Room(archive, ANYBODY).figures is None
    renew(archive, at=AT)
    assert figures(archive).empty


def test_what_makes_no_sense_is_as_good_as_nothing(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    for text in (b"", b"{}", b"[1]", b'{"format": "phonotheque-figures/1"}', b'{"format": "other/9"}'):
        folder_of(archive).mkdir(exist_ok=True)
        (folder_of(archive) / "counted.json").write_bytes(text)
        assert Room(archive, ANYBODY).figures is None
