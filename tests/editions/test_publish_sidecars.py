"""Artwork and lyrics in bags: beside their tracks, once a folder, and only on a basis of their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from phonotheque.editions import publish as publishing
from phonotheque.editions import sealing
from phonotheque.editions.publish import PublishResult, publish
from phonotheque.editions.sidecars import sidecar_bags
from phonotheque.editions.trust import create_keys
from phonotheque.ledger.bags import BagRecord, record_bag
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from phonotheque.vault.check import check_bags, check_incoming, check_ledger, recorded_bags
from tests.docs.docs_pages import DOCS, codes, table
from tests.sources.test_sidecars import LYRICS, png, put
from tests.tones import flac

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
LATER = datetime(2026, 12, 1, tzinfo=UTC)
ALL_FREE = '[[rights]]\nfiles = ["*"]\nlicence = "CC0-1.0"\nevidence = "a letter"\n'
MUSIC_FREE = '[[rights]]\nfiles = ["*.flac"]\nlicence = "CC0-1.0"\nevidence = "a letter"\n'


def track(folder: Path, number: int, *, album: str = "Tones", artist: str = "The Testers") -> Path:
    tags = {"TITLE": f"Tone {number}", "ARTIST": artist, "ALBUM": album, "DATE": "2024"}
    return flac(folder / f"{number:02}.flac", number, tags | {"TRACKNUMBER": str(number)})


def take_in(archive: Archive, folder: Path) -> None:
    add_folder(archive, folder)
    rebuild_catalogue(archive, at=NOW)


def artwork(result: PublishResult) -> list[BagRecord]:
    return [bag for bag in result.bags if bag.wave == 2]


def payload(archive: Archive, bag: str) -> dict[str, bytes]:
    data = archive.bags / bag / "data"
    return {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def lines(archive: Archive, bag: str) -> dict[str, dict[str, Any]]:
    found = (json.loads(line) for line in (archive.bags / bag / "recordings.jsonl").read_text().splitlines())
    return {line["path"].removeprefix("data/"): line for line in found}


def assert_whole(archive: Archive) -> None:
    assert check_ledger(archive).findings == ()
    assert check_incoming(archive).findings == ()
    assert [
        checked.findings for checked in check_bags(archive, recorded_bags(archive)) if checked.findings
    ] == []


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    for number in range(1, 4):
        track(folder / "Album", number)
    png(folder / "Album" / "folder.png", 1)
    png(folder / "Album" / "scans" / "Page 1.png", 2)
    put(folder / "Album" / "02.lrc", LYRICS)
    put(folder / "rights.toml", ALL_FREE)
    return folder


@pytest.fixture
def stocked(archive: Archive, music: Path) -> Archive:
    create_keys(archive.keys)
    take_in(archive, music)
    return archive


def test_they_lie_where_their_tracks_lie_in_a_bag_of_their_own(stocked: Archive, music: Path) -> None:
    result = publish(stocked, at=NOW)
    (bag,) = artwork(result)
    assert payload(stocked, bag.id) == {
        "The Testers/2024 - Tones/cover.png": (music / "Album" / "folder.png").read_bytes(),
        "The Testers/2024 - Tones/Page 1.png": (music / "Album" / "scans" / "Page 1.png").read_bytes(),
        "The Testers/2024 - Tones/02 Tone 2.lrc": LYRICS.encode(),
    }
    (audio,) = [bag for bag in result.bags if bag.wave == 1]
    assert {str(Path(path).parent) for path in payload(stocked, audio.id)} == {"The Testers/2024 - Tones"}
    assert (bag.payload_files, bag.recordings, bag.listens) == (3, 1, None)
    assert_whole(stocked)


def test_their_lines_say_what_they_are_and_why_they_may_go_out(stocked: Archive) -> None:
    (bag,) = artwork(publish(stocked, at=NOW))
    found = lines(stocked, bag.id)
    cover, lyrics = (found[f"The Testers/2024 - Tones/{name}"] for name in ("cover.png", "02 Tone 2.lrc"))
    assert (cover["kind"], cover["what"], cover["role"], cover["mime"]) == (
        "sidecar",
        "picture",
        "front",
        "image/png",
    )
    assert (cover["width"], cover["height"], len(cover["recordings"])) == (600, 500, 3)
    assert cover["rights"]["decisions"]["distribute"]["answer"] == "yes"
    assert cover["rights"]["statements"][0]["licence"] == "CC0-1.0"
    assert (lyrics["what"], len(lyrics["recordings"])) == ("lyrics", 1)


def test_every_field_of_their_lines_is_described(stocked: Archive) -> None:
    (bag,) = artwork(publish(stocked, at=NOW))
    described = {codes(row[0])[0] for row in table(DOCS / "format.md", "### Artwork, lyrics and documents")}
    written = {key for line in lines(stocked, bag.id).values() for key in line}
    of_every_file = {"path", "size", "sha256", "pieces_root", "kind", "rights", "provenance"}
    assert written == described | of_every_file


def test_lyrics_are_in_the_index_with_their_recording(stocked: Archive) -> None:
    (bag,) = artwork(publish(stocked, at=NOW))
    index = pq.read_table(stocked.public / "targets" / "editions" / "1" / "index.parquet").to_pylist()
    (lyrics,) = [row for row in index if row["path"].endswith(".lrc")]
    assert lyrics["bag"] == bag.id
    assert lyrics["recording"] in {row["recording"] for row in index if row["path"].endswith(".flac")}
    covers = [row for row in index if row["path"].endswith("cover.png")]
    assert [(row["bag"], row["recording"]) for row in covers] == [(bag.id, None)]


def test_what_is_not_granted_by_itself_is_held_and_stays_at_home(archive: Archive, music: Path) -> None:
    put(music / "rights.toml", MUSIC_FREE)
    create_keys(archive.keys)
    take_in(archive, music)
    result = publish(archive, at=NOW)
    assert artwork(result) == []
    assert result.failures == []
    assert_whole(archive)


def test_nothing_goes_out_beside_music_that_does_not(archive: Archive, music: Path) -> None:
    put(music / "rights.toml", ALL_FREE.replace('"*"', '"*.png"'))
    track(music / "Other", 9, album="Else")
    put(music / "Other" / "rights.toml", MUSIC_FREE)
    create_keys(archive.keys)
    take_in(archive, music)
    assert artwork(publish(archive, at=NOW)) == []


def test_publishing_again_puts_nothing_in_twice(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    again = publish(stocked, at=LATER)
    assert (again.new, again.bags, again.number) == (False, [], 1)


def test_late_artwork_gets_a_bag_of_the_next_edition(stocked: Archive, music: Path) -> None:
    publish(stocked, at=NOW)
    before = recorded_bags(stocked)
    back = png(music / "Album" / "back.png", 7)
    take_in(stocked, music)
    result = publish(stocked, at=LATER)
    (bag,) = artwork(result)
    assert payload(stocked, bag.id) == {"The Testers/2024 - Tones/back.png": back.read_bytes()}
    assert recorded_bags(stocked).items() > before.items()
    assert_whole(stocked)


def test_a_cover_of_two_releases_lies_once_with_each(stocked: Archive, music: Path) -> None:
    (music / "Album" / "01.flac").rename(music / "Album" / "01 kept.flac")
    publish(stocked, at=NOW)
    track(music / "Single", 8, album="Tone 8")
    png(music / "Single" / "cover.png", 1)
    take_in(stocked, music)
    (bag,) = artwork(publish(stocked, at=LATER))
    assert list(payload(stocked, bag.id)) == ["The Testers/2024 - Tone 8/cover.png"]
    assert not publish(stocked, at=LATER).new
    assert_whole(stocked)


def test_a_picture_beside_loose_tracks_is_that_of_none(archive: Archive, music: Path) -> None:
    loose = music / "loose"
    for number in range(20, 26):
        track(loose, number, album=f"Album {number}")
    png(loose / "me.png", 5)
    put(loose / "25.lrc", LYRICS + "of one\n")
    create_keys(archive.keys)
    take_in(archive, music)
    paths = [path for bag in artwork(publish(archive, at=NOW)) for path in payload(archive, bag.id)]
    assert not any(path.endswith("me.png") for path in paths)
    assert "The Testers/2024 - Album 25/25 Tone 25.lrc" in paths
    assert not publish(archive, at=LATER).new


def test_bags_of_artwork_keep_to_the_limits(
    stocked: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10, 15):
        png(music / "Album" / f"{number}.png", number)
    take_in(stocked, music)
    monkeypatch.setattr(
        publishing,
        "sidecar_bags",
        lambda chosen, **_: sidecar_bags(chosen, most_files=3, most_bytes=10**6),
    )
    assert [bag.payload_files for bag in artwork(publish(stocked, at=NOW))] == [3, 3, 2]
    assert_whole(stocked)


def test_killed_between_sealing_and_ledger_the_next_run_goes_on(
    stocked: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(stocked, at=NOW)  # the cover lies in a bag only, now
    track(music / "Single", 8, album="Tone 8")
    png(music / "Single" / "cover.png", 1)
    take_in(stocked, music)

    def unlucky(ledger: Any, bag: BagRecord, contents: Any) -> None:
        if bag.wave == 2:
            raise KeyboardInterrupt
        record_bag(ledger, bag, contents)

    with monkeypatch.context() as patched:
        patched.setattr(sealing, "record_bag", unlucky)
        with pytest.raises(KeyboardInterrupt):
            publish(stocked, at=LATER)
    (bag,) = artwork(publish(stocked, at=LATER))
    assert list(payload(stocked, bag.id)) == ["The Testers/2024 - Tone 8/cover.png"]
    assert_whole(stocked)


def test_a_damaged_cover_is_named_and_the_music_goes_out(stocked: Archive, music: Path) -> None:
    cover = (music / "Album" / "folder.png").read_bytes()
    (held,) = [path for path in stocked.incoming.rglob("*") if path.is_file() and path.read_bytes() == cover]
    held.chmod(0o644)
    held.write_bytes(b"x" * len(cover))
    result = publish(stocked, at=NOW)
    assert [(finding.what, finding.path) for finding in result.failures] == [("damaged", str(held))]
    assert sorted(bag.wave for bag in result.bags) == [0, 1, 2]


def test_incoming_is_empty_once_everything_is_bagged(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    assert [path for path in stocked.incoming.rglob("*") if path.is_file()] == []
