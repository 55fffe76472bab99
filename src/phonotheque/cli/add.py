"""phono add: take in a folder of music, what a source says of music, or listen counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from phonotheque.catalogue.resolving import resolver_at
from phonotheque.cli.common import (
    archive_argument,
    cluster_option,
    counted,
    job,
    json_option,
    messages,
    on_cluster,
    output,
    safe,
    show,
)
from phonotheque.editions.upholding import cover_copies
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources.ddex_deliveries import SOURCE as DDEX
from phonotheque.sources.ddex_deliveries import settle_deliveries
from phonotheque.sources.folder import said
from phonotheque.sources.granted import Granting
from phonotheque.sources.held import add_listens, add_source, catalogue_is_behind, rebuild_catalogue
from phonotheque.sources.importing import Imported
from phonotheque.sources.intake import AddOptions, AddResult, add_folder
from phonotheque.sources.registry import source_named
from phonotheque.sources.take_in import How
from phonotheque.vault.archive import Archive, now, timestamp

_SHOWN = 20  # notable files listed before the rest is only counted
_LONGEST = 200  # characters of what is said of one


@click.command("add")
@archive_argument
@click.argument("source")
@click.option(
    "--move", "how", flag_value=How.MOVE, type=How, help="Remove each file here once the archive has it."
)
@click.option(
    "--link", "how", flag_value=How.LINK, type=How, help="Hard-link instead of copying, where possible."
)
@click.option("--reread", is_flag=True, help="Take in again also what looks unchanged.")
@click.option("--verify", is_flag=True, help="Of a source: rebuild every record from storage and compare it.")
@click.option("--strict", is_flag=True, help="Of a source: exit with 1 also when only values were left out.")
@click.option("--no-loudness", is_flag=True, help="Do not measure loudness: quicker.")
@click.option("--workers", type=click.IntRange(1), help="Processes to use; one per core by default.")
@cluster_option
@json_option
def add_command(
    archive: Archive,
    source: str,
    how: How | None,
    reread: bool,
    verify: bool,
    strict: bool,
    no_loudness: bool,
    workers: int | None,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Take SOURCE into ARCHIVE: a folder of music, listens:FILE.csv (counts), or what a source says.

    \b
    musicbrainz:FOLDER       its JSON dumps
    discogs:FOLDER           its monthly XML
    listenbrainz:FILE        its listens, counted
    internet-archive:FOLDER  items with their metadata, and audio beside it
    fma:FOLDER               the Free Music Archive's tables, and audio beside them
    ddex:FOLDER              a label's delivery (ERN), and audio beside it
    table:FILE               CSV, TSV, Parquet or JSON lines, with a mapping beside it

    A folder added again takes in only what is new or changed; a source is read again if a file of it has
    changed. Interrupted, run it again.
    """
    archive = on_cluster(archive, cluster)
    kind, _, rest = source.partition(":")
    resolver_at(archive.settings.catalogue.resolve_on)  # says what it lacks before anything is read
    options = AddOptions(how or How.COPY, reread, not no_loudness, workers)
    if kind == "listens" and rest:
        _add_listens(archive, Path(rest), as_json)
        return
    if rest and not Path(source).exists():
        _add_source(archive, kind, Path(rest), options, verify, strict, as_json)
        return
    folder = Path(source)
    if folder.is_file():
        raise UsageError(f"{folder} is a file, not a folder.", "Add the folder it lies in.")
    result = add_music(archive, folder, options)
    show(_data(result), as_json, lambda: _print(archive, result))


def add_music(archive: Archive, folder: Path, options: AddOptions) -> AddResult:
    """Add a folder, as a job that can be told to try again what failed."""
    with job(archive, "add", said(folder.resolve()), _to_do_again([folder], options, plain=True)) as running:
        result = add_folder(archive, folder, options, running, running)
        if result.changed or not (archive.catalogue / "CURRENT").exists():
            rebuild_catalogue(archive, at=now(), progress=running)
        cover_copies(archive, at=timestamp(now()))
    return result


def _to_do_again(folders: Sequence[Path], options: AddOptions, *, plain: bool) -> dict[str, Any]:
    """Return what it takes to add files of these folders again. ``plain``: the folders are all there was."""
    return {
        # Bytes that are no UTF-8 are lone surrogates here, which JSON has as \udc80 and gives back.
        "folders": [str(folder.resolve()) for folder in folders],
        "plain": plain,
        "how": options.how.value,
        "loudness": options.loudness,
        "workers": options.workers,
    }


def _add_source(
    archive: Archive,
    name: str,
    location: Path,
    options: AddOptions,
    verify: bool,
    strict: bool,
    as_json: bool,
) -> None:
    source = source_named(name)
    if not location.exists():
        raise NotFoundError(f"There is no {location}.", f"Give what {name} reads: {source.summary}.")
    folders = source.audio(location)
    again = _to_do_again(folders, options, plain=False)
    with job(archive, "add", f"{name}:{said(location.resolve())}", again) as progress:
        granting = settle_deliveries(archive, location, progress) if name == DDEX else Granting("folder")
        audio = [add_folder(archive, folder, options, progress, progress, granting) for folder in folders]
        result = add_source(
            archive,
            source,
            location,
            verify=verify,
            again=options.reread,
            workers=options.workers,
            progress=progress,
        )
        if not result.unchanged or any(taken.changed for taken in audio) or catalogue_is_behind(archive):
            rebuild_catalogue(archive, at=now(), progress=progress)
        cover_copies(archive, at=timestamp(now()))

    def text() -> None:
        for taken in audio:
            _print(archive, taken)
        _print_source(archive, name, result)

    data = asdict(result) | {
        "rejects": dict(result.rejects),  # asdict() makes nonsense of a Counter
        "complete": result.complete,
        "audio": [_data(taken) for taken in audio],
    }
    show(data, as_json, text)
    if not result.complete or (strict and result.rejects):
        click.get_current_context().exit(1)


def _print_source(archive: Archive, name: str, result: Imported) -> None:
    if result.unchanged:
        output.print(f"{name}: the same files were taken in before; nothing was read again (--reread does).")
    counts = [
        counted(result.rows[table], one, many)
        for table, one, many in (
            ("records", "record", None),
            ("facts", "track", None),
            ("things", "artist, label or work", "artists, labels and works"),
            ("listens", "count of listens", "counts of listens"),
        )
        if result.rows[table]
    ]
    output.print(f"{name}: {'; '.join(counts) or 'nothing'}.")
    if result.verified:
        output.print(f"Rebuilt from storage and compared: {counted(result.verified, 'record')}, all equal.")
    if result.rejects:
        left_out = ", ".join(counted(n, scope) for scope, n in sorted(result.rejects.items()))
        messages.print(f"Left out: {left_out}. See which and why: phono rejects {archive.folder}")


def _add_listens(archive: Archive, path: Path, as_json: bool) -> None:
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.", "Name a CSV file: listens:counts.csv")
    with archive.writing("add"):
        rows, rejects = add_listens(archive, path, at=now())
        rebuild_catalogue(archive, at=now())
    for reject in rejects:
        messages.print(safe(f"{path}: {reject}"))
    show(
        {"rows": rows, "rejected": rejects},
        as_json,
        lambda: output.print(f"Took in {counted(rows, 'listen count')}; {len(rejects)} rejected."),
    )


def _data(result: AddResult) -> dict[str, object]:
    return {
        "accession": result.accession,
        "held": result.held,
        "again": result.again,
        "known": result.known,
        "sidecars": {
            "held": result.sidecars,
            "again": result.sidecars_again,
            "known": result.sidecars_known,
        },
        "unchanged": result.unchanged,
        "refused": dict(result.refused),
        "notable": [{"path": path, "note": note} for path, note in result.notable],
        "unlisted": result.unlisted,
    }


def _print(archive: Archive, result: AddResult) -> None:
    for path, note in result.notable[:_SHOWN]:
        messages.print(safe(f"  {path}: {note if len(note) <= _LONGEST else note[:_LONGEST] + '…'}"))
    if len(result.notable) > _SHOWN:
        more = len(result.notable) - _SHOWN + result.unlisted
        messages.print(f"  … and {more:,} more; --json lists {len(result.notable):,}")
    parts = [f"{counted(result.held, 'new master')} held"]
    if result.again:
        parts.append(f"{counted(result.again, 'file')} already held")
    if result.unchanged:
        parts.append(f"{result.unchanged:,} unchanged since last time")
    if result.known:
        parts.append(f"{result.known:,} known but not kept, for want of a basis")
    if result.sidecars:
        parts.append(f"{counted(result.sidecars, 'file')} of artwork, lyrics and documents beside it")
    if result.sidecars_known:
        parts.append(f"{counted(result.sidecars_known, 'file')} beside it not kept, for want of a basis")
    if refused := sum(result.refused.values()):
        reasons = ", ".join(f"{count} {kind}" for kind, count in sorted(result.refused.items()))
        parts.append(f"{refused:,} refused ({reasons})")
    output.print("Added: " + "; ".join(parts) + ".")
    if result.known:
        output.print(f"See why, and answer open questions: phono rights {archive.folder}")
