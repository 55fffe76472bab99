// Browse, search, hear and keep with subsonic-api: address, name, password, and whether by forms. Prints what
// came of it. Run from the folder that scripts/players.sh makes.
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [folder, url, username, password, post] = process.argv.slice(2);
const library = pathToFileURL(join(folder, "node_modules", "subsonic-api", "lib", "index.js"));
const { SubsonicAPI } = await import(library);
const player = new SubsonicAPI({ url, auth: { username, password }, post: post === "post" });

const told = { ping: (await player.ping()).status };
told.folders = (await player.getMusicFolders()).musicFolders.musicFolder.map((one) => one.id);
const { artists } = await player.getArtists();
const { artist } = await player.getArtist({ id: artists.index[0].artist[0].id });
const { album } = await player.getAlbum({ id: artist.album[0].id });
told.album = [album.name, album.songCount, album.song.map((song) => song.title)];
const { indexes } = await player.getIndexes();
const { directory } = await player.getMusicDirectory({ id: indexes.index[0].artist[0].id });
told.directory = directory.child.map((child) => child.title);
const everything = await player.search3({ query: "" });
told.everything = everything.searchResult3.song.map((song) => song.title);
told.found = (await player.search2({ query: "open" })).searchResult2.song.map((song) => song.title);
told.lists = [];
for (const type of ["newest", "random", "frequent"]) {
  told.lists.push((await player.getAlbumList2({ type })).albumList2.album.length);
}
told.random = (await player.getRandomSongs({ size: 2 })).randomSongs.song.length;
told.genres = (await player.getGenres()).genres.genre.map((genre) => genre.value);
const { song } = await player.getSong({ id: album.song[0].id });
const answer = await player.stream({ id: song.id });
const sound = Buffer.from(await answer.arrayBuffer());
told.stream = [sound.length === song.size, createHash("sha256").update(sound).digest("hex"), answer.status];
told.scrobble = (await player.scrobble({ id: song.id })).status;
told.user = (await player.getUser({ username })).user.playlistRole;
if (username !== "guest") {
  await player.star({ id: song.id, albumId: album.id, artistId: artist.id });
  const { starred2 } = await player.getStarred2();
  told.stars = [starred2.song.length, starred2.album.length, starred2.artist.length];
  await player.unstar({ id: song.id, albumId: album.id, artistId: artist.id });
  const { playlist } = await player.createPlaylist({ name: "From subsonic-api", songId: [song.id, song.id] });
  await player.updatePlaylist({ playlistId: playlist.id, songIndexToRemove: [0], comment: "one" });
  const kept = (await player.getPlaylist({ id: playlist.id })).playlist;
  told.playlist = [kept.name, kept.comment, kept.entry.map((entry) => entry.title)];
  told.playlists = (await player.getPlaylists()).playlists.playlist.map((one) => one.name);
  await player.deletePlaylist({ id: playlist.id });
}
console.log(JSON.stringify(told));
