"""Shelves: bounded, derived, renewed, and absent where there is nothing."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest

from phonotheque.editions.edition import BagEntry, Edition, read_edition
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import RECORDINGS
from phonotheque.web.guard import ANYBODY
from phonotheque.web.room.state import Room
from phonotheque.web.subsonic import shelves as shelves_module
from phonotheque.web.subsonic.lines import bags_by_listens
from phonotheque.web.subsonic.shelves import NAME, Shelves
from phonotheque.web.subsonic.shelving import fill_shelves
from tests.web.room.archives import Title, empty_mirror
from tests.web.subsonic.player import playing


def _edition(archive: Archive) -> Edition:
    return read_edition((archive.public / "targets" / "edition.json").read_bytes())


def test_there_is_nothing_before_the_first_edition(archive: Archive) -> None:
    with playing(archive) as player:
        assert player.told("ping")
        assert player.refused("getArtists") == 70
        assert player.refused("getScanStatus") == 70


def test_a_new_mirror_has_nothing_yet(archive: Archive, tmp_path: Any) -> None:
    with playing(empty_mirror(tmp_path / "mirror")) as player:
        assert player.told("ping")
        assert player.refused("search3", query="") == 70


def test_shelves_hold_so_much_and_no_more(own: Archive) -> None:
    file = own.folder / NAME
    assert fill_shelves(own, _edition(own), None, file, "x", 2) == 2
    with closing(sqlite3.connect(file)) as found:
        assert found.execute(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM on_shelf GROUP BY shelf)"
        ).fetchone() == (2,)


def test_the_bags_that_are_most_listened_to_come_first() -> None:
    def bag(name: str, listens: int | None, recordings: int, wave: int = 1) -> Any:
        return SimpleNamespace(id=name, listens=listens, recordings=recordings, wave=wave, edition=1)

    bags = [bag("none", None, 1), bag("few", 10, 10), bag("many", 90, 9), bag("facts", None, 0, 0)]
    edition = cast(Edition, SimpleNamespace(bags=bags))
    order: list[BagEntry] = bags_by_listens(edition)
    assert [one.id for one in order] == ["many", "few", "none"]


def test_a_bag_that_makes_no_sense_is_left_out(own: Archive, caplog: pytest.LogCaptureFixture) -> None:
    with playing(own) as player:
        before = player.there("FR").songs().keys()
    (own.folder / NAME).unlink()
    lines = own.bags / bags_by_listens(_edition(own))[0].id / RECORDINGS
    lines.chmod(0o644)
    lines.write_bytes(b"no JSON\n")
    with playing(own) as player:
        assert player.there("FR").songs().keys() < before
    assert "makes no sense" in caplog.text


def test_shelves_are_made_again_when_they_are_gone_or_damaged(own: Archive) -> None:
    file = own.folder / NAME
    for content in (None, b"", b"no database" * 1000):
        if content is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(content)
        with playing(own) as player:
            assert Title.OPENING in player.songs()


@pytest.mark.parametrize("content", [None, b"no database at all" * 1000])
def test_shelves_that_go_while_they_are_served_come_back(own: Archive, content: bytes | None) -> None:
    with playing(own) as player:
        assert Title.OPENING in player.songs()
        (own.folder / NAME).unlink()
        if content is not None:
            (own.folder / NAME).write_bytes(content)
        assert player.refused("search3", query="") == 0
        assert Title.OPENING in player.songs()


def test_a_file_of_listeners_that_cannot_be_read_is_said(own: Archive) -> None:
    (own.folder / "listeners.sqlite").write_bytes(b"no database at all" * 1000)
    with playing(own) as player:
        assert player.songs()
        answer = player.known_as(u="Ada", p="x").ask("ping", f="json")
        assert answer.status == 503
        assert b"failed" in answer.data
        assert player.ask("getPlaylists", f="json").status == 503
        assert player.songs()
    assert (own.folder / NAME).exists()


def test_shelves_are_renewed_with_the_day(own: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves_module, "_LOOK", 0.0)
    room = Room(own, ANYBODY)
    shelves = Shelves(room)
    with shelves.open("FR") as view:
        before = view.count(1)
    monkeypatch.setattr(Room, "today", lambda _room: date(2066, 1, 1))
    shelves.look()
    for thread in threading.enumerate():
        if thread.name == "filling shelves":
            thread.join(60)
    with closing(sqlite3.connect(own.folder / NAME)) as found:
        assert "2066-01-01" in found.execute("SELECT of_what FROM made").fetchone()[0]
    with shelves.open("FR") as view:
        assert view.count(1) == before
    assert not list(own.folder.glob(f".{NAME}*"))


def test_shelves_filled_at_once_are_looked_after_again(own: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def done_before_it_is_told(begun: threading.Thread, start: Any = threading.Thread.start) -> None:
        start(begun)
        begun.join(60)

    monkeypatch.setattr(shelves_module, "_LOOK", 0.0)
    monkeypatch.setattr(threading.Thread, "start", done_before_it_is_told)
    shelves = Shelves(Room(own, ANYBODY))
    shelves.look()
    monkeypatch.setattr(Room, "today", lambda _room: date(2066, 1, 1))
    shelves.look()
    with closing(sqlite3.connect(own.folder / NAME)) as found:
        assert "2066-01-01" in found.execute("SELECT of_what FROM made").fetchone()[0]


def test_what_a_kill_left_is_removed(own: Archive) -> None:
    left, new = own.folder / f".{NAME}.1.1", own.folder / f".{NAME}.2.2"
    left.write_bytes(b"half")
    new.write_bytes(b"somebody else's")
    os.utime(left, (0, 0))
    fill_shelves(own, _edition(own), None, own.folder / NAME, "x", 2)
    assert not left.exists()
    assert new.exists()
