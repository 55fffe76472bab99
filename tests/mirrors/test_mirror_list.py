"""phono mirror list, and what phono mirror keeps and explains of a choice."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest
from click.testing import CliRunner, Result

from phonotheque.cli.main import phono
from phonotheque.editions.edition import Tombstone
from phonotheque.editions.metainfo import read_torrent
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.listing import magnet, torrent_of
from phonotheque.mirrors.lowering import read_lowering
from phonotheque.mirrors.origin import open_origin
from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError, VerificationError
from tests.mirrors.mirror_publisher import DATE, Publisher, noise, served, tree
from tests.mirrors.test_choosing import BY, CC0, say_copies

pytestmark = pytest.mark.ledger  # a mirror has one

ONCE = ("--once", "--listen", "127.0.0.1:0", "--no-discovery")


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.with_about = publisher.with_index = True
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000}, wave=0)
    publisher.bag("audio-1", {"A/1.ogg": noise("1", 30_000)}, record=CC0, listens=40)
    publisher.bag("audio-2", {"B/1.ogg": noise("2", 30_000)}, record=BY)
    publisher.bag("french-1", {"C/1.ogg": noise("3", 30_000)}, record=CC0, audience="FR")
    publisher.publish(1)
    return publisher


def run(*words: object, exits: int = 0) -> Result:
    done = CliRunner().invoke(phono, [str(word) for word in words])
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert done.exit_code == exits
    return done


def refused(*words: object) -> PhonothequeError:
    done = CliRunner().invoke(phono, [str(word) for word in words])
    assert isinstance(done.exception, PhonothequeError), done
    return done.exception


def listed(*words: object) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(run("mirror", "list", *words, "--json").stdout)
    return data


def ids(data: dict[str, Any]) -> list[str]:
    return [bag["id"] for bag in data["bags"]]


def test_magnets_are_of_hybrid_torrents_with_trackers_and_web_seeds(published: Publisher) -> None:
    with served(published.public) as web:
        done = run("mirror", "list", web.url, "--in", "FR")
        lines = done.stdout.splitlines()
        by_name = {lt.parse_magnet_uri(line).name: lt.parse_magnet_uri(line) for line in lines}
        entries = {bag.id: bag for bag in published.bags}
        assert by_name.keys() == entries.keys()
        for name, found in by_name.items():
            assert str(found.info_hashes.v1) == entries[name].torrent.infohash_v1
            assert str(found.info_hashes.v2) == entries[name].torrent.infohash_v2
            public = [] if name == "french-1" else [f"{web.url}/bags/"]
            assert found.url_seeds == public
        assert "xs=http%3A%2F%2F127.0.0.1" in next(line for line in lines if "audio-1" in line)
    assert "4 bags of 4" in done.stderr
    assert "Compare the fingerprint" in done.stderr


def test_magnets_for_clients_that_know_no_second_infohash(published: Publisher) -> None:
    lines = run("mirror", "list", published.public, "--as", "magnets-v1").stdout.splitlines()
    found = [lt.parse_magnet_uri(line) for line in lines]
    expected = {bag.torrent.infohash_v1 for bag in published.bags if bag.audience == "WORLD"}
    assert {str(one.info_hashes.v1) for one in found} == expected
    assert not any(one.info_hashes.has_v2() for one in found)


def test_a_magnet_names_all_trackers_and_the_publishers_web_seed_first(published: Publisher) -> None:
    entry = published.bags[1]
    origin = open_origin(str(published.folder))
    _, meta = torrent_of(origin, entry)
    seeded = read_torrent(lt_like(meta.name, entry, published))
    text = magnet(origin, entry, seeded)
    found = lt.parse_magnet_uri(text)
    assert found.trackers == ["udp://tracker.example.org:6969/announce", "https://t.example.org/a?b=c"]
    assert found.url_seeds == ["https://archive.example.org/bags/"]
    assert str(found.info_hashes.v2) == entry.torrent.infohash_v2


def lt_like(name: str, entry: Any, publisher: Publisher) -> bytes:
    """The bag's torrent as a publisher with trackers and a web server writes it."""
    from phonotheque.editions.torrent import build_torrent
    from phonotheque.vault.bag import load_sealed

    return build_torrent(
        load_sealed(publisher.folder / "vault" / "bags" / name),
        created_by="Phonotheque",
        creation_date=None,
        trackers=["udp://tracker.example.org:6969/announce", "https://t.example.org/a?b=c"],
        web_seeds=["https://archive.example.org/bags/"],
    ).data


def test_torrents_are_those_of_the_edition(published: Publisher, tmp_path: Path) -> None:
    to = tmp_path / "torrents"
    done = run("mirror", "list", published.folder, "--as", "torrents", "--to", to)
    torrents = published.public / "targets" / "editions" / "1" / "torrents"
    assert tree(to) == tree(torrents)
    assert sorted(done.stdout.splitlines()) == sorted(str(to / name) for name in tree(torrents))
    for path in to.iterdir():
        lt.load_torrent_file(str(path))
    run("mirror", "list", published.folder, "--as", "torrents", "--to", to)  # twice is the same
    assert tree(to) == tree(torrents)
    assert isinstance(refused("mirror", "list", published.folder, "--as", "torrents"), UsageError)
    assert isinstance(refused("mirror", "list", published.folder, "--to", to), UsageError)


def test_json_tells_everything_and_the_same_name_gets_the_same(published: Publisher) -> None:
    say_copies(published, {"audio-1": 2}, claimed=5)
    data = listed(published.folder, "--explain", "--name", "me")
    assert data == listed(published.folder, "--explain", "--name", "me")
    assert ids(data) == ["catalogue-1", "audio-2", "audio-1"]
    assert (data["edition"], data["archive"]["name"], data["stale"]) == (1, "Tests", [])
    assert data["copies_at"] == "2026-11-21T10:15:00Z"
    last = data["bags"][-1]
    assert (last["copies"]["proven"], last["listens"], last["torrent"]["url"]) == (2, 40, None)
    assert "2 mirrors have proved to hold it, 5 say so; 40 listens" in last["why"]
    (barred,) = data["left_out"]
    assert (barred["bag"], barred["verdict"]) == ("french-1", "left out")
    assert data["bytes"] == sum(bag["bytes"] + bag["torrent"]["size"] for bag in data["bags"])
    assert "left_out" not in listed(published.folder)


def test_no_more_is_listed_than_was_asked_for(published: Publisher) -> None:
    sizes = {bag.id: bag.bytes + bag.torrent.size for bag in published.bags}
    room = sizes["catalogue-1"] + max(sizes["audio-1"], sizes["audio-2"])
    found = listed(published.folder, "--max", room)
    assert len(found["bags"]) == 2
    assert found["bytes"] <= room
    assert ids(listed(published.folder, "--only", "licence:cc-by")) == ["catalogue-1", "audio-2"]
    assert "french-1" in ids(listed(published.folder, "--only", "audience:fr", "--in", "fr"))
    assert ids(listed(published.folder, "--only", "artist:A")) == ["catalogue-1", "audio-1"]
    spread = {ids(listed(published.folder, "--max", room, "--name", number))[1] for number in range(20)}
    assert spread == {"audio-1", "audio-2"}
    explained = run("mirror", "list", published.folder, "--only", "licence:cc-by", "--explain")
    assert "not asked for by licence:cc-by: none of its 1 files are" in explained.stderr
    assert "magnet:" in explained.stdout


def test_what_does_not_verify_is_not_listed(published: Publisher, tmp_path: Path) -> None:
    torrent = published.public / "targets" / "editions" / "1" / "torrents" / "audio-1.torrent"
    torrent.write_bytes(torrent.read_bytes() + b" ")
    done = CliRunner().invoke(phono, ["mirror", "list", str(published.folder)])
    assert isinstance(done.exception, VerificationError)
    assert "1 bag could not be listed" in done.exception.message
    assert len(done.stdout.splitlines()) == 2
    torrent.unlink()
    assert isinstance(refused("mirror", "list", published.folder), NotFoundError)
    wrong = refused("mirror", "list", published.folder, "--trust", "0" * 64)
    assert "has the fingerprint" in wrong.message
    metadata = published.public / "metadata" / "timestamp.json"
    changed = json.loads(metadata.read_bytes())
    changed["signed"]["version"] += 1
    metadata.write_text(json.dumps(changed))
    assert isinstance(refused("mirror", "list", published.folder), VerificationError)
    assert (
        "“yaer:1” names no field" in refused("mirror", "list", published.folder, "--only", "yaer:1").message
    )


def test_a_folder_that_is_called_list_can_be_mirrored(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.folder.rename(tmp_path / "list")
    monkeypatch.chdir(tmp_path)
    run("mirror", "./list", "mirror", "--budget", "1GB", *ONCE)
    assert "phono mirror list ORIGIN" in run("mirror", "--help").stdout
    assert "--max" in run("mirror", "list", "--help").stdout


def test_a_mirror_keeps_query_and_budget_and_explains_its_choice(
    published: Publisher, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    error = refused("mirror", published.folder, mirror, "--budget", "1GB", "--only", "year:soon", *ONCE)
    assert "“year:soon” has no year" in error.message
    assert not mirror.exists()
    words = ("mirror", published.folder, mirror, *ONCE)
    done = run(*words, "--budget", "1GB", "--only", "licence:cc0", "--explain")
    assert "left out  audio-2" in done.stdout
    assert "not asked for by licence:cc0: none of its 1 files are" in done.stdout
    assert open_mirror(mirror).settings.mirror.only == "licence:cc0"
    assert "Wants      licence:cc0" in run("status", mirror).stdout
    again = json.loads(run(*words, "--json", "--explain").stdout)
    assert again["complete"] == ["audio-1", "catalogue-1"]
    assert {one["bag"] for one in again["explained"]} == {bag.id for bag in published.bags}
    assert "explained" not in json.loads(run(*words, "--json").stdout)
    assert json.loads(run(*words, "--json", "--only", "").stdout)["complete"] == [
        "audio-1",
        "audio-2",
        "catalogue-1",
    ]
    long_ago, today = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC)
    say_copies(published, {"audio-1": 9, "audio-2": 9}, at=long_ago, since=long_ago)
    kept = run(*words, "--budget", "45kB")
    assert "kB more than a budget of 45.0 kB allows. It is kept." in kept.stderr
    assert "once the publisher counts 3 other mirrors that proved to hold each, say --drop" in kept.stderr
    assert ": held, but over the budget: it is kept" in kept.stderr
    assert read_lowering(open_mirror(mirror)) is None
    kept = run(*words, "--drop")
    assert "over the budget, and kept: no other mirrors have proved lately" in kept.stderr
    say_copies(published, {"audio-1": 4, "audio-2": 3}, at=today, since=today)
    leaves = run(*words)
    assert "audio-1: over the budget: it goes when the publisher has been told (--report)" in leaves.stderr
    assert (mirror / "vault" / "bags" / "audio-1").exists()
    lowering = read_lowering(open_mirror(mirror))
    assert lowering is not None
    assert lowering.announced.keys() == {"audio-1"}
    settings = open_mirror(mirror).settings.mirror
    assert (settings.budget, settings.only) == (45_000, "")


@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_on_a_terminal_it_is_asked_before_anything_may_go(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    mirror = tmp_path / "mirror"
    words = ["mirror", str(published.folder), str(mirror), *ONCE]
    run(*words, "--budget", "1GB")

    class Terminal:
        @staticmethod
        def isatty() -> bool:
            return True

    with monkeypatch.context() as patched:
        patched.setattr("phonotheque.cli.mirror_choice.sys", type("", (), {"stdin": Terminal}))
        done = CliRunner().invoke(phono, [*words, "--budget", "45kB"], input=answer)
        assert done.exit_code == 0
        assert "Drop bags until it fits" in done.stderr
        again = CliRunner().invoke(phono, [*words, "--budget", "45kB"], input="")
        assert again.exit_code == 0
        assert "Drop bags" not in again.stderr  # what was said once holds
    assert (read_lowering(open_mirror(mirror)) is not None) is (answer == "y\n")


def test_a_bag_with_a_withdrawn_file_is_not_listed(published: Publisher, tmp_path: Path) -> None:
    published.bag("audio-3", {"A/2.ogg": noise("2", 30_000)}, record=CC0)  # the same file as in audio-2
    sha = hashlib.sha256(noise("2", 30_000)).hexdigest()
    published.tombstones.append(
        Tombstone("5f0e4ab4-8f7f-4d6e-9f1b-2a3c0b9cbd60", None, (sha,), "FR", DATE, "asked for", None)
    )
    published.publish(2)
    assert "audio-3" in ids(listed(published.folder, "--in", "DE"))
    for country in ((), ("--in", "FR")):
        data = listed(published.folder, "--explain", *country)
        assert not {"audio-2", "audio-3"} & set(ids(data))
        why = {one["bag"]: one["why"] for one in data["left_out"]}
        assert why["audio-3"] == "holds a file that edition 2 withdraws"
    index = published.public / "targets" / "editions" / "2" / "index.parquet"
    index.unlink()
    assert isinstance(refused("mirror", "list", published.folder), NotFoundError)
