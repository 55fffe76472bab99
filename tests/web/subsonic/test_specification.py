"""Every answer is as OpenSubsonic's own description (OpenAPI) has it, as schemathesis sees it.

The description is not ours to keep here: OPENSUBSONIC names its openapi.json (in the folder openapi of
github.com/opensubsonic/open-subsonic-api), else this is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from phonotheque.vault.archive import Archive
from phonotheque.web.subsonic.listeners import listeners_of
from tests.tools import harvesters
from tests.web.room.archives import Title
from tests.web.subsonic.player import Player

PROGRAM = Path(__file__).parent / "clients" / "with_specification.py"
DESCRIPTION = os.environ.get("OPENSUBSONIC", "")
# Calls that must have succeeded at least once.
ANSWERED = {
    *("createPlaylist", "deletePlaylist", "getAlbum", "getAlbumInfo2", "getAlbumList", "getAlbumList2"),
    *("getArtist", "getArtistInfo2", "getArtists", "getGenres", "getIndexes", "getLicense", "getLyrics"),
    *(
        "getLyricsBySongId",
        "getMusicDirectory",
        "getMusicFolders",
        "getOpenSubsonicExtensions",
        "getPlaylist",
    ),
    *("getPlaylists", "getRandomSongs", "getScanStatus", "getSimilarSongs2", "getSong", "getSongsByGenre"),
    *(
        "getStarred",
        "getStarred2",
        "getTopSongs",
        "getUser",
        "ping",
        "scrobble",
        "search2",
        "search3",
        "star",
    ),
    *("unstar", "updatePlaylist"),
}


@pytest.mark.skipif(not DESCRIPTION, reason="OPENSUBSONIC does not name OpenSubsonic's openapi.json")
def test_answers_are_as_the_description_has_them(shelved: Archive, player: Player) -> None:
    one, key = listeners_of(shelved).add("Specification")
    song = player.songs()[Title.OPENING]
    listener = player.known_as(apiKey=key)
    first, second = (
        listener.told("createPlaylist", name=name, songId=song["id"])["playlist"]["id"] for name in "ab"
    )
    listener.told("star", id=song["id"], albumId=song["albumId"], artistId=song["artistId"])
    sensible = {
        **_each({"id": song["id"]}, "getSong", "getLyricsBySongId", "getSimilarSongs", "scrobble", "star"),
        **_each({"id": song["albumId"]}, "getAlbum", "getMusicDirectory", "getAlbumInfo2", "unstar"),
        **_each({"id": song["artistId"]}, "getArtist", "getArtistInfo2", "getSimilarSongs2"),
        **_each({"type": "newest"}, "getAlbumList", "getAlbumList2"),
        "getPlaylist": {"id": first},
        "updatePlaylist": {"playlistId": first, "name": "c", "public": "false"},
        "deletePlaylist": {"id": second},
        "createPlaylist": {"name": "d", "songId": song["id"], "playlistId": ""},
        "getTopSongs": {"artist": song["artist"]},
        "getLyrics": {"title": song["title"]},
        "getUser": {"username": one.name},
        "getSongsByGenre": {"genre": "x"},
        "search2": {"query": "a"},
        "search3": {"query": ""},
    }
    words = [harvesters(), PROGRAM, DESCRIPTION, player.url.rstrip("/")]
    login = {"u": one.name, "p": one.password}
    done = subprocess.run(
        [*map(str, words), json.dumps(login), json.dumps(sensible)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["wrong"] for each in told if each["wrong"]] == []
    answered = {each["call"].rsplit("/", 1)[1] for each in told if each["ok"]}
    assert answered >= ANSWERED
    assert sum(each["compared"] for each in told) > 2 * len(ANSWERED)


def _each(parameters: dict[str, str], *calls: str) -> dict[str, dict[str, str]]:
    return dict.fromkeys(calls, parameters)
