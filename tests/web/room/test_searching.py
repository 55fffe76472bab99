"""Searching, narrowing down, leafing through, and the random button, as a visitor sees them."""

from __future__ import annotations

import html
import re
import shutil
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from phonotheque.catalogue import manifest
from phonotheque.ledger.schema import files
from phonotheque.vault.archive import Archive
from phonotheque.web.guard import Visitors
from phonotheque.web.room import holding, searching, shuffling
from phonotheque.web.room.holding import Holding, renew
from phonotheque.web.room.state import Room
from tests.catalogue.catalogue_tables import recording, write_tables
from tests.conftest import MakeArchive
from tests.web.room.archives import ARTIST_MBID, BARCODE, ISRCS, RELEASE_MBID, Title
from tests.web.room.visits import Visit, visiting

HTMX = {"HX-Request": "true"}
FIRST, SECOND = "2026-11-21T101500Z", "2026-11-22T101500Z"


@pytest.fixture(scope="module")
def visit(library: Archive) -> Iterator[Visit]:
    snapshot = manifest.current(library.catalogue)
    assert snapshot is not None
    renew(library, snapshot)
    with visiting(library, Visitors(all_in="FR")) as visit:
        yield visit


def _listed(page: str) -> list[str]:
    return [html.unescape(name) for name in re.findall(r'<a class="name" href="[^"]*">(.*?)</a>', page)]


def _next(page: str) -> str | None:
    found = re.search(r'rel="next" href="/([^"]*)"', page)
    return html.unescape(found[1]) if found else None


def _facets(page: str) -> dict[str, int]:
    """What may be chosen, and how many there would be."""
    lines = re.findall(r'<li><a href="[^"]*"[^>]*>([^<]*)</a> <span class="side">([^<]*)</span></li>', page)
    return {html.unescape(label): int(number) for label, number in lines}


def _made(archive: Archive, number: int, name: str = FIRST, first: int = 0) -> None:
    rows = [recording(n, title=f"Song {first + n}", listens=9999 - n) for n in range(number)]
    write_tables(archive.catalogue, {"recordings": rows}, name=name)


def test_what_was_typed_is_found_and_counted(visit: Visit) -> None:
    page = visit.text("en/search?q=opening")
    assert Title.OPENING in _listed(page)
    assert re.search(r'role="status">\s*\d+ recordings?\s*</p>', page)
    assert 'value="opening"' in page
    assert "May be heard" in page
    assert "Held, not to be heard here" in visit.text("en/search?q=only+kept")


def test_typing_gets_the_answer_alone_and_how_many_there_are(visit: Visit) -> None:
    part = visit.text("en/search?q=open", headers=HTMX)
    assert "<html" not in part
    assert Title.OPENING in _listed(part)
    assert '<p id="told" hx-swap-oob="innerHTML">' in part
    page = visit.text("en/search?q=open")
    assert 'id="told"' in page
    assert "hx-swap-oob" not in page
    assert "HX-Request" in visit.ask("en/search?q=open").headers["vary"]


def test_without_words_everything_is_there_to_be_narrowed_down(visit: Visit) -> None:
    page = visit.text("en/search")
    assert set(_listed(page)) >= {Title.OPENING, Title.NEVER_HELD}
    facets = _facets(page)
    assert facets["Held"] + facets["Only known, not held"] == len(_listed(page))
    assert facets["MusicBrainz"] >= 1
    assert facets["CC0-1.0"] == facets["Ogg Vorbis"] == 1


@pytest.mark.parametrize(
    ("query", "some", "none"),
    [
        ("holding=held", Title.OPENING, Title.NEVER_HELD),
        ("holding=known", Title.NEVER_HELD, Title.OPENING),
        ("holding=heard", Title.FRANCE, Title.ONLY_KEPT),
        ("licence=CC0-1.0", Title.SECOND_AIR, Title.OPENING),
        ("format=vorbis", Title.SECOND_AIR, Title.OLD_WAX),
        ("source=musicbrainz", Title.NEVER_HELD, Title.OLD_WAX),
    ],
)
def test_it_is_narrowed_down(visit: Visit, query: str, some: Title, none: Title) -> None:
    page = visit.text(f"en/search?{query}")
    assert some in _listed(page)
    assert none not in _listed(page)
    assert 'aria-current="true"' in page
    assert f'name="{query.split("=")[0]}"' in page  # a search in the form keeps it
    assert "Without:" in page


def test_what_may_be_heard_goes_by_where_the_visitor_is(library: Archive, visit: Visit) -> None:
    assert Title.FRANCE in _listed(visit.text("en/search?holding=heard"))
    with visiting(library, Visitors(all_in="US")) as elsewhere:
        assert Title.FRANCE not in _listed(elsewhere.text("en/search?holding=heard"))


def test_what_was_taken_back_may_not_be_heard(visit: Visit) -> None:
    assert Title.TAKEN_BACK not in _listed(visit.text("en/search?holding=heard"))


def test_misspelt_words_are_corrected_and_that_is_said(visit: Visit) -> None:
    page = visit.text("en/search?q=openinh")
    assert "Searched for: opening" in page
    assert Title.OPENING in _listed(page)


def test_where_nothing_is_found_it_says_what_may_help(visit: Visit) -> None:
    assert "Fewer words" in visit.text("en/search?q=qwertyuiop+zzzz")
    page = visit.text("en/search?q=opening&format=opus")
    assert "Without what it is narrowed down to" in page
    assert "Opus" in page
    assert page.count("Nothing was found.") == 1


def test_a_code_leads_to_what_it_names(visit: Visit) -> None:
    for code, kind in (
        (ISRCS[Title.OPENING], "recording"),
        (BARCODE, "release"),
        (RELEASE_MBID, "release"),
        (ARTIST_MBID, "artist"),
    ):
        answer = visit.ask(f"fr/search?q=%20{code}")
        assert answer.status == 303, code
        assert answer.headers["location"].startswith(f"/fr/{kind}/")
    assert visit.ask(f"en/search?q={ISRCS[Title.OPENING]}", headers=HTMX).status == 200


def test_a_code_of_several_recordings_lists_them(visit: Visit) -> None:
    page = visit.text(f"en/search?q={ISRCS[Title.SECOND_AIR]}")
    assert "What this code names" in page
    assert Title.SECOND_AIR in _listed(page)


def test_who_and_what_bears_the_name_is_named_first(visit: Visit) -> None:
    page = visit.text("en/search?q=ensemble+aurore")
    assert "Artists and releases of this name" in page
    assert f'href="/en/artist/{ARTIST_MBID}"' in page


def test_a_hash_leads_to_the_recording_also_that_of_an_access_copy(library: Archive, visit: Visit) -> None:
    with library.ledger.connect() as ledger:
        hashes = ledger.execute(select(files.c.kind, files.c.sha256).where(files.c.held)).all()
    kinds = {row.kind: row.sha256 for row in hashes if row.kind != "sidecar"}
    assert kinds.keys() == {"master", "access"}
    for sha256 in kinds.values():
        answer = visit.ask(f"en/search?q={sha256.upper()}")
        assert answer.status == 303
        assert "/recording/" in answer.headers["location"]
    assert visit.ask(f"en/search?q={'0' * 64}").status == 200


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=2026-11-21T101500Z.h-1",
        "after=2026-11-21T101500Z.h1234567890123",
        "year=soon",
        "country=france",
        "holding=all",
        f"licence={'x' * 200}",
        "source=a%00b",
    ],
)
def test_what_no_page_leads_to_is_refused_in_words(visit: Visit, query: str) -> None:
    answer = visit.ask(f"en/search?q=a&{query}")
    assert answer.status == 400
    assert b"in the address" in answer.data
    typed = visit.ask(f"en/search?q=a&{query}", headers=HTMX)
    assert typed.status == 400
    assert b"in the address" in typed.data
    assert b"<html" not in typed.data


@pytest.mark.parametrize(
    "q",
    [
        "%00",
        "%EF%BF%BD",
        "x" * 3000,
        "%22%20OR%20%2A",
        "!%E1%A0%8E!",
        "%3Cscript%3E",
        "%E2%80%AE",
        "a" * 999 + "%F0%9F%92%A9",
    ],
)
def test_anything_may_be_typed(visit: Visit, q: str) -> None:
    page = visit.text(f"en/search?q={q}")
    assert "<script>a" not in page


def test_titles_of_others_are_only_text(visit: Visit) -> None:
    page = visit.text("en/search?q=script")
    assert "&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_all_pages_together_are_the_list(make_archive: MakeArchive) -> None:
    archive = make_archive()
    _made(archive, 57)
    with visiting(archive) as visit:
        for first in ("en/search?q=song", "en/search"):
            found, address = list[str](), first
            while address:
                page = visit.text(address)
                found += _listed(page)
                address = _next(page) or ""
            assert sorted(found) == sorted(f"Song {n}" for n in range(57))


def test_the_next_page_stays_what_it_is_while_a_newer_snapshot_appears(make_archive: MakeArchive) -> None:
    archive = make_archive()
    _made(archive, 57)
    with visiting(archive) as visit:
        address = _next(visit.text("en/search?q=song"))
        assert address is not None
        before = _listed(visit.text(address))
    _made(archive, 30, SECOND, first=100)
    with visiting(archive) as visit:
        page = visit.text(address)
        assert _listed(page) == before
        assert "There is a newer one" in page
        assert "Song 100" in _listed(visit.text("en/search?q=song"))
        assert FIRST in (_next(page) or "")


def test_a_list_whose_snapshot_is_gone_begins_again(make_archive: MakeArchive) -> None:
    archive = make_archive()
    _made(archive, 57)
    with visiting(archive) as visit:
        for stamp in ("2020-01-01T000000Z", "..", "2026-11-21"):
            page = visit.ask(f"en/search?q=song&after={stamp}.k20")
            assert page.status == (400 if stamp == ".." else 200)
            if page.status == 200:
                assert "It begins again here" in page.data.decode()
                assert len(_listed(page.data.decode())) == searching._SHOWN


def test_a_list_whose_snapshot_is_removed_while_it_is_leafed_through_begins_again(
    make_archive: MakeArchive,
) -> None:
    archive = make_archive()
    _made(archive, 57)
    with visiting(archive) as visit:
        address = _next(visit.text("en/search?q=song")) or ""
        drawn = visit.ask("en/random").headers["location"].removeprefix("/")
    _made(archive, 30, SECOND, first=100)
    with visiting(archive) as visit:
        assert "This list goes on in the catalogue of" in visit.text(address)
        shutil.rmtree(archive.catalogue / FIRST)
        for asked in (address, address.replace("h20", "k30")):
            page = visit.text(asked)
            assert "It begins again here" in page
            assert all(int(title.removeprefix("Song ")) >= 100 for title in _listed(page))
        assert "this is another order" in visit.text(drawn)
        assert visit.ask(f"api/v1/{address.removeprefix('en/')}").status == 404


def test_as_long_as_it_is_not_known_what_is_held_that_is_said(make_archive: MakeArchive) -> None:
    archive = make_archive()
    _made(archive, 3)
    with visiting(archive) as visit, pytest.MonkeyPatch.context() as patched:
        patched.setattr(Holding, "of", lambda *_, **__: None)
        for query in ("q=song&holding=known", "holding=held", "q=song&licence=CC0-1.0", "format=flac"):
            page = visit.text(f"en/search?{query}")
            assert re.search(
                r'role="status">\s*It is not known yet what of the catalogue is held here.', page
            )
            assert not _listed(page)
            assert "Nothing was found" not in page
            assert "Without:" in page
            answer = visit.ask(f"api/v1/search?{query}")
            assert answer.status == 503
            assert b"It is not known yet" in answer.data
        assert "It is not known yet" in visit.text("en/search?holding=held", headers=HTMX)
        assert len(_listed(visit.text("en/search?q=song"))) == 3


def test_there_is_something_to_narrow_down_where_a_link_leads_there(visit: Visit) -> None:
    for query in ("q=opening", "q=qwertyuiop+zzzz"):
        for headers in ({}, HTMX):
            page = visit.text(f"en/search?{query}", headers=headers)
            assert ('href="#narrow"' in page) == ('id="narrow"' in page) == ("opening" in query)


def test_an_empty_archive_says_so(make_archive: MakeArchive) -> None:
    with visiting(make_archive()) as visit:
        assert "There is no catalogue yet" in visit.text("en/search?q=a")
        assert "There is no catalogue yet" in visit.text("en/random")


def test_a_mirror_without_a_catalogue_says_so(twin: Archive) -> None:
    with visiting(twin) as visit:
        page = visit.text("en/search?q=a")
        assert "This mirror has no catalogue" in page or _listed(page) is not None


def test_the_random_button_leads_to_a_list_that_can_be_shared(make_archive: MakeArchive) -> None:
    archive = make_archive()
    _made(archive, 57)
    with visiting(archive) as visit:
        answer = visit.ask("en/random")
        assert answer.status == 303
        assert answer.headers["cache-control"] == "no-store"
        first = answer.headers["location"].removeprefix("/")
        assert "seed=" in first
        assert visit.ask("en/random").headers["location"] != answer.headers["location"]
        assert _listed(visit.text(first)) == _listed(visit.text(first))
        found, address = list[str](), first
        while address:
            page = visit.text(address)
            found += _listed(page)
            address = _next(page) or ""
        assert found != sorted(found)
        assert sorted(found) == sorted(f"Song {n}" for n in range(57))
        assert "All have come" in visit.text(f"{first}&after=80")


def test_only_what_is_held_is_drawn(visit: Visit) -> None:
    address = visit.ask("en/random?of=held").headers["location"].removeprefix("/")
    listed = _listed(visit.text(address))
    assert Title.OPENING in listed
    assert Title.NEVER_HELD not in listed
    assert len(listed) == len(set(listed)) < shuffling._SHOWN
    assert "this is another order" in visit.text(f"{address}&number=999")


@pytest.mark.parametrize(
    "query", ["of=some", "seed=%C3%A9", f"seed={'a' * 50}", "seed=a&after=-1", "after=9999999999999"]
)
def test_no_other_lists_are_shuffled(visit: Visit, query: str) -> None:
    assert visit.ask(f"en/random?{query}").status == 400


def test_what_is_held_is_noted_anew_when_the_ledger_changed(library: Archive) -> None:
    snapshot = manifest.current(library.catalogue)
    assert snapshot is not None
    renew(library, snapshot)
    assert not renew(library, snapshot)
    (snapshot.path / "held.bin").unlink()
    assert renew(library, snapshot)


def test_what_is_held_of_many_is_noted_by_another_process(
    library: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = manifest.current(library.catalogue)
    assert snapshot is not None
    (snapshot.path / "held.bin").unlink(missing_ok=True)
    monkeypatch.setattr(holding, "_FEW", 0)
    noted = Holding(library)
    noted._renew(snapshot)
    table = noted.of(snapshot, current=False)
    assert table is not None
    assert table.held == 7
    assert not noted._renewed(snapshot)


def test_what_is_held_is_noted_when_the_room_is_opened(make_archive: MakeArchive) -> None:
    archive = make_archive()
    _made(archive, 3)
    with visiting(archive) as visit:
        visit.text("en/search")
        room = Room(archive, Visitors())
        room.note_held()
        for thread in threading.enumerate():
            if thread.name == "noting what is held":
                thread.join()
        assert room.holding.of(manifest.read(archive.catalogue / FIRST), current=False) is not None
