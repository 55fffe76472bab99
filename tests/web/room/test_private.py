"""Whatever can be reached from the first page, in either language: nothing of a request that is private."""

from __future__ import annotations

import html
import re
from collections import Counter
from pathlib import Path

import pytest

from phonotheque.editions.publish import publish
from phonotheque.editions.withdrawing import accept
from phonotheque.ledger.requests import request_with
from phonotheque.vault.archive import Archive, now, timestamp
from tests.web.room import archives
from tests.web.room.archives import Title
from tests.web.room.desks import ASKED, CORRECTED, SECRETS, Browser, at_the_desk, taking

pytestmark = pytest.mark.once("about pages; tests/web/staff asks the ledger what this does")
_OF_A_KIND = 6  # pages of one kind are alike
_PROGRAMS = (
    "feed.atom",
    "withdrawals.json",
    "api/openapi.json",
    "sitemap.xml",
    "robots.txt",
    ".well-known/security.txt",
    "oai?verb=ListRecords&metadataPrefix=oai_dc",
    "oai?verb=Identify",
    "rest/ping.view?f=json&v=1.16.1&c=t&u=guest&p=guest",
)
_LINK = re.compile(r'(?:href|src|action|hx-get)="/(?!cover/|stream/|static/|bags/)([^"#]*)')


def test_nothing_private_is_on_any_page(library: Archive, tmp_path: Path) -> None:
    archive = taking(library, tmp_path / "archive")
    with at_the_desk(archive) as visitor:
        page = visitor.page(f"en/correct?find={Title.OPENING.value}")
        name = re.findall(r'href="/en/recording/([0-9a-f-]{36})"', page)[0]
        letter = ("letter.txt", b"a secret letter")
        keys = []
        for fields in (
            ASKED | {"what": name, "document": letter, "public_reason": "We asked for it."},
            ASKED | {"what": "another tune", "document": letter},
            CORRECTED | {"what": name, "document": letter},
        ):
            answer = visitor.fill_in("en/correct?kind=withdrawal", fields)
            keys.append(answer.headers["location"].rpartition("/")[2])
        visitor.desk.rest()
        with archive.ledger.connect() as ledger:
            asked = request_with(ledger, keys[0])
        assert asked is not None
        with archive.writing("test"):
            one = str(asked.withdrawal_id)
            accept(archive, one, by="Mx Secret Name", note="A secret reason.", at=timestamp(now()))
            publish(archive, at=now())
        begin = [f"{language}/" for language in ("en", "fr")] + list(_PROGRAMS)
        begin += [f"en/request/{key}" for key in (*keys, one)] + [f"en/recording/{name}"]
        seen = _visit_all(visitor, begin)
    kinds = {_kind(path) for path in seen}
    for kind in ("en/correct", "en/request", "en/recording", "en/edition", "en/bag"):
        assert kind in kinds, sorted(kinds)
    for path, data in seen.items():
        told = data.lower()
        leaked = [each for each in (*SECRETS, *archives.SECRETS) if each.lower().encode() in told]
        assert not leaked, (path, leaked)
    # whoever has the id of a withdrawal finds no request by it, and no page names the requests' ids
    for key in keys:
        pages = [path for path, data in seen.items() if key.encode() in data and key not in path]
        assert not pages


def _visit_all(visitor: Browser, begin: list[str]) -> dict[str, bytes]:
    """Return all that can be reached by links, a few of each kind."""
    seen: dict[str, bytes] = {}
    kinds = Counter[str]()
    waiting = list(begin)
    while waiting:
        path = waiting.pop(0)
        if path in seen or (kinds[_kind(path)] >= _OF_A_KIND and path not in begin):
            continue
        kinds[_kind(path)] += 1
        answer = visitor.get(path)
        assert answer.status < 500, (path, answer.status, answer.data[:300])
        seen[path] = b"".join(f"{key}: {value}\n".encode() for key, value in answer.headers.items())
        seen[path] += answer.data
        if "html" in answer.headers.get("content-type", ""):
            waiting += [html.unescape(link) for link in _LINK.findall(answer.data.decode())]
    return seen


def _kind(path: str) -> str:
    return "/".join(path.partition("?")[0].split("/")[:2])
