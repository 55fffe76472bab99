"""Mirrors of a few recordings: only their files are fetched, held, shown, offered, checked and mended."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from phonotheque.cli.check import check_command
from phonotheque.cli.mirror import mirror_command
from phonotheque.cli.status import status_command
from phonotheque.ledger.holdings import HoldingState, all_holdings, bytes_held, verified_files
from phonotheque.mirrors.fetching import Fetching
from phonotheque.mirrors.holdings import expected_bags, parts_expected
from phonotheque.mirrors.home import arriving, open_mirror, replaced
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.recordings import parse_wanted, read_list
from phonotheque.mirrors.repair import repair
from phonotheque.mirrors.scrubbing import units_of
from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.vault.archive import Archive, now
from phonotheque.vault.check import check_bags
from phonotheque.vault.scrub import Budget, scrub
from tests.mirrors.mirror_publisher import (
    LOCAL,
    Publisher,
    music,
    noise,
    recording_id,
    served,
    tree,
    wait_for,
)
from tests.mirrors.mirror_runs import PACE, assert_complete, complete, mirroring, run

pytestmark = pytest.mark.ledger  # a mirror has one

SONGS = {f"Artiste é/1999 - A #{i}/{i:02d} Piste.ogg": noise(f"s{i}", 300_000 + i) for i in range(4)}
NAMES = list(SONGS)


@pytest.fixture
def songs(publisher: Publisher) -> Publisher:
    publisher.with_index = True
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1", SONGS)
    publisher.bag("audio-2", music("b", files=2))
    publisher.publish(1)
    return publisher


def wanting(mirror: Archive, wanted: Iterable[str]) -> Archive:
    """The mirror, told to hold these recordings only; whole bags for none."""
    (mirror.folder / "wanted.txt").write_text("".join(f"# a note\n{text}\n" for text in wanted))
    name = "wanted.txt" if wanted else ""
    settings = replace(mirror.settings.mirror, recordings=name)
    return replace(mirror, settings=replace(mirror.settings, mirror=settings))


def mirror_of(place: Path, origin: object, *songs: str) -> Archive:
    return wanting(open_mirror(place, str(origin)), [recording_id(song) for song in songs])


def tags(folder: Path) -> set[str]:
    return {path for path in tree(folder) if not path.startswith("data/")}


def assert_part(mirror: Archive, publisher: Publisher, *songs: str) -> None:
    """Exactly these songs and the tag files of their bag are held, recorded and shown, and check clean."""
    there, whole = tree(mirror.public / "bags" / "audio-1"), tree(publisher.public / "bags" / "audio-1")
    assert there.keys() == {f"data/{song}" for song in songs} | tags(publisher.public / "bags" / "audio-1")
    assert there.items() <= whole.items()
    with mirror.ledger.connect() as connection:
        assert all_holdings(connection)["audio-1"].state is HoldingState.PARTIAL
        recorded = verified_files(connection, "audio-1")
    assert {path: file.sha256 for path, file in recorded.items()} == {
        path: hashlib.sha256(data).hexdigest() for path, data in there.items()
    }
    checked = list(check_bags(mirror, expected_bags(mirror), parts=parts_expected(mirror)))
    assert [part.findings for part in checked] == [()] * len(checked)
    assert not (arriving(mirror) / "audio-1").exists()


def size_of(publisher: Publisher, *songs: str) -> int:
    there = tree(publisher.public / "bags" / "audio-1")
    wanted = {f"data/{song}" for song in songs} | tags(publisher.public / "bags" / "audio-1")
    return sum(len(there[path]) for path in wanted)


def test_only_what_is_listed_is_fetched_and_a_second_run_does_nothing(
    songs: Publisher, tmp_path: Path
) -> None:
    mirror = mirror_of(tmp_path / "mirror", songs.folder, NAMES[1], NAMES[3])
    result = run(mirror)
    assert (result.complete, result.partial) == ((), ("audio-1",))
    assert result.fetched == size_of(songs, NAMES[1], NAMES[3])
    assert {bag for bag, _ in result.left_out} == {"audio-2", "catalogue-1"}
    assert_part(mirror, songs, NAMES[1], NAMES[3])
    again = run(mirror)
    assert (again.partial, again.fetched) == (("audio-1",), 0)
    assert again.verified_already == result.fetched


def test_a_web_seed_is_asked_for_nothing_else(songs: Publisher, tmp_path: Path) -> None:
    with served(songs.public) as web:
        mirror = mirror_of(tmp_path / "mirror", web.url, NAMES[2])
        assert run(mirror).partial == ("audio-1",)
        asked = {path for path in web.sent if "/bags/audio-1/data/" in path}
    assert [path.rpartition("/")[2] for path in asked] == ["02 Piste.ogg"]
    assert_part(mirror, songs, NAMES[2])


def test_a_part_grows_and_becomes_whole_from_what_is_there(songs: Publisher, tmp_path: Path) -> None:
    mirror = mirror_of(tmp_path / "mirror", songs.folder, NAMES[0])
    run(mirror)
    first = (mirror.bags / "audio-1" / "data" / NAMES[0]).stat().st_mtime_ns
    mirror = wanting(mirror, ["audio-1/data/" + NAMES[2]])  # what is not listed any more stays
    assert run(mirror).fetched == len(SONGS[NAMES[2]])
    assert_part(mirror, songs, NAMES[0], NAMES[2])
    result = run(wanting(mirror, ()))
    assert result.partial == ()
    assert result.fetched == sum(bag.bytes for bag in songs.bags) - size_of(songs, NAMES[0], NAMES[2])
    assert_complete(mirror, songs, ("audio-1", "audio-2", "catalogue-1"))
    assert (mirror.bags / "audio-1" / "data" / NAMES[0]).stat().st_mtime_ns == first
    # What is whole stays so.
    assert "audio-1" in run(wanting(mirror, [recording_id(NAMES[0])])).complete


def killed_while_replaced(mirror: Archive) -> Path:
    """Leave audio-1 as a kill does between its old part's going and the new one's coming; return the old."""
    old = replaced(mirror, "audio-1")
    shutil.copytree(mirror.bags / "audio-1", arriving(mirror) / "audio-1")
    (mirror.bags / "audio-1").rename(old)
    return old


def test_a_kill_between_the_old_part_and_the_new_one_costs_nothing(songs: Publisher, tmp_path: Path) -> None:
    mirror = mirror_of(tmp_path / "mirror", songs.folder, NAMES[0])
    run(mirror)
    old = killed_while_replaced(mirror)
    (old / "notes.txt").write_text("somebody's")
    mirror = wanting(mirror, [recording_id(song) for song in NAMES[:2]])
    assert run(mirror).fetched == len(SONGS[NAMES[1]])
    assert (mirror.bags / "audio-1" / "notes.txt").read_text() == "somebody's"
    (mirror.bags / "audio-1" / "notes.txt").unlink()
    assert_part(mirror, songs, *NAMES[:2])
    # And a kill after the new one has come leaves the old one, of which nothing is needed.
    (old / "data").mkdir(parents=True)
    assert run(mirror).fetched == 0
    assert_part(mirror, songs, *NAMES[:2])
    assert not old.exists()


def test_after_such_a_kill_a_repair_puts_no_bag_into_another(songs: Publisher, tmp_path: Path) -> None:
    second = next(iter(music("b", files=2)))
    mirror = mirror_of(tmp_path / "mirror", songs.folder, NAMES[0], second)
    run(mirror)
    killed_while_replaced(mirror)
    shutil.rmtree(mirror.bags / "audio-2")
    report = repair(mirror, open_origin(str(songs.folder)), swarm=LOCAL, pace=PACE)
    assert (report.whole, report.repaired) == (True, ["audio-2"])
    there = tree(mirror.public / "bags" / "audio-2")
    assert {path for path in there if path.startswith("data/")} == {f"data/{second}"}
    assert {path for path in tree(mirror.public / "bags" / "audio-1") if path.startswith("data/")} == {
        f"data/{NAMES[0]}"
    }


def test_a_repair_brings_to_its_place_what_is_right_where_it_arrived(
    songs: Publisher, tmp_path: Path
) -> None:
    mirror = mirror_of(tmp_path / "mirror", songs.folder, NAMES[0])
    run(mirror)
    (mirror.bags / "audio-1").rename(arriving(mirror) / "audio-1")
    report = repair(mirror, open_origin(str(songs.folder)), swarm=LOCAL, pace=PACE)
    assert (report.whole, report.fetched) == (True, 0)
    assert_part(mirror, songs, NAMES[0])


def test_parts_are_given_to_others_without_a_web_seed(songs: Publisher, tmp_path: Path) -> None:
    seeder = mirror_of(tmp_path / "seeder", songs.folder, NAMES[1], NAMES[2])
    run(seeder)
    with served(songs.public, bags=False) as web, mirroring(seeder) as (ports, _):
        wait_for(lambda: ports)
        leecher = mirror_of(tmp_path / "leecher", web.url, NAMES[2])
        peers = [f"127.0.0.1:{ports[0]}"]
        result = run(leecher, peers=peers, swarm=replace(LOCAL, web_seed=False))
        assert result.partial == ("audio-1",)
        assert web.bag_bytes == 0
    assert_part(leecher, songs, NAMES[2])
    # And through its public tree: what it has not is missing there, no more.
    other = mirror_of(tmp_path / "other", seeder.folder, NAMES[1], NAMES[3])
    outcome = run(other, once=False, stop=_stopped_after_a_round(), pace=replace(PACE, stall_timeout=0.2))
    assert outcome.partial == ()
    assert "is not there" in dict(outcome.missing)["audio-1"]
    assert run(other, origin=open_origin(str(songs.folder))).fetched == len(SONGS[NAMES[3]])


def _stopped_after_a_round() -> object:
    from threading import Event

    class Once(Event):
        def wait(self, timeout: float | None = None) -> bool:
            self.set()
            return super().wait(timeout)

    return Once()


def test_damage_in_a_part_is_found_and_mended_and_nothing_else_is_fetched(
    songs: Publisher, tmp_path: Path
) -> None:
    mirror = mirror_of(tmp_path / "mirror", songs.folder, *NAMES[:2])
    run(mirror)
    bad, lost = (mirror.bags / "audio-1" / "data" / name for name in NAMES[:2])
    bad.chmod(0o644)
    bad.write_bytes(b"x" + SONGS[NAMES[0]][1:])
    lost.unlink()
    (checked,) = check_bags(mirror, expected_bags(mirror), parts=parts_expected(mirror))
    assert [(finding.what, finding.path[-12:]) for finding in checked.findings] == [
        ("damaged", "00 Piste.ogg"),
        ("missing", "01 Piste.ogg"),
    ]
    report = repair(mirror, open_origin(str(songs.folder)), swarm=LOCAL, pace=PACE)
    assert (report.repaired, report.failed, len(report.findings)) == (["audio-1"], [], 2)
    assert report.fetched == 256 * 1024 + len(SONGS[NAMES[1]])
    assert_part(mirror, songs, *NAMES[:2])
    # What is lost without anybody having looked is fetched with the next round.
    lost.unlink()
    assert run(mirror).fetched == len(SONGS[NAMES[1]])
    assert_part(mirror, songs, *NAMES[:2])


def test_a_part_does_not_forget_what_it_lost(songs: Publisher, tmp_path: Path) -> None:
    mirror = mirror_of(tmp_path / "mirror", songs.folder, *NAMES[:2])
    run(mirror)
    (mirror.bags / "audio-1" / "data" / NAMES[1]).unlink()
    shutil.copytree(songs.public, tmp_path / "empty" / "public", ignore=shutil.ignore_patterns("audio-*"))
    nobody = open_origin(str(tmp_path / "empty"))
    for _ in range(2):
        report = repair(mirror, nobody, swarm=LOCAL, pace=replace(PACE, stall_timeout=0.2))
        assert (report.whole, [finding.path for _, finding in report.findings]) == (
            False,
            [f"data/{NAMES[1]}"],
        )
        (checked,) = check_bags(mirror, expected_bags(mirror), parts=parts_expected(mirror))
        assert [(one.what, one.path) for one in checked.findings] == [("missing", f"data/{NAMES[1]}")]
        with mirror.ledger.connect() as connection:
            assert bytes_held(connection) == {"audio-1": size_of(songs, NAMES[0])}
    later = now() + timedelta(days=365)
    read = scrub(mirror, units_of(mirror, later), Budget(), clock=lambda: later)
    assert [(one.unit, one.finding.what) for one in read.wrong] == [("audio-1", "missing")]
    # It is fetched again, though it is not on the list any more.
    mirror = wanting(mirror, [recording_id(NAMES[0])])
    assert run(mirror).fetched == len(SONGS[NAMES[1]])
    assert_part(mirror, songs, *NAMES[:2])
    report = repair(mirror, nobody, swarm=LOCAL, pace=PACE)
    assert (report.whole, report.findings) == (True, [])


def test_a_part_in_which_a_file_has_rotted_grows_and_is_mended(songs: Publisher, tmp_path: Path) -> None:
    mirror = mirror_of(tmp_path / "mirror", songs.folder, NAMES[0])
    run(mirror)
    bad = mirror.bags / "audio-1" / "data" / NAMES[0]
    bad.chmod(0o644)
    bad.write_bytes(b"x" + SONGS[NAMES[0]][1:])
    result = run(wanting(mirror, [recording_id(song) for song in NAMES[:2]]))
    assert (result.partial, result.refused) == (("audio-1",), ())
    assert_part(mirror, songs, *NAMES[:2])


def test_a_bag_with_a_lost_and_a_rotten_file_is_mended(songs: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(songs.folder))
    run(mirror)
    bad, lost = (mirror.bags / "audio-1" / "data" / name for name in NAMES[:2])
    bad.chmod(0o644)
    bad.write_bytes(b"x" + SONGS[NAMES[0]][1:])
    lost.unlink()
    assert run(mirror).refused == ()
    assert_complete(mirror, songs, ("audio-1", "audio-2", "catalogue-1"))


def test_what_is_held_of_a_part_is_offered_while_more_cannot_be_had(
    songs: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = mirror_of(tmp_path / "mirror", songs.folder, NAMES[0])
    run(mirror)
    mirror = wanting(mirror, [recording_id(song) for song in NAMES[:2]])
    offered: list[tuple[list[str], dict[str, frozenset[str]]]] = []
    monkeypatch.setattr(
        Fetching, "seed", lambda _self, bags, parts: offered.append(([bag.id for bag in bags], parts))
    )
    shutil.rmtree(songs.public / "bags")
    pace = replace(PACE, stall_timeout=0.2)
    result = run(mirror, once=False, stop=_stopped_after_a_round(), pace=pace)
    assert (result.partial, [bag for bag, _ in result.missing]) == (("audio-1",), ["audio-1"])
    with mirror.ledger.connect() as connection:
        held = frozenset(verified_files(connection, "audio-1"))
    assert offered[-1] == (["audio-1"], {"audio-1": held})
    assert f"data/{NAMES[0]}" in held
    assert f"data/{NAMES[1]}" not in held


def test_what_is_withdrawn_goes_from_a_part_and_the_rest_moves_to_what_replaces_it(
    songs: Publisher, tmp_path: Path
) -> None:
    mirror = mirror_of(tmp_path / "mirror", songs.folder, *NAMES[:3])
    run(mirror)
    songs.revise("audio-1", NAMES[1], edition=2)
    songs.publish(2)
    result = run(mirror)
    assert (result.partial, result.erased_files) == (("audio-1-r2",), 1 + 6)
    assert result.reused == len(SONGS[NAMES[0]]) + len(SONGS[NAMES[2]])
    there = tree(mirror.public / "bags" / "audio-1-r2")
    assert {path for path in there if path.startswith("data/")} == {
        f"data/{NAMES[0]}",
        f"data/{NAMES[2]}",
    }
    assert not (mirror.bags / "audio-1").exists()
    assert SONGS[NAMES[1]] not in tree(mirror.folder).values()


def test_the_budget_holds_and_smaller_parts_come_first(songs: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(songs.folder))
    mirror = wanting(mirror, ["catalogue-1/data/catalogue.parquet", recording_id(NAMES[0])])
    result = run(mirror, budget=100_000)
    assert result.complete == ("catalogue-1",)
    assert "needs" in dict(result.left_out)["audio-1"]


def test_what_no_bag_has_is_said(songs: Publisher, tmp_path: Path) -> None:
    from tests.mirrors.mirror_runs import Told

    said: list[str] = []
    mirror = mirror_of(tmp_path / "mirror", songs.folder, NAMES[0], "nothing of the kind")
    assert run(mirror, progress=Told(said.append)).partial == ("audio-1",)
    assert f"{recording_id('nothing of the kind')} is not in edition 1." in said
    (mirror.folder / "wanted.txt").unlink()
    with pytest.raises(NotFoundError, match=r"wanted\.txt"):
        run(mirror)
    assert complete(mirror) == set()


def test_a_keeper_is_told_of_parts_and_the_list_is_kept(songs: Publisher, tmp_path: Path) -> None:
    wanted, folder = tmp_path / "wanted.txt", tmp_path / "mirror"
    wanted.write_text(recording_id(NAMES[0]))

    def mirrored(*words: str) -> Result:
        quiet = ("--budget", "1GB", "--once", "--listen", "127.0.0.1:0", "--no-discovery")
        done = CliRunner().invoke(mirror_command, [str(songs.folder), str(folder), *quiet, *words])
        assert isinstance(done.exception, SystemExit | PhonothequeError | None), done.exception
        return done

    assert "holds 0 bags and parts of 1 of edition 1" in mirrored("--recordings", str(wanted)).stdout
    wanted.write_text("\n".join(map(recording_id, NAMES[:2])))
    assert json.loads(mirrored("--json").stdout)["fetched"] == len(SONGS[NAMES[1]])
    told = CliRunner().invoke(status_command, [str(folder)])
    assert "0 bags and parts of 1, 60" in told.stdout
    checked = CliRunner().invoke(check_command, [str(folder)])
    assert (checked.exit_code, "all as it should be" in checked.stdout) == (0, True)
    assert "say different things" in str(mirrored("--recordings", str(wanted), "--whole-bags").exception)
    wanted.write_text("no recording")
    assert "wanted.txt" in str(mirrored().exception)
    assert "holds 3 bags of edition 1" in mirrored("--whole-bags").stdout
    assert "holds 3 bags of edition 1" in mirrored().stdout


def test_lists_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(
        b"\xef\xbb\xbf# mine\r\n" + recording_id("a").upper().encode() + b" # a note\r\n\r\n" + b"ab" * 32
    )
    wanted = read_list(path)
    assert wanted.recordings == frozenset({recording_id("a")})
    assert wanted.hashes == frozenset({"ab" * 32})
    assert parse_wanted(["songs-1/data/A/b.flac"]).files == frozenset({("songs-1", "data/A/b.flac")})
    for wrong in (b"songs-1/bagit.txt", b"../data/x", b"data/x", b"a/data/../../x", b"\xff"):
        path.write_bytes(wrong)
        with pytest.raises(UsageError, match=r"list\.txt"):
            read_list(path)
