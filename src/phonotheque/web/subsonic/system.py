"""What players ask about the server, and of everything that it does not have."""

from __future__ import annotations

from typing import Any, Final

from phonotheque.web.subsonic.answers import CallError, Code
from phonotheque.web.subsonic.call import Answers, Call, Content
from phonotheque.web.subsonic.shelving import MOST_LISTENED

EXTENSIONS: Final = (
    ("apiKeyAuthentication", [1]),
    ("formPost", [1]),
    ("songLyrics", [1]),
    ("topSongsByArtistId", [1]),
)
_ROLES: Final = (
    "adminRole",
    "settingsRole",
    "uploadRole",
    "coverArtRole",
    "commentRole",
    "podcastRole",
    "jukeboxRole",
    "shareRole",
    "videoConversionRole",
)


def nothing(_call: Call) -> Content:
    """Answer that all is well."""
    return {}


def extensions() -> Content:
    """Answer what is spoken beyond Subsonic. Everybody may ask, without any login."""
    found = [{"name": name, "versions": versions} for name, versions in EXTENSIONS]
    return {"openSubsonicExtensions": found}


def licence(_call: Call) -> Content:
    """Answer that nobody has to pay."""
    return {"license": {"valid": True}}


def token_info(call: Call) -> Content:
    """Answer whose API key it is."""
    if not call.asked.text("apiKey"):
        raise CallError(Code.WRONG_KEY, "Send an API key.")
    return {"tokenInfo": {"username": call.visitor.name}}


def user(call: Call) -> Content:
    """Answer what who asks may do. Nobody may ask about others."""
    name = call.asked.text("username") or call.visitor.name
    if name.lower() != call.visitor.name.lower():
        raise CallError(Code.FORBIDDEN, "Nobody is told about others.")
    keeps = call.visitor.listener is not None
    with call.view() as view:
        folders = [number for number, _ in view.shelves()]
    told: dict[str, Any] = {
        "username": call.visitor.name,
        "scrobblingEnabled": False,
        "streamRole": True,
        "downloadRole": True,
        "playlistRole": keeps,
        **dict.fromkeys(_ROLES, False),
        "folder": folders,
    }
    return {"user": told}


def scan_status(call: Call) -> Content:
    """Answer whether the shelves are being filled, and how much is on them."""
    call.shelves.look()
    if call.shelves.filling:
        return {"scanStatus": {"scanning": True}}
    with call.view() as view:
        return {"scanStatus": {"scanning": False, "count": view.count(MOST_LISTENED)}}


def none(name: str, content: dict[str, Any] | None = None) -> Answers:
    """Return what answers that there is none of something."""
    return lambda _call: {name: content or {}}


def refused(reason: str, code: Code = Code.FORBIDDEN) -> Answers:
    """Return what refuses a call."""

    def answer(_call: Call) -> Content:
        raise CallError(code, reason)

    return answer
