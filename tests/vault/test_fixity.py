import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from phonotheque.vault.bag import BagFile, BagPlan, seal
from phonotheque.vault.fixity import BagReport, check_bag, check_file

CONTENT = {"A/1.flac": b"one" * 1000, "A/2.flac": b"two" * 1000, "B/3.opus": b"", "B/é.opus": b"four"}
SIZE = sum(map(len, CONTENT.values()))


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    files = []
    for path, data in CONTENT.items():
        source = tmp_path / hashlib.sha256(data).hexdigest()
        source.write_bytes(data)
        files.append(BagFile(source, path, source.name, len(data), {}))
    seal(BagPlan("bag", tuple(files), (("Bagging-Date", "2026-01-01"),), "Read me\n"), tmp_path)
    return tmp_path / "bag"


def overwrite(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def found(report: BagReport) -> set[tuple[str, str]]:
    return {(finding.what, finding.path) for finding in report.findings}


class Steps:
    """Progress that counts."""

    def __init__(self) -> None:
        self.files = self.bytes = 0

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None: ...

    def grow(self, *, files: int = 0, size: int = 0) -> None: ...

    def say(self, message: str) -> None: ...

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        self.files += files
        self.bytes += size


def test_a_whole_bag_has_no_findings(bag: Path) -> None:
    steps = Steps()
    report = check_bag(bag, progress=steps)
    sizes = [path.stat().st_size for path in bag.rglob("*") if path.is_file()]
    assert report == BagReport("bag", len(sizes), sum(sizes), ())
    assert (steps.files, steps.bytes) == (len(sizes), sum(sizes))
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(1) as processes:
        assert check_bag(bag, executor=threads) == check_bag(bag, executor=processes) == report


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    overwrite(path, bytes(data))


def to_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def to_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("damaged", flip),
        ("damaged", lambda path: overwrite(path, path.read_bytes()[:-1])),
        ("damaged", lambda path: overwrite(path, path.read_bytes() + b"x")),
        ("damaged", lambda path: overwrite(path, b"")),
        ("missing", Path.unlink),
        ("damaged", to_link),
        ("unreadable", to_folder),
        ("extra", lambda path: path.with_name("new").write_text("x")),
    ],
)
@pytest.mark.parametrize(
    "path", ["data/A/1.flac", "data/B/é.opus", "README.txt", "recordings.jsonl", "bag-info.txt"]
)
def test_each_damage_is_found_once_and_named(
    bag: Path, what: str, damage: Callable[[Path], object], path: str
) -> None:
    before = check_bag(bag)
    damage(bag / path)
    report = check_bag(bag)
    name = path if what != "extra" else str(Path(path).with_name("new"))
    assert found(report) == {(what, name)}
    whole = what in ("damaged", "extra") and not (bag / path).is_symlink()
    assert report.files_checked == before.files_checked - (0 if whole else 1)


@pytest.mark.parametrize("name", ["bagit.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_damage_to_what_says_what_should_be_there(bag: Path, name: str) -> None:
    (bag / name).rename(bag.parent / name)
    assert found(check_bag(bag)) == {("missing", name)}
    (bag / name).write_bytes(b"\xff\x00 garbage")
    assert found(check_bag(bag)) == {("damaged", name)}
    (bag / name).unlink()
    (bag / name).symlink_to(bag.parent / name)
    assert {path for _, path in found(check_bag(bag))} == {name}


def test_two_files_swapped_are_both_damaged(bag: Path) -> None:
    (bag / "data/A/1.flac").rename(bag / "swap")
    (bag / "data/A/2.flac").rename(bag / "data/A/1.flac")
    (bag / "swap").rename(bag / "data/A/2.flac")
    assert found(check_bag(bag)) == {("damaged", "data/A/1.flac"), ("damaged", "data/A/2.flac")}


def test_a_missing_folder_and_a_missing_bag(bag: Path) -> None:
    for path in (bag / "data" / "A").iterdir():
        path.unlink()
    (bag / "data" / "A").rmdir()
    assert found(check_bag(bag)) == {("missing", "data/A/1.flac"), ("missing", "data/A/2.flac")}
    assert found(check_bag(bag.parent / "gone")) == {("missing", "gone")}


def test_extra_things_of_every_kind_are_found(bag: Path) -> None:
    os.mkfifo(bag / "data" / "pipe")
    (bag / "link").symlink_to("/")
    (bag / "folder" / "deep").mkdir(parents=True)
    (bag / "folder" / "deep" / "file").write_text("x")
    (bag / os.fsdecode(b"\xff.flac")).write_text("x")
    extra = {
        ("extra", "data/pipe"),
        ("extra", "link"),
        ("extra", "folder/deep/file"),
        ("extra", "\\xff.flac"),
    }
    assert found(check_bag(bag)) == extra


def reseal(bag: Path, name: str, content: bytes) -> str:
    """Change a tag file and the tag manifest with it; return the new tag manifest's SHA-256."""
    old, new = (hashlib.sha256(data).hexdigest() for data in ((bag / name).read_bytes(), content))
    overwrite(bag / name, content)
    tags = (bag / "tagmanifest-sha256.txt").read_text().replace(old, new).encode()
    overwrite(bag / "tagmanifest-sha256.txt", tags)
    return hashlib.sha256(tags).hexdigest()


def test_an_oxum_that_was_sealed_wrong(bag: Path) -> None:
    info = (bag / "bag-info.txt").read_bytes().replace(b"%d.4" % SIZE, b"%d.5" % SIZE)
    reseal(bag, "bag-info.txt", info)
    (finding,) = check_bag(bag).findings
    assert (finding.what, finding.path) == ("damaged", "bag-info.txt")
    assert f"{SIZE} bytes in 5 files" in finding.detail


def test_another_bag_in_its_place_is_found_by_the_tag_manifest(bag: Path) -> None:
    genuine = hashlib.sha256((bag / "tagmanifest-sha256.txt").read_bytes()).hexdigest()
    assert check_bag(bag, tagmanifest_sha256=genuine).findings == ()
    reseal(bag, "README.txt", b"Something else\n")
    assert check_bag(bag).findings == ()
    assert found(check_bag(bag, tagmanifest_sha256=genuine)) == {("damaged", "tagmanifest-sha256.txt")}


def test_a_tag_manifest_must_cover_the_manifest(bag: Path) -> None:
    lines = (bag / "tagmanifest-sha256.txt").read_text().splitlines(keepends=True)
    overwrite(bag / "tagmanifest-sha256.txt", "".join(x for x in lines if "manifest-" not in x).encode())
    assert ("damaged", "tagmanifest-sha256.txt") in found(check_bag(bag))


def test_hostile_manifests_touch_nothing_outside(bag: Path) -> None:
    reseal(bag, "manifest-sha256.txt", b"0" * 64 + b"  data/../../../etc/passwd\n")
    (finding,) = check_bag(bag).findings
    assert (finding.what, finding.path) == ("damaged", "manifest-sha256.txt")
    assert "line 1" in finding.detail


def test_one_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    right = hashlib.sha256(b"abc").hexdigest()
    assert check_file(path, 3, right) is None
    cases = [
        (path, 4, right, "damaged"),
        (path, 3, "0" * 64, "damaged"),
        (tmp_path / "no", 3, right, "missing"),
    ]
    cases += [(tmp_path, 3, right, "unreadable"), (path / "below", 3, right, "unreadable")]
    cases += [(Path("/proc/self/mem"), 0, right, "unreadable")]
    for where, size, sha256, what in cases:
        finding = check_file(where, size, sha256, name="the file")
        assert finding is not None
        assert (finding.what, finding.path) == (what, "the file")
