import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.catalogue import datasets
from phonotheque.catalogue.datasets import Dataset
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.schema import LINKS, THINGS
from phonotheque.catalogue.snapshot import write_snapshot
from phonotheque.catalogue.views import ArtistView, RecordingView, ReleaseView
from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.model.identifiers import public_id
from tests.catalogue.catalogue_facts import (
    ISRC_1,
    ISRC_2,
    MADE_AT,
    MBID_1,
    MBID_2,
    batches,
    listens,
    sha,
    track,
    write,
)

BARCODE = "4006381333931"
FACTS = [
    track(
        "joga",
        title="Jóga",
        artists=["Björk"],
        isrcs=[ISRC_1],
        album="Homogenic",
        track_number=2,
        barcode=BARCODE,
    ),
    track(
        "joga-mp3",
        title="Joga",
        artists=["Bjork"],
        isrcs=[ISRC_1],
        album="Homogenic",
        track_number=2,
        barcode=BARCODE,
    ),
    track("joga-live", title="Jóga (live)", artists=["Björk"], isrcs=[ISRC_1], duration_ms=300_000),
    track(
        "bachelorette",
        title="Bachelorette",
        artists=["Björk"],
        album="Homogenic",
        track_number=4,
        barcode=BARCODE,
    ),
    track("katyusha", title="Катюша", artists=["Хор"], recording_mbid=MBID_1),
    track("thalassa", title="Θάλασσα", artists=["Χορός"]),
    track("bint", title="بنت الشلبية", artists=["فيروز"]),
    track("shalom", title="שָׁלוֹם", artists=["מקהלה"]),
    track("moli", title="茉莉花开", artists=["合唱团"]),
    track("sakura", title="さくらさくら", artists=["合唱"]),
    track("arirang", title="아리랑 타령", artists=["합창단"]),
    track("loi", title="เพลงลอยกระทง", artists=["วง"]),
    track("punctuation", title="Hush", artists=["!!!"]),
    track("dump", source="dump", title="Known only", artists=["Nobody"], artist_mbids=[MBID_2]),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalogue")
    write(path, FACTS, listened=[listens(100, isrc=ISRC_1), listens(7, title="Bachelorette", artist="Björk")])
    return path


@pytest.fixture
def catalogue(folder: Path) -> Iterator[Catalogue]:
    with Catalogue.open(folder) as opened:
        yield opened


def titles(catalogue: Catalogue, query: str) -> list[str | None]:
    return [hit.title for hit in catalogue.search(query)]


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("björk joga li", "Jóga (live)"),
        ("катю", "Катюша"),
        ("θαλασσα", "Θάλασσα"),
        ("الشلبية", "بنت الشلبية"),
        ("שלום", "שָׁלוֹם"),
        ("莉花", "茉莉花开"),
        ("花", "茉莉花开"),
        ("开", "茉莉花开"),
        ("くらさ", "さくらさくら"),
        ("리랑", "아리랑 타령"),
        ("กระทง", "เพลงลอยกระทง"),
        ("!!!", "Hush"),
        ("hush !!!", "Hush"),
        ("homogenic bach", "Bachelorette"),
        ("ｋｎｏｗｎ　ｏｎｌｙ", "Known only"),
    ],
)
def test_words_are_found_in_any_script(catalogue: Catalogue, query: str, title: str) -> None:
    assert titles(catalogue, query) == [title]


def test_the_closest_and_most_listened_come_first(catalogue: Catalogue) -> None:
    assert titles(catalogue, "björk")[:2] in (["Jóga", "Bachelorette"], ["Joga", "Bachelorette"])
    assert titles(catalogue, "joga live")[0] == "Jóga (live)"
    assert len(catalogue.search("bjork", limit=1)) == 1
    assert titles(catalogue, "bjork nothing") == titles(catalogue, " ") == []
    assert catalogue.search("bjork", limit=0) == []


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "a AND",
        "NOT",
        "title:x",
        "a*",
        "^a",
        "NEAR(a b)",
        "(",
        "-a",
        "{a}: b",
        "'; DROP TABLE words; --",
        "\0",
        "─:─",
        "a" * 10**6,
    ],
)
def test_hostile_syntax_is_just_text(catalogue: Catalogue, query: str) -> None:
    assert isinstance(catalogue.search(query), list)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_text_may_be_searched_and_shown(folder: Path, text: str) -> None:
    with Catalogue.open(folder) as catalogue:
        catalogue.search(text)
        with suppress(NotFoundError, UsageError):
            catalogue.show(text)


def test_a_recording_says_where_everything_comes_from(catalogue: Catalogue) -> None:
    view = catalogue.show(sha("joga")[:8])
    assert isinstance(view, RecordingView)
    assert view.files == tuple(sorted((sha("joga"), sha("joga-mp3"))))
    assert [release.name for release in view.releases] == ["Homogenic"]
    assert view.isrcs == (ISRC_1,)
    assert [(count.listens, count.source, count.as_of) for count in view.listens_by] == [
        (100, "test", "2026-11-01")
    ]
    said = {fact.value: {by.source_id for by in fact.said_by} for fact in view.facts if fact.field == "title"}
    assert said == {"Jóga": {sha("joga")}, "Joga": {sha("joga-mp3")}}
    (conflict,) = view.conflicts
    assert conflict.kind == "isrc"
    assert conflict.other is not None
    assert conflict.other.title == "Jóga (live)"


def test_one_isrc_shows_the_most_listened_and_the_others(catalogue: Catalogue) -> None:
    view = catalogue.show(f"isrc {ISRC_1.lower()}")
    assert isinstance(view, RecordingView)
    assert view.listens == 100
    assert [hit.title for hit in view.see_also] == ["Jóga (live)"]


def test_ids_lead_to_their_things(catalogue: Catalogue) -> None:
    song = catalogue.show(f"https://musicbrainz.org/recording/{MBID_1}")
    assert isinstance(song, RecordingView)
    assert song.title == "Катюша"
    artist = catalogue.show(MBID_2.upper())
    assert isinstance(artist, ArtistView)
    assert (artist.name, artist.total, [hit.title for hit in artist.recordings]) == (
        "Nobody",
        1,
        ["Known only"],
    )
    bjork = catalogue.show(public_id("name", "artist", "bjork"))
    assert isinstance(bjork, ArtistView)
    assert bjork.total == 3
    release = catalogue.show(BARCODE)
    assert isinstance(release, ReleaseView)
    assert [(t.track_number, t.recording.listens) for t in release.tracks] == [(2, 100), (4, 7)]
    assert catalogue.show(release.id) == release


@pytest.mark.parametrize(
    "key", ["", "abcdef", ISRC_2, "0" * 64, "99999999-9999-4999-8999-999999999999", "%", "f"]
)
def test_what_is_not_known_is_not_found(catalogue: Catalogue, key: str) -> None:
    with pytest.raises(NotFoundError, match="knows nothing"):
        catalogue.show(key)


def test_a_shared_beginning_is_ambiguous(tmp_path: Path) -> None:
    write(
        tmp_path, [track("a", file_sha256="abcdef" + "0" * 58), track("b", file_sha256="abcdef" + "1" * 58)]
    )
    with Catalogue.open(tmp_path) as catalogue, pytest.raises(UsageError, match="begin with"):
        catalogue.show("abcdef")


def test_a_merged_id_leads_on(tmp_path: Path) -> None:
    write(tmp_path, [track("a"), track("b")])
    with Catalogue.open(tmp_path) as before:
        (old,) = before.search("b")
    tagged = [track(name, recording_mbid=MBID_1) for name in "ab"]
    write(tmp_path, tagged)
    with Catalogue.open(tmp_path) as after:
        assert after.show(old.id) == after.show(MBID_1)


def test_an_isrc_lists_its_recordings_the_most_listened_first(catalogue: Catalogue) -> None:
    hits = catalogue.by_isrc(f"ISRC {ISRC_1[:2]}-{ISRC_1[2:]}")
    assert [(hit.title, hit.listens) for hit in hits][1:] == [("Jóga (live)", None)]
    assert hits[0].listens == 100
    assert catalogue.hits([1, 0, 1]) == [catalogue.hits([n])[0] for n in (1, 0, 1)]
    assert catalogue.by_isrc(ISRC_2) == catalogue.by_isrc("no code") == catalogue.hits([]) == []


def test_ids_of_tracks_and_of_merged_recordings_lead_to_the_recording(tmp_path: Path) -> None:
    facts = [
        track("a", source="x", isrcs=[ISRC_1], recording_mbid=MBID_1, track_mbid=MBID_2),
        track("b", title="a", source="y", isrcs=[ISRC_1]),
    ]
    write(tmp_path, facts)
    with Catalogue.open(tmp_path) as catalogue:
        assert catalogue.show(MBID_2) == catalogue.show(MBID_1) == catalogue.show(ISRC_1)


def test_an_id_that_only_begins_alike_is_not_found(tmp_path: Path) -> None:
    write(tmp_path, [track("a", recording_mbid=MBID_1)])
    with Catalogue.open(tmp_path) as catalogue, pytest.raises(NotFoundError):
        catalogue.show(MBID_1[:-1] + "2")


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (
            ReleaseView,
            (
                "discogs:45",
                "discogs:release/45",
                "r45",
                "[r45]",
                "R45",
                "https://www.discogs.com/release/45-Somebody-Album",
                "discogs.com/fr/release/45",
            ),
        ),
        (
            ArtistView,
            (
                "discogs:artist/7",
                "a7",
                "https://www.discogs.com/artist/7-Somebody?page=2",
                "0000 0001 2103 2683",
                "isni:0000000121032683",
                public_id("discogs", "artist", "7"),
            ),
        ),
        (ArtistView, ("discogs:artist/8", public_id("discogs", "artist", "8"))),  # of whom nobody tells more
    ],
)
def test_ids_of_other_catalogues(discogs: Path, kind: type, keys: tuple[str, ...]) -> None:
    with Catalogue.open(discogs) as catalogue:
        views = [catalogue.show(key) for key in keys]
    assert isinstance(views[0], kind)
    assert all(view == views[0] for view in views)


@pytest.fixture(scope="module")
def discogs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("discogs")
    on = {"source": "discogs", "album": "Album", "release_id": "45", "artists": ["Somebody"]}
    rows = [
        track("1", **on, artist_ids=["7"], position="A1", record_id="45"),
        track("2", **on, artist_ids=["8"], position="B1", record_id="45"),
    ]
    thing = dict.fromkeys(THINGS.names) | {
        "source": "discogs",
        "accession": "a",
        "record_id": "7",
        "kind": "artist",
        "name": "Somebody",
        "aliases": ["Some Other Name"],
        "identifiers": ["discogs:artist/7", "isni:0000000121032683"],
        "country": "FR",
    }
    told = Dataset(Path(), "discogs", "there", "a", MADE_AT.isoformat())
    write(folder, rows)
    datasets.write(folder, told, {"things": batches([thing], THINGS)})
    write_snapshot(folder, links=LINKS.empty_table(), made_at=MADE_AT, memory_limit="500MB")
    return folder


def test_a_release_and_an_artist_say_what_is_known(discogs: Path) -> None:
    with Catalogue.open(discogs) as catalogue:
        release, artist = catalogue.show("r45"), catalogue.show("a7")
    assert isinstance(release, ReleaseView)
    assert [(place.position, place.recording.title) for place in release.tracks] == [("A1", "1"), ("B1", "2")]
    assert release.source_id == "discogs:45"
    assert {(by.source, by.record_id) for fact in release.facts for by in fact.said_by} == {("discogs", "45")}
    assert isinstance(artist, ArtistView)
    assert (artist.aliases, artist.country, artist.total) == (("Some Other Name",), "FR", 1)
    assert [fact.value for fact in artist.facts] == ["Somebody"]


def test_threads_may_share_a_catalogue(catalogue: Catalogue) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(catalogue.search, ["björk"] * 40))
    assert all(answer == answers[0] for answer in answers)


def test_no_catalogue_yet(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        Catalogue.open(tmp_path / "catalogue")
    assert "phono add" in caught.value.advice


@pytest.mark.parametrize("name", ["index.sqlite", "words.sqlite"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "overwritten", "stale"])
def test_a_lost_or_damaged_index_is_built_again(folder: Path, tmp_path: Path, damage: str, name: str) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with Catalogue.open(tmp_path) as catalogue:
        snapshot, expected = catalogue.snapshot, catalogue.search("joga")
    index = snapshot.path / name
    content = index.read_bytes()
    if damage == "missing":
        index.unlink()
    elif damage == "truncated":
        index.write_bytes(content[: len(content) // 2])
    elif damage == "overwritten":
        index.write_bytes(b"\xff" * len(content))
    else:
        (snapshot.path / "index.json").write_text("{}")
    with Catalogue.open(tmp_path) as catalogue:
        if damage == "overwritten":
            assert [(f.what, f.path) for f in catalogue.verify()] == [("damaged", f"{snapshot.stamp}/{name}")]
        assert catalogue.search("joga") == expected
        assert catalogue.verify() == []
    assert index.read_bytes() == content
    assert not (snapshot.path / ".index.tmp").exists()


def test_a_damaged_table_is_named(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with Catalogue.open(tmp_path) as catalogue:
        snapshot = catalogue.snapshot
        snapshot.table("tracks").write_bytes(b"PAR1 but not really PAR1")
        assert catalogue.search("joga")  # the index answers
        with pytest.raises(PhonothequeError, match=snapshot.stamp):
            catalogue.show(ISRC_1)
        assert [f.path for f in catalogue.verify()] == [f"{snapshot.stamp}/tracks.parquet"]
