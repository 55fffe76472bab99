"""The room as plain files: what publishing writes, and that it needs nothing but files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from lxml import html

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.editions.site import rows_at_once
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.still.addresses import settled
from phonotheque.web.still.look_up import searched
from phonotheque.web.still.writing import write_still
from tests.endtoend.commands import phono
from tests.postgresql import copy_tree
from tests.web.room.archives import SECRETS, Title
from tests.web.still_tree import assert_whole, pages


@pytest.fixture(scope="session")
def written(library: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public tree of a copy of the library, with its pages."""
    return write_copy(library, tmp_path_factory.mktemp("still"))


def write_copy(library: Archive, folder: Path) -> Path:
    copy_tree(library.folder, folder / "library")
    archive = open_archive(folder / "library")
    assert write_still(archive) > 20
    archive.close()
    return archive.public


def test_everything_that_pages_lead_to_is_a_file(written: Path) -> None:
    found = pages(written)
    folders = {page.parent.name for page in found}
    assert folders >= {"en", "fr", "about", "bags", "look-up", "mirror", "rights"}
    assert_whole(written)


def test_pages_tell_nothing_private_and_nothing_of_a_server(written: Path) -> None:
    for page in pages(written):
        text = page.read_text()
        assert not [secret for secret in SECRETS if secret in text]
        assert "localhost" not in text
        assert "<script>" not in text
        assert "\u202e" not in text


def test_what_everybody_may_have_is_found_by_id_isrc_and_title(written: Path, library: Archive) -> None:
    tables = {path.stem: pq.read_table(path).to_pylist() for path in (written / "look-up").iterdir()}
    by_title = {row["title"]: row for row in tables["recordings"]}
    assert by_title.keys() >= {Title.OPENING, Title.SECOND_AIR, Title.HOSTILE}
    assert not by_title.keys() & {Title.FRANCE, Title.TAKEN_BACK, Title.ONLY_KEPT, Title.NEVER_HELD}
    for row in tables["recordings"]:
        assert (written / "bags" / row["bag"] / row["path"]).is_file()
    with Catalogue.open(library.catalogue) as catalogue:
        for row in tables["isrcs"]:
            assert row["recording"] in {hit.id for hit in catalogue.by_isrc(row["isrc"])}
    ids = [row["recording"] for row in tables["recordings"]]
    assert ids == sorted(ids)
    keys = [row["searched"] for row in tables["titles"]]
    assert keys == sorted(keys)
    assert searched(["Ça, c’est  l’ÉTÉ!", ""]) == ["ca c est l ete", ""]


def test_one_answer_reads_little_of_small_tables_and_not_much_of_large_ones() -> None:
    for rows, most in ((0, 0.3e6), (200_000, 0.5e6), (10_000_000, 3e6), (86_000_000, 8.5e6)):
        group = rows_at_once(rows)
        assert group % 2048 == 0
        assert -(-rows // group) * 1400 + group * 135 <= most


def test_written_again_it_is_the_same(written: Path, library: Archive, tmp_path: Path) -> None:
    again = write_copy(library, tmp_path)
    for page in pages(written):
        assert page.read_bytes() == (again / page.relative_to(written)).read_bytes()
    assert sorted(path.name for path in (again.parent / "pages").iterdir()) == ["written.txt"]


def test_an_audit_lets_pages_be_and_nothing_else_beside_them(written: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    shutil.copytree(written, public)
    assert not json.loads(phono("audit", public, "--json", code=None).out)["found"]
    (public / "static" / "song.flac").write_bytes(b"fLaC")
    (public / "en" / "song.html").symlink_to(public / "index.html")
    (public / "de").mkdir()
    (public / "de" / "index.html").write_text("x")
    faults = json.loads(phono("audit", public, "--json", code=6).out)["found"]
    assert {fault["path"] for fault in faults} == {"static/song.flac", "en/song.html", "de"}


def test_what_needs_a_server_is_no_link(tmp_path: Path) -> None:
    page = b"""<!doctype html><html><head><title>x</title>
    <link rel="canonical" href="http://localhost/en/bag/x">
    <link rel="alternate" type="application/atom+xml" href="/feed.atom">
    <script src="/static/1/search.js"></script></head><body>
    <a href="/en/search?q=a">Search</a> <a href="/en/recording/abc">R</a> <a href="/en/about#keys">About</a>
    <a href="https://example.org/">Elsewhere</a> <img src="/cover/1" alt="">
    <a href="/en/bag/x?after=data/9#files">Further</a> <a href="/en/edition/3">3</a>
    <a href="/en/edition/2">2</a> <a href="/bags/x/gone.flac">Gone</a></body></html>"""
    there = {"targets/editions/3/edition.json"}
    text, needed = settled(page, "/en/bag/x", {"/en/bag/x", "/en/about"}, there.__contains__)
    document = html.document_fromstring(text.decode())
    assert [link.get("href") for link in document.xpath("//a")] == [
        None,
        "../../look-up/index.html?q=abc",
        "../../about/index.html#keys",
        "https://example.org/",
        None,
        "../../../targets/editions/3/edition.json",
        None,
        None,
    ]
    assert not needed
    assert not document.xpath("//script | //img | //link")
