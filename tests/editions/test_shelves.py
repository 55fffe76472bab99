from __future__ import annotations

import pytest

from phonotheque.editions.shelves import Shelved, bags_folder, shelf, shelved, torrent_path
from phonotheque.model.territory import COUNTRIES
from phonotheque.vault.names import check_portable


@pytest.mark.parametrize(
    ("audience", "bags", "torrent"),
    [
        ("WORLD", "bags", "editions/2/torrents/a-0001.torrent"),
        ("FR", "restricted/FR/bags", "editions/2/restricted/FR/a-0001.torrent"),
        ("DE FR", "restricted/DE_FR/bags", "editions/2/restricted/DE_FR/a-0001.torrent"),
        ("WORLD -DE", "restricted/WORLD_-DE/bags", "editions/2/restricted/WORLD_-DE/a-0001.torrent"),
    ],
)
def test_each_audience_has_its_place_and_the_way_back(audience: str, bags: str, torrent: str) -> None:
    assert bags_folder(audience) == bags
    assert torrent_path(2, "a-0001", audience) == torrent
    assert shelved(f"targets/{torrent}") == Shelved(shelf(audience), "a-0001", None)
    assert shelved(f"{bags}/a-0001/data/x.ogg") == Shelved(shelf(audience), "a-0001", "data/x.ogg")
    assert shelved(f"{bags}/a-0001") == Shelved(shelf(audience), "a-0001", "")


def test_a_long_list_of_countries_has_a_short_name_of_its_own() -> None:
    many = sorted(COUNTRIES)[:100]
    first, second = " ".join(many), " ".join(many[1:])
    assert shelf(first) != shelf(second)
    for audience in (first, second, "WORLD -DE"):
        assert check_portable(bags_folder(audience)) is None


@pytest.mark.parametrize("path", ["index.html", "bags", "targets/edition.json", "metadata/timestamp.json"])
def test_all_else_belongs_to_no_bag(path: str) -> None:
    assert shelved(path) is None
