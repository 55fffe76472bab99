"""Publishing relies on no decision that was made by other rules."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.model.rights import Answer
from phonotheque.rights.findings import Case, Finding
from phonotheque.rights.licence_rules import RULES
from phonotheque.rights.licences import Licence
from phonotheque.rights.reasons import because
from phonotheque.sources import decide
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from tests.tones import flac

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
LATER = datetime(2026, 12, 1, tzinfo=UTC)


def test_what_stricter_rules_allow_no_more_leaves_its_bag(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_keys(archive.keys)
    flac(tmp_path / "music" / "a.flac", 1, {"TITLE": "A", "LICENSE": "CC0-1.0"})
    add_folder(archive, tmp_path / "music")
    rebuild_catalogue(archive, at=NOW)
    (music,) = [bag for bag in publish(archive, at=NOW).bags if bag.wave]

    def stricter(_licence: Licence, _case: Case) -> Finding:
        return Finding(Answer.UNKNOWN, "cc0", because("status-only"))

    monkeypatch.setitem(RULES, "cc0", stricter)
    monkeypatch.setattr(decide, "__version__", "another")
    decide._decided_alike.cache_clear()
    try:
        result = publish(archive, at=LATER)
    finally:
        decide._decided_alike.cache_clear()
    assert [one.before for one in result.revised] == [music.id]
