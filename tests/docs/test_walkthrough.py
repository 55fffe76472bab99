"""The how-tos and the README do what they say: their commands are run, in order, on a little music."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from phonotheque.cli.demo.encoding import FLAC, OPUS, Format, encode
from phonotheque.cli.demo.labels import Basis, Label, write_rights, write_tags
from phonotheque.cli.demo.synthesis import RATE
from phonotheque.model.audio import Tags
from tests.docs.docs_pages import DOCS, ROOT, Line, blocks, codes, command_lines, name_of, table, text_of

HOW_TO = DOCS / "how-to"
PATIENCE = 300  # seconds for one command, on a busy machine

# Mirrors in tests speak to nobody: what a page tells people to type does not say so.
_PHONO = """\
#!/bin/sh
case "$1" in mirror | repair) set -- "$@" --no-discovery --listen 127.0.0.1:0 ;; esac
exec {python} -m phonotheque.cli.main "$@"
"""

# What follows on one page must run in one process, which holds the page's console.
one_console = pytest.mark.xdist_group("walkthrough")
pytestmark = pytest.mark.ledger


@dataclass
class Console:
    """A shell in a folder of its own, in which ``phono`` is the one under test."""

    folder: Path
    said: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)

    def run(self, line: Line) -> str:
        """Run a command line; the test fails unless it exits as it should. Returns what it printed."""
        program = next(word for word in line.text.split() if "=" not in word)
        if program != "cd" and shutil.which(program, path=self.environment()["PATH"]) is None:
            self.not_run.append(line.text)
            return ""
        remember = self.folder.parent / "directory"
        script = f"{line.text}\ncode=$?\npwd > {remember}\nexit $code"
        here = Path(remember.read_text().strip()) if remember.exists() else self.folder
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=here,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == line.exits, f"$ {line.text}\n{done.stdout}"
        assert "Traceback" not in done.stdout
        self.said.append(done.stdout)
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Nobody's own settings, and the command under test."""
        own = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PHONOTHEQUE_", "SOURCE_DATE"))
        }
        home = str(self.folder.parent / "home")
        path = f"{self.folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return own | {"HOME": home, "XDG_CONFIG_HOME": f"{home}/.config", "PATH": path, "COLUMNS": "200"}


def new_console(place: Path) -> Console:
    (place / "home").mkdir(parents=True)
    (place / "bin").mkdir()
    phono = place / "bin" / "phono"
    phono.write_text(_PHONO.format(python=sys.executable))
    phono.chmod(0o755)
    folder = place / "work"
    folder.mkdir()
    write_music(folder / "Music")
    return Console(folder)


def write_music(folder: Path) -> None:
    """Two tones that are CC0 by their tags, and one that nobody has said anything about."""
    _write(folder / "The Tones" / "01 Note 1.flac", FLAC, 1, "The Tones", Basis.TAG)
    _write(folder / "The Tones" / "02 Note 2.opus", OPUS, 2, "The Tones", Basis.TAG)
    _write(folder / "Demo" / "Note 3.flac", FLAC, 3, "The Example Ensemble", Basis.NONE)


def _write(path: Path, form: Format, number: int, artist: str, basis: Basis) -> None:
    moments = np.arange(4 * RATE) / RATE
    pitch = 220 * (1 + number / 3) * (1 + 0.1 * np.floor(moments * 3))
    tone = (0.2 * np.sin(2 * np.pi * pitch * moments)).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(np.stack([tone, tone], axis=1), path, form)
    label = Label(f"Note {number}", artist, "Notes", "2024", "", f"ZZPHN240000{number}", number, 3, basis)
    write_tags(path, label)
    write_rights(path, label)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """A console in which all of first-archive.md was typed."""
    console = new_console(tmp_path_factory.mktemp("first-archive"))
    follow(HOW_TO / "first-archive.md", console)
    return console


def follow(page: Path, console: Console) -> None:
    for line in command_lines(page):
        console.run(line)


def told(page: Path) -> Iterator[str]:
    """The lines that a page shows as printed."""
    for block in blocks(page):
        if block.kind == "console":
            yield from (line for line in block.text.splitlines() if line and line[:2] not in ("$ ", "> "))


@one_console
def test_the_first_archive_prints_what_the_page_shows(walked: Console) -> None:
    printed = [" ".join(line.split()) for text in walked.said for line in text.splitlines()]
    for line in told(HOW_TO / "first-archive.md"):
        pattern = re.escape(" ".join(line.split())).replace("…", ".*")
        pattern = re.sub(r"[\d.\\]+\\ (kB|MB)", r"[\\d.]+ (kB|MB)", pattern)
        assert any(re.fullmatch(pattern, said) for said in printed), f"nobody said: {line}"


@one_console
def test_the_first_archive_and_its_mirror_are_what_the_page_promises(walked: Console) -> None:
    bags = {path.name for path in (walked.folder / "my-archive" / "vault" / "bags").iterdir()}
    assert bags == {"songs-of-our-village-0001-0001", "songs-of-our-village-0001-catalogue"}
    assert bags == {path.name for path in (walked.folder / "my-mirror" / "public" / "bags").iterdir()}


@one_console
def test_every_field_of_a_bags_records_is_described(walked: Console) -> None:
    described = {codes(row[0])[0] for row in table(DOCS / "format.md", "### recordings.jsonl")}
    written: set[str] = set()
    for records in (walked.folder / "my-archive" / "vault" / "bags").glob("*/recordings.jsonl"):
        for line in records.read_text(encoding="utf-8").splitlines():
            written |= json.loads(line).keys()
    assert written <= described
    assert described == written | {name for name in Tags.__dataclass_fields__ if name != "raw"}


@one_console
def test_the_folders_of_an_archive_are_those_described(walked: Console) -> None:
    page = text_of(DOCS / "format.md")
    drawing = page.split("## The archive folder")[1].split("##")[0]
    for place in ("my-archive", "my-mirror"):
        for entry in (walked.folder / place).iterdir():
            assert entry.name in drawing, f"docs/format.md does not tell of {place}/{entry.name}"


@one_console
@pytest.mark.parametrize("page", ["audit-an-edition.md", "verify-a-claim.md"])
def test_what_was_published_is_audited_and_claims_are_verified(walked: Console, page: str) -> None:
    """The pages begin where the first archive ends, in the folder above it."""
    walked.run(Line(f"cd {walked.folder}"))
    follow(HOW_TO / page, walked)


@pytest.mark.sqlite("backs up the ledger's file as the page says")
@one_console
def test_keys_are_backed_up_and_restored(walked: Console) -> None:
    follow(HOW_TO / "back-up-and-restore-keys.md", walked)
    assert len(list((walked.folder / "my-archive" / "keys").iterdir())) == 4
    if walked.not_run:
        pytest.skip(f"not installed, so not run: {walked.not_run}")


@one_console
@pytest.mark.once("runs commands that their own tests run on both")
def test_an_archive_is_restored_from_its_mirror(walked: Console, tmp_path: Path) -> None:
    console = new_console(tmp_path)
    shutil.copytree(walked.folder, console.folder, symlinks=True, dirs_exist_ok=True)
    for line in command_lines(HOW_TO / "restore-an-archive.md"):
        if "https://" not in line.text:
            console.run(line)
    assert "Nothing new to publish: edition 1 is current." in "\n".join(console.said)
    assert "all as it should be" in "\n".join(console.said)


def test_keys_are_replaced_and_several_people_sign(tmp_path: Path) -> None:
    console = new_console(tmp_path)
    console.run(Line('phono init my-archive --name "Songs of our village"'))
    for line in command_lines(HOW_TO / "replace-keys.md"):
        if "ID" in line.text.split():
            break
        console.run(line)
    assert (console.folder / "my-archive" / "public" / "metadata" / "5.root.json").exists()


@pytest.mark.sqlite("copies the archive's folder, its ledger included, as the page says")
def test_an_edition_is_reproduced(tmp_path: Path) -> None:
    console = new_console(tmp_path)
    console.run(Line('phono init my-archive --name "Songs of our village"'))
    follow(HOW_TO / "reproduce-an-edition.md", console)


def test_rights_are_decided_on(tmp_path: Path) -> None:
    console = new_console(tmp_path)
    stated = 'phono rights statements my-archive "The Tones/01 Note 1.flac" --json'
    for line in command_lines(HOW_TO / "decide-on-rights.md"):
        if "1a2b3c4d" in line.text:  # the page's example of an id
            (about,) = json.loads(console.run(Line(stated)))
            ours = [one for one in about["statements"] if one["stands"] and one["evidence_origin"] == "grant"]
            (letter,) = [one for one in ours if one["kind"] == "licence"]
            line = Line(line.text.replace("1a2b3c4d", letter["id"][:8]), line.exits)
        console.run(line)
    said = "\n".join(console.said)
    assert "La distribuer ? Pour US, le 2047-01-01 : oui." in said
    assert "Against it, 1 file: Licensed under CC0 1.0 Universal" in said
    assert "2029-01-01  1 file: may be distributed in US" in said
    assert "Nothing was saved" in said
    (document,) = (console.folder / "my-archive" / "vault" / "evidence").glob("*/*")
    assert document.read_text().startswith("The Example Ensemble lets")
    assert not list((console.folder / "my-archive" / "public").rglob(document.name))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not here")
def test_a_small_label_deposits(tmp_path: Path) -> None:
    page = HOW_TO / "deposit-as-a-label-or-artist.md"
    console = new_console(tmp_path)
    (filled_in,) = (block.text for block in blocks(page) if block.kind == "toml")
    for line in command_lines(page):
        said = console.run(line)
        if "--manifest" in line.text:  # the page: write its hash into the agreement
            (listed,) = re.findall(r'sha256 = "([0-9a-f]{64})"', said)
            agreement = filled_in.replace("THE-HASH-OF-STEP-2", listed)
            (console.folder / "agreement.toml").write_text(agreement)
    printed = [" ".join(line.split()) for text in console.said for line in text.splitlines()]
    for shown in told(page):
        pattern = re.escape(" ".join(shown.split())).replace("…", ".*")
        assert any(re.fullmatch(pattern, said) for said in printed), f"nobody said: {shown}"
    receipt = json.loads((console.folder / "receipt" / "receipt.json").read_text())
    assert [file["held"] for file in receipt["files"]] == [True] * 3
    assert "mail@mill-tapes.example" not in (console.folder / "receipt" / "receipt.html").read_text()


def test_the_readme_does_what_it_says(tmp_path: Path) -> None:
    console = new_console(tmp_path)
    lines = [line for line in command_lines(ROOT / "README.md") if line.text.startswith("phono ")]
    run = {line.text.split()[1] for line in lines}
    assert {"init", "add", "rights", "plan", "publish", "mirror", "check"} <= run, name_of(ROOT / "README.md")
    for line in lines:
        console.run(line)
    assert list((console.folder / "my-mirror" / "public" / "bags").iterdir())
