"""phono figures: count and draw what pages show of an archive or a mirror, before anybody asks."""

from __future__ import annotations

from dataclasses import asdict

import click

from phonotheque.cli.common import archive_argument, counted, human_size, json_option, output, show
from phonotheque.vault.archive import Archive, now


@click.command("figures")
@archive_argument
@json_option
def figures_command(archive: Archive, as_json: bool) -> None:
    """Count and draw what pages show of ARCHIVE (or a mirror): its figures and plots, in every language.

    A server that shows it does the same beside, when figures are a day old or something was added or
    published: this is for whoever wants them at once, or when nobody else works.
    """
    from phonotheque.web.looking.kept import folder_of
    from phonotheque.web.looking.making import renew_and_draw
    from phonotheque.web.looking.voice import voice

    kept, drawn = renew_and_draw(archive, at=now())
    first, told = kept.first, voice("en")

    def text() -> None:
        length = f", {told.hours(first.seconds)}" if first.seconds is not None else ""
        output.print(f"Held: {counted(first.files, 'file')}, {human_size(first.bytes)}{length}.")
        output.print(
            f"With a recorded basis for sharing: {told.share(first.shareable, first.files)} of files."
        )
        safe = told.share(first.safe_bytes, first.bag_bytes) if first.copies_at else "not counted yet"
        output.print(f"With at least 3 verified copies: {safe}.")
        output.print(f"{counted(len(kept.counts), 'plot')} in {folder_of(archive)}; {drawn} drawn anew.")

    data = {
        "figures": asdict(first),
        "snapshot": kept.snapshot,
        "plots": sorted(kept.counts),
        "drawn": drawn,
    }
    show(data, as_json, text)
