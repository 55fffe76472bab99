"""Walking a folder: every file once, whatever its name, and nothing that loops or blocks."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from phonotheque.model.audio import RefusalKind
from phonotheque.sources.folder import FoundFile, Unwalkable, walk


def found(root: Path, *skip: Path) -> list[str]:
    return [item.relative for item in walk(root, skip=skip) if isinstance(item, FoundFile)]


def refused(root: Path) -> dict[str, tuple[str, str]]:
    return {
        os.path.relpath(item.path, os.fsencode(root)).decode(): (item.refusal.kind.value, item.refusal.reason)
        for item in walk(root)
        if isinstance(item, Unwalkable)
    }


def notes(root: Path) -> dict[str, list[str]]:
    base = os.fsencode(root)
    return {
        item.relative: [os.path.relpath(note, base).decode() for note in item.notes]
        for item in walk(root)
        if isinstance(item, FoundFile) and item.sidecar is None
    }


def put(root: Path, *paths: str, content: bytes = b"x") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def test_files_come_in_the_order_of_names_folder_by_folder(music: Path) -> None:
    put(music, "b/2", "b/10", "a/x", "z", "c", "b/d/e")
    assert found(music) == ["c", "z", "a/x", "b/10", "b/2", "b/d/e"]


def test_a_file_is_described_as_it_is(music: Path) -> None:
    put(music, "a.ogg", content=b"12345")
    (item,) = walk(music)
    assert isinstance(item, FoundFile)
    status = (music / "a.ogg").stat()
    assert item.path == os.fsencode(music / "a.ogg")
    assert (item.size, item.mtime_ns, item.inode) == (5, status.st_mtime_ns, str(status.st_ino))


def test_names_need_not_be_utf_8(music: Path) -> None:
    name = os.fsencode(music) + b"/caf\xe9 \n.ogg"
    Path(os.fsdecode(name)).write_bytes(b"x")
    (item,) = walk(music)
    assert isinstance(item, FoundFile)
    assert item.path == name
    assert item.relative == "caf\ufffd \n.ogg"


def test_links_to_files_are_followed_and_links_to_folders_are_not(music: Path, tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/real.ogg")
    (music / "link.ogg").symlink_to(tmp_path / "elsewhere" / "real.ogg")
    (music / "folder").symlink_to(tmp_path / "elsewhere")
    (music / "loop").symlink_to(music)
    assert found(music) == ["link.ogg"]
    assert set(refused(music)) == {"folder", "loop"}
    assert "add that folder by itself" in refused(music)["loop"][1]


def test_what_cannot_be_looked_at_is_named_with_the_reason(music: Path) -> None:
    (music / "nowhere").symlink_to("missing")
    (music / "a").symlink_to("b")
    (music / "b").symlink_to("a")
    put(music, "good.ogg")
    assert found(music) == ["good.ogg"]
    assert refused(music) == {
        "nowhere": ("unreadable", "No such file or directory"),
        "a": ("unreadable", "Too many levels of symbolic links"),
        "b": ("unreadable", "Too many levels of symbolic links"),
    }


def test_pipes_sockets_and_devices_are_named_and_never_opened(
    music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(music / "pipe.ogg")
    (music / "zero.ogg").symlink_to("/dev/zero")
    monkeypatch.chdir(music)  # a socket's address has little room
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.ogg")
        kinds = {name: kind for name, (kind, _) in refused(music).items()}
    assert kinds == dict.fromkeys(["pipe.ogg", "zero.ogg", "socket.ogg"], "not-audio")


def test_a_folder_too_deep_to_be_named_is_reported_and_the_rest_is_found(music: Path) -> None:
    put(music, "last.ogg", "deep/first.ogg")
    segment, here = "d" * 200, os.open(music / "deep", os.O_RDONLY)
    for _ in range(30):
        os.mkdir(segment, dir_fd=here)
        below = os.open(segment, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("unreachable.ogg", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    assert found(music) == ["last.ogg", "deep/first.ogg"]
    ((path, (kind, reason)),) = refused(music).items()
    assert len(path) > 3500
    assert (kind, reason) == (RefusalKind.UNREADABLE, "File name too long")


def test_a_folder_that_cannot_be_listed_is_reported_whole(
    music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(music, "bad/a.ogg", "good/b.ogg")
    scandir = os.scandir

    def failing(path: bytes) -> object:
        if path.endswith(b"/bad"):
            raise OSError(5, "Input/output error", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    assert found(music) == ["good/b.ogg"]
    assert refused(music) == {"bad": ("unreadable", "Input/output error")}


def test_skipped_folders_are_known_by_what_they_are(music: Path, tmp_path: Path) -> None:
    put(music, "archive/vault/x", "a.ogg")
    assert found(music, music / "archive") == ["a.ogg"]
    through = tmp_path / "through"
    through.symlink_to(music)
    assert found(through, music / "archive") == ["a.ogg"]


def test_notes_belong_to_files_and_are_not_taken_for_music(music: Path) -> None:
    put(music, "a.ogg", "a.txt", "b.hq.ogg", "b.hq.ogg.license", "b.license", "b.txt", "lonely.txt")
    assert notes(music) == {
        "a.ogg": ["a.txt"],
        "b.hq.ogg": ["b.hq.ogg.license", "b.license", "b.txt"],
    }


def test_rule_files_apply_below_nearest_first(music: Path) -> None:
    put(music, "rights.toml", "copyright", "x/REUSE.toml", "x/y/a.ogg", "x/y/a.txt", "b.ogg")
    assert notes(music) == {
        "b.ogg": ["rights.toml", "copyright"],
        "x/y/a.ogg": ["x/y/a.txt", "x/REUSE.toml", "rights.toml", "copyright"],
    }


def test_a_source_packages_copyright_file_speaks_of_the_whole_package(music: Path) -> None:
    put(music, "debian/copyright", "data/a.ogg")
    assert notes(music) == {"data/a.ogg": ["debian/copyright"]}


def test_the_state_of_notes_changes_with_each_of_them(music: Path) -> None:
    put(music, "a.ogg")

    def state() -> str:
        return next(item.notes_state for item in walk(music) if isinstance(item, FoundFile))

    states = {state()}
    put(music, "a.txt", content=b"1")
    states.add(state())
    put(music, "a.txt", content=b"12")
    states.add(state())
    os.utime(music / "a.txt", ns=(1, 1))
    states.add(state())
    put(music, "rights.toml")
    states.add(state())
    assert len(states) == 5
    assert state() in states


def test_a_note_that_cannot_be_looked_at_hinders_nobody(music: Path) -> None:
    put(music, "a.ogg")
    (music / "a.txt").symlink_to("missing")
    (music / "rights.toml").symlink_to("rights.toml")
    assert notes(music) == {"a.ogg": ["a.txt", "rights.toml"]}
    assert refused(music) == {}


def test_many_notes_in_one_folder_take_no_time_of_their_own(music: Path) -> None:
    put(music, *(f"{n}.txt" for n in range(1500)), *(f"{n}.ogg" for n in range(1500)))
    assert all(len(beside) == 1 for beside in notes(music).values())
