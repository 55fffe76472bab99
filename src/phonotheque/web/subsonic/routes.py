"""Where players call: /rest/NAME and /rest/NAME.view, by GET or by a form, answered in XML or JSON."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.model.errors import PhonothequeError
from phonotheque.web.subsonic import browsing, describing, keeping, listing, lyrics, media, system
from phonotheque.web.subsonic.answers import CallError, Code, answer, failure
from phonotheque.web.subsonic.asking import Parameters, read
from phonotheque.web.subsonic.call import Answers, Call
from phonotheque.web.subsonic.listeners import listeners_of
from phonotheque.web.subsonic.login import who
from phonotheque.web.subsonic.shelves import Shelves

ROUTES: Final = APIRouter()
_LOG = logging.getLogger("phonotheque.web")
_EXTENSIONS: Final = "getOpenSubsonicExtensions"
_ADMIN: Final = system.refused("This is not done through players.")
_RATED: Final = system.refused("Nothing is rated here.", Code.GENERIC)
_VIDEO: Final = system.refused("There is no video here.", Code.NOT_FOUND)
_HEADERS: Final = {
    # players in browsers come from elsewhere; nothing here knows anybody by a cookie
    "Access-Control-Allow-Origin": "*",
}

CALLS: Final[Mapping[str, Answers]] = {
    "ping": system.nothing,
    "getLicense": system.licence,
    "tokenInfo": system.token_info,
    "getUser": system.user,
    "getScanStatus": system.scan_status,
    "getMusicFolders": browsing.music_folders,
    "getIndexes": browsing.indexes,
    "getMusicDirectory": browsing.directory,
    "getGenres": browsing.genres,
    "getArtists": browsing.artists,
    "getArtist": browsing.artist,
    "getAlbum": browsing.album,
    "getSong": browsing.song,
    "getArtistInfo": browsing.artist_info("artistInfo"),
    "getArtistInfo2": browsing.artist_info("artistInfo2"),
    "getAlbumInfo": browsing.album_info,
    "getAlbumInfo2": browsing.album_info,
    "getTopSongs": browsing.top_songs,
    "getSimilarSongs": browsing.similar_songs("similarSongs"),
    "getSimilarSongs2": browsing.similar_songs("similarSongs2"),
    "getAlbumList": listing.album_list("albumList", describing.album_folder),
    "getAlbumList2": listing.album_list("albumList2", describing.album),
    "getRandomSongs": listing.random_songs,
    "getSongsByGenre": listing.songs_by_genre,
    "getStarred": listing.starred("starred", folders=True),
    "getStarred2": listing.starred("starred2", folders=False),
    "search2": listing.search("searchResult2", folders=True),
    "search3": listing.search("searchResult3", folders=False),
    "getPlaylists": keeping.playlists,
    "getPlaylist": keeping.playlist,
    "createPlaylist": keeping.create_playlist,
    "updatePlaylist": keeping.update_playlist,
    "deletePlaylist": keeping.delete_playlist,
    "star": keeping.star,
    "unstar": keeping.unstar,
    "scrobble": keeping.scrobble,
    "stream": media.stream,
    "download": media.download,
    "getLyrics": lyrics.lyrics,
    "getLyricsBySongId": lyrics.lyrics_of_song,
    "getCoverArt": media.cover,
    "getAvatar": media.avatar,
    # what there is none of: players ask for it all the same, and stop at an error
    "getNowPlaying": system.none("nowPlaying", {"entry": []}),
    "getPodcasts": system.none("podcasts"),
    "getNewestPodcasts": system.none("newestPodcasts"),
    "getInternetRadioStations": system.none("internetRadioStations"),
    "getBookmarks": system.none("bookmarks"),
    "getShares": system.none("shares"),
    "getChatMessages": system.none("chatMessages"),
    "getVideos": system.none("videos"),
    "getVideoInfo": _VIDEO,
    "getCaptions": _VIDEO,
    "hls": _VIDEO,
    "hls.m3u8": _VIDEO,
    "setRating": _RATED,
    **dict.fromkeys(
        (
            "addChatMessage",
            "changePassword",
            "createBookmark",
            "createInternetRadioStation",
            "createPodcastChannel",
            "createShare",
            "createUser",
            "deleteBookmark",
            "deleteInternetRadioStation",
            "deletePodcastChannel",
            "deletePodcastEpisode",
            "deleteShare",
            "deleteUser",
            "downloadPodcastEpisode",
            "getPlayQueue",
            "getUsers",
            "jukeboxControl",
            "refreshPodcasts",
            "savePlayQueue",
            "startScan",
            "updateInternetRadioStation",
            "updateShare",
            "updateUser",
        ),
        _ADMIN,
    ),
}


@ROUTES.api_route("/rest/{name}", methods=["GET", "HEAD", "POST"], include_in_schema=False)
async def rest(request: Request, name: str) -> Response:
    """Answer a call. What goes wrong is told in the form that was asked for."""
    form = "xml"
    try:
        asked = await read(request)
        form = _form(asked)
        response = await run_in_threadpool(_answered, request, name.removesuffix(".view"), asked, form)
    except CallError as error:
        response = failure(error, form)
    except (PhonothequeError, SQLAlchemyError, sqlite3.Error) as error:
        _LOG.error("A player was not answered: %s", error)
        response = failure(CallError(Code.GENERIC, "This cannot be done just now.", status=503), form)
    for header, value in _HEADERS.items():
        response.headers.setdefault(header, value)
    # of sound and pictures a player may keep its own copy, and asks each time whether it still may
    kept = "etag" in response.headers
    response.headers.setdefault("Cache-Control", "private, no-cache" if kept else "no-store")
    return response


def _answered(request: Request, name: str, asked: Parameters, form: str) -> Response:
    if name == _EXTENSIONS:
        return answer(system.extensions(), form)
    if name not in CALLS:
        raise CallError(Code.GENERIC, "There is no such call here.", status=404)
    shelves: Shelves = request.app.state.shelves
    visitor = who(asked, listeners_of(request.app.state.room.archive))
    found = CALLS[name](Call(request, asked, visitor, shelves))
    return found if isinstance(found, Response) else answer(found, form)


def _form(asked: Parameters) -> str:
    """Return "xml" or "json". CallError for another: JSON that runs as a script is none of them."""
    form = asked.text("f", "xml") or "xml"
    if form not in ("xml", "json"):
        raise CallError(Code.GENERIC, f"There is no format “{form:.20}” here: ask for xml or json.")
    return form
