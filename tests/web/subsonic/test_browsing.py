"""Players browse, search and list what is on the shelves."""

from __future__ import annotations

from typing import Any

import pytest

from phonotheque.vault.archive import Archive
from tests.web.room.archives import RELEASE_MBID, Title
from tests.web.subsonic.player import ELEMENT, Player, playing

EVERYWHERE = {Title.OPENING, Title.SECOND_AIR}


def test_what_may_be_heard_depends_on_where_one_is(player: Player) -> None:
    everywhere, france = player.songs(), player.there("FR").songs()
    assert everywhere.keys() >= EVERYWHERE
    assert Title.FRANCE not in everywhere
    assert Title.FRANCE in france
    assert Title.OLD_WAX in france
    assert Title.OLD_WAX not in player.there("US").songs()
    for title in (Title.TAKEN_BACK, Title.ONLY_KEPT, Title.NEVER_HELD):
        assert title not in france


def test_what_may_not_be_heard_there_is_not_known_there(player: Player) -> None:
    song = player.there("FR").songs()[Title.FRANCE]
    for name, key in (("getSong", "id"), ("getAlbum", "albumId"), ("getMusicDirectory", "albumId")):
        assert player.there("FR").told(name, id=song[key])
        hidden = player.there("DE").raw(name, id=song[key])
        assert Title.FRANCE not in str(hidden)


def test_the_most_listened_come_first(player: Player) -> None:
    listened = list(player.songs())
    assert listened[:2] == [Title.OPENING, Title.SECOND_AIR]
    albums = player.told("getAlbumList2", type="frequent")["albumList2"]["album"]
    assert albums[0]["name"] == "First Light"


def test_shelves_are_folders_with_whole_numbers(player: Player) -> None:
    folders = player.told("getMusicFolders")["musicFolders"]["musicFolder"]
    assert [folder["id"] for folder in folders] == [1, 2, 10]
    newest = player.there("FR").songs(musicFolderId=2)
    assert newest.keys() < player.there("FR").songs(musicFolderId=1).keys() or newest
    assert player.refused("search3", query="", musicFolderId=77) == 70


def test_an_artist_leads_to_albums_and_they_to_songs(player: Player) -> None:
    index = player.told("getArtists")["artists"]["index"]
    artists = {artist["name"]: artist for letter in index for artist in letter["artist"]}
    artist = player.told("getArtist", id=artists["Ensemble Aurore"]["id"])["artist"]
    assert artist["albumCount"] == len(artist["album"])
    album = player.told("getAlbum", id=artist["album"][0]["id"])["album"]
    assert (album["name"], album["musicBrainzId"]) == ("First Light", RELEASE_MBID)
    places = [(song["discNumber"], song["track"]) for song in album["song"]]
    assert places == sorted(places)
    assert album["songCount"] == len(album["song"])
    assert sum(song["duration"] for song in album["song"]) == pytest.approx(album["duration"], abs=2)
    song = player.told("getSong", id=album["song"][0]["id"])["song"]
    assert song == album["song"][0]
    assert song["contentType"] == "audio/flac"
    assert song["isDir"] is False
    assert song["isrc"]


def test_the_same_is_browsed_as_folders(player: Player) -> None:
    index = player.told("getIndexes")["indexes"]
    assert player.told("getIndexes", ifModifiedSince=index["lastModified"])["indexes"].get("index") is None
    artists = {artist["name"]: artist for letter in index["index"] for artist in letter["artist"]}
    of_artist = player.told("getMusicDirectory", id=artists["Ensemble Aurore"]["id"])["directory"]
    album = of_artist["child"][0]
    assert album["isDir"] is True
    songs = player.told("getMusicDirectory", id=album["id"])["directory"]
    assert songs["parent"] == of_artist["id"]
    assert {song["title"] for song in songs["child"]} >= {Title.OPENING}
    shelf = player.told("getMusicDirectory", id="1")["directory"]
    assert {child["id"] for child in shelf["child"]} == {artist["id"] for artist in artists.values()}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("open", True),
        ("ÓPENING aurore", True),
        ('"opening"', True),
        ("opening nobody", False),
        ("'\" OR *", False),
        ("NEAR(", False),
    ],
)
def test_words_find_songs_by_their_beginnings(player: Player, query: str, found: bool) -> None:
    for name, result in (("search2", "searchResult2"), ("search3", "searchResult3")):
        songs = player.told(name, query=query)[result]["song"]
        assert any(song["title"] == Title.OPENING for song in songs) is found


def test_words_find_artists_and_albums(player: Player) -> None:
    found = player.told("search3", query="aurore")["searchResult3"]
    assert [artist["name"] for artist in found["artist"]] == ["Ensemble Aurore"]
    assert {album["name"] for album in found["album"]} >= {"First Light"}


def test_an_empty_query_finds_everything_page_by_page(player: Player) -> None:
    everything = list(player.songs())
    paged: list[Any] = []
    while True:
        page = player.told("search3", query='""', songCount=1, songOffset=len(paged))["searchResult3"]
        if not page["song"]:
            break
        paged += [song["title"] for song in page["song"]]
    assert paged == everything
    assert player.refused("search3") == 10


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "newest"},
        {"type": "random"},
        {"type": "frequent"},
        {"type": "alphabeticalByName"},
        {"type": "alphabeticalByArtist"},
        {"type": "byYear", "fromYear": 1900, "toYear": 2100},
        {"type": "byYear", "fromYear": 2100, "toYear": 1900},
    ],
)
def test_albums_are_listed(player: Player, asked: dict[str, Any]) -> None:
    names = {album["name"] for album in player.told("getAlbumList2", **asked)["albumList2"]["album"]}
    assert "First Light" in names
    titles = {album["title"] for album in player.told("getAlbumList", **asked)["albumList"]["album"]}
    assert titles == names


@pytest.mark.parametrize("kind", ["recent", "highest", "starred", "byGenre"])
def test_lists_that_nobody_fills_are_empty(player: Player, kind: str) -> None:
    assert player.told("getAlbumList2", type=kind, genre="Polka")["albumList2"]["album"] == []


def test_a_list_that_makes_no_sense_is_refused(player: Player) -> None:
    assert player.refused("getAlbumList2") == 10
    assert player.refused("getAlbumList2", type="loudest") == 0
    assert player.refused("getAlbumList2", type="newest", size="many") == 0
    assert player.refused("getAlbumList2", type="byYear") == 10


def test_songs_come_at_random_and_by_their_artist(player: Player) -> None:
    drawn = player.told("getRandomSongs", size=500)["randomSongs"]["song"]
    assert {song["title"] for song in drawn} == player.songs().keys()
    old = player.told("getRandomSongs", fromYear=1900, toYear=1901)["randomSongs"]["song"]
    assert old == []
    top = player.told("getTopSongs", artist="ensemble AURORE", count=1)["topSongs"]["song"]
    assert [song["title"] for song in top] == [Title.OPENING]
    similar = player.told("getSimilarSongs2", id=top[0]["artistId"])["similarSongs2"]["song"]
    assert {song["artist"] for song in similar} == {"Ensemble Aurore"}


@pytest.mark.parametrize("name", ["getArtist", "getAlbum", "getSong", "getMusicDirectory"])
@pytest.mark.parametrize("key", ["ar-00", "al-" + "0" * 20, "999", "tr-x", "' OR 1", "ar-" + "f" * 20])
def test_what_is_not_there_is_not_found(player: Player, name: str, key: str) -> None:
    assert player.refused(name, id=key) == 70


def test_hostile_titles_are_text(player: Player) -> None:
    songs = player.there("FR").xml("search3", query="").iter(f"{ELEMENT}song")
    titles = {song.get("title") for song in songs}
    assert any(title.startswith("</script><script>") for title in titles)
    assert not any("\u202e" in title for title in titles)


def test_a_mirror_shows_what_it_holds(own_twin: Archive) -> None:
    with playing(own_twin) as found:
        assert found.there("DE").songs().keys() >= EVERYWHERE
        assert found.told("getScanStatus")["scanStatus"]["scanning"] is False
