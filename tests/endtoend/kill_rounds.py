"""Rounds of ``kill -9``: a command is killed at random moments, and everything acknowledged is checked.

Then it is run to its end, and must have come to what a run without kills comes to.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.endtoend.commands import (
    DATE,
    LOOPBACK,
    PATIENCE,
    STEPPING,
    findings,
    kill_session,
    phono,
    session_members,
    start,
    wait_for,
)
from tests.endtoend.final_states import differences, mirrored, published, taken_in, tree
from tests.endtoend.promises import broken
from tests.endtoend.small_music import write_album, write_unwanted
from tests.endtoend.stepping import SAYS
from tests.postgresql import copy_tree

EPOCH = {"SOURCE_DATE_EPOCH": "1795256100"}  # DATE: what is made at the same moment can be equal
COMMANDS = ("add", "publish", "mirror")
_ENDING = 20.0  # seconds in which workers must end by themselves when only their parent was killed


@dataclass(slots=True)
class Bases:
    """What rounds start from, made by runs without kills, and what those came to. Each ``base`` is copied."""

    folder: Path
    url: str = ""  # where the last base's public tree is served
    expected: dict[str, Mapping[str, object]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # from the lock to the end, without kills
    steps: dict[str, int] = field(default_factory=dict)  # that change the disk, of the command's own process
    room: dict[str, int] = field(default_factory=dict)  # of these, those that need room on it

    def base(self, command: str) -> Path:
        """The folder with ``archive`` and ``music`` in which a command is to be run."""
        return self.folder / command


@dataclass(slots=True)
class Round:
    """What happened in one round."""

    command: str
    variant: str
    kills: list[str] = field(default_factory=list)
    survived: int = 0  # kills that came too late
    seconds: float = 0.0


def make_bases(folder: Path) -> Bases:
    """Make a published archive with more music waiting, and run add, publish and mirror on it in turn."""
    bases = Bases(folder)
    place = bases.base("add")
    write_album(place / "music" / "first", "The First", tracks=2, seed=1)
    archive = place / "archive"
    phono("init", archive, "--name", "Kills", "--mandate", "Tests may keep what they make.", env=EPOCH)
    _limit_bags(archive)
    phono("add", archive, place / "music" / "first", env=EPOCH)
    phono("publish", archive, "--date", "2026-11-20", env=EPOCH)
    first = write_album(place / "music" / "more", "The Second", tracks=5, seed=2)
    again = place / "music" / "more" / "Copies"
    again.mkdir()
    shutil.copy(place / "music" / "first" / "The First" / "01 Étude 1.flac", again)  # in a bag already
    shutil.copy(first[0], again)
    write_unwanted(place / "music" / "more")
    for command, following in zip(COMMANDS, (*COMMANDS[1:], "done"), strict=True):
        copied = bases.base(following)
        copy_tree(bases.base(command), copied)
        words = words_of(command, copied, copied / "archive")
        with start(*words, env=EPOCH, program=(STEPPING, "count")) as process:
            wait_for_lock(process, changing(command, copied))
            locked = time.monotonic()
            _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        bases.seconds[command] = time.monotonic() - locked
        bases.steps[command], bases.room[command] = map(int, err.rpartition(SAYS)[2].split())
        bases.expected[command] = state(command, copied)
    return bases


def run_round(bases: Bases, seed: str, command: str, *, step: int | None = None) -> Round:
    """Kill ``command`` one to three times, check, let it end, and compare. Raises AssertionError in words.

    ``step`` kills it once, before that step.
    """
    chance = random.Random(seed)
    place = bases.folder / "round"
    shutil.rmtree(place, ignore_errors=True)
    copy_tree(bases.base(command), place)
    variant = chance.choice(_VARIANTS[command])
    origin = bases.url if variant == "web" else place / "archive"
    words = words_of(command, place, origin, variant)
    done = Round(command, variant)
    began = time.monotonic()
    try:
        for _ in range(1 if step else chance.choice((1, 1, 2, 3))):
            if step or chance.random() < 0.5:
                at = step or chance.randint(1, bases.steps[command])
                killed = _kill_at_step(done, words, at)
            else:
                killed = _kill_at_moment(bases, chance, done, words, place)
            if not killed:
                break
            _check_promises(command, place, bases)
        phono(*words, env=EPOCH)
        _check_end(command, place, bases, variant)
    except AssertionError as error:
        error.add_note(f"seed {seed!r}: phono {' '.join(map(str, words))}; kills: {', '.join(done.kills)}")
        raise
    done.seconds = time.monotonic() - began
    return done


_VARIANTS = {"add": ("copy", "copy", "move"), "publish": ("all",), "mirror": ("folder", "web")}


def words_of(command: str, place: Path, origin: object, variant: str = "") -> tuple[object, ...]:
    """Return a command that is run in a copy of its base."""
    match command:
        case "add":
            return (command, place / "archive", place / "music" / "more", *(["--move"] * (variant == "move")))
        case "publish":
            return (command, place / "archive", "--date", DATE)
        case _:
            return (command, origin, place / "mirror", "--budget", "1GB", "--once", *LOOPBACK)


def changing(command: str, place: Path) -> Path:
    """Return the archive or mirror that a command changes."""
    return place / ("mirror" if command == "mirror" else "archive")


def _kill_at_step(done: Round, words: Sequence[object], step: int) -> bool:
    """Run the command until it kills itself before a step; False if it has not so many."""
    with start(*words, env=EPOCH, program=(STEPPING, f"kill:{step}")) as process:
        process.wait()
        killed = _ended(process, done)
    if killed:
        done.kills.append(f"before step {step}")
    return killed


def _kill_at_moment(
    bases: Bases, chance: random.Random, done: Round, words: Sequence[object], place: Path
) -> bool:
    """Run the command and kill it at any moment of its life; False if it had ended before."""
    whole_tree = chance.random() < 0.7  # else its parent alone: the others must notice by themselves
    from_start = chance.random() < 0.2
    delay = chance.uniform(0, bases.seconds[done.command])
    with start(*words, env=EPOCH) as process:
        if not from_start:
            wait_for_lock(process, changing(done.command, place))
        began = time.monotonic()
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        lasted = time.monotonic() - began
        if whole_tree:
            kill_session(process.pid)
        killed = _ended(process, done)
    if killed:
        who = "all" if whole_tree else "parent"
        done.kills.append(f"{who} {delay:.3f} s after {'the start' if from_start else 'the lock'}")
    elif not from_start:  # the machine is quicker than it was
        bases.seconds[done.command] = (bases.seconds[done.command] + lasted) / 2
    return killed


def _ended(process: subprocess.Popen[str], done: Round) -> bool:
    """See that no process of the command is left; return whether it was killed."""
    wait_for(lambda: not session_members(process.pid), "workers end with their parent", _ENDING)
    _, err = process.communicate()
    assert "Traceback" not in err, err
    if process.returncode == -signal.SIGKILL:
        return True
    assert process.returncode == 0, err
    done.survived += 1
    return False


def wait_for_lock(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until a command has the lock of what it changes, or has ended."""
    lock = folder / ".lock"

    def taken() -> bool:
        if process.poll() is not None:
            return True
        return lock.exists() and f"process {process.pid})" in lock.read_text(encoding="utf-8")

    wait_for(taken, f"{lock} taken")


def _check_promises(command: str, place: Path, bases: Bases) -> None:
    """After a kill: nothing acknowledged is lost, here or where it came from."""
    folder = changing(command, place)
    _none(broken(folder))
    _check(folder, only_extra=True)
    if command == "mirror":
        assert tree(place / "archive") == tree(bases.base(command) / "archive")
    if command == "add":
        _nothing_vanished(place, bases.base(command))


def _check(folder: Path, *, only_extra: bool) -> None:
    if (folder / "phonotheque.toml").exists():
        _none([wrong for wrong in findings(folder) if not only_extra or wrong["what"] != "extra"])


def _nothing_vanished(place: Path, base: Path) -> None:
    """Every byte that was given is still given, or in the archive."""
    given = set(tree(base / "music").values())
    kept = set(tree(place / "music").values()) | set(tree(place / "archive" / "vault").values())
    assert given <= kept


def _check_end(command: str, place: Path, bases: Bases, variant: str) -> None:
    folder = changing(command, place)
    _none(broken(folder))
    _check(folder, only_extra=False)
    _none(differences(state(command, place), bases.expected[command]))
    if variant == "move":
        held = set(tree(place / "archive" / "vault").values())
        left = {path for path, digest in tree(place / "music" / "more").items() if digest in held}
        assert left == set(), "held, and not moved"


def state(command: str, place: Path) -> Mapping[str, object]:
    """Return what a command has come to."""
    find: Callable[[], Mapping[str, object]] = {
        "add": lambda: taken_in(place / "archive"),
        "publish": lambda: published(place / "archive"),
        "mirror": lambda: mirrored(place / "mirror"),
    }[command]
    return find()


def _none(wrong: Sequence[object]) -> None:
    assert not wrong, "\n".join(map(str, wrong))  # said in full, also where pytest does not help


def _limit_bags(archive: Path) -> None:
    """Let there be several bags."""
    settings = archive / "phonotheque.toml"
    text = settings.read_text(encoding="utf-8")
    assert "bag_files = 5000" in text
    settings.write_text(text.replace("bag_files = 5000", "bag_files = 3"), encoding="utf-8")
