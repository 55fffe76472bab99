"""Coverage against bytes, in words: of what may be published, of what is, and of all that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from phonotheque.web.charts import Chart, Curves, Table, Tier
from phonotheque.web.looking.counts import Counted
from phonotheque.web.looking.voice import Voice

_Point = tuple[str, int, float, int, float | None]  # tier, bytes, share, recordings, mark
_Price = tuple[
    int, float, int, float, int, int
]  # mark, share, recordings, seconds, as masters, as access copies


def coverage(counted: Counted, voice: Voice) -> Chart:
    """Tell how much of listening fits into how many bytes, by tier, from what may be published."""
    _ = voice.gettext
    title = _("Coverage against size")
    if not counted.rows:
        why = _("Nothing may be published yet, so there is no selection whose size could be shown.")
        return Chart("coverage", title, why)
    what = (
        _("The share of all listens to what is held that a disk can cover, the most listened per byte first.")
        if counted.facts["counted"]
        else _(
            "The share of all recordings held that a disk can cover, the smallest first. Nobody has counted "
            "listens yet, so every recording counts the same."
        )
    )
    more = _("Only what may be published counts. Access copies are Ogg Opus, their sizes estimated.")
    tiers = {"master": _("masters"), "access": _("access copies")}
    return _curves(counted, voice, title, f"{what} {more}", tiers)


def published_coverage(counted: Counted, voice: Voice) -> Chart:
    """Tell how much of listening fits into how many bytes of whole bags, from what is published."""
    _ = voice.gettext
    title = _("Coverage against size, bag by bag")
    if not counted.rows:
        return Chart(counted.key, title, _("Nothing is published yet."))
    caption = (
        _("The share of listens to what is published that a disk can cover, the most listened bags first.")
        if counted.facts["counted"]
        else _(
            "The share of the recordings published that a disk can cover, the smallest bags first. Nobody "
            "has counted listens yet, so every recording counts the same."
        )
    )
    return _curves(counted, voice, title, caption, {"bags": _("whole bags")})


def listening(counted: Counted, voice: Voice) -> Chart:
    """Tell what all listening costs, held or not, and what share of it falls on what is held."""
    _, _n = voice.gettext, voice.counted
    title = _("All recorded music that the catalogue knows")
    prices = cast(Sequence[_Price], counted.rows)
    marks = [price for price in prices if price[0]]
    if not marks:
        return Chart("listening", title, _("The catalogue knows no recordings."))
    what = _measure(counted, voice)
    held = voice.share(float(counted.facts["held_share"] or 0), 1)
    caption = [
        _("The most listened first, held or not.")
        if counted.facts["counted"]
        else _("Nobody has counted listens yet, so every recording counts the same."),
        _("Masters are held for %(share)s of %(measure)s.") % {"share": held, "measure": what},
        _(
            "Without a file, masters are taken to weigh %(masters)s\u00a0kbit/s, access copies "
            "%(access)s\u00a0kbit/s."
        )
        % {
            "masters": voice.count(counted.number("master_kbps")),
            "access": voice.count(counted.number("access_kbps")),
        },
    ]
    if rest := counted.number("uncounted"):
        number = _n("%(number)s\u00a0further recording", "%(number)s\u00a0further recordings", rest)
        size = voice.size(counted.number("uncounted_bytes"))
        caption.append(
            _("Nobody counted %(recordings)s: %(size)s as access copies.")
            % {"recordings": number, "size": size}
        )
    lines = [
        (
            voice.share(share, 1),
            voice.count(recordings),
            voice.hours(seconds),
            voice.size(master),
            voice.size(access),
        )
        for _mark, share, recordings, seconds, master, access in marks
    ]
    spoken = [_rising(voice, 2, what)]
    spoken += [
        _("%(share)s takes %(masters)s as masters, %(access)s as access copies.")
        % {"share": line[0], "masters": line[3], "access": line[4]}
        for line in lines
    ]
    return Chart(
        "listening",
        title,
        " ".join(caption),
        Curves((_tier(prices, _("masters"), 4), _tier(prices, _("access copies"), 5)), what),
        " ".join(spoken),
        Table(
            (
                _("Share of %(measure)s") % {"measure": what},
                _("Recordings"),
                _("Length"),
                _("As masters"),
                _("As access copies"),
            ),
            tuple(lines),
        ),
    )


def _tier(prices: Sequence[_Price], name: str, column: int) -> Tier:
    points = {(int(price[column]), float(price[1])) for price in prices}
    marks = tuple((int(price[column]), float(price[1])) for price in prices if price[0])
    return Tier(name, ((0, 0.0), *sorted(points)), marks)


def _curves(counted: Counted, voice: Voice, title: str, caption: str, tiers: dict[str, str]) -> Chart:
    """Return a chart with a curve, and lines of its table, for each tier."""
    _ = voice.gettext
    points = cast(Sequence[_Point], counted.rows)
    what = _measure(counted, voice)
    lines: dict[tuple[str, str, str, str], None] = {}
    drawn = []
    for tier, name in tiers.items():
        rows = [point for point in points if point[0] == tier]
        drawn.append(
            Tier(
                name,
                ((0, 0.0), *((size, share) for _tier, size, share, _n, _mark in rows)),
                tuple((size, share) for _tier, size, share, _n, mark in rows if mark is not None),
            )
        )
        reached = [(mark, size, number) for _tier, size, _share, number, mark in rows if mark is not None]
        reached.append((rows[-1][2], rows[-1][1], rows[-1][3]))
        lines |= {
            (voice.share(share, 1), name, voice.size(size), voice.count(number)): None
            for share, size, number in reached
        }
    spoken = [_rising(voice, len(drawn), what)]
    spoken += [
        _("As %(tier)s, %(share)s takes %(size)s.") % {"tier": name, "share": reached, "size": size}
        for reached, name, size, _number in lines
    ]
    columns = (_("Share of %(measure)s") % {"measure": what}, _("As"), _("Takes"), _("Recordings"))
    return Chart(
        counted.key,
        title,
        caption,
        Curves(tuple(drawn), what),
        " ".join(spoken),
        Table(columns, tuple(lines)),
    )


def _rising(voice: Voice, curves: int, measure: str) -> str:
    _ = voice.gettext
    said = (
        _("Two rising curves of the share of %(measure)s against size.")
        if curves == 2
        else _("A rising curve of the share of %(measure)s against size.")
    )
    return said % {"measure": measure}


def _measure(counted: Counted, voice: Voice) -> str:
    _ = voice.gettext
    return _("listens") if counted.facts["counted"] else _("recordings")
