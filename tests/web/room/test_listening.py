"""The first screen and the door to what can be heard: true for the visitor, whole with little or nothing."""

from __future__ import annotations

import html
import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from phonotheque.editions.covering import covered_by
from phonotheque.editions.withdrawing import Asked, accept, request
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.guard import Visitors
from phonotheque.web.room.state import Room
from tests.postgresql import copy_tree
from tests.web.report_archive import empty_archive
from tests.web.room.archives import Title, empty_mirror
from tests.web.room.visits import Visit, visiting

pytestmark = pytest.mark.ledger
FRANCE, GERMANY = Visitors("FR"), Visitors("DE")


def tracks_of(text: str) -> list[dict[str, object]]:
    """Return what the player is told on a page."""
    return [json.loads(html.unescape(told)) for told in re.findall(r'data-track="([^"]*)"', text)]


def titles_of(text: str) -> set[str]:
    return {str(track["title"]) for track in tracks_of(text)}


def ready(visit: Visit) -> Visit:
    """Wait until the shelves are filled, as whoever asks for what is on them does."""
    visit.text("en/listen")
    return visit


def test_only_what_may_be_heard_is_offered(library: Archive) -> None:
    everywhere = {Title.OPENING.value, Title.SECOND_AIR.value, Title.HOSTILE.replace("\u202e", "\ufffd")}
    for visitors, more in (
        (FRANCE, {Title.FRANCE.value, Title.OLD_WAX.value}),
        (GERMANY, {Title.OLD_WAX.value}),
        (Visitors(), set[str]()),
    ):
        with visiting(library, visitors) as visit:
            assert titles_of(visit.text("en/listen")) == everywhere | more
            assert titles_of(visit.text("fr/listen?by=listens")) == everywhere | more
            for track in tracks_of(visit.text("en/listen")):
                sources = track["sources"]
                assert isinstance(sources, list)
                for source in sources:
                    assert visit.ask(source["src"].lstrip("/"), "HEAD").status == 200


def test_the_most_listened_come_first(library: Archive) -> None:
    with visiting(library) as visit:
        found = [track["title"] for track in tracks_of(visit.text("en/listen?by=listens"))]
    assert found[:2] == [Title.OPENING.value, Title.SECOND_AIR.value]


def test_the_newest_edition_is_a_list_of_its_own(library: Archive) -> None:
    with visiting(library, FRANCE) as visit:
        newest = titles_of(visit.text("en/listen?by=new"))
        assert newest
        assert newest < titles_of(visit.text("en/listen"))


def test_an_order_by_chance_can_be_shared_and_paged(
    library: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phonotheque.web.room.listen._SHOWN", 2)
    with visiting(library, FRANCE) as visit:
        path, found = "en/listen?by=chance&seed=abc", list[object]()
        assert tracks_of(visit.text(path)) == tracks_of(visit.text(path))
        while path:
            text = visit.text(path)
            found += [track["recording"] for track in tracks_of(text)]
            following = re.search(r'rel="next" href="/([^"]+)"', text)
            path = html.unescape(following[1]) if following else ""
        assert len(found) == len(set(found)) == 5
        text = visit.text("en/listen?by=listens&after=99999")
        assert "That was all." in text


@pytest.mark.parametrize(
    "query",
    ["by=x", "after=-1", "after=99999999999999999999", "after=x", "seed=%3Cscript%3E", f"seed={'a' * 41}"],
)
def test_what_makes_no_sense_is_refused(library: Archive, query: str) -> None:
    with visiting(library) as visit:
        answer = visit.ask(f"en/listen?{query}")
        assert 400 <= answer.status < 500
        assert b"<script>alert" not in answer.data


def test_the_first_screen_has_a_sentence_a_recording_and_three_doors(library: Archive) -> None:
    with visiting(library) as visit:
        text = ready(visit).text("en/")
        assert "Recorded music that may lawfully be kept" in text
        (track,) = tracks_of(text)
        assert track["licence"]
        assert text.count(f'href="{track["address"]}"') == 1
        for door in ("listen", "mirror", "correct"):
            assert f'<h3><a href="/en/{door}">' in text
        assert text.count('role="search"') == 1
        assert "<script>alert" not in text
        french = visit.text("fr/")
        assert "Trois portes" in french
        assert [one["recording"] for one in tracks_of(french)] == [track["recording"]]


def test_the_recording_is_another_one_on_other_days(
    library: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    with visiting(library, FRANCE) as visit:
        ready(visit)
        for day in range(12):
            today = date(2026, 12, 1) + timedelta(day)
            monkeypatch.setattr(Room, "today", lambda _, today=today: today)
            once, again = (tracks_of(visit.text("en/"))[0]["title"] for _ in range(2))
            assert once == again
            found.append(once)
    assert len(set(found)) > 2


def test_a_mirror_has_a_first_screen_and_something_to_hear(twin: Archive) -> None:
    with visiting(twin, GERMANY) as visit:
        assert Title.OLD_WAX.value in titles_of(visit.text("en/listen"))
        (track,) = tracks_of(visit.text("en/"))
        assert track["licence"]


def test_what_is_withdrawn_is_offered_no_more(library: Archive, tmp_path: Path, own_settings: Path) -> None:
    copy_tree(library.folder, tmp_path / "copy")
    archive = open_archive(tmp_path / "copy")
    with visiting(archive) as visit:
        assert Title.SECOND_AIR.value in titles_of(visit.text("en/listen"))
        asked = Asked("Somebody", "because", ("First Light/02 second.ogg",))
        one = request(archive, asked, covered_by(archive, asked.words), at="2026-11-25T09:00:00Z")
        accept(archive, one.id, by="tests", note=None, at="2026-11-25T09:00:00Z")
        assert Title.SECOND_AIR.value not in titles_of(visit.text("en/listen"))
    archive.close()


def test_with_nothing_published_it_says_what_will_be_here(tmp_path: Path, own_settings: Path) -> None:
    archive = empty_archive(tmp_path / "empty")
    archive.public.mkdir()
    with visiting(archive) as visit:
        text = visit.text("en/")
        assert "Nothing is published here yet" in text
        assert "phono add" in text
        assert "Nothing is published here yet" in visit.text("en/listen")
        assert "Rien n’est encore publié" in visit.text("fr/listen")
    archive.close()


def test_a_mirror_with_nothing_says_so(tmp_path: Path, own_settings: Path) -> None:
    mirror = empty_mirror(tmp_path / "mirror")
    with visiting(mirror) as visit:
        assert visit.ask("en/").status == 200
        assert visit.ask("en/listen").status == 200
    mirror.close()


def test_the_first_screen_is_light(library: Archive) -> None:
    """All that a first visit loads, without pictures and without compression: at most 150 kB."""
    with visiting(library) as visit:
        text = ready(visit).text("en/")
        loaded = re.findall(r'(?:<script src|<link rel="(?:stylesheet|icon)"[^>]* href)="/([^"]+)"', text)
        assert any(path.endswith("player.js") for path in loaded)
        size = len(text.encode()) + sum(len(visit.ask(path).data) for path in loaded)
        assert size <= 150_000
