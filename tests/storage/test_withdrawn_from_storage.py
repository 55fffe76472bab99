"""What is withdrawn is gone at once from a public tree that lies elsewhere, and leaves its bag there, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from phonotheque.vault.archive import open_archive
from phonotheque.vault.storage.opening import open_place
from tests.endtoend.commands import findings
from tests.endtoend.promises import rows, sha256
from tests.storage.archives import EPOCH, FIRST, SECOND, Kept, make
from tests.storage.forked import run
from tests.storage.server import CREDENTIALS, REGION, Server

_BAGGED = "SELECT bag_id, path, sha256 FROM bag_files"
pytestmark = [pytest.mark.xdist_group("swift"), pytest.mark.sqlite("commands run in forked processes")]


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


def withdraw(kept: Kept, step: str, *words: object) -> Any:
    done = run("withdraw", step, kept.folder, *words, "--json", env={**EPOCH, **kept.env})
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.mark.parametrize("moved", [True, False], ids=["moved", "copied"])
def test_what_is_withdrawn_is_gone_from_there_and_back_when_reversed(
    place: tuple[str, dict[str, str]], moved: bool, tmp_path: Path
) -> None:
    where, settings = place
    kept = make(tmp_path, env=CREDENTIALS)
    kept.settings(**settings, **({"bags": f"{where}/bags"} if moved else {}))
    kept.phono("publish", "--date", FIRST)
    storage = open_place(where, open_archive(kept.folder).settings.storage)

    def songs() -> set[str]:
        return {stored.key for stored in storage.list("bags/") if "/data/The First" in stored.key}

    before = songs()
    assert len(before) == 3
    name = rows(kept.folder, "SELECT name FROM files WHERE kind = 'master' ORDER BY name")[0][0]
    asked = ("--by", "An Artist", "--reason", "It is mine.")
    first = withdraw(kept, "request", name, *asked, "--accept")
    assert len(songs()) == 2
    assert findings(kept.folder) == []
    held = {row[0] for row in rows(kept.folder, "SELECT sha256 FROM files WHERE held")}
    kept_here = {sha256(path) for path in (kept.folder / "vault").rglob("*") if path.is_file()}
    (gone,) = before - songs()
    ((lost,),) = rows(
        kept.folder, f"SELECT sha256 FROM bag_files WHERE 'bags/' || bag_id || '/' || path = '{gone}'"
    )
    assert lost in held & kept_here, "it is still kept"
    withdraw(kept, "reverse", first["id"], "--reason", "It was not theirs.")
    assert songs() == before
    assert findings(kept.folder) == []
    withdraw(kept, "request", name, *asked, "--accept")
    kept.phono("publish", "--date", SECOND)
    assert {key.split("/")[1].endswith("-r2") for key in songs()} == {True}
    assert len(songs()) == 2
    assert findings(kept.folder) == []
    bags = {row[0] for row in rows(kept.folder, "SELECT id FROM bags")}
    assert {stored.key.split("/")[1] for stored in storage.list("bags/")} == bags
    assert {path.name for path in (kept.folder / "vault" / "bags").iterdir()} == bags
    torrents = {stored.key for stored in storage.list("targets/") if stored.key.endswith(".torrent")}
    assert {Path(key).stem for key in torrents} == bags


def test_what_is_not_for_everybody_goes_to_no_public_bucket(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    kept = make(tmp_path)
    text = (kept.folder / "phonotheque.toml").read_text()
    assert "[publish]\n" in text
    (kept.folder / "phonotheque.toml").write_text(
        text.replace("[publish]\n", '[publish]\naudiences = ["FR"]\n')
    )
    kept.settings(public=str(tmp_path / "elsewhere"))
    done = kept.phono("publish", "--date", FIRST, code=2)
    assert "[storage] public is for everybody" in done.err
    assert list((tmp_path / "elsewhere").iterdir()) == []
