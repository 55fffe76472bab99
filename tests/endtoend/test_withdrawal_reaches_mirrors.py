"""From a withdrawal in the archive to the last mirror: gone there, and no audio fetched again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.sync import SyncResult
from phonotheque.model.bags import BLOCK
from phonotheque.vault.archive import Archive
from tests.endtoend.commands import findings, phono, wait_for
from tests.endtoend.promises import broken, rows, sha256
from tests.endtoend.small_music import write_album
from tests.mirrors.mirror_publisher import LOCAL, served
from tests.mirrors.mirror_runs import PACE, complete, mirroring, run

pytestmark = [pytest.mark.ledger, pytest.mark.xdist_group("bases")]

OFTEN = replace(PACE, follow_every=0.5, stall_timeout=60.0)
PEERS_ONLY = replace(LOCAL, web_seed=False)


def bags(archive: Path) -> dict[str, dict[str, Any]]:
    edition = json.loads((archive / "public" / "targets" / "edition.json").read_text())
    return {bag["id"]: bag for bag in edition["bags"]}


def erased(mirror: Archive) -> set[str]:
    found = rows(mirror.folder, "SELECT detail FROM events WHERE type = 'deletion'")
    proofs = [text if isinstance(text, dict) else json.loads(text) for (text,) in found]
    return {file["sha256"] for proof in proofs for file in proof["erased"]}


def test_a_withdrawal_is_gone_from_two_running_mirrors_and_a_third_gets_the_rest_from_them(
    tmp_path: Path,
) -> None:
    archive = tmp_path / "archive"
    gone, *_ = write_album(tmp_path / "music", "The First", tracks=3, seed=1)
    phono("init", archive, "--name", "Withdrawals")
    phono("add", archive, tmp_path / "music")
    phono("publish", archive)
    before = bags(archive)
    old = next(bag for bag in before if not bag.endswith("catalogue"))
    withdrawn = hashlib.sha256(gone.read_bytes()).hexdigest()
    rounds: dict[str, list[SyncResult]] = {"http": [], "peers": []}
    with served(archive / "public") as web, served(archive / "public", bags=False) as bare:
        first = open_mirror(tmp_path / "by-http", web.url)
        second = open_mirror(tmp_path / "by-peers", bare.url)
        with mirroring(first, pace=OFTEN, on_round=rounds["http"].append) as (ports, first_pids):
            wait_for(lambda: ports and complete(first) == before.keys(), "the first mirror is complete")
            friend = [f"127.0.0.1:{ports[0]}"]
            with mirroring(
                second, pace=OFTEN, on_round=rounds["peers"].append, peers=friend, swarm=PEERS_ONLY
            ) as (more, second_pids):
                wait_for(lambda: more and complete(second) == before.keys(), "the second mirror is complete")
                assert withdrawn in {sha256(path) for path in (second.bags / old).rglob("*.flac")}
                sent = web.sent.copy()
                words = ("--by", "The First", "--reason", "It is theirs.", "--accept", "--yes")
                phono("withdraw", "request", archive, withdrawn, *words)
                phono("publish", archive)
                after = bags(archive)
                fresh = f"{old}-r2"
                assert fresh in after
                assert old not in after
                wait_for(lambda: complete(first) == complete(second) == after.keys(), "both follow")
                wait_for(lambda: all(seen[-1].edition == 2 for seen in rounds.values()), "their rounds end")
                audio = {path for path in (web.sent - sent) if f"/{fresh}/data/" in path}
                assert audio == set()
                assert bare.bag_bytes == 0
                added = [bag for name, bag in after.items() if name not in before and name != fresh]
                tags = after[fresh]["files"] - after[fresh]["payload_files"]
                allowed = tags * BLOCK
                for bag in added:  # the catalogue of the new edition
                    allowed += bag["bytes"] + bag["files"] * BLOCK
                for seen in rounds.values():
                    assert sum(done.fetched for done in seen if done.edition == 2) <= allowed
                    reused = sum(done.reused for done in seen if done.edition == 2)
                    assert reused >= after[fresh]["payload_bytes"]
                peers = [f"127.0.0.1:{port}" for port in (ports[0], more[0])]
                third = open_mirror(tmp_path / "third", bare.url)
                done = run(third, peers=peers, swarm=PEERS_ONLY, pace=OFTEN)
                assert set(done.complete) == after.keys()
                assert bare.bag_bytes == 0
                assert (
                    len(first_pids) == len(second_pids) == 1
                )  # the same processes have gone on all the while
    for mirror in (first, second, third):
        assert findings(mirror.folder) == []
        assert broken(mirror.folder) == []
        held = {sha256(path) for path in (mirror.folder / "vault").rglob("*") if path.is_file()}
        assert withdrawn not in held
    for mirror in (first, second):
        assert withdrawn in erased(mirror)
        assert not (mirror.bags / old).exists()
    assert phono("audit", archive / "public", code=None).code == 0
