"""Charts of what is held and what may be done with it: counted by the ledger's database, not row by row."""

from __future__ import annotations

from itertools import accumulate

from sqlalchemy import Connection, and_, case, func, select

from phonotheque.ledger.schema import decisions, files, rights_statements
from phonotheque.model.audio import Integrity
from phonotheque.model.rights import WORLDWIDE, Act, Answer
from phonotheque.web.charts import Bars, Bins, Chart, Parts, Table
from phonotheque.web.words import count, counted, hours, share, shown, size

_DRAWN = 12  # bars; the rest is one bar more
_LISTED = 200  # rows of a table
_QUIETEST, _LOUDEST = -40, 0  # LUFS; what lies beyond is counted at the ends
_HELD = and_(files.c.kind == "master", files.c.held)
_MEANING = {
    Integrity.INTACT: "a checksum inside the file holds",
    Integrity.DECODES: "plays without complaint; the format has no checksum",
    Integrity.DAMAGED: "kept, and known to be damaged",
}


def held_charts(ledger: Connection) -> list[Chart]:
    """Return the charts of held masters: codecs, integrity, loudness."""
    return [_codecs(ledger), _integrity(ledger), _loudness(ledger)]


def rights_charts(ledger: Connection) -> list[Chart]:
    """Return the charts of rights: what statements name, and what was decided per act."""
    return [_licences(ledger), _decisions(ledger)]


def _codecs(ledger: Connection) -> Chart:
    masters = func.count().label("masters")
    rows = ledger.execute(
        select(files.c.codec, masters, func.sum(files.c.duration), func.sum(files.c.size))
        .where(_HELD)
        .group_by(files.c.codec)
        .order_by(masters.desc(), files.c.codec)
    ).all()
    if not rows:
        return Chart("codecs", "Codecs", "Nothing is held yet, so there are no codecs to show.")
    named = [(shown(codec or "unknown", 40), int(number)) for codec, number, _, _ in rows]
    lines = [
        (name, count(number), hours(row[2] or 0.0), size(row[3] or 0))
        for (name, number), row in zip(named, rows, strict=True)
    ]
    total = sum(number for _, number in named)
    return Chart(
        "codecs",
        "Codecs",
        f"How the sound of {counted(total, 'master')} is stored. Masters are kept as they came.",
        Bars(_grouped(named)),
        f"Masters by codec: {_spoken(named)}.",
        Table(("Codec", "Masters", "Length", "Size"), tuple(lines[:_LISTED])),
    )


def _integrity(ledger: Connection) -> Chart:
    found = ledger.execute(select(files.c.integrity, func.count()).where(_HELD).group_by(files.c.integrity))
    numbers = {row[0]: int(row[1]) for row in found}
    if not numbers:
        return Chart("integrity", "Integrity", "Nothing is held yet, so no file was examined.")
    named = [(str(kind), numbers.get(kind, 0)) for kind in Integrity]
    total = sum(numbers.values())
    return Chart(
        "integrity",
        "Integrity",
        "How far each master could be shown to be whole when it was taken in. "
        f"{share(named[0][1], total)} carry a checksum of their own that holds.",
        Bars(tuple(named)),
        f"Masters by integrity: {_spoken(named)}.",
        Table(
            ("Integrity", "Meaning", "Masters", "Share"),
            tuple(
                (name, _MEANING[Integrity(name)], count(number), share(number, total))
                for name, number in named
            ),
        ),
    )


def _loudness(ledger: Connection) -> Chart:
    level = func.round(files.c.loudness)
    clamped = case((level < _QUIETEST, _QUIETEST), (level > _LOUDEST, _LOUDEST), else_=level).label("level")
    query = select(clamped, func.count()).where(_HELD, files.c.loudness.is_not(None))
    rows = [(int(row[0]), int(row[1])) for row in ledger.execute(query.group_by(clamped).order_by(clamped))]
    if not rows:
        return Chart("loudness", "Loudness", "No loudness was measured yet.")
    total = sum(number for _, number in rows)
    middle = _median(rows, total)
    return Chart(
        "loudness",
        "Loudness",
        f"Integrated loudness (ITU-R BS.1770) of {counted(total, 'master')}; "
        f"half of them are at {_level(middle)} or below.",
        Bins(tuple((level - 0.5, level + 0.5, number) for level, number in rows), "LUFS", whole=True),
        f"Masters by loudness, from {_level(rows[0][0])} to {_level(rows[-1][0])}; "
        f"half are at {_level(middle)} or below.",
        Table(("Loudness", "Masters"), tuple((_level(level), count(number)) for level, number in rows)),
    )


def _licences(ledger: Connection) -> Chart:
    table = rights_statements
    name = func.coalesce(table.c.licence, table.c.kind).label("name")
    number = func.count().label("number")
    rows = ledger.execute(
        select(name, number, func.count(func.distinct(table.c.file_id)))
        .where(table.c.withdrawn_at.is_(None))
        .group_by(name)
        .order_by(number.desc(), name)
    ).all()
    if not rows:
        return Chart("licences", "Licences", "No rights statement was found or given yet.")
    named = [(shown(row[0], 64), int(row[1])) for row in rows]
    total = sum(value for _, value in named)
    lines = [(name, count(value), count(row[2])) for (name, value), row in zip(named, rows, strict=True)]
    return Chart(
        "licences",
        "Licences",
        f"What the {counted(total, 'statement')} about rights name. A file can have several.",
        Bars(_grouped(named)),
        f"Rights statements by licence: {_spoken(named)}.",
        Table(("Licence or basis", "Statements", "Files"), tuple(lines[:_LISTED])),
    )


def _decisions(ledger: Connection) -> Chart:
    query = (
        select(decisions.c.act, decisions.c.answer, func.count())
        .where(decisions.c.territory == WORLDWIDE)
        .group_by(decisions.c.act, decisions.c.answer)
    )
    numbers = {(row[0], row[1]): int(row[2]) for row in ledger.execute(query)}
    if not numbers:
        return Chart("decisions", "Decisions", "Nothing was decided yet.")
    rows = tuple((str(act), tuple(numbers.get((act, answer), 0) for answer in Answer)) for act in Act)
    spoken = "; ".join(f"{act}: {', '.join(_answers(values))}" for act, values in rows)
    return Chart(
        "decisions",
        "Decisions per act",
        "What may be done with each file that is known, worldwide, as computed from its statements. "
        "“Unknown” counts as no.",
        Parts(tuple(str(answer) for answer in Answer), rows),
        f"Decisions per act. {spoken}.",
        Table(("Act", "Yes", "No", "Unknown"), tuple((act, *map(count, values)) for act, values in rows)),
    )


def _answers(values: tuple[int, ...]) -> list[str]:
    return [f"{count(value)} {answer}" for answer, value in zip(Answer, values, strict=True)]


def _grouped(named: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Return what is drawn: the first, and one bar for all others."""
    if len(named) <= _DRAWN + 1:
        return tuple(named)
    others = named[_DRAWN:]
    return (*named[:_DRAWN], (f"{len(others)} others", sum(number for _, number in others)))


def _spoken(named: list[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count(number)}" for name, number in _grouped(named))


def _median(rows: list[tuple[int, int]], total: int) -> int:
    below = accumulate(number for _, number in rows)
    return next(level for (level, _), number in zip(rows, below, strict=True) if 2 * number >= total)


def _level(level: int) -> str:
    return f"{level}\u00a0LUFS".replace("-", "−")
