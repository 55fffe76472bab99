"""The command line: data on stdout, messages on stderr, exit codes that a script can rely on."""

from __future__ import annotations

from pathlib import Path

import pytest

from phonotheque.cli.common import counted, human_size, human_time, safe
from tests.cli.conftest import Phono
from tests.tones import encrypted, flac

pytestmark = pytest.mark.usefixtures("own_settings")


@pytest.fixture
def archive(phono: Phono, tmp_path: Path) -> Path:
    assert phono("init", tmp_path / "archive", "--name", "Ours").code == 0
    return tmp_path / "archive"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    flac(folder / "a.flac", 1, {"TITLE": "Jóga [live]", "ARTIST": "Björk’s Aunt", "LICENSE": "CC0-1.0"})
    flac(folder / "b.flac", 2, {"TITLE": "Nobody knows"})
    encrypted(folder / "locked.m4p")
    return folder


def test_a_day_in_the_life(phono: Phono, archive: Path, music: Path) -> None:
    added = phono("add", archive, music, "--json")
    assert (added.code, added.data["held"], added.data["known"]) == (0, 1, 1)
    assert added.data["refused"] == {"drm": 1}
    assert phono("add", archive, music, "--json").data["unchanged"] == 3
    (hit,) = phono("search", archive, "joga", "--json").data
    shown = phono("show", archive, hit["id"])
    assert "Jóga [live] · Björk’s Aunt" in shown.out  # brackets are text, not markup
    assert "CC0-1.0" in phono("rights", archive, "--all").out
    assert phono("plan", archive, "--budget", "1MB", "--json").data["masters"] == 1
    published = phono("publish", archive, "--date", "2026-11-21", "--json")
    assert (published.code, published.data["edition"]) == (0, 1)
    checked = phono("check", archive, "--json")
    assert (checked.code, checked.data["wrong"]) == (0, 0)
    status = phono("status", archive, "--json").data
    assert (status["masters"], status["edition"]["number"]) == (1, 1)
    assert "edition 1" in phono("status", archive).out


def test_a_mirror_of_a_folder_is_checked_and_repaired(
    phono: Phono, archive: Path, music: Path, tmp_path: Path
) -> None:
    phono("add", archive, music)
    phono("publish", archive)
    mirror = tmp_path / "mirror"
    assert phono("mirror", archive, mirror, "--budget", "1MB", "--once").code == 0
    assert phono("check", mirror).code == 0
    assert phono("status", mirror, "--json").data["complete"] == 2
    (victim,) = mirror.glob("vault/bags/*/data/*/*.flac")
    victim.chmod(0o644)
    victim.write_bytes(b"not what was published")
    found = phono("check", mirror)
    assert found.code == 4
    assert victim.name in found.err
    assert phono("repair", mirror).code == 0
    assert phono("check", mirror).code == 0


def test_a_grant_needs_evidence_and_then_lets_a_file_in(phono: Phono, archive: Path, music: Path) -> None:
    phono("add", archive, music)
    assert phono("rights", "grant", archive, "b.flac", "--licence", "CC-BY-4.0").code == 2
    grant = ("rights", "grant", archive, "b.flac", "--licence", "CC-BY-4.0", "--evidence")
    assert phono(*grant, "  ").code == 2
    granted = phono(*grant, "a letter", "--json")
    assert granted.data == {
        "granted": ["b.flac"], "now_addable": ["b.flac"], "document": None, "contradicts": [],
    }  # fmt: skip
    assert phono("add", archive, music, "--json").data["held"] == 1
    assert (
        phono("rights", "grant", archive, "nothing.flac", "--licence", "CC0-1.0", "--evidence", "x").code == 3
    )


def test_listens_are_taken_in_and_bad_lines_named(
    phono: Phono, archive: Path, music: Path, tmp_path: Path
) -> None:
    phono("add", archive, music)
    counts = tmp_path / "counts.csv"
    counts.write_text("title,artist,listens\nJóga [live],Björk’s Aunt,12\nNobody knows,,many\n")
    added = phono("add", archive, f"listens:{counts}")
    assert added.code == 0
    assert "line 3" in added.err
    (hit,) = phono("search", archive, "joga", "--json").data
    assert hit["listens"] == 12


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("status", "nowhere"), 3, "phono init"),
        (("show", "ARCHIVE", "no-such-id"), 3, "holds no catalogue yet"),
        (("add", "ARCHIVE", "nowhere"), 3, "not a folder"),
        (("add", "ARCHIVE", "listens:nowhere.csv"), 3, "no file"),
        (("publish", "ARCHIVE"), 3, "phono add"),
        (("publish", "ARCHIVE", "--date", "yesterday"), 2, "not a date"),
        (("plan", "ARCHIVE", "--budget", "much"), 2, "not a size"),
        (("mirror", "ARCHIVE", "m"), 2, "--budget"),
        (("repair", "ARCHIVE"), 2, "--from"),
        (("init", "ARCHIVE", "--name", "Again"), 2, "not empty"),
        (("init", "new", "--name", " "), 2, "name is empty"),
        (("dance",), 2, "dance"),
    ],
)
def test_what_is_wrong_and_what_to_do_is_said(
    phono: Phono,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = phono(*(archive if word == "ARCHIVE" else word for word in words))
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


def test_settings_errors_name_the_file_and_the_field(phono: Phono, archive: Path) -> None:
    settings = archive / "phonotheque.toml"
    settings.write_text(settings.read_text().replace('bag_bytes = "32GiB"', 'bag_bytes = "big"'))
    ran = phono("status", archive)
    assert ran.code == 2
    assert "phonotheque.toml: [publish] bag_bytes" in ran.err


def test_keys_are_private_and_never_public(archive: Path) -> None:
    keys = list((archive / "keys").iterdir())
    assert len(keys) == 4
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys)
    assert not list((archive / "public").rglob("*.pem"))


def test_help_lists_every_command(phono: Phono) -> None:
    ran = phono("--help")
    assert ran.code == 0
    for command in ("init", "add", "publish", "mirror", "check", "repair", "demo"):
        assert command in ran.out


def test_words_for_people() -> None:
    assert [human_size(n) for n in (0, 999, 1500, 2_000_000, 150_000_000_000, 3e17)] == [
        "0 B", "999 B", "1.5 kB", "2.0 MB", "150 GB", "300.0 PB",
    ]  # fmt: skip
    assert [human_time(n) for n in (1, 61, 7265)] == ["1 s", "1 min 1 s", "2 h 1 min"]
    assert [counted(1, "copy", "copies"), counted(1200, "file")] == ["1 copy", "1,200 files"]
    assert safe("a\x1b[31mb\u202ec") == "a�[31mb�c"
