"""What is published, and its copies, in words."""

from __future__ import annotations

from typing import cast

from phonotheque.web.charts import Bars, Bins, Chart, Line, Lines, Table
from phonotheque.web.looking.catalogue_told import decades
from phonotheque.web.looking.counts import Counted
from phonotheque.web.looking.listed import LISTED, basis, grouped, integers, named, spoken
from phonotheque.web.looking.voice import Voice

_MANY = 10  # copies; more share a bar
_Day = tuple[str, int, int, int, int]  # day, bags, of these with at least one, two, three copies


def editions(counted: Counted, voice: Voice) -> Chart:
    """Tell in which edition the bags that are current came."""
    _, _n = voice.gettext, voice.counted
    title, rows = _("Bags by edition"), integers(counted)
    if not rows:
        return Chart("editions", title, _("Nothing is published yet."))
    found = [(_("edition %(number)s") % {"number": voice.count(row[0])}, row[1]) for row in rows]
    bags = _n("%(number)s\u00a0bag", "%(number)s\u00a0bags", sum(row[1] for row in rows))
    shown = found[-_MANY:]
    return Chart(
        "editions",
        title,
        _("The edition in which each bag came: %(bags)s are current. The last %(last)s editions are drawn.")
        % {"bags": bags, "last": voice.count(len(shown))},
        Bars(tuple(shown)),
        _("Bags by edition: %(list)s.")
        % {"list": ", ".join(f"{name} {voice.count(number)}" for name, number in shown)},
        Table(
            (_("Edition"), _("Bags"), _("Files"), _("Size")),
            tuple(
                (voice.count(number), voice.count(bags), voice.count(files), voice.size(size))
                for number, bags, files, size in reversed(rows[-LISTED:])
            ),
        ),
    )


def licences(counted: Counted, voice: Voice) -> Chart:
    """Tell what published files say of their rights, in the bags themselves."""
    _, _n = voice.gettext, voice.counted
    title = _("Licences of what is published")
    found = [(basis(name, voice), number) for name, number in named(counted)]
    if not found:
        return Chart(counted.key, title, _("The edition does not say what its bags' licences are."))
    total = _n("%(number)s\u00a0file", "%(number)s\u00a0files", sum(number for _name, number in found))
    return Chart(
        counted.key,
        title,
        _("On what basis %(files)s are shared, as it is written in their bags.") % {"files": total},
        Bars(grouped(found, voice)),
        _("Published files by licence: %(list)s.") % {"list": spoken(found, voice)},
        Table(
            (_("Licence or basis"), _("Files")),
            tuple((name, voice.count(number)) for name, number in found[:LISTED]),
        ),
    )


def years(counted: Counted, voice: Voice) -> Chart:
    """Tell the years that published files have in their tags."""
    _, _n = voice.gettext, voice.counted
    title, rows = _("Years of what is published"), integers(counted)
    if not rows:
        return Chart(counted.key, title, _("No published file has a date in its tags."))
    total = _n("%(number)s\u00a0file", "%(number)s\u00a0files", sum(row[1] for row in rows))
    return Chart(
        counted.key,
        title,
        _("The date that %(files)s have in their tags.") % {"files": total},
        Bins(tuple((year - 0.5, year + 0.5, n) for year, n in rows), _("year"), whole=True),
        _("Files by year, from %(first)s to %(last)s.") % {"first": rows[0][0], "last": rows[-1][0]},
        Table((_("Decade"), _("Files")), decades(rows, voice)),
    )


def copies(counted: Counted, voice: Voice) -> Chart:
    """Tell how many verified copies bags have now."""
    _, _n = voice.gettext, voice.counted
    title, rows, at = _("Copies per bag"), integers(counted), counted.facts.get("counted_at")
    if not rows or not at:
        return Chart("copies", title, _("No copies were counted yet: no mirror has proved one."))
    few = [row for row in rows if row[0] < _MANY]
    found = [(_n("%(number)s copy", "%(number)s copies", row[0]), row[1], row[2]) for row in few]
    if len(few) < len(rows):
        bags, size = (sum(row[column] for row in rows[_MANY:]) for column in (1, 2))
        found.append((_("%(number)s or more copies") % {"number": voice.count(_MANY)}, bags, size))
    bars = tuple((name, number) for name, number, _size in found)
    bags_told = _n("%(number)s\u00a0bag", "%(number)s\u00a0bags", sum(number for _name, number in bars))
    return Chart(
        "copies",
        title,
        _(
            "How many mirrors have proved that they hold each of %(bags)s, as counted on %(date)s. "
            "What mirrors only claim, and the publisher's own copy, is not counted."
        )
        % {"bags": bags_told, "date": voice.day(str(at))},
        Bars(bars),
        _("Bags by number of verified copies: %(list)s.")
        % {"list": ", ".join(f"{name}: {voice.count(number)}" for name, number in bars)},
        Table(
            (_("Verified copies"), _("Bags"), _("Size")),
            tuple((name, voice.count(number), voice.size(size)) for name, number, size in found),
        ),
    )


def copies_over_time(counted: Counted, voice: Voice) -> Chart:
    """Tell how many bags had how many verified copies, day by day."""
    _ = voice.gettext
    title, rows = _("Copies per bag over time"), [cast(_Day, row) for row in counted.rows]
    if not rows:
        why = _("No copies were counted yet: no mirror has proved one.")
        return Chart("copies-over-time", title, why)
    drawn = ((1, _("published")), (2, _("one copy or more")), (4, _("three copies or more")))
    lines = tuple(
        Line(name, tuple((row[0], float(cast(int, row[at]))) for row in rows)) for at, name in drawn
    )
    last = rows[-1]
    return Chart(
        "copies-over-time",
        title,
        _("How many bags there were, and how many of them had verified copies at mirrors."),
        Lines(lines, _("bags")),
        _(
            "Three lines from %(first)s to %(last)s. At the end %(bags)s bags are published, %(one)s have "
            "one copy or more, %(three)s have three or more."
        )
        % {
            "first": voice.day(rows[0][0]),
            "last": voice.day(last[0]),
            "bags": voice.count(last[1]),
            "one": voice.count(last[2]),
            "three": voice.count(last[4]),
        },
        Table(
            (_("Day"), _("Bags"), _("One copy or more"), _("Two or more"), _("Three or more")),
            tuple((voice.day(row[0]), *map(voice.count, row[1:])) for row in reversed(rows[-LISTED:])),
        ),
    )
