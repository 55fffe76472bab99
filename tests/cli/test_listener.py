"""phono listener: names, passwords and keys for players."""

from __future__ import annotations

import json

from click.testing import CliRunner

from phonotheque.cli.main import phono
from phonotheque.vault.archive import Archive
from phonotheque.web.subsonic.listeners import listeners_of


def _run(*words: object) -> str:
    done = CliRunner().invoke(phono, ["listener", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_listener_is_added_listed_and_forgotten(archive: Archive) -> None:
    assert json.loads(_run("list", archive.folder, "--json")) == []
    assert "Nobody" in _run("list", archive.folder)
    told = json.loads(_run("add", archive.folder, "Ada", "--json"))
    listeners = listeners_of(archive)
    assert listeners.with_key(told["api_key"]) == listeners.named("ada")
    assert told["password"] not in _run("list", archive.folder)
    text = _run("add", archive.folder, "Bob")
    one = listeners.named("Bob")
    assert one is not None
    assert one.password in text
    _run("remove", archive.folder, "Ada")
    assert [each["name"] for each in json.loads(_run("list", archive.folder, "--json"))] == ["Bob"]


def test_what_makes_no_sense_is_refused(archive: Archive) -> None:
    for words in (("add", archive.folder, "guest"), ("remove", archive.folder, "Nobody")):
        done = CliRunner().invoke(phono, ["listener", *map(str, words)])
        assert done.exception is not None
        assert "listener" in str(done.exception)
