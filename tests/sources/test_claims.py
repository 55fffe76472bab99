"""What an archive tells of a file or an ISRC that somebody claims, and what it is careful not to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from mutagen import File as MutagenFile

from phonotheque.audio.sameness import Likeness
from phonotheque.editions.covering import covered_by
from phonotheque.editions.withdrawing import Asked, request
from phonotheque.ledger.copies import masters
from phonotheque.model.errors import NotFoundError
from phonotheque.sources import already as already_module
from phonotheque.sources.already import Answer
from phonotheque.sources.claim_words import verdict
from phonotheque.sources.claims import Claim, claim_of_file, claim_of_isrc
from phonotheque.sources.duplicates import Evidence, heard
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
    (used,) = registrant.used
    assert (registrant.code, used.artist, used.known, registrant.recordings) == (
        "ZZPHN",
        "The Testers",
        True,
        2,
    )
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
    claim = claim_of_isrc(stocked, "QZABC2400004", on=TODAY)
    ((used,),) = (registrant.used for registrant in claim.registrants)
    assert (used.known, used.usual) == (False, (("ZZPHN", 2),))
    said = " ".join(verdict(claim))
    assert "No other recording by The Testers here has an ISRC of the registrant QZABC" in said
    assert "somebody else’s code" in said
    assert "Nothing here contradicts" not in said
    assert "Aucun autre enregistrement de The Testers" in " ".join(verdict(claim, "fr"))
    assert "Rien ici ne le contredit" not in " ".join(verdict(claim, "fr"))


def test_one_credit_and_its_names_are_no_contradiction(stocked: Archive, tmp_path: Path) -> None:
    flac(tmp_path / "more" / "5.flac", 5, tags("Five", "Alice & Bob", "ZZPHN2400005"), seconds=20)
    add_folder(stocked, tmp_path / "more")
    rebuild_catalogue(stocked, at=NOW)
    path = flac(tmp_path / "claimed" / "5.flac", 5, tags("Five", "Alice", "ZZPHN2400005"), seconds=20)
    tagged: Any = MutagenFile(path)
    tagged["ARTIST"] = ["Alice", "Bob"]
    tagged.save()
    claim = of_file(stocked, path)
    assert (claim.answer, claim.tags and claim.tags.artists) == (Answer.AUDIO, ("Alice", "Bob"))
    assert (claim.differing, claim.titles) == ((), ())
    assert "Nothing here contradicts that" in " ".join(verdict(claim))
    tagged["ARTIST"] = ["Carol"]
    tagged["TITLE"] = ["Mine"]
    tagged.save()
    claim = of_file(stocked, path)
    assert (claim.differing, claim.titles) == (("Alice & Bob", "Carol"), ("Five", "Mine"))
    assert "different titles: Five; Mine" in " ".join(verdict(claim))
    assert "titres différents lui sont donnés : Five; Mine" in " ".join(verdict(claim, "fr"))


def test_what_was_asked_to_be_taken_back_is_not_told_as_uncontradicted(stocked: Archive) -> None:
    assert any("Nothing here contradicts" in one for one in verdict(claim_of_isrc(stocked, CODE, on=TODAY)))
    at = "2026-11-21T10:15:00Z"
    with stocked.writing("test"):
        asked = Asked(words=(CODE,), by="Somebody", reason="It is mine.")
        request(stocked, asked, covered_by(stocked, asked.words), at=at)
    said = verdict(claim_of_isrc(stocked, CODE, on=TODAY))
    assert any("asked to be taken back on 2026-11-21" in one for one in said)
    assert not any("Nothing here contradicts" in one for one in said)


def test_what_the_catalogue_was_not_told_of_was_not_compared(stocked: Archive, tmp_path: Path) -> None:
    flac(tmp_path / "new" / "6.flac", 6, tags("Six", "Somebody"), seconds=20)
    flac(tmp_path / "new" / "1.flac", 1, tags("Uno", "Los Testers"), seconds=20)
    add_folder(stocked, tmp_path / "new")
    claim = of_file(stocked, tmp_path / "in" / "1.flac")
    assert ([bearer.title for bearer in claim.bearers], claim.uncatalogued) == (["One"], 1)
    said = " ".join(verdict(claim))
    assert "not told yet of 1 of the files that match" in said
    assert "Nothing here contradicts" not in said
    assert "sans être encore au catalogue" in " ".join(verdict(claim, "fr"))
    claim = of_file(stocked, tmp_path / "new" / "6.flac")
    assert (claim.known, claim.bearers, claim.uncatalogued) == (True, (), 1)


def test_what_is_only_perhaps_the_same_gives_no_date_and_accuses_nobody(
    stocked: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear = heard

    def doubtful(*args: Any) -> Evidence:
        return replace(hear(*args), likeness=Likeness.PERHAPS)

    monkeypatch.setattr(already_module, "heard", doubtful)
    claim = of_file(stocked, flac(tmp_path / "x" / "1.flac", 1, tags("Mine", "Me"), seconds=21))
    assert (claim.answer, claim.known) == (Answer.PERHAPS, True)
    assert ([bearer.certain for bearer in claim.bearers], [file.certain for file in claim.files]) == (
        [False],
        [False],
    )
    assert (claim.first_seen, claim.differing, claim.titles) == (None, (), ())
    said = " ".join(verdict(claim))
    assert "may be the same recording" in said
    assert not [word for word in ("First seen", "contradicts", "confirmed", "distributed") if word in said]


def test_more_registrants_than_are_named_are_looked_at(archive: Archive, tmp_path: Path) -> None:
    for number in range(1, 23):  # the last two only once, and after twenty others by name
        code = f"ZZ{'ABCDEFGHIJKLMNOPQRSTUVWX'[number]}AA24000{number:02}"
        flac(tmp_path / "in" / f"{number}.flac", number, tags(f"Song {number}", "Much", code), seconds=5)
    flac(tmp_path / "in" / "last.flac", 40, tags("Last", "Much", "ZZWAA2400099"), seconds=5)
    flac(tmp_path / "in" / "other.flac", 41, tags("Other", "Little", "ZZWAA2400099"), seconds=5)
    add_folder(archive, tmp_path / "in")
    rebuild_catalogue(archive, at=NOW)
    claim = claim_of_isrc(archive, "ZZWAA2400099", on=TODAY)
    used = {one.artist: one for registrant in claim.registrants for one in registrant.used}
    assert (used["Much"].known, used["Much"].recordings, len(used["Much"].usual)) == (True, 1, 20)
    assert "ZZWAA" not in dict(used["Much"].usual)
    assert used["Little"].known is None  # their own codes only: who contradicts them has others
    said = " ".join(verdict(claim))
    assert "Other recordings by Much have ISRCs of the registrant ZZWAA" in said
    assert "No other ISRC of Little is known here" in said
    assert "D’autres enregistrements de Much ont des ISRC du déposant ZZWAA" in " ".join(verdict(claim, "fr"))


def test_before_anything_was_taken_in_nothing_is_known(archive: Archive) -> None:
    assert not claim_of_isrc(archive, CODE, on=TODAY).known


def test_what_cannot_be_heard_is_said_so(stocked: Archive, tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_text("This is a letter.\n" * 100)
    claim = of_file(stocked, letter)
    assert (claim.answer, claim.known) == (Answer.REFUSED, False)
    assert any("cannot be compared" in sentence for sentence in verdict(claim))
