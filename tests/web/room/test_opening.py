"""The room of a mirror that holds its catalogue: searched when it is made so, closed when it goes."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from phonotheque.mirrors.accepted import accepted
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.searchable import forget, make
from phonotheque.vault.archive import Archive, now, open_archive
from phonotheque.web.room import state
from phonotheque.web.room.opening import Opening
from phonotheque.web.room.published import Published
from tests.mirrors.mirror_publisher import wait_for
from tests.postgresql import copy_tree
from tests.web.room.archives import ARTIST_MBID, PUBLIC_REASON, RELEASE_MBID, Title
from tests.web.room.looking_at import links, words
from tests.web.room.visits import visiting

NO_SEARCH = "This mirror has no catalogue to search."


@pytest.fixture
def mirror(twin: Archive, tmp_path: Path) -> Iterator[Archive]:
    """A mirror to be changed."""
    copy_tree(twin.folder, tmp_path / "mirror")
    mirror = open_archive(tmp_path / "mirror")
    yield mirror
    mirror.close()


@pytest.fixture
def looking_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_LOOK", 0.0)


def test_a_mirror_searches_its_catalogue(mirror: Archive) -> None:
    make(mirror)
    with visiting(mirror) as visit:
        found = visit.text("en/search?q=opening")
        assert Title.OPENING in words(found)
        assert [link for link in links(found) if link.startswith("/en/recording/")]
        assert visit.ask(f"en/release/{RELEASE_MBID}").status == 200
        assert visit.ask(f"fr/artist/{ARTIST_MBID}").status == 200
        assert "MusicBrainz" in words(visit.text("en/sources")) or "musicbrainz" in visit.text("en/sources")
        assert visit.ask("en/labels").status == 200
        assert visit.ask("en/random").status == 303
        assert visit.ask("api/v1/search?q=opening").status == 200


def test_a_mirror_says_that_it_does_not_note_what_is_held(mirror: Archive) -> None:
    make(mirror)
    with visiting(mirror) as visit:
        found = visit.text("en/search?holding=known")
        assert "A mirror does not note what of its catalogue is held." in words(found)
        assert Title.OPENING not in words(found)
        assert "of=held" not in found
        assert "A mirror does not note" in words(visit.text("en/random?of=held&seed=a"))
        assert "of=held" not in visit.text("en/random?seed=a")
        assert "Un miroir ne note pas" in words(visit.text("fr/search?licence=CC0-1.0"))
        assert visit.ask("api/v1/search?format=flac").status == 400


def test_what_was_withdrawn_stays_so_beside_what_the_catalogue_says(
    mirror: Archive, library: Archive
) -> None:
    """A list shows no more of it than that of the archive itself; nothing of it is to be heard or taken."""
    make(mirror)
    with visiting(library) as there, visiting(mirror) as visit:
        (there_found, here_found) = (one.text("en/search?q=taken+back") for one in (there, visit))
        at_archive = {link for link in links(there_found) if "/recording/" in link}
        assert {link for link in links(here_found) if "/recording/" in link} <= at_archive
        for link in at_archive:
            page = visit.text(link[1:])
            assert PUBLIC_REASON in words(page)
            assert "/stream/" not in page
            assert "/bags/" not in page


@pytest.mark.usefixtures("looking_always")
def test_it_is_opened_and_closed_while_it_is_served(mirror: Archive) -> None:
    with visiting(mirror) as visit:
        assert NO_SEARCH in words(visit.text("en/search?q=opening"))
        make(mirror)
        wait_for(lambda: NO_SEARCH not in words(visit.text("en/search?q=opening")))
        followed = accepted(trust_dir(mirror), now=now())
        assert followed is not None
        assert "goes" in forget(mirror, followed.edition, 0)
        wait_for(lambda: NO_SEARCH in words(visit.text("en/search?q=opening")))
        assert visit.ask(f"en/release/{RELEASE_MBID}").status == 404


def test_an_index_that_lacks_is_not_made_by_who_asks(mirror: Archive) -> None:
    make(mirror)
    (place,) = mirror.catalogue.glob("*/words.sqlite")
    place.unlink()
    with visiting(mirror) as visit:
        assert NO_SEARCH in words(visit.text("en/search?q=opening"))
    assert not place.exists()


@pytest.mark.usefixtures("looking_always")
def test_a_damaged_index_is_said_to_be_so(mirror: Archive) -> None:
    make(mirror)
    (place,) = mirror.catalogue.glob("*/index.sqlite")
    place.write_bytes(b"\0" * place.stat().st_size)
    with visiting(mirror) as visit:
        answer = visit.ask("en/search?q=opening")
        assert answer.status == 503
        assert "index of this catalogue is missing or damaged" in words(answer.data.decode())
        assert str(mirror.folder) not in answer.data.decode()


@pytest.mark.once("the process that makes it asks the ledger for one row")
def test_a_process_beside_the_server_makes_it(mirror: Archive, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "phonotheque.web")
    with Opening(mirror, Published(mirror), first=0.0, look=0.1):
        wait_for(lambda: "The catalogue can be searched" in caplog.text, 60)
    assert (mirror.catalogue / "CURRENT").exists()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.once("the process that makes it asks the ledger for one row")
def test_what_cannot_be_made_is_said_once_and_the_room_goes_on(
    mirror: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    (bag,) = mirror.bags.glob("*-0002-catalogue")
    (bag / "data" / "tracks.parquet").unlink()
    looks = threading.Semaphore(0)

    def command(mirror: Archive) -> list[str]:
        looks.release()
        return [sys.executable, "-m", "phonotheque.mirrors.searchable", str(mirror.folder)]

    with Opening(mirror, Published(mirror), first=0.0, look=0.01, command=command):
        wait_for(lambda: "tracks.parquet cannot be read" in caplog.text, 60)
        assert looks.acquire(timeout=60)
        with visiting(mirror) as visit:
            assert NO_SEARCH in words(visit.text("en/search?q=opening"))
    said = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(said) == 1
    assert "\n" not in said[0].getMessage()
    assert not looks.acquire(blocking=False)  # it was not tried again and again


@pytest.mark.once("the process that makes it asks the ledger for one row")
def test_the_process_ends_with_the_server(mirror: Archive, tmp_path: Path) -> None:
    """It reads its input, and ends when that does: also when the server is killed."""
    shutil.rmtree(mirror.catalogue, ignore_errors=True)
    waiting = "import sys, pathlib; pathlib.Path(sys.argv[1]).touch(); sys.stdin.read()"

    def command(_: Archive) -> list[str]:
        return [sys.executable, "-c", waiting, str(tmp_path / "began")]

    with Opening(mirror, Published(mirror), first=0.0, command=command) as opening:
        wait_for((tmp_path / "began").exists)
        process = opening._process
        assert process is not None
    assert process.returncode is not None
