"""Guests come in without an account; listeners by password, token or key; nobody else."""

from __future__ import annotations

import hashlib
import stat

import pytest

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.vault.archive import Archive
from phonotheque.web.subsonic.listeners import NAME, Listener, Listeners, listeners_of
from tests.web.subsonic.player import ELEMENT, Player

SALT = "c19b2d"


@pytest.fixture(scope="module")
def somebody(shelved: Archive) -> tuple[Listener, str]:
    """A listener and their key."""
    return listeners_of(shelved).add("Ada")


def _token(password: str, salt: str = SALT) -> str:
    return hashlib.md5((password + salt).encode(), usedforsecurity=False).hexdigest()


def test_guests_come_in_with_any_password(player: Player) -> None:
    player.told("ping")
    for login in ({"u": "Guest", "p": "x"}, {"u": "guest", "t": _token("guest"), "s": SALT}, {"u": "guest"}):
        assert player.known_as(**login).told("ping")
    user = player.told("getUser", username="guest")["user"]
    assert (user["streamRole"], user["playlistRole"], user["adminRole"]) == (True, False, False)
    assert user["scrobblingEnabled"] is False


def test_a_listener_comes_in_by_password_token_and_key(
    player: Player, somebody: tuple[Listener, str]
) -> None:
    ada, key = somebody
    hexadecimal = "enc:" + ada.password.encode().hex()
    for login in (
        {"u": "Ada", "p": ada.password},
        {"u": "ada", "p": hexadecimal},
        {"u": "Ada", "t": _token(ada.password), "s": SALT},
        {"apiKey": key},
    ):
        user = player.known_as(**login).told("getUser", username="Ada")["user"]
        assert (user["username"], user["playlistRole"]) == ("Ada", True)
    assert player.known_as(apiKey=key).told("tokenInfo")["tokenInfo"]["username"] == "Ada"


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({}, 10),
        ({"u": "Ada"}, 10),
        ({"u": "Ada", "p": "wrong"}, 40),
        ({"u": "Ada", "p": ""}, 10),
        ({"u": "Ada", "p": "enc:zz"}, 40),
        ({"u": "Ada", "t": "0" * 32, "s": SALT}, 40),
        ({"u": "Ada", "t": _token(""), "s": SALT}, 40),
        ({"u": "Ada", "t": _token("")}, 10),
        ({"u": "Nobody", "p": "x"}, 40),
        ({"u": "Nobody", "t": _token(""), "s": SALT}, 40),
        ({"u": "admin", "p": "admin"}, 40),
        ({"apiKey": "wrong"}, 44),
        ({"apiKey": "wrong", "u": "guest"}, 43),
        ({"apiKey": "wrong", "p": "x"}, 43),
    ],
)
def test_others_do_not(
    player: Player, somebody: tuple[Listener, str], login: dict[str, str], code: int
) -> None:
    assert player.known_as(**login).refused("ping") == code
    root = player.known_as(**login).xml("ping")
    assert root.get("status") == "failed"
    assert root.find(f"{ELEMENT}error").get("code") == str(code)


def test_extensions_are_told_to_everybody(player: Player) -> None:
    found = player.known_as().told("getOpenSubsonicExtensions")["openSubsonicExtensions"]
    assert {"formPost", "apiKeyAuthentication"} <= {one["name"] for one in found}
    assert player.known_as().xml("getOpenSubsonicExtensions.view").get("status") == "ok"


def test_nobody_is_told_of_others(player: Player, somebody: tuple[Listener, str]) -> None:
    assert player.refused("getUser", username="Ada") == 50
    assert player.refused("getUsers") == 50
    assert player.refused("tokenInfo") == 44


def test_versions_that_do_not_fit_are_refused(player: Player) -> None:
    assert Player(player.url, (*player.login, ("v", "2.0.0"))).refused("ping") == 30
    assert Player(player.url, (*player.login, ("v", "0.9"))).refused("ping") == 20


def test_what_is_kept_of_listeners_is_private(shelved: Archive, somebody: tuple[Listener, str]) -> None:
    ada, key = somebody
    file = shelved.folder / NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key.encode() not in file.read_bytes()
    assert len(ada.password) == 24


@pytest.mark.parametrize("name", ["", "guest", "GUEST", "a b", "x" * 41, "<b>", "-a"])
def test_names_are_plain(own: Archive, name: str) -> None:
    with pytest.raises(UsageError):
        Listeners(own.folder).add(name)


def test_a_name_is_given_once_and_can_be_taken_back(own: Archive) -> None:
    listeners = Listeners(own.folder)
    assert listeners.all() == []
    one, key = listeners.add("Bob")
    with pytest.raises(UsageError, match="already"):
        listeners.add("bob")
    listeners.star(one.id, ["ar-1"])
    assert [each.name for each in listeners.all()] == ["Bob"]
    listeners.remove("bob")
    assert listeners.with_key(key) is None
    assert listeners.stars(one.id) == {}
    with pytest.raises(NotFoundError):
        listeners.remove("Bob")
