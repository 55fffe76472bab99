"""Bytes rot, the publisher's house burns down, the power fails everywhere: the mirrors still have it all."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path

import pytest

from tests.endtoend.commands import findings, phono
from tests.endtoend.promises import broken, rows
from tests.network.asking import PAGES, PEERS
from tests.network.conftest import Converged, Ground
from tests.network.parties import PATIENCE, Mirror, World, copied, python, running, until
from tests.network.well import assert_well

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.once("about networks")]
PIECE = 256 * 1024


def test_what_rotted_is_found_and_mended_from_the_others(world: World) -> None:
    """Of three damaged files, one of them gone, come only the bad pieces, and from mirrors alone."""
    one, two, three, *_ = world.mirrors
    world.publisher.die()
    chance = random.Random(6)
    songs = sorted((one.folder / "vault" / "bags").rglob("*.flac"))
    flipped, cut, gone = chance.sample(songs, 3)
    flip(flipped, flipped.stat().st_size // 2)
    os.truncate(cut, cut.stat().st_size // 2)
    lost = gone.stat().st_size
    gone.unlink()
    found = {(wrong["path"], wrong["what"]) for wrong in findings(one.folder)}
    assert {path for path, _ in found} == {f"data/{name(path)}" for path in (flipped, cut, gone)}
    for mirror in (two, three):
        mirror.start()
    for mirror in (two, three):
        mirror.await_serving()
    words = ("phonotheque.cli.main", "repair", one.folder, "--json", "--no-discovery", "--patience", "20")
    listen = ("--listen", f"{one.host.address}:{PEERS}")
    with running(one.host, one.folder.with_suffix(".repair"), *python(*words, *listen)) as repair:
        assert repair.process.wait(PATIENCE) == 0, repair.said
    fetched = int(repair.await_words(r'"fetched": (\d+)')[1])
    assert fetched <= lost + cut.stat().st_size // 2 + 3 * PIECE
    one.start()
    assert_well(world)


def flip(path: Path, at: int) -> None:
    """Turn one bit, as disks do."""
    with path.open("r+b") as stream:
        stream.seek(at)
        (byte,) = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte ^ 1]))


def name(path: Path) -> str:
    """The path of a file below its bag's ``data``."""
    return str(path).partition("/data/")[2]


def test_the_publisher_burns_down_and_comes_back_from_the_mirrors(world: World, ground: Ground) -> None:
    """What is left is a backup of the keys. The rebuilt archive publishes on, and the mirrors follow it."""
    *_, three, four, five = world.mirrors
    publisher, bags = world.publisher, world.publisher.bags
    had = masters(publisher.archive)
    keys = copied(publisher.archive / "keys", publisher.archive.with_name("backup"))
    publisher.die()
    shutil.rmtree(publisher.archive)
    for mirror in (three, four, five):
        mirror.start()
    for mirror in (three, four, five):
        mirror.await_serving()
    sources = [f"http://{mirror.host.address}:{PAGES}" for mirror in (five, four, three)]
    words = ("phonotheque.cli.main", "restore", *sources, publisher.archive, "--keys", keys)
    listen = ("--listen", f"{publisher.host.address}:{PEERS}", "--no-discovery")
    log = publisher.archive.with_suffix(".restore")
    with running(publisher.host, log, *python(*words, *listen)) as restoring:
        assert restoring.process.wait(2 * PATIENCE) == 0, restoring.said
    assert publisher.bags == bags
    assert masters(publisher.archive) == had
    assert findings(publisher.archive) == []
    assert broken(publisher.archive) == []
    publisher.serve()
    phono("add", publisher.archive, ground.folder / "more")
    publisher.publish()
    assert publisher.edition["number"] == 3
    world.tracker.know(publisher.bags)
    for mirror in (three, four, five):
        assert mirror.process is not None
        mirror.process.await_words("Edition 3: .* held and served")
    assert_well(world)


def masters(archive: Path) -> set[str]:
    """The SHA-256 of everything that an archive has published and holds, as its ledger says."""
    found = "SELECT DISTINCT f.sha256 FROM files f JOIN bag_files b ON b.file_id = f.id WHERE f.held"
    return {digest for (digest,) in rows(archive, found)}


def test_the_power_fails_at_any_step(fresh: World, converged: Converged) -> None:
    """All five are killed, each before a step of its own; then again all at once; then they go on."""
    chance = random.Random()
    steps = [chance.randint(1, converged.steps) for _ in fresh.mirrors]
    try:
        for mirror, step in zip(fresh.mirrors, steps, strict=True):
            mirror.start(step=f"kill:{step}")
        for mirror in fresh.mirrors:
            await_death(mirror)
        for mirror in fresh.mirrors:
            assert_nothing_lost(mirror)
            mirror.start()
        until(lambda: any(mirror.complete for mirror in fresh.mirrors), "somebody holds a bag")
        for mirror in fresh.mirrors:
            mirror.kill()
        for mirror in fresh.mirrors:
            assert_nothing_lost(mirror)
            mirror.start()
        for mirror in fresh.mirrors:
            mirror.await_serving()
            if mirror.budget == "1GB":
                assert mirror.complete == converged.complete[mirror.host.name]
        assert_well(fresh)
    except AssertionError as error:
        error.add_note(f"killed before steps {steps} of {converged.steps}")
        raise


def await_death(mirror: Mirror) -> None:
    """Wait until a mirror has killed itself, or has everything and goes on serving; then end it."""
    assert mirror.process is not None
    process = mirror.process
    until(
        lambda: process.process.poll() is not None or "held and served" in process.said,
        f"{mirror.host.name} is killed, or has all",
        PATIENCE,
    )
    code = process.process.poll()
    assert code in (None, -signal.SIGKILL), process.said
    mirror.kill()


def assert_nothing_lost(mirror: Mirror) -> None:
    assert broken(mirror.folder) == []
    if (mirror.folder / "phonotheque.toml").exists():
        assert [wrong for wrong in findings(mirror.folder) if wrong["what"] != "extra"] == []
