"""Stars and playlists: a listener's own, kept apart from everybody else's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from phonotheque.vault.archive import Archive
from phonotheque.web.subsonic import keeping, listeners
from phonotheque.web.subsonic.listeners import Listeners, listeners_of
from tests.web.room.archives import Title
from tests.web.subsonic.player import Player


@pytest.fixture
def ada(shelved: Archive, player: Player, request: pytest.FixtureRequest) -> Player:
    """A listener of this test alone, in France."""
    _, key = listeners_of(shelved).add(f"Ada-{abs(hash(request.node.name)) % 10**9}")
    return player.known_as(apiKey=key).there("FR")


@pytest.fixture
def bob(shelved: Archive, player: Player, request: pytest.FixtureRequest) -> Player:
    """Another one, in Germany."""
    _, key = listeners_of(shelved).add(f"Bob-{abs(hash(request.node.name)) % 10**9}")
    return player.known_as(apiKey=key).there("DE")


def test_stars_are_kept_and_taken_back(ada: Player, bob: Player) -> None:
    song = ada.songs()[Title.OPENING]
    ada.told("star", id=song["id"], albumId=song["albumId"], artistId=song["artistId"])
    for name, found in (("getStarred", "starred"), ("getStarred2", "starred2")):
        stars = ada.told(name)[found]
        assert [one["id"] for one in stars["song"]] == [song["id"]]
        assert [one["id"] for one in stars["album"]] == [song["albumId"]]
        assert [one["id"] for one in stars["artist"]] == [song["artistId"]]
        assert bob.told(name)[found]["song"] == []
    assert ada.told("getSong", id=song["id"])["song"]["starred"]
    assert "starred" not in bob.told("getSong", id=song["id"])["song"]
    assert ada.told("getAlbumList2", type="starred")["albumList2"]["album"][0]["id"] == song["albumId"]
    ada.told("unstar", id=[song["id"], song["albumId"]], artistId=song["artistId"])
    assert ada.told("getStarred2")["starred2"] == {"artist": [], "album": [], "song": []}


def test_what_cannot_be_starred_is_refused(ada: Player, player: Player) -> None:
    song = ada.songs()[Title.OPENING]
    assert player.refused("star", id=song["id"]) == 50
    assert ada.refused("star") == 10
    assert ada.refused("star", id="nothing") == 70
    assert ada.refused("star", albumId=song["id"]) == 70


def test_a_playlist_is_made_changed_and_removed(ada: Player) -> None:
    songs = ada.songs()
    first, second, french = (songs[title]["id"] for title in (Title.OPENING, Title.SECOND_AIR, Title.FRANCE))
    made = ada.told("createPlaylist", name="Été", songId=[second, first])["playlist"]
    assert [one["id"] for one in made["entry"]] == [second, first]
    key = made["id"]
    ada.told("updatePlaylist", playlistId=key, name="Summer", comment="A & B", songIdToAdd=[french, first])
    ada.told("updatePlaylist", playlistId=key, songIndexToRemove=[0, 77])
    found = ada.told("getPlaylist", id=key)["playlist"]
    assert [one["id"] for one in found["entry"]] == [first, french, first]
    assert (found["name"], found["comment"], found["songCount"]) == ("Summer", "A & B", 3)
    assert (found["public"], found["readonly"]) == (False, False)
    again = ada.told("createPlaylist", playlistId=key, songId=[french])["playlist"]
    assert [one["title"] for one in again["entry"]] == [Title.FRANCE]
    assert [one["id"] for one in ada.told("getPlaylists")["playlists"]["playlist"]] == [key]
    ada.told("deletePlaylist", id=key)
    assert ada.refused("getPlaylist", id=key) == 70


def test_playlists_are_private_unless_shown(ada: Player, bob: Player, player: Player) -> None:
    songs = ada.songs()
    wanted = [songs[title]["id"] for title in (Title.OPENING, Title.FRANCE)]
    key = ada.told("createPlaylist", name="Ours", songId=wanted)["playlist"]["id"]
    for other in (bob, player):
        assert other.refused("getPlaylist", id=key) == 70
        assert key not in str(other.told("getPlaylists"))
    assert bob.refused("updatePlaylist", playlistId=key, name="Mine") == 70
    ada.told("updatePlaylist", playlistId=key, public="true")
    shown = bob.told("getPlaylist", id=key)["playlist"]
    assert shown["readonly"] is True
    assert [one["title"] for one in shown["entry"]] == [Title.OPENING]  # as far as it may be heard there
    assert bob.refused("updatePlaylist", playlistId=key, name="Mine") == 50
    assert bob.refused("deletePlaylist", id=key) == 50
    assert player.refused("deletePlaylist", id=key) == 50
    assert ada.told("getPlaylist", id=key)["playlist"]["name"] == "Ours"


def test_nobody_makes_the_list_of_playlists_dear_for_others(
    ada: Player, bob: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = ada.songs()[Title.OPENING]["id"]
    key = ada.told("createPlaylist", name="Long", songId=[song] * 3)["playlist"]["id"]
    ada.told("updatePlaylist", playlistId=key, public="true")
    for most, listed in ((3, True), (2, False)):
        monkeypatch.setattr(keeping, "MOST_SHOWN", most)
        assert (key in str(bob.told("getPlaylists"))) is listed
        assert key in str(ada.told("getPlaylists"))
    assert bob.told("getPlaylist", id=key)["playlist"]["songCount"] == 3
    ada.told("deletePlaylist", id=key)


def test_songs_that_are_not_there_are_not_put_into_playlists(ada: Player, bob: Player) -> None:
    french = ada.songs()[Title.FRANCE]["id"]
    assert bob.refused("createPlaylist", name="x", songId=[french]) == 70
    assert ada.refused("createPlaylist", name="x", songId=["al-" + "0" * 20]) == 70
    assert ada.refused("createPlaylist") == 10
    assert not any(one["name"] == "x" for one in ada.told("getPlaylists")["playlists"]["playlist"])


def test_what_is_kept_is_bounded(ada: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    song = ada.songs()[Title.OPENING]["id"]
    monkeypatch.setattr(listeners, "MOST_ENTRIES", 3)
    monkeypatch.setattr(listeners, "MOST_PLAYLISTS", 1)
    monkeypatch.setattr(listeners, "MOST_STARS", 1)
    assert ada.refused("createPlaylist", name="long", songId=[song] * 4) == 0
    key = ada.told("createPlaylist", name="n" * 500, songId=[song] * 3)["playlist"]["id"]
    assert ada.refused("updatePlaylist", playlistId=key, songIdToAdd=song) == 0
    assert ada.told("getPlaylist", id=key)["playlist"]["songCount"] == 3
    assert ada.refused("createPlaylist", name="second") == 0
    assert ada.refused("star", id=["ar-" + "0" * 20, "ar-" + "1" * 20]) == 0
    assert ada.told("getStarred2")["starred2"]["artist"] == []


def test_what_is_heard_is_not_written_down(shelved: Archive, ada: Player, player: Player) -> None:
    song = ada.songs()[Title.OPENING]["id"]
    before = (shelved.folder / listeners.NAME).read_bytes()
    for one in (ada, player):
        one.told("scrobble", id=song, submission="true")
        assert one.ask("stream", id=song).status == 200
    assert (shelved.folder / listeners.NAME).read_bytes() == before
    assert ada.told("getNowPlaying")["nowPlaying"] == {"entry": []}


def test_who_reads_does_not_end_the_locks_of_who_writes(tmp_path: Path) -> None:
    listeners = Listeners(tmp_path)
    listeners.add("anna")
    write = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    with listeners._writing():
        assert listeners.named("anna")
        done = subprocess.run(
            [sys.executable, "-c", write, str(tmp_path / "listeners.sqlite")],
            capture_output=True,
            text=True,
            check=False,
        )
    assert "database is locked" in done.stderr
