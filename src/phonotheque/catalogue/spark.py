"""Resolving on Apache Spark: the same scripts and facts, the same answer, on as many machines as there are.

A table is a folder of Parquet files, written when a script makes it: what comes after reads those and never
computes anything twice. Every machine of the cluster must see the archive's folder under the same name.
"""

from __future__ import annotations

import re
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from phonotheque.catalogue.engine import literal, quoted, script
from phonotheque.catalogue.resolve import resolve
from phonotheque.catalogue.resolving import Unresolved, in_place
from phonotheque.catalogue.schema import FACTS
from phonotheque.catalogue.spark_sql import macros, query, statements
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.settings import parse_size

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TYPES = {"string": "STRING", "int32": "INT", str(pa.list_(pa.string())): "ARRAY<STRING>"}
_FACTS_A_PARTITION = 2_000_000  # of what is sorted or joined, in one task's memory
_LEAST_MEMORY = 2**30  # Spark starts with less than half of this, but works with none of it
_SHOWN = 300  # characters of what Spark says of a failure; the rest is in its log


def resolve_at(master: str, job: Unresolved) -> dict[str, int]:
    """Resolve at a Spark master, in a session begun and ended for it.

    Raises PhonothequeError when Spark does not start or breaks off.
    """
    if not job.parts:
        return in_place(job)  # nothing to resolve
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        job.progress.start(f"Starting Spark at {master}")
        with _session(master, job) as session:
            return _resolve(session, job)
    except (PySparkException, Py4JError, ConnectionError) as error:
        said = " ".join(str(error).split())[:_SHOWN]
        raise PhonothequeError(
            f"Resolving on Spark at {master} failed: {said}",
            f"See Spark's log. All its machines must see {job.work.parent.parent}. What was taken in is "
            "kept: run it again, or without catalogue.resolve_on to resolve here.",
        ) from error


class SparkEngine:
    """What ``resolve()`` runs its scripts on, in place of ``engine.Engine``."""

    def __init__(self, session: SparkSession, folder: Path) -> None:
        """The scripts' tables become views of ``session``, and their files lie in ``folder``."""
        self._session = session
        self._folder = folder
        self._macros = macros(script("macros"))
        self._parts: dict[str, list[Path]] = {}
        self._written = 0

    def run(self, name: str, **variables: str | int) -> None:
        """Run a script; ``getvariable('x')`` in it is the value given here."""
        for statement in statements(script(name), self._macros, variables):
            if statement.does == "drop":
                self._drop(statement.table)
            elif statement.does == "insert":
                self._insert(statement.table, self._session.sql(statement.query))
            else:
                self._create(statement.table, self._session.sql(statement.query))

    def any(self, source: str) -> bool:
        """Whether a table or join has a row."""
        return not self._session.sql(query(f"FROM {source} LIMIT 1", self._macros)).isEmpty()

    def number(self, text: str) -> int:
        """Return the one number that a query answers."""
        return int(self._session.sql(query(text, self._macros)).head()[0])

    def files(self, table: str) -> list[Path]:
        """Return the Parquet files of a table."""
        return [file for part in self._parts[table] for file in sorted(part.glob("*.parquet"))]

    def _create(self, table: str, rows: DataFrame) -> None:
        part = self._write(rows)  # before the old table goes: its rows may come from there
        self._drop(table)
        self._parts[table] = [part]
        self._show(table, rows.schema)

    def _insert(self, table: str, rows: DataFrame) -> None:
        schema = self._session.table(table).schema
        placed = rows.toDF(*schema.names)  # columns go by their place, not their name
        cast = [placed[field.name].cast(field.dataType) for field in schema.fields]
        self._parts[table].append(self._write(placed.select(*cast)))
        self._show(table, schema)

    def _drop(self, table: str) -> None:
        for part in self._parts.pop(table, []):
            shutil.rmtree(part)

    def _write(self, rows: DataFrame) -> Path:
        self._written += 1
        part = self._folder / f"{self._written:05d}"
        rows.write.parquet(_url(part))
        return part

    def _show(self, table: str, schema: object) -> None:
        parts = [_url(part, pattern=True) for part in self._parts[table]]
        self._session.read.schema(schema).parquet(*parts).createOrReplaceTempView(table)


@contextmanager
def _session(master: str, job: Unresolved) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.master(master)
        .appName("phonotheque")
        .config("spark.ui.showConsoleProgress", "false")  # we show our own
        .config("spark.sql.ansi.enabled", "true")  # what does not fit a number is an error
    )
    if master.startswith("local"):  # a cluster's own configuration says what its machines have
        memory = max(parse_size(job.memory_limit), _LEAST_MEMORY)
        builder = (
            builder.config("spark.driver.memory", f"{memory // 2**20}m")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.ui.enabled", "false")
            .config("spark.log.level", "ERROR")
        )
        spill = str(job.work.absolute() / "spill")
        if "," not in spill:  # it would be taken for two folders; Spark then spills where it usually does
            builder = builder.config("spark.local.dir", spill)
    with _own_interrupts():
        session = builder.getOrCreate()
        try:
            yield session
        finally:
            session.stop()


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Take SIGINT back afterwards: Spark's handler outlives its session (pyspark 4.3, core/context.py)."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _resolve(session: SparkSession, job: Unresolved) -> dict[str, int]:
    rows = sum(part.rows for part in job.parts)
    partitions = max(session.sparkContext.defaultParallelism, rows // _FACTS_A_PARTITION)
    session.conf.set("spark.sql.shuffle.partitions", str(partitions))
    _show_facts(session, job)
    _hand_over(session, job, "link", "number BIGINT, a_sha256 STRING, b_sha256 STRING, score DOUBLE")
    tables = job.work / "tables"
    engine = SparkEngine(session, tables)
    merged = resolve(engine, progress=job.progress)
    job.progress.start("Fetching the answer from Spark")
    for table, columns in (
        ("member", "fact, cluster"),
        ("named_fact", "fact, mbid::UUID AS mbid"),
        ("doubt", "kind, evidence, a, b, merged"),
    ):
        job.engine.connection.execute(
            # The paths are quoted.
            f"CREATE TABLE {table} AS SELECT {columns} FROM read_parquet({literal(engine.files(table))})"  # noqa: S608
        )
    shutil.rmtree(tables)
    return merged


def _show_facts(session: SparkSession, job: Unresolved) -> None:
    """Make the view ``fact`` with the numbers that the facts have in DuckDB, and without the outdated."""
    firsts, first = [], 0
    for place, part in enumerate(job.parts):
        assert Path(part.file).name == f"{place:05d}.parquet", part.file
        firsts.append(f"{first}L")
        first += part.rows
    columns = ", ".join(f"{field.name} {_TYPES[str(field.type)]}" for field in FACTS)
    paths = [_url(job.folder / part.file, pattern=True) for part in job.parts]
    session.read.schema(columns).parquet(*paths).selectExpr(
        f"array({', '.join(firsts)})[int(left(_metadata.file_name, 5))] + _metadata.row_index AS fact", "*"
    ).createOrReplaceTempView("every_fact")
    _hand_over(session, job, "outdated", "fact BIGINT")
    believed = session.sql("SELECT * FROM every_fact LEFT ANTI JOIN outdated USING (fact)")
    believed.createOrReplaceTempView("fact")


def _hand_over(session: SparkSession, job: Unresolved, table: str, columns: str) -> None:
    """Let Spark read a (small) table of DuckDB by its name."""
    path = job.work / f"{table}.parquet"
    job.engine.connection.execute(f"COPY {table} TO {quoted(path)} (FORMAT parquet)")
    session.read.schema(columns).parquet(_url(path, pattern=True)).createOrReplaceTempView(table)


def _url(path: Path, *, pattern: bool = False) -> str:
    """Return how Spark names a file; what it reads is a pattern, in which some characters must be escaped."""
    text = str(path.absolute())
    return "file://" + (re.sub(r"([][{}*?\\])", r"\\\1", text) if pattern else text)
