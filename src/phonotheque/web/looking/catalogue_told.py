"""What the catalogue knows, in words: years, durations, countries, listens, files, ISRCs, conflicts."""

from __future__ import annotations

from typing import Final

from babel import Locale

from phonotheque.web.charts import Bars, Bins, Chart, Table
from phonotheque.web.looking.catalogue_counts import LONGEST, MOST
from phonotheque.web.looking.counts import Counted
from phonotheque.web.looking.listed import LISTED, grouped, integers, named, spoken
from phonotheque.web.looking.voice import Voice
from phonotheque.web.words import shown

_STEP: Final = 30  # seconds


def years(counted: Counted, voice: Voice) -> Chart:
    """Tell the earliest known years of recordings."""
    _, _n = voice.gettext, voice.counted
    rows = integers(counted)
    if not rows:
        return Chart("years", _("Years"), _("No recording in the catalogue has a date."))
    dated, everything = sum(number for _year, number in rows), counted.number("known")
    recordings = _n("%(number)s\u00a0recording", "%(number)s\u00a0recordings", dated)
    caption = [_("The earliest known date of %(recordings)s.") % {"recordings": recordings}]
    if dated < everything:
        rest = voice.count(everything - dated)
        caption.append(_("Without a date that can be read: %(number)s.") % {"number": rest})
    return Chart(
        "years",
        _("Years"),
        " ".join(caption),
        Bins(tuple((year - 0.5, year + 0.5, n) for year, n in rows), _("year"), whole=True),
        _("Recordings by year, from %(first)s to %(last)s.") % {"first": rows[0][0], "last": rows[-1][0]},
        Table((_("Decade"), _("Recordings")), decades(rows, voice)),
    )


def decades(rows: list[tuple[int, ...]], voice: Voice) -> tuple[tuple[str, str], ...]:
    """Return the lines of a table of decades, from rows of years and numbers."""
    found: dict[int, int] = {}
    for year, number in rows:
        found[year // 10 * 10] = found.get(year // 10 * 10, 0) + number
    decade = voice.gettext("%(year)ss")
    return tuple((decade % {"year": first}, voice.count(number)) for first, number in found.items())


def durations(counted: Counted, voice: Voice) -> Chart:
    """Tell how long recordings are."""
    _, _n = voice.gettext, voice.counted
    rows = integers(counted)
    if not rows:
        return Chart("durations", _("Durations"), _("No recording in the catalogue has a known length."))
    longest = _("%(number)s minutes or more") % {"number": voice.count(LONGEST)}
    lines = [
        (
            longest if start == 60 * LONGEST else f"{_clock(start)}–{_clock(start + _STEP)}",
            voice.count(number),
        )
        for start, number in rows
    ]
    total, longer = sum(n for _start, n in rows), sum(n for start, n in rows if start >= 300)
    all_of_them = _n("%(number)s\u00a0recording", "%(number)s\u00a0recordings", total)
    caption = (
        _("The length of %(recordings)s; %(share)s last five minutes or longer.")
        if longer
        else _("The length of %(recordings)s; none lasts five minutes.")
    )
    return Chart(
        "durations",
        _("Durations"),
        caption % {"recordings": all_of_them, "share": voice.share(longer, total)},
        Bins(
            tuple((start / 60, start / 60 + 0.5, number) for start, number in rows),
            _("minutes"),
            last=(float(LONGEST), f"{LONGEST}+"),
            least=(0.0, 6.0),
            ticks=tuple(range(0, LONGEST + 1, 1 if rows[-1][0] < 600 else 5)),
        ),
        _("Recordings by length, in steps of half a minute, from %(first)s to %(last)s.")
        % {"first": lines[0][0], "last": lines[-1][0]},
        Table((_("Length"), _("Recordings")), tuple(lines)),
    )


def countries(counted: Counted, voice: Voice) -> Chart:
    """Tell where releases came out."""
    _, _n = voice.gettext, voice.counted
    title = _("Countries")
    found = [(_country(code, voice), number) for code, number in named(counted)]
    if not found:
        return Chart("countries", title, _("No release in the catalogue has a country."))
    total, everything = sum(number for _name, number in found), counted.number("known")
    releases = _n("%(number)s\u00a0release", "%(number)s\u00a0releases", total)
    caption = [_("Where %(releases)s came out.") % {"releases": releases}]
    if total < everything:
        rest = voice.count(everything - total)
        caption.append(_("Of %(number)s the country is not known.") % {"number": rest})
    return Chart(
        "countries",
        title,
        " ".join(caption),
        Bars(grouped(found, voice)),
        _("Releases by country: %(list)s.") % {"list": spoken(found, voice)},
        Table(
            (_("Country"), _("Releases"), _("Share")),
            tuple((name, voice.count(n), voice.share(n, total)) for name, n in found[:LISTED]),
        ),
    )


def listens(counted: Counted, voice: Voice) -> Chart:
    """Tell how many recordings were listened to how often, on a logarithmic scale."""
    _, _n = voice.gettext, voice.counted
    title, rows = _("Listens per recording"), integers(counted)
    if not rows:
        why = _("Nobody has counted listens yet. Counts come from a CSV file, taken in with phono add.")
        return Chart("listens", title, why)
    total, everything = sum(row[2] for row in rows), sum(row[3] for row in rows)
    bins = [
        (_("none") if most == 0 else f"{voice.count(least)}–{voice.count(most)}", number, times)
        for least, most, number, times in rows
    ]
    recordings = _n("%(number)s\u00a0recording", "%(number)s\u00a0recordings", total)
    every = ", ".join(f"{name}: {voice.count(number)}" for name, number, _times in bins)
    return Chart(
        "listens",
        title,
        _(
            "Of %(recordings)s that somebody counted, how many were listened to how often. "
            "The scale is logarithmic: two steps make ten times as many listens."
        )
        % {"recordings": recordings},
        Bars(tuple((name, number) for name, number, _times in bins)),
        _("Recordings by number of listens: %(list)s.") % {"list": every},
        Table(
            (_("Listens"), _("Recordings"), _("Share of listens")),
            tuple((name, voice.count(n), voice.share(times, everything)) for name, n, times in bins),
        ),
    )


def files(counted: Counted, voice: Voice) -> Chart:
    """Tell how many files of the same recording there are."""
    _, _n = voice.gettext, voice.counted
    title, rows = _("Files per recording"), integers(counted)
    if not rows:
        return Chart("files", title, _("No recording in the catalogue has a file."))
    more = _("%(number)s or more files") % {"number": MOST}
    found = [
        (more if n == MOST else _n("%(number)s file", "%(number)s files", n), number) for n, number in rows
    ]
    every = ", ".join(f"{name}: {voice.count(number)}" for name, number in found)
    return Chart(
        "files",
        title,
        _("The same recording often comes in several files: other formats, other releases, other tags."),
        Bars(tuple(found)),
        _("Recordings by number of files: %(list)s.") % {"list": every},
        Table((_("Files"), _("Recordings")), tuple((name, voice.count(n)) for name, n in found)),
    )


def isrcs(counted: Counted, voice: Voice) -> Chart:
    """Tell how many tracks carry the same ISRC."""
    _, _n = voice.gettext, voice.counted
    title, rows = _("Tracks per ISRC"), integers(counted)
    if not rows:
        return Chart("isrcs", title, _("No track in the catalogue carries an ISRC."))
    more = _("%(number)s or more tracks") % {"number": MOST}
    found = [
        (more if n == MOST else _n("%(number)s track", "%(number)s tracks", n), number) for n, number in rows
    ]
    every = ", ".join(f"{name}: {voice.count(number)}" for name, number in found)
    return Chart(
        "isrcs",
        title,
        _("An ISRC should name one recording; many tracks may carry it, and some codes are used wrongly."),
        Bars(tuple(found)),
        _("ISRCs by number of tracks: %(list)s.") % {"list": every},
        Table((_("Tracks"), _("ISRCs")), tuple((name, voice.count(n)) for name, n in found)),
    )


def conflicts(counted: Counted, voice: Voice) -> Chart:
    """Tell what the catalogue could not tell apart, or bring together, without doubt."""
    _, _n = voice.gettext, voice.counted
    kinds = {
        "isrc": _("one ISRC, different recordings"),
        "sound": _("one sound, told as different things"),
        "title": _("one title and artist, perhaps different recordings"),
        "fingerprint": _("alike in sound: the same, or a copy by other people"),
        "speed": _("perhaps a copy at another speed"),
        "registrant": _("an ISRC of a registrant that is new for the artist"),
        "tokens": _("a title that tells of an alteration"),
    }
    found = [(kinds.get(kind, shown(kind, 40)), number) for kind, number in named(counted)]
    if not found:
        return Chart("conflicts", _("Conflicts"), _("The catalogue has no conflicts."))
    total = sum(number for _name, number in found)
    conflicts = _n("%(number)s\u00a0conflict", "%(number)s\u00a0conflicts", total)
    return Chart(
        "conflicts",
        _("Conflicts"),
        _(
            "%(conflicts)s: what could not be told apart, or brought together, without doubt. "
            "Nothing is deleted for it."
        )
        % {"conflicts": conflicts},
        Bars(tuple(found)),
        _("Conflicts by kind: %(list)s.") % {"list": spoken(found, voice)},
        Table((_("Kind"), _("Conflicts")), tuple((name, voice.count(n)) for name, n in found)),
    )


def _country(code: str, voice: Voice) -> str:
    """Return the name of a country; of what MusicBrainz has besides ISO 3166-1, what it means by it."""
    _ = voice.gettext
    ours = {
        "XW": _("worldwide"),
        "XE": _("Europe"),
        "XG": _("East Germany"),
        "XC": _("Czechoslovakia"),
        "YU": _("Yugoslavia"),
        "SU": _("Soviet Union"),
        "XU": _("unknown"),
    }
    known = Locale.parse(voice.language).territories
    return ours.get(code) or str(known.get(code, code))


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"
