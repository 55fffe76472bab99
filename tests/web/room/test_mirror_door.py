"""The mirror door: what a disk would hold, and the ways to hold it."""

from __future__ import annotations

import html
import io
import json
import re
import shlex
import threading
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from phonotheque.cli.main import phono
from phonotheque.mirrors.copies import BagCopies, Copies, write_copies
from phonotheque.model.errors import BusyError, VerificationError
from phonotheque.model.settings import ArchiveSettings, Settings
from phonotheque.vault.archive import Archive
from phonotheque.web.guard import Visitors
from phonotheque.web.room.seeking import Seeking
from tests.conftest import MakeArchive
from tests.mirrors.mirror_publisher import ARCHIVE, Publisher, noise
from tests.mirrors.test_choosing import BY, CC0
from tests.web.room.visits import visiting

pytestmark = pytest.mark.ledger
BY_NAME, UNENDED = quote('artist:"Some Artist"'), quote('artist:"x')


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    """An edition of six bags, with what is known of their copies."""
    folder = tmp_path / "archive"
    folder.mkdir()
    publisher = Publisher(folder)
    publisher.with_about = publisher.with_index = True
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000}, wave=0)
    sounding = {**CC0, "duration": 1800, "date": "1957"}
    publisher.bag("audio-1", {"Some Artist/1.ogg": noise("1", 30_000)}, record=sounding, listens=40)
    publisher.bag("audio-2", {"B/1.ogg": noise("2", 30_000)}, record=BY, listens=60)
    publisher.bag("audio-3", {"C/1.ogg": noise("3", 30_000)}, record=BY)
    publisher.bag("art-1", {"C/cover.png": noise("4", 3_000)}, record=BY, wave=2)
    publisher.bag("french-1", {"D/1.ogg": noise("5", 30_000)}, record=CC0, audience="FR")
    publisher.publish(1)
    bags = {
        "audio-2": BagCopies(3, 2, "2026-11-20T00:00:00Z"),
        "audio-3": BagCopies(5, 4, "2026-11-20T00:00:00Z"),
    }
    (publisher.public / "copies.json").write_bytes(
        write_copies(Copies(ARCHIVE, "2026-11-22T00:00:00Z", bags))
    )
    return publisher


@pytest.fixture
def opened(publisher: Publisher, own_settings: Path) -> Archive:
    return Archive(publisher.folder, Settings(archive=ArchiveSettings(ARCHIVE, "Tests")))


def listed(text: str) -> list[str]:
    table = text.partition('<caption class="away">The bags, in the order of need')[2].partition("</table>")[0]
    return re.findall(r'href="/en/bag/([^"]+)"', table)


def commands(text: str) -> list[list[str]]:
    found = re.findall(r'<pre id="[a-z-]+" tabindex="0"><code>(.*?)</code>', text, re.DOTALL)
    return [shlex.split(html.unescape(one)) for one in found]


def test_a_disk_and_where_it_is_lead_to_a_list_that_the_command_confirms(opened: Archive) -> None:
    with visiting(opened) as visit:
        assert "What it would take" not in visit.text("en/mirror")
        text = visit.text("en/mirror?size=1+GB&in=FR&as=me")
        ids = listed(text)
        assert sorted(ids) == sorted(["catalogue-1", "audio-1", "audio-2", "audio-3", "art-1", "french-1"])
        assert ids[0] == "catalogue-1"
        assert ids.index("audio-2") == 4  # two proven copies, one claimed; the others before it have none
        assert ids[-1] == "audio-3"
        assert "30 minutes" in text
        assert "100\u00a0%" in text
        command, same = commands(text)
        assert command[:6] == ["phono", "mirror", visit.url, "my-mirror", "--budget", "1GB"]
        assert command[6:9] == ["--in", "FR", "--trust"]
        done = CliRunner().invoke(phono, [*same[1:], "--json"])
        assert done.exit_code == 0, done.output
        assert [bag["id"] for bag in json.loads(done.stdout)["bags"]] == ids
        # The answer is the same at the same address, and in the other language.
        assert listed(visit.text("en/mirror?size=1+GB&in=FR&as=me")) == ids
        assert "30 minutes" in visit.text("fr/mirror?size=1+Go&in=FR&as=me")


def test_choices_and_words_are_those_of_only(opened: Archive) -> None:
    with visiting(opened) as visit:
        for asked, expected in (
            ("size=1GB&licence=CC0", {"catalogue-1", "audio-1"}),
            ("size=1GB&licence=CC0&in=FR", {"catalogue-1", "audio-1", "french-1"}),
            ("size=1GB&from=1950&to=1960", {"catalogue-1", "audio-1"}),
            ("size=1GB&to=1956", {"catalogue-1"}),
            ("size=1GB&artwork=no", {"catalogue-1", "audio-1", "audio-2", "audio-3"}),
            (f"size=1GB&only={BY_NAME}", {"catalogue-1", "audio-1"}),
            ("size=1GB&only=listens:50..", {"catalogue-1", "audio-2"}),
        ):
            text = visit.text(f"en/mirror?as=me&{asked}")
            assert set(listed(text)) == expected, asked
        text = visit.text("en/mirror?size=1GB&licence=CC0&from=1950&share=80&artwork=no&only=size:..1GB")
        words = commands(text)[0][commands(text)[0].index("--only") + 1]
        assert words == "licence:CC0 year:1950.. -wave:artwork share:80% size:..1GB"
        assert "3 bags were not asked for" in text
        assert "1 bag is for other countries" in text


def test_what_makes_no_sense_is_told_in_words_and_nothing_is_lost(opened: Archive) -> None:
    with visiting(opened) as visit:
        for asked, said in (
            ("size=much", "This is no size."),
            ("size=", "This is no size."),
            ("size=0", "This is no size."),
            ("size=1GB&from=19&to=1980", "Years have four digits"),
            ("size=1GB&from=1990&to=1980", "Years have four digits"),
            ("size=1GB&in=ZZ", "There is no such country."),
            ("size=1GB&only=colour:red", "“colour:red” begins with no word that there is."),
            ("size=1GB&only=cc0", "“cc0” lacks the word before the colon"),
            (f"size=1GB&only={'a' * 3000}", "This is too long."),
            (f"size=1GB&only={UNENDED}", "has a quotation mark without its other half"),
        ):
            answer = visit.ask(f"en/mirror?licence=CC0&{asked}")
            text = html.unescape(answer.data.decode())
            assert answer.status == 400, asked
            assert said in text, asked
            assert 'value="CC0" checked' in text
            assert "What it would take" not in text
        answer = visit.ask("fr/mirror?size=beaucoup&only=colour:red&from=1950")
        text = html.unescape(answer.data.decode())
        assert all(f'value="{typed}"' in text for typed in ("beaucoup", "colour:red", "1950"))
        hostile = quote("<script>alert(1)</script>\x00'\"")
        text = visit.ask(f"en/mirror?size={hostile}&only={hostile}&from={hostile}&as={hostile}").data.decode()
        assert "<script>alert" not in text


def test_magnets_torrents_and_json_are_of_the_list(opened: Archive, publisher: Publisher) -> None:
    asked = "size=1GB&as=me&in=FR"
    with visiting(opened) as visit:
        ids = listed(visit.text(f"en/mirror?{asked}"))
        value = json.loads(visit.text(f"en/mirror/bags.json?{asked}"))
        assert [bag["id"] for bag in value["bags"]] == ids
        assert value["bags"][0]["torrent"]["url"].startswith(f"{visit.url}targets/editions/1/torrents/")
        # Nobody but the visitor says that they are in France: what is for France only is not given.
        free = [one for one in ids if one != "french-1"]
        magnets = visit.text(f"en/mirror/magnets.txt?{asked}").splitlines()
        assert [re.search(r"dn=([^&]+)", line)[1] for line in magnets] == free  # type: ignore[index]
        addresses = visit.text(f"en/mirror/torrents.txt?{asked}").splitlines()
        assert len(addresses) == len(free)
        assert visit.ask(addresses[0].removeprefix(visit.url)).status == 200
        data = visit.ask(f"en/mirror/torrents.zip?{asked}").data
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            assert zipped.namelist() == [f"{one}.torrent" for one in free]
            assert zipped.testzip() is None
            torrent = next(publisher.public.glob("targets/editions/1/torrents/audio-1.torrent"))
            assert zipped.read("audio-1.torrent") == torrent.read_bytes()
        for wrong in ("bags.json", "magnets.txt", "torrents.txt", "torrents.zip"):
            assert visit.ask(f"en/mirror/{wrong}?size=x").status == 400
            assert visit.ask(f"en/mirror/{wrong}").status == 400
    with visiting(opened, Visitors(all_in="FR")) as visit:
        assert len(visit.text(f"en/mirror/magnets.txt?{asked}").splitlines()) == len(ids)


def test_the_door_of_a_mirror_is_that_of_its_archive(twin: Archive, library: Archive) -> None:
    asked = "en/mirror?size=1GB&as=me&in=DE"
    with visiting(twin) as there, visiting(library) as here:
        assert listed(there.text(asked)) == listed(here.text(asked)) != []
        assert commands(there.text(asked))[0][2] == there.url
        assert commands(here.text(asked))[0][2] == "https://music.example.org/"


def test_nothing_to_hold_yet_is_said(make_archive: MakeArchive) -> None:
    with visiting(make_archive()) as visit:
        assert "Nothing was published yet." in visit.text("en/mirror?size=1GB")
        assert visit.ask("en/mirror/bags.json?size=1GB").status == 404


def test_what_takes_long_to_find_is_said_to_be_looked_for_and_kept() -> None:
    asked, go_on = list[str](), threading.Event()

    def work() -> str:
        asked.append("work")
        assert go_on.wait(30)
        return "found"

    seeking = Seeking(wait=0.01)
    assert seeking.find("a", work) is None
    assert seeking.find("a", work) is None
    for number in range(7):
        assert seeking.find(number, work) is None
    with pytest.raises(BusyError):
        seeking.find("one too many", work)
    go_on.set()
    patient = Seeking(wait=30)
    assert patient.find("a", work) == "found"
    assert patient.find("a", work) == "found"

    def fail() -> str:
        raise VerificationError("broken")

    for _ in range(2):
        with pytest.raises(VerificationError):
            patient.find("b", fail)


def test_what_cannot_be_told_for_want_of_files_is_said(opened: Archive, publisher: Publisher) -> None:
    (publisher.public / "targets" / "editions" / "1" / "index.parquet").unlink()
    with visiting(opened) as visit:
        text = visit.text(f"en/mirror?size=1GB&as=me&only={BY_NAME}")
        assert "it cannot tell whether they are wanted" in text
        assert listed(text) == ["catalogue-1"]
        assert "cannot tell" not in visit.text("en/mirror?size=1GB&as=me&licence=CC0")


def test_an_edition_that_is_broken_is_said_to_be(opened: Archive, publisher: Publisher) -> None:
    (publisher.public / "targets" / "edition.json").write_bytes(b"{}")
    with visiting(opened) as visit:
        for place in ("mirror?size=1GB", "bags", "bag/audio-1", "editions", "about"):
            answer = visit.ask(f"en/{place}")
            assert answer.status == 503, place
            assert b"edition.json" in answer.data
