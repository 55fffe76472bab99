"""phono withdraw: what is taken back is shown to nobody at once, and every step stays on record."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Phono
from tests.endtoend.promises import rows
from tests.tones import flac

CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"


def tags(title: str, isrc: str = "") -> dict[str, str]:
    found = {"TITLE": title, "ARTIST": "The Testers", "ALBUM": "Tones", "TRACKNUMBER": "1", "LICENSE": CC0}
    return found | ({"ISRC": isrc} if isrc else {})


@pytest.fixture
def folder(own_settings: Path, phono: Phono, tmp_path: Path) -> Path:
    """A published archive with two recordings."""
    flac(tmp_path / "in" / "one.flac", 1, tags("One", "FRZ039800212"))
    flac(tmp_path / "in" / "two.flac", 2, tags("Two"))
    archive = tmp_path / "archive"
    assert phono("init", archive, "--name", "Tests").code == 0
    assert phono("add", archive, tmp_path / "in").code == 0
    assert phono("publish", archive).code == 0
    return archive


def shown(archive: Path) -> set[str]:
    """The music that the public tree shows, whatever links lead to it."""
    found = set()
    for here, _, names in os.walk(archive / "public", followlinks=True):
        found |= {name for name in names if name.endswith(".flac") and Path(here, name).exists()}
    return found


def answers(archive: Path, name: str) -> dict[str, str]:
    """What may be done with a file, worldwide."""
    found = rows(archive, "SELECT name, act, answer FROM decisions JOIN files ON files.id = file_id")
    return {act: answer for file, act, answer in found if file == name}


def test_what_is_accepted_is_shown_no_more_at_once(folder: Path, phono: Phono) -> None:
    assert len(shown(folder)) == 2
    asked = phono(
        "withdraw", "request", folder, "one.flac", "--by", "An Artist", "--reason", "It is mine.", "--json"
    )
    assert asked.code == 0, asked.err
    assert asked.data["state"] == "requested"
    assert len(shown(folder)) == 2, "a request alone hides nothing"
    done = phono("withdraw", "accept", folder, asked.data["id"][:8], "--json")
    assert done.code == 0, done.err
    assert done.data["state"] == "accepted"
    assert shown(folder) == {"01 Two.flac"}
    assert answers(folder, "one.flac") == {
        "preserve": "yes",
        "stream": "no",
        "distribute": "no",
        "mine": "no",
    }
    assert answers(folder, "two.flac")["distribute"] == "yes"
