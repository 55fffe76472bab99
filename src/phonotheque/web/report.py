"""The report: one HTML file that says how an archive stands, readable offline, by anyone, for long.

It refers to nothing outside itself and holds no script. The same state and moment give the same bytes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Connection

from phonotheque import __version__
from phonotheque.catalogue.engine import connect, explaining
from phonotheque.catalogue.listening import listening
from phonotheque.catalogue.manifest import current
from phonotheque.editions.planning import Planned, planned
from phonotheque.ledger.held import held_masters
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.place import write_durably
from phonotheque.web import words
from phonotheque.web.catalogue_charts import (
    Reading,
    catalogue_charts,
    coverage_chart,
    listening_chart,
    use_charts,
)
from phonotheque.web.charts import Chart
from phonotheque.web.figures import figures
from phonotheque.web.ledger_charts import held_charts, rights_charts
from phonotheque.web.listings import Listing, bag_offers, conflicts, open_questions, refused_files
from phonotheque.web.palette import DARK, LIGHT, plots_in_dark, variables

_MEMORY = "1GB"  # of the engine; it spills beyond
_POINTS = 100  # of the curve of all listening


@dataclass(frozen=True, slots=True)
class Group:
    """Charts under one heading."""

    key: str
    title: str
    charts: tuple[Chart, ...]


def write_report(archive: Archive, *, at: datetime) -> Path:
    """Write ``report/index.html`` in the archive's folder and return its path.

    ``at`` is the moment that the report speaks of. Raises UsageError for a mirror.
    """
    if archive.is_mirror:
        raise UsageError(
            f"{archive.folder} is a mirror: it holds somebody else's bags and no catalogue of its own.",
            f"See what it holds with: phono status {archive.folder}",
        )
    page = _page(_content(archive, at), at)
    folder = archive.folder / "report"
    folder.mkdir(exist_ok=True)
    path = folder / "index.html"
    write_durably(path, page.encode("utf-8", "replace"))
    return path


def _content(archive: Archive, at: datetime) -> dict[str, Any]:
    """Gather everything the page shows, by its name in the template."""
    settings = archive.settings
    with archive.ledger.connect() as ledger, _reading(archive) as reading, _planned(archive, reading) as plan:
        return {
            "name": words.shown(settings.archive.name or "This archive"),
            "figures": figures(ledger, reading, plan.candidates if plan else None),
            "coverage": (
                coverage_chart(plan.plan) if plan else _absent("coverage", "Coverage against size"),
                _listening(ledger, reading),
            ),
            "groups": _groups(ledger, reading, at),
            "questions": open_questions(ledger),
            "refused": refused_files(ledger),
            "conflicts": conflicts(reading) if reading else Listing((), 0),
            "bags": bag_offers(ledger, url=settings.publish.url, trackers=settings.publish.trackers),
            "snapshot": reading.snapshot.stamp if reading else None,
        }


@contextmanager
def _planned(archive: Archive, reading: Reading | None) -> Iterator[Planned | None]:
    """Plan without a budget, if there is a snapshot: what every size would cover."""
    if reading is None:
        yield None
        return
    with planned(archive, None) as found:
        yield found


@contextmanager
def _reading(archive: Archive) -> Iterator[Reading | None]:
    """Open the current snapshot, if there is one, in an engine that may spill to the disk."""
    snapshot = current(archive.catalogue)
    if snapshot is None:
        yield None
        return
    with (
        tempfile.TemporaryDirectory(prefix="phonotheque-") as spill,
        closing(connect(memory_limit=_MEMORY, spill=Path(spill))) as engine,
        explaining("making the report", snapshot.path),
    ):
        yield Reading.of(engine, snapshot)


def _groups(ledger: Connection, reading: Reading | None, at: datetime) -> tuple[Group, ...]:
    if reading:
        known, use = catalogue_charts(reading, at), use_charts(reading)
    else:
        known = [_absent("years", "Years"), _absent("durations", "Durations")]
        use = [_absent("listens", "Listens per recording"), _absent("files", "Files per recording")]
        use.append(_absent("isrcs", "Tracks per ISRC"))
    return (
        Group("held", "What is held", (*held_charts(ledger), *known)),
        Group("rights", "What may be done with it", tuple(rights_charts(ledger))),
        Group("use", "Listening and copies", tuple(use)),
    )


def _listening(ledger: Connection, reading: Reading | None) -> Chart:
    if reading is None:
        return _absent("listening", "All recorded music that the catalogue knows")
    return listening_chart(listening(reading.snapshot, held_masters(ledger), points=_POINTS))


def _absent(key: str, title: str) -> Chart:
    return Chart(key, title, "No catalogue was made yet. It is made when music is added.")


def _page(content: dict[str, Any], at: datetime) -> str:
    # Imported here: Altair and vl-convert take seconds, which nobody else should wait for.
    from phonotheque.web.plots import draw

    environment = Environment(
        loader=PackageLoader("phonotheque", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for helper in (words.count, words.counted, words.date, words.hours, words.share, words.shown, words.size):
        environment.filters[helper.__name__] = helper
    return environment.get_template("report.html.j2").render(
        **content,
        draw=draw,
        at=words.moment(at),
        at_iso=timestamp(at),
        version=__version__,
        light=variables(LIGHT),
        dark=variables(DARK),
        plots_in_dark=plots_in_dark(),
    )
