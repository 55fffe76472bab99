"""phono withdraw: what is taken back is shown to nobody at once, and every step stays on record."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from phonotheque.vault.archive import open_archive
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


def test_the_status_tells_of_requests_that_wait_for_a_decision(folder: Path, phono: Phono) -> None:
    assert phono("status", folder, "--json").data["withdrawals_waiting"] == {
        "requested": 0,
        "on_hold": 0,
        "oldest": None,
    }
    assert "take something back" not in phono("status", folder).out
    why = ("--by", "An Artist", "--reason", "It is mine.", "--json")
    first = phono("withdraw", "request", folder, "one.flac", *why)
    second = phono("withdraw", "request", folder, "two.flac", "--hold", *why)
    assert (first.code, second.code) == (0, 0)
    told = phono("status", folder, "--json").data["withdrawals_waiting"]
    assert told == {"requested": 1, "on_hold": 1, "oldest": first.data["requested_at"]}
    line = "2 requests to take something back wait for your decision, 1 on hold, the oldest since 20"
    assert line in phono("status", folder).out
    assert phono("withdraw", "accept", folder, second.data["id"]).code == 0
    assert "1 request to take something back waits for your decision, the" in phono("status", folder).out
    assert phono("withdraw", "refuse", folder, first.data["id"], "--reason", "It is not.").code == 0
    assert "take something back" not in phono("status", folder).out


def test_steps_are_listed_and_what_is_private_is_not_printed_as_public(folder: Path, phono: Phono) -> None:
    words = ("--by", "An Artist", "--contact", "artist@example.org", "--reason", "A private matter.")
    assert "Nothing was asked" in phono("withdraw", "list", folder).out
    asked = phono("withdraw", "request", folder, "FRZ039800212", *words, "--yes", "--hold", "--json")
    assert asked.code == 0, asked.err
    assert [one["title"] for one in asked.data["covers"]["recordings"]] == ["One"]
    assert asked.data["public"] == "withdrawn on request"
    assert shown(folder) == {"01 Two.flac"}
    one = asked.data["id"]
    listed = phono("withdraw", "list", folder)
    assert (one[:8] in listed.out, "on hold" in listed.out) == (True, True)
    assert phono("withdraw", "list", folder, "--state", "accepted", "--json").data == []
    told = phono("withdraw", "show", folder, one[:8])
    for line in ("requested by An Artist", "held by archivist", "artist@example.org", "one.flac"):
        assert line in told.out
    assert phono("withdraw", "refuse", folder, one, "--reason", "No.", "--by", "A. Archivist").code == 0
    assert len(shown(folder)) == 2
    steps = phono("withdraw", "show", folder, one, "--json").data["steps"]
    assert [(step["step"], step["by"]) for step in steps] == [
        ("requested", "An Artist"),
        ("held", "archivist"),
        ("refused", "A. Archivist"),
    ]


def test_a_dry_run_records_nothing_and_slips_are_named(folder: Path, phono: Phono) -> None:
    words = ("--by", "An Artist", "--reason", "It is mine.")
    looked = phono("withdraw", "request", folder, "one.flac", *words, "--dry-run")
    assert "This covers 1 recording and 1 file" in looked.err
    assert phono("withdraw", "list", folder, "--json").data == []
    for wrong, code, said in (
        (("no such.flac",), 3, "names nothing that this archive knows"),
        (("one.flac", "--territory", "Atlantis"), 2, "Atlantis"),
        (("one.flac", "--hold", "--accept"), 2, "exclude each other"),
        (("one.flac", "--act", "preserve"), 2, "--act"),
        (("one.flac", "--document", folder / "nothing.pdf"), 3, "nothing.pdf"),
    ):
        done = phono("withdraw", "request", folder, *wrong, *words)
        assert (done.code, said in done.err) == (code, True), done.err
    for step in ("accept", "hold", "show"):
        done = phono("withdraw", step, folder, "12345678")
        assert (done.code, "There is no withdrawal" in done.err) == (3, True)
    assert phono("withdraw", "list", folder, "--json").data == []


def test_while_something_else_changes_the_archive_nothing_is_recorded(folder: Path, phono: Phono) -> None:
    archive = open_archive(folder)
    with archive.writing("publish"):
        done = phono("withdraw", "request", folder, "one.flac", "--by", "A", "--reason", "B")
        assert (done.code, "is being changed by “phono publish”" in done.err) == (1, True)
    archive.close()
    assert phono("withdraw", "list", folder, "--json").data == []
    assert phono("withdraw", "request", folder, "one.flac", "--by", "A", "--reason", "B").code == 0


def test_publishing_tells_which_bags_were_revised(folder: Path, phono: Phono) -> None:
    words = (
        "--by",
        "An Artist",
        "--reason",
        "It is mine.",
        "--public-reason",
        "asked by the artist",
        "--accept",
    )
    assert phono("withdraw", "request", folder, "one.flac", *words).code == 0
    done = phono("publish", folder)
    assert "tests-0001-0001: 1 file out: asked by the artist; the rest is tests-0001-0001-r2" in done.err
    assert phono("check", folder).code == 0
