"""What every installed source must keep to, whatever it reads (docs/how-to/write-a-source.md)."""

from __future__ import annotations

import dataclasses
import json
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phonotheque.catalogue.datasets import SCHEMAS
from phonotheque.catalogue.schema import FACTS
from phonotheque.model.errors import UsageError
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece, Source, source_named, sources
from tests.sources import ern_messages, test_fma, test_internet_archive, test_listenbrainz, test_musicbrainz
from tests.sources.reading import Read, read_all
from tests.sources.test_discogs import release

SOURCES = sources()
DAMAGES = 40  # ways in which each piece is damaged


def ddex(folder: Path) -> Path:
    ern_messages.put(folder / "good", ern_messages.ERN_38, sound="resources/01.flac")
    ern_messages.put(folder / "newer", ern_messages.album(ern_messages.recording()))
    ern_messages.put(folder / "broken", ern_messages.ERN_38[:500])
    return folder


def discogs(folder: Path) -> Path:
    releases = [release(1), release(2), '<release id="none"><title>Lost</title></release>']
    folder.joinpath("discogs_20260801_releases.xml").write_text(
        "\n".join(["<releases>", *releases, "</releases>\n"])
    )
    folder.joinpath("discogs_20260801_artists.xml").write_text(
        "<artists>\n<artist><id>7</id><name>Band</name></artist>\n"
        "<artist><id>8</id><name>Torn</artist>\n</artists>\n"
    )
    return folder


def fma(folder: Path) -> Path:
    return test_fma.put(folder, test_fma.row("2"), "torn,off\n", test_fma.row("3"))


def internet_archive(folder: Path) -> Path:
    test_internet_archive.put(folder / "one", test_internet_archive.FIRST, test_internet_archive.SECOND)
    (folder / "broken.json").write_text('{"metadata": {"identifier": "torn"')
    return folder


def listenbrainz(folder: Path) -> Path:
    listen = test_listenbrainz.listen
    content = test_listenbrainz.lines(listen("A", "B"), listen("", ""), listen("A", "B")) + b"no JSON\n"
    (folder / "some.jsonl").write_bytes(content)
    return folder


def musicbrainz(folder: Path) -> Path:
    entities: dict[str, list[Any]] = {
        "artist": [{"id": test_musicbrainz.mbid(1), "name": "Band", "sort-name": "Band", "tags": []}],
        "release": [test_musicbrainz.release(), b"{torn", test_musicbrainz.release(id="no MBID")],
    }
    for entity, records in entities.items():
        content = test_musicbrainz.as_lines(*records)
        (folder / f"{entity}.tar").write_bytes(test_musicbrainz.dump(entity, content))
        (folder / f"{entity}.tar.xz").write_bytes(
            test_musicbrainz.PACKINGS[".xz"]((folder / f"{entity}.tar").read_bytes())
        )
        (folder / f"{entity}.tar").unlink()
    return folder


def table(folder: Path) -> Path:
    (folder / "songs.csv").write_text("id,title,artist\n1,Opening,Ann Field\n2,Torn\n3,Closing,Ann Field\n")
    (folder / "songs.csv.mapping.toml").write_text(
        'source = "mill"\n[columns]\nrecord_id = "id"\ntitle = "title"\nartists = "artist"\n'
    )
    return folder / "songs.csv"


# A location of each installed source: small, a record of each kind, and one that is broken.
SAMPLES: dict[str, Callable[[Path], Path]] = {
    "ddex": ddex,
    "discogs": discogs,
    "fma": fma,
    "internet-archive": internet_archive,
    "listenbrainz": listenbrainz,
    "musicbrainz": musicbrainz,
    "table": table,
}
KEEPS_NO_RECORDS = {"listenbrainz"}  # its lines name people


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest) -> Source:
    return SOURCES[request.param]


@pytest.fixture
def location(source: Source, tmp_path: Path) -> Path:
    assert source.name in SAMPLES, f"give {source.name} a sample in this file"
    folder = tmp_path / "sample"
    folder.mkdir()
    return SAMPLES[source.name](folder)


def test_it_is_named_as_it_is_registered_and_says_what_to_give_it(source: Source) -> None:
    assert SOURCES[source.name] is source
    assert source_named(source.name) is source
    assert source.summary.strip()
    assert "\n" not in source.summary


def test_files_and_pieces_come_in_the_same_order_every_time(source: Source, location: Path) -> None:
    files = source.files(location)
    assert files
    assert len(set(files)) == len(files)
    assert all(file.is_file() for file in files)
    assert source.files(location) == files
    for piece in _pieces(source, location):
        again = pickle.loads(pickle.dumps(piece))
        assert (again, again.first) == (piece, piece.first)
        assert piece.first >= 1
        assert piece.kind
    audio = source.audio(location)
    assert all(folder.is_dir() for folder in audio)


def test_what_it_tells_is_of_a_record_that_it_gave_before(source: Source, location: Path) -> None:
    for piece in _pieces(source, location):
        gather = Gather(source.name, "an accession", piece.file.name)
        source.read(piece, gather)
        of_none = {name: places.null_count for name, places in gather.of_records().items()}
        assert source.name in KEEPS_NO_RECORDS or not any(of_none.values()), of_none


def test_it_reads_its_sample_and_rejects_what_is_broken_with_a_reason(source: Source, location: Path) -> None:
    read = read_all(source, location)
    assert read.facts or read.listens
    scopes = {reject["scope"] for reject in read.rejects}
    assert scopes & {"file", "record"}
    assert scopes <= {"file", "record", "value"}
    _demand_whole(source, read)


def test_what_it_reads_is_the_same_every_time(source: Source, location: Path) -> None:
    assert read_all(source, location) == read_all(source, location)


def test_a_piece_says_the_same_without_the_others_and_fits_the_tables(source: Source, location: Path) -> None:
    for piece in _pieces(source, location):
        tables = _gathered(source, piece)
        assert {name: made.schema for name, made in tables.items()} == SCHEMAS
        assert tables["facts"].schema == FACTS
        for made in tables.values():
            made.validate(full=True)
            for field in made.schema:
                assert field.nullable or not made[field.name].null_count, field.name


def test_damage_is_rejected_and_never_raised(source: Source, location: Path) -> None:
    chance = random.Random(20261121)
    for piece in _pieces(source, location):
        for damaged in _damaged(piece.content, chance):
            tables = _gathered(source, dataclasses.replace(piece, content=damaged))
            rows = {name: made.to_pylist() for name, made in tables.items()}
            assert all(reject["reason"] for reject in rows["rejects"])
            _demand_whole(source, Read(**rows))


def test_a_name_that_no_source_has_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError) as told:
        source_named("wax-cylinders")
    assert "wax-cylinders" in told.value.message
    assert all(name in str(told.value.advice) for name in SOURCES)


def _pieces(source: Source, location: Path) -> Iterator[Piece]:
    for file in source.files(location):
        yield from source.pieces(location, file)


def _gathered(source: Source, piece: Piece) -> dict[str, Any]:
    gather = Gather(source.name, "an accession", piece.file.name, as_of="2026-01-01")
    source.read(piece, gather)
    return gather.tables()


def _demand_whole(source: Source, read: Read) -> None:
    """Every statement names a record that was kept; what was cut out of a record can be put back."""
    kept = {(row["kind"], row["record_id"]) for row in read.records}
    if source.name not in KEEPS_NO_RECORDS:
        assert {row["record_id"] for row in (*read.facts, *read.things)} <= {own for _, own in kept}
    assert all(row["source_id"] for row in read.facts)
    assert {(row["kind"], row["record_id"]) for row in read.nonfree} <= kept
    assert all(isinstance(json.loads(row["splices"]), list) for row in read.nonfree)


def _damaged(content: Any, chance: random.Random) -> Iterator[Any]:
    """Yield a piece's content with its bytes damaged, wherever in it they are."""
    if isinstance(content, bytes):
        for _ in range(DAMAGES):
            yield _hurt(content, chance)
    elif isinstance(content, tuple):
        for place, part in enumerate(content):
            for damaged in _damaged(part, chance):
                yield (*content[:place], damaged, *content[place + 1 :])
    elif dataclasses.is_dataclass(content) and not isinstance(content, type):
        for field in dataclasses.fields(content):
            for damaged in _damaged(getattr(content, field.name), chance):
                yield dataclasses.replace(content, **{field.name: damaged})


def _hurt(content: bytes, chance: random.Random) -> bytes:
    hurt = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(hurt) + 1)
        match chance.randrange(4):
            case 0:
                del hurt[place:]
            case 1 if place < len(hurt):
                hurt[place] ^= 1 << chance.randrange(8)
            case 2:
                hurt[place:place] = chance.choice([b"\0", b"\xff", b"<", b'"', b"\n", b"{", b"9" * 30])
            case _:
                del hurt[place : place + chance.randrange(40)]
    return bytes(hurt)
