"""``kill -9`` at any step or request of sending bags away: nothing acknowledged is lost, nothing is twice.

``STORAGE_KILL_ROUNDS`` sets how many rounds each test runs (2 by default).
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from phonotheque.cli.demo.labels import Basis, Label, write_tags
from tests.storage.archives import Kept, make
from tests.storage.kills import (
    Ground,
    again,
    all_is_done,
    kill_at_request,
    kill_at_step,
    nothing_is_lost,
    prepare,
)
from tests.storage.proxy import Proxy
from tests.storage.server import CREDENTIALS, REGION, Server

ROUNDS = int(os.environ.get("STORAGE_KILL_ROUNDS", "2"))

pytestmark = [pytest.mark.xdist_group("swift"), pytest.mark.sqlite("copies ledgers with their folders")]


def with_a_large_file(place: Path) -> Kept:
    """Make an archive with a file that goes in two parts: noise, which FLAC cannot make small."""
    kept = make(place, env=CREDENTIALS, tracks=2)
    (kept.music / "noise").mkdir()
    noise = np.random.default_rng(1).uniform(-0.9, 0.9, (44_100 * 34, 2))
    file = kept.music / "noise" / "Noise.flac"
    soundfile.write(file, noise, 44_100, subtype="PCM_16")
    write_tags(file, Label("Noise", "Noise", "Noise", "2024", "Noise", "ZZPHN9900002", 1, 1, Basis.TAG))
    kept.phono("add", kept.music / "noise")
    return kept


def rounds(ground: Ground, total: int) -> list[int]:
    """Choose moments, the seed of which is in the message of a failure."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}, of {total} moments")
    return random.Random(seed).sample(range(1, total + 1), min(ROUNDS, total))


def test_killed_while_it_sends_to_object_storage(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    place = f"s3://{server.make_bucket()}/archive"
    kept = with_a_large_file(tmp_path)
    kept.settings(public=place, bags=f"{place}/bags", endpoint=proxy.url, region=REGION, part="5MiB")
    ground = prepare(kept, place, proxy)
    assert proxy.count("PUT .*partNumber=2") == 1
    for number in rounds(ground, ground.requests):
        again(ground)
        kill_at_request(ground, proxy, number)
        nothing_is_lost(ground)
        all_is_done(ground)
    for step in rounds(ground, ground.steps):
        again(ground)
        kill_at_step(ground, step)
        nothing_is_lost(ground)
        all_is_done(ground)


def test_killed_while_it_copies_to_a_folder(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    kept = make(tmp_path, tracks=2)
    kept.settings(public=str(place), bags=f"{place}/bags")
    ground = prepare(kept, str(place))
    for step in rounds(ground, ground.steps):
        again(ground)
        kill_at_step(ground, step)
        nothing_is_lost(ground)
        all_is_done(ground)
