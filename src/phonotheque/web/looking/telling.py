"""What was counted, as charts in one of the languages: titles, captions, axes, tables, and all in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from phonotheque.web.charts import Chart
from phonotheque.web.looking import catalogue_told, coverage_told, held_told, published_told
from phonotheque.web.looking.counts import Counted
from phonotheque.web.looking.voice import Voice

Teller = Callable[[Counted, Voice], Chart]

_TELLERS: Final[Mapping[str, Teller]] = {
    "coverage": coverage_told.coverage,
    "published-coverage": coverage_told.published_coverage,
    "listening": coverage_told.listening,
    "years": catalogue_told.years,
    "durations": catalogue_told.durations,
    "countries": catalogue_told.countries,
    "listens": catalogue_told.listens,
    "files": catalogue_told.files,
    "isrcs": catalogue_told.isrcs,
    "conflicts": catalogue_told.conflicts,
    "growth": held_told.growth,
    "codecs": held_told.codecs,
    "integrity": held_told.integrity,
    "loudness": held_told.loudness,
    "licences": held_told.licences,
    "decisions": held_told.decisions,
    "editions": published_told.editions,
    "published-licences": published_told.licences,
    "published-years": published_told.years,
    "copies": published_told.copies,
    "copies-over-time": published_told.copies_over_time,
}
KEYS: Final = tuple(_TELLERS)


def _(sentence: str) -> str:
    """Mark a sentence to be told in the visitor's language."""
    return sentence


# How a page orders them: headings, to be told in its language, and keys.
GROUPS: Final = (
    (_("What a disk can cover"), ("coverage", "published-coverage", "listening")),
    (_("What is held"), ("growth", "codecs", "integrity", "loudness")),
    (_("What is published"), ("editions", "published-licences", "published-years")),
    (_("What may be done with it"), ("licences", "decisions")),
    (_("Copies"), ("copies", "copies-over-time")),
    (_("What is known"), ("years", "durations", "countries", "listens", "isrcs", "files", "conflicts")),
)


def tell(counted: Counted, voice: Voice) -> Chart:
    """Return a chart of what was counted. Raises KeyError for what is no plot of ours."""
    return _TELLERS[counted.key](counted, voice)


def tell_all(found: Mapping[str, Counted], keys: Sequence[str], voice: Voice) -> tuple[Chart, ...]:
    """Return the charts of these keys in their order; of what was not counted, that there is no catalogue."""
    return tuple(tell(found[key], voice) if key in found else _absent(key, voice) for key in keys)


def _absent(key: str, voice: Voice) -> Chart:
    """Return a chart that shows nothing: the same as of no rows, but that nobody has looked yet."""
    empty = tell(Counted(key, (), (), {"counted": 0, "known": 0}), voice)
    why = voice.gettext("No catalogue was made yet. It is made when music is added.")
    return Chart(key, empty.title, why)
