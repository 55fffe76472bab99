"""phono jobs: what is shown of jobs that run, ended, failed and were killed; and trying again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import event, update

from phonotheque.jobs.tracking import track
from phonotheque.ledger.jobs import Outcome, open_items, settle_items
from phonotheque.ledger.schema import job_items, jobs
from phonotheque.model.errors import PhonothequeError
from phonotheque.sources import beside, spread
from phonotheque.sources.intake import AddOptions, add_folder
from phonotheque.sources.spread import take_in_batch
from phonotheque.sources.take_in import TakeIn
from phonotheque.vault.archive import Archive, now, open_archive, timestamp
from tests.cli.conftest import Phono
from tests.conftest import MakeArchive
from tests.sources.looking import ways_of
from tests.tones import wav


def clock() -> str:
    return timestamp(now())


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for number in range(3):
        wav(tmp_path / "music" / f"{number}.wav", number)
    return tmp_path / "music"


@contextmanager
def running(archive: Archive, **options: Any) -> Iterator[Any]:
    with track(archive.ledger, "add", "Music", clock=clock, **options) as job:
        yield job


def only(phono: Phono, archive: Archive) -> Any:
    (job,) = phono("jobs", archive.folder, "--json").data["jobs"]
    return job


def test_before_anything_ran(phono: Phono, archive: Archive) -> None:
    ran = phono("jobs", archive.folder)
    assert (ran.code, ran.out) == (0, "")
    assert "Nothing has run" in ran.err
    assert phono("jobs", archive.folder, "--json").data == {"jobs": [], "items": [], "given_up": []}
    assert "nothing that had failed" in phono("jobs", "retry", archive.folder).out


def test_a_job_that_runs_shows_how_far_it_is(phono: Phono, archive: Archive) -> None:
    with running(archive, cluster="tcp://head:1") as job:
        job.start("Adding", total_files=0, total_bytes=0)
        job.grow(files=40, size=4000)
        job.advance(files=10, size=1000)
        job.note()
        shown = only(phono, archive)
        text = phono("jobs", archive.folder).out
    assert shown["state"] == "running"
    assert (shown["files"], shown["of_files"], shown["bytes"]) == (10, 40, 1000)
    assert (shown["pid"], shown["cluster"]) == (os.getpid(), "tcp://head:1")
    assert "add Music: Adding, 10 of 40 files" in text
    assert "workers of tcp://head:1" in text
    assert only(phono, archive)["state"] == "done"


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (KeyboardInterrupt(), "interrupted", "run it again to go on"),
        (PhonothequeError("The disk has gone.", "Find it."), "failed", "The disk has gone."),
        (OSError(28, "No space left on device"), "failed", "No space left on device"),
    ],
)
def test_how_a_job_ended_is_told(
    phono: Phono, archive: Archive, error: BaseException, state: str, said: str
) -> None:
    with pytest.raises(type(error)), running(archive):
        raise error
    assert only(phono, archive)["state"] == state
    assert said in phono("jobs", archive.folder).out


_KILLED = """
import sys
from pathlib import Path
from phonotheque.jobs.tracking import track
from phonotheque.vault.archive import open_archive
with track(open_archive(Path(sys.argv[1])).ledger, "add", "Music", clock=lambda: "2026-11-26T00:00:00Z"):
    print("running", flush=True)
    sys.stdin.read()
"""


def test_a_job_whose_process_was_killed_is_interrupted(phono: Phono, archive: Archive) -> None:
    run = [sys.executable, "-c", _KILLED, os.fspath(archive.folder)]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        assert only(phono, archive)["state"] == "running"
        process.send_signal(signal.SIGKILL)
    assert only(phono, archive)["state"] == "interrupted"
    assert "interrupted some time after 2026-11-26T00:00:00Z" in phono("jobs", archive.folder).out


def test_a_job_of_another_process_with_that_number_is_interrupted(phono: Phono, archive: Archive) -> None:
    with running(archive):
        with archive.ledger.begin() as ledger:
            ledger.execute(update(jobs).values(process="another boot 17"))
        assert only(phono, archive)["state"] == "interrupted"


def test_a_job_elsewhere_that_says_nothing_for_long_is_silent(phono: Phono, archive: Archive) -> None:
    with running(archive):
        with archive.ledger.begin() as ledger:
            ledger.execute(update(jobs).values(host="elsewhere"))
        assert only(phono, archive)["state"] == "running"
        with archive.ledger.begin() as ledger:
            ledger.execute(update(jobs).values(seen_at="2020-01-01T00:00:00Z"))
        assert only(phono, archive)["state"] == "silent"
        assert "no news since 2020" in phono("jobs", archive.folder).out


def poisoned(batch: list[TakeIn]) -> list[pa.RecordBatch]:
    """Take files in, but one of a certain name, which kills the process that reads it."""
    if any(task.found.relative == "poison.wav" for task in batch):
        os._exit(3)
    return take_in_batch(batch)


def test_what_was_set_aside_is_shown_and_can_be_tried_again(
    phono: Phono, make_archive: MakeArchive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(mandate="Tests keep everything.")
    wav(music / "poison.wav", 9)
    with monkeypatch.context() as patched:
        patched.setattr(spread, "take_in_batch", poisoned)
        assert phono("add", archive.folder, music, "--workers", 1).code == 0
        (item,) = phono("jobs", archive.folder, "--json").data["items"]
        assert (item["item"], item["outcome"], item["attempts"]) == (
            str(music / "poison.wav"),
            "set aside",
            2,
        )
        assert "it ended by itself, with status 3" in item["reason"]
        again = phono("jobs", "retry", archive.folder)
        assert again.code == 1
        assert "set aside in job 2 after 4 attempts" in again.out
        assert phono("add", archive.folder, music).code == 0  # as it was last time: not tried
        assert ways_of(archive) == {"held": 3, "unsafe": 1}
    done = phono("jobs", "retry", archive.folder, 2, "--json")
    assert (done.code, done.data) == (0, {"tried": 1, "done": 1, "items": [], "errors": []})
    assert ways_of(archive) == {"held": 4}
    shown = phono("jobs", archive.folder, "--json").data
    assert shown["items"] == []
    assert [job["kind"] for job in shown["jobs"]] == ["add"] * 4


def test_a_file_that_was_tried_again_by_chance_is_settled(archive: Archive, music: Path) -> None:
    with running(archive) as job, archive.ledger.begin() as ledger:
        job.failed(ledger, os.fsencode(music / "1.wav"), Outcome.FAILED, "Input/output error", 1)
        job.failed(ledger, os.fsencode(music / "absent.wav"), Outcome.FAILED, "Input/output error", 1)
    with running(archive) as job:
        add_folder(archive, music, AddOptions(workers=1), job, job)
    with archive.ledger.connect() as ledger:
        assert [item.item for item in open_items(ledger)] == [os.fsencode(music / "absent.wav")]
        assert (
            ledger.execute(job_items.select().order_by(job_items.c.id)).fetchall()[0].settled_at is not None
        )


def test_a_job_that_did_not_end_well_is_done_again(phono: Phono, archive: Archive, music: Path) -> None:
    options = {"folders": [str(music)], "plain": True, "how": "copy", "loudness": False, "workers": 1}
    with pytest.raises(KeyboardInterrupt), running(archive, options=options):
        raise KeyboardInterrupt
    assert phono("jobs", "retry", archive.folder, 1).code == 0
    assert ways_of(archive) == {"held": 3}


def test_what_an_interrupted_job_had_set_aside_is_tried_again(
    phono: Phono, archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav(music / "poison.wav", 9)
    with monkeypatch.context() as patched:
        patched.setattr(spread, "take_in_batch", poisoned)
        assert phono("add", archive.folder, music, "--workers", 1).code == 0
    with archive.ledger.begin() as ledger:
        ledger.execute(update(jobs).values(state="interrupted"))
    (music / "0.wav").rename(music / "another.wav")  # what the job did not come to
    done = phono("jobs", "retry", archive.folder, "--json")
    assert (done.code, done.data["tried"], done.data["done"]) == (0, 1, 1)
    assert ways_of(archive) == {"held": 5}


@pytest.mark.parametrize("state", ["done", "interrupted"])
def test_what_is_not_there_any_more_is_not_called_done(
    phono: Phono, archive: Archive, music: Path, tmp_path: Path, state: str
) -> None:
    options = {"folders": [str(music)], "plain": True, "how": "move", "workers": 1}
    with running(archive, options=options) as job, archive.ledger.begin() as ledger:
        for name in ("1.wav", "2.wav"):
            job.failed(ledger, os.fsencode(music / name), Outcome.FAILED, "Input/output error", 1)
    with archive.ledger.begin() as ledger:
        ledger.execute(update(jobs).values(state=state))
    music.rename(tmp_path / "elsewhere")
    music.mkdir()  # such as a mount point with nothing on it
    ran = phono("jobs", "retry", archive.folder)
    assert (ran.code, "Tried 2 items again: 0 done" in ran.out) == (1, True)
    assert "1.wav: failed in job " in ran.out
    assert "not there any more" in ran.out
    music.rmdir()
    (tmp_path / "elsewhere").rename(music)
    done = phono("jobs", "retry", archive.folder, "--json")
    assert (done.code, done.data["done"], done.data["items"]) == (0, 2, [])


def failing_at(archive: Archive, music: Path, *names: str) -> None:
    options = {"folders": [str(music)], "plain": True, "how": "copy", "workers": 1}
    with running(archive, options=options) as job, archive.ledger.begin() as ledger:
        for name in names:
            job.failed(ledger, os.fsencode(music / name), Outcome.FAILED, "Input/output error", 1)


def test_what_was_deleted_is_given_up_and_asked_for_no_more(
    phono: Phono, archive: Archive, music: Path
) -> None:
    failing_at(archive, music, "1.wav", "deleted.wav", os.fsdecode(b"deep/\xff.wav"))
    given = phono("jobs", "give-up", archive.folder, "--gone", "--json")
    assert given.code == 0
    assert [Path(item["item"]).name for item in given.data["given_up"]] == ["deleted.wav", "\\xff.wav"]
    assert given.data["left"] == 1
    shown = phono("jobs", archive.folder, "--json").data
    assert [Path(item["item"]).name for item in shown["items"]] == ["1.wav"]
    (first, _) = shown["given_up"]
    assert (first["outcome"], first["reason"], first["attempts"]) == ("given up", "not there any more", 1)
    assert first["at"] >= shown["jobs"][0]["started_at"]
    assert "2 items given up" in phono("jobs", archive.folder).err
    done = phono("jobs", "retry", archive.folder, "--json")
    assert (done.code, done.data["tried"], done.data["done"]) == (0, 1, 1)
    with archive.ledger.connect() as ledger:  # that it failed stays on record, too
        rows = ledger.execute(job_items.select().order_by(job_items.c.id)).fetchall()
    assert [row.outcome for row in rows] == ["failed", "failed", "failed", "given up", "given up"]
    assert all(row.settled_at for row in rows)


def test_what_is_named_is_given_up_until_it_fails_again(
    phono: Phono, archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_at(archive, music, "0.wav", "1.wav", "2.wav")
    monkeypatch.chdir(music)
    given = phono(
        "jobs", "give-up", archive.folder, "0.wav", music / "2.wav", "--reason", "We have it on tape."
    )
    assert (given.code, "Given up: 2 items; 1 to try again." in given.out) == (0, True)
    with archive.ledger.connect() as ledger:
        assert [item.item for item in open_items(ledger)] == [os.fsencode(music / "1.wav")]
    failing_at(archive, music, "2.wav")
    shown = phono("jobs", archive.folder, "--json").data
    assert [(Path(item["item"]).name, item["attempts"]) for item in shown["items"]] == [
        ("1.wav", 1),
        ("2.wav", 2),
    ]
    assert {item["reason"] for item in shown["given_up"]} == {"We have it on tape."}


def test_nothing_is_given_up_that_was_not_meant(phono: Phono, archive: Archive, music: Path) -> None:
    failing_at(archive, music, "0.wav", "1.wav")
    give_up = ("jobs", "give-up", archive.folder)
    assert phono(*give_up).code == 2
    assert phono(*give_up, "--gone", "0.wav").code == 2
    ran = phono(*give_up, music / "0.wav", music / "other.wav")
    assert (ran.code, "other.wav is nothing that failed" in ran.err) == (3, True)
    assert "Given up: 0 items; 2 to try again." in phono(*give_up, "--gone").out
    away = music.rename(music.parent / "away")
    for _ in range(2):
        ran = phono(*give_up, "--gone")
        assert (ran.code, "perhaps a disk is not mounted" in ran.err) == (1, True)
        music.mkdir(exist_ok=True)  # as a mount point with nothing on it
    music.rmdir()
    away.rename(music)
    with archive.ledger.connect() as ledger:
        assert len(open_items(ledger)) == 2


def test_a_disk_below_the_added_folder_that_is_not_mounted_is_not_believed_gone(
    phono: Phono, archive: Archive, music: Path
) -> None:
    failing_at(archive, music, "disk2/a/1.wav", "deleted.wav")
    (music / "disk2").mkdir()  # its mount point; other music lies beside it
    ran = phono("jobs", "give-up", archive.folder, "--gone")
    assert (ran.code, f"{music / 'disk2'} holds nothing at all" in ran.err) == (1, True)
    with archive.ledger.connect() as ledger:
        assert len(open_items(ledger)) == 2
    (music / "disk2").rmdir()
    (music / "disk2").symlink_to(music.parent / "unplugged")
    ran = phono("jobs", "give-up", archive.folder, "--gone")
    assert (ran.code, "perhaps a disk is not mounted" in ran.err) == (1, True)
    (music / "disk2").unlink()
    (music / "disk2").mkdir()
    (music / "disk2" / "other.wav").write_bytes(b"")  # it is mounted
    given = phono("jobs", "give-up", archive.folder, "--gone", "--json")
    assert (given.code, len(given.data["given_up"]), given.data["left"]) == (0, 2, 0)


def test_a_folder_whose_name_is_no_utf_8_is_added_and_tried_again(
    phono: Phono, archive: Archive, music: Path, tmp_path: Path
) -> None:
    strange = tmp_path / os.fsdecode(b"Bj\xf6rk")
    music.rename(strange)
    assert phono("add", archive.folder, strange, "--workers", 1).code == 0
    (shown,) = phono("jobs", archive.folder, "--json").data["jobs"]
    assert shown["what"].endswith("Bj\\xf6rk")
    with archive.ledger.begin() as ledger:
        ledger.execute(update(jobs).values(state="interrupted"))
    wav(strange / "more.wav", 7)
    assert phono("jobs", "retry", archive.folder, shown["id"]).code == 0
    assert ways_of(archive) == {"held": 4}


def test_a_job_that_cannot_be_done_again_does_not_keep_others_from_it(
    phono: Phono, archive: Archive, music: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    for folder in (music, gone):  # the last is tried first
        options = {"folders": [str(folder)], "plain": True}
        with running(archive, options=options) as job, archive.ledger.begin() as ledger:
            job.failed(ledger, os.fsencode(folder / "1.wav"), Outcome.FAILED, "Input/output error", 1)
    ran = phono("jobs", "retry", archive.folder, "--json")
    assert (ran.code, ran.data["tried"], ran.data["done"]) == (1, 2, 1)
    assert [(error["job"], str(gone) in error["message"]) for error in ran.data["errors"]] == [(2, True)]
    assert f"{gone} is not a folder" in ran.err
    assert ways_of(archive) == {"held": 1}


def test_trying_a_file_again_looks_only_into_the_folders_it_lies_in(
    phono: Phono, archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav(music / "deep" / "down" / "failed.wav", 4)
    wav(music / "deep" / "aside" / "other.wav", 5)
    options = {"folders": [str(music)], "plain": True}
    with running(archive, options=options) as job, archive.ledger.begin() as ledger:
        failed = os.fsencode(music / "deep" / "down" / "failed.wav")
        job.failed(ledger, failed, Outcome.FAILED, "Input/output error", 1)
    looked_into = []

    def survey(folder: bytes, *rest: Any) -> Any:
        looked_into.append(Path(os.fsdecode(folder)))
        return beside.survey(folder, *rest)

    monkeypatch.setattr("phonotheque.sources.folder.survey", survey)
    assert phono("jobs", "retry", archive.folder).code == 0
    assert looked_into == [music, music / "deep", music / "deep" / "down"]
    assert ways_of(archive) == {"held": 1}


def test_that_the_ledger_cannot_be_told_how_a_job_ended_does_not_hide_why(archive: Archive) -> None:
    def lost(_connection: object) -> None:
        raise PhonothequeError("The archive's lock was lost.")

    def interrupted() -> None:
        with running(archive):
            event.listen(archive.ledger, "begin", lost)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as ended:
        interrupted()
    event.remove(archive.ledger, "begin", lost)
    assert "lock was lost" in ended.value.__notes__[0]


def test_more_items_are_settled_than_a_statement_has_parameters(archive: Archive) -> None:
    with running(archive) as job, archive.ledger.begin() as ledger:
        job.failed(ledger, b"250000", Outcome.FAILED, "Input/output error", 1)
        settle_items(ledger, (b"%d" % number for number in range(250_001)), at=clock())
        assert open_items(ledger) == []


def test_what_cannot_be_tried_again_is_said(phono: Phono, archive: Archive) -> None:
    ran = phono("jobs", "retry", archive.folder, 7)
    assert (ran.code, "There is no job 7" in ran.err) == (3, True)
    with running(archive) as job:
        ran = phono("jobs", "retry", archive.folder, job.id)
    assert (ran.code, f"Job {job.id} runs" in ran.err) == (1, True)
    with pytest.raises(KeyboardInterrupt), running(archive):
        raise KeyboardInterrupt
    ran = phono("jobs", "retry", archive.folder, 2)
    assert (ran.code, "phono add" in ran.err) == (2, True)


def test_the_cluster_is_a_setting_that_an_option_overrides(
    phono: Phono, archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phonotheque.jobs.cluster._PATIENCE", 0.2)
    with (archive.folder / "phonotheque.toml").open("a") as settings:
        settings.write('[jobs]\ncluster = "tcp://127.0.0.1:9"\n')
    assert open_archive(archive.folder).settings.jobs.cluster == "tcp://127.0.0.1:9"
    ran = phono("add", archive.folder, music)
    assert (ran.code, "tcp://127.0.0.1:9 does not answer" in ran.err) == (5, True)
    (failed,) = phono("jobs", archive.folder, "--json").data["jobs"]
    assert (failed["state"], failed["cluster"]) == ("failed", "tcp://127.0.0.1:9")
    assert phono("add", archive.folder, music, "--cluster", "", "--workers", 1).code == 0
