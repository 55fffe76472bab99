"""Changing one setting in a file that a person edits: everything else in it stays as it was written."""

from __future__ import annotations

import json
import re
import stat
import tomllib
from pathlib import Path

from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.place import write_durably

_HEADER = re.compile(r"\s*\[\s*([A-Za-z0-9_-]+)\s*\]\s*(?:#.*)?")
_VALUE = r"""("(?:[^"\\]|\\.)*"|'[^']*'|[0-9][0-9_]*)"""


def set_in_file(path: Path, section: str, key: str, value: str | int) -> None:
    """Set one text or number in a TOML file, all at once: readers see the old file or the new one.

    Raises PhonothequeError for a file that is written in a way not understood here; it is then unchanged.
    """
    path = path.resolve()  # a link stays one
    before = path.read_bytes().decode("utf-8")
    after = with_setting(before, section, key, value)
    if after is None:
        raise PhonothequeError(
            f"{path}: [{section}] {key} cannot be changed without risk to the rest of the file.",
            f"In a text editor, write in it, in the section [{section}]: {_line(key, value)}",
        )
    if after != before:
        write_durably(path, after.encode(), mode=stat.S_IMODE(path.stat().st_mode))


def with_setting(text: str, section: str, key: str, value: str | int) -> str | None:
    """Return TOML with one value set, comments and order kept; None if it cannot be done line by line."""
    wanted = tomllib.loads(text)
    wanted.setdefault(section, {})
    if not isinstance(wanted[section], dict):
        return None
    wanted[section][key] = value
    lines = text.splitlines(keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    changed = "".join(_changed(lines, section, key, value, end))
    try:
        understood = tomllib.loads(changed) == wanted
    except tomllib.TOMLDecodeError:
        return None
    return changed if understood else None


def _changed(lines: list[str], section: str, key: str, value: str | int, end: str) -> list[str]:
    headers = [(number, match[1]) for number, line in enumerate(lines) if (match := _header(line))]
    start = next((number for number, name in headers if name == section), None)
    if start is None:
        gap = [] if not lines else [end] if lines[-1].endswith("\n") else [end, end]
        return [*lines, *gap, f"[{section}]{end}", _line(key, value) + end]
    stop = next((number for number, _ in headers if number > start), len(lines))
    setting = re.compile(rf"(\s*{re.escape(key)}\s*=\s*){_VALUE}(.*)", re.DOTALL)
    for number in range(start + 1, stop):
        if match := setting.fullmatch(lines[number]):
            return [*lines[:number], match[1] + _quoted(value) + match[3], *lines[number + 1 :]]
    header = lines[start] if lines[start].endswith("\n") else lines[start] + end
    return [*lines[:start], header, _line(key, value) + end, *lines[start + 1 :]]


def _header(line: str) -> re.Match[str] | None:
    return _HEADER.fullmatch(line.rstrip("\r\n"))


def _line(key: str, value: str | int) -> str:
    return f"{key} = {_quoted(value)}"


def _quoted(value: str | int) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON's strings and whole numbers are TOML's
