"""Rooms that take requests in, and browsers that fill in their forms."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import urllib3

from phonotheque.model.settings import RequestsSettings
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.guard import Visitors
from phonotheque.web.room import forms
from phonotheque.web.room.app import reading_room
from phonotheque.web.room.desk import Desk
from phonotheque.web.server import Beside
from phonotheque.web.staff import passwords
from tests.postgresql import copy_tree

ASKED = {
    "kind": "withdrawal",
    "do": "send",
    "name": "Mx Secret Name",
    "contact": "secret@example.org",
    "reason": "A secret reason.",
    "where": "all",
}
CORRECTED = {
    "kind": "correction",
    "do": "send",
    "name": "Mx Secret Name",
    "statement": "A secret statement.",
    "evidence": "A secret sleeve.",
}
SECRETS = ("Secret Name", "secret@", "secret reason", "secret statement", "secret sleeve", "secret letter")


@dataclass
class Browser:
    """Keeps cookies, and says with each form where it was sent from."""

    url: str
    desk: Desk
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """Return the answer to a visit."""
        return self._ask("GET", path, headers, {})

    def page(self, path: str) -> str:
        """Return a page that there must be."""
        answer = self.get(path)
        assert answer.status == 200, (answer.status, answer.data[-500:])
        return answer.data.decode()

    def post(
        self, path: str, fields: dict[str, Any], *, origin: str | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Return the answer to a form."""
        sent = {"Origin": origin if origin is not None else self.url.rstrip("/"), **headers}
        return self._ask("POST", path, sent, {"fields": fields})

    def fill_in(self, path: str, fields: dict[str, Any], **more: Any) -> urllib3.BaseHTTPResponse:
        """Visit a page, and send the form that is on it to the same address."""
        token = token_of(self.page(path))
        return self.post(path.partition("?")[0], {"token": token, **fields}, **more)

    def _ask(
        self, method: str, path: str, headers: dict[str, str], more: dict[str, Any]
    ) -> urllib3.BaseHTTPResponse:
        if self.cookies:
            headers = headers | {
                "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            }
        url = self.url + path.lstrip("/")
        more = {"headers": headers, "redirect": False, "retries": False, "timeout": 60.0, **more}
        answer = urllib3.request(method, url, **more)
        self.set_cookies = answer.headers.getlist("set-cookie")
        for line in self.set_cookies:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
            if "Max-Age=0" in line:
                del self.cookies[name]
        return answer


def token_of(page: str) -> str:
    """Return the token of the last form on a page."""
    return str(re.findall(r'name="token" value="([^"]+)"', page)[-1])


def words_of(page: bytes | str) -> str:
    """Return what a page says, without its markup."""
    text = page.decode() if isinstance(page, bytes) else page
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def taking(library: Archive, folder: Path) -> Archive:
    """Return a copy of an archive that takes requests in, and has staff."""
    copy_tree(library.folder, folder)
    return with_requests(open_archive(folder))


def with_requests(archive: Archive, *, form: bool = True, staff: bool = True) -> Archive:
    """Return an archive that takes requests in, or does not."""
    settings = replace(archive.settings, requests=RequestsSettings(form, staff))
    return replace(archive, settings=settings)


@contextmanager
def at_the_desk(archive: Archive) -> Iterator[Browser]:
    """Open a room, of which nobody waits for people to type."""
    app = reading_room(archive, Visitors())
    before, forms.QUICKEST = forms.QUICKEST, 0.0  # type: ignore[misc]
    try:
        with Beside(app, "127.0.0.1", 0) as server:
            yield Browser(server.url, app.state.desk)
    finally:
        forms.QUICKEST = before  # type: ignore[misc]
        app.state.desk.rest()
        archive.close()


@contextmanager
def cheap_passwords() -> Iterator[None]:
    """Let hashing a password take a moment, where it is to take a fifth of a second."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_MEMORY", 64)
        passwords._nobodys.cache_clear()
        yield
    passwords._nobodys.cache_clear()
