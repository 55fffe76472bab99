"""phono duplicates: copies of one recording, and whether a file is here already."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from phonotheque.cli.common import (
    archive_argument,
    counted,
    human_size,
    human_time,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.model.errors import BusyError, UsageError
from phonotheque.sources.already import Answer, Asked, Match, already, files_in
from phonotheque.sources.duplicates import (
    Copy,
    Duplicates,
    Evidence,
    Group,
    Level,
    Places,
    duplicates,
    several_places,
)
from phonotheque.sources.likeness import is_current, open_index, refresh, unindexed
from phonotheque.vault.archive import Archive
from phonotheque.vault.segment_index import SegmentIndex

_OUTDATED = "What was compared before is shown; some of it is not up to date."
_ANSWERS = {
    Answer.BYTES: "yes, this very file",
    Answer.AUDIO: "yes, the same samples",
    Answer.RECORDING: "yes, the same recording",
    Answer.SPEED: "yes, at another speed",
    Answer.PERHAPS: "perhaps",
    Answer.NO: "no",
    Answer.REFUSED: "cannot be compared",
}


@click.command("duplicates")
@archive_argument
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option(
    "--level",
    type=click.Choice([level.value for level in Level]),
    default=Level.RECORDING.value,
    show_default=True,
    help="How much is the same: the bytes, the decoded samples, or the recording.",
)
@click.option("--speeds", is_flag=True, help="Of FILEs: also find what they are faster or slower copies of.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000_000))
@json_option
def duplicates_command(
    archive: Archive, paths: tuple[Path, ...], level: str, speeds: bool, limit: int, as_json: bool
) -> None:
    """Show which files of ARCHIVE are copies of one another, why, and which copy is the best.

    With FILEs (or folders), say instead which of them the archive has already. They are only read.
    Nothing is removed or changed: a copy costs room, and losing the better one costs more.
    """
    if paths:
        _ask(archive, paths, speeds, as_json)
        return
    if speeds:
        raise UsageError("--speeds is for files.", "Name them: phono duplicates ARCHIVE FILE --speeds")
    if level == Level.BYTES:
        with archive.ledger.connect() as ledger:
            places, total, spare = several_places(ledger, limit=limit)
        data: dict[str, Any] = {"total": total, "spare": spare, "files": [_places(one) for one in places]}
        show(data, as_json, lambda: _print_places(places, total, spare))
        return
    index = current_index(archive)
    with archive.ledger.connect() as ledger:
        found = duplicates(index, ledger, Level(level), limit=limit)
    show(_data(found), as_json, lambda: _print(found))


def _ask(archive: Archive, paths: tuple[Path, ...], speeds: bool, as_json: bool) -> None:
    index = current_index(archive)
    asked: list[Asked] = []
    with archive.ledger.connect() as ledger, progress_bars() as progress:
        files = list(files_in(paths))
        progress.start("Listening", total_files=len(files))
        for one in already(index, ledger, files, speeds=speeds):
            if as_json:
                asked.append(one)
            else:
                _print_asked(one)
            progress.advance(files=1)
    if as_json:
        show([asdict(one) for one in asked], as_json, lambda: None)


def current_index(archive: Archive) -> SegmentIndex:
    """Return the index, brought up to the ledger unless somebody else is changing the archive just now."""
    index = open_index(archive)
    with archive.ledger.connect() as ledger:
        current = is_current(index, ledger)
        missing = unindexed(index, ledger)
    if current:
        return index
    try:
        with archive.writing("duplicates"), progress_bars() as progress:
            return refresh(archive, progress)
    except BusyError as error:
        said = f"{counted(missing, 'new file')} cannot be compared yet." if missing else _OUTDATED
        messages.print(safe(f"{error.message} {said}"))
    return index


def _places(one: Places) -> dict[str, Any]:
    return {"copy": asdict(one.copy), "paths": list(one.paths), "spare": one.spare}


def _data(found: Duplicates) -> dict[str, Any]:
    return asdict(found)


def _print_places(places: list[Places], total: int, spare: int) -> None:
    for one in places:
        output.print(safe(f"{one.copy.name}  {_kind(one.copy)}"))
        for path in one.paths:
            output.print(safe(f"  {path}"))
    if not total:
        messages.print("No file was found at more than one place.")
        return
    output.print(
        f"{counted(total, 'file')} found at several places, and kept once. "
        f"The places beside the first take {human_size(spare)}."
    )


def _print(found: Duplicates) -> None:
    for group in found.groups:
        _print_group(group)
    if not found.groups:
        messages.print("No copies.")
        return
    said = f"{counted(found.total, 'recording')} in several copies: {counted(found.copies, 'copy', 'copies')}"
    output.print(f"{said} beside the best, {human_size(found.frees)}.")
    if found.doubtful:
        output.print(f"{counted(found.doubtful, 'recording')} with something to listen to: “perhaps”.")
    if found.total + found.doubtful > len(found.groups):
        messages.print("More with --limit.")


def _print_group(group: Group) -> None:
    output.print(safe(f"best     {group.best.name}  {_kind(group.best)}"))
    for other in group.copies:
        output.print(safe(f"  copy   {other.copy.name}  {_kind(other.copy)}"))
        better = f"; the best is {other.why}" if other.why else ""
        output.print(safe(f"         {_because(other.evidence)}{better}"), style="dim")
    for other in group.perhaps:
        output.print(safe(f"  perhaps  {other.copy.name}  {_kind(other.copy)}"))
        output.print(safe(f"         {_because(other.evidence)}"), style="dim")


def _print_asked(one: Asked) -> None:
    output.print(safe(f"{one.path}: {_ANSWERS[one.answer]}{f' ({one.reason})' if one.reason else ''}"))
    for match in one.matches:
        output.print(safe(f"  {match.copy.name}  {_kind(match.copy)}"))
        output.print(safe(f"    {_matching(match)}"), style="dim")
    if one.better:
        output.print("  It is a better copy than what is held.")


def _matching(match: Match) -> str:
    if match.speed == 1.0:
        return _because(match.evidence)
    how = "sped up" if match.speed > 1 else "slowed down"
    percent = f"{abs(match.speed - 1) * 100:.2f}".rstrip("0").rstrip(".")
    return f"the file is a copy {how} by {percent} %: {_because(match.evidence)}"


def _because(evidence: Evidence) -> str:
    """Return the evidence in words."""
    if evidence.level is Level.BYTES:
        return "the same bytes"
    if evidence.level is Level.AUDIO:
        return "the same samples"
    said = f"{evidence.ber:.1%} of the bits differ over {human_time(evidence.overlap or 0)}"
    if abs(evidence.offset or 0) >= 1:
        said += f", {abs(evidence.offset or 0):.0f} s {'into' if (evidence.offset or 0) > 0 else 'before'} it"
    if abs(evidence.longer) >= 0.5:
        said += f", {human_time(abs(evidence.longer))} {'longer' if evidence.longer > 0 else 'shorter'}"
    if evidence.via is not None:
        said = f"like the copy {evidence.via}, not like the best: {said}"
    return said


def _kind(copy: Copy) -> str:
    """Return in a few words what a copy is."""
    words = [copy.codec or "?"]
    if copy.lossless and copy.sample_rate:
        words.append(f"{copy.sample_rate / 1000:g} kHz/{copy.bits_per_sample or '?'}")
    elif copy.bit_rate:
        words.append(f"{copy.bit_rate / 1000:.0f} kbit/s")
    words += [human_time(copy.duration), human_size(copy.size)]
    if copy.integrity == "damaged":
        words.append("damaged")
    if not copy.held:
        words.append("not kept")
    return f"[{', '.join(words)}]"
