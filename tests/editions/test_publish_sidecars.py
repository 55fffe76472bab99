"""Artwork and lyrics in bags: beside their tracks, once a folder, and only on a basis of their own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, select

from phonotheque.editions import publish as publishing
from phonotheque.editions import sealing
from phonotheque.editions import sidecars as selecting
from phonotheque.editions.publish import PublishResult, publish
from phonotheque.editions.sidecars import select_sidecars, sidecar_bags
from phonotheque.editions.trust import create_keys
from phonotheque.ledger import sidecars as ledger_sidecars
from phonotheque.ledger.bags import BagRecord, record_bag
from phonotheque.ledger.schema import bag_files, files, sightings
from phonotheque.ledger.sidecars import bagged_beside, publishable_sidecars
from phonotheque.model.bags import Finding
from phonotheque.model.sidecars import track_places
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from phonotheque.vault.check import check_bags, check_incoming, check_ledger, recorded_bags
from phonotheque.vault.incoming import incoming_path
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
        lambda *found, **_: sidecar_bags(*found, most_files=3, most_bytes=10**6),
    )
    assert [bag.payload_files for bag in artwork(publish(stocked, at=NOW))] == [3, 3, 2]
    assert_whole(stocked)


def one_file_a_bag(*found: Any, **_: int) -> Any:
    return sidecar_bags(*found, most_files=1, most_bytes=10**6)


@pytest.mark.parametrize("moves", [False, True])
def test_a_cover_of_two_folders_in_two_bags_of_one_run(
    stocked: Archive, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: bool
) -> None:
    archive = elsewhere(stocked, tmp_path) if moves else stocked
    track(music / "Single", 8, album="Tone 8")
    png(music / "Single" / "cover.png", 1)
    take_in(archive, music)
    monkeypatch.setattr(publishing, "sidecar_bags", one_file_a_bag)
    result = publish(archive, at=NOW)
    assert result.failures == []
    bags = tmp_path / "elsewhere" if moves else archive.bags
    found = [
        str(path.relative_to(bags / bag.id / "data"))
        for bag in artwork(result)
        for path in (bags / bag.id / "data").rglob("cover.png")
    ]
    assert sorted(found) == ["The Testers/2024 - Tone 8/cover.png", "The Testers/2024 - Tones/cover.png"]
    assert [path for path in archive.incoming.rglob("*") if path.is_file()] == []


def test_a_folder_that_is_called_like_a_file_goes_into_the_next_bag(
    stocked: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "select_sidecars", lambda *_: [])
        publish(stocked, at=NOW)
    first, second, third = select_sidecars(stocked, NOW.date())
    chosen = [replace(first, path="A/x.png"), replace(second, path="A/X.png/y.png"), third]
    failures: list[Finding] = []
    bags = sidecar_bags(stocked, chosen, failures, most_files=9, most_bytes=10**6)
    assert [[file.path for _, file in bag] for bag in bags] == [["A/x.png"], ["A/X.png/y.png", third.path]]
    assert failures == []


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


def elsewhere(archive: Archive, tmp_path: Path) -> Archive:
    """Return the archive as it is once its bags move to a folder."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    storage = replace(archive.settings.storage, bags=str(place))
    return replace(archive, settings=replace(archive.settings, storage=storage))


@pytest.mark.parametrize(
    ("trouble", "what"), [("lost", "missing"), ("damaged", "damaged"), ("no file", "unreadable")]
)
def test_a_cover_that_the_storage_has_not_got_is_named_and_the_rest_goes_out(
    stocked: Archive, music: Path, tmp_path: Path, trouble: str, what: str
) -> None:
    archive = elsewhere(stocked, tmp_path)
    publish(archive, at=NOW)
    track(music / "Single", 8, album="Tone 8")
    png(music / "Single" / "cover.png", 1)
    back = png(music / "Single" / "back.png", 7)
    take_in(archive, music)
    (cover,) = (tmp_path / "elsewhere").rglob("cover.png")
    content = cover.read_bytes()
    cover.unlink()
    if trouble == "damaged":
        cover.write_bytes(b"x" * len(content))
    elif trouble == "no file":
        os.mkfifo(cover)
    result = publish(archive, at=LATER)
    assert [(finding.what, Path(finding.path).name) for finding in result.failures] == [(what, "cover.png")]
    (bag,) = artwork(result)
    assert bag.payload_files == 1
    (sent,) = (tmp_path / "elsewhere" / bag.id / "data").rglob("*.png")
    assert sent.read_bytes() == back.read_bytes()
    # Bytes under their hash's name count as a proof: damaged ones never come there.
    assert [path for path in archive.incoming.rglob("*") if path.is_file()] == []
    cover.unlink(missing_ok=True)
    cover.write_bytes(content)
    result = publish(archive, at=LATER)
    assert ([bag.payload_files for bag in artwork(result)], result.failures) == ([1], [])


@pytest.mark.parametrize("moves", [False, True])
def test_a_damaged_cover_that_waits_is_taken_from_its_bag(
    stocked: Archive, music: Path, tmp_path: Path, moves: bool
) -> None:
    archive = elsewhere(stocked, tmp_path) if moves else stocked
    publish(archive, at=NOW)
    track(music / "Single", 8, album="Tone 8")
    cover = png(music / "Single" / "cover.png", 1).read_bytes()
    take_in(archive, music)
    waiting = incoming_path(archive.incoming, hashlib.sha256(cover).hexdigest())
    waiting.parent.mkdir(exist_ok=True)
    waiting.write_bytes(b"x" * len(cover))
    result = publish(archive, at=LATER)
    assert result.failures == []
    (bag,) = artwork(result)
    bags = tmp_path / "elsewhere" if moves else archive.bags
    assert [path.read_bytes() for path in (bags / bag.id / "data").rglob("*.png")] == [cover]
    assert not waiting.exists()


def test_only_tracks_beside_what_may_go_out_are_looked_at(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = music.parent / "other"
    for number in range(20, 24):
        track(other / "Else", number, album="Else")
    png(other / "Else" / "cover.png", 9)
    put(other / "rights.toml", MUSIC_FREE)
    create_keys(archive.keys)
    take_in(archive, other)
    take_in(archive, music)
    looked: list[str] = []

    def beside(ledger: Any, place: bytes) -> Iterator[tuple[str, str | None]]:
        for found in bagged_beside(ledger, place):
            looked.append(found[0])
            yield found

    monkeypatch.setattr(selecting, "bagged_beside", beside)
    assert len(artwork(publish(archive, at=NOW))) == 1
    assert {str(Path(path).parent) for path in looked} == {"data/The Testers/2024 - Tones"}
    assert select_sidecars(archive, NOW.date()) == []


def test_however_many_paths_are_read_at_a_time_the_same_tracks_are_found(
    stocked: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, number in (
        ("CD1", 31),
        ("CD2", 32),
        ("A/B", 33),
        ("Bonus", 34),
        ("Bonus", 35),
        ("CD0/x", 36),
    ):
        track(music / "Album" / folder, number, album=folder)
    png(music / "front.png", 3)
    track(music, 41, album="Above")
    track(music.with_name("music2"), 42, album="Next to it")
    take_in(stocked, music)
    take_in(stocked, music.with_name("music2"))
    publish(stocked, at=NOW)
    expected: dict[bytes, set[int]] = {}
    with stocked.ledger.connect() as ledger:
        places = {row.place for rows in publishable_sidecars(ledger) for row in rows}
        seen = select(sightings.c.path, sightings.c.file_id).join(files, files.c.id == sightings.c.file_id)
        for row in ledger.execute(seen.where(files.c.kind == "master")).all():
            for place in places.intersection(track_places(row.path)):
                expected.setdefault(place, set()).add(row.file_id)
        assert sorted(map(len, expected.values())) == [1, 1, 5]
        for count in (1, 2, 3, 500):
            monkeypatch.setattr(ledger_sidecars, "_SEEN", count)
            assert {place: masters_beside(ledger, place) for place in places} == expected


def masters_beside(ledger: Connection, place: bytes) -> set[int]:
    paths = [path for path, _ in bagged_beside(ledger, place)]
    return set(ledger.execute(select(bag_files.c.file_id).where(bag_files.c.path.in_(paths))).scalars())


def test_incoming_is_empty_once_everything_is_bagged(stocked: Archive) -> None:
    publish(stocked, at=NOW)
    assert [path for path in stocked.incoming.rglob("*") if path.is_file()] == []
