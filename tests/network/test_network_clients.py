"""Transmission calls no peer on its own machine, so it gets one of its own. Other clients: tests/clients."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.endtoend.promises import sha256
from tests.network.lab import run
from tests.network.parties import World, running, until
from tests.tools import client

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.once("about networks")]


def test_transmission_downloads_bags_from_our_mirrors(world: World, tmp_path: Path) -> None:
    """One by its torrent file, one by a magnet link."""
    program, remote = client("transmission-daemon"), client("transmission-remote")
    one, here = world.mirrors[0], world.stranger
    home, downloads = tmp_path / "home", tmp_path / "downloads"
    home.mkdir()
    settings = {
        "bind-address-ipv4": here.address,
        "dht-enabled": False,
        "download-dir": str(downloads),
        "lpd-enabled": False,
        "port-forwarding-enabled": False,
        "rpc-whitelist-enabled": False,
    }
    (home / "settings.json").write_text(json.dumps(settings))
    world.lab.quick(world.publisher.host)
    one.start()
    one.await_serving()
    world.publisher.die()  # what comes can only be the mirror's
    first, second, *_ = [bag for name, bag in world.publisher.bags.items() if "catalogue" not in name]
    torrent = one.folder / "public" / "targets" / first["torrent"]["path"]
    magnet = f"magnet:?xt=urn:btih:{second['torrent']['infohash_v1']}&tr={quote(world.tracker.announce)}"
    ask = (*here.prefix, remote, f"{here.address}:9091")
    with running(here, tmp_path / "log", program, "--foreground", "--config-dir", home):
        until(lambda: run(*ask, "--session-info", may_fail=True).returncode == 0, "Transmission answers")
        for what in (str(torrent), magnet):
            run(*ask, "--add", what)
        for bag in (first["id"], second["id"]):
            wanted = files(one.folder / "vault" / "bags" / bag)
            until(lambda bag=bag, wanted=wanted: files(downloads / bag).items() >= wanted.items(), bag)  # type: ignore[misc]


def files(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a folder; what is on its way has another name."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".part")
    return {str(path.relative_to(folder)): sha256(path) for path in found}
