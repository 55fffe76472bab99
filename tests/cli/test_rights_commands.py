"""phono rights as an archivist meets it: stating, correcting, asking why, looking ahead, deciding anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from phonotheque.ledger.files import record_file, start_accession
from phonotheque.ledger.schema import events
from phonotheque.ledger.statements import record_evidence
from phonotheque.model.rights import Evidence, Kind, Statement
from phonotheque.sources.decide import redecide
from phonotheque.vault.archive import open_archive
from tests.cli.conftest import Phono
from tests.conftest import MakeArchive
from tests.ledger.ledger_facts import facts
from tests.tones import flac

NOVEMBER, NEW_YEAR = "1795651200", "1798761600"  # 2026-11-26, 2027-01-01 in seconds
AT = "2026-11-26T00:00:00Z"
TAG = Statement(Kind.LICENCE, "CC-BY-NC-4.0", "CC-BY-NC-4.0", "tag:LICENSE", "the file's own tag")
PUBLISHED = ("--kind", "dates", "--country", "US", "--evidence", "a discography", "--published")


@pytest.fixture(autouse=True)
def in_november(own_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", NOVEMBER)


@pytest.fixture
def archive(make_archive: MakeArchive) -> Path:
    """Return an archive that knows a.flac (CC BY-NC by its tag) and b.flac (of which nobody says a thing)."""
    made = make_archive()
    with made.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/music", agent="me", at=AT)
        for name in ("a.flac", "b.flac"):
            known = record_file(
                ledger, facts(name), kind="master", held=False, accession=accession, name=name, at=AT
            )
            said = Evidence((TAG,)) if name == "a.flac" else Evidence()
            record_evidence(ledger, known.id, said, found_at=f"/music/{name}".encode(), at=AT)
            redecide(ledger, [known.id], made.settings, at=AT)
    return made.folder


@pytest.fixture
def with_music(phono: Phono, tmp_path: Path) -> Path:
    """Return an archive that took in the files of tmp_path/music, of which it says the same."""
    folder, music = tmp_path / "with music", tmp_path / "music"
    flac(music / "a.flac", 1, {"TITLE": "A", "LICENSE": "CC-BY-NC-4.0", "ISRC": "USABC0000001"})
    flac(music / "b.flac", 2, {"TITLE": "B"})
    assert phono("init", folder, "--name", "Ours").code == 0
    assert phono("add", folder, music).code == 0
    return folder


def statements(phono: Phono, archive: Path, file: str) -> list[dict[str, Any]]:
    (about,) = phono("rights", "statements", archive, file, "--json").data
    found: list[dict[str, Any]] = about["statements"]
    return found


def distribute(phono: Phono, archive: Path, file: str, *more: str) -> dict[str, Any]:
    (found,) = phono("rights", "explain", archive, file, *more, "--json").data
    assert isinstance(found, dict)
    return found


# --- stating ---


@pytest.mark.parametrize(
    ("kind", "options", "kept"),
    [
        ("licence", ["--licence", "CC BY 4.0"], {"licence": "CC-BY-4.0"}),
        ("public-domain", [], {}),
        ("dates", ["--published", "1928", "--death", "1950"], {"dates": {"published": "1928"}}),
        ("deposit", ["--act", "stream", "--act", "preserve"], {"acts": ["preserve", "stream"]}),
        ("own-work", ["--act", "mine", "--condition", "attribution"], {"conditions": ["attribution"]}),
        ("mandate", [], {}),
        ("on-site", [], {}),
        ("unknown", [], {}),
        ("reservation", ["--holder", "Bo"], {"acts": ["mine"], "holder": "Bo"}),
    ],
)
def test_every_kind_can_be_stated(
    phono: Phono, archive: Path, kind: str, options: list[str], kept: dict[str, Any]
) -> None:
    common = ("--kind", kind, "--evidence", "a letter", "--covers", "recording", "--territory", "DE FR")
    assert phono("rights", "grant", archive, "b.flac", *common, *options).code == 0
    (said,) = statements(phono, archive, "b.flac")
    assert (said["kind"], said["covers"], said["territory"]) == (kind, "recording", "DE FR")
    for field, value in kept.items():
        if isinstance(value, dict):
            assert value.items() <= said[field].items()
        else:
            assert said[field] == value


def test_a_document_is_kept_by_its_hash_and_not_published(
    phono: Phono, with_music: Path, tmp_path: Path
) -> None:
    (tmp_path / "agreement.pdf").write_bytes(b"signed")
    deal = ("--kind", "deposit", "--act", "preserve", "--act", "distribute", "--evidence", "Agreement 7")
    terms = ("--from", "2026-01-01", "--until", "2027-12-31", "--stated-at", "2025-12")
    granted = phono(
        "rights",
        "grant",
        with_music,
        "b.flac",
        *deal,
        *terms,
        "--document",
        tmp_path / "agreement.pdf",
        "--json",
    )
    (kept,) = (with_music / "vault" / "evidence").glob("*/*")
    assert kept.read_bytes() == b"signed"
    assert granted.data["document"] == kept.name
    (said,) = statements(phono, with_music, "b.flac")
    assert said["evidence_sha256"] == kept.name
    assert (said["valid_from"], said["valid_until"], said["stated_at"]) == (
        "2026-01-01",
        "2027-12-31",
        "2025-12",
    )
    assert f"document {kept.name}" in phono("rights", "statements", with_music, "b.flac").out
    assert phono("publish", with_music).code == 0
    public = [path for path in (with_music / "public").rglob("*") if path.is_file()]
    assert public
    assert not [path for path in public if path.read_bytes() == b"signed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--licence", "CC BY"], "licence: “CC BY” names no licence exactly"),
        (["--kind", "deposit", "--until", "tomorrow"], "valid_until: “tomorrow” is not a day"),
        (
            ["--kind", "deposit", "--from", "2027-01-02", "--until", "2027-01-01"],
            "valid_until: 2027-01-01 is",
        ),
        (["--kind", "mandate", "--act", "stream"], "acts: "),
        (["--kind", "dates", "--published", "2027"], "published: "),
        (["--kind", "dates"], "dates: no fact is given"),
        (["--kind", "deposit", "--published", "1932"], "dates: a “deposit” has no facts"),
        (["--licence", "CC0-1.0", "--territory", "Mars"], "territory: "),
        (["--licence", "CC0-1.0", "--stated-at", "2027"], "stated_at: 2027 is after today"),
        (["--kind", "withdrawal"], "withdrawal"),
        (["--licence", "CC0-1.0", "--document", "nowhere.pdf"], "There is no document nowhere.pdf"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_recorded(
    phono: Phono, archive: Path, options: list[str], message: str
) -> None:
    refused = phono("rights", "grant", archive, "b.flac", "--evidence", "x", *options)
    assert refused.code in (2, 3)
    assert message in refused.err
    assert statements(phono, archive, "b.flac") == []
    assert not (archive / "vault" / "evidence").exists()


def test_one_unknown_file_and_nothing_is_recorded(phono: Phono, archive: Path) -> None:
    grant = ("--licence", "CC0-1.0", "--evidence", "x")
    assert phono("rights", "grant", archive, "b.flac", "nothing", *grant).code == 3
    assert statements(phono, archive, "b.flac") == []


def test_what_contradicts_a_standing_statement_is_said(phono: Phono, archive: Path) -> None:
    free = ("--kind", "public-domain", "--evidence", "a letter")
    granted = phono("rights", "grant", archive, "a.flac", *free)
    assert "Against it, 1 file: Licensed under Creative Commons Attribution-NonCommercial 4.0" in granted.err
    assert "the most permissive counts" in granted.err
    (against,) = phono("rights", "grant", archive, "*.flac", *free, "--json").data["contradicts"]
    assert (against["files"], against["statement"]["licence"]) == (1, "CC-BY-NC-4.0")
    later = ("--licence", "CC-BY-4.0", "--evidence", "y", "--covers", "composition", "--territory", "FR")
    assert phono("rights", "grant", archive, "b.flac", *later, "--json").data["contradicts"]


# --- correcting ---


def test_a_correction_changes_what_is_given_and_the_decision(phono: Phono, archive: Path) -> None:
    grant = ("--licence", "CC-BY-ND-4.0", "--holder", "Bo", "--evidence", "a letter", "--until", "2030-12-31")
    phono("rights", "grant", archive, "b.flac", *grant, "--by", "Ann")
    assert distribute(phono, archive, "b.flac", "--act", "mine")["answer"] == "unknown"
    (old,) = statements(phono, archive, "b.flac")
    corrected = phono(
        "rights", "correct", archive, old["id"][:8],
        "--licence", "CC-BY-4.0", "--until", "", "--because", "typo",
    )  # fmt: skip
    assert corrected.code == 0
    assert "Instead:   Licensed under Creative Commons Attribution 4.0, held by Bo" in corrected.out
    assert distribute(phono, archive, "b.flac", "--act", "mine")["answer"] == "yes"
    first, second = statements(phono, archive, "b.flac")
    assert (first["stands"], first["ended_because"], first["superseded_by"]) == (False, "typo", second["id"])
    assert (second["licence"], second["holder"], second["asserted_by"]) == ("CC-BY-4.0", "Bo", "Ann")
    assert "valid_until" not in second
    again = phono("rights", "correct", archive, old["id"], "--licence", "MIT")
    assert again.code == 2
    assert second["id"] in again.err
    shown = phono("rights", "statements", archive, "b.flac").out
    assert f"superseded by {second['id']} (typo)" in shown
    assert f"corrects {old['id']}" in shown


def test_what_a_file_says_can_be_corrected_and_is_not_read_again(
    phono: Phono, with_music: Path, tmp_path: Path
) -> None:
    (tag,) = statements(phono, with_music, "a.flac")
    assert phono("rights", "correct", with_music, tag["id"], "--licence", "CC-BY-4.0").code == 0
    assert distribute(phono, with_music, "a.flac", "--act", "mine")["answer"] == "yes"
    assert phono("add", with_music, tmp_path / "music", "--reread").code == 0
    assert [one["licence"] for one in statements(phono, with_music, "a.flac") if one["stands"]] == [
        "CC-BY-4.0"
    ]


def test_another_kind_leaves_behind_what_was_of_the_one_before(phono: Phono, archive: Path) -> None:
    phono("rights", "grant", archive, "b.flac", *PUBLISHED, "1928")
    (old,) = statements(phono, archive, "b.flac")
    assert phono("rights", "correct", archive, old["id"], "--kind", "public-domain").code == 0
    assert "dates" not in statements(phono, archive, "b.flac")[1]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["correct", "ID"], 2, "Nothing is given that differs"),
        (["correct", "ID", "--licence", "CC-BY-NC-4.0"], 2, "says so already"),
        (["correct", "ID", "--licence", "CC BY"], 2, "names no licence exactly"),
        (["correct", "ID", "--from", "2027-01-01", "--until", "2026-01-01"], 2, "valid_until"),
        (["correct", "0000000%", "--licence", "MIT"], 3, "No statement has the id"),
        (["correct", "not an id", "--licence", "MIT"], 3, "No statement has the id"),
        (["retract", "ID", "--because", " "], 2, "because: it is empty"),
        (["retract", "00000000", "--because", "x"], 3, "No statement has the id"),
    ],
)
def test_corrections_that_make_no_sense_change_nothing(
    phono: Phono, archive: Path, words: list[str], code: int, message: str
) -> None:
    before = statements(phono, archive, "a.flac")
    command, name, *rest = (before[0]["id"] if word == "ID" else word for word in words)
    refused = phono("rights", command, archive, name, *rest)
    assert (refused.code, message in refused.err) == (code, True), refused.err
    assert statements(phono, archive, "a.flac") == before


def test_what_is_retracted_is_kept_dated_and_counts_no_longer(phono: Phono, archive: Path) -> None:
    (tag,) = statements(phono, archive, "a.flac")
    retracted = phono("rights", "retract", archive, tag["id"][:8], "--because", "somebody else's tag")
    assert "No longer: Licensed under" in retracted.out
    (kept,) = statements(phono, archive, "a.flac")
    assert (kept["stands"], kept["ended_at"], kept["ended_because"]) == (
        False,
        "2026-11-26T00:00:00Z",
        "somebody else's tag",
    )
    explained = distribute(phono, archive, "a.flac")
    assert explained["answer"] == "unknown"
    assert [one["because"] for one in explained["former"]] == ["somebody else's tag"]
    assert "retracted: somebody else's tag" in phono("rights", "statements", archive, "a.flac").out
    assert phono("rights", "retract", archive, tag["id"], "--because", "twice").code == 2


# --- asking why ---


def test_the_reasons_are_told_in_the_language_asked_for(
    phono: Phono, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for covers, year in (("recording", "1928"), ("composition", "1925")):
        phono("rights", "grant", archive, "b.flac", *PUBLISHED, year, "--covers", covers)
    asked = ("rights", "explain", archive, "b.flac", "--in", "us", "--on")
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    no = phono(*asked, "2028-12-31").out
    assert no.splitlines()[1] == "  Distributed? In US, on 2028-12-31: no."
    assert "In US nothing but time: from 2029-01-01 on the answer is yes there" in no
    assert "17 USC 1401(a)(2)(B)(ii)" in no
    yes = phono(*asked, "2029-01-01").out
    assert "In US, on 2029-01-01: yes." in yes
    assert "“a discography”" in yes
    monkeypatch.delenv("LC_ALL")
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    assert "Pour US, le 2029-01-01 : oui." in phono(*asked, "2029-01-01").out
    assert "In US, on 2029-01-01: yes." in phono(*asked, "2029-01-01", "--language", "en").out


def test_a_file_is_found_by_hash_recording_and_isrc(phono: Phono, with_music: Path) -> None:
    (hit,) = phono("search", with_music, "A", "--json").data
    (listed,) = (
        one for one in phono("rights", with_music, "--json").data["files"] if one["file"] == "a.flac"
    )
    for name in ("a.flac", listed["sha256"][:10], hit["id"], "US-ABC-00-00001"):
        found = distribute(phono, with_music, name)
        assert (found["file"], found["answer"]) == ("a.flac", "yes")
        assert found["conditions"] == ["attribution", "non-commercial"]
    free = ("--licence", "CC0-1.0", "--from", "2027-01-01", "--evidence", "x")
    phono("rights", "grant", with_music, "b.flac", *free)
    (day,) = phono("rights", "forecast", with_music, "--act", "mine", "--json").data["days"]
    assert (day["files"][0]["file"], day["files"][0]["title"]) == ("b.flac", "B")
    unknown = phono("rights", "explain", with_music, "GBXYZ0000001")
    assert (unknown.code, "Neither a file nor a recording" in unknown.err) == (3, True)


@pytest.mark.parametrize("wrong", [["--in", "Mars"], ["--in", ""], ["--on", "2027-02-30"], ["--on", "2027"]])
def test_a_question_that_makes_no_sense(phono: Phono, archive: Path, wrong: list[str]) -> None:
    asked = phono("rights", "explain", archive, "a.flac", *wrong)
    assert asked.code == 2
    assert wrong[0] in asked.err


# --- time ---


def test_the_list_says_where(phono: Phono, archive: Path) -> None:
    phono(
        "rights",
        "grant",
        archive,
        "b.flac",
        "--licence",
        "CC0-1.0",
        "--territory",
        "DE FR",
        "--evidence",
        "x",
    )
    listed = phono("rights", archive)
    assert "1 of those that are not for everybody may be published in DE FR" in listed.out
    assert "in DE FR" in listed.out
    a, b = phono("rights", archive, "--json").data["files"]
    assert (a["decisions"]["stream"]["answer"], a["decisions"]["stream"]["allowed_in"]) == ("yes", "WORLD")
    assert (b["decisions"]["stream"]["answer"], b["decisions"]["stream"]["allowed_in"]) == (
        "unknown",
        "DE FR",
    )
    assert b["decisions"]["stream"]["reason"] == "No recorded basis speaks for the whole world."


def test_public_domain_day(phono: Phono, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = ("--licence", "CC0-1.0", "--from", "2027-01-01", "--evidence", "x")
    phono("rights", "grant", archive, "b.flac", *grant)
    assert "Decided    as files came in; answers may change on 2027-01-01" in phono("status", archive).out
    forecast = phono("rights", "forecast", archive)
    assert "2027-01-01  1 file: may be distributed worldwide" in forecast.out
    (day,) = phono("rights", "forecast", archive, "--json").data["days"]
    assert (day["day"], day["gained"], day["lost"], day["number"]) == ("2027-01-01", "WORLD", "", 1)
    assert [file["file"] for file in day["files"]] == ["b.flac"]
    assert "Nothing changes by itself" in phono("rights", "forecast", archive, "--from", "2028").out
    tried = phono("rights", "decide", archive, "--on", "2027-01-01")
    assert "1 would move" in tried.out
    assert "Nothing was saved: today is 2026-11-26." in tried.err
    assert phono("rights", archive, "--json").data["files"][1]["decisions"]["stream"]["answer"] == "unknown"

    monkeypatch.setenv("SOURCE_DATE_EPOCH", NEW_YEAR)
    status = phono("status", archive)
    assert "What is decided on 1 file may be out of date since 2027-01-01." in status.out
    assert phono("status", archive, "--json").data["decided"]["due"] == 1
    assert "out of date" in phono("rights", archive).err
    decided = phono("rights", "decide", archive, "--on", "2027-01-01")
    assert "1 moved." in decided.out
    assert "distribute: allowed nowhere → in WORLD: 1 file" in decided.out
    assert phono("rights", archive, "--json").data["files"][1]["decisions"]["stream"]["answer"] == "yes"
    assert "Decided    all on 2027-01-01T00:00:00Z" in phono("status", archive).out
    assert phono("rights", archive).err == ""
    again = phono("rights", "decide", archive, "--json").data
    assert (again["files"], again["moved"], again["saved"], again["day"]) == (2, 0, True, "2027-01-01")


def test_publishing_decides_first_on_what_has_begun(
    phono: Phono, with_music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ("--kind", "deposit", "--act", "preserve", "--evidence", "x")
    phono("rights", "grant", with_music, "b.flac", *kept)
    phono("add", with_music, tmp_path / "music")
    soon = ("--licence", "CC0-1.0", "--from", "2027-01-01", "--evidence", "y")
    phono("rights", "grant", with_music, "b.flac", *soon)
    phono("publish", with_music)
    assert not list((with_music / "vault" / "bags").glob("*/data/**/*B.flac"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", NEW_YEAR)
    assert phono("publish", with_music).code == 0
    assert list((with_music / "vault" / "bags").glob("*/data/**/*B.flac"))
    assert phono("rights", with_music).err == ""


@pytest.mark.parametrize(
    "wrong", [["--from", "soon"], ["--until", "2020"], ["--in", "X"], ["--until", "2027-13-01"]]
)
def test_a_forecast_that_makes_no_sense(phono: Phono, archive: Path, wrong: list[str]) -> None:
    assert phono("rights", "forecast", archive, *wrong).code == 2


def test_a_forecast_before_anything_was_added(phono: Phono, tmp_path: Path) -> None:
    phono("init", tmp_path / "new", "--name", "New")
    assert "Nothing changes" in phono("rights", "forecast", tmp_path / "new").out
    assert phono("rights", "forecast", tmp_path / "new", "--json").data["days"] == []
    assert phono("rights", "decide", tmp_path / "new", "--json").data["files"] == 0


def test_a_grant_and_what_it_moved_are_events(phono: Phono, archive: Path) -> None:
    phono("rights", "grant", archive, "b.flac", "--licence", "CC0-1.0", "--evidence", "x")
    (said,) = statements(phono, archive, "b.flac")
    phono("rights", "retract", archive, said["id"], "--because", "y")
    opened = open_archive(archive)
    with opened.ledger.connect() as ledger:
        query = select(events.c.detail).where(events.c.type == "policy assignment").order_by(events.c.id)
        grant, moved, retraction, back = ledger.execute(query).scalars()
    opened.close()
    assert grant == {"licence": "CC0-1.0", "kind": "licence", "statement": said["id"]}
    assert (moved["what"], moved["after"]["stream"]) == ("decision", {"WORLD": "yes"})
    assert retraction == {"what": "retraction", "statement": said["id"], "because": "y"}
    assert back["after"]["stream"] == {"WORLD": "unknown"}
