"""Logs of what runs for long: one line an event on stderr, as JSON or text, for those who collect them.

An event has a name, a level and fields; docs/how-to/run-a-mirror-as-a-service.md lists them. No password and
nobody's address is in them. What libraries have to warn of comes out in the same form, as ``library``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import click

from phonotheque.cli.common import safe
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.progress import Progress

JSON, TEXT, PEOPLE = "json", "text", "people"
_EVENTS = logging.getLogger("phonotheque.events")
_LINES = dict.fromkeys((0x2028, 0x2029), "\n")  # Unicode's own ends of lines and paragraphs
_PRIORITY = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}  # of syslog, which journald reads

log_option = click.option(
    "--log",
    "log_format",
    type=click.Choice([PEOPLE, TEXT, JSON]),
    help="What to write on stderr: messages for people, or a log as text or JSON, one line an event.",
)


def tell(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write an event, if a log is kept."""
    _EVENTS.log(level, event, extra={"fields": fields})


@contextmanager
def logging_as(form: str) -> Iterator[bool]:
    """Keep a log in this form while the block runs; yields whether one is kept: not for people.

    An error that ends the block becomes an event, and then only the exit code is left of it.
    """
    if form == PEOPLE:
        yield False
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(_as_json if form == JSON else _as_text, for_journal=_is_journal()))
    root = logging.getLogger()
    root.addHandler(handler)
    _EVENTS.setLevel(logging.INFO)
    try:
        yield True
    except PhonothequeError as error:
        _failed(error.message, error.advice, error.exit_code)
        raise click.exceptions.Exit(error.exit_code) from error
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _failed(f"{name}{error.strerror or error}", "", 1)
        raise click.exceptions.Exit(1) from error
    finally:
        root.removeHandler(handler)
        _EVENTS.setLevel(logging.NOTSET)


def without_password(origin: str) -> str:
    """Return an address without the user and password that it may hold."""
    parts = urlsplit(origin)
    if "@" not in parts.netloc:
        return origin
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class _Silent:
    """Progress of which only what is said goes into the log."""

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        pass

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        pass

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        pass

    def say(self, message: str) -> None:
        tell("message", message=message)


LOGGED: Progress = _Silent()


class _Lines(logging.Formatter):
    """Makes one line of a record, whatever is in it."""

    def __init__(self, line: Callable[[dict[str, Any]], str], *, for_journal: bool) -> None:
        super().__init__()
        self._line = line
        self._for_journal = for_journal

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        found = {"time": moment.replace("+00:00", "Z"), "level": record.levelname.lower()}
        if record.name == _EVENTS.name:
            found |= {"event": record.msg} | getattr(record, "fields", {})
        else:
            found |= {"event": "library", "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            found["traceback"] = self.formatException(record.exc_info)
        line = self._line({name: _plain(value) for name, value in found.items()})
        return f"<{_PRIORITY.get(record.levelno, 6)}>{line}" if self._for_journal else line


def _failed(message: str, advice: str, code: int) -> None:
    tell("failed", level=logging.ERROR, message=message, advice=advice, exit_code=code)


def _plain(value: Any) -> Any:
    """Return a field without what would steer a terminal; line breaks are left for JSON to write."""
    if isinstance(value, str):
        return "\n".join(safe(line) for line in value.translate(_LINES).split("\n"))
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float) else _plain(str(value))


def _as_json(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False)


def _as_text(found: dict[str, Any]) -> str:
    """Return “time level event name=value …”, values quoted where they hold blanks or quotes."""
    begins = f"{found.pop('time')} {found.pop('level'):<7} {found.pop('event')}"
    return " ".join([begins, *(f"{name}={_written(value)}" for name, value in found.items())])


def _written(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    bare = isinstance(value, str) and text and not any(char in ' "=\n' for char in text)
    return text if bare or not isinstance(value, str) else json.dumps(text, ensure_ascii=False)


def _is_journal() -> bool:
    """Whether stderr goes to systemd's journal (systemd.exec(5), $JOURNAL_STREAM), which wants levels."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # not a file at all
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
