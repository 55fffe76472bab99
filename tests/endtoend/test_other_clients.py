"""Other people's programs on what we publish: rtorrent from our mirror, tuf alone, bagit."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

import bagit
import pytest
from tuf.ngclient import Updater

from phonotheque.editions.edition import read_edition
from tests.endtoend.commands import PATIENCE, phono, seeding, serving
from tests.endtoend.small_music import write_album
from tests.tools import tool

pytestmark = pytest.mark.xdist_group("other-clients")


@contextmanager
def tracker() -> Iterator[str]:
    """Run a BitTorrent tracker (BEP 3, BEP 23) on loopback: it tells each peer of all the others."""
    known: defaultdict[bytes, set[tuple[str, int]]] = defaultdict(set)

    class Announce(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = dict(part.split("=", 1) for part in urlsplit(self.path).query.split("&"))
            swarm = known[unquote_to_bytes(query["info_hash"])]
            me = (self.client_address[0], int(query["port"]))
            others = b"".join(socket.inet_aton(host) + struct.pack(">H", port) for host, port in swarm - {me})
            swarm.add(me)
            answer = b"d8:intervali2e5:peers%d:%se" % (len(others), others)
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Announce) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/announce"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def announce() -> Iterator[str]:
    with tracker() as address:
        yield address


@pytest.fixture(scope="module")
def published(announce: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive that has published an edition, its torrents naming the tracker."""
    place = tmp_path_factory.mktemp("published")
    archive = place / "archive"
    write_album(place / "music", "Björk & Ωμέγα 音楽")
    phono("init", archive, "--name", "For others")
    settings = archive / "phonotheque.toml"
    settings.write_text(settings.read_text().replace("trackers = []", f'trackers = ["{announce}"]'))
    phono("add", archive, place / "music")
    phono("publish", archive)
    return archive


def test_rtorrent_downloads_a_bag_from_our_mirror(published: Path, tmp_path: Path) -> None:
    tool("rtorrent", "rtorrent")
    tool("tmux", "tmux")
    edition = read_edition((published / "public/targets/edition.json").read_bytes())
    bag = next(bag for bag in edition.bags if bag.wave == 1)
    mirror = tmp_path / "mirror"
    phono("mirror", published, mirror, "--budget", "1GB", "--once")
    torrent = mirror / "public/targets" / bag.torrent.path
    with seeding(published, mirror), rtorrent(torrent, tmp_path) as downloads:
        wait_for_whole_bag(downloads / bag.id)
    bagit.Bag(str(downloads / bag.id)).validate()


@contextmanager
def rtorrent(torrent: Path, place: Path) -> Iterator[Path]:
    """Run rtorrent on one torrent, in a terminal of its own; yield the folder it downloads to."""
    downloads, session = place / "downloads", place / "session"
    downloads.mkdir()
    session.mkdir()
    settings = place / "rtorrent.rc"
    settings.write_text(
        f"directory.default.set = {downloads}\n"
        f"session.path.set = {session}\n"
        "network.bind_address.set = 127.0.0.1\n"
        "network.port_range.set = 49152-65000\n"
        "dht.mode.set = disable\n"
        "protocol.pex.set = no\n"
        "trackers.use_udp.set = no\n"
    )
    tmux = ["tmux", "-S", str(place / "tmux"), "-f", "/dev/null"]
    command = f"exec rtorrent -n -o import='{settings}' '{torrent}'"
    environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [*tmux, "new-session", "-d", "-x", "100", "-y", "30", command], check=True, env=environment
    )
    try:
        yield downloads
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def wait_for_whole_bag(bag: Path) -> None:
    """Wait until every file that the bag's manifests list is there with its SHA-256."""
    deadline = time.monotonic() + 2 * PATIENCE
    while not is_whole(bag):
        assert time.monotonic() < deadline, f"{bag} did not arrive"
        time.sleep(0.2)


def is_whole(bag: Path) -> bool:
    for manifest in (bag / "tagmanifest-sha256.txt", bag / "manifest-sha256.txt"):
        if not manifest.is_file():
            return False
        for line in manifest.read_text().splitlines():
            digest, _, path = line.partition("  ")
            file = bag / path
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
                return False
        if not manifest.read_text():
            return False
    return True


def test_the_tuf_client_alone_fetches_the_edition(published: Path, tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "targets").mkdir()
    shutil.copy(published / "public/metadata/1.root.json", tmp_path / "metadata/root.json")
    with serving(published) as address:
        updater = Updater(
            metadata_dir=str(tmp_path / "metadata"),
            metadata_base_url=f"{address}/metadata/",
            target_dir=str(tmp_path / "targets"),
            target_base_url=f"{address}/targets/",
            bootstrap=None,
        )
        updater.refresh()
        for name in ("edition.json", "editions/1/edition.json"):
            found = updater.get_targetinfo(name)
            assert found is not None
            path = Path(updater.download_target(found))
            assert path.read_bytes() == (published / "public/targets/edition.json").read_bytes()


def test_bagit_validates_every_bag(published: Path) -> None:
    bags = sorted((published / "vault/bags").iterdir())
    assert len(bags) == 2
    for bag in bags:
        bagit.Bag(str(bag)).validate()
