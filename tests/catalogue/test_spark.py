"""Resolving on Spark, here in one process: the very bytes that resolving in DuckDB gives."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.catalogue.generate import generate
from benchmarks.catalogue.placing import place
from phonotheque.catalogue import datasets, manifest
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.manifest import Snapshot
from phonotheque.catalogue.normalise import normal_fact
from phonotheque.catalogue.resolving import Resolver, Unresolved, in_place, resolver_at
from phonotheque.catalogue.schema import FACTS, LINKS, RECORDS, TRACK_FACTS
from phonotheque.catalogue.snapshot import write_snapshot
from phonotheque.model.errors import PhonothequeError
from tests.catalogue.catalogue_facts import ISRC_1, ISRC_2, MADE_AT, MBID_1, MBID_2, batches, link, sha, track
from tests.tools import tool

pytestmark = pytest.mark.xdist_group("spark")
TABLES = ("member", "named_fact", "doubt")
MASTER = "local[2]"
MBID_3 = "33333333-3333-4333-8333-333333333333"
ISRC_3, ISRC_4, ISRC_5 = "GBAYE0601498", "DEA370000001", "JPPO09900002"
# What makes many small queries quick; for few large ones the defaults are better.
QUICK = """
spark.driver.extraJavaOptions  -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
spark.sql.adaptive.enabled     false
spark.sql.codegen.wholeStage   false
"""


@pytest.fixture(autouse=True, scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What resolving on Spark needs, or the test is skipped (and fails in CI)."""
    tool("java", "default-jre-headless")
    if importlib.util.find_spec("pyspark") is None:
        reason = "pyspark is not installed; make test installs it"
        if os.environ.get("TESTS_MUST_RUN") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    conf = tmp_path_factory.mktemp("spark-conf")
    (conf / "spark-defaults.conf").write_text(QUICK)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPARK_CONF_DIR", str(conf))
        yield


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    generate(folder, 20_000, seed=7, processes=1)
    return folder


def test_spark_gives_what_duckdb_gives_row_for_row(tmp_path: Path, generated: Path) -> None:
    here, here_told = told(in_place)
    there, there_told = told(resolver_at(MASTER))
    expected = snapshot(tmp_path / "here", generated, here)
    odd = tmp_path / "Là [*] {a,b} 50%"
    found = snapshot(odd, generated, there)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "Ctrl-C is ours again"
    assert there_told == here_told
    assert found.merged == expected.merged
    assert sums(found) == sums(expected)
    assert set(tmp_path.iterdir()) == {tmp_path / "here", odd}
    assert {path.name for path in odd.iterdir()} == {path.name for path in (tmp_path / "here").iterdir()}
    # That it was about something: each step merged, each doubted, and the newest dataset was believed.
    assert all(expected.merged.values())
    assert set(Counter(kind for kind, *_ in here_told["doubt"])) == {"isrc", "sound", "title", "fingerprint"}
    assert {merged for *_, merged in here_told["doubt"]} == {True, False}
    assert expected.counts["tracks"] == expected.counts["facts"] - 1


def test_nothing_to_resolve(tmp_path: Path) -> None:
    made = write_snapshot(tmp_path, made_at=MADE_AT, resolver=resolver_at(MASTER))
    assert made.counts["recordings"] == 0


def test_what_spark_says_of_a_failure_is_told(tmp_path: Path, generated: Path) -> None:
    place(generated, tmp_path)
    for part in tmp_path.glob(f"{datasets.FOLDER}/*/facts-*.parquet"):
        whole = part.read_bytes()
        part.unlink()  # other names of it stay whole
        part.write_bytes(whole[:4] + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    with pytest.raises(PhonothequeError, match=r"Resolving on Spark at local\[2\] failed: .+") as caught:
        write_snapshot(tmp_path, made_at=MADE_AT, resolver=resolver_at(MASTER))
    assert "run it again" in caught.value.advice
    assert manifest.current(tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == [datasets.FOLDER]


def told(resolver: Resolver) -> tuple[Resolver, dict[str, list[tuple[Any, ...]]]]:
    """A resolver that notes the rows of what it leaves."""
    rows: dict[str, list[tuple[Any, ...]]] = {}

    def resolving(job: Unresolved) -> dict[str, int]:
        merged = resolver(job)
        for table in TABLES:
            found = job.engine.connection.execute(f"FROM {table} ORDER BY ALL").fetchall()
            assert len(set(found)) == len(found)
            rows[table] = found
        return merged

    return resolving, rows


def sums(made: Snapshot) -> dict[str, str]:
    return {part.file: part.sha256 for parts in made.tables.values() for part in parts}


def snapshot(folder: Path, generated: Path, resolver: Resolver) -> Snapshot:
    """Write a snapshot of the generated catalogue with the tracks below beside it."""
    folder.mkdir()
    place(generated, folder)
    write_dataset(folder, "other", "before", 1, [track("n", source="other", isrcs=[ISRC_5])])
    write_dataset(folder, "folder", "", 2, TRACKS)
    write_dataset(folder, "other", "after", 3, [*OTHERS, track("n", source="other", title="Newer")])
    linked = pa.Table.from_pylist(LINKED, schema=LINKS)
    return write_snapshot(folder, links=linked, made_at=MADE_AT, memory_limit="500MB", resolver=resolver)


def write_dataset(folder: Path, source: str, location: str, day: int, rows: list[dict[str, Any]]) -> None:
    normal = [normal_fact({key: row[key] for key in TRACK_FACTS.names}) for row in rows]
    records = [{**row, "kind": "file"} for row in rows]
    tables = {"facts": batches(normal, FACTS), "records": batches(records, RECORDS)}
    datasets.write(folder, Dataset(Path(), source, location, "", f"2026-11-0{day}T00:00:00+00:00"), tables)


TRACKS = [
    # one MBID
    track("mbid 1", recording_mbid=MBID_1),
    track("mbid 2", recording_mbid=MBID_1.upper(), artists=["Other"]),
    # one ISRC: shared by artists, by strangers, by lengths that may and may not be one, and unknown ones
    track("isrc 1", isrcs=[ISRC_1], artists=["Ann & Bob"], duration_ms=180_000),
    track("isrc 2", isrcs=[ISRC_1, ISRC_2], artists=["ann", "Cid"], duration_ms=183_000),
    track("isrc long", isrcs=[ISRC_1], artists=["Ann"], duration_ms=190_000),
    track("isrc unknown", isrcs=[ISRC_1], artists=["Ann"], duration_ms=None),
    track("isrc clone", isrcs=[ISRC_1], artists=["Dan"]),
    track("isrc next", isrcs=[ISRC_2], artists=["Cid"], duration_ms=None),
    track("isrc nobody 1", isrcs=[ISRC_2], artists=[]),
    track("isrc nobody 2", isrcs=[ISRC_2], artists=[]),
    # … and guarded by MBIDs
    track("guard 1", isrcs=[ISRC_3], recording_mbid=MBID_2),
    track("guard 2", isrcs=[ISRC_3], recording_mbid=MBID_3),
    track("guard between", isrcs=[ISRC_3]),
    track("guard again", isrcs=[ISRC_4], recording_mbid=MBID_2),
    track("guard joins", isrcs=[ISRC_4]),
    # one sound
    track("sound 1", pcm_sha256=sha("one"), artists=["Ann"]),
    track("sound 2", pcm_sha256=sha("one"), artists=["Clone Records"]),
    track("sound 3", pcm_sha256=sha("one"), artists=[], recording_mbid=MBID_1.replace("1", "4")),
    track("sound 4", pcm_sha256=sha("one"), recording_mbid=MBID_1.replace("1", "5")),
    # one title
    track("title 1", title="Jóga (feat. Bob)", artists=["Björk"], duration_ms=180_000),
    track("title 2", title="JOGA", artists=["Bjork ft. Bob"], duration_ms=181_000),
    track("title live", title="Jóga (live)", artists=["Björk", "Bob"]),
    track("title far", title="Jóga", artists=["Björk", "Bob"], duration_ms=250_000),
    *(track(f"dark {i}", title="暗い", artists=["誰か"], duration_ms=180_000 + 2000 * i) for i in range(4)),
    *(track(f"place {i}", title="Interlude", album="Album", track_number=i) for i in (3, 7)),
    *(track(f"loose {i}", title="Loose", track_number=i) for i in (3, 7)),
    *(track(f"none {i}", title="Track 01") for i in range(2)),
    track("untitled", title=None),
    # alike in fingerprint
    *(track(f"alike {i}") for i in range(4)),
    track("alike clone", artists=["Clone"]),
    track("alike long", duration_ms=240_000),
]
OTHERS = [track("delivered", source="other", file_sha256=sha("mbid 1"), artists=[], title=None)]
LINKED = [
    link("alike 0", "alike 1", 0.02),
    link("alike 1", "alike clone", 0.099),
    link("alike 1", "alike long", 0.02),
    link("alike 2", "alike 3", 0.15),
    link("alike 3", "alike 0", 0.25),
    link("alike 3", "nobody", 0.01),
]
