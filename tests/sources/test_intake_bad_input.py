"""Folders full of trouble: every bad file is named with its reason, and everything good is taken in."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy.exc import OperationalError

from phonotheque.audio.identify import identify
from phonotheque.model.audio import Integrity
from phonotheque.model.errors import PhonothequeError
from phonotheque.sources import intake, spread, take_in
from phonotheque.sources.intake import AddOptions, add_folder
from phonotheque.sources.spread import take_in_batch
from phonotheque.sources.take_in import How
from phonotheque.vault import place
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.sources.looking import assert_sound, master, names, notes, reasons, state, ways_of
from tests.tones import encrypted, flac, wav

IN_PROCESS = pytest.mark.usefixtures("in_process")


def kinds(archive: Archive) -> dict[str, int]:
    return {kind: count for kind, count in ways_of(archive).items() if kind != "held"}


@IN_PROCESS
def test_what_is_not_music_is_refused_by_its_content(archive: Archive, music: Path) -> None:
    wav(music / "good.wav", 1)
    (music / "empty.flac").touch()
    (music / "text.mp3").write_text("Words, words, words.\n" * 500)
    (music / "picture.ogg").write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(3000))
    (music / "zeros.wav").write_bytes(bytes(3000))
    encrypted(music / "bought.m4a")
    result = add_folder(archive, music)
    assert dict(result.refused) == {"empty": 1, "not-audio": 3, "drm": 1}
    assert "text" in reasons(archive)["text.mp3"]
    assert "JPEG" in reasons(archive)["picture.ogg"]
    assert "does not remove protection" in reasons(archive)["bought.m4a"]
    assert set(notes(result)) == {"empty.flac", "text.mp3", "picture.ogg", "zeros.wav", "bought.m4a"}
    assert names(archive) == ["good.wav"]
    assert_sound(archive)
    assert add_folder(archive, music).unchanged == 6


@IN_PROCESS
def test_mislabelled_music_is_taken_for_what_it_is(archive: Archive, music: Path) -> None:
    flac(music / "is a flac.mp3", 1)
    wav(music / "is a wav", 2)
    assert add_folder(archive, music).held == 2


@IN_PROCESS
def test_damaged_music_is_kept_and_said_to_be_damaged(archive: Archive, music: Path) -> None:
    whole = flac(music / "whole.flac", 1).read_bytes()
    (music / "truncated.flac").write_bytes(whole[: len(whole) * 2 // 3])
    flipped = bytearray(whole)
    flipped[len(whole) * 3 // 4] ^= 4
    (music / "flipped.flac").write_bytes(flipped)
    result = add_folder(archive, music)
    assert result.held == 3
    told = notes(result)
    assert set(told) == {"truncated.flac", "flipped.flac"}
    assert all(text.startswith(Integrity.DAMAGED) for text in told.values())


@IN_PROCESS
def test_nothing_but_a_header_is_refused(archive: Archive, music: Path) -> None:
    whole = flac(music / "whole.flac", 1).read_bytes()
    (music / "header.flac").write_bytes(whole[:60])
    assert dict(add_folder(archive, music).refused) == {"undecodable": 1}


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


@IN_PROCESS
@pytest.mark.sqlite("looks at the size of the ledger's file")
def test_huge_tags_do_not_reach_the_ledger_whole(archive: Archive, music: Path) -> None:
    # ID3v2.4 §3 and §4: a title of 20 MB in front of the sound.
    text = b"\3" + b"x" * 20_000_000
    frame = b"TIT2" + synchsafe(len(text)) + b"\0\0" + text
    sound = wav(music / "plain.wav", 1).read_bytes()
    (music / "tagged.wav").write_bytes(b"ID3\4\0\0" + synchsafe(len(frame)) + frame + sound)
    result = add_folder(archive, music)
    assert result.held + sum(result.refused.values()) == 2
    assert (archive.folder / "ledger.sqlite").stat().st_size < 5_000_000
    assert (archive.folder / "ledger.sqlite-wal").stat().st_size < 5_000_000


@IN_PROCESS
def test_any_name_goes(archive: Archive, music: Path) -> None:
    for number, name in enumerate([b"caf\xe9.wav", b"line\nbreak.wav", b"\xff\xfe", b"-rf.wav", b"a" * 255]):
        wav(music / os.fsdecode(name), number)
    assert add_folder(archive, music).held == 5
    assert "caf\ufffd.wav" in names(archive)
    assert add_folder(archive, music).unchanged == 5


@IN_PROCESS
def test_a_file_whose_path_is_as_long_as_can_be_is_taken_in(archive: Archive, music: Path) -> None:
    source = wav(music / "a.wav", 1)
    folder = music
    while len(os.fsencode(folder)) < 4095 - 220:
        folder /= "d" * 200
        folder.mkdir()
    name = "n" * (4095 - 1 - len(os.fsencode(folder)) - 1)
    shutil.copy(source, folder / name)
    wav(source, 2)
    assert add_folder(archive, music).held == 2
    assert add_folder(archive, music).unchanged == 2


@IN_PROCESS
def test_looping_links_pipes_and_missing_targets_are_named(archive: Archive, music: Path) -> None:
    wav(music / "good.wav", 1)
    (music / "loop.wav").symlink_to("loop.wav")
    (music / "missing.wav").symlink_to("nowhere")
    (music / "folder").symlink_to(music)
    os.mkfifo(music / "pipe.wav")
    result = add_folder(archive, music)
    assert result.held == 1
    assert dict(result.refused) == {"unreadable": 2, "not-audio": 2}
    assert set(notes(result)) == {"loop.wav", "missing.wav", "folder", "pipe.wav"}


@IN_PROCESS
@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_a_file_that_cannot_be_read_is_named_and_tried_again_next_time(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    wav(music / "good.wav", 1)
    bad = wav(music / "bad.wav", 2)
    read = place.open_regular

    def failing(path: Path, *, follow_links: bool = True) -> object:
        if path == bad:
            raise OSError(number, os.strerror(number), str(path))
        return read(path, follow_links=follow_links)

    with monkeypatch.context() as broken:
        broken.setattr(place, "open_regular", failing)
        result = add_folder(archive, music)
    assert (result.held, dict(result.refused)) == (1, {"unreadable": 1})
    assert reasons(archive) == {"bad.wav": os.strerror(number)}
    assert_sound(archive)
    assert add_folder(archive, music).held == 1
    assert reasons(archive) == {}


@IN_PROCESS
def test_an_error_in_the_middle_of_a_file_is_not_its_end(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = wav(music / "bad.wav", 2, frames=1_500_000)  # more than one buffer
    reads: list[Path] = []
    read = place._read

    def failing(stream: object, buffer: memoryview, path: Path) -> int:
        reads.append(path)
        if len(reads) == 3:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return read(stream, buffer, path)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(place, "_read", failing)
    assert dict(add_folder(archive, music).refused) == {"unreadable": 1}
    assert reasons(archive) == {"bad.wav": "Input/output error"}
    assert not master(archive, bad).exists()
    assert_sound(archive)


@IN_PROCESS
@pytest.mark.parametrize("how", How)
def test_files_that_vanish_or_change_while_they_are_read_are_named(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch, how: How
) -> None:
    good = wav(music / "good.wav", 1)
    gone, going, changing = (wav(music / f"{name}.wav", 2) for name in ("gone", "going", "changing"))
    copy = take_in._copy

    def vanishing(path: Path) -> object:
        if path == gone:
            gone.unlink()
        found = identify(path)
        if path == going:
            going.unlink()
        return found

    def moving(source: Path, temporary: Path, how: How) -> str:
        digest = copy(source, temporary, how)
        if source == changing:
            os.utime(changing, ns=(1, 1))
        return digest

    content = good.read_bytes()
    monkeypatch.setattr(take_in, "identify", vanishing)
    monkeypatch.setattr(take_in, "_copy", moving)
    result = add_folder(archive, music, AddOptions(how))
    assert (result.held, dict(result.refused)) == (1, {"unreadable": 3})
    assert reasons(archive)["changing.wav"] == "changed while it was being read"
    assert reasons(archive)["going.wav"] == "vanished before it could be read"
    assert "No such file" in reasons(archive)["gone.wav"]
    assert changing.exists()
    assert [path.read_bytes() for path in archive.incoming.rglob("*") if path.is_file()] == [content]
    assert_sound(archive)


# --- the archive's own disk ---


@IN_PROCESS
def test_a_full_disk_stops_the_run_and_loses_nothing(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        wav(music / f"{number:02}.wav", number)
    written: list[Path] = []
    write = place._write_all

    def until_full(stream: object, data: memoryview, path: Path) -> None:
        written.append(path)
        if len(written) > 6:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(stream, data, path)  # type: ignore[arg-type]  # passed on as it came

    with monkeypatch.context() as small:
        small.setattr(place, "_write_all", until_full)
        with pytest.raises(OSError, match="No space left") as caught:
            add_folder(archive, music)
    assert str(archive.incoming) in str(caught.value.filename)
    assert kinds(archive) == {}
    assert list(archive.incoming.glob(".*")) == []
    add_folder(archive, music)
    assert len(names(archive, held=True)) == 12
    assert_sound(archive)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount something there, or skip the test visibly where that is not allowed."""
    folder.mkdir(exist_ok=True)
    tool = shutil.which("mount")
    done = subprocess.run([tool, *options, folder], capture_output=True, check=False) if tool else None
    if done is None or done.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_that_really_is_full(make_archive: MakeArchive, music: Path, tmp_path: Path) -> None:
    for number in range(40):
        wav(music / f"{number:02}.wav", number, frames=50_000)
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=2M", "tmpfs"):
        archive = make_archive(folder=tmp_path / "small", mandate="yes")
        with pytest.raises((OSError, OperationalError), match=r"No space left|disk is full|disk I/O error"):
            add_folder(archive, music, AddOptions(workers=2))
        archive.ledger.dispose()
        subprocess.run(["mount", "-o", "remount,size=20M", tmp_path / "small"], check=True)
        archive = make_archive(folder=tmp_path / "small", mandate="yes")
        add_folder(archive, music, AddOptions(workers=2))
        assert len(names(archive, held=True)) == 40
        assert_sound(archive)
        archive.ledger.dispose()


@IN_PROCESS
def test_a_source_that_really_is_read_only(archive: Archive, music: Path, tmp_path: Path) -> None:
    wav(tmp_path / "disc" / "a.wav", 1)
    with mounted(music, "--bind", "-o", "ro", str(tmp_path / "disc")):
        assert add_folder(archive, music).held == 1
        result = add_folder(archive, music, AddOptions(How.MOVE))
        assert notes(result) == {"a.wav": "taken in, but it cannot be removed: Read-only file system"}
    assert_sound(archive)


# --- the run itself ---


@IN_PROCESS
def test_a_second_writer_is_told_and_hurts_nothing(archive: Archive, music: Path) -> None:
    wav(music / "a.wav", 1)
    with archive.writing("add"):
        add_folder(archive, music)
        before = state(archive)
        second = Archive(archive.folder, archive.settings).writing("publish")
        with pytest.raises(PhonothequeError, match=r"being changed by “phono add” \(process \d+\)") as caught:
            second.__enter__()
        assert "Wait" in caught.value.advice
    assert state(archive) == before
    with archive.writing("add"):
        assert add_folder(archive, music).unchanged == 1


def deadly(batch: list[take_in.TakeIn]) -> list[pa.RecordBatch]:
    if any(task.found.relative == "poison.wav" for task in batch):
        os._exit(1)
    return take_in_batch(batch)


def test_a_file_that_kills_its_reader_is_set_aside(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        wav(music / f"{number}.wav", number)
    wav(music / "poison.wav", 99)
    monkeypatch.setattr(spread, "take_in_batch", deadly)
    result = add_folder(archive, music, AddOptions(workers=1))
    assert (result.held, dict(result.refused)) == (3, {"unsafe": 1})
    assert "2 times alone (it ended by itself, with status 1)" in reasons(archive)["poison.wav"]
    assert_sound(archive)
    assert add_folder(archive, music).unchanged == 4


@IN_PROCESS
def test_what_is_told_of_is_bounded_and_what_is_left_out_is_counted(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_LISTED", 5)
    for number in range(12):
        (music / f"{number}.txt").write_text("no music")
    result = add_folder(archive, music)
    assert (len(result.notable), result.unlisted, sum(result.refused.values())) == (5, 7, 12)


def test_real_workers_take_in_what_this_process_would(make_archive: MakeArchive, music: Path) -> None:
    for number in range(9):
        flac(music / f"{number}.flac", number, {"TITLE": f"Song {number}"})
    (music / "text.txt").write_text("no music")
    one, other = make_archive("one", mandate="yes"), make_archive("other", mandate="yes")
    add_folder(one, music, AddOptions(workers=3))
    add_folder(other, music, AddOptions(workers=1))
    assert state(one) == state(other)
    assert_sound(one)
