"""Charts drawn as SVG: Vega-Lite specifications made by Altair, rendered by vl-convert, without a browser.

Drawn in the light palette's colours; the report's style turns them into the dark one's, and for the room
they are put in their place (looking.drawings). Every chart is drawn twice, for wide and for narrow screens,
because text in a drawing shrinks with it. Equal data give equal bytes. Import this module late: Altair and
vl-convert take seconds to load.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import altair as alt
import vl_convert
from markupsafe import Markup

from phonotheque.web.charts import Bars, Bins, Chart, Curves, Lines, Parts
from phonotheque.web.looking.voice import Voice, voice
from phonotheque.web.palette import LIGHT
from phonotheque.web.svg import embeddable
from phonotheque.web.words import unit

_ROW = 26  # pixels per lying bar
LABEL = 12  # size of text, in pixels
# Asked for by name, so that plots are laid out alike; who has no such font sees another one without serifs.
_FONT = "Roboto"
_WIDE, NARROW = 540, 350  # pixels
_LETTER = 0.62 * LABEL  # pixels of a digit or a letter, about
_NAMES = 0.42  # of a drawing's width that names of bars take at most
_LOCALES: dict[str, Literal["en-US", "fr-FR"]] = {"en": "en-US", "fr": "fr-FR"}  # d3's
_Drawn = alt.Chart | alt.LayerChart | alt.FacetChart
_BLUE, _ORANGE, _GREY = LIGHT.blue, LIGHT.orange, LIGHT.grey


@dataclass(frozen=True, slots=True)
class Drawing:
    """One chart, for screens from 640 pixels on and below."""

    wide: Markup
    narrow: Markup


def draw(chart: Chart) -> Drawing:
    """Return the drawings of a chart that has data, for the report."""
    wide = wide_of(chart) if isinstance(chart.data, Curves) else _WIDE  # other charts stand side by side
    return Drawing(*(embeddable(svg_of(chart, width), chart.alt) for width in (wide, NARROW)))


def wide_of(chart: Chart) -> int:
    """Return the width in pixels in which a chart is drawn where there is room."""
    return 720 if isinstance(chart.data, Curves | Lines) else _WIDE


def svg_of(chart: Chart, width: int, told: Voice | None = None, *, alone: bool = False) -> str:
    """Return a chart that has data as an SVG document, its numbers written as in a language.

    ``alone``: with its title, on paper, for whoever looks at it outside a page.
    """
    told = told or voice("en")
    drawn: _Drawn
    match chart.data:
        case Bars() as data:
            drawn, height = _bars(data, width, told), len(data.values) * _ROW + 10
        case Bins() as data:
            drawn, height = _bins(data, width), 230
        case Parts() as data:
            drawn, height = _parts(data, told), len(data.rows) * (_ROW + 14) + 40
        case Curves() as data:
            drawn, height = _curves(data, told), 380 if width > 500 else 320
        case Lines() as data:
            drawn, height = _lines(data), 300 if width > 500 else 260
        case None:
            raise ValueError(f"the chart {chart.key} has nothing to draw")
    fitted = drawn.properties(
        width=width,
        height=height + (30 if alone else 0),
        background=LIGHT.paper if alone else "transparent",
        padding=16 if alone else 2,
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
    )
    if alone:
        fitted = fitted.properties(title=alt.TitleParams(chart.title, anchor="start", frame="bounds"))
    spec = _configured(fitted).to_dict()
    locale = _LOCALES[told.language]
    svg: str = vl_convert.vegalite_to_svg(spec, format_locale=locale, time_format_locale=locale)
    return svg


def _bars(data: Bars, width: int, told: Voice) -> _Drawn:
    rows = [{"name": name, "number": number, "words": told.count(number)} for name, number in data.values]
    most = max(number for _, number in data.values)
    names = min(_NAMES * width, _LETTER * max(len(name) for name, _ in data.values)) + 8
    longest = _LETTER * len(told.count(most)) + 12  # the number that stands after the longest bar
    room = (width - names) / max(width - names - longest, width / 5)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=width * _NAMES, labelPadding=8)),
        x=alt.X("number:Q", axis=None, scale=alt.Scale(domain=[0, most * room or 1])),
    )
    bars = base.mark_bar(color=_BLUE, height=14)
    numbers = base.mark_text(align="left", dx=6, color=LIGHT.ink, fontSize=LABEL).encode(text="words:N")
    return alt.layer(bars, numbers)


def _bins(data: Bins, width: int) -> _Drawn:
    first, end, step = data.values[0][0], data.values[-1][1], data.values[0][1] - data.values[0][0]
    most = max(number for _, _, number in data.values)
    gap = step * (0.05 if len(data.values) < 60 else 0.0)
    rows = [{"from": low + gap, "to": high - gap, "number": number} for low, high, number in data.values]
    label = "format(datum.value, 'd')" if data.whole else "datum.value"
    if data.last:
        label = f"datum.value == {data.last[0]} ? '{data.last[1]}' : {label}"
    around = max(0.0, (10 * step - (end - first)) / 2)  # a lone bin is a bar, not a wall
    shown = [first - around, end + around]
    if data.least:
        shown = [min(first, data.least[0]), max(end, data.least[1])]
    across = alt.X(
        "from:Q",
        title=data.axis,
        scale=alt.Scale(domain=shown, nice=False, zero=False),
        axis=alt.Axis(
            labelExpr=f"replace({label}, '-', '−')",
            tickMinStep=1,
            tickCount=8 if width > 500 else 5,
            values=list(data.ticks) if data.ticks else alt.Undefined,
            grid=False,
        ),
    )
    up = alt.Y("number:Q", title=None, axis=alt.Axis(values=_ticks(most), format=",d"))
    chart: alt.Chart = alt.Chart(alt.InlineData(values=rows)).mark_rect(color=_BLUE)
    drawn: alt.Chart = chart.encode(x=across, x2="to:Q", y=up, y2=alt.datum(0))
    return drawn


def _parts(data: Parts, told: Voice) -> _Drawn:
    rows = []
    for name, numbers in data.rows:
        whole, start = sum(numbers) or 1, 0
        for part, number in zip(data.parts, numbers, strict=True):
            middle, end = (start + number / 2) / whole, (start + number) / whole
            # A part that is too small for its number has it in the table only.
            words = told.count(number)
            words = words if number / whole > 0.04 * (len(words) + 1) else ""
            place = {"from": start / whole, "to": end, "middle": middle}
            rows.append({"name": name, "part": part, "words": words, **place})
            start += number
    colours = [_BLUE, _ORANGE, _GREY][: len(data.parts)]
    key = alt.Legend(title=None, orient="top", symbolType="square", symbolSize=110, labelFontSize=LABEL)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelPadding=8))
    )
    bars = base.mark_bar(height=22, stroke=LIGHT.paper, strokeWidth=1.5).encode(
        x=alt.X("from:Q", axis=None, scale=alt.Scale(domain=[0, 1])),
        x2="to:Q",
        color=alt.Color("part:N", scale=alt.Scale(domain=list(data.parts), range=colours), legend=key),
    )
    numbers = base.mark_text(color=LIGHT.paper, fontSize=LABEL).encode(x="middle:Q", text="words:N")
    return alt.layer(bars, numbers)


def _curves(data: Curves, told: Voice) -> _Drawn:
    largest = max(tier.points[-1][0] for tier in data.tiers)
    divisor, _ = unit(largest)
    points = [
        {"tier": tier.name, "size": size / divisor, "share": share}
        for tier in data.tiers
        for size, share in tier.points
    ]
    marks = [
        {"tier": tier.name, "size": size / divisor, "share": share}
        for tier in data.tiers
        for size, share in tier.marks
    ]
    tiers = [tier.name for tier in data.tiers]
    key = alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3, labelFontSize=LABEL)
    colours = [_BLUE, _ORANGE][: len(tiers)]
    encoding: dict[str, Any] = {
        "x": alt.X("size:Q", title=told.unit(largest), axis=alt.Axis(grid=False, tickCount=6)),
        "y": alt.Y(
            "share:Q",
            title=None,
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(
                values=[0, 0.25, 0.5, 0.75, 0.9, 1], labelExpr="format(100 * datum.value, 'd') + '\u00a0%'"
            ),
        ),
        "color": alt.Color("tier:N", scale=alt.Scale(domain=tiers, range=colours), legend=key),
    }
    line = alt.Chart(alt.InlineData(values=points)).mark_line(strokeWidth=2.5).encode(**encoding)
    dots = alt.Chart(alt.InlineData(values=marks)).mark_circle(size=64, opacity=1).encode(**encoding)
    return alt.layer(line, dots)


def _lines(data: Lines) -> _Drawn:
    rows = []
    days = [date.fromisoformat(day) for line in data.lines for day, _number in line.points]
    span = (max(days) - min(days)).days
    for line in data.lines:
        points = [{"line": line.name, "day": day, "number": number} for day, number in line.points]
        # What was told last holds for a while: a single day is a line, too.
        end = (date.fromisoformat(line.points[-1][0]) + timedelta(days=1 + span // 40)).isoformat()
        rows += [*points, {"line": line.name, "day": end, "number": line.points[-1][1]}]
    names = [line.name for line in data.lines]
    colours = [_BLUE] if len(names) == 1 else [_GREY, _ORANGE, _BLUE][: len(names)]
    key = alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3, labelFontSize=LABEL)
    most = max(number for line in data.lines for _day, number in line.points)
    chart: alt.Chart = alt.Chart(alt.InlineData(values=rows)).mark_line(
        strokeWidth=2.5, interpolate="step-after"
    )
    drawn: alt.Chart = chart.encode(
        x=alt.X(
            "day:T",
            title=None,
            scale=alt.Scale(type="utc", nice=False),
            axis=alt.Axis(
                grid=False,
                tickCount=alt.TimeIntervalStep("day", 1) if span < 8 else 6,
                format="%-d %b" if span < 60 else "%b %Y" if span < 1500 else "%Y",
                labelOverlap=True,
            ),
        ),
        y=alt.Y(
            "number:Q",
            title=data.axis,
            scale=alt.Scale(domain=[0, most or 1]),
            axis=alt.Axis(tickCount=5, tickMinStep=1 if most >= 5 else 0, format="~r" if most < 5 else ",d"),
        ),
        color=alt.Color(
            "line:N", scale=alt.Scale(domain=names, range=colours), legend=key if len(names) > 1 else None
        ),
    )
    return drawn


def _ticks(most: int) -> list[int]:
    """Return round whole numbers from 0 up to ``most``: at most six."""
    steps = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
    return list(range(0, most + 1, next(step for step in steps if most <= 5 * step)))


def _configured(chart: _Drawn) -> Any:
    drawn = styled(chart).configure_legend(labelColor=LIGHT.ink, offset=8, padding=0)
    return drawn.configure_title(color=LIGHT.ink, fontSize=16, fontWeight="normal", offset=12)


def styled(chart: _Drawn | alt.VConcatChart) -> Any:
    """Return a chart with the letters, axes and rules that all our plots have."""
    return (
        chart.configure(font=_FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=LIGHT.quiet,
            labelFontSize=LABEL,
            titleColor=LIGHT.quiet,
            titleFontSize=LABEL,
            titleFontWeight="normal",
            gridColor=LIGHT.rule,
            domainColor=LIGHT.rule,
            ticks=False,
            labelPadding=6,
        )
        .configure_axisY(domain=False)
    )
