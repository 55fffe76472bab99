"""What plots of what is held count: the ledger's database does it, in one pass over files, not row by row."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sqlalchemy import Connection, and_, case, func, select

from phonotheque.ledger.mirror_tables import copies, copies_over_time
from phonotheque.ledger.schema import accessions, bags, decisions, files, rights_statements
from phonotheque.ledger.stream import stream
from phonotheque.model.audio import Integrity
from phonotheque.model.rights import WORLDWIDE, Act, Answer
from phonotheque.web.looking.counts import Counted, Row
from phonotheque.web.looking.first import ENOUGH, Masters
from phonotheque.web.words import shown

_KEPT: Final = 1000  # rows of a kind of text
_QUIETEST, _LOUDEST = -40, 0  # LUFS; what lies beyond is counted at the ends
_HELD = and_(files.c.kind == "master", files.c.held)


def count_masters(ledger: Connection) -> Masters:
    """Return the totals, codecs, integrity and loudness of held masters. Reads each of their rows once."""
    level = func.round(files.c.loudness)
    clamped = case((level < _QUIETEST, _QUIETEST), (level > _LOUDEST, _LOUDEST), else_=level)
    query = (
        select(
            files.c.codec,
            files.c.integrity,
            clamped.label("level"),
            func.count().label("number"),
            func.coalesce(func.sum(files.c.duration), 0.0).label("seconds"),
            func.sum(files.c.size).label("bytes"),
        )
        .where(_HELD)
        .group_by(files.c.codec, files.c.integrity, "level")
    )
    integrity, levels = Counter[str](), Counter[int]()
    codecs: dict[str, tuple[int, float, int]] = {}
    for row in ledger.execute(query):
        number, seconds, size = int(row.number), float(row.seconds), int(row.bytes)
        integrity[row.integrity] += number
        if row.level is not None:
            levels[int(row.level)] += number
        name = shown(row.codec or "", 40)
        before = codecs.get(name, (0, 0.0, 0))
        codecs[name] = before[0] + number, before[1] + seconds, before[2] + size
    by_number = sorted(codecs.items(), key=lambda each: (-each[1][0], each[0]))
    kinds = tuple((str(kind), integrity[kind]) for kind in Integrity if integrity)
    plots = (
        Counted(
            "codecs",
            ("codec", "masters", "seconds", "bytes"),
            tuple((name, n, length, size) for name, (n, length, size) in by_number[:_KEPT]),
        ),
        Counted("integrity", ("integrity", "masters"), kinds),
        Counted("loudness", ("lufs", "masters"), tuple(sorted(levels.items()))),
    )
    number = sum(numbers[0] for numbers in codecs.values())
    seconds = sum(numbers[1] for numbers in codecs.values())
    return Masters(number, sum(numbers[2] for numbers in codecs.values()), seconds, plots)


def count_rights(ledger: Connection) -> tuple[Counted, ...]:
    """Return what statements about rights name, and what was decided, per act."""
    return _licences(ledger), _decisions(ledger)


def _licences(ledger: Connection) -> Counted:
    table = rights_statements
    name = func.coalesce(table.c.licence, table.c.kind).label("name")
    number = func.count().label("number")
    found = ledger.execute(
        select(name, number, func.count(func.distinct(table.c.file_id)))
        .where(table.c.withdrawn_at.is_(None))
        .group_by(name)
        .order_by(number.desc(), name)
        .limit(_KEPT)
    )
    rows = tuple((shown(row[0], 64), int(row[1]), int(row[2])) for row in found)
    return Counted("licences", ("licence", "statements", "files"), rows)


def _decisions(ledger: Connection) -> Counted:
    query = (
        select(decisions.c.act, decisions.c.answer, func.count())
        .where(decisions.c.territory == WORLDWIDE)
        .group_by(decisions.c.act, decisions.c.answer)
    )
    numbers = {(row[0], row[1]): int(row[2]) for row in ledger.execute(query)}
    rows: list[Row] = [
        (str(act), *(numbers.get((str(act), str(answer)), 0) for answer in Answer)) for act in Act if numbers
    ]
    return Counted("decisions", ("act", *map(str, Answer)), tuple(rows))


def count_growth(ledger: Connection, until: str) -> Counted:
    """Return what was taken in on each day, from which kind of source: held masters, by their accession."""
    each = (
        select(
            files.c.accession_id.label("accession"),
            func.count().label("masters"),
            func.coalesce(func.sum(files.c.duration), 0.0).label("seconds"),
            func.sum(files.c.size).label("bytes"),
        )
        .where(_HELD)
        .group_by(files.c.accession_id)
        .subquery()
    )
    day = func.substr(accessions.c.started_at, 1, 10).label("day")
    query = (
        select(
            day,
            accessions.c.source,
            func.count(),
            func.sum(each.c.masters),
            func.sum(each.c.seconds),
            func.sum(each.c.bytes),
        )
        .join(each, each.c.accession == accessions.c.id)
        .group_by(day, accessions.c.source)
        .order_by(day, accessions.c.source)
    )
    rows = tuple(
        (row[0], shown(row[1], 40), int(row[2]), int(row[3]), float(row[4]), int(row[5]))
        for row in ledger.execute(query)
    )
    columns = ("day", "source", "accessions", "masters", "seconds", "bytes")
    return Counted("growth", columns, rows, {"until": max((until, *(str(row[0]) for row in rows)))})


def count_copies(ledger: Connection, counted_at: str | None) -> tuple[Counted, ...]:
    """Return bags by their verified copies as counted last, and how many had one, two, three over time.

    Mirrors that only claim to hold a bag are not counted. ``counted_at`` is None where nobody ever counted.
    """
    columns = ("day", "bags", "one", "two", "three")
    if counted_at is None:
        return copies_now({}, None), Counted("copies-over-time", columns)
    proven = func.coalesce(copies.c.proven, 0)
    query = (
        select(proven, func.count(), func.sum(bags.c.bytes))
        .select_from(bags.outerjoin(copies, copies.c.bag_id == bags.c.id))
        .group_by(proven)
    )
    found = {int(row[0]): (int(row[1]), int(row[2])) for row in ledger.execute(query)}
    over_time = Counted("copies-over-time", columns, _over_time(ledger, counted_at[:10]))
    return copies_now(found, counted_at), over_time


def copies_now(found: dict[int, tuple[int, int]], counted_at: str | None) -> Counted:
    """Return bags, and their bytes, by number of verified copies."""
    rows = tuple((number, *found.get(number, (0, 0))) for number in range(max(found, default=-1) + 1))
    facts = {"counted_at": counted_at}
    return Counted("copies", ("copies", "bags", "bytes"), rows if counted_at else (), facts)


def _over_time(ledger: Connection, last: str) -> tuple[Row, ...]:
    """Return for each day on which something changed how many bags there were, with how many copies."""
    changes = (
        select(copies_over_time.c.day, copies_over_time.c.bag, copies_over_time.c.proven)
        .join(copies, copies.c.number == copies_over_time.c.bag)
        .join(bags, bags.c.id == copies.c.bag_id)  # of former bags nothing is told
        .order_by(copies_over_time.c.day, copies_over_time.c.bag)
    )
    sealed = Counter[str]()
    for day, number in ledger.execute(
        select(func.substr(bags.c.sealed_at, 1, 10).label("day"), func.count()).group_by("day")
    ):
        sealed[str(day)] += int(number)
    now: dict[int, int] = {}
    levels = [0] * (ENOUGH + 1)  # bags with at least so many copies
    ends: dict[str, tuple[int, ...]] = {}
    for row in stream(ledger, changes):
        before, after = now.get(row.bag, 0), int(row.proven)
        now[row.bag] = after
        for level in range(1, ENOUGH + 1):
            levels[level] += (after >= level) - (before >= level)
        ends[row.day] = tuple(levels[1:])
    there = 0
    at: tuple[int, ...] = (0,) * ENOUGH
    rows: list[Row] = []
    for day in sorted({*sealed, *ends, last}):
        there += sealed[day]
        at = ends.get(day, at)
        rows.append((day, there, *at))
    return tuple(rows)
