"""Feeds, sitemaps, robots.txt, security.txt, and the header about mining: whole, bounded, and as declared."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest

from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.oai import deriving
from phonotheque.web.oai.records import FOLDER
from phonotheque.web.room.contact import contact_uri, mail_address
from phonotheque.web.room.feeds import ATOM
from phonotheque.web.room.reservation import read
from tests.postgresql import copy_tree
from tests.web.room.archives import SECRETS, SITE
from tests.web.room.visits import Visit, visiting

pytestmark = pytest.mark.ledger
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
XHTML = "{http://www.w3.org/1999/xhtml}"
FEEDS = ("editions", "accessions", "withdrawals")


def atom(visit: Visit, name: str) -> ElementTree.Element:
    """Return a feed that has all that RFC 4287 demands of one (§4.1.1, §4.1.2)."""
    answer = visit.ask(f"feeds/{name}.atom")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/atom+xml")
    feed = ElementTree.fromstring(answer.data)
    assert feed.tag == f"{{{ATOM}}}feed"
    assert feed.find(f"{{{ATOM}}}author/{{{ATOM}}}name") is not None
    links = {one.get("rel"): one.get("href") for one in feed.findall(f"{{{ATOM}}}link")}
    assert links["self"] == f"{SITE}feeds/{name}.atom"
    entries = feed.findall(f"{{{ATOM}}}entry")
    for element in (feed, *entries):
        for demanded in ("id", "title", "updated"):
            (found,) = element.findall(f"{{{ATOM}}}{demanded}")
            assert found.text
        datetime.fromisoformat(element.findtext(f"{{{ATOM}}}updated", ""))
    ids = [one.findtext(f"{{{ATOM}}}id", "") for one in (feed, *entries)]
    assert len(set(ids)) == len(ids)
    assert all(name.startswith("urn:uuid:") for name in ids)
    updated = [one.findtext(f"{{{ATOM}}}updated", "") for one in entries]
    assert updated == sorted(updated, reverse=True)
    return feed


@pytest.mark.parametrize("name", FEEDS)
def test_feeds_are_whole_and_lead_to_pages(library: Archive, name: str) -> None:
    with visiting(library) as visit:
        feed = atom(visit, name)
        entries = feed.findall(f"{{{ATOM}}}entry")
        assert entries
        for entry in entries:
            (link,) = entry.findall(f"{{{ATOM}}}link")
            there = visit.ask((link.get("href") or "").removeprefix(SITE))
            assert there.status in (200, 410), (link.get("href"), there.status, there.data[:300])
        tag = visit.ask(f"feeds/{name}.atom").headers["etag"]
        assert visit.ask(f"feeds/{name}.atom", headers={"If-None-Match": tag}).status == 304
    text = ElementTree.tostring(feed, encoding="unicode")
    assert not [secret for secret in SECRETS if secret in text]


def test_feeds_name_things_as_the_feed_of_the_public_tree_does(library: Archive) -> None:
    with visiting(library) as visit:
        there = ElementTree.fromstring(visit.ask("feed.atom").data)
        known = {one.text for one in there.iter(f"{{{ATOM}}}id")}
        for name in ("editions", "withdrawals"):
            entries = atom(visit, name).findall(f"{{{ATOM}}}entry")
            assert {one.findtext(f"{{{ATOM}}}id") for one in entries} <= known


def test_what_there_is_none_of_has_an_empty_feed_or_none(archive: Archive, twin: Archive) -> None:
    with visiting(archive) as visit:
        for name in FEEDS:
            assert b"<entry" not in visit.ask(f"feeds/{name}.atom").data
        assert visit.ask("feeds/alerts.atom").status == 404
    with visiting(twin) as visit:
        assert visit.ask("feeds/accessions.atom").status == 404
        assert visit.ask("feeds/editions.atom").status == 200


def addresses(visit: Visit, path: str) -> list[str]:
    """Return the addresses of a sitemap, each of which has itself among its languages."""
    answer = visit.ask(path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml")
    root = ElementTree.fromstring(answer.data)
    found = []
    for one in root.findall(f"{MAP}url"):
        links = {link.get("hreflang"): link.get("href") for link in one.findall(f"{XHTML}link")}
        found.append(one.findtext(f"{MAP}loc", ""))
        assert set(links) == {"en", "fr", "x-default"}
        assert found[-1] in links.values()
    return found


def test_sitemaps_have_every_published_thing_once_in_each_language(
    library: Archive, own_settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deriving, "PART", 2)
    copy_tree(library.folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / FOLDER, ignore_errors=True)
    archive = open_archive(tmp_path / "copy")
    with visiting(archive) as visit:
        root = ElementTree.fromstring(visit.ask("sitemap.xml").data)
        parts = [(one.text or "").removeprefix(SITE) for one in root.iter(f"{MAP}loc")]
        assert parts == ["sitemap/pages.xml", "sitemap/bags/1.xml"] + [
            f"sitemap/recordings/{number}.xml" for number in (1, 2, 3)
        ]
        every = [address for part in parts for address in addresses(visit, part)]
        assert len(set(every)) == len(every)
        recordings = [address for address in every if "/recording/" in address]
        assert len(recordings) == 2 * 5
        for address in every:
            if address.startswith(f"{SITE}en/"):
                assert visit.ask(address.removeprefix(SITE)).status in (200, 303), address
        for none in ("recordings/0", "recordings/9", "bags/0", "bags/2"):
            assert visit.ask(f"sitemap/{none}.xml").status == 404


def test_robots_find_what_is_published_and_leave_the_rest(library: Archive) -> None:
    with visiting(library) as visit:
        rules = RobotFileParser()
        rules.parse(visit.text("robots.txt").splitlines())
    assert rules.site_maps() == [f"{SITE}sitemap.xml"]
    for path in ("/en/", "/fr/recording/1", "/bags/a/data/b.flac", "/feeds/editions.atom"):
        assert rules.can_fetch("anybody", f"{SITE}{path[1:]}")
    for path in (
        "/stream/a",
        "/fr/search?q=a",
        "/en/random",
        "/en/staff/",
        "/fr/request/1",
        "/rest/ping",
        "/oai",
    ):
        assert not rules.can_fetch("anybody", f"{SITE}{path[1:]}")


def test_whom_to_tell_of_a_hole_is_said_where_it_is_set(archive: Archive) -> None:
    with visiting(archive) as visit:
        assert visit.ask(".well-known/security.txt").status == 404
    told = replace(archive.settings.serve, contact="archivist@example.org")
    with visiting(replace(archive, settings=replace(archive.settings, serve=told))) as visit:
        answer = visit.ask(".well-known/security.txt")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        fields = dict(line.split(": ", 1) for line in answer.data.decode().splitlines())
        assert b"<adminEmail>archivist@example.org</adminEmail>" in visit.ask("oai?verb=Identify").data
    assert fields["Contact"] == "mailto:archivist@example.org"
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert timedelta(days=100) < left < timedelta(days=365)


@pytest.mark.parametrize(
    ("contact", "uri", "mail"),
    [
        ("mailto:a@example.org", "mailto:a@example.org", "a@example.org"),
        ("https://example.org/security", "https://example.org/security", ""),
        ("tel:+33-1-23-45-67-89", "tel:+33-1-23-45-67-89", ""),
        ("http://example.org", "", ""),
        ("a@b\nExpires: never", "", ""),
        ("", "", ""),
    ],
)
def test_only_what_the_file_may_have_is_a_contact(contact: str, uri: str, mail: str) -> None:
    assert (contact_uri(contact), mail_address(contact)) == (uri, mail)


def test_headers_say_of_mining_what_the_file_says(library: Archive) -> None:
    with visiting(library) as visit:
        rules = json.loads(visit.ask(".well-known/tdmrep.json").data)
        assert {rule["tdm-reservation"] for rule in rules} == {0, 1}
        for rule in rules:
            path = rule["location"].removesuffix("$").removeprefix("/")
            answer = visit.ask(f"{path}x" if path.endswith("/") else path, "HEAD")
            assert answer.headers["tdm-reservation"] == str(rule["tdm-reservation"])
        assert visit.ask("en/").headers["tdm-reservation"] == "1"
        assert "tdm-reservation" not in visit.ask("static/a/room.css").headers


def test_the_first_rule_that_holds_counts() -> None:
    declared = read(
        json.dumps(
            [
                {"location": "/bags/a/data/b$", "tdm-reservation": 0},
                {"location": "/bags/a/", "tdm-reservation": 1, "tdm-policy": "https://example.org/"},
                {"location": "/restricted/FR/bags/a/", "tdm-reservation": 0},
                {"location": "/targets/", "tdm-reservation": 0},
                {"location": "/", "tdm-reservation": 1},
            ]
        ).encode()
    )
    for path, reserved in (
        ("/bags/a/data/b", False),
        ("/bags/a/data/bc", True),
        ("/restricted/FR/bags/a/x", False),
        ("/targets/edition.json", False),
        ("/en/recording/1", True),
    ):
        rule = declared.of(path)
        assert rule is not None
        assert rule.reserved is reserved


@pytest.mark.parametrize("data", [b"", b"[1]", b'{"a": 1}', b'[{"location": 1, "tdm-reservation": 1}]'])
def test_what_declares_nonsense_declares_nothing(archive: Archive, data: bytes) -> None:
    place = archive.public / ".well-known"
    place.mkdir(parents=True, exist_ok=True)
    (place / "tdmrep.json").write_bytes(data)
    with visiting(archive) as visit:
        answer = visit.ask("en/")
        assert answer.status == 200
        assert "tdm-reservation" not in answer.headers
