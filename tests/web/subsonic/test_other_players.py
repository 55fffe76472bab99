"""Other people's clients browse, search, hear and keep: py-opensonic, and subsonic-api for Node."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from phonotheque.vault.archive import Archive
from phonotheque.web.subsonic.listeners import listeners_of
from tests.tools import tool
from tests.web.room.archives import Title
from tests.web.subsonic.player import Player

PLAYERS = Path(__file__).parents[3] / ".venv" / "players"
CLIENTS = Path(__file__).parent / "clients"


@pytest.fixture(scope="module", params=["guest", "listener"])
def login(shelved: Archive, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A name and a password."""
    if request.param == "guest":
        return "guest", "guest"
    one, _ = listeners_of(shelved).add("Elsewhere")
    return one.name, one.password


def test_py_opensonic_plays(player: Player, login: tuple[str, str]) -> None:
    python = _made(PLAYERS / "python" / "bin" / "python")
    where = urlsplit(player.url)
    program = CLIENTS / "with_py_opensonic.py"
    told = _run(python, program, f"http://{where.hostname}", where.port, *login)
    assert {"formPost", "apiKeyAuthentication"} <= set(told["extensions"])
    _is_right(told, player, login)


@pytest.mark.parametrize("way", ["get", "post"])
def test_subsonic_api_plays(player: Player, login: tuple[str, str], way: str) -> None:
    _made(PLAYERS / "node_modules" / "subsonic-api")
    node = tool("node", "nodejs")
    program = CLIENTS / "with_subsonic_api.mjs"
    _is_right(_run(node, program, PLAYERS, player.url.rstrip("/"), *login, way), player, login)


def _is_right(told: dict[str, Any], player: Player, login: tuple[str, str]) -> None:
    songs = player.songs()
    assert told.get("folders", [1, 2, 10]) == [1, 2, 10]  # py-opensonic 10.4.1 cannot read what it gets
    assert told["album"][0] in told["directory"]
    assert told["album"][1] == len(told["album"][2])
    assert set(told["everything"]) == set(songs)
    assert told["found"] == [Title.OPENING]
    assert all(number > 0 for number in told["lists"])
    assert told["random"] == 2
    assert told["stream"][0] is True
    assert told["stream"][2] == 200
    if login[0] == "guest":
        assert told["user"] is False
        return
    assert told["user"] is True
    assert told["stars"] == [1, 1, 1]
    assert told["playlist"][1:] == ["one", [told["album"][2][0]]]
    assert told["playlist"][0] in told["playlists"]


def _made(path: Path) -> Path:
    """Return what scripts/players.sh made; skip the test without it, or fail where it must run."""
    if not path.exists():
        reason = f"{path.name} is not installed; make tools installs it where it can be had"
        if os.environ.get("TESTS_MUST_RUN") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def _run(*words: object) -> dict[str, Any]:
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told
