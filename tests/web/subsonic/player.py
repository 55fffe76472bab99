"""A player that asks a room, and reads what it is told in both forms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import urllib3
from lxml import etree

from phonotheque.vault.archive import Archive
from tests.web.room.visits import visiting

_PATIENCE = 60.0  # seconds
ELEMENT = "{http://subsonic.org/restapi}"


@dataclass(frozen=True)
class Player:
    """Asks as somebody, from a country."""

    url: str
    login: tuple[tuple[str, str], ...] = (("u", "guest"), ("p", "guest"))
    country: str = ""

    def there(self, country: str) -> Player:
        """The same in another country."""
        return replace(self, country=country)

    def known_as(self, **login: str) -> Player:
        """The same with another login."""
        return replace(self, login=tuple(login.items()))

    def ask(self, name: str, /, *, method: str = "GET", **asked: Any) -> urllib3.BaseHTTPResponse:
        """Return the answer as it came."""
        fields = [*self.login, ("v", "1.16.1"), ("c", "tests")]
        fields += [(key, one) for key, some in asked.items() for one in _listed(some)]
        headers = {"Phonotheque-Country": self.country} if self.country else {}
        url, body = f"{self.url}rest/{name}", urlencode(fields)
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return urllib3.request("POST", url, body=body, headers=headers, retries=False, timeout=_PATIENCE)
        return urllib3.request(method, f"{url}?{body}", headers=headers, retries=False, timeout=_PATIENCE)

    def told(self, name: str, /, **asked: Any) -> Any:
        """Return what a call answers, which must be ok."""
        found = self.raw(name, **asked)
        assert found["status"] == "ok", found
        return found

    def refused(self, name: str, /, **asked: Any) -> int:
        """Return the code with which a call is refused."""
        found = self.raw(name, **asked)
        assert found["status"] == "failed", found
        assert found["error"]["message"]
        return int(found["error"]["code"])

    def raw(self, name: str, /, **asked: Any) -> Any:
        """Return an answer in JSON, that in XML being as sound."""
        answer = self.ask(name, f="json", **asked)
        assert answer.headers["content-type"] == "application/json", answer.data[:300]
        found = json.loads(answer.data)["subsonic-response"]
        assert found["openSubsonic"] is True
        assert found["type"] == "phonotheque"
        return found

    def xml(self, name: str, /, **asked: Any) -> Any:
        """Return the root of an answer in XML."""
        answer = self.ask(name, **asked)
        assert answer.headers["content-type"].startswith("text/xml")
        root = etree.fromstring(answer.data, etree.XMLParser(resolve_entities=False))
        assert root.tag == f"{ELEMENT}subsonic-response"
        return root

    def songs(self, **asked: Any) -> dict[str, Any]:
        """Return the songs on a shelf by title."""
        found = self.told("search3", query="", songCount=500, **asked)["searchResult3"]["song"]
        return {song["title"]: song for song in found}


@contextmanager
def playing(archive: Archive) -> Iterator[Player]:
    """Open the room of an archive to a player."""
    with visiting(archive) as visit:
        yield Player(visit.url)


def _listed(some: Any) -> list[str]:
    return [str(one) for one in some] if isinstance(some, list | tuple) else [str(some)]
