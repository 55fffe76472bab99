"""Browse, search, hear and keep with py-opensonic: address, port, name, password. Prints what came of it.

This runs in an environment of its own (scripts/players.sh), without the project.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from typing import Any

from libopensonic import AsyncConnection  # type: ignore[import-not-found]


async def listen(url: str, port: int, name: str, password: str) -> dict[str, Any]:
    """Do what a player does."""
    player = AsyncConnection(url, name, password, port)
    told: dict[str, Any] = {"ping": await player.ping()}
    told["extensions"] = [one.name for one in await player.get_open_subsonic_extensions()]
    told["license"] = (await player.get_license())["license"]["valid"]
    index = (await player.get_artists()).index
    artist = await player.get_artist(index[0].artist[0].id)
    album = await player.get_album(artist.album[0].id)
    told["album"] = [album.name, album.song_count, [song.title for song in album.song]]
    folders = (await player.get_indexes()).index
    directory = await player.get_music_directory(folders[0].artist[0].id)
    told["directory"] = [child.title for child in directory.child]
    found = await player.search3("")
    told["everything"] = [song.title for song in found.song]
    told["found"] = [song.title for song in (await player.search2("open")).song]
    told["lists"] = [len(await player.get_album_list2(kind)) for kind in ("newest", "random", "frequent")]
    told["random"] = len(await player.get_random_songs(2))
    told["genres"] = [genre.value for genre in await player.get_genres()]
    song = await player.get_song(album.song[0].id)
    answer = await player.stream(song.id)
    sound = await answer.read()
    told["stream"] = [len(sound) == song.size, hashlib.sha256(sound).hexdigest(), answer.status]
    told["scrobble"] = await player.scrobble(song.id)
    told["user"] = (await player.get_user(name)).playlist_role
    if name != "guest":
        await player.star([song.id], [album.id], [artist.id])
        stars = await player.get_starred2()
        told["stars"] = [len(stars.song), len(stars.album), len(stars.artist)]
        await player.unstar([song.id], [album.id], [artist.id])
        await player.create_playlist(name="From py-opensonic", song_ids=[song.id, song.id])
        made = next(one for one in await player.get_playlists() if one.owner == name)
        await player.update_playlist(made.id, song_indices_to_remove=[0], comment="one")
        kept = await player.get_playlist(made.id)
        told["playlist"] = [kept.name, kept.comment, [entry.title for entry in kept.entry]]
        told["playlists"] = [one.name for one in await player.get_playlists()]
        await player.delete_playlist(made.id)
    await player.cleanup()
    return told


address, number, who, secret = sys.argv[1:]
print(json.dumps(asyncio.run(listen(address, int(number), who, secret))))
