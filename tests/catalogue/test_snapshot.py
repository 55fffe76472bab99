import hashlib
import json
import random
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonotheque.catalogue import datasets, durable, manifest
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.normalise import normal_fact
from phonotheque.catalogue.schema import FACTS, TABLES, TRACK_FACTS
from phonotheque.catalogue.snapshot import write_snapshot
from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError
from phonotheque.model.identifiers import public_id
from tests.catalogue.catalogue_facts import (
    ISRC_1,
    MADE_AT,
    MBID_1,
    MBID_2,
    batches,
    listens,
    rows_of,
    sha,
    track,
    write,
)

SOME = [
    track("a", isrcs=[ISRC_1], album="Album", track_number=1, raw='{"ü": "\\u0000", "n":1.0}'),
    track("b", isrcs=[ISRC_1], album="Album", track_number=2),
    track("c", recording_mbid=MBID_1, artists=["Ann", "Bob"], artist_mbids=[MBID_2, None]),
    track("d", source="dump", artists=["Ann"]),
]


def test_the_files_hold_the_declared_tables(tmp_path: Path) -> None:
    snapshot = write(tmp_path, SOME, listened=[listens(3, isrc=ISRC_1)])
    for name, schema in TABLES.items():
        for part in snapshot.parts(name):
            table = pq.ParquetFile(part).read()
            assert [(f.name, f.type) for f in table.schema] == [(f.name, f.type) for f in schema], name
        assert len(rows_of(snapshot, name)) == snapshot.counts[name]
    for name in ("recording", "release", "artist"):
        rows = rows_of(snapshot, name + "s")
        assert [row[name] for row in rows] == list(range(len(rows)))
    assert [(s.source, s.accessions, s.records) for s in snapshot.sources] == [
        ("dump", 1, 1),
        ("folder", 1, 3),
    ]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    write(folder, [])
    return folder


def test_no_facts_make_an_empty_snapshot(empty: Path) -> None:
    snapshot = manifest.current(empty)
    assert snapshot is not None
    assert set(snapshot.counts.values()) == {0}


def test_records_are_kept_as_they_came(tmp_path: Path) -> None:
    snapshot = write(tmp_path, SOME)
    assert sorted(row["raw"] for row in rows_of(snapshot, "records")) == sorted(row["raw"] for row in SOME)


def test_a_newer_dataset_is_believed_where_both_tell_of_a_record(tmp_path: Path) -> None:
    def told(taken_at: str, location: str, *rows: dict[str, object]) -> None:
        normal = [normal_fact({key: row[key] for key in TRACK_FACTS.names}) for row in rows]
        dataset = Dataset(Path(), "dump", location, "", taken_at)
        datasets.write(tmp_path, dataset, {"facts": batches(normal, FACTS)})

    told("2026-02-01", "newer", track("x", source="dump", title="After"), track("y", source="dump"))
    told("2026-01-01", "older", track("x", source="dump", title="Before"), track("z", source="dump"))
    snapshot = write_snapshot(tmp_path, made_at=MADE_AT)
    assert sorted(row["title"] for row in rows_of(snapshot, "recordings")) == ["After", "y", "z"]
    told("2026-03-01", "older", track("z", source="dump", title="Replaced"))
    snapshot = write_snapshot(tmp_path, made_at=MADE_AT)
    assert sorted(row["title"] for row in rows_of(snapshot, "recordings")) == ["After", "Replaced", "y"]


def test_snapshots_share_what_the_sources_said(tmp_path: Path) -> None:
    write(tmp_path, SOME)
    one, two = (write_snapshot(tmp_path, made_at=MADE_AT) for _ in range(2))
    for first, second in zip(one.parts("facts"), two.parts("facts"), strict=True):
        assert first.samefile(second)
    assert rows_of(one, "recordings") == rows_of(two, "recordings")


def test_same_input_same_bytes_in_any_order(tmp_path: Path) -> None:
    rows = [track(f"n{i}", isrcs=[f"FRZ03980{i % 40:04d}"], artists=["A", f"B{i % 7}"]) for i in range(300)]
    one = write(tmp_path / "one", rows, listened=[listens(i, isrc=f"FRZ03980{i:04d}") for i in range(40)])
    random.Random(3).shuffle(rows)
    two = write(tmp_path / "two", rows, listened=[listens(i, isrc=f"FRZ03980{i:04d}") for i in range(40)])
    for path in sorted(path for path in one.path.rglob("*") if path.is_file()):
        assert path.read_bytes() == (two.path / path.relative_to(one.path)).read_bytes(), path.name


def test_an_id_is_an_mbid_or_made_from_the_smallest_file(tmp_path: Path) -> None:
    snapshot = write(tmp_path, SOME)
    by_title = {row["title"]: row["id"] for row in rows_of(snapshot, "recordings")}
    smallest = min(sha("a"), sha("b"))
    assert by_title["c"] == MBID_1
    assert public_id("sha256", "recording", smallest) in by_title.values()
    assert by_title["d"] == public_id("dump", "recording", "d")
    artists = {row["name"]: row["id"] for row in rows_of(snapshot, "artists")}
    assert artists["Bob"] == public_id("name", "artist", "bob")


def test_ids_stay_when_music_is_added_and_merges_leave_redirects(tmp_path: Path) -> None:
    first = write(tmp_path, [track("a"), track("b"), track("c", isrcs=[ISRC_1])])
    old = {row["title"]: row["id"] for row in rows_of(first, "recordings")}
    # more copies of each, all of whose hashes could be smaller; then b turns out to be a
    more = [track(f"{name}{i}", title=name) for name in "abc" for i in range(20)]
    second = write(tmp_path, [track("a"), track("b"), track("c", isrcs=[ISRC_1]), *more])
    assert {row["title"]: row["id"] for row in rows_of(second, "recordings")} == old
    assert rows_of(second, "redirects") == []

    joined = [track("a", recording_mbid=MBID_1), track("b", recording_mbid=MBID_1), track("c")]
    third = write(tmp_path, joined)
    assert third.previous == second.stamp
    redirects = {row["old_id"]: row["new_id"] for row in rows_of(third, "redirects")}
    assert redirects == {old["a"]: MBID_1, old["b"]: MBID_1}

    moved_on = [row | {"recording_mbid": MBID_2} for row in joined[:2]]
    fourth = write(tmp_path, [*moved_on, track("c")])
    redirects = {row["old_id"]: row["new_id"] for row in rows_of(fourth, "redirects")}
    assert redirects == {old["a"]: MBID_2, old["b"]: MBID_2, MBID_1: MBID_2}


def test_a_split_gives_the_id_to_one_part_only(tmp_path: Path) -> None:
    one = [track("a", pcm_sha256="0" * 64), track("b", pcm_sha256="0" * 64)]
    (whole,) = rows_of(write(tmp_path, one), "recordings")
    parts = rows_of(write(tmp_path, [track("a"), track("b")]), "recordings")
    assert len({row["id"] for row in parts}) == 2
    assert whole["id"] in {row["id"] for row in parts}
    (again,) = rows_of(write(tmp_path, one), "recordings")
    assert again["id"] == whole["id"]


def test_renamed_releases_and_artists_leave_redirects(tmp_path: Path) -> None:
    first = write(tmp_path, [track("a", album="Album", artists=["Bjork"])])
    (release,), (artist,) = rows_of(first, "releases"), rows_of(first, "artists")
    tagged = track("a", album="Album", artists=["Björk"], release_mbid=MBID_1, artist_mbids=[MBID_2])
    second = write(tmp_path, [tagged])
    assert {(r["kind"], r["old_id"], r["new_id"]) for r in rows_of(second, "redirects")} == {
        ("release", release["id"], MBID_1),
        ("artist", artist["id"], MBID_2),
    }


def test_a_bare_name_is_the_artist_credited_on_the_same_recording(tmp_path: Path) -> None:
    rows = [
        track("a", isrcs=[ISRC_1], artists=["Björk"], artist_mbids=[MBID_1]),
        track("b", isrcs=[ISRC_1], artists=["BJORK"]),
        track("namesake", artists=["Bjork"]),
    ]
    assert [row["id"] for row in rows_of(write(tmp_path, rows), "artists") if row["by_musicbrainz"]] == [
        MBID_1
    ]


def test_recordings_come_in_order_of_listens(tmp_path: Path) -> None:
    counted = [
        listens(10, title="A", artist="somebody"),
        listens(90, isrc=ISRC_1, as_of="2026-01-01"),
        listens(70, isrc=ISRC_1),  # newer: replaces
        listens(5, isrc=ISRC_1, source="elsewhere"),  # adds
        listens(4, recording_mbid=MBID_1, isrc=ISRC_1),  # the MBID decides
        listens(1000, isrc="USRC17607839"),
    ]
    rows = [track("a"), track("b", isrcs=[ISRC_1]), track("c", recording_mbid=MBID_1), track("d")]
    snapshot = write(tmp_path, rows, listened=counted)
    found = [(row["title"], row["listens"]) for row in rows_of(snapshot, "recordings")]
    assert found == [("b", 75), ("a", 10), ("c", 4), ("d", None)]
    assert snapshot.unmatched_listens == 1000


def test_a_name_is_never_used_twice(tmp_path: Path) -> None:
    first, second = write(tmp_path, SOME), write(tmp_path, SOME[:1])
    assert (first.stamp, second.stamp) == ("2026-11-21T101500Z", "2026-11-21T101500Z-2")
    assert manifest.current(tmp_path) == second
    assert manifest.verify(first) == manifest.verify(second) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "2026-11-21T101500Z",
        "2026-11-21T101500Z-2",
        "CURRENT",
        "facts",
    ]


def test_a_failed_run_leaves_the_current_snapshot(tmp_path: Path) -> None:
    first = write(tmp_path, SOME)
    (tmp_path / ".making-left-over").mkdir()
    with pytest.raises(UsageError, match="links"):
        write_snapshot(tmp_path, links=pa.table({"a": [1]}), made_at=MADE_AT)
    assert manifest.current(tmp_path) == first
    assert sorted(p.name for p in tmp_path.iterdir()) == [first.stamp, "CURRENT", "facts"]


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="time zone"):
        write_snapshot(tmp_path, made_at=datetime(2026, 1, 1))


def test_a_dataset_that_makes_no_sense_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path, SOME)
    path = datasets.datasets(tmp_path)[0].path / "dataset.json"
    path.write_text("{")
    with pytest.raises(VerificationError, match=r"dataset\.json is damaged"):
        write_snapshot(tmp_path, made_at=MADE_AT)


@pytest.mark.parametrize("call", range(3))
def test_breaking_off_before_the_pointer_moves_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    first = write(tmp_path, SOME)
    real, calls = durable.write, iter(range(10))

    def broken_off(path: Path, content: bytes) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(durable, "write", broken_off)
        with pytest.raises(KeyboardInterrupt):
            write_snapshot(tmp_path, made_at=MADE_AT)
    assert manifest.current(tmp_path) == first
    again = write_snapshot(tmp_path, made_at=MADE_AT)
    assert manifest.current(tmp_path) == again
    assert manifest.verify(again) == manifest.verify(first) == []


def test_too_little_memory_is_said(tmp_path: Path) -> None:
    write(tmp_path, [track(f"n{i}", title="x" * 2000 + str(i)) for i in range(3000)])
    before = manifest.current(tmp_path)
    with pytest.raises(PhonothequeError) as caught:
        write_snapshot(tmp_path, made_at=MADE_AT, memory_limit="2MB")
    assert "memory" in caught.value.message
    assert manifest.current(tmp_path) == before


def test_every_damage_is_found_and_named(tmp_path: Path) -> None:
    snapshot = write(tmp_path, SOME)
    for path in sorted(path for path in snapshot.path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        assert [(f.what, f.path) for f in manifest.verify(snapshot)] == [
            ("damaged", f"{snapshot.stamp}/{path.relative_to(snapshot.path)}")
        ]
        path.unlink()
        assert [f.what for f in manifest.verify(snapshot)] == ["missing"]
        path.write_bytes(content)
    (snapshot.path / "more").write_text("x")
    assert [(f.what, f.path) for f in manifest.verify(snapshot)] == [("extra", f"{snapshot.stamp}/more")]


def test_a_changed_manifest_that_still_reads_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, SOME).path / "snapshot.json"
    path.write_text(path.read_text().replace('"previous": null', '"previous": "none"'))
    changed = manifest.current(tmp_path)
    assert changed is not None
    (finding,) = manifest.verify(changed)
    assert "snapshot.json" in finding.detail


def test_sha256sum_can_check_it(tmp_path: Path) -> None:
    snapshot = write(tmp_path, SOME)
    subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=snapshot.path, check=True, capture_output=True
    )
    listed = (snapshot.path / "SHA256SUMS").read_text().split()
    assert hashlib.sha256((snapshot.path / "snapshot.json").read_bytes()).hexdigest() in listed


@pytest.mark.parametrize("text", ["", "../../etc", "2026-11-21T101500Z/..", "\0", "9999-01-01T000000Z"])
def test_a_hostile_pointer_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "CURRENT").write_text(text)
    with pytest.raises(VerificationError):
        manifest.current(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 99},
        {"tables": {}},
        {"made_at": 5},
        {"sources": [{"x": 1}]},
        {"tables": {"tracks": [{"file": "/etc", "sha256": "", "bytes": 0, "rows": 0}]}},
    ],
)
def test_a_senseless_manifest_is_refused(tmp_path: Path, empty: Path, change: dict[str, object]) -> None:
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "2026-11-21T101500Z" / "snapshot.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(VerificationError, match="snapshot"):
        manifest.current(tmp_path)
