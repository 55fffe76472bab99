"""OAI-PMH as harvesters see it: everything once, what changed, what was taken back, and every error."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from phonotheque.editions.covering import covered_by
from phonotheque.editions.publish import publish
from phonotheque.editions.withdrawing import Asked, accept, request, reverse
from phonotheque.vault.archive import Archive, open_archive, timestamp
from phonotheque.web.oai import protocol, records
from phonotheque.web.oai.asking import Verb
from phonotheque.web.oai.protocol import OAI
from tests.postgresql import copy_tree
from tests.tools import harvesters
from tests.web.room.archives import FIRST, SECOND, SITE, Title, empty_mirror
from tests.web.room.visits import Visit, visiting

pytestmark = pytest.mark.ledger
LATER = datetime(2026, 12, 1, tzinfo=UTC)
DC = "{http://purl.org/dc/elements/1.1/}"
LIST = "oai?verb=ListRecords&metadataPrefix=oai_dc"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_AT_ONCE", {Verb.IDENTIFIERS: 3, Verb.RECORDS: 2})


@pytest.fixture
def changing(
    library: Archive, own_settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Archive:
    """A copy of the library, at which is looked each time that it is asked."""
    copy_tree(library.folder, tmp_path / "copy")
    monkeypatch.setattr(records, "_LOOK", 0.0)
    return open_archive(tmp_path / "copy")


def ask(visit: Visit, path: str) -> ElementTree.Element:
    answer = visit.ask(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    return ElementTree.fromstring(answer.data)


def error(root: ElementTree.Element) -> str | None:
    found = root.find(f"{{{OAI}}}error")
    return None if found is None else found.get("code")


def headers(root: ElementTree.Element) -> dict[str, tuple[str, bool]]:
    """The datestamp of each record by its id, and whether it is deleted."""
    return {
        one.findtext(f"{{{OAI}}}identifier", ""): (
            one.findtext(f"{{{OAI}}}datestamp", ""),
            one.get("status") == "deleted",
        )
        for one in root.iter(f"{{{OAI}}}header")
    }


def titles(root: ElementTree.Element) -> set[str]:
    return {one.text or "" for one in root.iter(f"{DC}title")}


def harvest(visit: Visit, first: str) -> tuple[dict[str, tuple[str, bool]], list[int]]:
    """Harvest a list to its end; return the headers and how many came each time."""
    found: dict[str, tuple[str, bool]] = {}
    counts = []
    path = first
    verb = first.partition("verb=")[2].partition("&")[0]
    while True:
        root = ask(visit, path)
        some = headers(root)
        assert not found.keys() & some.keys()
        found |= some
        counts.append(len(some))
        token = root.find(f".//{{{OAI}}}resumptionToken")
        if token is None or not token.text:
            return found, counts
        path = f"oai?verb={verb}&resumptionToken={token.text}"


@pytest.mark.parametrize("client", ["sickle", "scythe"])
def test_other_peoples_harvesters_get_all_and_see_what_was_taken_back(
    library: Archive, small_pages: None, client: str
) -> None:
    program = Path(__file__).with_name("harvest.py")
    with visiting(library) as visit:
        run = subprocess.run(
            [harvesters(), "-W", "ignore", str(program), client, f"{visit.url}oai"],
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
    got = json.loads(run.stdout)
    published = {Title.OPENING, Title.SECOND_AIR, Title.HOSTILE, Title.FRANCE, Title.OLD_WAX}
    assert got["name"] == "Library & Sons"
    assert got["sets"] == ["edition-1", "edition-2"]
    assert got["formats"] == ["oai_dc"]
    assert {one["title"] for one in got["records"] if not one["deleted"]} == {str(one) for one in published}
    (gone,) = [one["id"] for one in got["records"] if one["deleted"]]
    assert [one["id"] for one in got["records"]] == got["ids"]
    assert set(got["ids"]) - set(got["standing"]) == {gone}
    assert got["one"] == got["records"][0]["id"]


def test_a_list_comes_in_parts_whose_last_ends_it(library: Archive, small_pages: None) -> None:
    with visiting(library) as visit:
        found, counts = harvest(visit, LIST)
        assert counts == [2, 2, 2]
        assert harvest(visit, "oai?verb=ListIdentifiers&metadataPrefix=oai_dc") == (found, [3, 3])
        last = ask(visit, LIST)
        (token,) = last.iter(f"{{{OAI}}}resumptionToken")
        assert token.get("cursor") == "0"
        assert token.get("expirationDate")


def test_stamps_say_since_when_something_is_as_it_is(library: Archive) -> None:
    first, second = timestamp(FIRST), timestamp(SECOND)
    with visiting(library) as visit:
        every, _ = harvest(visit, LIST)
        assert {stamp for stamp, _ in every.values()} == {first, second}
        since, _ = harvest(visit, f"{LIST}&from={second}")
        assert since == {name: one for name, one in every.items() if one[0] == second}
        assert harvest(visit, f"{LIST}&from=2026-11-24")[0] == since
        until, _ = harvest(visit, f"{LIST}&until=2026-11-21")
        assert until == {name: one for name, one in every.items() if one[0] == first}
        assert harvest(visit, f"{LIST}&set=edition-1")[0].items() <= every.items()
        assert error(ask(visit, f"{LIST}&from=2027-01-01")) == "noRecordsMatch"
        identify = ask(visit, "oai?verb=Identify")
    assert identify.findtext(f".//{{{OAI}}}earliestDatestamp") == first
    assert identify.findtext(f".//{{{OAI}}}deletedRecord") == "persistent"
    assert identify.findtext(f".//{{{OAI}}}baseURL") == f"{SITE}oai"


def test_what_is_taken_back_is_deleted_at_once_and_comes_back(changing: Archive) -> None:
    with visiting(changing) as visit:
        before, _ = harvest(visit, LIST)
        asked = Asked("A. Private Person", "a reason", ("First Light/02 second.ogg",))
        at = timestamp(LATER)
        one = request(changing, asked, covered_by(changing, asked.words), at=at)
        accept(changing, one.id, by="B", note=None, at=at)
        taken, _ = harvest(visit, LIST)
        (gone,) = [name for name in before if taken[name] != before[name]]
        assert taken[gone][1]
        assert taken[gone][0] > before[gone][0]
        shown = ask(visit, f"oai?verb=GetRecord&metadataPrefix=oai_dc&identifier={gone}")
        assert headers(shown)[gone][1]
        assert not titles(shown)
        assert b"Private" not in visit.ask(LIST).data
        publish(changing, at=LATER)
        assert harvest(visit, LIST)[0][gone][1]
        reverse(changing, one.id, by="B", note="it was not theirs", at=at)
        publish(changing, at=LATER)
        assert not harvest(visit, LIST)[0][gone][1]


def test_a_harvest_goes_on_while_editions_appear(changing: Archive, small_pages: None) -> None:
    with visiting(changing) as visit:
        root = ask(visit, LIST)
        found = headers(root)
        (token,) = root.iter(f"{{{OAI}}}resumptionToken")
        publish(changing, at=LATER)
        asked = Asked("A", "a reason", ("First Light/02 second.ogg",))
        one = request(changing, asked, covered_by(changing, asked.words), at=timestamp(LATER))
        accept(changing, one.id, by="B", note=None, at=timestamp(LATER))
        rest, _ = harvest(visit, f"oai?verb=ListRecords&resumptionToken={token.text}")
        assert len(found | rest) == 6
        assert (found | rest) == {**found, **rest}
        assert sum(deleted for _, deleted in (found | rest).values()) == 2


def test_what_was_derived_is_made_again_when_it_is_lost(changing: Archive) -> None:
    with visiting(changing) as visit:
        before, _ = harvest(visit, LIST)
    shutil.rmtree(changing.folder / records.FOLDER)
    with visiting(changing) as visit:
        assert harvest(visit, LIST)[0] == before


def test_what_was_derived_is_made_again_when_it_is_damaged(changing: Archive) -> None:
    with visiting(changing) as visit:
        before, _ = harvest(visit, LIST)
        file = changing.folder / records.FOLDER / "records.sqlite"
        file.write_bytes(b"no database" * 1000)
        assert visit.ask(LIST).status in (200, 503)
        assert harvest(visit, LIST)[0] == before
    file.write_bytes(b"")
    with visiting(changing) as visit:
        assert harvest(visit, LIST)[0] == before


def test_a_mirror_is_harvested_too(library: Archive, twin: Archive) -> None:
    with visiting(library) as here, visiting(twin) as there:
        ours, _ = harvest(here, LIST)
        theirs, _ = harvest(there, LIST)
        assert {name: gone for name, (_, gone) in theirs.items()} == {
            name: gone for name, (_, gone) in ours.items()
        }


def test_where_nothing_is_published_nothing_matches(archive: Archive, tmp_path: Path) -> None:
    for place in (archive, empty_mirror(tmp_path / "mirror")):
        with visiting(place) as visit:
            assert ask(visit, "oai?verb=Identify").findtext(f".//{{{OAI}}}earliestDatestamp")
            assert error(ask(visit, LIST)) == "noRecordsMatch"


NAME = "urn:uuid:00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "badVerb"),
        ("verb=Nothing", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&set=a", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListRecords&metadataPrefix=", "badArgument"),
        ("verb=ListRecords&metadataPrefix=marc21", "cannotDisseminateFormat"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=yesterday", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-30", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&until=9999-12-31", None),
        ("verb=ListRecords&metadataPrefix=oai_dc&until=2026-13-01T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01&until=2026-01-02T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-01&until=2026-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=edition-99", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=%3Cscript%3E", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&resumptionToken=a", "badArgument"),
        ("verb=ListRecords&resumptionToken=a", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=%00%ff", "badArgument"),
        ("verb=ListSets&resumptionToken=a", "badResumptionToken"),
        ("verb=GetRecord&metadataPrefix=oai_dc", "badArgument"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=1", "idDoesNotExist"),
        (f"verb=GetRecord&metadataPrefix=oai_dc&identifier={NAME}", "idDoesNotExist"),
        (f"verb=GetRecord&metadataPrefix=a&identifier={NAME}", "cannotDisseminateFormat"),
        (f"verb=ListMetadataFormats&identifier={NAME}", "idDoesNotExist"),
        ("verb=ListMetadataFormats&a=" + "&b=" * 30, "badArgument"),
    ],
)
def test_what_makes_no_sense_is_an_error_of_the_protocol(
    library: Archive, query: str, code: str | None
) -> None:
    with visiting(library) as visit:
        root = ask(visit, f"oai?{query}")
        assert error(root) == code
        (asked,) = root.iter(f"{{{OAI}}}request")
        assert asked.text == f"{SITE}oai"
        if code in ("badVerb", "badArgument"):
            assert not asked.attrib


def test_a_form_may_be_posted(library: Archive) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    with visiting(library) as visit:
        posted = visit.ask("oai", "POST", body=LIST.partition("?")[2], headers=kind)
        assert titles(ElementTree.fromstring(posted.data)) == titles(ask(visit, LIST))
        assert visit.ask("oai", "POST", body="a" * 100_000, headers=kind).status == 413
        assert visit.ask("oai", "POST", body="<a/>", headers={"Content-Type": "text/xml"}).status == 415
