from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import libtorrent
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from phonotheque.cli.report import report_command
from phonotheque.ledger.files import start_accession
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import MirrorSettings, Settings
from phonotheque.vault.archive import Archive
from phonotheque.web.listings import magnet
from phonotheque.web.looking import catalogue_counts
from phonotheque.web.looking.catalogue_counts import tracks_per_isrc
from phonotheque.web.palette import LIGHT
from phonotheque.web.report import write_report
from tests.web.report_archive import (
    AT,
    HOSTILE,
    INFOHASH_V1,
    INFOHASH_V2,
    empty_archive,
    refuse,
    small_archive,
)

pytestmark = pytest.mark.ledger

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """A page as a strict reader sees it: every element closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in {"td", "th"}:
            self.texts.append(" ")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def named(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attrs for name, attrs in self.elements if name == tag)

    def values(self, attribute: str) -> list[str]:
        return [value for _, attrs in self.elements if (value := attrs.get(attribute)) is not None]


def report(archive: Archive) -> Page:
    path = write_report(archive, at=AT)
    assert path == archive.folder / "report" / "index.html"
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return small_archive(tmp_path_factory.mktemp("small") / "archive")


@pytest.fixture(scope="module")
def page(small: Archive) -> Page:
    return report(small)


def test_the_figures(page: Page) -> None:
    for words in (
        "held 33 minutes 6 masters, 21.0 MB",
        "published 20 % 1 of 5 recordings held",
        "with a basis for distribution 50 % 3 of 6 masters",
        "of known listens fall on what is held 100 % 90 % on what is published;",
        "1,000 listens counted by plays Song (2026-11-01)",
        "current edition 1 of 21 November 2026: 1 bag, 1.1 MB",
    ):
        assert words in page.text


def test_every_plot_is_there_with_its_numbers(page: Page) -> None:
    keys = [attrs["id"] for attrs in page.named("figure")]
    drawn = (
        "coverage listening growth codecs integrity loudness years durations licences decisions "
        "listens files isrcs conflicts"
    )
    assert " ".join(str(key).removeprefix("plot-") for key in keys) == drawn
    for words in (
        "Masters are held for 100 % of listens.",
        "Nobody counted 2 further recordings:",
        "90 % 1 2 minutes 2.0 MB 1.3 MB",  # the largest file of the most listened recording
        "90 % masters 1.0 MB 1",  # the most listened recording may be published, and its best master is 1 MB
        "flac 3 22 minutes 9.0 MB",
        "damaged kept, and known to be damaged 1 16.7 %",
        "−19 LUFS 1",
        "1970s 1",
        "15 minutes or more 1",
        "CC-BY-4.0 3 3",
        "distribute 3 0 3",
        "317–999 1 90 %",
        "2 files 1",
        "2 tracks 2",
        "Copies per bag. No copies were counted yet",
        "Countries. No release in the catalogue has a country.",
        "21 November 2026 folder 6 33 minutes 21.0 MB 33 minutes",
        "one ISRC, different recordings 1",
    ):
        assert words in page.text


@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
def test_tracks_of_a_code_are_counted_across_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(catalogue_counts, "_AT_ONCE", at_once)
    rows = [("A", 1), ("B", 1), ("B", 2), ("C", 4), ("C", 4), ("C", 4), ("D", 1)]
    path = tmp_path / "isrcs.parquet"
    pq.write_table(pa.table({"isrc": [code for code, _ in rows], "tracks": [n for _, n in rows]}), path)
    assert tracks_per_isrc(path) == [(1, 2), (3, 1), (10, 1)]
    pq.write_table(pa.table({"isrc": pa.array([], pa.string()), "tracks": pa.array([], pa.int32())}), path)
    assert tracks_per_isrc(path) == []


def test_the_lists(page: Page) -> None:
    for words in (
        "3 Song.flac Two versions are named: Song It may mean CC-BY-4.0 or X Song.",
        "locked Song.m4p protected: Song protected (DRM)",
        " one ISRC, different recordings The ISRC FRZ039800214 is on “Song 4” by Artist Song",
        "Only one source says so: folder. They are kept as two recordings.",
        "tests-0001-0001 1 file, 1.1 MB, edition 1; no proven copy at mirrors; 0 mirrors claim to hold it",
        f"Magnet link of tests-0001-0001 v1 {INFOHASH_V1}",
    ):
        assert words in page.text


def test_it_needs_nothing_else_and_runs_nothing(small: Archive, page: Page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use"}
    assert not page.values("src")
    assert all(href.startswith(("#", "magnet:?xt=urn:btih:")) for href in page.values("href"))
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    text = (small.folder / "report/index.html").read_text(encoding="utf-8")
    assert "url(" not in text
    assert "@import" not in text


def test_it_can_be_read_by_everyone(page: Page) -> None:
    assert next(page.named("html"))["lang"] == "en"
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    referred = [href[1:] for href in page.values("href") if href.startswith("#")]
    assert set(referred + page.values("aria-labelledby")) <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in page.named("svg"))
    assert all(attrs.get("scope") for attrs in page.named("th"))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("figure") == tags.count("figcaption") == tags.count("details")
    assert tags.count("table") == tags.count("figure") + 1  # and the conflicts
    assert tags.count("svg") == 2 * tags.count("figure")


def test_plots_have_no_colour_that_dark_mode_does_not_know(page: Page) -> None:
    light = {getattr(LIGHT, name) for name in LIGHT.__slots__}
    assert set(page.values("fill") + page.values("stroke")) <= light | {"none", "transparent"}


def test_what_others_wrote_stays_text(tmp_path: Path) -> None:
    archive = small_archive(tmp_path / "archive", name=HOSTILE, title=HOSTILE)
    page = report(archive)
    assert "script" not in {tag for tag, _ in page.elements}
    assert "alert" not in "".join(page.values("style") + page.values("href"))
    seen = HOSTILE.replace("\u202e", "\ufffd")
    assert page.text.count(seen) >= 8  # name, source, licence, question, refusal, conflict …
    raw = (archive.folder / "report/index.html").read_text(encoding="utf-8")
    assert "<script" not in raw
    assert "]]>" not in raw
    assert "\u202e" not in raw


def test_an_empty_archive_says_why_there_is_nothing(tmp_path: Path) -> None:
    page = report(empty_archive(tmp_path / "archive"))
    assert "It is still empty." in page.text
    assert "Codecs. Nothing is held yet" in page.text
    assert "Years. No catalogue was made yet." in page.text
    assert "Nobody has counted listens yet" in page.text
    assert not list(page.named("svg"))


def test_long_lists_are_cut_and_say_so(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    with archive.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/m", agent="tests", at=AT.isoformat())
        for number in range(230):
            refuse(ledger, accession, f"/m/{number:04d}.m4p", "protected")
    page = report(archive)
    assert "0199.m4p" in page.text
    assert "0200.m4p" not in page.text
    assert "And 30 more" in page.text
    assert "Refused 230" in page.text


def test_a_mirror_has_no_report(tmp_path: Path) -> None:
    mirror = Archive(tmp_path, Settings(mirror=MirrorSettings(origin="https://example.org/")))
    with pytest.raises(UsageError, match="is a mirror"):
        write_report(mirror, at=AT)


def test_magnet_links_are_understood(page: Page) -> None:
    link = next(href for href in page.values("href") if href.startswith("magnet:"))
    read = libtorrent.parse_magnet_uri(link)
    assert str(read.info_hashes.v1) == INFOHASH_V1
    assert str(read.info_hashes.v2) == INFOHASH_V2
    assert read.trackers == ["udp://tracker.example:6969/announce"]
    assert read.url_seeds == ["https://example.org/music/bags/"]
    assert libtorrent.parse_magnet_uri(magnet("a & b", INFOHASH_V1, INFOHASH_V2)).name == "a & b"


def test_the_command_makes_the_same_page(small: Archive, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small.folder / "report/index.html"
    before = path.read_bytes()
    (small.folder / "phonotheque.toml").write_text(
        '[archive]\nname = "Tests & more"\n[publish]\nurl = "https://example.org/music/"\n'
        'trackers = ["udp://tracker.example:6969/announce"]\n'
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(AT.timestamp())))
    result = CliRunner().invoke(report_command, [str(small.folder), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"path": str(path)}
    assert path.read_bytes() == before
