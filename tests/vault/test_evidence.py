from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.vault.evidence import evidence_path, keep_evidence, read_evidence
from tests.conftest import MakeArchive


def test_a_document_is_kept_by_its_hash_once(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive()
    letter = tmp_path / "letter.txt"
    letter.write_text("I allow it.", encoding="utf-8")
    sha256 = keep_evidence(archive, letter)
    assert sha256 == hashlib.sha256(b"I allow it.").hexdigest()
    assert keep_evidence(archive, letter) == sha256
    assert read_evidence(archive, sha256) == b"I allow it."
    assert [path.name for path in archive.evidence.rglob("*") if path.is_file()] == [sha256]


def test_a_damaged_document_is_said_and_can_be_kept_again(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive()
    letter = tmp_path / "letter.txt"
    letter.write_text("I allow it.", encoding="utf-8")
    kept = evidence_path(archive, keep_evidence(archive, letter))
    kept.chmod(0o644)
    kept.write_text("I allow no.", encoding="utf-8")
    with pytest.raises(VerificationError, match=kept.name):
        read_evidence(archive, kept.name)
    keep_evidence(archive, letter)
    assert read_evidence(archive, kept.name) == b"I allow it."


def test_a_document_that_is_not_there_is_said(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive()
    with pytest.raises(NotFoundError, match=r"letter\.txt"):
        keep_evidence(archive, tmp_path / "letter.txt")
    with pytest.raises(NotFoundError, match="a" * 64):
        read_evidence(archive, "a" * 64)


def test_a_document_that_is_not_the_one_verified_is_not_kept(
    make_archive: MakeArchive, tmp_path: Path
) -> None:
    archive = make_archive()
    letter = tmp_path / "letter.txt"
    letter.write_bytes(b"what was signed")
    sha256 = keep_evidence(archive, letter)
    letter.write_bytes(b"something else")
    with pytest.raises(VerificationError, match="changed while it was read"):
        keep_evidence(archive, letter, sha256)
    assert read_evidence(archive, sha256) == b"what was signed"
    assert len([path for path in archive.evidence.rglob("*") if path.is_file()]) == 1


def test_what_a_killed_run_left_goes(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive()
    letter = tmp_path / "letter.txt"
    letter.write_bytes(b"what was signed")
    archive.evidence.mkdir(parents=True)
    (archive.evidence / ".keeping").write_bytes(b"what wa")
    keep_evidence(archive, letter)
    assert len([path for path in archive.evidence.rglob("*") if path.is_file()]) == 1


def test_documents_are_their_owners_alone(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive("archive")
    (tmp_path / "letter").write_bytes(b"a secret letter")
    before = os.umask(0o022)
    try:
        keep_evidence(archive, tmp_path / "letter")
    finally:
        os.umask(before)
    assert stat.S_IMODE(archive.evidence.stat().st_mode) == 0o700
