"""One recording alone: by ranges from the web or by pieces from peers; verified, credited, lawfully."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from phonotheque.cli.fetch import fetch_command
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.mirrors.alone import ARRIVING, Asking
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.messages import Report, Trouble
from phonotheque.mirrors.origin import FolderOrigin, Origin, open_origin
from phonotheque.mirrors.single import Single, fetch_single
from phonotheque.mirrors.swarm import Swarm
from phonotheque.model.bags import PIECE
from phonotheque.model.errors import (
    NetworkError,
    NotFoundError,
    PhonothequeError,
    RightsError,
    UsageError,
    VerificationError,
)
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, open_archive
from tests.conftest import ARCHIVE_ID
from tests.mirrors.audits import CC0
from tests.mirrors.mirror_publisher import (
    LOCAL,
    NOW,
    Publisher,
    noise,
    recording_id,
    served,
    tree,
    wait_for,
)
from tests.mirrors.mirror_runs import complete, mirroring
from tests.tones import flac

pytestmark = pytest.mark.ledger  # a mirror has one, and so has an archive

SONGS = {f"Artiste é/{i:02d} Piste.ogg": noise(f"s{i}", 700_000 + i) for i in range(3)}
NAMES = list(SONGS)
ALONE = Asking(swarm=LOCAL, patience=5.0)
ISRC = "FRZ039800212"


@pytest.fixture
def songs(publisher: Publisher) -> Publisher:
    publisher.with_index = True
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1", SONGS)
    publisher.publish(1)
    return publisher


def fetch(
    origin: Origin | Publisher, what: str, place: Path, asking: Asking = ALONE, **options: Any
) -> Single:
    source = origin if not isinstance(origin, Publisher) else open_origin(str(origin.folder))
    return fetch_single(source, what, place / "to", place / "state", asking, clock=lambda: NOW, **options)


def tag_bytes(publisher: Publisher) -> int:
    there = tree(publisher.public / "bags" / "audio-1")
    return sum(len(data) for path, data in there.items() if not path.startswith("data/"))


def test_one_file_comes_and_a_second_run_asks_for_nothing_more(songs: Publisher, tmp_path: Path) -> None:
    with served(songs.public) as web:
        found = fetch(open_origin(web.url), recording_id(NAMES[1]), tmp_path)
        assert found.path == tmp_path / "to" / "01 Piste.ogg"
        assert found.path.read_bytes() == SONGS[NAMES[1]]
        assert found.fetched == len(SONGS[NAMES[1]]) + tag_bytes(songs)
        assert (found.recording, found.first_use, found.here_already) == (recording_id(NAMES[1]), True, False)
        assert found.path.stat().st_mode & 0o200
        sent = web.bag_bytes
        assert sent == found.fetched
        again = fetch(open_origin(web.url), recording_id(NAMES[1]), tmp_path)
        assert (again.fetched, again.here_already, again.first_use) == (0, True, False)
        assert web.bag_bytes == sent
        # Of another one in the same bag, only the file itself.
        assert fetch(open_origin(web.url), f"audio-1/data/{NAMES[0]}", tmp_path).fetched == len(
            SONGS[NAMES[0]]
        )
        index = [path for path in web.sent if path.endswith("index.parquet")]
        assert web.sent[index[0]] == (songs.public / index[0].lstrip("/")).stat().st_size
    assert sorted(os.listdir(tmp_path / "to")) == ["00 Piste.ogg", "01 Piste.ogg"]
    assert not any(data in tree(tmp_path / "state").values() for data in SONGS.values())


def test_what_the_web_server_has_not_comes_from_peers_by_pieces(songs: Publisher, tmp_path: Path) -> None:
    seeder = open_mirror(tmp_path / "seeder", str(songs.folder))
    with served(songs.public, bags=False) as web, mirroring(seeder) as (ports, _):
        wait_for(lambda: ports and complete(seeder) == {"audio-1", "catalogue-1"})
        asking = replace(ALONE, peers=(("127.0.0.1", ports[0]),))
        found = fetch(open_origin(web.url), recording_id(NAMES[2]), tmp_path, asking)
    assert found.path.read_bytes() == SONGS[NAMES[2]]
    assert found.fetched < len(SONGS[NAMES[2]]) + tag_bytes(songs) + 12 * 16 * 1024


class _Breaking(FolderOrigin):
    """Gives no more than so many bytes of payload."""

    left = 0

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        for chunk in super().open_range(path, start, length):
            if "/data/" in path and len(chunk) > self.left:
                yield chunk[: self.left]
                raise NetworkError("The line is cut.")
            self.left -= len(chunk) if "/data/" in path else 0
            yield chunk


def test_what_has_come_is_not_fetched_again_after_an_interruption(songs: Publisher, tmp_path: Path) -> None:
    origin = _Breaking(songs.folder)
    origin.left = 2 * PIECE
    with pytest.raises(NetworkError, match="not delivered"):
        fetch(origin, recording_id(NAMES[0]), tmp_path)
    assert list((tmp_path / "to").iterdir()) == []
    found = fetch(songs, recording_id(NAMES[0]), tmp_path)
    assert found.fetched == len(SONGS[NAMES[0]]) - 2 * PIECE
    assert found.path.read_bytes() == SONGS[NAMES[0]]


def test_nothing_gets_its_name_that_does_not_verify(songs: Publisher, tmp_path: Path) -> None:
    file = songs.folder / "vault" / "bags" / "audio-1" / "data" / NAMES[0]
    file.chmod(0o644)
    file.write_bytes(b"x" + SONGS[NAMES[0]][1:])
    with pytest.raises(VerificationError, match=r"piece 0 of .* is damaged"):
        fetch(songs, recording_id(NAMES[0]), tmp_path)
    assert list((tmp_path / "to").iterdir()) == []
    assert fetch(songs, recording_id(NAMES[1]), tmp_path).path.read_bytes() == SONGS[NAMES[1]]


def test_what_was_taken_back_is_not_to_be_had(songs: Publisher, tmp_path: Path) -> None:
    origin = _Breaking(songs.folder)
    origin.left = 2 * PIECE
    with pytest.raises(NetworkError):
        fetch(origin, recording_id(NAMES[1]), tmp_path)
    songs.revise("audio-1", NAMES[1], edition=2, reason="asked for by its maker")
    songs.publish(2)
    with pytest.raises(RightsError, match="taken back on 2026-11-22: asked for by its maker"):
        fetch(songs, recording_id(NAMES[1]), tmp_path)
    assert not (tmp_path / "state" / ARRIVING / "audio-1").exists()
    assert fetch(songs, recording_id(NAMES[0]), tmp_path).bag == "audio-1-r2"
    assert len(list((tmp_path / "state" / "targets" / "editions").glob("*/index.parquet"))) == 1


def test_what_is_for_some_countries_is_had_by_people_there(songs: Publisher, tmp_path: Path) -> None:
    songs.bag("french-1", {"a.ogg": b"f" * 900}, edition=2, audience="FR")
    songs.publish(2)
    for country in ("", "DE"):
        with pytest.raises(RightsError, match="is for FR only"):
            fetch(songs, recording_id("a.ogg"), tmp_path, replace(ALONE, country=country))
    found = fetch(songs, recording_id("a.ogg"), tmp_path, replace(ALONE, country="FR"))
    assert found.path.read_bytes() == b"f" * 900


def test_another_file_of_the_same_name_is_left_alone(songs: Publisher, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "00 Piste.ogg").write_bytes(b"mine")
    found = fetch(songs, recording_id(NAMES[0]), tmp_path)
    assert found.path.name == f"00 Piste ({found.sha256[:8]}).ogg"
    assert (tmp_path / "to" / "00 Piste.ogg").read_bytes() == b"mine"
    assert fetch(songs, recording_id(NAMES[0]), tmp_path).here_already
    found.path.write_bytes(b"mine, too")
    with pytest.raises(UsageError, match="is another file"):
        fetch(songs, recording_id(NAMES[0]), tmp_path)


def test_a_name_that_would_be_obeyed_gets_another(publisher: Publisher, tmp_path: Path) -> None:
    publisher.with_index = True
    publisher.bag("audio-1", {"A/-rf": b"a" * 900, "A/Desktop.ini": b"b" * 900})
    publisher.publish(1)
    for name in ("-rf", "Desktop.ini"):
        found = fetch(publisher, f"audio-1/data/A/{name}", tmp_path)
        assert found.path.name == f"{found.sha256[:8]} {name}"


class _Talkative(Swarm):
    """Tells of trouble many times before anything else, and at once."""

    left = 200

    def poll(self, timeout: float) -> list[Report]:
        self.left -= 1
        return super().poll(timeout) if self.left < 0 else [Trouble("audio-1", "a tracker is out of reach")]


def test_patience_is_of_time_and_not_of_what_is_told(
    songs: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeder = open_mirror(tmp_path / "seeder", str(songs.folder))
    monkeypatch.setattr("phonotheque.mirrors.alone.Swarm", _Talkative)
    with served(songs.public, bags=False) as web, mirroring(seeder) as (ports, _):
        wait_for(lambda: ports and complete(seeder) == {"audio-1", "catalogue-1"})
        asking = replace(ALONE, peers=(("127.0.0.1", ports[0]),), patience=30.0)
        found = fetch(open_origin(web.url), recording_id(NAMES[2]), tmp_path, asking)
    assert found.path.read_bytes() == SONGS[NAMES[2]]


@pytest.mark.parametrize("what", [recording_id("nothing"), "ab" * 32, "audio-1/data/nothing.ogg"])
def test_what_is_not_there_is_not_found(songs: Publisher, tmp_path: Path, what: str) -> None:
    with pytest.raises(NotFoundError, match="is not in edition 1"):
        fetch(songs, what, tmp_path)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    place = tmp_path_factory.mktemp("single")
    folder = place / "archive"
    folder.mkdir()
    (folder / "phonotheque.toml").write_text(f'[archive]\nid = "{ARCHIVE_ID}"\nname = "Tones"\n')
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CONFIG_HOME", str(place / "config"))
        opened = open_archive(folder)
        create_keys(opened.keys)
        for number in range(3):
            tags = {"TITLE": f"Tone {number}", "ARTIST": "The Testers", "LICENSE": CC0}
            flac(place / "in" / f"{number}.flac", number, tags | ({"ISRC": ISRC} if number == 2 else {}))
        add_folder(opened, place / "in")
        rebuild_catalogue(opened, at=NOW)
        publish(opened, at=NOW)
        yield opened
        opened.close()


def run(*words: object) -> Result:
    quiet = ("--listen", "127.0.0.1:0", "--no-discovery", "--patience", "2")
    done = CliRunner().invoke(fetch_command, [*map(str, words), *quiet])
    assert isinstance(done.exception, SystemExit | PhonothequeError | None), done.exception
    return done


def test_a_recording_is_fetched_by_its_isrc_and_credited(
    archive: Archive, own_settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with served(archive.public) as web:
        done = run(web.url, "fr-z03-98-00212", "--to", tmp_path / "to")
        assert done.exit_code == 0
        assert "02 " not in done.stdout
        assert "Tone 2.flac" in done.stdout
        assert "“Tone 2” by The Testers. CC0-1.0" in done.stdout.replace("CC0 1.0", "CC0-1.0")
        assert "First contact: compare the fingerprint" in done.stderr
        said = json.loads(run(web.url, ISRC, "--to", tmp_path / "to", "--json").stdout)
        assert (said["here_already"], said["fetched"]) == (True, 0)
        assert said["record"]["isrcs"] == [ISRC]
        other = run(web.url, "GBAYE0000001", "--to", tmp_path / "to")
        assert isinstance(other.exception, NotFoundError)
        unclear = run(web.url, "nonsense")
        assert isinstance(unclear.exception, UsageError)
        assert "its ISRC" in unclear.exception.advice
        wrong = run(web.url, ISRC, "--trust", "0" * 64, "--to", tmp_path / "to")
        assert isinstance(wrong.exception, VerificationError)
