"""An export beside files of somebody else's, and what it tells of places and odd names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.ledger.schema import bags
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.vault.incoming import incoming_path
from tests.conftest import MakeArchive
from tests.editions.export_music import NOW, ask, run, take_in
from tests.tones import flac

BY = "https://creativecommons.org/licenses/by/4.0/"


@pytest.fixture
def archive(make_archive: MakeArchive, tmp_path: Path) -> Archive:
    """Two songs that everybody may have; of one the name begins as a playlist's comment does."""
    archive = make_archive()
    for number, title in enumerate(("Song", "Other")):
        tags = {"TITLE": title, "ARTIST": "#1 Band", "ALBUM": "Songs", "LICENSE": BY}
        flac(tmp_path / "music" / f"{title}.flac", number, tags)
    take_in(archive, tmp_path / "music")
    return archive


def lines(folder: Path) -> dict[str, dict[str, object]]:
    read = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    return {line["title"]: line for line in read}


def test_a_strangers_file_in_the_way_stays_and_ours_takes_another_name(
    archive: Archive, tmp_path: Path
) -> None:
    run(archive, tmp_path / "first", ask("player"))
    place = str(lines(tmp_path / "first")["Song"]["path"])
    out = tmp_path / "out"
    run(archive, out, ask("player", only="other"))
    (out / place).write_bytes(b"theirs")
    for _ in range(2):
        run(archive, out, ask("player"))
        assert (out / place).read_bytes() == b"theirs"
        ours = out / str(lines(out)["Song"]["path"])
        assert ours.name == f"{(out / place).stem} (2).flac"
        assert ours.read_bytes() == (tmp_path / "first" / place).read_bytes()


def test_a_damaged_master_takes_no_strangers_file_away(archive: Archive, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(archive, out, ask("player"))
    told = lines(out)["Song"]
    place, sha256 = str(told["path"]), str(told["source_sha256"])
    run(archive, tmp_path / "new", ask("player", only="other"))
    (tmp_path / "new" / place).write_bytes(b"theirs")
    master = incoming_path(archive.incoming, sha256)
    master.chmod(0o644)
    master.write_bytes(b"rotten")
    assert run(archive, tmp_path / "new", ask("player")).failures
    assert (tmp_path / "new" / place).read_bytes() == b"theirs"


def test_a_strangers_document_in_the_way_is_not_written_over(archive: Archive, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".phonotheque-export").mkdir(parents=True)
    (out / ".phonotheque-export" / "state.sqlite").touch()
    (out / "README.txt").write_text("theirs")
    with pytest.raises(UsageError, match=r"README\.txt was not put there"):
        run(archive, out, ask("player"))
    assert (out / "README.txt").read_text() == "theirs"
    (out / "README.txt").unlink()
    assert run(archive, out, ask("player")).kept == 2


def test_a_path_that_a_player_would_take_for_a_comment(archive: Archive, tmp_path: Path) -> None:
    run(archive, tmp_path / "out", ask("player"))
    playlist = (tmp_path / "out" / "everything.m3u8").read_text().splitlines()
    assert [line for line in playlist if line.startswith("./#1 Band/")] == playlist[2::2]


def test_a_credit_names_the_place_that_the_public_tree_shows(archive: Archive, tmp_path: Path) -> None:
    with (archive.folder / "phonotheque.toml").open("a") as settings:
        settings.write('[publish]\nurl = "https://archive.example.org/"\n')
    archive = open_archive(archive.folder)
    create_keys(archive.keys)
    publish(archive, at=NOW)
    run(archive, tmp_path / "out", ask("player"))
    source = lines(tmp_path / "out")["Song"]["attribution"]["source"]  # type: ignore[index]
    assert source.startswith("https://archive.example.org/bags/")
    with archive.ledger.begin() as ledger:
        ledger.execute(bags.update().values(audience="FR"))
    run(archive, tmp_path / "here", ask("player"))
    source = lines(tmp_path / "here")["Song"]["attribution"]["source"]  # type: ignore[index]
    assert source.startswith("https://archive.example.org/restricted/FR/bags/")
