"""discogs: hand-made dumps for every rule and for bad input, and the real sample of 2020-08-06."""

from __future__ import annotations

import gzip
import hashlib
import html
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.discogs import SOURCE
from phonotheque.sources.discogs_layout import is_plain, rewritten, usual
from phonotheque.sources.discogs_places import places
from phonotheque.sources.gather import Gather
from tests.sources.reading import Read, read_all, said

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "discogs"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the Discogs samples are not here")


def artist(number: int, name: str, join: str = "", anv: str = "", role: str = "", tracks: str = "") -> str:
    return (
        f"<artist><id>{number}</id><name>{html.escape(name)}</name><anv>{anv}</anv><join>{join}</join>"
        f"<role>{role}</role><tracks>{tracks}</tracks></artist>"
    )


def track(position: str, title: str, duration: str = "", more: str = "") -> str:
    texts = f"<position>{position}</position><title>{title}</title><duration>{duration}</duration>"
    return f"<track>{texts}{more}</track>"


def release(number: object = 1, *, tracks: str = track("1", "Song", "4:45"), **sections: str) -> str:
    """A release as Discogs writes it; ``sections`` are what stands between its tags."""
    texts = {"artists": artist(7, "Band"), "title": "Album", "tracklist": tracks} | sections
    order = [
        "artists",
        "title",
        "labels",
        "extraartists",
        "formats",
        "genres",
        "styles",
        "country",
        "released",
    ]
    order += ["notes", "tracklist", "identifiers"]
    parts = "".join(f"<{tag}>{texts[tag]}</{tag}>" for tag in order if tag in texts)
    return f'<release id="{number}" status="Accepted">{parts}</release>'


def read(folder: Path, *records: str | bytes, kind: str = "release", end: str = "\n") -> Read:
    """Read a dump of these records, a line each."""
    raw = [record.encode() if isinstance(record, str) else record for record in records]
    content = b"\n".join([f"<{kind}s>".encode(), *raw, f"</{kind}s>{end}".encode()])
    (folder / f"discogs_20260801_{kind}s.xml.gz").write_bytes(gzip.compress(content))
    return read_all(SOURCE, folder)


def facts_of(folder: Path, record: str) -> list[dict[str, object]]:
    found = read(folder, record)
    assert not found.rejects
    return found.facts


# --- which files ----------------------------------------------------------------------------------


def test_dumps_are_read_in_the_order_of_what_they_depend_on(tmp_path: Path) -> None:
    for name in ("releases.xml", "artists.xml.gz", "masters.xml.gz", "labels.xml"):
        (tmp_path / f"discogs_20260801_{name}").touch()
    (tmp_path / "discogs_20260801_CHECKSUM.txt").touch()
    assert [path.name.split("_")[2] for path in SOURCE.files(tmp_path)] == [
        "artists.xml.gz",
        "labels.xml",
        "masters.xml.gz",
        "releases.xml",
    ]
    assert SOURCE.audio(tmp_path) == []


def test_what_is_unpacked_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "discogs_20260801_labels.xml").touch()
    (tmp_path / "discogs_20260801_labels.xml.gz").touch()
    assert [path.name for path in SOURCE.files(tmp_path)] == ["discogs_20260801_labels.xml"]


def test_a_folder_without_dumps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no dump of Discogs"):
        SOURCE.files(tmp_path)
    with pytest.raises(NotFoundError, match="no such folder"):
        SOURCE.files(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="no folder"):
        SOURCE.files(tmp_path / "file")


def test_dumps_of_two_months_are_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "discogs_20260801_labels.xml.gz").touch()
    (tmp_path / "discogs_20260901_artists.xml.gz").touch()
    with pytest.raises(UsageError, match="20260801, 20260901"):
        SOURCE.files(tmp_path)


def test_the_published_checksum_must_hold(tmp_path: Path) -> None:
    read(tmp_path, release())
    dump = tmp_path / "discogs_20260801_releases.xml.gz"
    sums = tmp_path / "discogs_20260801_CHECKSUM.txt"
    digest = hashlib.sha256(dump.read_bytes()).hexdigest()
    sums.write_text(f"{digest} *{dump.name}\n{'0' * 64} *discogs_20260801_labels.xml.gz\n")
    assert len(read_all(SOURCE, tmp_path).facts) == 1
    sums.write_text(f"{'0' * 64} *{dump.name}\n")
    with pytest.raises(BrokenFileError, match=r"SHA-256 is not the one in discogs_20260801_CHECKSUM\.txt"):
        list(SOURCE.pieces(tmp_path, dump))


# --- facts of releases ----------------------------------------------------------------------------


def test_a_release_in_full(tmp_path: Path) -> None:
    record = release(
        249504,
        artists=artist(72872, "Rick Astley"),
        title="Never Gonna Give You Up",
        labels='<label name="RCA (2)" catno="PB 41447" id="895"/><label name="Other" catno="1" id="2"/>',
        formats='<format name="Vinyl" qty="1" text=""><descriptions><description>7"</description>'
        "<description>Single</description></descriptions></format>",
        genres="<genre>Electronic</genre>",
        styles="<style>Synth-pop</style><style>Electronic</style>",
        country="UK",
        released="1987-07-00",
        identifiers='<identifier type="Barcode" description="Text" value="5 012394 144777 &gt;"/>',
        tracks=track("A", "Never Gonna Give You Up", "3:32")
        + track("B", "Never Gonna Give You Up (Instrumental)", "3:30"),
    )
    found = read(tmp_path, record)
    assert not found.rejects
    assert [row["source_id"] for row in found.facts] == ["249504-1", "249504-2"]
    (fact, _) = found.facts
    assert {name: value for name, value in fact.items() if value not in (None, [])} == {
        "source": "discogs",
        "accession": "an accession",
        "record_id": "249504",
        "source_id": "249504-1",
        "title": "Never Gonna Give You Up",
        "artists": ["Rick Astley"],
        "credit": "Rick Astley",
        "artist_mbids": [None],
        "artist_ids": ["72872"],
        "album": "Never Gonna Give You Up",
        "album_artists": ["Rick Astley"],
        "album_credit": "Rick Astley",
        "release_id": "249504",
        "release_type": "single",
        "country": "GB",
        "track_number": 1,
        "position": "A",
        "date": "1987-07",
        "genres": ["Electronic", "Synth-pop"],
        "barcode": "5012394144777",
        "label": "RCA",
        "catalogue_number": "PB 41447",
        "duration_ms": 212_000,
        "title_key": "never gonna give you up",
        "people": ["rick astley"],
        "artist_keys": ["rick astley"],
        "release_key": "discogs:249504",
    }
    assert found.records == [
        {
            "source": "discogs",
            "accession": "an accession",
            "kind": "release",
            "record_id": "249504",
            "raw": record,
        }
    ]


@pytest.mark.parametrize(
    ("artists", "names", "credit"),
    [
        (artist(1, "A", ",") + artist(2, "B", "&amp;") + artist(3, "C"), ["A", "B", "C"], "A, B & C"),
        (artist(1, "A", "Feat.") + artist(2, "B (3)"), ["A", "B"], "A Feat. B"),
        (artist(1, "A", "") + artist(2, "B", ","), ["A", "B"], "A, B"),
        (artist(1, "A", ", Canta:") + artist(2, "B"), ["A", "B"], "A, Canta: B"),
        (artist(1, "Prince (5)", "", "The Artist"), ["Prince"], "The Artist"),
        (artist(1, "A &amp; B".replace("&amp;", "&")), ["A & B"], "A & B"),
        ("", [], None),
    ],
)
def test_credits_are_printed_with_their_words_and_variations(
    tmp_path: Path, artists: str, names: list[str], credit: str | None
) -> None:
    (fact,) = facts_of(tmp_path, release(artists=artists))
    assert said(fact, "artists", "credit", "album_artists", "album_credit") == {
        "artists": names,
        "credit": credit,
        "album_artists": names,
        "album_credit": credit,
    }


def test_a_track_has_its_own_artists_or_those_of_the_release(tmp_path: Path) -> None:
    own = f"<artists>{artist(9, 'Guest', '/')}{artist(10, 'Friend')}</artists>"
    rows = facts_of(tmp_path, release(tracks=track("1", "One", more=own) + track("2", "Two")))
    assert [row["artists"] for row in rows] == [["Guest", "Friend"], ["Band"]]
    assert [row["artist_ids"] for row in rows] == [["9", "10"], ["7"]]
    assert [row["credit"] for row in rows] == ["Guest / Friend", "Band"]
    assert [row["album_credit"] for row in rows] == ["Band", "Band"]


def test_headings_are_no_tracks_and_index_tracks_are_their_parts(tmp_path: Path) -> None:
    parts = f"<sub_tracks>{track('2a', 'Allegro', '1:00')}{track('2b', 'Adagio', '2:00')}</sub_tracks>"
    whole = track("", "Concerto", "3:00", f"<artists>{artist(8, 'Soloist')}</artists>{parts}")
    rows = facts_of(
        tmp_path, release(tracks=track("", "This Side") + track("1", "Song") + whole + track("3", "End"))
    )
    assert [row["title"] for row in rows] == ["Song", "Allegro", "Adagio", "End"]
    assert [row["source_id"] for row in rows] == ["1-1", "1-2", "1-3", "1-4"]
    assert [row["track_number"] for row in rows] == [1, 2, 2, 3]
    assert [row["artists"] for row in rows] == [["Band"], ["Soloist"], ["Soloist"], ["Band"]]


def test_where_nothing_has_a_position_or_length_all_are_tracks(tmp_path: Path) -> None:
    rows = facts_of(tmp_path, release(tracks=track("", "One") + track("", "Two")))
    assert [(row["title"], row["track_number"], row["position"]) for row in rows] == [
        ("One", 1, None),
        ("Two", 2, None),
    ]


def test_a_release_without_tracks_is_kept(tmp_path: Path) -> None:
    found = read(tmp_path, release(tracks=""))
    assert len(found.records) == 1
    assert not found.facts
    assert not found.rejects


@pytest.mark.parametrize(
    ("positions", "discs", "numbers"),
    [
        (["1", "2", "3"], [None, None, None], [1, 2, 3]),
        (["A1", "A2", "B1"], [None, None, None], [1, 2, 3]),
        (["A", "AA"], [None, None], [1, 2]),
        (["1-1", "1-2", "2-1", "2-10"], [1, 1, 2, 2], [1, 2, 1, 10]),
        (["CD2-4"], [2], [4]),
        (["CD1-1", "CD2-1", "DVD-1"], [1, 2, 3], [1, 1, 1]),
        (["CD1-1", "DVD1-1"], [1, 2], [1, 1]),
        (["1.1", "1.2", "2.1"], [1, 1, 2], [1, 2, 1]),
        (["1-5.1", "1-5.2"], [1, 1], [5, 5]),
        (["3a", "3b", "4"], [None, None, None], [3, 3, 4]),
        (["1", "", "Video"], [None, None, None], [1, 2, 3]),
        (["A-1", "B-1"], [None, None], [1, 2]),
        (["99999"], [None], [1]),
    ],
)
def test_positions_tell_medium_and_number(
    positions: list[str], discs: list[int | None], numbers: list[int]
) -> None:
    assert places(tuple(positions), (False,) * len(positions)) == (discs, numbers)


def test_parts_of_a_track_have_its_number() -> None:
    assert places(("1", "2.1", "2.2"), (False, True, True)) == ([None] * 3, [1, 2, 2])


@pytest.mark.parametrize(
    ("writers", "composers"),
    [
        (artist(1, "W", role="Written-By"), [["W"], ["W"], ["W"]]),
        (artist(1, "W (2)", role="Composed By, Producer"), [["W"], ["W"], ["W"]]),
        (artist(1, "W", role="Producer, Music By [All Tracks By]"), [["W"], ["W"], ["W"]]),
        (artist(1, "W", role="Written-By [Uncredited]", tracks="A2"), [[], ["W"], []]),
        (artist(1, "W", role="Written-By", tracks="A1 to A2"), [["W"], ["W"], []]),
        (artist(1, "W", role="Written-By", tracks="A1, B1"), [["W"], [], ["W"]]),
        (artist(1, "W", role="Written-By", tracks="A1 - C9"), [[], [], []]),
        (artist(1, "W", role="Written-By [Fanfare For The Common Man]"), [[], [], []]),
        (artist(1, "W", role="Producer"), [[], [], []]),
        (artist(1, "W", role="Musical Assistance [Written-By]"), [[], [], []]),
        (artist(1, "V", role="Words By") + artist(2, "W", role="Music By"), [["W"], ["W"], ["W"]]),
    ],
)
def test_writers_of_a_release_wrote_what_is_said(
    tmp_path: Path, writers: str, composers: list[list[str]]
) -> None:
    tracks = track("A1", "One") + track("A2", "Two") + track("B1", "Three")
    rows = facts_of(tmp_path, release(tracks=tracks, extraartists=writers))
    assert [row["composers"] for row in rows] == composers


def test_writers_of_a_track_come_first(tmp_path: Path) -> None:
    own = f"<extraartists>{artist(5, 'Own', role='Written-By')}</extraartists>"
    rows = facts_of(
        tmp_path,
        release(
            tracks=track("1", "One", more=own) + track("2", "Two"),
            extraartists=artist(6, "All", role="Music By"),
        ),
    )
    assert [row["composers"] for row in rows] == [["Own", "All"], ["All"]]


def test_isrcs_belong_to_the_tracks_that_they_name(tmp_path: Path) -> None:
    identifiers = "".join(
        f'<identifier type="ISRC" description="{description}" value="{code}"/>'
        for description, code in [
            ("Track A1", "IT-J04-01-00240"),
            ("b1", "ITJ040100241"),
            ("Tracks A1, B1", "ITJ040100242"),
            ("", "ITJ040100243"),
            ("C4", "ITJ040100244"),
        ]
    )
    rows = facts_of(
        tmp_path, release(tracks=track("A1", "One") + track("B1", "Two"), identifiers=identifiers)
    )
    assert [row["isrcs"] for row in rows] == [["ITJ040100240"], ["ITJ040100241"]]


def test_isrcs_of_a_single_track_need_no_name(tmp_path: Path) -> None:
    codes = ("DEQY41700004", "DEQY4170OOO4")
    identifiers = "".join(f'<identifier type="ISRC" value="{code}"/>' for code in codes)
    found = read(tmp_path, release(identifiers=identifiers))
    assert found.facts[0]["isrcs"] == ["DEQY41700004"]
    assert [(row["field"], row["value"]) for row in found.rejects] == [("isrc", "DEQY4170OOO4")]


def test_the_first_barcode_that_is_one_is_taken(tmp_path: Path) -> None:
    identifiers = (
        '<identifier type="Matrix / Runout" value="4006381333931"/>'
        '<identifier type="Barcode" value="none"/><identifier type="Barcode" value="7 961220 922680"/>'
        '<identifier value="0 9362-47555-2 4" description="Text" type="Barcode"/>'
    )
    (fact,) = facts_of(tmp_path, release(identifiers=identifiers))
    assert fact["barcode"] == "093624755524"


def test_the_new_layout_without_empty_elements_is_the_usual_one(tmp_path: Path) -> None:
    record = (
        '<release id="1"><artists><artist><id>1</id><name>Band</name></artist></artists><title>Album</title>'
        '<labels><label name="Svek" catno="SK032" id="5"/></labels><extraartists><artist><name>Nobody</name>'
        '<role>Written-By</role></artist></extraartists><formats><format name="CD" qty="1"/></formats>'
        '<master_id is_main_release="true">0</master_id><tracklist><track><title>One</title>'
        "<duration>1:00</duration></track></tracklist><companies><company><id>1</id><name>Plant</name>"
        "<entity_type>17</entity_type><entity_type_name>Pressed By</entity_type_name></company></companies>"
        '<series><series name="S" catno="1" id="9"/></series>'
        '<videos><video src="x" duration="1" embed="true"><title>V</title></video></videos></release>'
    )
    assert usual(record.encode(), 0) is not None
    (fact,) = facts_of(tmp_path, record)
    assert said(fact, "title", "artists", "label", "composers", "catalogue_number") == {
        "title": "One",
        "artists": ["Band"],
        "label": "Svek",
        "composers": ["Nobody"],
        "catalogue_number": "SK032",
    }


def test_no_label_and_no_number_are_nothing(tmp_path: Path) -> None:
    label = '<label name="Not On Label (Band Self-released)" catno="none" id="5"/>'
    (fact,) = facts_of(tmp_path, release(labels=label))
    assert said(fact, "label", "catalogue_number") == {"label": None, "catalogue_number": None}


def test_references_to_characters_are_replaced(tmp_path: Path) -> None:
    (fact,) = facts_of(
        tmp_path, release(tracks=track("1", "&#214;stermalm &amp; &#x6771;&#13;&#128514; &lt;b&gt;"))
    )
    assert fact["title"] == "Östermalm & 東 😂 <b>"


# --- artists, labels, masters ---------------------------------------------------------------------


def test_an_artist(tmp_path: Path) -> None:
    record = (
        "<artist><id>26</id><name>Alexi Delano (2)</name><realname>Alexi D.</realname>"
        "<profile>[a=X]\n2</profile>"
        "<namevariations><name>A. Delano</name><name>A. Delano</name></namevariations>"
        '<aliases><name id="384581">ADCL (3)</name></aliases>'
        '<members><id>9</id><name id="9">One</name></members></artist>'
    )
    found = read(tmp_path, record, kind="artist")
    (thing,) = found.things
    assert {name: value for name, value in thing.items() if value is not None} == {
        "source": "discogs",
        "accession": "an accession",
        "record_id": "26",
        "kind": "artist",
        "name": "Alexi Delano",
        "aliases": ["A. Delano", "Alexi D.", "ADCL"],
        "identifiers": ["discogs:artist/26"],
        "type": "Group",
    }
    assert [row["raw"] for row in found.records] == [record]


def test_labels_with_labels_in_them(tmp_path: Path) -> None:
    planet = (
        "<label><id>1</id><name>Planet E</name><profile>two\nlines</profile><sublabels>"
        '<label id="86537">Antidote (4)</label><label/><label id="2">B</label></sublabels></label>'
    )
    other = '<label><id>2</id><name>Other (2)</name><parentLabel id="1">Planet E</parentLabel></label>'
    found = read(tmp_path, planet, other, kind="label")
    assert not found.rejects
    assert [(row["record_id"], row["name"], row["kind"]) for row in found.things] == [
        ("1", "Planet E", "label"),
        ("2", "Other", "label"),
    ]
    assert [row["raw"] for row in found.records] == [planet, other]


def test_labels_are_cut_between_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the runs, no label is cut in the middle, and each has its number in the file."""
    monkeypatch.setattr("phonotheque.sources.cutting._READ", 64)
    elements = SOURCE.pieces.__globals__["elements"]
    monkeypatch.setitem(SOURCE.pieces.__globals__, "elements", lambda *given: elements(*given, size=100))
    records = [
        f"<label><id>{n}</id><name>L{n}</name><sublabels><label id='{n}'>S</label></sublabels></label>"
        for n in range(1, 40)
    ]
    found = read(tmp_path, *records[:20], "<label><name>without</name></label>", *records[20:], kind="label")
    assert [row["raw"] for row in found.records] == records
    assert [(row["position"], row["reason"]) for row in found.rejects] == [
        (21, "has no id, or one that is no number")
    ]
    assert len(list(SOURCE.pieces(tmp_path, SOURCE.files(tmp_path)[0]))) > 10


def test_a_master(tmp_path: Path) -> None:
    record = (
        '<master id="113"><main_release>116925</main_release><artists><artist><id>3225</id><name>V</name>'
        "</artist></artists><year>2002</year><title>Moments In Time</title></master>"
    )
    unknown = '<master id="114"><year>0</year><title>T</title></master>'
    found = read(tmp_path, record, unknown, kind="master")
    assert [said(row, "kind", "name", "date", "identifiers") for row in found.things] == [
        {
            "kind": "release_group",
            "name": "Moments In Time",
            "date": "2002",
            "identifiers": ["discogs:master/113"],
        },
        {"kind": "release_group", "name": "T", "date": None, "identifiers": ["discogs:master/114"]},
    ]


# --- bad input ------------------------------------------------------------------------------------

GOOD = [release(1), release(3, title="Last")]
BOMB = (
    b'<!DOCTYPE release [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    b'<release id="2"><title>&b;</title></release>'
)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'<release id="2"><title>Open</titel></release>', "is not well-formed"),
        (b'<release id="2"><title>R&D</title></release>', "is not well-formed"),
        (b'<release id="2"><title>&nbsp;</title></release>', "is not well-formed"),
        (b'<release id="2"><title>&#0;</title></release>', "is not well-formed"),
        (b'<release id="2"><title>&#xD800;</title></release>', "is not well-formed"),
        (b'<release id="2"><title>a\0b</title></release>', "is not well-formed"),
        (b'<release id="2"><title>a\x08b</title></release>', "is not well-formed"),
        (b'<release id="2"><title>\xff\xfe</title></release>', "is not UTF-8"),
        (b'<release id="2"><title>\xed\xa0\x80</title></release>', "is not UTF-8"),
        (b'<release id="2"><title>\xef\xbf\xbe</title></release>', "is not well-formed"),
        (b"<release><title>T</title></release>", "has no id"),
        (b'<release id=""><title>T</title></release>', "has no id"),
        (b'<release id="two"><title>T</title></release>', "has no id"),
        (b'<release id="-2"><title>T</title></release>', "has no id"),
        (b'<release id="2">' + b"<a>" * 5000 + b"</release>", "is not well-formed"),
    ],
)
def test_a_bad_record_is_rejected_and_the_rest_read(tmp_path: Path, bad: bytes, reason: str) -> None:
    found = read(tmp_path, GOOD[0], bad, GOOD[1])
    assert [row["raw"] for row in found.records] == GOOD
    assert [row["album"] for row in found.facts] == ["Album", "Last"]
    (reject,) = found.rejects
    assert reject["reason"].startswith(reason)
    assert said(reject, "file", "position", "scope") == {
        "file": "discogs_20260801_releases.xml.gz",
        "position": 2,
        "scope": "record",
    }


def test_an_entity_bomb_is_not_unpacked(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD[0], BOMB, GOOD[1])
    assert [row["raw"] for row in found.records] == GOOD
    assert {(row["scope"], row["position"]) for row in found.rejects} == {("record", 2)}
    assert any("Entity 'b' not defined" in reason for reason in found.reasons)


def test_a_record_that_was_not_closed_does_not_take_the_next_with_it(tmp_path: Path) -> None:
    found = read(tmp_path, '<release id="2"><title>Open', GOOD[0], GOOD[1])
    assert [row["raw"] for row in found.records] == GOOD
    assert [(row["record_id"], row["position"]) for row in found.rejects] == [("2", 1)]


def test_entities_that_a_header_defines_are_not_known(tmp_path: Path) -> None:
    content = (
        '<?xml version="1.0"?><!DOCTYPE releases [<!ENTITY e SYSTEM "file:///etc/passwd">]><releases>\n'
        f"{release(1, title='&e;')}\n{GOOD[1]}\n</releases>"
    )
    (tmp_path / "discogs_20260801_releases.xml").write_text(content)
    found = read_all(SOURCE, tmp_path)
    assert [row["raw"] for row in found.records] == [GOOD[1]]
    assert any("Entity 'e' not defined" in reason for reason in found.reasons)


@pytest.mark.parametrize("header", ["", '<?xml version="1.0" encoding="UTF-8"?>\n', "\ufeff"])
def test_headers_are_no_part_of_a_record(tmp_path: Path, header: str) -> None:
    content = f"{header}<releases>{GOOD[0]}{GOOD[1]}</releases>\n"
    (tmp_path / "discogs_20260801_releases.xml").write_text(content)
    found = read_all(SOURCE, tmp_path)
    assert [row["raw"] for row in found.records] == GOOD
    assert not found.rejects


def test_absurd_values_are_left_out_and_told(tmp_path: Path) -> None:
    identifiers = '<identifier type="Barcode" value="123"/>'
    tracks = track("1", "One", "4.45") + track("2", "Two", "0:00") + track("3", "Three", "99999:99")
    found = read(tmp_path, release(released="20199-01-01", identifiers=identifiers, tracks=tracks))
    assert [row["date"] for row in found.facts] == [None] * 3
    assert [row["duration_ms"] for row in found.facts] == [None] * 3
    assert {(row["field"], row["value"]) for row in found.rejects} == {
        ("date", "20199-01-01"),
        ("barcode", "123"),
        ("duration_ms", "4.45"),
        ("duration_ms", "99999:99"),
    }
    assert {(row["scope"], row["record_id"], row["position"]) for row in found.rejects} == {("value", "1", 1)}


def test_a_file_without_its_end_gives_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "discogs_20260801_releases.xml"
    path.write_text(f'<releases>\n{GOOD[0]}\n{GOOD[1]}\n<release id="4"><title>Cut')
    pieces = SOURCE.pieces(tmp_path, path)
    piece = next(pieces)
    with pytest.raises(BrokenFileError, match="ends without </releases>"):
        next(pieces)
    gather = Gather("discogs", "a", path.name)
    SOURCE.read(piece, gather)
    tables = gather.tables()
    assert tables["records"]["raw"].to_pylist() == GOOD
    assert tables["rejects"]["position"].to_pylist() == [3]
    assert tables["rejects"]["record_id"].to_pylist() == ["4"]


def test_an_empty_file_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "discogs_20260801_masters.xml"
    path.touch()
    with pytest.raises(BrokenFileError, match="ends without </masters>"):
        list(SOURCE.pieces(tmp_path, path))


def test_something_else_under_the_name_is_told(tmp_path: Path) -> None:
    path = tmp_path / "discogs_20260801_releases.xml"
    path.write_text("<html><body>404</body></html>")
    with pytest.raises(BrokenFileError, match="ends without"):
        list(SOURCE.pieces(tmp_path, path))


def test_a_packed_file_that_is_truncated_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "discogs_20260801_releases.xml.gz"
    records = [release(n, title=hashlib.sha256(str(n).encode()).hexdigest()) for n in range(1, 4000)]
    packed = gzip.compress("\n".join(["<releases>", *records, "</releases>"]).encode())
    path.write_bytes(packed[: len(packed) * 9 // 10])
    pieces = SOURCE.pieces(tmp_path, path)
    gather = Gather("discogs", "a", path.name)
    SOURCE.read(next(pieces), gather)
    with pytest.raises(BrokenFileError, match="truncated or damaged"):
        next(pieces)
    tables = gather.tables()
    assert not tables["rejects"]
    kept = tables["records"]["raw"].to_pylist()
    assert kept
    assert kept == records[: len(kept)]


# --- two ways, one reading ------------------------------------------------------------------------


def test_another_layout_says_the_same(tmp_path: Path) -> None:
    """Sections in another order, spaces between tags, apostrophes around attributes, comments, CDATA."""
    record = (
        "<release status='Accepted' id='5'>\n <tracklist>\n  <track><duration>4:45</duration><!-- no -->\n"
        "   <title><![CDATA[A & B]]></title><position>1</position></track>\n </tracklist>\n"
        " <title>Al<b>b</b>um</title>\n <labels><label id='5' catno='X' name='\"L\" &lt; M'/></labels>\n"
        " <artists><artist><name>Band</name><id>7</id></artist></artists>\n</release>"
    )
    assert usual(record.encode(), 0) is None
    found = read(tmp_path, record)
    assert not found.rejects
    (fact,) = found.facts
    assert said(fact, "title", "album", "artists", "artist_ids", "duration_ms", "position", "label") == {
        "title": "A & B",
        "album": "Album",
        "artists": ["Band"],
        "artist_ids": ["7"],
        "duration_ms": 285_000,
        "position": "1",
        "label": '"L" < M',
    }
    assert [row["raw"] for row in found.records] == [record]


def test_parts_of_parts_are_tracks(tmp_path: Path) -> None:
    inner = f"<sub_tracks>{track('1a', 'One')}{track('1b', 'Two')}</sub_tracks>"
    outer = track("", "Outer", more=f"<sub_tracks>{track('', 'Inner', more=inner)}</sub_tracks>")
    assert [row["title"] for row in facts_of(tmp_path, release(tracks=outer))] == ["One", "Two"]


_EDITS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 6), st.sampled_from(list("<>/&;\"' a=\x00é#1\n"))),
    max_size=3,
)


@given(_EDITS)
def test_what_the_patterns_take_is_well_formed(edits: list[tuple[int, int, str]]) -> None:
    """However a release is damaged: what is read by patterns, lxml accepts, and says the same of it."""
    text = release(
        labels='<label name="A &amp; B" catno="1" id="5"/>',
        identifiers='<identifier type="Barcode" value="x"/>',
        notes="&#233; notes",
    )
    for place, length, new in edits:
        text = text[:place] + new + text[place + length :]
    record = text.encode()
    if is_plain(record) and (found := usual(record, 0)) and found[2] == len(record):
        element = etree.fromstring(record)
        for section in ("title", "country"):
            assert html.unescape(getattr(found[0], section)) == (element.findtext(section) or "")


# --- the real sample ------------------------------------------------------------------------------


@needs_samples
def test_the_sample_is_read_whole() -> None:
    found = read_all(SOURCE, SAMPLES)
    assert len(found.facts) == 9187
    assert {kind: sum(row["kind"] == kind for row in found.things) for kind in ("artist", "label")} == {
        "artist": 1000,
        "label": 1000,
    }
    assert len(found.records) == 4000
    assert {row["scope"] for row in found.rejects} == {"value"}
    assert {row["field"] for row in found.rejects} == {"barcode"}
    assert len(found.rejects) == 20
    codes = {row["source_id"]: row["isrcs"] for row in found.facts if row["isrcs"]}
    assert codes == {
        "1586402-1": ["ITJ040100240"],
        "1586402-2": ["ITJ040100241"],
        "1586402-3": ["ITJ040100242"],
        "1586402-4": ["ITJ040100243"],
        "12645403-1": ["DEQY41700004"],
        "14220586-1": ["ATAQ71900023"],
        "14220586-2": ["ATAQ71900024"],
    }


@needs_samples
@pytest.mark.parametrize("kind", ["artist", "label", "master", "release"])
def test_every_record_of_the_sample_is_kept_byte_for_byte(kind: str) -> None:
    (path,) = SAMPLES.glob(f"*_{kind}s.xml.gz")
    content = gzip.decompress(path.read_bytes())
    kept = b""
    for piece in SOURCE.pieces(SAMPLES, path):
        gather = Gather("discogs", "a", path.name)
        SOURCE.read(piece, gather)
        records = gather.tables()["records"]
        assert set(records["kind"].to_pylist()) == {kind}
        kept += b"".join(raw.encode() for raw in records["raw"].to_pylist())
    between = re.compile(rf"(?<=>)\s+(?=<{kind}[ >])|\s*</?{kind}s>\s*".encode())
    assert kept == between.sub(b"", content)


@needs_samples
def test_tracks_of_the_sample_in_full() -> None:
    facts = {row["source_id"]: row for row in read_all(SOURCE, SAMPLES).facts}
    assert {name: value for name, value in facts["1-1"].items() if value not in (None, [])} == {
        "source": "discogs",
        "accession": "an accession",
        "record_id": "1",
        "source_id": "1-1",
        "title": "Östermalm",
        "artists": ["The Persuader"],
        "credit": "The Persuader",
        "artist_mbids": [None],
        "artist_ids": ["1"],
        "album": "Stockholm",
        "album_artists": ["The Persuader"],
        "album_credit": "The Persuader",
        "release_id": "1",
        "country": "SE",
        "track_number": 1,
        "position": "A",
        "date": "1999-03",
        "composers": ["Jesper Dahlbäck"],
        "genres": ["Electronic", "Deep House"],
        "label": "Svek",
        "catalogue_number": "SK032",
        "duration_ms": 285_000,
        "title_key": "ostermalm",
        "people": ["persuader"],
        "artist_keys": ["the persuader"],
        "release_key": "discogs:1",
    }
    assert said(
        facts["3020012-2"],
        "title",
        "credit",
        "artist_ids",
        "track_number",
        "duration_ms",
        "barcode",
        "genres",
    ) == {
        "title": "Allegro",
        "credit": "Ignaz Pleyel / Dieter Klöcker, Südwestdeutsches Kammerorchester Pforzheim, "
        "Sebastian Tewinkel",
        "artist_ids": ["1322298", "1031891", "1046945", "2352790"],
        "track_number": 1,
        "duration_ms": 807_000,
        "barcode": "761203724123",
        "genres": ["Classical"],
    }
    assert said(facts["11058780-52"], "title", "disc_number", "track_number", "position", "composers") == {
        "title": "Eight Days A Week",
        "disc_number": 4,
        "track_number": 8,
        "position": "CD4-8",
        "composers": ["Lennon-McCartney"],
    }


@needs_samples
def test_both_ways_read_the_sample_alike() -> None:
    (path,) = SAMPLES.glob("*_releases.xml.gz")
    records = re.findall(rb"<release .*?</release>", gzip.decompress(path.read_bytes()), re.DOTALL)
    assert len(records) == 1000
    for record in records:
        found = usual(record, 0)
        assert found is not None
        quick, slow = found[0], rewritten(etree.fromstring(record))
        for section, text in slow._asdict().items():
            assert plain(getattr(quick, section)) == plain(text), (section, record[:40])


def plain(section: str) -> str:
    """Without what may be written in two ways: references, empty elements, ends of lines."""
    full = re.sub(r'<([a-z_]+)((?: [a-z]+="[^"<]*")*)/>', r"<\1\2></\1>", section)
    return re.sub(r"\s+", " ", html.unescape(full))
