"""What an archive tells of a file or an ISRC that somebody claims, and what it is careful not to say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from phonotheque.ledger.copies import masters
from phonotheque.model.errors import NotFoundError
from phonotheque.sources.already import Answer
from phonotheque.sources.claim_words import verdict
from phonotheque.sources.claims import Claim, claim_of_file, claim_of_isrc
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.sources.likeness import refresh
from phonotheque.vault.archive import Archive
from tests.tones import flac

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
TODAY = date(2026, 11, 21)
CODE = "ZZPHN2400001"
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"


def tags(title: str, artist: str, isrc: str = "", **more: str) -> dict[str, str]:
    return {"TITLE": title, "ARTIST": artist, "ALBUM": "Tones"} | ({"ISRC": isrc} if isrc else {}) | more


@pytest.fixture
def stocked(archive: Archive, tmp_path: Path) -> Archive:
    flac(tmp_path / "in" / "1.flac", 1, tags("One", "The Testers", CODE, LICENSE=CC0), seconds=20)
    flac(tmp_path / "in" / "2.flac", 2, tags("Two", "The Testers", "ZZPHN2400002"), seconds=20)
    add_folder(archive, tmp_path / "in")
    rebuild_catalogue(archive, at=NOW)
    return archive


def of_file(archive: Archive, path: Path) -> Claim:
    with archive.writing("test"):
        index = refresh(archive)
    return claim_of_file(archive, index, path, on=TODAY)


def test_a_code_that_is_known_is_told_with_who_says_so(stocked: Archive) -> None:
    claim = claim_of_isrc(stocked, CODE, on=TODAY)
    (bearer,) = claim.bearers
    assert (bearer.title, bearer.artist, bearer.isrcs, bearer.sayers) == ("One", "The Testers", (CODE,), 1)
    assert (bearer.said_by[0].source, bearer.otherwise) == ("folder", ())
    assert claim.first_seen is not None
    assert claim.first_seen.location.endswith("/in")
    (file,) = claim.files
    assert [recorded.statement.licence for recorded in file.statements] == ["CC0-1.0"]
    assert file.decision.answer == "yes"
    (registrant,) = claim.registrants
    assert (registrant.code, registrant.known, registrant.recordings) == ("ZZPHN", True, 2)
    said = " ".join(verdict(claim))
    assert "that is no proof of ownership" in said
    assert "nobody else has confirmed it" in said
    assert "ce n’est pas un titre" in " ".join(verdict(claim, "fr"))


def test_of_what_is_unknown_nothing_is_claimed(stocked: Archive, archive: Archive, tmp_path: Path) -> None:
    claim = claim_of_isrc(stocked, "FRXXX0000001", on=TODAY)
    assert (claim.known, claim.first_seen) == (False, None)
    assert "says nothing about whose it is" in " ".join(verdict(claim))
    claim = of_file(stocked, flac(tmp_path / "else" / "9.flac", 9, tags("Nine", "Nobody"), seconds=20))
    assert (claim.known, claim.answer) == (False, Answer.NO)
    with pytest.raises(NotFoundError):
        of_file(stocked, tmp_path / "nothing.flac")


def test_a_file_is_known_by_its_bytes_and_by_its_sound_and_stays_out(
    stocked: Archive, tmp_path: Path
) -> None:
    before = sorted(path.name for path in stocked.incoming.rglob("*"))
    same = of_file(stocked, tmp_path / "in" / "1.flac")
    assert (same.answer, [bearer.title for bearer in same.bearers]) == (Answer.BYTES, ["One"])
    retagged = flac(tmp_path / "claimed" / "x.flac", 1, tags("Mine", "Somebody Else", CODE), seconds=20)
    claim = of_file(stocked, retagged)
    assert claim.answer is Answer.AUDIO
    assert claim.tags is not None
    assert claim.tags.artists == ("Somebody Else",)
    # Two names for one thing, of which the archive saw one first.
    assert claim.differing == ("Somebody Else", "The Testers")
    said = " ".join(verdict(claim))
    assert "different names: Somebody Else; The Testers" in said
    assert "Nothing here contradicts" not in said
    assert sorted(path.name for path in stocked.incoming.rglob("*")) == before
    with stocked.ledger.connect() as ledger:
        assert len(masters(ledger, ids=range(1, 10))) == 2


def test_one_code_on_two_recordings_is_a_contradiction(stocked: Archive, tmp_path: Path) -> None:
    flac(tmp_path / "more" / "3.flac", 3, tags("Other", "The Cloners", CODE), seconds=30)
    add_folder(stocked, tmp_path / "more")
    rebuild_catalogue(stocked, at=NOW)
    claim = claim_of_isrc(stocked, CODE, on=TODAY)
    assert {bearer.title for bearer in claim.bearers} == {"One", "Other"}
    assert claim.bearers[0].title == "One"  # the one that was here first
    assert claim.differing == ("The Cloners", "The Testers")
    assert any(CODE in sentence for bearer in claim.bearers for sentence in bearer.otherwise)
    said = verdict(claim)
    assert any("this one stands for several here" in sentence for sentence in said)
    assert not any("Nothing here contradicts" in sentence for sentence in said)


def test_a_registrant_that_the_artist_never_had_is_told(stocked: Archive, tmp_path: Path) -> None:
    flac(tmp_path / "more" / "4.flac", 4, tags("Four", "The Testers", "QZABC2400004"), seconds=20)
    add_folder(stocked, tmp_path / "more")
    rebuild_catalogue(stocked, at=NOW)
    (registrant,) = claim_of_isrc(stocked, "QZABC2400004", on=TODAY).registrants
    assert (registrant.known, registrant.usual) == (False, (("ZZPHN", 2),))
    assert any("somebody else’s code" in s for s in verdict(claim_of_isrc(stocked, "QZABC2400004", on=TODAY)))


def test_before_anything_was_taken_in_nothing_is_known(archive: Archive) -> None:
    assert not claim_of_isrc(archive, CODE, on=TODAY).known


def test_what_cannot_be_heard_is_said_so(stocked: Archive, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_text("This is a letter.\n" * 100)
    claim = of_file(stocked, letter)
    assert (claim.answer, claim.known) == (Answer.REFUSED, False)
    assert any("cannot be compared" in sentence for sentence in verdict(claim))
