"""Every byte that players get goes through the room's doors: decisions, territories, limits."""

from __future__ import annotations

from typing import Any

import urllib3

from phonotheque.editions.covering import covered_by
from phonotheque.editions.withdrawing import Asked, accept, request
from phonotheque.vault.archive import Archive
from tests.web.room.archives import Title
from tests.web.subsonic.player import ELEMENT, Player, playing

TODAY = "2026-11-26T12:00:00Z"


def test_a_song_is_streamed_whole_and_in_ranges(player: Player) -> None:
    song = player.songs()[Title.OPENING]
    answer = player.ask("stream", id=song["id"])
    assert (answer.status, answer.headers["content-type"]) == (200, "audio/flac")
    assert len(answer.data) == song["size"]
    assert answer.headers["cache-control"] == "private, no-cache"
    head = player.ask("stream.view", method="HEAD", id=song["id"])
    assert (head.status, head.headers["content-length"], head.data) == (200, str(song["size"]), b"")
    url = f"{player.url}rest/stream?u=guest&id={song['id']}"
    part = urllib3.request("GET", url, headers={"Range": "bytes=100-199"})
    assert (part.status, part.data) == (206, answer.data[100:200])
    beyond = urllib3.request("GET", url, headers={"Range": "bytes=999999999-"})
    assert beyond.status == 416


def test_the_smaller_file_comes_where_it_is_asked_for(player: Player) -> None:
    songs = player.songs()
    small = next(song for title, song in songs.items() if title.startswith("</script>"))
    assert (small["suffix"], small["transcodedSuffix"]) == ("flac", "opus")
    smaller: tuple[dict[str, Any], ...] = ({"maxBitRate": 128}, {"format": "opus"})
    for asked in smaller:
        answer = player.ask("stream", id=small["id"], **asked)
        assert (answer.status, answer.headers["content-type"]) == (200, "audio/ogg")
        assert len(answer.data) < small["size"]
    best: tuple[dict[str, Any], ...] = (
        {},
        {"format": "raw", "maxBitRate": 64},
        {"maxBitRate": 0},
        {"format": "mp3"},
    )
    for asked in best:
        assert len(player.ask("stream", id=small["id"], **asked).data) == small["size"]


def test_what_may_not_be_heard_there_is_not_streamed(player: Player) -> None:
    song = player.there("FR").songs()[Title.FRANCE]
    assert player.there("FR").ask("stream", id=song["id"]).status == 200
    for elsewhere in (player, player.there("DE")):
        for name in ("stream", "download"):
            assert elsewhere.refused(name, id=song["id"]) == 70
    assert player.xml("stream", id=song["id"]).find(f"{ELEMENT}error").get("code") == "70"


def test_a_download_comes_as_a_file(player: Player) -> None:
    song = player.songs()[Title.OPENING]
    answer = player.ask("download", id=song["id"])
    assert answer.headers["content-disposition"].startswith("attachment")
    assert len(answer.data) == song["size"]


def test_what_was_taken_back_vanishes_at_once(own: Archive) -> None:
    with playing(own) as player:
        song = player.songs()[Title.OPENING]
        asked = Asked(
            "Somebody", "a reason", (song["id"].removeprefix("tr-"),), "nobody@example.org", "Asked."
        )
        one = request(own, asked, covered_by(own, asked.words), at=TODAY)
        accept(own, one.id, by="tests", note="", at=TODAY)
        answer = player.ask("stream", id=song["id"], f="json")
        assert answer.status == 410
        assert b'"code":70' in answer.data
    with playing(own) as player:
        assert Title.OPENING not in player.songs()


def test_covers_are_small_pictures(player: Player) -> None:
    song = player.songs()[Title.OPENING]
    for name in (song["coverArt"], song["id"], song["albumId"], song["artistId"]):
        for size in (600, 64):
            answer = player.ask("getCoverArt", id=name, size=size)
            assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    assert player.refused("getCoverArt", id="f" * 64) == 70
    assert player.refused("getCoverArt", id="al-" + "0" * 20) == 70
    assert player.refused("getCoverArt") == 10
    assert player.refused("getAvatar", username="guest") == 70
