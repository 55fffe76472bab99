"""Opening an archive: its settings, from whatever writes them, and its lock."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.vault.archive import Archive, now, open_archive, timestamp
from tests.conftest import MakeArchive


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "phonotheque.toml").write_text(text)
    return folder


@pytest.fixture
def folder(tmp_path: Path, own_settings: Path) -> Path:
    return write(tmp_path / "archive", '[archive]\nname = "From the archive"\n')


def test_settings_come_from_the_most_particular_place(
    folder: Path, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = own_settings / "phonotheque"
    own.mkdir(parents=True)
    (own / "config.toml").write_text('[archive]\nname = "From the user"\nagent = "the user"\n')
    settings = open_archive(folder).settings
    assert (settings.archive.name, settings.archive.agent) == ("From the archive", "the user")
    monkeypatch.setenv("PHONOTHEQUE_ARCHIVE_NAME", "From the environment")
    monkeypatch.setenv("PHONOTHEQUE_PUBLISH_BAG_BYTES", "5MB")
    settings = open_archive(folder).settings
    assert (settings.archive.name, settings.publish.bag_bytes) == ("From the environment", 5_000_000)
    assert open_archive(folder, {"archive": {"name": "Typed"}}).settings.archive.name == "Typed"


def test_a_folder_that_is_no_archive_is_told_how_to_become_one(tmp_path: Path, own_settings: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NotFoundError, match=r"is not an archive") as caught:
            open_archive(place)
        assert "phono init" in caught.value.advice


@pytest.mark.parametrize(
    "text",
    ["[archive\n", "name = \xe9", "a = " + "[" * 5000, "[archive]\nname = 1\n", "[arhive]\nname = 'x'\n"],
)
def test_settings_that_cannot_be_read_are_named(tmp_path: Path, own_settings: Path, text: str) -> None:
    folder = write(tmp_path / "archive", "")
    (folder / "phonotheque.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"archive/phonotheque\.toml"):
        open_archive(folder)


def test_settings_that_cannot_be_opened_are_no_missing_archive(tmp_path: Path, own_settings: Path) -> None:
    (tmp_path / "phonotheque.toml").mkdir()
    with pytest.raises(PhonothequeError, match="cannot be read: Is a directory") as caught:
        open_archive(tmp_path)
    assert not isinstance(caught.value, NotFoundError)


def test_a_mistake_in_the_environment_or_the_users_file_is_looked_for_there(
    folder: Path, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("PHONOTHEQUE_PUBLISH_BAG_FILES", "many")
        with pytest.raises(UsageError, match="many"):
            open_archive(folder)
        patched.delenv("PHONOTHEQUE_PUBLISH_BAG_FILES")
        patched.setenv("PHONOTHEQUE_PUBLISH_LINK", "x")
        with pytest.raises(UsageError, match=r"the environment.*\[publish\] link"):
            open_archive(folder)
        patched.delenv("PHONOTHEQUE_PUBLISH_LINK")
        patched.setenv("PHONOTHEQUE_HOME_PAGE", "somebody else's")
        open_archive(folder)
    (own_settings / "phonotheque").mkdir(parents=True)
    (own_settings / "phonotheque" / "config.toml").write_text("[archive]\nnaem = 'x'\n")
    with pytest.raises(UsageError, match=r"config\.toml: \[archive\] naem"):
        open_archive(folder)


def test_a_second_writer_is_refused_until_the_first_has_gone(archive: Archive) -> None:
    other = Archive(archive.folder, archive.settings)
    with archive.writing("add"):
        waiting = other.writing("publish")
        message = rf"being changed by “phono add” \(process {os.getpid()}\)"
        with pytest.raises(PhonothequeError, match=message):
            waiting.__enter__()
    with other.writing("publish"):
        assert "publish" in (archive.folder / ".lock").read_text()
    assert (archive.folder / ".lock").read_text() == ""


def test_the_lock_ends_with_an_error_inside_it(archive: Archive) -> None:
    with pytest.raises(RuntimeError, match="inside"), archive.writing("add"):
        raise RuntimeError("inside")
    with archive.writing("add"):
        pass


def test_the_lock_of_a_killed_process_hinders_nobody(archive: Archive) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from phonotheque.vault.archive import open_archive\n"
        "with open_archive(Path(sys.argv[1])).writing('add'): os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, os.fspath(archive.folder)], check=False)
    assert killed.returncode == -9
    assert "phono add" in (archive.folder / ".lock").read_text()
    with archive.writing("publish"):
        pass


def test_the_ledger_is_beside_the_settings_unless_an_address_is_given(
    make_archive: MakeArchive, tmp_path: Path
) -> None:
    archive = make_archive("a")
    archive.ledger.connect().close()
    assert (archive.folder / "ledger.sqlite").exists()
    write(tmp_path / "b", f'[ledger]\nurl = "sqlite:///{tmp_path}/elsewhere.sqlite"\n')
    other = open_archive(tmp_path / "b")
    other.ledger.dispose()
    assert (tmp_path / "elsewhere.sqlite").exists()
    assert not (tmp_path / "b" / "ledger.sqlite").exists()


def test_times_are_utc_to_the_second(monkeypatch: pytest.MonkeyPatch, own_settings: Path) -> None:
    assert now().tzinfo is UTC
    assert now().microsecond == 0
    east = timezone(timedelta(hours=9))
    assert timestamp(datetime(2026, 1, 1, 3, 4, 5, tzinfo=east)) == "2025-12-31T18:04:05Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert timestamp(now()) == "2001-09-09T01:46:40Z"


@pytest.mark.parametrize("value", ["yesterday", "1e99", "9" * 30])
def test_a_fixed_time_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH"):
        now()
