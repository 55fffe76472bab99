"""Declaring what may be mined, in the public tree: tdmrep.json, the table of what is free, and Croissant.

They are made in one pass from one answer a file (editions/mining.py), so that none says what another denies.
They say what holds on the day they are written: `phono publish` writes them also when nothing else is new.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final
from urllib.parse import quote

from phonotheque.editions.croissant import COLUMNS, LIST, Minable, croissant
from phonotheque.editions.edition import Edition
from phonotheque.editions.mining import Declared, declarations
from phonotheque.editions.shelves import bags_folder
from phonotheque.editions.tdmrep import Rules
from phonotheque.model.media import media_type
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import fsync_dir, naming, replace_durably, write_durably

FOLDER: Final = "mining"
METADATA: Final = "croissant.json"
_BETWEEN: Final = "; "  # licences


def declare(archive: Archive, edition: Edition, on: date) -> Rules:
    """Write all declarations for the bags of an edition; return the rules of tdmrep.json."""
    public, settings = archive.public, archive.settings
    (public / FOLDER).mkdir(exist_ok=True)
    (public / ".well-known").mkdir(exist_ok=True)
    fsync_dir(public)
    otherwise = True if settings.mining.reserve == "unknown" else None
    rules = Rules(otherwise, settings.mining.policy, (f"/{FOLDER}/",))
    site = f"{settings.publish.url.rstrip('/')}/" if settings.publish.url else ""
    table = public / FOLDER / LIST
    temporary = table.with_name(f".{LIST}.tmp")
    with temporary.open("wb") as file, naming(temporary):
        counting = CountedTable(file)
        shown = {bag.id: f"{bags_folder(bag.audience)}/{bag.id}" for bag in edition.bags}
        for bag, files in _declared(archive, edition, on):
            noting = _Noting(files)
            if rules.add_bag(shown[bag], noting):
                counting.note(noting.free, f"{site}{quote(shown[bag])}/")
    # What is reserved is said first, so that nobody reads the table of an earlier day beside it for long.
    write_durably(public / ".well-known" / "tdmrep.json", rules.written())
    replace_durably(temporary, table)
    described = croissant(edition, counting.result(), site=site, policy=settings.mining.policy)
    content = json.dumps(described, ensure_ascii=False, indent=1).encode() + b"\n"
    write_durably(public / FOLDER / METADATA, content)
    return rules


def _declared(archive: Archive, edition: Edition, on: date) -> Iterator[tuple[str, Iterator[Declared]]]:
    bags = [(bag.id, bag.audience) for bag in edition.bags]
    with archive.ledger.connect() as ledger:
        yield from declarations(ledger, bags, archive.settings.mining.reserve, on)


class _Noting:
    """The paths of a bag and what is declared of them; those that are free are noted on the way."""

    def __init__(self, files: Iterator[Declared]) -> None:
        self._files = files
        self.free: list[Declared] = []

    def __iter__(self) -> Iterator[tuple[str, bool | None]]:
        for file in self._files:
            if file.reserved is False:
                self.free.append(file)
            yield file.path, file.reserved


class CountedTable:
    """The table of what may be mined while it is written: first the names of its columns."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._size = self._rows = 0
        self._licences: dict[str, None] = {}
        self._write([name for name, _, _ in COLUMNS])

    def note(self, files: Iterable[Declared], address: str) -> None:
        """Add a row for each of these files of the bag at an address."""
        for file in files:
            self.write_row(
                [
                    f"{address}{quote(file.path)}",
                    file.recording or "",
                    file.kind,
                    media_type(f"bags/{file.path}"),
                    str(file.size),
                    file.sha256,
                    _BETWEEN.join(file.licences),
                ]
            )

    def write_row(self, values: list[str]) -> None:
        """Add a row, as it is in the table."""
        self._licences |= dict.fromkeys(values[-1].split(_BETWEEN) if values[-1] else ())
        self._rows += 1
        self._write(values)

    def _write(self, values: list[str]) -> None:
        """Write a line of CSV (RFC 4180)."""
        line = io.StringIO()
        csv.writer(line).writerow(values)
        data = line.getvalue().encode()
        self._digest.update(data)
        self._size += len(data)
        self._file.write(data)

    def result(self) -> Minable:
        """Return what was written."""
        return Minable(self._digest.hexdigest(), self._size, self._rows, tuple(self._licences))
