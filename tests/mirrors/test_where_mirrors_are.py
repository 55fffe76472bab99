"""Bags that not everybody may have, and mirrors that say where they are, or do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from phonotheque.ledger.holdings import all_holdings
from phonotheque.mirrors.home import leaving, open_mirror
from phonotheque.model.errors import UsageError
from tests.mirrors.mirror_publisher import LOCAL, Publisher, music, served, tree, wait_for
from tests.mirrors.mirror_runs import complete, mirroring, run
from tests.mirrors.test_revisions import GONE, SONGS, assert_gone, erased, sha, tag_bytes

pytestmark = pytest.mark.ledger  # a mirror has one

EVERYWHERE = ("audio-1", "catalogue-1")


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.bag("french-1", music("french", 2), audience="FR")
    publisher.bag("not-german-1", music("not german", 2), audience="WORLD -DE")
    publisher.publish(1)
    return publisher


@pytest.mark.parametrize(
    ("country", "held", "why"),
    [
        ("", (), {"french-1": "is for FR only; say where", "not-german-1": "is for WORLD but DE only; say"}),
        ("FR", ("french-1", "not-german-1"), {}),
        ("be", ("not-german-1",), {"french-1": "is for FR only, and this mirror is in BE"}),
        ("DE", (), {"french-1": "in DE", "not-german-1": "in DE"}),
    ],
)
def test_a_mirror_is_offered_what_may_be_had_where_it_is(
    published: Publisher, tmp_path: Path, country: str, held: tuple[str, ...], why: dict[str, str]
) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder), country=country)
    result = run(mirror)
    assert set(result.complete) == {*EVERYWHERE, *held}
    left_out = dict(result.left_out)
    assert left_out.keys() == why.keys()
    for bag, words in why.items():
        assert words in left_out[bag]
    for shelf, bag in (("FR", "french-1"), ("WORLD_-DE", "not-german-1")):
        link = mirror.public / "restricted" / shelf / "bags" / bag
        assert link.is_dir() == (bag in held)
        assert not (mirror.public / "bags" / bag).is_symlink()
        if bag in held:
            assert tree(link) == tree(published.folder / "vault" / "bags" / bag)
    assert open_mirror(tmp_path / "mirror").settings.mirror.country == country.upper()


def test_a_country_that_is_none_is_refused(published: Publisher, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="“EU” is no country"):
        open_mirror(tmp_path / "mirror", str(published.folder), country="EU")
    assert not (tmp_path / "mirror").exists()
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    settings = mirror.folder / "phonotheque.toml"
    settings.write_text(settings.read_text().replace("[mirror]\n", '[mirror]\ncountry = "Nowhere"\n'))
    with pytest.raises(UsageError, match=r"\[mirror\] country: “Nowhere” is no country"):
        open_mirror(tmp_path / "mirror")


def test_a_mirror_that_moves_erases_what_may_not_be_there(published: Publisher, tmp_path: Path) -> None:
    run(open_mirror(tmp_path / "mirror", str(published.folder), country="FR"))
    mirror = open_mirror(tmp_path / "mirror", country="DE")
    result = run(mirror)
    assert result.complete == EVERYWHERE
    assert not (mirror.public / "restricted" / "FR" / "bags" / "french-1").is_symlink()
    assert not list(mirror.public.rglob("french-1.torrent"))
    assert {path.name for path in mirror.bags.iterdir()} == set(EVERYWHERE)
    assert not any(leaving(mirror).iterdir())
    french = {sha(data) for data in music("french", 2).values()}
    assert french <= erased(mirror).keys()
    with mirror.ledger.connect() as ledger:
        assert set(all_holdings(ledger)) == set(EVERYWHERE)
    back = run(open_mirror(tmp_path / "mirror", country="FR"))
    assert set(back.complete) == {*EVERYWHERE, "french-1", "not-german-1"}


@pytest.mark.parametrize("country", ["FR", "JP", ""])
def test_an_audience_that_narrows(published: Publisher, tmp_path: Path, country: str) -> None:
    """One file of a bag for the world is withdrawn in France: elsewhere it goes on in a bag of its own."""
    published.with_index = True
    mirror = open_mirror(tmp_path / "mirror", str(published.folder), country=country)
    run(mirror)
    fresh = published.revise("audio-1", GONE, edition=2, territory="FR")
    rest = published.bag("not-french-1", {GONE: SONGS[GONE]}, edition=2, audience="WORLD -FR")
    published.publish(2)
    assert fresh
    result = run(mirror)
    assert "audio-1-r2" in result.complete
    assert result.fetched <= tag_bytes(fresh, rest)
    if country == "JP":
        assert "not-french-1" in result.complete
        assert sha(SONGS[GONE]) not in erased(mirror)
    else:
        assert "not-french-1" in dict(result.left_out)
        assert_gone(mirror, SONGS[GONE])
        assert sha(SONGS[GONE]) in erased(mirror)


def test_a_restricted_bag_with_a_torrent_for_everybody_is_refused(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("french-1", audience="FR", private=False)
    publisher.publish(1)
    result = run(open_mirror(tmp_path / "mirror", str(publisher.folder), country="FR"))
    assert "not private" in dict(result.refused)["french-1"]
    assert result.complete == ("catalogue-1",)


def test_restricted_bags_come_by_http_and_from_known_peers(published: Publisher, tmp_path: Path) -> None:
    with served(published.public) as web, served(published.public, bags=False) as bare:
        first = open_mirror(tmp_path / "first", web.url, country="FR")
        everything = {*EVERYWHERE, "french-1", "not-german-1"}
        with mirroring(first) as (ports, _):
            wait_for(lambda: ports and complete(first) == everything, 60)
            second = open_mirror(tmp_path / "second", bare.url, country="FR")
            peers_only = replace(LOCAL, web_seed=False)
            result = run(second, peers=[f"127.0.0.1:{ports[0]}"], swarm=peers_only)
            assert set(result.complete) == everything
            assert bare.bag_bytes == 0
    for mirror in (first, second):
        for bag in everything:
            assert tree(mirror.bags / bag) == tree(published.folder / "vault" / "bags" / bag)
