"""What is held and what may be done with it, in words: from growth to decisions."""

from __future__ import annotations

from itertools import accumulate
from typing import cast

from phonotheque.model.audio import Integrity
from phonotheque.model.rights import Answer
from phonotheque.web.charts import Bars, Bins, Chart, Line, Lines, Parts, Table
from phonotheque.web.looking.counts import Counted
from phonotheque.web.looking.listed import LISTED, basis, grouped, integers, named, spoken
from phonotheque.web.looking.voice import Voice

_Taken = tuple[str, str, int, int, float, int]  # day, source, accessions, masters, seconds, bytes
_Codec = tuple[str, int, float, int]  # codec, masters, seconds, bytes


def growth(counted: Counted, voice: Voice) -> Chart:
    """Tell how what is held grew, by the days on which it was taken in."""
    _, _n = voice.gettext, voice.counted
    title, rows = _("Growth by accession"), [cast(_Taken, row) for row in counted.rows]
    if not rows:
        return Chart("growth", title, _("Nothing is held yet, so nothing has grown."))
    sums = list(accumulate(rows, lambda sofar, row: sofar + row[4], initial=0.0))[1:]
    by_day = {row[0]: sofar / 3600 for row, sofar in zip(rows, sums, strict=True)}
    by_day.setdefault(str(counted.facts["until"]), sums[-1] / 3600)
    accessions = sum(row[2] for row in rows)
    masters = sum(row[3] for row in rows)
    lines = [
        (
            voice.day(row[0]),
            row[1],
            voice.count(row[3]),
            voice.hours(row[4]),
            voice.size(row[5]),
            voice.hours(sofar),
        )
        for row, sofar in zip(rows, sums, strict=True)
    ]
    what = {
        "masters": _n("%(number)s\u00a0master", "%(number)s\u00a0masters", masters),
        "accessions": _n("%(number)s\u00a0accession", "%(number)s\u00a0accessions", accessions),
        "length": voice.hours(sums[-1]),
        "first": voice.day(rows[0][0]),
        "last": voice.day(rows[-1][0]),
    }
    return Chart(
        "growth",
        title,
        _(
            "How many hours of sound are held, by the day on which they were taken in: %(masters)s, "
            "%(length)s, in %(accessions)s. What is held no longer is not counted."
        )
        % what,
        Lines((Line(_("held"), tuple(by_day.items())),), _("hours")),
        _("Hours held, rising from %(first)s to %(last)s, to %(length)s.") % what,
        Table(
            (_("Day"), _("Source"), _("Masters"), _("Length"), _("Size"), _("Length in all")),
            tuple(reversed(lines[-LISTED:])),
        ),
    )


def codecs(counted: Counted, voice: Voice) -> Chart:
    """Tell how the sound of masters is stored."""
    _, _n = voice.gettext, voice.counted
    rows = [cast(_Codec, row) for row in counted.rows]
    if not rows:
        return Chart("codecs", _("Codecs"), _("Nothing is held yet, so there are no codecs to show."))
    found = [(name or _("unknown"), number) for name, number in named(counted)]
    lines = [
        (name, voice.count(number), voice.hours(row[2]), voice.size(row[3]))
        for (name, number), row in zip(found, rows, strict=True)
    ]
    masters = _n("%(number)s\u00a0master", "%(number)s\u00a0masters", sum(number for _name, number in found))
    return Chart(
        "codecs",
        _("Codecs"),
        _("How the sound of %(masters)s is stored. Masters are kept as they came.") % {"masters": masters},
        Bars(grouped(found, voice)),
        _("Masters by codec: %(list)s.") % {"list": spoken(found, voice)},
        Table((_("Codec"), _("Masters"), _("Length"), _("Size")), tuple(lines[:LISTED])),
    )


def integrity(counted: Counted, voice: Voice) -> Chart:
    """Tell how far masters could be shown to be whole when they were taken in."""
    _ = voice.gettext
    names = {
        Integrity.INTACT: (_("intact"), _("a checksum inside the file holds")),
        Integrity.DECODES: (_("decodes"), _("plays without complaint; the format has no checksum")),
        Integrity.DAMAGED: (_("damaged"), _("kept, and known to be damaged")),
    }
    rows = [(*names[Integrity(kind)], number) for kind, number in named(counted)]
    if not rows:
        return Chart("integrity", _("Integrity"), _("Nothing is held yet, so no file was examined."))
    total = sum(number for _name, _meaning, number in rows)
    found = [(name, number) for name, _meaning, number in rows]
    return Chart(
        "integrity",
        _("Integrity"),
        _(
            "How far each master could be shown to be whole when it was taken in. "
            "%(share)s carry a checksum of their own that holds."
        )
        % {"share": voice.share(rows[0][2], total)},
        Bars(tuple(found)),
        _("Masters by integrity: %(list)s.") % {"list": spoken(found, voice)},
        Table(
            (_("Integrity"), _("Meaning"), _("Masters"), _("Share")),
            tuple((name, meaning, voice.count(n), voice.share(n, total)) for name, meaning, n in rows),
        ),
    )


def loudness(counted: Counted, voice: Voice) -> Chart:
    """Tell how loud masters are."""
    _, _n = voice.gettext, voice.counted
    rows = integers(counted)
    if not rows:
        return Chart("loudness", _("Loudness"), _("No loudness was measured yet."))
    total = sum(number for _level, number in rows)
    below = accumulate(number for _level, number in rows)
    middle = next(row[0] for row, number in zip(rows, below, strict=True) if 2 * number >= total)
    said = {
        "masters": _n("%(number)s\u00a0master", "%(number)s\u00a0masters", total),
        "middle": _level_of(middle),
        "first": _level_of(rows[0][0]),
        "last": _level_of(rows[-1][0]),
    }
    return Chart(
        "loudness",
        _("Loudness"),
        _("Integrated loudness (ITU-R BS.1770) of %(masters)s; half of them are at %(middle)s or below.")
        % said,
        Bins(tuple((level - 0.5, level + 0.5, number) for level, number in rows), "LUFS", whole=True),
        _("Masters by loudness, from %(first)s to %(last)s; half are at %(middle)s or below.") % said,
        Table(
            (_("Loudness"), _("Masters")),
            tuple((_level_of(level), voice.count(number)) for level, number in rows),
        ),
    )


def licences(counted: Counted, voice: Voice) -> Chart:
    """Tell what statements about rights name."""
    _, _n = voice.gettext, voice.counted
    found = [(basis(name, voice), number) for name, number in named(counted)]
    if not found:
        return Chart("licences", _("Licences"), _("No rights statement was found or given yet."))
    total = _n(
        "%(number)s\u00a0statement", "%(number)s\u00a0statements", sum(number for _name, number in found)
    )
    lines = [
        (basis(str(name), voice), voice.count(_int(number)), voice.count(_int(files)))
        for name, number, files in counted.rows
    ]
    return Chart(
        "licences",
        _("Licences"),
        _("What the %(statements)s about rights name. A file can have several.") % {"statements": total},
        Bars(grouped(found, voice)),
        _("Rights statements by licence: %(list)s.") % {"list": spoken(found, voice)},
        Table((_("Licence or basis"), _("Statements"), _("Files")), tuple(lines[:LISTED])),
    )


def decisions(counted: Counted, voice: Voice) -> Chart:
    """Tell what may be done with each file, worldwide."""
    _ = voice.gettext
    title = _("Decisions per act")
    if not counted.rows:
        return Chart("decisions", _("Decisions"), _("Nothing was decided yet."))
    acts = {
        "preserve": _("preserve"),
        "stream": _("stream"),
        "distribute": _("distribute"),
        "mine": _("mine"),
    }
    answers = {Answer.YES: _("yes"), Answer.NO: _("no"), Answer.UNKNOWN: _("unknown")}
    parts = tuple(answers[answer] for answer in Answer)
    rows = tuple((acts[str(row[0])], tuple(map(_int, row[1:]))) for row in counted.rows)
    every = "; ".join(
        f"{act}: {', '.join(f'{voice.count(n)} {part}' for part, n in zip(parts, numbers, strict=True))}"
        for act, numbers in rows
    )
    return Chart(
        "decisions",
        title,
        _(
            "What may be done with each file that is known, worldwide, as computed from its statements. "
            "“Unknown” counts as no."
        ),
        Parts(parts, rows),
        _("Decisions per act. %(list)s.") % {"list": every},
        Table(
            (_("Act"), _("Yes"), _("No"), _("Unknown")),
            tuple((act, *map(voice.count, numbers)) for act, numbers in rows),
        ),
    )


def _level_of(level: int) -> str:
    return f"{level}\u00a0LUFS".replace("-", "−")


def _int(cell: object) -> int:
    assert isinstance(cell, int)
    return cell
