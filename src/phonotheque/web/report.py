"""The report: one HTML file that says how an archive stands, readable offline, by anyone, for long.

It refers to nothing outside itself and holds no script. The same state and moment give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from phonotheque import __version__
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.place import write_durably
from phonotheque.web import words
from phonotheque.web.charts import Chart
from phonotheque.web.figures import figures
from phonotheque.web.listings import Listing, bag_offers, conflicts, open_questions, refused_files
from phonotheque.web.looking.gathering import gathered
from phonotheque.web.looking.telling import tell_all
from phonotheque.web.looking.voice import voice
from phonotheque.web.palette import DARK, LIGHT, plots_in_dark, variables

_COVERAGE: Final = ("coverage", "listening")
_GROUPS: Final = {
    "held": (
        "What is held",
        ("growth", "codecs", "integrity", "loudness", "years", "durations", "countries"),
    ),
    "rights": ("What may be done with it", ("licences", "decisions")),
    "use": ("Listening and copies", ("listens", "files", "isrcs", "conflicts", "copies", "copies-over-time")),
}


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
    settings, told = archive.settings, voice("en")
    with gathered(archive, at=at) as found:
        kept, reading, plan, ledger = found.kept, found.reading, found.plan, found.ledger
        return {
            "name": words.shown(settings.archive.name or "This archive"),
            "figures": figures(ledger, kept.first, reading, plan.candidates if plan else None),
            "coverage": tell_all(kept.counts, _COVERAGE, told),
            "groups": tuple(
                Group(key, title, tell_all(kept.counts, keys, told)) for key, (title, keys) in _GROUPS.items()
            ),
            "questions": open_questions(ledger),
            "refused": refused_files(ledger),
            "conflicts": conflicts(reading) if reading else Listing((), 0),
            "bags": bag_offers(ledger, url=settings.publish.url, trackers=settings.publish.trackers),
            "snapshot": reading.snapshot.stamp if reading else None,
        }


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
