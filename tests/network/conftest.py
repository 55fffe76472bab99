from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from phonotheque.cli.demo.encoding import FLAC
from tests.endtoend.commands import phono
from tests.endtoend.promises import sha256
from tests.endtoend.small_music import write_album
from tests.network.lab import Lab, network, run, why_not
from tests.network.parties import Mirror, Publisher, Tracker, World, copied
from tests.tools import client

NAMES = ("one", "two", "three", "four", "five")
_SMALL = 3_000_000  # bytes of a disk
_SMALLER = {"four": 0.7, "five": 0.45}  # of what everything takes


@dataclass
class Ground:
    """What scenarios begin with. ``archive`` is at edition 2 and has taken in more, ``second``, since.

    Edition 2 withdraws the song with the SHA-256 ``gone``, and lists another bag instead of ``withdrawn``.
    """

    folder: Path
    archive: Path
    second: list[str]  # SHA-256
    songs: list[str]  # SHA-256, of edition 2
    gone: str
    withdrawn: dict[str, Any]
    budgets: dict[str, str]


@dataclass
class Converged:
    """What the mirrors had come to when all of them had all that fits; ``steps`` that one of them took."""

    folder: Path
    fetched: int = 0  # bytes, all of them together
    sent: int = 0  # by the mirrors' machines, whatever it was
    steps: int = 0
    complete: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own, in memory."""

    folder: Path

    def grow(self, size: int) -> None:
        """Give it so many bytes."""
        run("mount", "-o", f"remount,size={size}", str(self.folder))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk that is too small for what the archive publishes."""
    disk = SmallDisk(tmp_path / "disk")
    disk.folder.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={_SMALL},mode=755", "tmpfs", str(disk.folder))
    try:
        yield disk
    finally:
        run("umount", str(disk.folder))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    if reason := why_not():
        if os.environ.get("TESTS_MUST_RUN") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with network(("publisher", "tracker", *NAMES, "stranger")) as made:
        yield made


@pytest.fixture(scope="session")
def tracker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    folder = tmp_path_factory.mktemp("tracker") / "lists"
    tracker = Tracker(lab.hosts["tracker"], folder, client("opentracker", must=True))
    try:
        tracker.start()
        yield tracker
    finally:
        tracker.end()


@pytest.fixture(scope="session")
def ground(lab: Lab, tracker: Tracker, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Make an archive that has published twice, and taken something back."""
    folder = tmp_path_factory.mktemp("ground")
    publisher = Publisher(lab.hosts["publisher"], folder / "archive")
    phono("init", publisher.archive, "--name", "On a network", "--mandate", "Tests keep what they make.")
    settings = publisher.archive / "phonotheque.toml"
    text = settings.read_text(encoding="utf-8")
    for before, after in (
        ("bag_files = 5000", "bag_files = 3"),
        ("trackers = []", f'trackers = ["{tracker.announce}"]'),
        ('url = ""', f'url = "{publisher.url}"'),
    ):
        assert before in text
        text = text.replace(before, after, 1)
    settings.write_text(text, encoding="utf-8")
    songs = [sha256(path) for path in write_album(folder / "music", "The First", forms=(FLAC,), tracks=9)]
    phono("add", publisher.archive, folder / "music")
    publisher.publish()
    first = publisher.bags
    world = World(lab, publisher, tracker, [], lab.hosts["stranger"])
    world.withdraw(songs[0])
    more = write_album(folder / "more", "The Second", forms=(FLAC,), tracks=3, seed=2)
    phono("add", publisher.archive, folder / "more")
    bags = publisher.bags
    assert world.withdrawn
    needed = sum(bag["bytes"] for bag in bags.values())
    budgets = dict.fromkeys(NAMES, "1GB") | {
        name: str(int(needed * share)) for name, share in _SMALLER.items()
    }
    withdrawn = {name: bag for name, bag in first.items() if name not in bags}
    return Ground(
        folder, publisher.archive, [sha256(path) for path in more], songs[1:], songs[0], withdrawn, budgets
    )


def make_world(ground: Ground, lab: Lab, tracker: Tracker, place: Path) -> World:
    """Everybody as they are before any mirror has anything; the publisher serves."""
    publisher = Publisher(lab.hosts["publisher"], copied(ground.archive, place / "archive"))
    mirrors = [
        Mirror(lab.hosts[name], publisher.url, place / name, budget=ground.budgets[name]) for name in NAMES
    ]
    world = World(lab, publisher, tracker, mirrors, lab.hosts["stranger"], dict(ground.withdrawn))
    tracker.know(publisher.bags)
    publisher.serve()
    return world


@pytest.fixture(scope="session")
def converged(
    ground: Ground, lab: Lab, tracker: Tracker, tmp_path_factory: pytest.TempPathFactory
) -> Converged:
    """Let five mirrors with different budgets begin at the same moment, until they have all that fits."""
    place = tmp_path_factory.mktemp("converged")
    world = make_world(ground, lab, tracker, place)
    done = Converged(place)
    try:
        lab.slow(world.publisher.host, 24)  # so that it is worth asking others
        before = sum(lab.sent(mirror.host) for mirror in world.mirrors)
        for mirror in world.mirrors:
            mirror.start("--json", step="count")
        bags = world.publisher.bags
        for mirror in world.mirrors:
            assert mirror.process is not None
            mirror.process.await_words(r"Edition 2: .* held and served")
            done.complete[mirror.host.name] = mirror.complete
            done.fetched += sum(bags[bag]["bytes"] for bag in mirror.complete)
        done.sent = sum(lab.sent(mirror.host) for mirror in world.mirrors) - before
        for mirror in world.mirrors:
            assert mirror.process is not None
            process, mirror.process = mirror.process, None
            assert process.end() == 0, process.said
            done.steps = int(process.await_words(r"steps: (\d+)")[1])
    finally:
        world.end()
    return done


@pytest.fixture
def fresh(ground: Ground, lab: Lab, tracker: Tracker, tmp_path: Path) -> Iterator[World]:
    """A network on which no mirror has anything yet."""
    world = make_world(ground, lab, tracker, tmp_path)
    yield world
    world.end()


@pytest.fixture
def world(fresh: World, converged: Converged) -> World:
    """A network on which all mirrors have what fits, and none runs."""
    for mirror in fresh.mirrors:
        copied(converged.folder / mirror.host.name, mirror.folder)
    fresh.before = {mirror.host.name: mirror.music for mirror in fresh.mirrors}
    return fresh
