"""phono demo: the whole job, with the very commands a user would type, on music made on the spot."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from phonotheque.cli.common import messages, output
from phonotheque.cli.demo.collection import Collection, Kind, make_collection
from phonotheque.cli.demo.tour import Tour, run_tour
from phonotheque.model.errors import NotFoundError, UsageError

_MARKER = ".phonotheque-demo"


@click.command("demo")
@click.option("--music", type=click.Path(path_type=Path), help="Use this folder instead of making music.")
@click.option(
    "--into",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where to do it. A folder that an earlier demo made is made anew.",
)
def demo_command(music: Path | None, folder: Path) -> None:
    """Run the whole job here: take in, decide, plan, publish, mirror twice, damage, repair, report.

    Nothing is downloaded and nothing leaves this machine: a small synthesiser makes the music, and the
    mirrors talk over loopback.
    """
    if music is not None and not music.is_dir():
        raise NotFoundError(f"There is no folder {music}.", "Name a folder with music in it.")
    _make_room(folder)
    if music is None:
        messages.print("Making music …")
        made = make_collection(folder / "music")
        _introduce(made)
        tour = run_tour(folder, made.folder, listens=made.listens)
    else:
        tour = run_tour(folder, music, listens=None)
    _summarise(tour)


def _make_room(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARKER).exists():
            raise UsageError(f"{folder} is not empty.", "Choose another place: --into FOLDER")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()


def _introduce(made: Collection) -> None:
    good = len(made.of(Kind.GOOD))
    output.print(f"{made.folder}: {good} short recordings of old tunes, and what goes wrong in real folders:")
    for kind in (Kind.DUPLICATE, Kind.UNSTATED, Kind.DAMAGED, Kind.LOCKED, Kind.NOT_AUDIO):
        for file in made.of(kind):
            output.print(f"  {file.path.name}: {file.why}")
    output.print("The listen counts are invented.\n")


def _summarise(tour: Tour) -> None:
    output.print("\nWhat happened", style="bold")
    for line in tour.lines:
        output.print(f"  {line}")
    output.print(f"\nOpen the report in a browser: {tour.report}", style="bold")
    pages = tour.archive / "public" / "en" / "index.html"
    if pages.exists():
        output.print(f"What it published, as plain pages for any web server: {pages}")
    for words in ("serve", "status", "rights", "search"):
        output.print(f"  phono {words} {tour.archive}{' fr' if words == 'search' else ''}")
