"""Taking what was taken back out of the declarations of mining, before they are made anew (declaring).

The table names it no more, its description says of what the table then is, and no rule frees its address by
name. What holds for the folder around it stays: to except it, it would have to be named.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from phonotheque.editions.croissant import LIST, croissant
from phonotheque.editions.declaring import FOLDER, METADATA, CountedTable
from phonotheque.editions.edition import read_edition
from phonotheque.editions.sending import send_files
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import naming, replace_durably, write_durably

_LOG = logging.getLogger("phonotheque.editions")
_RULES: Final = Path(".well-known") / "tdmrep.json"
_TABLE: Final = Path(FOLDER) / LIST
_METADATA: Final = Path(FOLDER) / METADATA


def undeclare(archive: Archive, withheld: Iterable[str]) -> None:
    """Let the declarations here, and outside, name these files, "bag/path", no more.

    Repeated, it changes nothing here. Raises NetworkError where a tree outside cannot be reached.
    """
    gone: dict[str, set[str]] = {}
    for name in withheld:
        bag, _slash, path = name.partition("/")
        gone.setdefault(quote(bag), set()).add(quote(path))
    if not gone or not (archive.public / _TABLE).is_file():
        return
    _forget_rules(archive.public / _RULES, gone)
    _forget_rows(archive, gone)
    send_files(archive, [place.as_posix() for place in (_RULES, _TABLE, _METADATA)])


def _forget_rules(file: Path, gone: Mapping[str, set[str]]) -> None:
    try:
        rules = json.loads(file.read_bytes())
    except ValueError as error:  # the next publishing writes it, and must not be kept from that
        _LOG.error("%s makes no sense until the next publishing: %s", file, error)
        return
    left = [
        rule
        for rule in rules
        if rule["tdm-reservation"] != 0 or not _is_gone(rule["location"].removesuffix("$"), gone)
    ]
    if left != rules:
        write_durably(file, json.dumps(left, ensure_ascii=False, indent=1).encode() + b"\n")


def _forget_rows(archive: Archive, gone: Mapping[str, set[str]]) -> None:
    table, described = archive.public / _TABLE, archive.public / _METADATA
    temporary = table.with_name(f".{LIST}.tmp")
    with temporary.open("wb") as file, naming(temporary):
        counted = CountedTable(file)
        for row in _rows(table):
            if not _is_gone(row[0], gone):
                counted.write_row(row)
    found = counted.result()
    if found.size != table.stat().st_size:
        replace_durably(temporary, table)
    else:
        temporary.unlink()
    listed = archive.public / "targets" / "edition.json"
    if not (described.is_file() and listed.is_file()):  # the first publishing was interrupted
        return
    if f'"{found.sha256}"' not in described.read_text("utf-8"):  # or a run was killed before it wrote that
        edition = read_edition(listed.read_bytes())
        settings = archive.settings
        site = f"{settings.publish.url.rstrip('/')}/" if settings.publish.url else ""
        told = croissant(edition, found, site=site, policy=settings.mining.policy)
        write_durably(described, json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n")


def _rows(table: Path) -> Iterator[list[str]]:
    with table.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)  # the names of columns
        yield from rows


def _is_gone(address: str, gone: Mapping[str, set[str]]) -> bool:
    """Whether an address is that of one of these files: …/bag/path."""
    parts = address.split("/")
    return any(
        part in gone and "/".join(parts[number:]) in gone[part] for number, part in enumerate(parts, start=1)
    )
