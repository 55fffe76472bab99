from __future__ import annotations

import gzip
import io
import json
import lzma
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.gather import Gather
from phonotheque.sources.listenbrainz import SOURCE
from phonotheque.sources.registry import Piece
from tests.sources.reading import Read, read_all, said

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "listenbrainz"
MBID_1 = "c7d0bf6e-b2aa-4ffa-bded-2448415b39b0"
MBID_2 = "20ddea3a-1ad2-4036-9ca7-5f3383ad31c1"


def listen(title: Any = "A song", artist: Any = "A band", mapped: Any = None, **info: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"track_name": title, "artist_name": artist, "additional_info": info}
    if mapped is not None:
        metadata["mbid_mapping"] = {"recording_mbid": mapped, "artists": []}
    return {"user_name": "somebody", "listened_at": 1748964167, "track_metadata": metadata}


def lines(*listens: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in listens)


def tar(*members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def read(path: Path, content: bytes) -> Read:
    path.write_bytes(content)
    return read_all(SOURCE, path)


def counts(found: Read) -> list[tuple[Any, ...]]:
    return [
        (row["recording_mbid"], row["isrc"], row["title"], row["artist"], row["listens"])
        for row in found.listens
    ]


def test_each_listen_counts_by_its_best_name(tmp_path: Path) -> None:
    found = read(
        tmp_path / "some.jsonl",
        lines(
            listen(mapped=MBID_1, isrc="GBAYE8100053"),
            listen("Another spelling", mapped=MBID_1.upper()),
            listen(recording_mbid=MBID_2),
            listen(mapped="", recording_mbid=MBID_2),
            listen(isrc="GB-AYE-81-00053"),
            listen("Other", isrc=["GBAYE8100053"]),
            listen(" A\u0000 song"),
            listen("A  song"),
        ),
    )
    assert counts(found) == [
        (MBID_1, None, None, None, 2),
        (MBID_2, None, None, None, 2),
        (None, "GBAYE8100053", None, None, 2),
        (None, None, "A song", "A band", 2),
    ]
    assert found.rejects == []
    assert {(row["source"], row["as_of"]) for row in found.listens} == {("listenbrainz", "2026-01-01")}


def test_who_listened_and_when_is_not_kept(tmp_path: Path) -> None:
    bad = b'{"user_name": "somebody", "track_metadata": {"track_name": 1}}\n{"user_name": "somebody"\n'
    found = read(tmp_path / "some.listens", lines(listen(), listen(mapped=MBID_1), listen("", "")) + bad)
    assert len(found.rejects) == 3
    assert found.records == found.facts == []
    everything = repr([found.listens, found.rejects])
    assert "somebody" not in everything
    assert "1748964167" not in everything


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"not json", "is no valid JSON"),
        (b'{"track_metadata": {"track_name": "A"', "is no valid JSON"),
        (b'{"track_metadata": {"track_name": "A\0"}}', "is no valid JSON"),
        (b'{"track_metadata": {"track_name": "\xff", "artist_name": "B"}}', "is no valid UTF-8"),
        (b"[" * 100_000, "is no"),
        (b'{"track_metadata":{"additional_info":{"isrc":' + b"[" * 100_000 + b"}}}", "is nested too deeply"),
        (b'{"listened_at": 1}', "is no listen"),
        (b'{"track_metadata": []}', "is no listen"),
        (b'{"track_metadata": {"track_name": 7, "artist_name": "B"}}', "is no listen"),
        (lines(listen("", "B")), "names neither"),
        (lines(listen("A", None)), "names neither"),
        (lines(listen("A" * 3000)), "names neither"),
        (lines(listen("\u0001 ")), "names neither"),
    ],
)
def test_a_line_that_makes_no_sense_is_named_and_the_rest_counted(
    tmp_path: Path, bad: bytes, reason: str
) -> None:
    found = read(tmp_path / "x.jsonl", lines(listen(mapped=MBID_1)) + bad.strip() + b"\n\n" + lines(listen()))
    assert [row["listens"] for row in found.listens] == [1, 1]
    assert [said(row, "position", "scope", "file", "value") for row in found.rejects] == [
        {"position": 2, "scope": "record", "file": "x.jsonl", "value": None}
    ]
    assert reason in found.reasons[0]


@pytest.mark.parametrize(
    ("info", "field", "value"),
    [
        ({"isrc": "GBAYE81OOO53"}, "isrc", "GBAYE81OOO53"),
        ({"isrc": 7}, "isrc", "7"),
        ({"isrc": {"a": 1}}, "isrc", "{'a': 1}"),
        ({"recording_mbid": "none"}, "recording_mbid", "none"),
        ({"recording_mbid": ["x"]}, "recording_mbid", "['x']"),
    ],
)
def test_a_code_that_is_none_is_named_and_the_names_used(
    tmp_path: Path, info: dict[str, Any], field: str, value: str
) -> None:
    found = read(tmp_path / "x.jsonl", lines(listen(**info)))
    assert counts(found) == [(None, None, "A song", "A band", 1)]
    assert [said(row, "scope", "field", "value", "position") for row in found.rejects] == [
        {"scope": "value", "field": field, "value": value, "position": 1}
    ]


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_dump_is_read_as_published(tmp_path: Path, packing: str) -> None:
    top = "listenbrainz-listens-dump-2663-20261101-000002-full"
    content = tar(
        (f"{top}/TIMESTAMP", b"2026-11-01 00:00:02"),
        (f"{top}/listens/2025/12.listens", lines(listen(), listen("", "B"))),
        (f"{top}/listens/2026/1.listens", lines(listen(), listen(mapped=MBID_1))),
    )
    found = read(tmp_path / f"{top}.tar{packing}", PACKINGS[packing](content))
    assert sum(row["listens"] for row in found.listens) == 3
    assert [(row["record_id"], row["position"]) for row in found.rejects] == [
        (f"{top}/listens/2025/12.listens", 2)
    ]


def test_a_folder_of_exports_is_read_without_the_other_dumps(tmp_path: Path) -> None:
    (tmp_path / "2025").mkdir()
    for name in ("b.listens.gz", "2025/6.jsonl", "a.json"):
        content = lines(listen(name))
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    for name in ("listenbrainz-public-dump.tar.zst", "listenbrainz-listens-dump-1-spark-full.tar", "README"):
        (tmp_path / name).write_bytes(b"")
    assert sorted(row["title"] for row in read_all(SOURCE, tmp_path).listens) == [
        "2025/6.jsonl",
        "a.json",
        "b.listens.gz",
    ]
    assert SOURCE.audio(tmp_path) == []


@pytest.mark.parametrize("packing", [".xz", ".zst", ""])
def test_of_a_truncated_dump_what_came_before_is_counted(tmp_path: Path, packing: str) -> None:
    chance = random.Random(1)
    many = lines(*(listen(f"Song {chance.random()}") for _ in range(30_000)))
    path = tmp_path / f"listens-dump.tar{packing}"
    whole = PACKINGS[packing](tar(("x/listens/2026/1.listens", many)))
    path.write_bytes(whole[: len(whole) * 9 // 10])
    pieces: list[Piece] = []
    cutting = SOURCE.pieces(path, path)
    with pytest.raises(BrokenFileError, match="truncated or damaged"):
        pieces.extend(cutting)
    gather = Gather("listenbrainz", "an accession", "file")
    for piece in pieces:
        SOURCE.read(piece, gather)
    tables = gather.tables()
    assert tables["rejects"].num_rows == 0
    assert 15_000 < sum(tables["listens"]["listens"].to_pylist()) < 30_000


def test_what_holds_no_listens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        SOURCE.files(tmp_path / "none")
    with pytest.raises(UsageError, match="holds no files of listens"):
        SOURCE.files(tmp_path)
    (other := tmp_path / "song.mp3").write_bytes(b"")
    with pytest.raises(UsageError, match="not the name"):
        SOURCE.files(other)
    with pytest.raises(BrokenFileError, match="holds no"):
        read(tmp_path / "listens.tar", tar(("a/listens.parquet", b"PAR1")))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples of ListenBrainz are not here")
def test_real_listens_are_counted(tmp_path: Path) -> None:
    found = read_all(SOURCE, SAMPLES)
    assert ("c7d0bf6e-b2aa-4ffa-bded-2448415b39b0", None, None, None, 1) in counts(found)
    assert (None, None, "Altered State", "Sweet Garden", 1) in counts(found)
    # of “mixed validity”: two lines lack a name; one file has no end of line
    assert [(row["file"], row["position"], row["reason"]) for row in found.rejects] == [
        ("mixed_validity.jsonl", 2, "names neither a recording nor both title and artist"),
        ("mixed_validity.jsonl", 4, "names neither a recording nor both title and artist"),
    ]
