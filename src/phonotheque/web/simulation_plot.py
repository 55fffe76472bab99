"""The plot of a simulation: copies per bag over the years, and bags that have few. Import it late."""

from __future__ import annotations

import altair as alt
import vl_convert

from phonotheque.mirrors.simulation.summary import Summary
from phonotheque.web.palette import LIGHT
from phonotheque.web.plots import LABEL, styled

_WIDTH, _HEIGHT = 720, 220
_COPIES = ("half of the bags have more", "99 in 100 have as many", "the bag with the fewest")
_Row = dict[str, float | str]
_BAGS = ("fewer than 3 copies", "nobody there has it", "lost")


def draw_simulation(summary: Summary) -> str:
    """Return an SVG document. Equal summaries give equal bytes."""
    copies: list[_Row] = [
        {"year": moment.year, "number": number, "what": what}
        for moment in summary.moments
        for what, number in zip(_COPIES, (moment.median, moment.first_hundredth, moment.least), strict=True)
    ]
    bags: list[_Row] = [
        {"year": moment.year, "number": number, "what": what}
        for moment in summary.moments
        for what, number in zip(_BAGS, (moment.few, moment.unreachable, moment.lost), strict=True)
    ]
    chart = alt.vconcat(
        _panel(copies, "Copies of a bag at mirrors", _COPIES), _panel(bags, "Bags", _BAGS)
    ).resolve_scale(color="independent")
    spec = (
        styled(chart.properties(background=LIGHT.paper, padding=12))
        .configure_legend(labelColor=LIGHT.ink, labelFontSize=LABEL, labelLimit=300, padding=0)
        .to_dict()
    )
    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg


def _panel(rows: list[_Row], title: str, names: tuple[str, ...]) -> alt.Chart:
    key = alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3)
    colours = alt.Scale(domain=list(names), range=[LIGHT.blue, LIGHT.grey, LIGHT.orange])
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=2.5, interpolate="step-after")
        .encode(
            x=alt.X("year:Q", title="years", axis=alt.Axis(grid=False)),
            y=alt.Y("number:Q", title=title, axis=alt.Axis(tickMinStep=1, format=",d")),
            color=alt.Color("what:N", scale=colours, legend=key),
        )
        .properties(width=_WIDTH, height=_HEIGHT)
    )
    return chart
