from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.requests import Request

from phonotheque.cli.main import phono
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import PublishSettings, Settings
from phonotheque.vault.archive import Archive
from phonotheque.web.guard import Visitors
from tests.mirrors.mirror_publisher import Publisher
from tests.web.test_web_serve import ask, ask_as

SONG = {"a.ogg": b"song" * 5000}
FRENCH = "/restricted/FR/bags/french-1/data/a.ogg"
NOT_GERMAN = "/restricted/WORLD_-DE/bags/not-german-1/data/a.ogg"
PROXY = Visitors(header="CF-IPCountry")
TORRENT = "/targets/editions/1/restricted/FR/french-1.torrent"


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    folder = tmp_path / "archive"
    folder.mkdir()
    made = Publisher(folder)
    made.bag("catalogue-1", {"catalogue.parquet": b"c" * 500})
    made.bag("audio-1", {"a.ogg": b"1" * 500, "b.ogg": b"2" * 500})
    made.bag("french-1", SONG, audience="FR")
    made.bag("not-german-1", SONG, audience="WORLD -DE")
    made.publish(1)
    _show(made, 1)
    return made


@pytest.fixture
def archive(publisher: Publisher) -> Archive:
    return Archive(publisher.folder, Settings(publish=PublishSettings(url="https://archive.example.org")))


def _show(publisher: Publisher, number: int) -> None:
    """Put edition.json where an archive and a mirror have it, too."""
    fresh = publisher.public / "targets" / "fresh.json"
    fresh.write_bytes((publisher.folder / f"edition-{number}.json").read_bytes())
    fresh.replace(publisher.public / "targets" / "edition.json")


@pytest.mark.parametrize("path", [FRENCH, TORRENT])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_for_one_country_goes_to_who_says_to_be_there(
    archive: Archive, path: str, method: str
) -> None:
    assert ask(archive, path, method).status == 451
    assert ask(archive, path, method, phonotheque_country="DE").status == 451
    assert ask(archive, path, method, phonotheque_country="XX").status == 451
    given = ask(archive, path, method, phonotheque_country="fr")
    assert (given.status, given.headers["vary"]) == (200, "Phonotheque-Country")


def test_who_bars_the_way_says_so(archive: Archive) -> None:
    answer = ask(archive, FRENCH, phonotheque_country="DE", range="bytes=0-9")
    assert answer.status == 451
    assert answer.headers["link"] == '<https://archive.example.org>; rel="blocked-by"'
    assert answer.headers["vary"] == "Phonotheque-Country"
    assert "only in: FR; you are in DE." in answer.body.decode()
    assert "--in" in ask(archive, FRENCH).body.decode()


def test_what_is_for_all_but_one_country_needs_to_know_as_well(archive: Archive) -> None:
    assert ask(archive, NOT_GERMAN).status == 451
    assert ask(archive, NOT_GERMAN, phonotheque_country="DE").status == 451
    assert ask(archive, NOT_GERMAN, phonotheque_country="FR").body == SONG["a.ogg"]


@pytest.mark.parametrize(
    ("visitors", "path", "headers", "status"),
    [
        (PROXY, FRENCH, {"phonotheque-country": "FR"}, 451),
        (PROXY, FRENCH, {"phonotheque-country": "FR", "cf-ipcountry": "T1"}, 451),
        (PROXY, FRENCH, {"cf-ipcountry": "FR"}, 200),
        (Visitors(all_in="FR"), FRENCH, {}, 200),
        (Visitors(all_in="DE"), NOT_GERMAN, {"phonotheque-country": "FR"}, 451),
    ],
)
def test_what_a_visitor_says_does_not_count_where_the_server_knows_better(
    archive: Archive, visitors: Visitors, path: str, headers: dict[str, str], status: int
) -> None:
    answer = ask_as(visitors, archive, path, "GET", headers)
    assert answer.status == status
    assert answer.headers.get("vary") == (visitors.header or None)


def test_where_a_visitor_and_a_proxy_each_name_a_country_it_is_not_known() -> None:
    def country(*told: str) -> str:
        headers = [(b"cf-ipcountry", one.encode()) for one in told]
        return PROXY.country(Request({"type": "http", "headers": headers}))

    assert [country("FR"), country(" fr "), country()] == ["FR", "FR", ""]
    assert [country("FR", "DE"), country("FR", ""), country("FR, DE")] == ["", "", ""]


def test_no_other_way_leads_to_a_restricted_bag(archive: Archive) -> None:
    (archive.public / "bags" / "french-1").symlink_to("../../vault/bags/french-1")
    other = archive.public / "restricted" / "WORLD_-DE" / "bags" / "french-1"
    other.symlink_to("../../../../vault/bags/french-1")
    (archive.public / "restricted" / "FR" / "notes.txt").write_text("ours")
    for path in ("/bags/french-1/data/a.ogg", "/restricted/WORLD_-DE/bags/french-1/data/a.ogg"):
        assert ask(archive, path, phonotheque_country="DE").status == 451
    for path in (
        "/restricted/FR/notes.txt",
        "/restricted/FR/bags/unknown/data/a.ogg",
        "/restricted/FR/bags/audio-1/data/a.ogg",
        "/restricted/FR/../FR/bags/french-1/data/a.ogg",
        "/restricted//FR/bags/french-1/data/a.ogg",
    ):
        assert ask(archive, path, phonotheque_country="FR").status == 404
    assert ask(archive, "/bags/audio-1/data/a.ogg").status == 200


def test_what_was_withdrawn_is_gone_and_listed(archive: Archive, publisher: Publisher) -> None:
    assert json.loads(ask(archive, "/withdrawals.json").body)["withdrawals"] == []
    publisher.revise("audio-1", "a.ogg", edition=2, reason="asked for by its maker")
    edition = publisher.publish(2)
    _show(publisher, 2)
    for path in ("/bags/audio-1/data/a.ogg", "/targets/editions/1/torrents/audio-1.torrent"):
        answer = ask(archive, path)
        assert (answer.status, "asked for by its maker" in answer.body.decode()) == (410, True)
    assert ask(archive, "/bags/audio-1-r2/data/b.ogg").status == 200
    told = json.loads(ask(archive, "/withdrawals.json").body)
    assert told["edition"] == 2
    assert told["withdrawals"][0]["replaced_by"] == "audio-1-r2"
    assert told["tombstones"][0]["sha256"] == list(edition.tombstones[0].sha256)


@pytest.mark.parametrize(
    "other",
    [
        "/Targets/editions/1/Restricted/FR/french-1.torrent",
        "/targets/editions/1/RESTRICTED/fr/French-1.TORRENT",
        "/targets/editions/1/re\u200cstricted/FR/french-1.torrent",
        "/targets/editions/1/restricted./FR/french-1.torrent",
        "/targets/editions/1/restricted\\FR/french-1.torrent",
        "/Restricted/FR/bags/FRENCH-1/data/a.ogg",
    ],
)
def test_another_spelling_that_a_file_system_takes_for_the_same_leads_nowhere(
    archive: Archive, publisher: Publisher, other: str
) -> None:
    """As on macOS and Windows: here the file is there under that name, too."""
    torrent = (publisher.public / TORRENT[1:]).read_bytes()
    place = publisher.public / other[1:]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(torrent)
    assert ask(archive, other).status == 451
    assert ask(archive, other, phonotheque_country="DE").status == 451


def test_while_the_edition_cannot_be_read_nothing_is_given_of_what_it_lists(
    archive: Archive, publisher: Publisher
) -> None:
    (publisher.public / "targets" / "edition.json").write_bytes(b"{}")
    for path in (FRENCH, TORRENT, "/bags/audio-1/data/a.ogg", "/withdrawals.json"):
        assert ask(archive, path, phonotheque_country="FR").status == 503
    assert ask(archive, "/metadata/timestamp.json").status == 200


def test_before_an_edition_nothing_is_withdrawn(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    assert ask(Archive(tmp_path, Settings()), "/withdrawals.json").status == 404


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--visitors-in", "Atlantis"], "is no country"),
        (["--country-header", "X Y"], "is no name of a header"),
        (["--trusted-proxy", "proxy.example"], "is neither an address nor a network"),
        (["--visitors-in", "FR", "--country-header", "X"], "cannot be known in two ways"),
    ],
)
def test_options_that_make_no_sense(publisher: Publisher, options: list[str], said: str) -> None:
    (publisher.folder / "phonotheque.toml").write_text('[archive]\nname = "Tests"\n')
    done = CliRunner().invoke(phono, ["serve", str(publisher.folder), "--port", "0", *options])
    assert isinstance(done.exception, UsageError)
    assert said in done.exception.message
