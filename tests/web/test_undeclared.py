"""What was taken back is named by no declaration of mining any more, at once."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from phonotheque.editions.covering import covered_by
from phonotheque.editions.declaring import declare
from phonotheque.editions.edition import read_edition
from phonotheque.editions.upholding import uphold
from phonotheque.editions.withdrawing import Asked, hold, request
from phonotheque.vault.archive import Archive, open_archive
from tests.postgresql import copy_tree
from tests.web.room.archives import SECOND

pytestmark = pytest.mark.once("about files; tests/editions/test_withdrawing.py asks the ledger")
AT = "2026-11-25T09:00:00Z"


@pytest.fixture
def archive(library: Archive, tmp_path: Path, own_settings: Path) -> Archive:
    copy_tree(library.folder, tmp_path / "library")
    return open_archive(tmp_path / "library")


def declared(archive: Archive) -> tuple[list[list[str]], dict[str, Any], str]:
    """Return the table, its description, and the rules."""
    table = (archive.public / "mining" / "minable.csv").read_bytes()
    described = json.loads((archive.public / "mining" / "croissant.json").read_bytes())
    (file,) = described["distribution"]
    assert file["sha256"] == hashlib.sha256(table).hexdigest()
    assert file["contentSize"] == f"{len(table)} B"
    rules = (archive.public / ".well-known" / "tdmrep.json").read_text()
    return list(csv.reader(table.decode().splitlines())), described, rules


def test_what_is_taken_back_is_declared_no_more(archive: Archive) -> None:
    before, _, _ = declared(archive)
    (named,) = [row for row in before if "second" in row[0].lower()]
    asked = Asked("Somebody", "because", (named[1],))
    one = request(archive, asked, covered_by(archive, asked.words), at=AT)
    hold(archive, one.id, by="tests", note=None, at=AT)
    after, described, rules = declared(archive)
    assert after == [row for row in before if row[1] != named[1]]
    assert f"{len(after) - 1} of them" in described["description"]
    assert "second" not in rules.lower()
    files = [archive.public / place for place in ("mining/minable.csv", "mining/croissant.json")]
    stamps = [file.stat().st_ino for file in files]
    uphold(archive, at=AT)
    assert [file.stat().st_ino for file in files] == stamps
    assert not list((archive.public / "mining").glob(".*"))
    # What the next publishing declares is the same.
    edition = read_edition((archive.public / "targets" / "edition.json").read_bytes())
    declare(archive, edition, SECOND.date())
    assert declared(archive)[0] == after
    archive.close()


def test_a_run_that_was_killed_between_table_and_description_is_made_up_for(archive: Archive) -> None:
    before, _, _ = declared(archive)
    (named,) = [row for row in before if "second" in row[0].lower()]
    stale = (archive.public / "mining" / "croissant.json").read_bytes()
    asked = Asked("Somebody", "because", (named[1],))
    one = request(archive, asked, covered_by(archive, asked.words), at=AT)
    hold(archive, one.id, by="tests", note=None, at=AT)
    (archive.public / "mining" / "croissant.json").write_bytes(stale)
    uphold(archive, at=AT)
    declared(archive)
    (archive.public / "mining" / "croissant.json").unlink()
    (archive.public / ".well-known" / "tdmrep.json").write_text("[")
    assert uphold(archive, at=AT)  # which the next publishing begins with
    archive.close()
