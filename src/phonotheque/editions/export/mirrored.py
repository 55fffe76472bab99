"""What goes into an export of a mirror: chosen from its bags, by what they say of themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from phonotheque.catalogue.scratch import scratch
from phonotheque.editions.export.choosing import Item
from phonotheque.editions.export.purposes import Terms, conditions, permitted
from phonotheque.ledger.holdings import HoldingState, all_holdings
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.model.text import search_tokens
from phonotheque.rights.decide import decide_all
from phonotheque.rights.licence_rules import SOURCE
from phonotheque.rights.records import read_statement
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import RECORDINGS
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.names import check_portable, same_place

_SCHEMA: Final = pa.schema(
    [
        ("recording", pa.string()),
        ("rank", pa.int32()),  # of several files of a recording, the highest goes out
        ("bag", pa.string()),
        ("place", pa.int64()),  # of its line in recordings.jsonl
    ]
)
_PROVENANCE: Final = ("accession", "name", "added_at")
_AT_ONCE: Final = 10_000
_LONGEST: Final = 16 << 20  # bytes of a line
_BEST: Final = """
    SELECT recording, max_by(bag, (rank, bag)) AS bag, max_by(place, (rank, bag)) AS place
    FROM found GROUP BY recording ORDER BY recording
"""


def choose_mirrored(
    mirror: Archive, terms: Terms, *, only: str | None, access: bool, pictures: bool
) -> Iterator[Item]:
    """Yield what goes out of the complete bags of a mirror, as `choosing.choose` does of an archive.

    Everything is decided anew from the statements in the bags. ``only`` are words that title, artists or
    release must have. Raises VerificationError naming the bag and line that make no sense.
    """
    with mirror.ledger.connect() as ledger:
        held = all_holdings(ledger)
    bags = [bag for bag, holding in held.items() if holding.state is HoldingState.COMPLETE]
    if not bags:
        raise NotFoundError(f"{mirror.folder} holds no complete bag yet.", "Run: phono mirror")
    words = set(search_tokens(only)) if only is not None else set()
    folders: set[str] = set()
    with scratch("choosing what goes out", mirror.folder) as engine:
        engine.register("batch", _SCHEMA.empty_table())
        engine.execute("CREATE TABLE found AS FROM batch")
        engine.unregister("batch")
        for rows in _batches(mirror, bags, terms, words, access=access):
            engine.register("batch", pa.Table.from_pylist(rows, schema=_SCHEMA))
            engine.execute("INSERT INTO found FROM batch")
            engine.unregister("batch")
        best = engine.execute(_BEST)
        while part := best.fetchmany(_AT_ONCE):
            for _, bag, place in part:
                item = _item(mirror, bag, _line_at(mirror, bag, place), terms)
                if item is not None:
                    folders.add(same_place(item.path.rpartition("/")[0]))
                    yield item
    if pictures:
        yield from _covers(mirror, bags, terms, folders)


def _batches(
    mirror: Archive, bags: list[str], terms: Terms, words: set[str], *, access: bool
) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for bag in bags:
        for place, line in _lines(mirror, bag):
            if line.get("kind") not in ("master", "access") or not _has(line, words):
                continue
            item = _item(mirror, bag, line, terms)
            if item is not None:
                smaller = access and SOURCE not in conditions(item.permitted)
                rank = int((item.kind == "access") == smaller)
                rows.append({"recording": item.recording, "rank": rank, "bag": bag, "place": place})
            if len(rows) == _AT_ONCE:
                yield rows
                rows = []
    if rows:
        yield rows


def _covers(mirror: Archive, bags: list[str], terms: Terms, folders: set[str]) -> Iterator[Item]:
    for bag in bags:
        for _, line in _lines(mirror, bag):
            if line.get("kind") != "sidecar" or line.get("role") != "front":
                continue
            folder = str(line.get("path", "")).removeprefix(PAYLOAD).rpartition("/")[0]
            if same_place(folder) in folders and (item := _item(mirror, bag, line, terms)) is not None:
                yield item


def _lines(mirror: Archive, bag: str) -> Iterator[tuple[int, dict[str, Any]]]:
    with (mirror.bags / bag / RECORDINGS).open("rb") as stream:
        place = 0
        while data := stream.readline(_LONGEST):
            yield place, _read(bag, place, data)
            place += len(data)


def _line_at(mirror: Archive, bag: str, place: int) -> dict[str, Any]:
    with (mirror.bags / bag / RECORDINGS).open("rb") as stream:
        stream.seek(place)
        return _read(bag, place, stream.readline(_LONGEST))


def _read(bag: str, place: int, data: bytes) -> dict[str, Any]:
    try:
        line = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{bag}/{RECORDINGS}: no JSON at byte {place}: {error}") from error
    if not isinstance(line, dict):
        raise VerificationError(f"{bag}/{RECORDINGS}: no object at byte {place}")
    return line


def _has(line: Mapping[str, Any], words: set[str]) -> bool:
    names = (line.get("title"), line.get("album"), *(line.get("artists") or ()))
    return not words or words <= set(search_tokens(" ".join(str(name) for name in names if name)))


def _item(mirror: Archive, bag: str, line: Mapping[str, Any], terms: Terms) -> Item | None:
    """Return what goes out for a line of a bag; None if nothing lets it."""
    try:
        path, facts = str(line["path"]), dict(line)
        told = [read_statement(one) for one in line["rights"]["statements"]]
        size, sha256, kind = int(line["size"]), str(line["sha256"]), str(line["kind"])
        facts["title"] = str(line.get("title") or Path(path).stem)
        if kind != "sidecar":
            facts["provenance"] = {name: str(line["provenance"][name]) for name in _PROVENANCE}
    except (KeyError, TypeError, ValueError) as error:
        raise VerificationError(f"{bag}/{RECORDINGS}: a line without {error}") from error
    if not path.startswith(PAYLOAD) or check_portable(path):
        raise VerificationError(f"{bag}/{RECORDINGS}: the path {path!r:.200} is refused")
    statements = [replace(one, id=str(number)) for number, one in enumerate(told)]
    allowed = permitted(statements, terms)
    if allowed is None:
        return None
    for name in ("path", "size", "sha256", "pieces_root"):
        facts.pop(name, None)
    facts["credit"] = ", ".join(line.get("artists") or ()) or None
    return Item(
        recording=line.get("recording"),
        kind=kind,
        path=path.removeprefix(PAYLOAD),
        source=mirror.bags / bag / path,
        sha256=sha256,
        size=size,
        facts={name: value for name, value in facts.items() if value is not None},
        notices=line.get("copyright"),
        statements=statements,
        permitted=allowed,
        decisions=decide_all(statements, on=terms.on, territory=terms.territory),
        published=None,  # the mirror's line does not say where its publisher shows it
    )
