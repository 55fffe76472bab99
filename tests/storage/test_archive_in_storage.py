"""The whole way with bags and the public tree on object storage: a stranger mirrors it from the bucket."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import pytest
import urllib3
from sqlalchemy import delete, select

from phonotheque.ledger.scrubs import scrubs
from phonotheque.mirrors.home import open_mirror
from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.vault.archive import open_archive
from phonotheque.vault.places import at_hand, let_go
from phonotheque.vault.storage.base import Item, Storage
from phonotheque.vault.storage.opening import open_place
from tests.endtoend.commands import LOOPBACK, findings, serving
from tests.endtoend.final_states import tree
from tests.endtoend.small_music import write_album
from tests.storage.archives import EPOCH, FIRST, SECOND, make, payload
from tests.storage.forked import run
from tests.storage.proxy import Proxy, Trouble, status
from tests.storage.server import CREDENTIALS, REGION, Server

pytestmark = [pytest.mark.xdist_group("swift"), pytest.mark.sqlite("commands run in forked processes")]


def test_a_bucket_is_followed_by_a_mirror(server: Server, credentials: None, tmp_path: Path) -> None:
    bucket = f"s3://{server.make_bucket(public=True)}"
    web = server.public_url(f"{bucket}/archive")
    kept = make(tmp_path, url=web, env=CREDENTIALS)
    kept.settings(
        public=f"{bucket}/archive", bags=f"{bucket}/archive/bags", endpoint=server.url, region=REGION
    )
    done = kept.phono("publish", "--date", FIRST)
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in done.out + done.err
    assert payload(kept.folder) == []
    assert tree(kept.folder / "vault" / "incoming") == {}
    assert len(list((kept.folder / "vault" / "bags").glob("*/bagit.txt"))) == 2  # tag files stay
    assert findings(kept.folder) == []
    assert run("mirror", web, tmp_path / "mirror", "--budget", "1GB", "--once", *LOOPBACK).code == 0
    assert len(payload(tmp_path / "mirror")) >= 3
    assert findings(tmp_path / "mirror") == []
    (place,) = kept.phono("status", "--json").data["places"]
    assert (place["place"], place["bags"], place["moved"]) == (f"{bucket}/archive/bags", 2, 2)
    kept.phono("publish", "--date", SECOND)  # nothing new: nothing happens
    assert findings(kept.folder) == []


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """Where the public tree goes, and the settings for it."""
    if request.param == "folder":
        (tmp_path / "elsewhere").mkdir()
        where, more = str(tmp_path / "elsewhere"), {}
    else:
        server: Server = request.getfixturevalue("server")
        request.getfixturevalue("credentials")
        where, more = f"s3://{server.make_bucket()}/archive", {"endpoint": server.url, "region": REGION}
    return where, {"public": where, **more}


@pytest.mark.parametrize("moved", [True, False], ids=["moved", "copied"])
def test_damage_is_found_and_repaired(place: tuple[str, dict[str, str]], moved: bool, tmp_path: Path) -> None:
    where, settings = place
    kept = make(tmp_path, env=CREDENTIALS)
    kept.phono("publish", "--date", FIRST)  # at first, all of it is here
    run("mirror", kept.folder, tmp_path / "mirror", "--budget", "1GB", "--once", *LOOPBACK)
    kept.settings(**settings, **({"bags": f"{where}/bags"} if moved else {}))
    kept.phono("publish", "--date", SECOND)  # nothing new, and now all of it is there
    assert bool(payload(kept.folder)) != moved
    assert findings(kept.folder) == []

    storage = open_place(where, open_archive(kept.folder).settings.storage)
    songs = sorted(stored.key for stored in storage.list("bags/") if "/data/The First" in stored.key)
    put(storage, tmp_path, songs[0], b"x" * 1000)
    storage.delete(songs[1])
    put(storage, tmp_path, songs[0].replace("/data/", "/data/more/"), b"what is this?")
    found = {(finding["what"], finding["path"]) for finding in findings(kept.folder)}
    inner = [song.partition("/")[2].partition("/")[2] for song in songs]
    more = inner[0].replace("data/", "data/more/")
    assert found == {("damaged", inner[0]), ("missing", inner[1]), ("extra", more)}

    archive = open_archive(kept.folder)
    with archive.ledger.begin() as ledger:
        ledger.execute(delete(scrubs))  # what was checked a moment ago is due again
    archive.close()
    scrubbed = kept.phono("check", "--due", "--json", code=4).data["run"]["wrong"]
    assert {(one["finding"]["what"], one["finding"]["path"]) for one in scrubbed} == found
    assert {one["place"] for one in scrubbed} == {f"{where}/bags"}

    done = kept.phono("repair", "--from", tmp_path / "mirror", "--delete-extra", "--json", *LOOPBACK)
    assert len(done.data["findings"]) == 2
    assert bool(done.data["fetched"]) == moved  # else there is a copy here
    archive = open_archive(kept.folder)
    with archive.ledger.connect() as ledger:
        assert ledger.execute(select(scrubs.c.unit).where(scrubs.c.wrong > 0)).all() == []
    archive.close()
    assert findings(kept.folder) == []
    assert not list((kept.folder / "vault" / "incoming").glob(".*"))


def put(storage: Storage, folder: Path, key: str, data: bytes) -> None:
    """Put these bytes where they do not belong."""
    (folder / "wrong").write_bytes(data)
    storage.put(Item(key, folder / "wrong", len(data), hashlib.sha256(data).hexdigest()), lambda _: None)


def test_a_bag_that_has_moved_is_served(place: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    where, settings = place
    kept = make(tmp_path, env=CREDENTIALS)
    kept.settings(**{**settings, "public": ""}, bags=where)
    kept.phono("publish", "--date", FIRST)
    assert payload(kept.folder) == []
    with serving(kept.folder) as url:
        assert run("mirror", url, tmp_path / "mirror", "--budget", "1GB", "--once", *LOOPBACK).code == 0
        assert findings(tmp_path / "mirror") == []
        song = next(file for file in payload(tmp_path / "mirror") if file.suffix == ".flac")
        address = f"{url}/bags/{quote(song.relative_to(tmp_path / 'mirror/vault/bags').as_posix())}"
        whole = song.read_bytes()
        for asked, status, body in (
            ("bytes=10-19", 206, whole[10:20]),
            ("bytes=-5", 206, whole[-5:]),
            ("bytes=100-", 206, whole[100:]),
            (f"bytes={len(whole)}-", 416, b""),
            ("bytes=0-1,5-6", 200, whole),
        ):
            answer = urllib3.request("GET", address, headers={"Range": asked})
            assert (answer.status, answer.data) == (status, body)
        head = urllib3.request("HEAD", address)
        assert (head.status, head.headers["Content-Length"]) == (200, str(len(whole)))
        assert head.headers["Content-Type"] == "audio/flac"
        again = urllib3.request("GET", address, headers={"If-None-Match": head.headers["ETag"]})
        assert (again.status, again.data) == (304, b"")
        assert urllib3.request("GET", f"{address}.not").status == 404


def test_an_archive_whose_bags_have_moved_audits_clean(
    place: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    where, settings = place
    kept = make(tmp_path, env=CREDENTIALS)
    kept.settings(**{**settings, "public": ""}, bags=where)
    kept.phono("publish", "--date", FIRST)
    assert payload(kept.folder) == []
    kept.phono("audit", "--bytes")
    kept.phono("audit", "--claims-only")
    storage = open_place(where, open_archive(kept.folder).settings.storage)
    (song, *_) = sorted(stored.key for stored in storage.list("") if "/data/The First" in stored.key)
    storage.delete(song)
    told = kept.phono("audit", "--json", code=4)
    assert {(fault["what"], f"{fault['bag']}/{fault['path']}") for fault in told.data["found"]} == {
        ("missing", song)
    }
    kept.settings()  # without them nobody knows where the rest is, and nobody calls it wrong but missing
    told = kept.phono("audit", "--json", code=4)
    assert {fault["what"] for fault in told.data["found"]} == {"missing"}


def test_music_that_has_moved_is_known_again(tmp_path: Path) -> None:
    kept = make(tmp_path)
    (tmp_path / "bags").mkdir()
    kept.settings(bags=str(tmp_path / "bags"))
    kept.phono("publish", "--date", FIRST)
    copies = tmp_path / "copies"
    shutil.copytree(kept.music, copies)
    archive = open_archive(kept.folder)
    song = next(path for path in (tmp_path / "bags").glob("*/data/**/*.flac"))
    missing = archive.bags / song.relative_to(tmp_path / "bags")
    size, sha256 = song.stat().st_size, hashlib.sha256(song.read_bytes()).hexdigest()
    borrowed = at_hand(archive, missing, size, sha256)  # as to make an access copy
    assert borrowed.read_bytes() == song.read_bytes()
    let_go(borrowed)
    with pytest.raises(VerificationError, match="is damaged"):
        at_hand(archive, missing, size, "0" * 64)
    archive.ledger.dispose()
    kept.phono("add", copies)
    assert not [file for file in (kept.folder / "vault" / "incoming").rglob("*") if file.is_file()]
    assert findings(kept.folder) == []


def test_settings_that_make_no_sense_are_refused_before_anything_happens(tmp_path: Path) -> None:
    kept = make(tmp_path)
    for settings, said in (
        ({"bags": "s3://abc/b", "public": "s3://abc/c"}, "is not part of the public tree"),
        ({"bags": "vault"}, "[storage] bags: vault is not a place"),
        ({"public": "ftp://a/b"}, "[storage] public: ftp://a/b is not a place"),
        ({"bags": "s3://abc/b", "endpoint": "https://me:secret@x.org"}, "[storage] endpoint"),
        ({"bags": "s3://abc/b", "part": "1MiB"}, "[storage] part"),
    ):
        kept.settings(**settings)
        done = kept.phono("publish", "--date", FIRST, code=2)
        assert said in done.err
        assert "secret" not in done.err
    kept.settings(bags=str(tmp_path / "not mounted"))
    assert "not mounted" in kept.phono("publish", "--date", FIRST, code=3).err
    assert list((kept.folder / "vault" / "bags").iterdir()) == []


def test_two_archives_do_not_share_a_place(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    for name in ("one", "two"):
        kept = make(tmp_path / name)
        kept.settings(public=str(tmp_path / "shared"))
        done = kept.phono("publish", "--date", FIRST, code=None)
        if name == "two":
            assert done.code in (2, 4)
            assert "another" in done.err
    first = tree(tmp_path / "one" / "archive" / "public" / "metadata")
    assert tree(tmp_path / "shared" / "metadata") == first


def test_ctrl_c_ends_it_and_the_next_run_goes_on(server: Server, proxy: Proxy, tmp_path: Path) -> None:
    where = f"s3://{server.make_bucket()}"
    kept = make(tmp_path, env=CREDENTIALS)
    kept.settings(bags=where, endpoint=proxy.url, region=REGION)
    busy = Trouble("PUT", times=999, answer=status(503, "SlowDown"))
    proxy.trouble(busy)

    def begun(process: int) -> None:
        def interrupt(line: str) -> None:
            if line.startswith("PUT") and proxy.count("PUT") == 3:
                os.kill(process, signal.SIGINT)

        proxy.on_request = interrupt

    done = run("publish", kept.folder, "--date", FIRST, env={**EPOCH, **CREDENTIALS}, begun=begun)
    assert done.code == 130
    assert "Interrupted" in done.err
    assert proxy.count("PUT") < 20  # each file would be tried six times
    busy.times, proxy.on_request = 0, None
    kept.phono("publish", "--date", FIRST)
    assert payload(kept.folder) == []
    assert findings(kept.folder) == []


def test_an_older_archive_does_not_replace_a_newer_tree(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    kept = make(tmp_path)
    kept.settings(public=str(tmp_path / "elsewhere"))
    shutil.copytree(kept.folder, tmp_path / "backup", symlinks=True)
    kept.phono("publish", "--date", FIRST)
    before = tree(tmp_path / "elsewhere")
    kept.phono("add", write_album(tmp_path / "more", "The Second", tracks=1, seed=2)[0].parent)
    kept.phono("publish", "--date", SECOND)
    newest = tree(tmp_path / "elsewhere")
    assert newest != before
    shutil.rmtree(kept.folder)
    shutil.copytree(tmp_path / "backup", kept.folder, symlinks=True)
    done = kept.phono("publish", "--date", FIRST, code=4)
    assert "is newer than" in done.err
    assert tree(tmp_path / "elsewhere") == newest


def test_a_mirror_does_not_move_its_bags(
    own_settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHONOTHEQUE_STORAGE_BAGS", "s3://abc/d")
    with pytest.raises(UsageError, match="is a mirror"):
        open_mirror(tmp_path / "mirror", "https://example.org")
