"""A ledger is copied whole into another database, or the other is left as it was."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine, func, insert, select

from phonotheque.ledger import move
from phonotheque.ledger.bags import BagFileRecord, EditionRecord, record_bag, record_edition
from phonotheque.ledger.connect import connect, migrate, open_database
from phonotheque.ledger.events import record_event
from phonotheque.ledger.files import Sighting, record_file, record_sighting, start_accession
from phonotheque.ledger.holdings import HeldFile, record_verified, want
from phonotheque.ledger.move import copy_ledger, rows_of
from phonotheque.ledger.schema import events, files, fixity_checks, metadata, rights_statements
from phonotheque.ledger.statement_rows import row_of
from phonotheque.ledger.statements import record_evidence, save_decisions
from phonotheque.model.audio import Tags
from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError
from phonotheque.model.rights import Act, Answer, Decision
from tests.ledger.ledger_facts import BAG, DAY, evidence, facts, question, statement
from tests.postgresql import new_database

pytestmark = pytest.mark.sqlite("makes databases of both kinds itself")

OWNER = "5f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d"
MASTERS = 30
CORRECTIONS = 9

MakeEngine = Callable[[str], Engine]


@pytest.fixture
def make_engine(tmp_path: Path, postgresql_server: URL) -> Iterator[MakeEngine]:
    """A function that opens a new, empty database of a kind."""
    made: list[Engine] = []
    numbers = count()

    def make(kind: str) -> Engine:
        name = f"{tmp_path.name.lower()[:30]}_{next(numbers)}"
        if kind == "sqlite":
            made.append(open_database(URL.create("sqlite", database=str(tmp_path / f"{name}.sqlite"))))
        else:
            made.append(open_database(new_database(postgresql_server, name)))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


def a_ledger(engine: Engine) -> Engine:
    """Something in every table, and oddities."""
    migrate(engine)
    with engine.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/music", agent="me", at=DAY[0])
        masters = [_file(ledger, accession, f"master {number}") for number in range(MASTERS)]
        _file(ledger, accession, "a copy of the last", kind="access", master_id=masters[-1])
        record_bag(ledger, BAG, [BagFileRecord(f"data/{n}", 2**40, "ab" * 32, "", 0, 1) for n in "Zaé_"])
        record_edition(ledger, EditionRecord(1, DAY[0], "snapshot", "ab" * 32, DAY[1]))
        want(ledger, "a bag", edition=1, size=2**50)
        record_verified(ledger, "a bag", [HeldFile("é/\U0001f3b5", 1, "ab" * 32)], at=DAY[0])
        ledger.execute(
            insert(fixity_checks),
            {"subject": "ledger", "started_at": DAY[0], "finished_at": DAY[0], "files": 1, "bytes": 0,
             "findings": [{"what": "a \0 in JSON", "n": [1, 2.5, None, True, {"\ud800": "é"}]}]},
        )  # fmt: skip
        record_event(
            ledger, at=DAY[0], kind="ingestion end", subject="é", agent="me", detail={"z": 1, "a": 2}
        )
        _correct_again_and_again(ledger, masters[0])
        _fill_others(ledger, accession)
    assert all(rows_of(engine).values()), rows_of(engine)
    return engine


def _file(ledger: Connection, accession: str, name: str, **more: object) -> int:
    what = replace(facts(name, loudness=-14.123456789012345), tags=Tags(title=f"{name}\0“é”"))
    options = {"kind": "master", "held": True, "accession": accession, "name": name, "at": DAY[0], **more}
    file_id = record_file(ledger, what, **options).id  # type: ignore[arg-type]
    path = b"/music/\xff\0 " + name.encode()
    record_sighting(ledger, Sighting(path, "1", "2", 3, 2**60, "5" * 64, "held", None, file_id),
                    accession=accession, at=DAY[0])  # fmt: skip
    record_evidence(ledger, file_id, evidence(statement(), question()), found_at=path, at=DAY[0])
    save_decisions(ledger, {file_id: [Decision(Act.STREAM, Answer.YES, "cc", "Yes.")]}, at=DAY[0])
    return file_id


def _correct_again_and_again(ledger: Connection, file_id: int) -> None:
    """Statements each of which supersedes one that comes after it in the order of keys."""
    before = None
    for number in reversed(range(CORRECTIONS)):
        row = row_of(file_id, statement(), None, DAY[0], supersedes=before)
        before = row["id"] = f"{number:036}"
        ledger.execute(insert(rights_statements), row)


def _fill_others(ledger: Connection, accession: str) -> None:
    """A row of made-up values in each table that nothing was recorded in above, whatever tables there are."""
    for table in metadata.sorted_tables:
        if ledger.execute(select(func.count()).select_from(table)).scalar_one():
            continue
        ledger.execute(insert(table), {column.name: _made_up(ledger, column) for column in table.columns})


def _made_up(ledger: Connection, column: sa.Column[object]) -> object:
    for key in column.foreign_keys:
        return ledger.execute(select(key.column).limit(1)).scalar_one()
    kinds = {sa.Integer: 7, sa.BigInteger: 2**40, sa.String: "é", sa.Float: 0.1, sa.Boolean: True}
    if isinstance(column.type, sa.JSON):
        return {"a": [1]}
    return next((value for kind, value in kinds.items() if isinstance(column.type, kind)), b"\xff\0")


def moved(source: Engine, target: Engine) -> move.Copied:
    return copy_ledger(source, target, owner=OWNER, agent="me", at=DAY[2])


@pytest.mark.parametrize(
    "kinds", [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("postgresql", "postgresql")]
)
def test_every_row_of_every_table_is_copied_and_compared(
    make_engine: MakeEngine, kinds: tuple[str, str]
) -> None:
    source, target = a_ledger(make_engine(kinds[0])), make_engine(kinds[1])
    before = rows_of(source)
    copied = moved(source, target)
    assert {table.name: table.rows for table in copied.tables} == before == rows_of(source)
    assert rows_of(target) == before | {"events": before["events"] + 1}
    connect(target.url).dispose()  # it can be used
    with source.connect() as old, target.connect() as new:
        for table in metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key.columns)
            ours, copies = old.execute(query).all(), new.execute(query).all()
            assert copies[: len(ours)] == ours, table.name
        newest = new.execute(select(events).order_by(events.c.id.desc()).limit(1)).one()
    assert (newest.type, newest.detail["archive"], newest.detail["rows"]) == ("transfer", OWNER, copied.rows)


def test_both_ways_give_the_same_digests(make_engine: MakeEngine) -> None:
    there = moved(a_ledger(make_engine("sqlite")), target := make_engine("postgresql"))
    with target.begin() as ledger:  # what copying itself has recorded
        ledger.execute(sa.delete(events).where(events.c.type == "transfer"))
    assert moved(target, make_engine("sqlite")) == there


def test_new_rows_are_numbered_after_those_that_were_copied(make_engine: MakeEngine) -> None:
    moved(a_ledger(make_engine("sqlite")), target := make_engine("postgresql"))
    with target.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/m", agent="me", at=DAY[0])
        assert _file(ledger, accession, "new") == MASTERS + 2
        record_event(ledger, at=DAY[0], kind="ingestion end", subject="a", agent="me")


def test_a_text_with_a_nul_is_kept_as_far_as_it_can_be_and_counted(make_engine: MakeEngine) -> None:
    source, target = a_ledger(make_engine("sqlite")), make_engine("postgresql")
    with source.begin() as ledger:
        ledger.execute(sa.update(files).where(files.c.id < 3).values(name="a\0b"))
    assert moved(source, target).replaced == 2
    with target.connect() as ledger:
        assert ledger.execute(select(files.c.name).where(files.c.id == 1)).scalar() == "a�b"


def test_what_was_broken_off_goes_on(make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = a_ledger(make_engine("sqlite")), make_engine("postgresql")
    monkeypatch.setattr(move, "_AT_ONCE", 7)
    inserts: list[tuple[str, int]] = []
    insert_rows = move._insert

    def counted(target: Engine, table: sa.Table, rows: list[dict[str, object]]) -> None:
        if ("", 0) not in inserts and sum(rows for _, rows in inserts) > 20:
            inserts.append(("", 0))  # once
            raise KeyboardInterrupt
        inserts.append((table.name, len(rows)))
        insert_rows(target, table, rows)

    monkeypatch.setattr(move, "_insert", counted)
    with pytest.raises(KeyboardInterrupt):
        moved(source, target)
    with pytest.raises(PhonothequeError, match="a copy that was not finished") as caught:
        connect(target.url)
    assert "phono ledger move" in caught.value.advice
    done = sum(rows for _, rows in inserts)
    copied = moved(source, target)
    assert 20 < done < copied.rows
    assert sum(rows for _, rows in inserts) == copied.rows, "no row was written twice"


_KILLED = """
import os, sys
from phonotheque.ledger import move
from phonotheque.ledger.connect import connect, open_database
move._AT_ONCE = 7
insert, left = move._insert, [12]
def killed(*what):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), 9)
    insert(*what)
move._insert = killed
move.copy_ledger(connect(sys.argv[1]), open_database(sys.argv[2]), owner=sys.argv[3], agent="me", at="2026")
"""


def test_what_was_killed_goes_on(make_engine: MakeEngine) -> None:
    source, target = a_ledger(make_engine("sqlite")), make_engine("postgresql")
    addresses = [engine.url.render_as_string(hide_password=False) for engine in (source, target)]
    killed = subprocess.run([sys.executable, "-c", _KILLED, *addresses, OWNER], check=False)
    assert killed.returncode == -9
    assert 0 < sum(rows_of(target).values()) < sum(rows_of(source).values())
    copied = moved(source, target)
    assert rows_of(target)["files"] == rows_of(source)["files"]
    assert moved(source, target) == copied


def test_what_was_broken_off_begins_again_when_the_ledger_has_changed_since(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = a_ledger(make_engine("sqlite")), make_engine("postgresql")
    with monkeypatch.context() as patched:
        patched.setattr(move, "_compared", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            moved(source, target)
    assert rows_of(target) == rows_of(source)
    with source.begin() as ledger:
        ledger.execute(sa.update(files).where(files.c.id == 3).values(name="another"))
    moved(source, target)
    with target.connect() as ledger:
        assert ledger.execute(select(files.c.name).where(files.c.id == 3)).scalar() == "another"


def _interrupt(*_whatever: object, **_else: object) -> None:
    raise KeyboardInterrupt


def test_a_finished_copy_that_nobody_used_is_found_equal_again(make_engine: MakeEngine) -> None:
    source, target = a_ledger(make_engine("sqlite")), make_engine("postgresql")
    first = moved(source, target)
    assert moved(source, target) == first
    with target.begin() as ledger:
        record_event(ledger, at=DAY[0], kind="ingestion end", subject="a", agent="me")
    with pytest.raises(UsageError, match="holds a ledger already"):
        moved(source, target)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_that_holds_anything_is_refused_and_left_alone(make_engine: MakeEngine, kind: str) -> None:
    source = a_ledger(make_engine("sqlite"))
    used, foreign, begun = make_engine(kind), make_engine(kind), make_engine(kind)
    connect(used.url).dispose()
    with used.begin() as ledger:
        record_event(ledger, at=DAY[0], kind="ingestion end", subject="a", agent="me")
    with foreign.begin() as ledger:
        ledger.execute(sa.text("CREATE TABLE recipes (id INTEGER)"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(move, "_insert", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            copy_ledger(source, begun, owner="somebody else", agent="me", at=DAY[0])
    for target, why in ((used, "a ledger already"), (foreign, r"\(recipes\)"), (begun, "of another ledger")):
        before = sa.inspect(target).get_table_names()
        with pytest.raises(UsageError, match=why):
            moved(source, target)
        assert sa.inspect(target).get_table_names() == before
    assert rows_of(used)["events"] == 1


def test_a_row_that_the_other_database_cannot_keep_is_named(make_engine: MakeEngine) -> None:
    source, target = a_ledger(make_engine("sqlite")), make_engine("postgresql")
    with source.begin() as ledger:
        ledger.execute(sa.update(files).where(files.c.id == 5).values(codec="x" * 33))
    with pytest.raises(PhonothequeError, match=r"row 5 of files cannot be kept .* too long for type"):
        moved(source, target)


def test_a_copy_that_differs_is_found(make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = a_ledger(make_engine("sqlite")), make_engine("postgresql")
    compared = move._compared

    def after_damage(one: Engine, other: Engine, *more: object) -> move.Copied:
        with other.begin() as ledger:
            ledger.execute(sa.update(files).where(files.c.id == 4).values(size=1))
        return compared(one, other, *more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(move, "_compared", after_damage)
        with pytest.raises(VerificationError, match="in files, in the row 4"):
            moved(source, target)
    with pytest.raises(PhonothequeError, match="a copy that was not finished"):
        connect(target.url)
    moved(source, target)
