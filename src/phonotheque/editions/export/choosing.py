"""Which files of an archive go into an export: of every recording the best that allows it, and a cover."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, Row, select

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.manifest import Snapshot, current
from phonotheque.catalogue.scratch import open_tables, scratch
from phonotheque.editions.entries import Chosen, extension_of, people_path, record_of
from phonotheque.editions.export.purposes import Terms, conditions, permitted
from phonotheque.editions.shelves import bags_folder
from phonotheque.ledger.bags import audiences_of, where_bagged
from phonotheque.ledger.held import masters_to_choose_from
from phonotheque.ledger.schema import files
from phonotheque.ledger.sidecars import SidecarRow, sidecars_of
from phonotheque.ledger.statements import standing_statements
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.copies import quality
from phonotheque.model.errors import NotFoundError
from phonotheque.model.progress import Progress
from phonotheque.model.rights import Act, Decision, Statement
from phonotheque.model.sidecars import SidecarKind
from phonotheque.rights.decide import decide_all
from phonotheque.rights.licence_rules import SOURCE
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path

_MOST_FOUND: Final = 100_000  # recordings that a query may name
_QUALITY: Final = ("q0", "q1", "q2", "q3", "q4", "q5")
_ALLOWED: Final = pa.schema(
    [("sha256", pa.string()), ("file", pa.int64()), *((name, pa.int64()) for name in _QUALITY)]
)
_BEST: Final = f"""
    SELECT recordings.id, best.file, recordings.title, recordings.credit, recordings.date, recordings.listens,
           recordings.by_musicbrainz, codes.isrcs
    FROM (
        SELECT recording, max(struct_pack({", ".join(_QUALITY)}, file)) AS best
        FROM files JOIN allowed USING (sha256) GROUP BY recording
    )
    JOIN recordings USING (recording)
    LEFT JOIN (
        SELECT recording, list(isrc ORDER BY isrc) AS isrcs FROM isrcs
        WHERE recording IN (SELECT recording FROM files JOIN allowed USING (sha256)) GROUP BY recording
    ) AS codes USING (recording)
    WHERE $all OR recordings.id IN (SELECT id FROM wanted)
    ORDER BY recordings.id
"""  # noqa: S608 — constants
_COLUMNS: Final = ("id", "file", "title", "credit", "date", "listens", "by_musicbrainz", "isrcs")


@dataclass(frozen=True, slots=True)
class Item:
    """A file that goes out. ``facts`` are a line of recordings.jsonl's, the catalogue's on top."""

    recording: str | None
    kind: str  # "master", "access" or "sidecar"
    path: str  # as people see it, portable and not yet unique
    source: Path
    sha256: str
    size: int
    facts: Mapping[str, Any]
    notices: str | None  # the copyright notice in its tags
    statements: Sequence[Statement]
    permitted: Sequence[Decision]
    decisions: Mapping[Act, Decision]
    published: str | None = None  # where the public tree shows it, if it does

    @property
    def conditions(self) -> tuple[str, ...]:
        """What the decisions that let it out ask for."""
        return conditions(self.permitted)


def choose(
    archive: Archive, terms: Terms, *, only: str | None, access: bool, pictures: bool, progress: Progress
) -> Iterator[Item]:
    """Yield what goes out, in the order of recordings' ids; pictures after the recordings beside them.

    Of each recording the best of those masters that allow it; with ``access`` its smaller copy, if there is
    one, and nothing asks for the source. Everything is decided at this moment. Raises NotFoundError where
    nothing was taken in, or ``only`` finds nothing.
    """
    snapshot = current(archive.catalogue)
    if snapshot is None:
        raise NotFoundError(f"{archive.folder} holds nothing yet.", "Add some music first: phono add.")
    wanted = None if only is None else _found(archive, only, progress)
    with scratch("choosing what goes out", archive.folder) as engine, archive.ledger.connect() as ledger:
        _load_allowed(engine, ledger, terms)
        for part in _best(engine, snapshot, wanted):
            for some in batched(part, IN_A_STATEMENT):
                yield from _items(archive, ledger, some, terms, access=access, pictures=pictures)


def _found(archive: Archive, only: str, progress: Progress) -> list[str]:
    with Catalogue.open(archive.catalogue) as catalogue:
        found = catalogue.find(only, _MOST_FOUND)
    if not found.hits:
        raise NotFoundError(f"Nothing in the catalogue is found by “{only}”.", "Try it: phono search.")
    if found.corrected:
        progress.say(f"Nothing is found by “{only}”; taking “{found.corrected}”.")
    return [hit.id for hit in found.hits]


def _load_allowed(engine: duckdb.DuckDBPyConnection, ledger: Connection, terms: Terms) -> None:
    engine.register("batch", _ALLOWED.empty_table())
    engine.execute("CREATE TABLE allowed AS FROM batch")
    engine.unregister("batch")
    for part in masters_to_choose_from(ledger):
        for some in batched(part, IN_A_STATEMENT):
            statements = standing_statements(ledger, [row.id for row in some])
            rows = [_ranked(row) for row in some if permitted(statements[row.id], terms)]
            if rows:
                engine.register("batch", pa.Table.from_pylist(rows, schema=_ALLOWED))
                engine.execute("INSERT INTO allowed FROM batch")
                engine.unregister("batch")


def _ranked(row: Any) -> dict[str, Any]:
    ranks = zip(_QUALITY, map(int, quality(row)), strict=True)
    return {"sha256": row.sha256, "file": row.id, **dict(ranks)}


def _best(
    engine: duckdb.DuckDBPyConnection, snapshot: Snapshot, wanted: Collection[str] | None
) -> Iterator[list[dict[str, Any]]]:
    open_tables(engine, snapshot, "recordings", "files", "isrcs")
    engine.register("named", pa.table({"id": pa.array(wanted or [], pa.string())}))
    engine.execute("CREATE TABLE wanted AS FROM named")
    engine.unregister("named")
    found = engine.execute(_BEST, {"all": wanted is None})
    while part := found.fetchmany(10_000):
        yield [dict(zip(_COLUMNS, row, strict=True)) for row in part]


def _items(
    archive: Archive,
    ledger: Connection,
    best: Sequence[Mapping[str, Any]],
    terms: Terms,
    *,
    access: bool,
    pictures: bool,
) -> Iterator[Item]:
    ids = [one["file"] for one in best]
    masters = {row.id: row for row in ledger.execute(select(files).where(files.c.id.in_(ids)))}
    copies = _access_copies(ledger, ids) if access else {}
    statements = standing_statements(ledger, ids)
    beside = sidecars_of(ledger, ids) if pictures else {}
    places = where_bagged(ledger, [*ids, *(row.id for row in copies.values())])
    shown = _shown(ledger, places)
    for one in best:
        master, of_file = masters[one["file"]], statements[one["file"]]
        allowed = permitted(of_file, terms)
        if allowed is None:
            continue
        row = copies.get(master.id, master)
        if SOURCE in conditions(allowed):  # for a recording that is at least the master
            row = master
        item = _item(archive, one, row, master, of_file, allowed, terms, places, shown)
        yield item
        for picture in beside.get(master.id, ()):
            if picture.held and picture.kind is SidecarKind.PICTURE and picture.role == "front":
                yield from _picture(archive, ledger, picture, item, terms)
                break


def _access_copies(ledger: Connection, masters: Iterable[int]) -> dict[int, Row[Any]]:
    query = select(files).where(files.c.master_id.in_(list(masters)), files.c.kind == "access", files.c.held)
    return {row.master_id: row for row in ledger.execute(query.order_by(files.c.id))}


def _item(
    archive: Archive,
    known: Mapping[str, Any],
    row: Row[Any],
    master: Row[Any],
    statements: Sequence[Statement],
    allowed: Sequence[Decision],
    terms: Terms,
    places: Mapping[int, tuple[str, str]],
    shown: Mapping[int, str],
) -> Item:
    decisions = decide_all(statements, on=terms.on, territory=terms.territory)
    source = _place(archive, row.id, row.sha256, places)
    chosen = Chosen(row, master, known["id"], known["listens"], statements, decisions, source)
    facts = record_of(chosen)
    return Item(
        recording=known["id"],
        kind=row.kind,
        path=people_path(master, extension_of(row)),
        source=source,
        sha256=row.sha256,
        size=row.size,
        facts=facts | _by_catalogue(known, facts),
        notices=master.tags.get("copyright"),
        statements=statements,
        permitted=allowed,
        decisions=decisions,
        published=shown.get(row.id),
    )


def _by_catalogue(known: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the catalogue knows better than the file's tags: MusicBrainz's names, codes, the date."""
    found: dict[str, Any] = {"listens": known["listens"]}
    if known["by_musicbrainz"]:
        found["recording_mbid"] = known["id"]
        found["title"] = known["title"] or facts["title"]
    found["credit"] = known["credit"] or ", ".join(facts.get("artists", ())) or None
    found["date"] = facts.get("date") or known["date"]
    found["isrcs"] = tuple(dict.fromkeys((*facts.get("isrcs", ()), *(known["isrcs"] or ()))))
    return {name: value for name, value in found.items() if value not in (None, ())}


def _picture(
    archive: Archive, ledger: Connection, row: SidecarRow, beside: Item, terms: Terms
) -> Iterator[Item]:
    """Yield a front cover that may go along by itself, to lie in the folder of its recording."""
    statements = standing_statements(ledger, [row.file_id])[row.file_id]
    allowed = permitted(statements, terms)
    if allowed is None:
        return
    places = where_bagged(ledger, [row.file_id])
    extension = {"image/jpeg": ".jpg", "image/png": ".png"}.get(row.mime)
    if extension is None:  # which players do not show
        return
    yield Item(
        recording=None,
        kind="sidecar",
        path=f"{beside.path.rpartition('/')[0]}/cover{extension}",
        source=_place(archive, row.file_id, row.sha256, places),
        sha256=row.sha256,
        size=row.size,
        facts={"title": row.name, "kind": "sidecar", "role": row.role, "mime": row.mime},
        notices=None,
        statements=statements,
        permitted=allowed,
        decisions=decide_all(statements, on=terms.on, territory=terms.territory),
        published=_shown(ledger, places).get(row.file_id),
    )


def _shown(ledger: Connection, places: Mapping[int, tuple[str, str]]) -> dict[int, str]:
    """Return where the public tree shows files that lie in bags."""
    folders = {
        bag: bags_folder(audience)
        for bag, audience in audiences_of(ledger, {bag for bag, _ in places.values()})
    }
    return {file: f"{folders[bag]}/{bag}/{path}" for file, (bag, path) in places.items()}


def _place(archive: Archive, file_id: int, sha256: str, places: Mapping[int, tuple[str, str]]) -> Path:
    if file_id in places:
        return archive.bags.joinpath(*places[file_id])
    return incoming_path(archive.incoming, sha256)
