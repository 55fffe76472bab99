"""What takes away is not lost where notes cannot be read, or where a nearer folder has rules of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from phonotheque.ledger.files import each_file
from phonotheque.ledger.statements import open_questions, standing_statements
from phonotheque.model.audio import Tags
from phonotheque.model.rights import Evidence, Kind
from phonotheque.sources.evidence import gather, gather_beside
from phonotheque.sources.folder import FoundFile, walk
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.tones import flac

CC_BY = "https://creativecommons.org/licenses/by/4.0/"
GRANTS = f'[[rights]]\nlicence = "{CC_BY}"\nevidence = "a letter"\n'
RESERVES = '[[rights]]\nkind = "reservation"\nevidence = "another letter"\n'


def rules(folder: Path, *tables: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rights.toml").write_text("\n".join(tables))
    return folder / "rights.toml"


def of(root: Path, relative: str) -> Evidence:
    """What is found about one file when the whole folder is walked."""
    found = {one.relative: one for one in walk(root) if isinstance(one, FoundFile)}
    return gather(found[relative].path, found[relative].notes, Tags())


def kinds(evidence: Evidence) -> list[Kind]:
    return sorted(statement.kind for statement in evidence.statements)


def standing(archive: Archive) -> list[Kind]:
    with archive.ledger.connect() as ledger:
        (file,) = each_file(ledger)
        return sorted(one.kind for one in standing_statements(ledger, [file.id])[file.id])


def asked(archive: Archive) -> list[str]:
    with archive.ledger.connect() as ledger:
        return [one.question.text for one in open_questions(ledger)]


def test_a_nearer_folder_hides_what_a_farther_one_grants_and_not_what_it_reserves(music: Path) -> None:
    (music / "a" / "b").mkdir(parents=True)
    (music / "a" / "b" / "c.flac").touch()
    rules(music, GRANTS.replace("by/4.0", "by-sa/4.0"), RESERVES)
    assert kinds(of(music, "a/b/c.flac")) == [Kind.LICENCE, Kind.RESERVATION]
    rules(music / "a" / "b", GRANTS)
    found = of(music, "a/b/c.flac")
    assert kinds(found) == [Kind.LICENCE, Kind.RESERVATION]
    assert [one.licence for one in found.statements if one.licence] == ["CC-BY-4.0"]


def test_a_nearer_folder_that_only_reserves_hides_nothing(music: Path) -> None:
    rules(music, GRANTS)
    rules(music / "a", RESERVES)
    (music / "a" / "c.flac").touch()
    assert kinds(of(music, "a/c.flac")) == [Kind.LICENCE, Kind.RESERVATION]


def test_rules_farther_away_that_cannot_be_read_are_asked_about(music: Path) -> None:
    rules(music, "[[rights]\n")
    rules(music / "a", GRANTS)
    (music / "a" / "c.flac").touch()
    found = of(music, "a/c.flac")
    assert kinds(found) == [Kind.LICENCE]
    assert found.unread
    assert "rights.toml" in found.questions[0].text
    found = gather_beside(b"%s/a/cover.png" % bytes(music), (bytes(music / "rights.toml"),))
    assert found.unread


@pytest.mark.parametrize("trouble", ["broken", "unreadable"])
def test_what_was_read_stands_while_its_note_cannot_be_read(
    make_archive: MakeArchive, music: Path, trouble: str
) -> None:
    archive = make_archive(mandate="Tests keep everything.")
    flac(music / "a.flac", 1)
    ruled = rules(music, GRANTS, RESERVES)
    add_folder(archive, music)
    assert standing(archive) == [Kind.LICENCE, Kind.RESERVATION]
    ruled.unlink()
    if trouble == "broken":
        ruled.write_text("[[rights]\n")
    else:
        ruled.symlink_to(ruled.name)
    add_folder(archive, music)
    assert standing(archive) == [Kind.LICENCE, Kind.RESERVATION]
    (text,) = asked(archive)
    assert "rights.toml" in text
    ruled.unlink()
    rules(music, GRANTS)
    add_folder(archive, music)
    assert standing(archive) == [Kind.LICENCE]
    assert asked(archive) == []


def test_a_note_that_is_gone_says_nothing_any_more(make_archive: MakeArchive, music: Path) -> None:
    archive = make_archive(mandate="Tests keep everything.")
    flac(music / "a.flac", 1)
    rules(music, GRANTS, RESERVES)
    add_folder(archive, music)
    (music / "rights.toml").unlink()
    add_folder(archive, music)
    assert standing(archive) == []
