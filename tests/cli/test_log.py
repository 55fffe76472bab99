"""Logs: one line an event, whatever is in it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from phonotheque.cli.log import JSON, LOGGED, PEOPLE, TEXT, logging_as, tell, without_password
from phonotheque.model.errors import VerificationError


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(JSON) as logged:
        tell(
            "round",
            edition=7,
            held=2,
            stale=("root", "timestamp"),
            offline=False,
            origin=Path("a b"),
            why=None,
        )
    assert logged
    (line,) = lines(capsys)
    moment = line.pop("time")
    assert len(moment) == len("2026-11-26T12:00:00.123Z")
    assert moment.endswith("Z")
    assert line == {
        "level": "info",
        "event": "round",
        "edition": 7,
        "held": 2,
        "stale": ["root", "timestamp"],
        "offline": False,
        "origin": "a b",
        "why": None,
    }


def test_an_event_is_one_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(TEXT):
        tell(
            "bag-missing",
            level=logging.WARNING,
            bag="audio-1",
            why='nobody has "it"',
            at=3,
            empty="",
            none=None,
        )
    _, _, line = capsys.readouterr().err.partition(" ")
    expected = 'warning bag-missing bag=audio-1 why="nobody has \\"it\\"" at=3 empty="" none=null\n'
    assert line == expected


@pytest.mark.parametrize("form", [JSON, TEXT])
def test_others_words_neither_break_a_line_nor_steer_a_terminal(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_as(form):
        LOGGED.say("one\ntwo\r\x1b[2J\u202e\u2028=three")
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert not {"\x1b", "\r", "\u202e"} & set(said)
    assert "one\\ntwo" in said


def test_what_libraries_warn_of_is_an_event_too(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(JSON):
        logging.getLogger("urllib3").warning("Retrying %s", "once")
        logging.getLogger("urllib3").info("nobody needs to know")
        try:
            raise ValueError("broken\nin two")
        except ValueError:
            logging.getLogger("uvicorn.error").exception("an error of ours")
    first, second = lines(capsys)
    assert (first["event"], first["logger"], first["message"]) == ("library", "urllib3", "Retrying once")
    assert second["traceback"].endswith("ValueError: broken\nin two")


def test_an_error_at_the_end_is_an_event_and_leaves_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, logging_as(JSON):
        raise VerificationError("It is wrong.", "Do not believe it.")
    assert ended.value.exit_code == 4
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["exit_code"]) == ("failed", "error", 4)
    assert (line["message"], line["advice"]) == ("It is wrong.", "Do not believe it.")
    with pytest.raises(click.exceptions.Exit) as ended, logging_as(JSON):
        raise OSError(28, "No space left on device", "ledger.sqlite")
    assert ended.value.exit_code == 1
    assert lines(capsys)[0]["message"] == "ledger.sqlite: No space left on device"


def test_for_people_nothing_is_logged_and_errors_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as(PEOPLE) as logged:
        tell("round")
    assert not logged
    with pytest.raises(VerificationError), logging_as(PEOPLE):
        raise VerificationError("It is wrong.")
    assert capsys.readouterr().err == ""


def test_afterwards_nothing_is_logged_any_more(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = list(logging.getLogger().handlers)
    with logging_as(JSON):
        pass
    tell("round")
    assert logging.getLogger().handlers == handlers
    assert capsys.readouterr().err == ""


def test_the_journal_is_told_levels() -> None:
    """As systemd does it: stderr is a pipe or socket, and the variable names it."""
    code = (
        "import os; from phonotheque.cli.log import logging_as, tell\n"
        "there = os.fstat(2); os.environ['JOURNAL_STREAM'] = f'{there.st_dev}:{there.st_ino}'\n"
        "with logging_as('text'):\n"
        "    for name, level in (('a', 20), ('b', 30), ('c', 40)): tell(name, level=level)\n"
    )
    environment = os.environ | {"JOURNAL_STREAM": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert [line[:3] for line in done.stderr.splitlines()] == ["<6>", "<4>", "<3>"]


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        ("https://me:secret@archive.example.org:8443/a", "https://archive.example.org:8443/a"),
        ("https://archive.example.org/", "https://archive.example.org/"),
        ("/media/disk/me@home", "/media/disk/me@home"),
    ],
)
def test_no_password_is_logged(origin: str, shown: str) -> None:
    assert without_password(origin) == shown
