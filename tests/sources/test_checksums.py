"""Checksums that lie beside a source's files: a file that differs is left out, and no list is passed over."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from phonotheque.sources.checksums import checksums
from tests.sources.songs import Songs, put, song
from tests.sources.test_importing import ids, marks, rows, take_in

pytestmark = pytest.mark.usefixtures("here")
ALGORITHMS = ("md5", "sha1", "sha256", "sha384", "sha512")


@pytest.fixture
def two(songs: Path) -> Path:
    put(songs, song("A"), name="a.jsonl")
    put(songs, song("B"), name="b.jsonl")
    return songs


def digest(path: Path, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


def wrong(algorithm: str = "sha256") -> str:
    return "0" * len(hashlib.new(algorithm).hexdigest())


def rejects(catalogue: Path, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows(catalogue, "rejects")]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("{NAME}SUMS", "{wrong}  a.jsonl\n{right}  b.jsonl\n"),
        ("{NAME}SUM.txt", "# of today\n\n{right} *b.jsonl\r\n{wrong} *./deep/a.jsonl\r\n"),
        ("discogs_20260801_CHECKSUM.txt", "{wrong}  a.jsonl\n{RIGHT}\t./b.jsonl"),
        ("checksums", "{TAG} (a.jsonl) = {wrong}\n{TAG} (b.jsonl) = {right}\n"),
        ("a.jsonl.{name}", "{wrong}\n"),
        ("a.jsonl.{name}sum", "\ufeff{wrong}  a.jsonl\n"),
        ("album.{name}", "{wrong} *a.jsonl\n{right} *b.jsonl\n"),
    ],
)
def test_a_file_that_is_not_what_its_publisher_says_is_not_read(
    catalogue: Path, two: Path, algorithm: str, name: str, text: str
) -> None:
    right, bad = digest(two / "b.jsonl", algorithm), wrong(algorithm)
    tag = {"md5": "MD5"}.get(algorithm, algorithm.upper())
    names = {"name": algorithm, "NAME": algorithm.upper()}
    list_name = name.format(**names)
    content = text.format(wrong=bad, right=right, RIGHT=right.upper(), TAG=tag, **names)
    (two / list_name).write_text(content, encoding="utf-8")
    result = take_in(catalogue, two)
    assert ids(catalogue) == ["B"]
    assert marks(two) == ["b0"]
    assert result.rejects == {"file": 1}
    ((file, reason),) = rejects(catalogue, "file", "reason")
    assert file == "a.jsonl"
    assert digest(two / "a.jsonl", algorithm) in reason
    assert bad in reason
    assert list_name in reason


def test_a_list_names_files_relative_to_itself(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.x", "one/a.x", "one/deep/a.x", "two/a.x")]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    (tmp_path / "MD5SUMS").write_text(f"{1:032}  a.x\n{2:032}  one/deep/a.x\n{9:032}  ../a.x\n")
    (tmp_path / "one" / "MD5SUMS").write_text(f"{3:032}  a.x\n")
    (tmp_path / "two" / "a.x.md5").write_text(f"{4:032}\n")
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / "MD5SUMS").write_text("of no file that is read")
    found = checksums(tmp_path, files)
    assert [int(found.of[file].digest) for file in files] == [9, 3, 2, 4]
    assert found.of[files[1]].by == "one/MD5SUMS"
    assert [problem.by for problem in found.problems] == ["MD5SUMS"]  # which has two of a.x


def test_the_strongest_is_compared_whatever_weaker_ones_say(catalogue: Path, two: Path) -> None:
    (two / "MD5SUMS").write_text(f"{wrong('md5')}  a.jsonl\n{digest(two / 'b.jsonl', 'md5')}  b.jsonl\n")
    (two / "SHA256SUMS").write_text(f"{digest(two / 'a.jsonl')}  a.jsonl\n{wrong()}  b.jsonl\n")
    (two / "b.jsonl.sha1").write_text(digest(two / "b.jsonl", "sha1"))
    take_in(catalogue, two)
    assert ids(catalogue) == ["A"]
    ((reason,),) = rejects(catalogue, "reason")
    assert "SHA-256" in reason


def test_the_nearest_of_two_lists_that_differ_is_believed_and_it_is_said(catalogue: Path, two: Path) -> None:
    (two / "SHA256SUMS").write_text(f"{wrong()}  a.jsonl\n")
    (two / "a.jsonl.sha256").write_text(f"{digest(two / 'a.jsonl')}  a.jsonl\n")
    result = take_in(catalogue, two)
    assert ids(catalogue) == ["A", "B"]
    assert result.complete
    ((file, scope, reason),) = rejects(catalogue, "file", "scope", "reason")
    assert (file, scope) == ("a.jsonl.sha256", "value")
    assert "SHA256SUMS" in reason


def test_a_line_that_is_no_checksum_is_named(catalogue: Path, two: Path) -> None:
    lines = ["no line of any sums", f"{'0' * 63}  a.jsonl", f"CRC32 (a.jsonl) = {wrong()}", "0" * 64]
    lines += [f"SHA1 (a.jsonl) = {wrong()}", f"{wrong()}  a.jsonl"]
    (two / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    (two / "MD5SUMS").write_bytes(b"\xff\x00\n" * 100)
    result = take_in(catalogue, two)
    assert ids(catalogue) == ["B"]
    assert result.rejects == {"file": 1, "value": 5 + 21}
    named = [row for row in rejects(catalogue, "file", "position", "value") if row[0] == "SHA256SUMS"]
    assert named == [("SHA256SUMS", number, lines[number - 1]) for number in range(1, 6)]
    assert "80 more lines are no checksums" in {reason for (reason,) in rejects(catalogue, "reason")}


@pytest.mark.parametrize("kind", ["link to nothing", "pipe", "too large"])
def test_a_list_that_cannot_be_read_is_named(catalogue: Path, two: Path, kind: str) -> None:
    path = two / "SHA256SUMS"
    match kind:
        case "link to nothing":
            path.symlink_to("nowhere")
        case "pipe":
            os.mkfifo(path)
        case _:
            with path.open("wb") as stream:
                stream.truncate((16 << 20) + 1)
    result = take_in(catalogue, two)
    assert ids(catalogue) == ["A", "B"]
    assert not result.complete
    ((file, scope, reason),) = rejects(catalogue, "file", "scope", "reason")
    assert (file, scope) == ("SHA256SUMS", "file")
    assert "cannot be read" in reason


def test_names_may_be_of_any_bytes(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\nb\\c"))
    odd.write_text("odd")
    (tmp_path / "SHA256SUMS").write_bytes(b"\\" + wrong().encode() + b"  \xff\\nb\\\\c\n")
    found = checksums(tmp_path, [odd])
    assert (found.of[odd].digest, found.problems) == (wrong(), [])


def test_one_file_is_compared_with_the_lists_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a")
    (tmp_path / "SHA1SUMS").write_text(f"{wrong('sha1')}  a.csv\n{wrong('sha1')}  other.csv\n")
    found = checksums(tmp_path / "a.csv", [tmp_path / "a.csv"])
    assert list(found.of) == [tmp_path / "a.csv"]


def test_what_was_read_before_the_list_was_there_is_left_out_when_it_goes_on(
    catalogue: Path, songs: Path
) -> None:
    put(songs, *map(song, range(6)), name="a.jsonl")
    put(songs, song("B"), name="b.jsonl")
    with pytest.raises(KeyboardInterrupt):
        take_in(catalogue, songs, Songs(interrupted_after=2))
    (songs / "SHA256SUMS").write_text(f"{wrong()}  a.jsonl\n")
    take_in(catalogue, songs)
    assert ids(catalogue) == ["B"]
