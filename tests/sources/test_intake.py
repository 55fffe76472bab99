"""Adding a folder: what is taken in, what is known only, what a second time costs, and what moves."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from phonotheque.ledger.files import each_file
from phonotheque.ledger.statements import record_grant
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.model.rights import Kind, Statement
from phonotheque.sources import spread
from phonotheque.sources.decide import redecide
from phonotheque.sources.folder import FoundFile, walk
from phonotheque.sources.intake import AddOptions, add_folder
from phonotheque.sources.spread import take_in_batch
from phonotheque.sources.take_in import How, TakeIn, take_in
from phonotheque.vault import place
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.sources.looking import (
    assert_sound,
    licences,
    master,
    names,
    notes,
    questions,
    state,
    ways_of,
)
from tests.tones import flac, wav

CC_BY = "https://creativecommons.org/licenses/by/4.0/"
CC_ZERO = "https://creativecommons.org/publicdomain/zero/1.0/"

pytestmark = pytest.mark.usefixtures("in_process")


def unasked(batch: list[TakeIn]) -> list[pa.RecordBatch]:
    """Stand in for the worker where nothing may be read."""
    raise AssertionError(f"asked for {[task.found.relative for task in batch]}")


def test_masters_are_the_bytes_as_they_were(archive: Archive, music: Path) -> None:
    one, two = wav(music / "one.wav", 1), flac(music / "deep" / "er" / "two.flac", 2)
    before = {path: (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) for path in (one, two)}
    result = add_folder(archive, music)
    assert (result.held, result.again, result.known, result.unchanged) == (2, 0, 0, 0)
    assert names(archive, held=True) == ["deep/er/two.flac", "one.wav"]
    for path, was in before.items():
        assert (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) == was
        assert master(archive, path).read_bytes() == was[0]
        assert master(archive, path).stat().st_mode & 0o777 == 0o444
    assert_sound(archive)


def test_a_second_time_adds_nothing_and_reads_nothing(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav(music / "a.wav", 1)
    (music / "cover.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (music / "empty.wav").touch()
    first = add_folder(archive, music)
    before = state(archive)
    monkeypatch.setattr(spread, "take_in_batch", unasked)
    again = add_folder(archive, music)
    assert (again.unchanged, again.held, again.again, sum(again.refused.values())) == (3, 0, 0, 0)
    assert (first.changed, state(archive)) == (True, before)


def test_a_folder_is_the_same_by_whatever_name(archive: Archive, music: Path, tmp_path: Path) -> None:
    wav(music / "a.wav", 1)
    add_folder(archive, music)
    (tmp_path / "link").symlink_to(music)
    for name in (tmp_path / "link", music / ".." / "music"):
        assert add_folder(archive, name).unchanged == 1


def test_reread_reads_everything_and_adds_nothing(archive: Archive, music: Path) -> None:
    wav(music / "a.wav", 1)
    add_folder(archive, music, AddOptions(loudness=False))
    before = state(archive)
    result = add_folder(archive, music, AddOptions(reread=True))
    assert (result.held, result.again, result.unchanged) == (0, 1, 0)
    assert state(archive) == before


def test_reread_mends_a_damaged_master(archive: Archive, music: Path) -> None:
    source = wav(music / "a.wav", 1)
    add_folder(archive, music)
    master(archive, source).chmod(0o644)
    master(archive, source).write_bytes(b"damaged")
    add_folder(archive, music, AddOptions(reread=True))
    assert master(archive, source).read_bytes() == source.read_bytes()
    assert_sound(archive)


def test_a_changed_file_is_taken_in_beside_the_old_one(archive: Archive, music: Path) -> None:
    source = wav(music / "a.wav", 1)
    add_folder(archive, music)
    old = master(archive, source)
    wav(source, 2)
    os.utime(source, ns=(1, 1))
    result = add_folder(archive, music)
    assert (result.held, result.unchanged) == (1, 0)
    assert old.exists()
    assert master(archive, source).exists()


def test_equal_files_are_one_master_under_two_paths(archive: Archive, music: Path) -> None:
    wav(music / "a.wav", 1)
    wav(music / "b.wav", 1)
    result = add_folder(archive, music)
    assert (result.held, result.again) == (1, 1)
    assert add_folder(archive, music).unchanged == 2
    assert len(names(archive)) == 1


def test_other_options_than_before_change_nothing_of_what_is_settled(archive: Archive, music: Path) -> None:
    wav(music / "a.wav", 1)
    add_folder(archive, music, AddOptions(loudness=False))
    assert add_folder(archive, music).unchanged == 1
    with archive.ledger.connect() as ledger:
        (row,) = each_file(ledger)
    assert row.loudness is None


# --- rights ---


def test_without_a_mandate_only_what_has_a_basis_is_kept(make_archive: MakeArchive, music: Path) -> None:
    archive = make_archive()
    flac(music / "free.flac", 1, {"LICENSE": CC_BY})
    flac(music / "unknown.flac", 2)
    result = add_folder(archive, music)
    assert (result.held, result.known) == (1, 1)
    assert names(archive, held=True) == ["free.flac"]
    assert not master(archive, music / "unknown.flac").exists()
    assert_sound(archive)
    assert add_folder(archive, music).unchanged == 2


def test_a_grant_lets_the_next_add_take_in_what_was_only_known(
    make_archive: MakeArchive, music: Path
) -> None:
    archive = make_archive()
    source = flac(music / "unknown.flac", 2)
    add_folder(archive, music)
    letter = Statement(Kind.LICENCE, "CC-BY-4.0", "a letter of 3 May", "grant", "me")
    with archive.ledger.begin() as ledger:
        ids = [row.id for row in each_file(ledger)]
        record_grant(ledger, ids, letter, at="2026-01-01T00:00:00Z")
        redecide(ledger, ids, archive.settings, at="2026-01-01T00:00:00Z")
    result = add_folder(archive, music)
    assert (result.held, result.known, result.unchanged) == (1, 0, 0)
    assert master(archive, source).exists()
    assert add_folder(archive, music).unchanged == 1


def test_a_mandate_lets_the_next_add_take_in_what_was_only_known(
    make_archive: MakeArchive, music: Path
) -> None:
    flac(music / "unknown.flac", 2)
    assert add_folder(make_archive(), music).known == 1
    assert add_folder(make_archive(mandate="Legal deposit."), music).held == 1


def test_another_copy_of_what_is_held_is_settled_at_once(make_archive: MakeArchive, music: Path) -> None:
    archive = make_archive()
    flac(music / "a.flac", 1)
    (music / "a.txt").write_text(f"Licence: {CC_ZERO}")
    flac(music / "later" / "b.flac", 1)  # without a note: its basis is the other path's
    result = add_folder(archive, music)
    assert (result.held, result.again, result.known) == (1, 1, 0)
    assert add_folder(archive, music).unchanged == 2


def test_a_changed_note_replaces_what_was_stated(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    (music / "a.txt").write_text(f"Licence: {CC_BY}")
    add_folder(archive, music)
    assert licences(archive) == [("CC-BY-4.0", True)]
    (music / "a.txt").write_text(f"Licence: {CC_ZERO}")
    os.utime(music / "a.txt", ns=(1, 1))
    result = add_folder(archive, music)
    assert (result.again, result.unchanged) == (1, 0)
    assert licences(archive) == [("CC-BY-4.0", False), ("CC0-1.0", True)]
    (music / "a.txt").unlink()
    add_folder(archive, music)
    assert licences(archive) == [("CC-BY-4.0", False), ("CC0-1.0", False)]


def test_a_folders_rules_reach_the_files_below(make_archive: MakeArchive, music: Path) -> None:
    flac(music / "disc" / "a.flac", 1)
    table = '[[rights]]\nfiles = ["disc/**"]\nlicence = "CC-BY-SA-4.0"\nevidence = "a letter"\n'
    (music / "rights.toml").write_text(table)
    archive = make_archive()
    assert add_folder(archive, music).held == 1
    assert licences(archive) == [("CC-BY-SA-4.0", True)]


def test_debians_copyright_file_reaches_the_files_of_its_package(
    make_archive: MakeArchive, music: Path
) -> None:
    flac(music / "data" / "a.flac", 1)
    (music / "debian").mkdir()
    (music / "debian" / "copyright").write_text(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
        "Files: data/*\nCopyright: 2020 Somebody\nLicense: CC-BY-4.0\n"
    )
    archive = make_archive()
    assert add_folder(archive, music).held == 1
    assert licences(archive) == [("CC-BY-4.0", True)]


@pytest.mark.parametrize("broken", ["[[rights]\n", "[[rights]]\nlicense = 1\n", "x = 1\n" * 300_000])
def test_broken_rules_are_asked_about_and_the_rest_goes_on(
    make_archive: MakeArchive, music: Path, broken: str
) -> None:
    archive = make_archive()
    flac(music / "ruled" / "a.flac", 1)
    flac(music / "ruled" / "tagged.flac", 2, {"LICENSE": CC_BY})
    flac(music / "other" / "b.flac", 3, {"LICENSE": CC_BY})
    (music / "ruled" / "rights.toml").write_text(broken)
    result = add_folder(archive, music)
    assert (result.held, result.known, sum(result.refused.values())) == (2, 1, 0)
    assert {name for name, _ in questions(archive)} == {"ruled/a.flac", "ruled/tagged.flac"}
    assert all("rights.toml" in text for _, text in questions(archive))


def test_notes_that_cannot_be_read_are_asked_about(make_archive: MakeArchive, music: Path) -> None:
    flac(music / "a.flac", 1)
    flac(music / "b.flac", 2)
    (music / "a.txt").symlink_to("missing")
    (music / "b.txt").mkdir()
    (music / "rights.toml").symlink_to("rights.toml")
    archive = make_archive()
    assert add_folder(archive, music).known == 2
    assert sorted(questions(archive)) == [
        ("a.flac", "a.txt could not be read: No such file or directory"),
        ("a.flac", "rights.toml could not be read: Too many levels of symbolic links"),
        ("b.flac", "b.txt could not be read: Is a directory"),
        ("b.flac", "rights.toml could not be read: Too many levels of symbolic links"),
    ]


# --- moving and linking ---


def test_a_move_removes_a_source_only_when_the_ledger_has_it(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = wav(music / "good.wav", 1), music / "text.wav"
    bad.write_text("This is a text, and stays.")
    held_when_removed: list[dict[str, int]] = []
    unlink = os.unlink

    def watched(path: os.PathLike[str] | bytes, **named: int) -> None:
        if path == os.fsencode(good):
            held_when_removed.append(ways_of(archive))
        unlink(path, **named)

    monkeypatch.setattr(os, "unlink", watched)
    content = good.read_bytes()
    where = master(archive, good)
    result = add_folder(archive, music, AddOptions(How.MOVE))
    assert result.held == 1
    assert not good.exists()
    assert bad.exists()
    assert where.read_bytes() == content
    assert [seen["held"] for seen in held_when_removed] == [1]
    assert_sound(archive)


def test_a_move_leaves_what_is_not_kept(make_archive: MakeArchive, music: Path) -> None:
    source = flac(music / "unknown.flac", 1)
    assert add_folder(make_archive(), music, AddOptions(How.MOVE)).known == 1
    assert source.exists()


def test_a_move_after_a_copy_reads_again_before_it_removes(archive: Archive, music: Path) -> None:
    source = wav(music / "a.wav", 1)
    add_folder(archive, music)
    where = master(archive, source)
    where.unlink()  # the archive has lost it: only the source is left
    add_folder(archive, music, AddOptions(How.MOVE))
    assert not source.exists()
    assert where.exists()
    assert_sound(archive)


def test_a_move_from_a_read_only_source_says_so_and_goes_on(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav(music / "a.wav", 1)
    wav(music / "b.wav", 2)
    unlink = os.unlink

    def refuse(path: os.PathLike[str] | bytes, **named: int) -> None:
        if isinstance(path, bytes):
            raise OSError(30, "Read-only file system", path)
        unlink(path, **named)

    monkeypatch.setattr(os, "unlink", refuse)
    result = add_folder(archive, music, AddOptions(How.MOVE))
    assert result.held == 2
    told = "taken in, but it cannot be removed: Read-only file system"
    assert notes(result) == {"a.wav": told, "b.wav": told}


def changing(batch: list[TakeIn]) -> list[pa.RecordBatch]:
    """Take files in, and change them before anybody hears of it."""
    taken = take_in_batch(batch)
    for task in batch:
        wav(Path(os.fsdecode(task.found.path)), 2, frames=3000)
    return taken


def test_a_move_leaves_a_source_that_has_changed_meanwhile(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = wav(music / "a.wav", 1)
    monkeypatch.setattr(spread, "take_in_batch", changing)
    result = add_folder(archive, music, AddOptions(How.MOVE))
    assert source.exists()
    assert notes(result) == {"a.wav": "not removed: it has changed since it was taken in"}


def test_a_link_shares_the_inode_and_leaves_the_sources_mode(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = wav(music / "a.wav", 1)
    source.chmod(0o640)
    assert add_folder(archive, music, AddOptions(How.LINK)).held == 1
    assert master(archive, source).samefile(source)
    assert source.stat().st_mode & 0o777 == 0o640
    assert add_folder(archive, music, AddOptions(How.LINK, reread=True)).again == 1
    assert source.exists()
    assert_sound(archive)


def test_a_link_across_file_systems_becomes_a_copy(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(*_args: object, **_named: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", elsewhere)
    source = wav(music / "a.wav", 1)
    assert add_folder(archive, music, AddOptions(How.LINK)).held == 1
    assert not master(archive, source).samefile(source)
    assert_sound(archive)


def test_a_symbolic_link_is_taken_in_as_a_copy_of_what_it_names(
    archive: Archive, music: Path, tmp_path: Path
) -> None:
    source = wav(tmp_path / "elsewhere" / "real.wav", 1)
    (music / "link.wav").symlink_to(source)
    assert add_folder(archive, music, AddOptions(How.LINK)).held == 1
    assert not master(archive, source).samefile(source)


def test_a_link_never_takes_the_place_of_a_master_of_our_own(
    archive: Archive, music: Path, tmp_path: Path
) -> None:
    wav(music / "a.wav", 1)
    add_folder(archive, music)
    other = wav(tmp_path / "other" / "b.wav", 1)
    assert add_folder(archive, tmp_path / "other", AddOptions(How.LINK)).again == 1
    assert not master(archive, other).samefile(other)


def test_blocks_are_shared_where_the_file_system_can(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloned: list[Path] = []

    def clone(src: Path, dst: Path) -> bool:
        cloned.append(src)
        dst.write_bytes(src.read_bytes())
        return True

    monkeypatch.setattr(place, "clone", clone)
    source = wav(music / "a.wav", 1)
    assert add_folder(archive, music).held == 1
    assert cloned == [source]
    assert_sound(archive)


# --- what may be added ---


def test_an_archive_inside_the_folder_is_left_out(make_archive: MakeArchive, music: Path) -> None:
    archive = make_archive(folder=music / "archive", mandate="yes")
    wav(music / "a.wav", 1)
    assert add_folder(archive, music).held == 1
    again = add_folder(archive, music, AddOptions(reread=True))
    assert (again.again, again.held, sum(again.refused.values())) == (1, 0, 0)


def test_a_vault_that_lies_elsewhere_is_left_out_too(archive: Archive, music: Path) -> None:
    wav(music / "a.wav", 1)
    (music / "big disk").mkdir()
    (archive.folder / "vault").symlink_to(music / "big disk")
    add_folder(archive, music)
    result = add_folder(archive, music, AddOptions(How.MOVE))
    assert (result.held, result.again) == (0, 1)
    assert_sound(archive)


def test_the_archives_own_folders_are_refused(archive: Archive, music: Path, tmp_path: Path) -> None:
    wav(music / "a.wav", 1)
    add_folder(archive, music)
    for folder in (archive.folder, archive.incoming):
        with pytest.raises(UsageError, match="part of the archive"):
            add_folder(archive, folder, AddOptions(How.MOVE))
    (tmp_path / "link").symlink_to(archive.incoming)
    with pytest.raises(UsageError, match="part of the archive"):
        add_folder(archive, tmp_path / "link", AddOptions(How.MOVE))
    assert_sound(archive)


def test_a_folder_that_is_not_there_is_named(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        add_folder(archive, tmp_path / "nowhere")


def test_an_archive_that_has_lost_its_ledger_takes_nothing_in(archive: Archive, music: Path) -> None:
    wav(music / "a.wav", 1)
    add_folder(archive, music)
    archive.ledger.dispose()
    (archive.folder / "ledger.sqlite").write_bytes(b"")
    with pytest.raises(VerificationError, match=r"ledger of .* is empty"):
        add_folder(Archive(archive.folder, archive.settings), music)


def test_what_a_worker_gets_and_gives_is_small_and_whole(archive: Archive, music: Path) -> None:
    archive.incoming.mkdir(parents=True)
    source = wav(music / "a.wav", 1)
    (found,) = (item for item in walk(music) if isinstance(item, FoundFile))
    (taken,) = take_in([TakeIn(found, archive.incoming, How.COPY, may_keep=True)])
    assert taken.held
    assert master(archive, source).read_bytes() == source.read_bytes()
    assert [path.name for path in archive.incoming.iterdir()] == [master(archive, source).parent.name]
