"""What tests look at in a public tree with pages as plain files."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow.parquet as pq
from lxml import html

from phonotheque.editions.site import ROOM


def pages(public: Path) -> list[Path]:
    return sorted([*(public / "en").rglob("*.html"), *(public / "fr").rglob("*.html")])


def told(public: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a table in which recordings are looked up."""
    found: list[dict[str, str]] = pq.read_table(public / "look-up" / f"{name}.parquet").to_pylist()
    return found


def room_files(public: Path) -> set[str]:
    """Return the paths of all that lies where pages are."""
    found = [path for name in ROOM for path in (public / name).rglob("*") if not path.is_dir()]
    return {path.relative_to(public).as_posix() for path in found}


def assert_whole(public: Path) -> None:
    """Fail unless everything that pages lead to or load is a file of the tree, and lies in it."""
    for page in pages(public):
        document = html.document_fromstring(page.read_text())
        for address in document.xpath("//@href | //@src | //@srcset"):
            parts = urlsplit(address)
            if parts.scheme or not parts.path:
                assert parts.scheme in ("", "http", "https", "mailto", "magnet")
                assert parts.hostname != "localhost", (page, address)
                continue
            assert not address.startswith("/")
            assert (page.parent / unquote(parts.path)).is_file(), (page, address)
        for loaded in document.xpath("//script/@src | //img/@src | //link[@rel='stylesheet']/@href"):
            assert not urlsplit(loaded).scheme
        assert not document.xpath("//@style | //script[not(@src)]")
