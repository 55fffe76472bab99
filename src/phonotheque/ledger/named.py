"""Masters and sidecars by what people call them: a name as listed, a pattern, the start of a SHA-256."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

from sqlalchemy import Connection, select

from phonotheque.ledger.schema import files
from phonotheque.ledger.sidecars import KIND as SIDECAR
from phonotheque.ledger.stream import stream
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NotFoundError

_HASH = re.compile(r"[0-9a-fA-F]{8,64}", re.ASCII)
_ENDLESS = "g"  # comes after every hexadecimal digit
_NAMED = select(files.c.id, files.c.name).where(files.c.kind.in_(("master", SIDECAR))).order_by(files.c.id)


def files_named(connection: Connection, selectors: Iterable[str]) -> dict[int, str]:
    """Return the names of files by id, in the order of their ids; NotFoundError for what names none.

    A selector is a file's name, a pattern with ``*`` and ``?`` (of music only), or eight or more digits that
    a SHA-256 begins with.
    """
    chosen: dict[int, str] = {}
    for selector in selectors:
        found = files_called(connection, selector) | _matching(connection, selector)
        if not found:
            raise NotFoundError(
                f"No file is called {selector}.", "Use a name as `phono rights ARCHIVE --all` lists it."
            )
        chosen |= found
    return dict(sorted(chosen.items()))


def files_called(connection: Connection, text: str) -> dict[int, str]:
    """Return the names by id of the files with that name, or whose SHA-256 begins so; maybe none."""
    wanted = files.c.name == text
    if _HASH.fullmatch(text):
        start = text.lower()
        wanted |= (files.c.sha256 >= start) & (files.c.sha256 < start + _ENDLESS)
    return {row.id: row.name for row in connection.execute(_NAMED.where(wanted))}


def files_with_hashes(connection: Connection, hashes: Iterable[str]) -> dict[int, str]:
    """Return the names by id of those of these files that are held or known."""
    found: dict[int, str] = {}
    for some in batched(hashes, IN_A_STATEMENT):
        found |= {row.id: row.name for row in connection.execute(_NAMED.where(files.c.sha256.in_(some)))}
    return found


def _matching(connection: Connection, pattern: str) -> dict[int, str]:
    if not set("*?[") & set(pattern):
        return {}
    matches = re.compile(fnmatch.translate(pattern)).match
    query = select(files.c.id, files.c.name).where(files.c.kind == "master").order_by(files.c.id)
    return {row.id: row.name for row in stream(connection, query) if matches(row.name)}
