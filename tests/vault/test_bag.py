import errno
import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import bagit
import libtorrent as lt
import pytest

from phonotheque.editions.torrent import build_torrent
from phonotheque.model.bags import PIECE
from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.vault import bag as bag_module
from phonotheque.vault.bag import BagFile, BagPlan, load_sealed, read_bag, remove_bag, remove_unfinished, seal
from phonotheque.vault.hashing import hash_file
from phonotheque.vault.names import portable_segment

TAG_FILES = ["README.txt", "bag-info.txt", "bagit.txt", "manifest-sha256.txt", "recordings.jsonl"]
TAG_FILES += ["tagmanifest-sha256.txt"]
CONTENT = {
    "Björk/1995 - Post/01 Army of Me.flac": b"a" * (PIECE + 17),
    f"Anna/1999 - {portable_segment('100% live?')}/01 Été.opus": b"b" * 5000,
    "Anna (Deluxe)/日本/1.mp3": b"c" * PIECE,
    "Anna/silence.flac": b"",
}


def planned(folder: Path, content: dict[str, bytes], bag_id: str = "wave-1-0001") -> BagPlan:
    folder.mkdir(parents=True, exist_ok=True)
    files: list[BagFile] = []
    for path, data in content.items():
        sha256 = hashlib.sha256(data).hexdigest()
        (folder / sha256).write_bytes(data)
        files.append(BagFile(folder / sha256, path, sha256, len(data), {"title": path, "id": len(files)}))
    info = (("Source-Organization", "Test\narchive"), ("Bagging-Date", "2026-11-21"))
    return BagPlan(bag_id, tuple(files), info, "What this is.\n")


@pytest.fixture
def plan(tmp_path: Path) -> BagPlan:
    return planned(tmp_path / "incoming", CONTENT)


@pytest.fixture
def bags(tmp_path: Path) -> Path:
    (tmp_path / "bags").mkdir()
    return tmp_path / "bags"


def all_bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_sealed_bag_is_valid_for_bagit_python(plan: BagPlan, bags: Path) -> None:
    result = seal(plan, bags)
    assert result.failures == ()
    home = bags / plan.id
    bagit.Bag(str(home)).validate()
    assert all_bytes(home / "data") == CONTENT
    assert sorted(p.name for p in home.iterdir()) == sorted([*TAG_FILES, "data"])
    assert list(bags.iterdir()) == [home]
    assert {p.stat().st_mode & 0o777 for p in home.rglob("*") if p.is_file()} == {0o444}


def test_the_result_holds_the_hashes_of_every_file_in_torrent_order(plan: BagPlan, bags: Path) -> None:
    bag = seal(plan, bags).bag
    assert [file.path for file in bag.files] == [
        "README.txt",
        "bag-info.txt",
        "bagit.txt",
        "data/Anna/1999 - 100％ live_/01 Été.opus",
        "data/Anna/silence.flac",
        "data/Anna (Deluxe)/日本/1.mp3",
        "data/Björk/1995 - Post/01 Army of Me.flac",
        "manifest-sha256.txt",
        "recordings.jsonl",
        "tagmanifest-sha256.txt",
    ]
    for file in bag.files:
        assert file.hashes == hash_file(bags / plan.id / file.path)
    assert (bag.payload_bytes, bag.payload_files) == (sum(map(len, CONTENT.values())), 4)
    made = build_torrent(bag, created_by="test", creation_date=None)
    assert str(lt.load_torrent_buffer(made.data).info_hashes.v2) == made.infohash_v2


def test_equal_plans_give_equal_bytes(plan: BagPlan, tmp_path: Path) -> None:
    shuffled = BagPlan(plan.id, plan.files[::-1], plan.info, plan.readme)
    with ProcessPoolExecutor(2) as pool:
        one = seal(plan, tmp_path / "one").bag
        two = seal(shuffled, tmp_path / "two", map_files=pool.map).bag
    assert one == two
    assert all_bytes(tmp_path / "one") == all_bytes(tmp_path / "two")


def test_what_the_tag_files_say(plan: BagPlan, bags: Path) -> None:
    seal(plan, bags)
    home = bags / plan.id
    contents = read_bag(home)
    assert contents.info == (
        ("Source-Organization", "Test archive"),
        ("Bagging-Date", "2026-11-21"),
        ("Payload-Oxum", f"{sum(map(len, CONTENT.values()))}.4"),
        ("Bag-Size", "529.3 kB"),
    )
    assert contents.oxum == (sum(map(len, CONTENT.values())), 4)
    assert contents.manifest == {
        f"data/{path}": hashlib.sha256(data).hexdigest() for path, data in CONTENT.items()
    }
    assert sorted(contents.tagmanifest) == sorted(TAG_FILES[:-1])
    records = [json.loads(line) for line in (home / "recordings.jsonl").read_text().splitlines()]
    assert [record["path"] for record in records] == list(contents.manifest)
    for record in records:
        path = record["path"]
        assert record["title"] == path.removeprefix("data/")
        assert record["size"] == (home / path).stat().st_size
        assert record["sha256"] == contents.manifest[path]
        assert record["pieces_root"] == hash_file(home / path).root.hex()


def test_percent_signs_are_escaped_as_the_standard_says(tmp_path: Path, bags: Path) -> None:
    seal(planned(tmp_path / "incoming", {"100%25.flac": b"x"}), bags)
    home = bags / "wave-1-0001"
    assert "  data/100%2525.flac\n" in (home / "manifest-sha256.txt").read_text()
    assert list(read_bag(home).manifest) == ["data/100%25.flac"]
    assert load_sealed(home).payload_files == 1


def test_records_with_broken_text_stay_json(tmp_path: Path, bags: Path) -> None:
    plan = planned(tmp_path / "incoming", {"a": b"x"})
    (file,) = plan.files
    odd = BagFile(file.source, file.path, file.sha256, file.size, {"name": "caf\udce9", "line": "a\u2028b"})
    seal(BagPlan(plan.id, (odd,), plan.info, plan.readme), bags)
    (line,) = (bags / plan.id / "recordings.jsonl").read_bytes().splitlines()
    assert json.loads(line)["name"] == "caf\udce9"


def test_a_source_that_has_another_name_as_well_is_not_shared_with_it(
    plan: BagPlan, bags: Path, tmp_path: Path
) -> None:
    lent = plan.files[0]
    (tmp_path / "somebody else's").hardlink_to(lent.source)
    mode = lent.source.stat().st_mode
    seal(plan, bags)
    assert not (bags / plan.id / "data" / lent.path).samefile(lent.source)
    assert lent.source.stat().st_mode == mode


def test_bad_sources_are_left_out_and_reported(plan: BagPlan, bags: Path) -> None:
    changed, vanished, grown, _ = (file.source for file in plan.files)
    changed.write_bytes(b"x" * (PIECE + 17))
    vanished.unlink()
    grown.write_bytes(grown.read_bytes() + b"more")
    unreadable = BagFile(Path("/proc/self/mem"), "z/mem.flac", "0" * 64, 1, {})
    folder = BagFile(bags, "z/folder.flac", "0" * 64, 1, {})
    link = bags.parent / "link"
    link.symlink_to(plan.files[3].source)
    result = seal(BagPlan(plan.id, (*plan.files, unreadable, folder), plan.info, plan.readme), bags)
    assert {(f.path.rsplit("/", 1)[-1], f.what) for f in result.failures} == {
        ("01 Army of Me.flac", "damaged"),
        ("01 Été.opus", "missing"),
        ("1.mp3", "damaged"),
        ("mem.flac", "unreadable"),
        ("folder.flac", "unreadable"),
    }
    assert (result.bag.payload_files, result.bag.payload_bytes) == (1, 0)
    home = bags / plan.id
    bagit.Bag(str(home)).validate()
    assert [p.name for p in (home / "data").iterdir()] == ["Anna"], "no empty folders are left"


def test_nothing_is_sealed_when_no_source_is_good(plan: BagPlan, bags: Path) -> None:
    for file in plan.files:
        file.source.unlink()
    with pytest.raises(VerificationError, match="no file of the bag"):
        seal(plan, bags)
    assert list(bags.iterdir()) == []


def test_a_failure_to_write_stops_everything_and_leaves_nothing(
    plan: BagPlan, bags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(bag_module, "fsync_file", full)
    with pytest.raises(OSError, match="No space left"):
        seal(plan, bags)
    assert list(bags.iterdir()) == []
    assert all(file.source.exists() for file in plan.files)


def test_an_interrupted_bag_is_redone(plan: BagPlan, bags: Path) -> None:
    def stop(_: BagFile) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seal(plan, bags, on_file=stop)
    assert list(bags.iterdir()) == []
    left = bags / f".partial-{plan.id}" / "data"  # as after a power cut
    left.mkdir(parents=True)
    (left / "stale").write_text("x")
    seal(plan, bags)
    bagit.Bag(str(bags / plan.id)).validate()
    assert list(bags.iterdir()) == [bags / plan.id]


def test_removing_a_bag_leaves_nothing_that_looks_like_one_even_if_it_is_broken_off(
    plan: BagPlan, bags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(plan, bags)
    with monkeypatch.context() as patch:
        patch.setattr("phonotheque.vault.bag.shutil.rmtree", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            remove_bag(bags / plan.id)
    assert not (bags / plan.id).exists()
    remove_unfinished(bags)
    assert list(bags.iterdir()) == []


def _interrupt(_: Path) -> None:
    raise KeyboardInterrupt


class Killed(BaseException):
    """Stands for the end of the process: nothing is cleaned up."""


@pytest.mark.parametrize("step", range(0, 36, 3))
def test_dying_at_any_step_leaves_a_state_to_go_on_from(
    plan: BagPlan, bags: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    left = step

    def mortal(function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            nonlocal left
            result = function(*args, **named)
            left -= 1
            if left < 0:
                raise Killed
            return result

        return call

    with monkeypatch.context() as patch:
        for name in ("share", "feed", "_make_read_only", "_write_tag", "fsync_file", "fsync_dir"):
            patch.setattr(bag_module, name, mortal(getattr(bag_module, name)))
        patch.setattr(bag_module, "_clean_up", lambda *_: None)
        with pytest.raises(Killed):
            seal(plan, bags)
    result = seal(plan, bags)
    assert result.failures == ()
    assert list(bags.iterdir()) == [bags / plan.id]
    bagit.Bag(str(bags / plan.id)).validate()
    assert result == seal(plan, bags.parent / "elsewhere")


def test_progress_is_told_in_order(plan: BagPlan, bags: Path) -> None:
    seen: list[str] = []
    seal(plan, bags, on_file=lambda file: seen.append(file.path))
    assert seen == [
        file.path.removeprefix("data/") for file in load_sealed(bags / plan.id).files if "data/" in file.path
    ]


class TestSealedBefore:
    def test_the_same_plan_takes_it_up(self, plan: BagPlan, bags: Path) -> None:
        first = seal(plan, bags)
        assert seal(plan, bags) == first
        assert load_sealed(bags / plan.id) == first.bag

    def test_files_left_out_then_are_reported_again(self, plan: BagPlan, bags: Path) -> None:
        plan.files[0].source.unlink()
        seal(plan, bags)
        (again,) = seal(plan, bags).failures
        assert again.path == "data/" + plan.files[0].path

    def test_another_plan_is_refused(self, plan: BagPlan, bags: Path) -> None:
        seal(plan, bags)
        with pytest.raises(VerificationError, match="not in the plan"):
            seal(BagPlan(plan.id, plan.files[1:], plan.info, plan.readme), bags)

    @pytest.mark.parametrize("damage", ["flip", "remove", "add", "link", "tag"])
    def test_a_damaged_bag_is_not_taken_up(self, plan: BagPlan, bags: Path, damage: str) -> None:
        seal(plan, bags)
        home = bags / plan.id
        victim = home / "data" / plan.files[0].path
        match damage:
            case "flip":
                victim.unlink()
                victim.write_bytes(b"b" * (PIECE + 17))
            case "remove":
                victim.unlink()
            case "add":
                (home / "data" / "new").write_text("x")
            case "link":
                victim.rename(bags / "elsewhere")
                victim.symlink_to(bags / "elsewhere")
            case "tag":
                (home / "README.txt").unlink()
                (home / "README.txt").write_text("y")
        with pytest.raises(VerificationError):
            load_sealed(home)


@pytest.mark.parametrize("path", ["../up.flac", "/abs", "a//b", "nul", "x\ny"])
def test_plans_with_unusable_names_are_refused(tmp_path: Path, bags: Path, path: str) -> None:
    plan = planned(tmp_path / "incoming", {"a": b"x"})
    (file,) = plan.files
    with pytest.raises(UsageError):
        seal(BagPlan(plan.id, (BagFile(file.source, path, file.sha256, 1, {}),), (), ""), bags)
    clash = BagFile(file.source, "A", file.sha256, 1, {})
    for wrong in (BagPlan(plan.id, (file, clash), (), ""), BagPlan("../x", (file,), (), "")):
        with pytest.raises(UsageError):
            seal(wrong, bags)
    with pytest.raises(UsageError, match="field"):
        seal(BagPlan(plan.id, (file,), (("a\nb", "c"),), ""), bags)
    assert list(bags.iterdir()) == []


HASH = "0" * 64


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bagit.txt", b"BagIt-Version: 0.93\nTag-File-Character-Encoding: UTF-8\n"),
        ("bagit.txt", b"\xef\xbb\xbfBagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"),
        ("bagit.txt", None),
        ("manifest-sha256.txt", None),
        ("manifest-sha256.txt", f"{HASH}  data/../../etc/passwd\n".encode()),
        ("manifest-sha256.txt", f"{HASH}  /etc/passwd\n".encode()),
        ("manifest-sha256.txt", f"{HASH}  bagit.txt\n".encode()),
        ("manifest-sha256.txt", f"{HASH}  data/a%0Ab\n".encode()),
        ("manifest-sha256.txt", f"{HASH}  data/a\n{HASH}  data/a\n".encode()),
        ("manifest-sha256.txt", f"{HASH}  data/a\n{HASH}  data/A\n".encode()),
        ("manifest-sha256.txt", f"{HASH}  data/a\n{HASH}  data/a/b\n".encode()),
        ("manifest-sha256.txt", f"{HASH[:-1]}  data/a\n".encode()),
        ("manifest-sha256.txt", f"{HASH}data/a\n".encode()),
        ("manifest-sha256.txt", f"{HASH}  data/".encode() + b"\xff\n"),
        ("tagmanifest-sha256.txt", f"{HASH}  tagmanifest-sha256.txt\n".encode()),
        ("tagmanifest-sha256.txt", f"{HASH}  data/a\n".encode()),
        ("bag-info.txt", b"no colon here\n"),
        ("bag-info.txt", b"Payload-Oxum: many\n"),
        ("bag-info.txt", b"Payload-Oxum: 1.1\nPayload-Oxum: 2.1\n"),
    ],
)
def test_hostile_tag_files_are_refused(plan: BagPlan, bags: Path, name: str, content: bytes | None) -> None:
    seal(plan, bags)
    victim = bags / plan.id / name
    victim.unlink()
    if content is not None:
        victim.write_bytes(content)
    with pytest.raises(VerificationError, match=name):
        read_bag(bags / plan.id)


def test_tag_files_are_bounded_and_never_links(
    plan: BagPlan, bags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(plan, bags)
    home = bags / plan.id
    monkeypatch.setattr("phonotheque.vault.bagfolder.MAX_ENTRIES", 2)
    with pytest.raises(VerificationError, match="more than 2"):
        read_bag(home)
    monkeypatch.setattr("phonotheque.vault.bagfolder.MAX_TAG_BYTES", 100)
    with pytest.raises(VerificationError, match="larger than 100"):
        read_bag(home)
    (home / "manifest-sha256.txt").unlink()
    (home / "manifest-sha256.txt").symlink_to("/etc/hostname")
    with pytest.raises(OSError, match="manifest") as failure:
        read_bag(home)
    assert failure.value.errno == errno.ELOOP


def test_other_line_ends_and_folded_fields_are_read(plan: BagPlan, bags: Path) -> None:
    seal(plan, bags)
    home = bags / plan.id
    expected = read_bag(home)
    for name in ("bagit.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"):
        text = (home / name).read_bytes()
        (home / name).unlink()
        (home / name).write_bytes(text.replace(b"\n", b"\r\n"))
    (home / "bag-info.txt").unlink()
    (home / "bag-info.txt").write_bytes(b"External-Description: a\n  long text\nEmpty:\n")
    found = read_bag(home)
    assert found.manifest == expected.manifest
    assert found.info == (("External-Description", "a long text"), ("Empty", ""))


def test_on_another_file_system_files_are_copied(plan: BagPlan) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == plan.files[0].source.stat().st_dev:
        pytest.skip("there is no second file system to seal on")
    home = elsewhere / f"phonotheque-test-{os.getpid()}"
    unreadable = BagFile(Path("/proc/self/mem"), "z/mem.flac", "0" * 64, 1, {})
    try:
        home.mkdir()
        result = seal(BagPlan(plan.id, (*plan.files, unreadable), plan.info, plan.readme), home)
        assert [finding.what for finding in result.failures] == ["unreadable"]
        assert all_bytes(home / plan.id / "data") == CONTENT
        assert not (home / plan.id / "data" / plan.files[0].path).samefile(plan.files[0].source)
        assert plan.files[0].source.stat().st_mode & 0o200, "a copied source keeps its mode"
    finally:
        for path in sorted(home.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        home.rmdir()
