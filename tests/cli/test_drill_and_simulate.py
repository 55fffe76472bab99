"""phono drill and phono simulate, as people run them."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Phono
from tests.conftest import MakeArchive
from tests.mirrors.mirror_publisher import Publisher, served
from tests.mirrors.reported import publishing

SMALL = ("--bags", 40, "--bag-size", "1GB..2GB", "--mirrors", 8, "--budget", "20GB..60GB", "--years", 2)


@pytest.fixture
def published(tmp_path: Path) -> Publisher:
    folder = tmp_path / "archive"
    folder.mkdir()
    publisher = Publisher(folder)
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.publish(1)
    return publisher


def test_years_are_simulated_from_options_and_drawn(phono: Phono, tmp_path: Path) -> None:
    told = phono("simulate", *SMALL, "--publisher-lost-after", 1, "--runs", 3, "--plot", tmp_path / "a.svg")
    assert told.code == 0, told.err
    assert "40 bags" in told.out
    assert "8 mirrors" in told.out
    assert "That any bag is lost" in told.out
    drawn = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert drawn.tag.endswith("svg")
    assert "lost" in (tmp_path / "a.svg").read_text()


def test_a_scenario_comes_from_a_file_and_options_go_before_it(phono: Phono, tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(
        'bags = 30\nyears = 1\nbag_size = "1GB"\npublisher_lost_after = 0.5\n'
        '[[mirrors]]\nname = "homes"\ncount = 5\nbudget = "10GB..40GB"\ndownload = "20Mbit/s"\nliars = 0.2\n'
        '[[mirrors]]\nname = "libraries"\ncount = 1\nbudget = "1TB"\nloses = "all"\n'
        "[[shocks]]\nyear = 0.7\nshare = 0.5\n"
    )
    told = phono("simulate", file, "--bags", 20, "--json").data
    assert told["scenario"]["bags"] == 20
    assert [group["name"] for group in told["scenario"]["groups"]] == ["homes", "libraries"]
    assert sum(told["result"]["copies"]) == 20
    assert told == phono("simulate", file, "--bags", 20, "--json").data
    assert told["result"] != phono("simulate", file, "--bags", 20, "--seed", 2, "--json").data["result"]
    refused = phono("simulate", file, "--mirrors", 3)
    assert refused.code == 2
    assert "2 groups" in refused.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bags = 0", "bags is 0"),
        ("bags = 1.5", "bags is 1.5"),
        ("years = true", "years is True"),
        ("mirrors = 3", "mirrors must be a list"),
        ("colour = 1", "no field 'colour'"),
        ('[[mirrors]]\nbudget = "8TB..2TB"', "no range of sizes"),
        ('[[mirrors]]\nbudget = "much"', "not a size"),
        ('[[mirrors]]\ndownload = "fast"', "no speed"),
        ('[[mirrors]]\nloses = "some"', "loses"),
        ("[[mirrors]]\ncount = 10000000", "the number of mirrors"),
        ("[[mirrors]]\nliars = 2", "liars is 2"),
        ("bags = [", "not TOML"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused_by_the_field(
    phono: Phono, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "scenario.toml").write_text(text)
    refused = phono("simulate", tmp_path / "scenario.toml")
    assert refused.code == 2
    assert said in refused.err


def test_a_scenario_that_is_not_there_is_said(phono: Phono, tmp_path: Path) -> None:
    assert phono("simulate", tmp_path / "none.toml").code == 3


def test_a_drill_of_an_archive_tells_and_keeps_what_mirrors_proved(
    phono: Phono, published: Publisher, make_archive: MakeArchive, tmp_path: Path
) -> None:
    publishing(make_archive(folder=published.folder), {bag.id: bag.bytes for bag in published.bags}).close()
    assert phono("drill", published.folder).code == 3  # nobody has told an address
    lying = tmp_path / "lying"
    shutil.copytree(published.public, lying)
    for file in lying.glob("bags/*/**/*"):
        if file.is_file():
            size = file.stat().st_size
            file.chmod(0o644)
            file.write_bytes(bytes(size))
    with served(published.public) as honest, served(lying) as other:
        fine = phono("drill", published.folder, "--mirror", honest.url, "--seed", "s", "--json")
        assert fine.code == 0, fine.err
        assert fine.data["proved"] == 2
        assert fine.data["restore"]["seconds_from_the_quickest"] > 0
        both = phono("drill", published.folder, "--mirror", honest.url, "--mirror", other.url)
        assert both.code == 4
        assert f"{other.url}/: " in both.err
        assert "not those that were sealed" in both.err
        assert honest.url not in both.err
        assert "To fetch all of edition 1" in both.out
    gone = phono("drill", published.folder, "--mirror", honest.url)
    assert gone.code == 5
    assert f"{honest.url}/: " in gone.err


def test_anybody_can_hold_a_drill_with_a_public_tree_or_a_mirror(
    phono: Phono, published: Publisher, tmp_path: Path, make_archive: MakeArchive
) -> None:
    mirror = tmp_path / "mirror"
    with served(published.public) as web:
        assert phono("drill", web.url, "--mirror", web.url, "--restore-bag").code == 0
        assert phono("drill", web.url, "--mirror", web.url, "--trust", "ab" * 32).code == 4
        made = phono("mirror", published.folder, mirror, "--budget", "1GB", "--once", "--no-discovery")
        assert made.code == 0, made.err
        told = phono("drill", mirror, "--mirror", web.url, "--restore", 0)
        assert told.code == 0, told.err
        assert "proved by random blocks" in told.out
        assert "To fetch all" not in told.out
