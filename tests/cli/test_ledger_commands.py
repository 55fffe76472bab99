"""phono ledger: an archive's ledger moves to PostgreSQL and back, and nothing is in between."""

from __future__ import annotations

import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from phonotheque.vault import moving
from phonotheque.vault.archive import open_archive
from tests.cli.conftest import Phono
from tests.postgresql import new_database, raw

pytestmark = pytest.mark.sqlite("moves between databases of both kinds itself")


@pytest.fixture
def url(postgresql_server: URL, tmp_path: Path) -> str:
    return new_database(postgresql_server, f"{tmp_path.name.lower()}_cli").render_as_string()


@pytest.fixture
def archive(phono: Phono, tmp_path: Path, own_settings: Path) -> Path:
    folder = tmp_path / "archive"
    assert phono("init", folder, "--name", "Songs").code == 0
    listens = tmp_path / "listens.csv"
    listens.write_text("artist,title,listens\nThe Tones,Note 1,5\n")
    assert phono("add", folder, f"listens:{listens}").code == 0
    return folder


def set_url(archive: Path) -> str | None:
    settings = tomllib.loads((archive / "phonotheque.toml").read_text())
    found: str | None = settings.get("ledger", {}).get("url")
    return found


def aside(archive: Path) -> list[str]:
    return sorted(path.name for path in archive.glob("ledger.*sqlite"))


def test_there_and_back(phono: Phono, archive: Path, url: str) -> None:
    before = (archive / "phonotheque.toml").read_text()
    rows = phono("ledger", "show", archive, "--json").data["rows"]
    moved = phono("ledger", "move", archive, url)
    assert moved.code == 0
    assert f"Now at {url}" in moved.out
    assert (archive / "phonotheque.toml").read_text() == f'{before}\n[ledger]\nurl = "{url}"\n'
    (kept,) = aside(archive)
    assert kept in moved.err
    with closing(sqlite3.connect(archive / kept)) as old:
        assert old.execute("SELECT count(*) FROM accessions").fetchone() == (1,)
    shown = phono("ledger", "show", archive, "--json").data
    assert (shown["place"], shown["rows"]) == (url, rows | {"events": rows["events"] + 1})
    assert phono("check", archive).code == 0
    with raw(make_url(url)) as server:
        assert server.execute("SELECT count(*) FROM fixity_checks").fetchone() == (3,)
    back = phono("ledger", "move", archive, "sqlite:", "--json")
    assert (back.code, set_url(archive), aside(archive)) == (0, "", [kept, "ledger.sqlite"])
    assert back.data["kept"] == url
    assert {table["name"] for table in back.data["tables"]} == set(rows)
    assert phono("status", archive).code == 0


def test_again_is_nothing_to_do(phono: Phono, archive: Path, url: str) -> None:
    phono("ledger", "move", archive, url)
    again = phono("ledger", "move", archive, url)
    assert (again.code, again.out) == (0, f"The ledger is at {url} already.\n")


@pytest.mark.parametrize("before", ["set_in_file", "_put_aside"])
def test_a_move_that_was_broken_off_at_its_end_is_ended_by_the_next(
    phono: Phono, archive: Path, url: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_whatever: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(moving, before, interrupt)
        assert phono("ledger", "move", archive, url).code == 130
    assert aside(archive) == ["ledger.sqlite"]
    assert phono("status", archive).code == 0
    assert phono("ledger", "move", archive, url).code == 0
    assert set_url(archive) == url
    assert [name.startswith("ledger.moved-") for name in aside(archive)] == [True]


def test_where_the_environment_says_where_it_is_one_is_told_what_to_say(
    phono: Phono, archive: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (archive / "phonotheque.toml").read_text()
    monkeypatch.setenv("PHONOTHEQUE_LEDGER_URL", f"sqlite:///{archive}/ledger.sqlite")
    moved = phono("ledger", "move", archive, url)
    assert (moved.code, aside(archive)) == (0, ["ledger.sqlite"])
    assert f"PHONOTHEQUE_LEDGER_URL={url}" in moved.err
    assert (archive / "phonotheque.toml").read_text() == before


@pytest.mark.parametrize(
    "address", ["postgresql://me:s3cret@host/name", "postgresql://me@host/name?password=s3cret"]
)
def test_a_password_in_the_address_is_refused_and_not_repeated(
    phono: Phono, archive: Path, address: str
) -> None:
    refused = phono("ledger", "move", archive, address)
    assert (refused.code, set_url(archive)) == (2, None)
    assert "pgpass" in refused.err
    assert "s3cret" not in refused.err


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense", "cannot be used"),
        ("mysql://me@host/name", "does not work on “mysql”"),
        ("sqlite://", "names no file"),
        ("postgresql://me@/name?host=%2Fnowhere", "cannot be opened"),
    ],
)
def test_an_address_that_leads_nowhere_changes_nothing(
    phono: Phono, archive: Path, address: str, said: str
) -> None:
    refused = phono("ledger", "move", archive, address)
    assert refused.code in (1, 2)
    assert said in refused.err
    assert (set_url(archive), aside(archive)) == (None, ["ledger.sqlite"])


def test_while_another_command_works_nothing_is_moved(phono: Phono, archive: Path, url: str) -> None:
    with open_archive(archive).writing("add"):
        refused = phono("ledger", "move", archive, url)
    assert refused.code == 1
    assert "is being changed by “phono add”" in refused.err
