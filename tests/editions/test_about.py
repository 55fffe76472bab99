from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from phonotheque.editions.about import About, describe, describe_folder, read_about, write_about
from phonotheque.model.errors import VerificationError
from phonotheque.vault.bag import BagFile, BagPlan, seal

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


def line(kind: str = "master", date: str | None = None, *statements: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": kind, "rights": {"statements": list(statements)}}
    return record | ({"date": date} if date else {})


CC0 = {"kind": "licence", "licence": "CC0-1.0"}
OLD = {"kind": "public-domain", "licence": None}
KEEP = {"kind": "mandate", "licence": None}


def sealed(folder: Path, name: str, *records: dict[str, Any]) -> tuple[Path, str]:
    (folder / "in").mkdir(exist_ok=True)
    files = []
    for number, record in enumerate(records):
        source = folder / "in" / f"{name}{number}"
        source.write_bytes(source.name.encode())
        digest = hashlib.sha256(source.name.encode()).hexdigest()
        files.append(BagFile(source, f"A/{number}.ogg", digest, len(source.name), record))
    seal(BagPlan(name, tuple(files), (), "A bag.\n"), folder / "bags")
    home = folder / "bags" / name
    return home, hashlib.sha256((home / "tagmanifest-sha256.txt").read_bytes()).hexdigest()


def test_files_are_counted_by_what_lets_them_be_shared_by_year_and_by_kind() -> None:
    lines = [
        line("master", "1957", CC0),
        line("master", "1957-03-01", CC0, KEEP),
        line("access", "2001", CC0, OLD),
        line("access", "19990101", KEEP),
        {"kind": "catalogue"},
        {"kind": "sidecar", "rights": None, "date": 1999},
    ]
    about = describe("bag", "a" * 64, lines)
    assert about.files == 6
    assert about.terms == {("CC0-1.0",): 2, ("CC0-1.0", "public-domain"): 1, (): 3}
    assert about.years == {1957: 2, 2001: 1, 1999: 1}
    assert about.kinds == {"master": 2, "access": 2, "catalogue": 1, "sidecar": 1}


def test_lengths_are_added_up_and_what_is_none_counts_nothing() -> None:
    lengths = [180.0004, 61, 0.6, None, "7", True, -3, float("inf"), 1e300]
    about = describe("bag", "a" * 64, [line() | {"duration": length} for length in lengths])
    assert about.seconds == 242


def test_what_an_earlier_version_said_without_lengths_is_said_anew_where_the_bag_is_there(
    tmp_path: Path,
) -> None:
    home, tag = sealed(tmp_path, "one", line() | {"duration": 90.5})
    earlier = replace(describe_folder(home), seconds=None)
    write_about([(home, tag)], tmp_path / "bags.jsonl", {"one": earlier})
    assert read_about(tmp_path / "bags.jsonl")["one"].seconds == 90
    write_about([(tmp_path / "gone" / "one", tag)], tmp_path / "bags.jsonl", {"one": earlier})
    assert read_about(tmp_path / "bags.jsonl")["one"] == earlier
    assert b"seconds" not in (tmp_path / "bags.jsonl").read_bytes()


def test_what_is_written_is_read_and_said_again_of_bags_that_are_known(tmp_path: Path) -> None:
    bags = [sealed(tmp_path, "one", line("master", "1957", CC0)), sealed(tmp_path, "two", line("master"))]
    write_about(bags, tmp_path / "bags.jsonl")
    said = read_about(tmp_path / "bags.jsonl")
    assert list(said) == ["one", "two"]
    assert said["one"] == describe_folder(bags[0][0])
    first = (tmp_path / "bags.jsonl").read_bytes()
    (bags[0][0] / "recordings.jsonl").unlink()  # it is not read again
    write_about(bags, tmp_path / "bags.jsonl", said)
    assert (tmp_path / "bags.jsonl").read_bytes() == first
    changed = {"one": replace(said["one"], tagmanifest_sha256="b" * 64)}
    with pytest.raises(FileNotFoundError):
        write_about(bags, tmp_path / "bags.jsonl", changed)


def test_tag_files_that_are_not_those_that_were_sealed_say_nothing(tmp_path: Path) -> None:
    home, known = sealed(tmp_path, "one", line("master", "1957", CC0))
    with pytest.raises(VerificationError, match="than was recorded"):
        write_about([(home, "0" * 64)], tmp_path / "bags.jsonl")
    lines = home / "recordings.jsonl"
    lines.chmod(0o644)
    lines.write_bytes(lines.read_bytes().replace(b"1957", b"1958"))
    with pytest.raises(VerificationError, match="is not what was sealed"):
        write_about([(home, known)], tmp_path / "bags.jsonl")
    lines.write_bytes(b"[]\n")
    with pytest.raises(VerificationError, match="a line that is no JSON object"):
        write_about([(home, known)], tmp_path / "bags.jsonl")
    assert not (tmp_path / "bags.jsonl").exists()


GOOD: dict[str, Any] = {
    "bag": "one",
    "tagmanifest_sha256": "a" * 64,
    "files": 2,
    "terms": [[["CC0-1.0"], 2]],
    "years": [[1957, 1]],
    "kinds": [["master", 2]],
}


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        GOOD | {"bag": 1},
        GOOD | {"tagmanifest_sha256": "x"},
        GOOD | {"files": 3},
        GOOD | {"files": -2, "terms": [[["CC0-1.0"], -2]]},
        GOOD | {"terms": [["CC0-1.0"]]},
        GOOD | {"terms": None},
        GOOD | {"years": [[1957, 9]]},
        GOOD | {"years": [["1957", 1]]},
        GOOD | {"kinds": [[None, 2]]},
        GOOD | {"kinds": {"master": 2}},
        {key: value for key, value in GOOD.items() if key != "kinds"},
    ],
)
def test_lines_that_make_no_sense_are_named(tmp_path: Path, wrong: Any) -> None:
    place = tmp_path / "bags.jsonl"
    place.write_text(f"{json.dumps(GOOD)}\n")
    assert read_about(place) == {
        "one": About("one", "a" * 64, 2, Counter({("CC0-1.0",): 2}), {1957: 1}, {"master": 2})
    }
    place.write_text(f"{json.dumps(GOOD)}\n{json.dumps(wrong)}\n")
    with pytest.raises(VerificationError, match=r"bags\.jsonl, line 2 makes no sense"):
        read_about(place)
