"""What the metadata of an Internet Archive item say of the rights in its files, wherever they lie."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from phonotheque.ledger.files import each_file
from phonotheque.model.audio import Tags
from phonotheque.model.rights import Evidence, Kind
from phonotheque.sources.evidence import gather
from phonotheque.sources.folder import FoundFile, walk
from phonotheque.sources.intake import add_folder
from phonotheque.sources.item_rights import ITEM
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.sources.looking import licences, names, questions
from tests.tones import flac

CC_BY = "https://creativecommons.org/licenses/by/4.0/"
SOUND = b"the bytes of a recording"


def put(path: Path, content: bytes = SOUND) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "source": "original", "md5": hashlib.md5(SOUND).hexdigest()} | more


def item(path: Path, *files: dict[str, Any], licenseurl: Any = CC_BY, **metadata: Any) -> Path:
    about = {"identifier": "concert"} | ({"licenseurl": licenseurl} if licenseurl else {}) | metadata
    return put(path, json.dumps({"metadata": about, "files": list(files)}).encode())


def item_xml(folder: Path, name: str, *, licenseurl: str = CC_BY) -> None:
    md5 = hashlib.md5(SOUND).hexdigest()
    listing = f'<files><file name="{name}" source="original"><md5>{md5}</md5></file></files>'
    put(folder / "concert_files.xml", listing.encode())
    about = f"<identifier>concert</identifier><licenseurl>{licenseurl}</licenseurl>"
    put(folder / "concert_meta.xml", f"<metadata>{about}</metadata>".encode())


def of(root: Path, relative: str) -> Evidence:
    """What is found about one file when the whole folder is walked."""
    found = {one.relative: one for one in walk(root) if isinstance(one, FoundFile)}
    return gather(found[relative].path, found[relative].notes, Tags())


def test_a_licence_in_an_item_is_a_statement_with_the_item_as_evidence(music: Path) -> None:
    put(music / "concert" / "a.flac")
    item(music / "concert.json", entry("a.flac"))
    evidence = of(music, "concert/a.flac")
    (statement,) = evidence.statements
    assert (statement.kind, statement.licence, statement.evidence) == (Kind.LICENCE, "CC-BY-4.0", CC_BY)
    assert (statement.evidence_origin, statement.asserted_by) == ("item:concert.json", ITEM)
    assert not evidence.questions


@pytest.mark.parametrize(
    ("audio", "metadata"),
    [
        ("a.flac", "concert.json"),
        ("a.flac", "anything_meta.json"),
        ("disc 1/a.flac", "concert_meta.json"),
        ("concert/disc 1/a.flac", "concert.json"),
        ("deep/concert/a.flac", "deep/concert/concert_meta.json"),
        ("deep/concert/a.flac", "deep/concert_meta.json"),
    ],
)
def test_it_is_found_wherever_items_lie(music: Path, audio: str, metadata: str) -> None:
    put(music / audio)
    item(music / metadata, entry("b.flac"), entry("disc 1/a.flac" if "disc" in audio else "a.flac"))
    assert [statement.licence for statement in of(music, audio).statements] == ["CC-BY-4.0"]


def test_an_item_in_xml_speaks_of_the_files_it_lists(music: Path) -> None:
    put(music / "concert" / "a.flac")
    put(music / "concert" / "b.flac")
    item_xml(music / "concert", "a.flac", licenseurl="https://creativecommons.org/publicdomain/mark/1.0/")
    (statement,) = of(music, "concert/a.flac").statements
    assert (statement.kind, statement.evidence_origin) == (Kind.PUBLIC_DOMAIN, "item:concert_meta.xml")
    assert of(music, "concert/b.flac") == Evidence()
    (music / "concert" / "concert_files.xml").unlink()
    assert of(music, "concert/a.flac") == Evidence()  # nobody knows its files


def test_of_many_items_in_a_folder_each_speaks_of_the_folder_of_its_name(music: Path) -> None:
    for number in range(20):
        put(music / f"item{number}" / "a.flac")
        licence = CC_BY if number % 2 else "https://creativecommons.org/licenses/by-sa/3.0/"
        item(music / f"item{number}.json", entry("a.flac"), identifier=f"item{number}", licenseurl=licence)
    put(music / "a.flac")
    assert [one.licence for one in of(music, "item7/a.flac").statements] == ["CC-BY-4.0"]
    assert [one.licence for one in of(music, "item8/a.flac").statements] == ["CC-BY-SA-3.0"]
    assert of(music, "a.flac") == Evidence()
    notes = {one.relative: len(one.notes) for one in walk(music) if isinstance(one, FoundFile)}
    assert notes["item7/a.flac"] == 1


@pytest.mark.parametrize(
    ("metadata", "asked"),
    [
        ({"licenseurl": "https://example.org/our-terms"}, "no licence that can be read"),
        ({"licenseurl": "https://creativecommons.org/licenses/by/"}, "cannot be read"),
        ({"licenseurl": [CC_BY, "https://creativecommons.org/licenses/by-nd/4.0/"]}, "several licences"),
        ({"licenseurl": [CC_BY, "https://example.org/"]}, "no licence that can be read"),
        ({"rights": "All rights reserved."}, "All rights reserved"),
        ({"rights": "For non-commercial use only"}, "commercial"),
    ],
)
def test_what_is_not_certain_is_asked(music: Path, metadata: dict[str, Any], asked: str) -> None:
    put(music / "a.flac")
    item(music / "concert.json", entry("a.flac"), **metadata)
    evidence = of(music, "a.flac")
    assert not evidence.statements
    (question,) = evidence.questions
    assert asked in question.text
    assert question.evidence_origin == "item:concert.json"
    for value in metadata.values():
        assert (value if isinstance(value, str) else value[0]) in question.evidence


def test_another_file_under_the_name_of_one_is_not_licensed_but_asked_about(music: Path) -> None:
    put(music / "a.flac", b"somebody else's")
    item(music / "concert.json", entry("a.flac"))
    evidence = of(music, "a.flac")
    assert not evidence.statements
    (question,) = evidence.questions
    assert "MD5" in question.text
    assert question.candidates == ("CC-BY-4.0",)


TRADE = "The band permits the free, non-commercial trading of its concerts."


def concert(path: Path, **metadata: Any) -> Path:
    about = {"collection": ["TheBand", "etree"], "creator": "The Band"} | metadata
    return item(path, entry("a.flac"), licenseurl=None, **about)


@pytest.mark.parametrize(
    "words",
    [
        {"rights": TRADE},
        {"notes": ["Taped from the balcony.", TRADE]},
        {"description": f"<div>Set 1:<br />One<br>Two</div><p>{TRADE}</p>"},
        {"rights": TRADE, "collection": "etree"},
        {"rights": "By permission, for royalty-free, non-commercial circulation; not for sale"},
    ],
)
def test_a_traded_concert_has_its_artist_s_permission(music: Path, words: dict[str, Any]) -> None:
    put(music / "a.flac")
    concert(music / "concert.json", **words)
    evidence = of(music, "a.flac")
    (statement,) = evidence.statements
    assert not evidence.questions
    assert (statement.kind, statement.licence) == (Kind.LICENCE, "LicenseRef-artist-permission-NC")
    assert (statement.covers, statement.holder, statement.asserted_by) == ("recording", "The Band", ITEM)
    assert statement.evidence.startswith("collection: etree\n")
    assert "commercial" in statement.evidence


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ({}, "does not say what its artist allows"),
        ({"description": "Set 1: One, Two"}, "does not say what its artist allows"),
        ({"rights": "Non-commercial use only."}, "does not say what its artist allows"),
        ({"rights": "The band does not permit trading, even non-commercial."}, "also “not”"),
        ({"rights": f"{TRADE} All rights reserved."}, "also “All rights reserved”"),
        ({"rights": f"{TRADE} Do not upload them anywhere."}, "also “Do not upload”"),
        ({"rights": f"{TRADE} Creative Commons."}, "also “Creative Commons”"),
        ({"rights": "Non-commercial trading is permitted only at shows."}, "also “only at”"),
        ({"rights": TRADE, "collection": ["etree", "stream_only"]}, "stream_only"),
    ],
)
def test_a_traded_concert_without_certain_words_is_asked_about(
    music: Path, words: dict[str, Any], asked: str
) -> None:
    put(music / "a.flac")
    concert(music / "concert.json", **words)
    evidence = of(music, "a.flac")
    assert not evidence.statements
    (question,) = evidence.questions
    assert asked in question.text
    assert question.evidence.startswith("collection: etree")
    assert question.candidates == (() if "stream_only" in asked else ("LicenseRef-artist-permission-NC",))


def test_a_licence_counts_before_the_artist_s_words(music: Path) -> None:
    put(music / "a.flac")
    concert(music / "concert.json", rights=f"{TRADE} {CC_BY}")
    (question,) = of(music, "a.flac").questions
    assert "CC-BY-4.0" in question.text
    item(music / "concert.json", entry("a.flac"), collection="etree", description=TRADE)
    assert [one.licence for one in of(music, "a.flac").statements] == ["CC-BY-4.0"]


def test_the_same_words_anywhere_else_are_asked_about(music: Path) -> None:
    put(music / "a.flac")
    concert(music / "concert.json", rights=TRADE, collection="opensource_audio")
    (question,) = of(music, "a.flac").questions
    assert question.candidates == ("LicenseRef-artist-permission-NC",)
    assert "non-commercial trading" in question.text


def test_a_status_in_an_item_grants_nothing(music: Path) -> None:
    put(music / "a.flac")
    item(music / "concert.json", entry("a.flac"), licenseurl="http://rightsstatements.org/vocab/InC/1.0/")
    (statement,) = of(music, "a.flac").statements
    assert (statement.kind, statement.licence) == (Kind.UNKNOWN, "LicenseRef-RS-InC-1.0")


@pytest.mark.parametrize("licenseurl", [None, "", [], {}, 7])
def test_no_licence_says_nothing(music: Path, licenseurl: object) -> None:
    put(music / "a.flac")
    item(music / "concert.json", entry("a.flac"), licenseurl=licenseurl)
    evidence = of(music, "a.flac")
    assert not evidence.statements
    assert bool(evidence.questions) == (licenseurl == 7)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"items": []}', b'{"metadata": 1, "files": []}', b"\xff", b"[" * 100_000]
)
@pytest.mark.parametrize("name", ["album.json", "album_meta.json", "album_meta.xml"])
def test_what_is_no_item_says_nothing(music: Path, content: bytes, name: str) -> None:
    put(music / "a.flac")
    put(music / name, content)
    put(music / "album_files.xml", content)
    assert of(music, "a.flac") == Evidence()


def test_an_item_that_cannot_be_read_is_asked_about(music: Path) -> None:
    put(music / "a.flac")
    os.mkfifo(music / "concert_meta.xml")
    (question,) = of(music, "a.flac").questions
    assert "concert_meta.xml could not be read" in question.text


def test_the_nearest_item_that_lists_the_file_counts(music: Path) -> None:
    put(music / "concert" / "a.flac")
    item(
        music / "all.json", entry("concert/a.flac"), licenseurl="https://creativecommons.org/licenses/by/3.0/"
    )
    item(music / "concert" / "other.json", entry("b.flac"))
    assert [one.licence for one in of(music, "concert/a.flac").statements] == ["CC-BY-3.0"]
    item(music / "concert" / "concert.json", entry("a.flac"))
    assert [one.licence for one in of(music, "concert/a.flac").statements] == ["CC-BY-4.0"]


@pytest.mark.usefixtures("in_process")
def test_audio_of_a_licensed_item_is_kept_and_a_correction_is_seen(
    make_archive: MakeArchive, music: Path
) -> None:
    archive: Archive = make_archive()
    for name in ("free.flac", "other.flac"):
        flac(music / "concert" / name, len(name))
    free, other = (
        {"name": path.name, "sha1": hashlib.sha1(path.read_bytes()).hexdigest()}
        for path in sorted((music / "concert").glob("*.flac"))
    )
    item(music / "concert.json", free)
    result = add_folder(archive, music)
    assert names(archive, held=True) == ["concert/free.flac"]
    assert (result.held, result.known) == (1, 1)
    item(music / "concert.json", free, other)
    add_folder(archive, music)
    assert names(archive, held=True) == ["concert/free.flac", "concert/other.flac"]
    item(music / "concert.json", free, other, licenseurl="https://example.org/mine")
    add_folder(archive, music)
    assert licences(archive) == [("CC-BY-4.0", False)] * 2  # withdrawn
    assert len(questions(archive)) == 2
    with archive.ledger.connect() as ledger:
        assert len(list(each_file(ledger))) == 2
