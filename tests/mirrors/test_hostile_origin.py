from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phonotheque.editions.bencode import decode, encode
from phonotheque.editions.edition import BagEntry
from phonotheque.mirrors.home import open_mirror
from phonotheque.model.errors import NetworkError, VerificationError
from tests.mirrors.mirror_publisher import Publisher, served, wait_for
from tests.mirrors.mirror_runs import ALL, PACE, assert_complete, complete, mirroring, run

pytestmark = pytest.mark.ledger  # a mirror has one


def test_a_damaged_origin_is_refused_and_the_other_bags_come(published: Publisher, tmp_path: Path) -> None:
    damaged = next((published.folder / "vault" / "bags" / "audio-1" / "data").rglob("02*"))
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.chmod(0o644)
    damaged.write_bytes(data)
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    result = run(mirror)
    assert result.complete == ("audio-2", "catalogue-1")
    ((bag, why),) = result.refused
    assert bag == "audio-1"
    assert "02 Piste.ogg" in why
    assert "damaged" in why
    assert not (mirror.public / "bags" / "audio-1").exists()


def test_a_damaged_web_seed_does_not_deliver(published: Publisher, tmp_path: Path) -> None:
    damaged = next((published.folder / "vault" / "bags" / "audio-1" / "data").rglob("02*"))
    damaged.chmod(0o644)
    damaged.write_bytes(bytes(damaged.stat().st_size))
    with served(published.public) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        with pytest.raises(NetworkError, match="Not delivered: audio-1") as caught:
            run(mirror, pace=replace(PACE, stall_timeout=5.0))
    assert caught.value.exit_code == 5
    assert complete(mirror) == {"audio-2", "catalogue-1"}


def test_a_damaged_index_hinders_nothing_else(published: Publisher, tmp_path: Path) -> None:
    (published.public / "targets" / "editions" / "1" / "index.parquet").write_bytes(b"?" * 2000)
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    result = run(mirror)
    assert result.refused[0][0] == "editions/1/index.parquet"
    assert_complete(mirror, published, ALL)
    assert (mirror.public / "metadata" / "timestamp.json").exists()


def test_a_bag_that_contradicts_its_manifest_is_refused(published: Publisher, tmp_path: Path) -> None:
    published.bags[1] = replace(published.bags[1], tagmanifest_sha256="0" * 64)
    published.publish(1)
    result = run(open_mirror(tmp_path / "mirror", str(published.folder)))
    assert [bag for bag, _ in result.refused] == ["audio-1"]
    assert "tagmanifest" in result.refused[0][1]


def hostile(publisher: Publisher, entry: BagEntry, change: Callable[[dict[bytes, Any]], None]) -> BagEntry:
    """List a torrent that was changed and is yet what edition.json says."""
    path = publisher.public / "targets" / entry.torrent.path
    torrent: Any = decode(path.read_bytes())
    change(torrent[b"info"])
    data, info = encode(torrent), encode(torrent[b"info"])
    path.write_bytes(data)
    return replace(
        entry,
        torrent=replace(
            entry.torrent,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            infohash_v1=hashlib.sha1(info).hexdigest(),
            infohash_v2=hashlib.sha256(info).hexdigest(),
        ),
    )


def climb(info: dict[bytes, Any]) -> None:
    info[b"file tree"][b".."] = {b"evil": info[b"file tree"].pop(b"README.txt")}
    info[b"file tree"] = dict(sorted(info[b"file tree"].items()))


def rename(info: dict[bytes, Any]) -> None:
    info[b"name"] = b"audio-2"


@pytest.mark.parametrize(("change", "says"), [(climb, "is refused"), (rename, "its name is audio-2")])
def test_a_hostile_torrent_is_refused_by_name(
    published: Publisher, tmp_path: Path, change: Callable[[dict[bytes, Any]], None], says: str
) -> None:
    published.bags[1] = hostile(published, published.bags[1], change)
    published.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    result = run(mirror)
    assert result.complete == ("audio-2", "catalogue-1")
    ((bag, why),) = result.refused
    assert bag == "audio-1"
    assert "editions/1/torrents/audio-1.torrent" in why
    assert says in why
    assert not list(tmp_path.rglob("evil"))


def test_a_torrent_that_is_not_the_listed_one_is_refused(published: Publisher, tmp_path: Path) -> None:
    hostile(published, published.bags[1], rename)
    result = run(open_mirror(tmp_path / "mirror", str(published.folder)))
    assert "not the torrent that edition.json lists" in result.refused[0][1]


def test_an_attacked_origin_does_not_stop_a_serving_mirror(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    timestamp = published.public / "metadata" / "timestamp.json"
    timestamp.write_bytes(timestamp.read_bytes().replace(b'"sig":"', b'"sig":"0'))
    with pytest.raises(VerificationError, match=r"timestamp\.json"):
        run(mirror)
    with mirroring(mirror) as (ports, _):
        wait_for(lambda: ports)
    assert complete(mirror) == set(ALL)
