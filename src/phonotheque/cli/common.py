"""What every command shares: arguments, output on stdout, progress and messages on stderr."""

from __future__ import annotations

import json
import signal
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from phonotheque.jobs.tracking import Job, track
from phonotheque.model.settings import JobsSettings, parse_size
from phonotheque.vault.archive import Archive, now, open_archive, timestamp

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
F = TypeVar("F", bound=Callable[..., Any])

# No markup: titles and file names are other people's text, and may hold brackets.
messages = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
output = Console(markup=False, highlight=False, soft_wrap=True)


class Size(click.ParamType[int]):
    """A number of bytes, written like 200MB or 2TiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes. Raises UsageError, which names the value."""
        return value if isinstance(value, int) else parse_size(value)


class Folder(click.ParamType[Archive]):
    """An existing archive or mirror folder."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Archive:
        """Open the archive; it is closed with the command. Raises NotFoundError with what to do."""
        archive = value if isinstance(value, Archive) else open_archive(Path(value))
        if ctx is not None:
            ctx.call_on_close(archive.close)
        return archive


cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Work on the workers of this Dask scheduler, such as tcp://host:8786.",
)
archive_argument = click.argument("archive", type=Folder())
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def show(data: Any, as_json: bool, text: Callable[[], None]) -> None:
    """Print ``data`` as JSON, or call ``text`` to print it for people."""
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, indent=1, default=str))
    else:
        text()


def on_cluster(archive: Archive, cluster: str | None) -> Archive:
    """Return the archive with ``cluster`` in its settings, if it was given; "" is none. Not opened yet."""
    if cluster is None:
        return archive
    return replace(archive, settings=replace(archive.settings, jobs=JobsSettings(cluster)))


@contextmanager
def job(archive: Archive, kind: str, what: str, options: Mapping[str, Any] | None = None) -> Iterator[Job]:
    """Hold the archive's lock, show progress, and record what runs and how it ends, while the block runs."""
    with (
        archive.writing(kind),
        progress_bars() as bars,
        track(
            archive.ledger,
            kind,
            what,
            clock=lambda: timestamp(now()),
            options=options,
            cluster=archive.settings.jobs.cluster,
            shown=bars,
        ) as running,
    ):
        yield running


def failed(message: str, advice: str, code: int) -> int:
    """Say on stderr what went wrong and what to do; return the exit code."""
    messages.print(Text.assemble(("phono: ", "bold red"), safe(message)))
    if advice:
        messages.print(advice)
    return code


def interrupted() -> int:
    """Say that the work can be taken up again; return the exit code of SIGINT."""
    messages.print("\nInterrupted. What was done is kept: run the same command again to go on.")
    return 128 + signal.SIGINT


def safe(text: str) -> str:
    """Return somebody else's text without what would steer the terminal (control and bidi characters)."""
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI else c for c in text)


def human_size(size: float) -> str:
    """Return bytes for people, in decimal units as disks are sold: "1.5 GB"."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} PB"


def human_time(seconds: float) -> str:
    """Return a length of sound for people: "3 min 20 s", "12 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return "1 file" or "1,234 files"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


class BarProgress:
    """Bars on a terminal, nothing elsewhere: files, rate, remaining time."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        """Begin a stage with a bar of its own."""
        self._task = self._bars.add_task(what, total=total_files, size=0, total_size=total_bytes or 0)

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        """Move the current bar."""
        if self._task is not None:
            done = self._bars.tasks[self._task].fields["size"] + size
            self._bars.update(self._task, advance=files, size=done)

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        """Raise what the current bar counts towards."""
        if self._task is not None:
            task = self._bars.tasks[self._task]
            self._bars.update(
                self._task, total=(task.total or 0) + files, total_size=task.fields["total_size"] + size
            )

    def say(self, message: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(safe(message))


class _Rate(ProgressColumn):
    """Files per second and bytes per second, since the stage began."""

    def render(self, task: Task) -> Text:
        elapsed = task.elapsed or 0.0
        if elapsed < 0.1:
            return Text("")
        rate = f"{task.completed / elapsed:,.1f} files/s"
        if size := task.fields.get("size"):
            rate += f"  {human_size(size / elapsed)}/s"
        return Text(rate)


@contextmanager
def progress_bars() -> Iterator[BarProgress]:
    """Show progress on stderr while the block runs, if stderr is a terminal."""
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=messages,
        disable=not messages.is_terminal,
    )
    with bars:
        yield BarProgress(bars)
