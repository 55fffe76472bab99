"""phono show: everything known about one recording, release or artist."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click
from rich.table import Table
from sqlalchemy import select

from phonotheque.catalogue.conflicts import explain
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.views import ArtistView, Fact, Hit, Named, RecordingView, ReleaseView, View
from phonotheque.cli.beside import beside_files, beside_lines
from phonotheque.cli.common import archive_argument, human_size, json_option, output, safe, show
from phonotheque.editions.jsonld import recording_jsonld
from phonotheque.ledger.bags import where_bagged
from phonotheque.ledger.schema import decisions, files
from phonotheque.model.audio import say_integrity
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive, now


@click.command("show")
@archive_argument
@click.argument("identifier")
@click.option("--json-ld", "as_jsonld", is_flag=True, help="Print a recording as schema.org's JSON-LD.")
@json_option
def show_command(archive: Archive, identifier: str, as_jsonld: bool, as_json: bool) -> None:
    """Show what is known of IDENTIFIER.

    Our id, an MBID, an ISRC, a barcode, a source's id (discogs:123, r123, a Discogs URL), an artist's ISNI,
    or the start of a file's SHA-256.
    """
    with Catalogue.open(archive.catalogue) as catalogue:
        view = catalogue.show(identifier)
    if as_jsonld:
        _show_jsonld(archive, view)
        return
    data: dict[str, Any] = asdict(view)
    if isinstance(view, RecordingView):
        data["holdings"] = _holdings(archive, view.files)

    def text() -> None:
        match view:
            case RecordingView():
                _print_recording(view, data["holdings"])
            case ReleaseView():
                _print_release(view)
            case ArtistView():
                _print_artist(view)

    show(data, as_json, text)


def _show_jsonld(archive: Archive, view: View) -> None:
    if not isinstance(view, RecordingView):
        raise UsageError("Only recordings can be shown as JSON-LD.", "Name a recording, or use --json.")
    with archive.ledger.connect() as ledger:
        described = recording_jsonld(ledger, archive.settings, view, now().date())
    click.echo(json.dumps(described, ensure_ascii=False, indent=1))


def _holdings(archive: Archive, hashes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return what the ledger knows of a recording's files: held or not, where, and what may be done."""
    found = []
    with archive.ledger.connect() as ledger:
        rows = ledger.execute(select(files).where(files.c.sha256.in_(hashes)).order_by(files.c.id)).all()
        bagged = where_bagged(ledger, [row.id for row in rows])
        beside = beside_files(ledger, rows)
        for row in rows:
            decided = ledger.execute(select(decisions).where(decisions.c.file_id == row.id))
            found.append(
                {
                    "sha256": row.sha256,
                    "name": row.name,
                    "held": row.held,
                    "size": row.size,
                    "codec": row.codec,
                    "integrity": row.integrity,
                    "integrity_notes": row.integrity_notes,
                    "bag": "/".join(bagged[row.id]) if row.id in bagged else None,
                    "decisions": {d.act: {"answer": d.answer, "reason": d.reason} for d in decided},
                    **beside[row.id],
                }
            )
    return found


def _print_recording(view: RecordingView, holdings: list[dict[str, Any]]) -> None:
    _heading(view.title, view.artist)
    _print_pairs(
        ("Recording", view.id),
        ("Length", None if view.duration_ms is None else _length(view.duration_ms)),
        ("Date", view.date),
        ("ISRC", ", ".join(view.isrcs)),
        ("Listens", None if view.listens is None else f"{view.listens:,}"),
        ("On", _names(view.releases)),
    )
    for held in holdings:
        output.print(safe(f"\nFile       {held['name']}"))
        state = "held" if held["held"] else "known, not kept"
        _print_pairs(
            ("SHA-256", held["sha256"]),
            ("State", f"{state}, {held['codec']}, {human_size(held['size'])}"),
            ("Integrity", say_integrity(held["integrity"], held["integrity_notes"])),
            ("In bag", held["bag"]),
            *((act.capitalize(), f"{d['answer']}: {d['reason']}") for act, d in held["decisions"].items()),
            *beside_lines(held),
        )
    _print_facts(view.facts)
    if view.tracks > 100:
        output.print(f"Those of the first 100 of {view.tracks:,} tracks.")
    for conflict in view.conflicts:
        other = f" with {_line(conflict.other)}" if conflict.other else ""
        output.print(safe(f"Conflict   {conflict.kind}{other}: {explain(conflict)}"), style="yellow")
    for hit in view.see_also:
        output.print(safe(f"See also   {_line(hit)}"))


def _print_release(view: ReleaseView) -> None:
    _heading(view.title, view.artist)
    _print_pairs(
        ("Release", view.id),
        ("Source id", view.source_id),
        ("Type", view.type),
        ("Date", view.date),
        ("Country", view.country),
        ("Barcode", view.barcode),
        ("Label", " ".join(part for part in (view.label, view.catalogue_number) if part)),
    )
    for track in view.tracks:
        place = track.position or ("" if track.track_number is None else f"{track.track_number}.")
        output.print(safe(f"  {place:>4} {_line(track.recording)}"))
    _print_facts(view.facts)
    for named in view.see_also:
        output.print(safe(f"See also   {named.name or '(no title)'}  {named.id}"))


def _print_artist(view: ArtistView) -> None:
    _heading(view.name, None)
    _print_pairs(
        ("Artist", view.id),
        ("Type", view.type),
        ("Country", view.country),
        ("Also", "; ".join(view.aliases)),
        ("Ids", ", ".join(view.identifiers)),
        ("Recordings", f"{view.total:,}"),
    )
    for hit in view.recordings:
        output.print(safe(f"  {_line(hit)}"))
    _print_facts(view.facts)


def _print_facts(facts: tuple[Fact, ...]) -> None:
    table = Table("Field", "Value", "Said by", box=None, pad_edge=False)
    for fact in facts:
        said_by = "; ".join(f"{who.source} {who.source_id[:12]}" for who in fact.said_by)
        table.add_row(fact.field.replace("_", " "), safe(fact.value), safe(said_by))
    output.print("\nWhere every fact came from", style="bold")
    output.print(table)


def _print_pairs(*pairs: tuple[str, str | None]) -> None:
    for name, value in pairs:
        if value:
            output.print(safe(f"{name:<10} {value}"))


def _heading(title: str | None, artist: str | None) -> None:
    output.print(safe(" · ".join(part for part in (title, artist) if part) or "(no title)"), style="bold")


def _names(named: tuple[Named, ...]) -> str:
    return "; ".join(f"{one.name} ({one.id})" for one in named)


def _line(hit: Hit) -> str:
    length = "" if hit.duration_ms is None else f"  {_length(hit.duration_ms)}"
    return f"{hit.title or '(no title)'} · {hit.artist or 'unknown'}{length}  {hit.id}"


def _length(milliseconds: int) -> str:
    return f"{milliseconds // 60000}:{milliseconds // 1000 % 60:02}"
