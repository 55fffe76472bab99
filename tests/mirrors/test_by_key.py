"""The publisher's server is gone, and all that is known is its key."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from phonotheque.editions.keys import SIGNPOST, load_private, write_key
from phonotheque.editions.signpost import (
    Directions,
    Signpost,
    check_signpost,
    make_signpost,
    read_signpost,
)
from phonotheque.editions.tree import ITEM, TORRENT, put_up_signpost, signpost_key
from phonotheque.mirrors.by_key import KeyOrigin, Reach, magnet_link, parse_key
from phonotheque.mirrors.dht import find, put, resolve_nodes
from phonotheque.mirrors.follow import follow
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.origins import Origins
from phonotheque.mirrors.signposting import Signposting, standing_signpost
from phonotheque.model.errors import NetworkError, UsageError, VerificationError
from tests.mirrors.local_dht import local_dht, on_dht
from tests.mirrors.mirror_publisher import NOW, Publisher, later, served, wait_for
from tests.mirrors.mirror_runs import ALL, assert_complete, mirroring, run

pytestmark = pytest.mark.ledger  # a mirror has one


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[str, ...]]:
    with local_dht() as (_, texts):
        yield texts


@pytest.fixture
def signposted(publisher: Publisher) -> Publisher:
    write_key(publisher.folder / "keys" / f"{SIGNPOST}.pem")
    publisher.with_about = True
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.bag("audio-2")
    publisher.bag("french-1", {"a.ogg": b"f" * 900}, audience="FR")
    publisher.publish(1)
    put_up_signpost(publisher.public, publisher.folder / "keys")
    return publisher


def key_of(publisher: Publisher) -> bytes:
    return bytes.fromhex(str(signpost_key(publisher.folder / "keys")))


@contextmanager
def posting(public: Path, nodes: tuple[str, ...]) -> Iterator[Signposting]:
    """Keep a signpost standing; its tree can be had, and it is in the DHT."""
    kept: list[int] = []
    post = Signposting(public, Reach(on_dht(nodes), nodes), print, lambda _post, count: kept.append(count))
    try:
        post.tend()
        assert kept[0] >= 3
        yield post
    finally:
        post.close()


def reach(nodes: tuple[str, ...], *posts: Signposting, patience: float = 20.0) -> Reach:
    peers = tuple(("127.0.0.1", post.port) for post in posts)
    return Reach(on_dht(nodes), nodes, peers, patience)


def test_a_key_is_read_from_links_and_from_commands() -> None:
    digits = "ab" * 32
    for text in (f"btpk:{digits.upper()}", f"magnet:?xs=urn:btpk:{digits}", magnet_link(digits)):
        assert parse_key(text) == bytes.fromhex(digits)
    for other in ("https://example.org/", "/a/folder", "btpk"):
        assert parse_key(other) is None
    for wrong in ("btpk:12", "magnet:?xt=urn:btih:aa", f"magnet:?xs=urn:btpk:{digits}&s=61"):
        with pytest.raises(UsageError):
            parse_key(wrong)


def test_a_mirror_follows_by_key_alone_from_another_mirror(
    signposted: Publisher, nodes: tuple[str, ...], tmp_path: Path
) -> None:
    with served(signposted.public) as web, posting(signposted.public, nodes):
        first = open_mirror(tmp_path / "first", web.url)
        run(first)
    key = key_of(signposted)
    shutil.move(signposted.folder, tmp_path / "gone")
    signposted.public = tmp_path / "gone" / "public"
    with posting(first.public, nodes) as post, mirroring(first) as (ports, _):
        wait_for(lambda: ports)
        fresh = open_mirror(tmp_path / "fresh", f"btpk:{key.hex()}")
        origin = KeyOrigin(key, tmp_path / "fresh" / "signpost", reach(nodes, post))
        result = run(fresh, origin=origin, peers=(f"127.0.0.1:{ports[0]}",))
    assert result.complete == ("audio-1", "audio-2", "catalogue-1")
    assert_complete(fresh, signposted, ALL)
    root = (signposted.public / "metadata" / "1.root.json").read_bytes()
    assert (fresh.public / "metadata" / "1.root.json").read_bytes() == root
    assert (fresh.public / ITEM).read_bytes() == (signposted.public / ITEM).read_bytes()
    assert not list((tmp_path / "fresh" / "signpost").rglob("*french*"))


def test_what_is_new_comes_by_the_same_key_and_only_what_is_new(
    signposted: Publisher, nodes: tuple[str, ...], tmp_path: Path
) -> None:
    trust, key = tmp_path / "trust", key_of(signposted)
    with posting(signposted.public, nodes) as post:
        origin = KeyOrigin(key, tmp_path / "signpost", reach(nodes, post))
        assert follow(origin, trust, now=NOW).edition.number == 1
        assert follow(origin, trust, now=NOW).warnings == ()
        signposted.bag("audio-3", edition=2)
        signposted.publish(2)
        put_up_signpost(signposted.public, signposted.folder / "keys")
        post.tend()
        again = KeyOrigin(key, tmp_path / "signpost", reach(nodes, post))
        assert follow(again, trust, now=NOW).edition.number == 2
    assert len([one for one in (tmp_path / "signpost").iterdir() if one.is_dir()]) == 1


def test_a_key_leads_to_one_archive_only(
    signposted: Publisher, nodes: tuple[str, ...], tmp_path: Path
) -> None:
    trust, private = tmp_path / "trust", load_private(signposted.folder / "keys" / f"{SIGNPOST}.pem")
    other = tmp_path / "other"
    other.mkdir()
    follow_me = Publisher(other)
    follow_me.bag("catalogue-1", {"a.ogg": b"x"})
    follow_me.publish(1)
    shutil.copy(signposted.folder / "keys" / f"{SIGNPOST}.pem", other / "keys")
    with posting(signposted.public, nodes) as post:
        assert follow(KeyOrigin(key_of(signposted), tmp_path / "s", reach(nodes, post)), trust, now=NOW)
    follow_me.now = later(days=1)
    for number in range(2, 6):
        follow_me.publish(number)  # so that its signpost is newer
    put_up_signpost(follow_me.public, other / "keys")
    with posting(follow_me.public, nodes) as post:
        origin = KeyOrigin(key_of(signposted), tmp_path / "s", reach(nodes, post))
        with pytest.raises(VerificationError, match="leads to the archive"):
            follow(origin, trust, now=NOW)
        # Of a root that is not the one which the key's owner has signed, nothing is taken.
        lie = make_signpost(private, 99, Directions(origin.renew().infohash, "00" * 32))
        put(lie, resolve_nodes(nodes))
        fresh = KeyOrigin(key_of(signposted), tmp_path / "s2", reach(nodes, post))
        with pytest.raises(VerificationError, match=r"1\.root\.json has the fingerprint"):
            follow(fresh, tmp_path / "trust2", now=NOW)
        assert not (tmp_path / "trust2").exists()


def test_what_a_key_promises_is_asked_of_all_and_without_it_nobody_is_trusted(
    signposted: Publisher, nodes: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Publisher(tmp_path / "other")
    other.bag("catalogue-1", {"a.ogg": b"x"})
    other.publish(1)
    key, trust = key_of(signposted), tmp_path / "trust"
    elsewhere, here = open_origin(str(other.folder)), open_origin(str(signposted.folder))
    nobody = KeyOrigin(bytes(31) + b"\2", tmp_path / "nobody", reach(nodes))
    with pytest.raises(NetworkError, match="no signpost of the key"):
        follow(Origins([nobody, elsewhere]), trust, now=NOW)
    with posting(signposted.public, nodes):
        known = KeyOrigin(key, tmp_path / "s", reach(nodes, patience=0.5))  # but its tree cannot be had
        with pytest.raises(VerificationError, match=r"1\.root\.json has the fingerprint"):
            follow(Origins([elsewhere, known]), trust, now=NOW)
        assert not trust.exists()
        assert follow(Origins([known, here]), trust, now=NOW).edition.number == 1


def test_a_tree_that_was_damaged_here_is_brought_again(
    signposted: Publisher, nodes: tuple[str, ...], tmp_path: Path
) -> None:
    key, home = key_of(signposted), tmp_path / "s"
    with posting(signposted.public, nodes) as post:
        follow(KeyOrigin(key, home, reach(nodes, post)), tmp_path / "trust", now=NOW)
        (tree,) = home.glob("*/")
        edition, metadata = next(tree.glob("public/targets/*.edition.json")), tree / "public" / "metadata"
        good = edition.read_bytes()
        edition.write_bytes(bytes(len(good)))
        (metadata / "timestamp.json").unlink()
        fresh = KeyOrigin(key, home, reach(nodes, post))
        assert follow(fresh, tmp_path / "fresh", now=NOW).edition.number == 1
        assert edition.read_bytes() == good
    (home / "item").write_bytes(b"")
    assert KeyOrigin(key, home, reach(nodes)).post is None  # the DHT is asked, as at first


def test_trees_that_cannot_be_had_do_not_pile_up(
    signposted: Publisher, nodes: tuple[str, ...], tmp_path: Path
) -> None:
    private, home = load_private(signposted.folder / "keys" / f"{SIGNPOST}.pem"), tmp_path / "s"
    with posting(signposted.public, nodes) as post:
        first = KeyOrigin(key_of(signposted), home, reach(nodes, post)).renew()
        for number in (1, 2):
            goal = Directions(f"{number:040x}", first.fingerprint)
            put(make_signpost(private, 100 + number, goal), resolve_nodes(nodes))
            with pytest.raises(NetworkError, match="did not come"):
                KeyOrigin(key_of(signposted), home, reach(nodes, patience=0.5)).renew()
            assert {one.name for one in home.glob("*/")} == {first.infohash, goal.infohash}


def test_a_key_that_the_archive_names_no_more_is_said(
    signposted: Publisher, nodes: tuple[str, ...], tmp_path: Path
) -> None:
    pem = signposted.folder / "keys" / f"{SIGNPOST}.pem"
    old = key_of(signposted)
    pem.rename(tmp_path / "old.pem")
    write_key(pem)
    signposted.publish(2)
    new = pem.read_bytes()
    shutil.copy(tmp_path / "old.pem", pem)
    put_up_signpost(signposted.public, signposted.folder / "keys")
    pem.write_bytes(new)
    with posting(signposted.public, nodes) as post:
        followed = follow(KeyOrigin(old, tmp_path / "s", reach(nodes, post)), tmp_path / "trust", now=NOW)
    assert "does not name the key" in followed.warnings[0]
    assert followed.signposts == (key_of(signposted).hex(),)


def test_a_key_that_nobody_put_or_a_tree_that_nobody_has_is_said(
    signposted: Publisher, nodes: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(NetworkError, match="no signpost of the key"):
        follow(KeyOrigin(bytes(31) + b"\1", tmp_path / "s", reach(nodes)), tmp_path / "trust", now=NOW)
    with posting(signposted.public, nodes) as post:
        small = replace(reach(nodes, post), most=10_000, patience=6.0)
        with pytest.raises(NetworkError, match="more than the 10000 that it may have"):
            follow(KeyOrigin(key_of(signposted), tmp_path / "s", small), tmp_path / "trust", now=NOW)
        assert not list((tmp_path / "s").rglob("*.torrent"))
    origin = KeyOrigin(key_of(signposted), tmp_path / "s", reach(nodes, patience=0.5))
    with pytest.raises(NetworkError, match="did not come: nobody who has it was found"):
        follow(origin, tmp_path / "trust", now=NOW)


def test_a_mirror_that_serves_keeps_the_signpost_standing_and_gives_what_it_has(
    signposted: Publisher, nodes: tuple[str, ...], tmp_path: Path
) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(signposted.folder))
    run(mirror)
    shutil.rmtree(mirror.public / "targets" / "editions" / "1" / "torrents")  # it does not hold those bags
    key, said = key_of(signposted), list[str]()
    with standing_signpost(mirror.public, reach(nodes), said.append) as post:
        wait_for(lambda: find(key, resolve_nodes(nodes)).item is not None, timeout=60.0)
        wait_for(lambda: post.port)
        origin = KeyOrigin(key, tmp_path / "s", reach(nodes, post, patience=3.0))
        with pytest.raises(NetworkError, match="did not come"):
            origin.renew()
        shutil.copytree(
            signposted.public / "targets" / "editions" / "1" / "torrents",
            tmp_path
            / "s"
            / check_signpost(post_of(signposted)).infohash
            / "public/targets/editions/1/torrents",
        )
        assert origin.renew().fingerprint
    assert said == []


def post_of(publisher: Publisher) -> Signpost:
    return read_signpost((publisher.public / ITEM).read_bytes())


def test_a_mirror_takes_over_only_a_signpost_that_the_archive_names(
    signposted: Publisher, tmp_path: Path
) -> None:
    with served(signposted.public) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        run(mirror)
        good = (signposted.public / ITEM).read_bytes()
        assert (mirror.public / ITEM).read_bytes() == good
        asked = web.sent[f"/{TORRENT}"]
        assert asked
        run(mirror)
        assert web.sent[f"/{TORRENT}"] == asked
        (mirror.public / TORRENT).write_bytes(b"")
        run(mirror)
        assert web.sent[f"/{TORRENT}"] == 2 * asked
        pem = signposted.folder / "keys" / f"{SIGNPOST}.pem"
        pem.unlink()
        write_key(pem)
        put_up_signpost(signposted.public, signposted.folder / "keys")
        assert (signposted.public / ITEM).read_bytes() != good
        run(mirror)
        assert (mirror.public / ITEM).read_bytes() == good
