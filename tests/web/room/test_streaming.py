"""Music by ranges: to whom it is allowed, in which form, and no longer than it is."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.types import Message

from phonotheque.editions.covering import covered_by
from phonotheque.editions.withdrawing import Asked, accept, request
from phonotheque.ledger.bags import where_bagged
from phonotheque.ledger.schema import files
from phonotheque.ledger.statements import end_denials, record_grant
from phonotheque.ledger.withdrawals import all_withdrawals
from phonotheque.model.progress import QUIET
from phonotheque.model.rights import Act, Kind, Statement
from phonotheque.model.settings import StorageSettings
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.places import settle_bags
from phonotheque.web import sending
from phonotheque.web.guard import ANYBODY, Visitors
from phonotheque.web.room import streaming
from phonotheque.web.room.app import reading_room
from phonotheque.web.room.quota import HOUR, Quota
from phonotheque.web.room.state import Room
from phonotheque.web.room.streaming import attachment
from tests.postgresql import copy_tree
from tests.web.room.archives import PUBLIC_REASON, SECRETS, Title
from tests.web.room.visits import visiting

pytestmark = pytest.mark.ledger
FRANCE, GERMANY, AMERICA = Visitors("FR"), Visitors("DE"), Visitors("US")


def hash_of(archive: Archive, title: Title, kind: str = "master", codec: str = "%") -> str:
    with archive.ledger.connect() as ledger:
        query = select(files.c.sha256, files.c.tags).where(files.c.kind == kind, files.c.codec.like(codec))
        found = [row.sha256 for row in ledger.execute(query) if row.tags.get("title") == title.value]
    assert len(found) == 1, (title, found)
    return str(found[0])


def test_a_master_is_streamed_byte_for_byte(library: Archive) -> None:
    sha256 = hash_of(library, Title.OPENING, codec="flac")
    with visiting(library) as visit:
        answer = visit.ask(f"stream/{sha256}")
        assert answer.status == 200
        assert hashlib.sha256(answer.data).hexdigest() == sha256
        assert answer.headers["content-type"] == "audio/flac"
        assert answer.headers["etag"] == f'"{sha256}"'
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["vary"] == "Phonotheque-Country"
        assert answer.headers["cache-control"] == "no-cache"
        assert "content-disposition" not in answer.headers
        asked = visit.ask(f"stream/{sha256}", "HEAD")
        assert (asked.status, asked.data) == (200, b"")
        assert asked.headers["content-length"] == str(len(answer.data))


def test_ranges_and_validators(library: Archive) -> None:
    path = f"stream/{hash_of(library, Title.SECOND_AIR)}"
    with visiting(library) as visit:
        whole = visit.ask(path)
        part = visit.ask(path, headers={"Range": "bytes=10-19"})
        assert (part.status, part.data) == (206, whole.data[10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{len(whole.data)}"
        assert visit.ask(path, headers={"Range": "bytes=-5"}).data == whole.data[-5:]
        assert visit.ask(path, headers={"Range": "bytes=999999999-"}).status == 416
        assert visit.ask(path, headers={"If-None-Match": whole.headers["etag"]}).status == 304
        other = {"Range": "bytes=10-19", "If-Range": '"another"'}
        assert visit.ask(path, headers=other).status == 200


def test_an_access_copy_is_streamed_by_its_own_hash(library: Archive) -> None:
    sha256 = hash_of(library, Title.HOSTILE, "access")
    with visiting(library) as visit:
        answer = visit.ask(f"stream/{sha256}")
        assert (answer.status, answer.headers["content-type"]) == (200, "audio/ogg")
        assert hashlib.sha256(answer.data).hexdigest() == sha256


def test_what_is_held_and_in_no_bag_is_streamed(library: Archive) -> None:
    sha256 = hash_of(library, Title.OPENING, codec="mp3")
    assert incoming_path(library.incoming, sha256).exists()
    with visiting(library) as visit:
        answer = visit.ask(f"stream/{sha256}")
        assert (answer.status, answer.headers["content-type"]) == (200, "audio/mpeg")


@pytest.mark.parametrize(
    ("visitors", "statuses"),
    [
        (FRANCE, {Title.FRANCE: 200, Title.OLD_WAX: 200, Title.ONLY_KEPT: 451, Title.TAKEN_BACK: 410}),
        (GERMANY, {Title.FRANCE: 451, Title.OLD_WAX: 200}),
        (AMERICA, {Title.OLD_WAX: 451, Title.SECOND_AIR: 200}),
        (ANYBODY, {Title.FRANCE: 451, Title.OLD_WAX: 451, Title.SECOND_AIR: 200, Title.TAKEN_BACK: 410}),
    ],
)
def test_who_may_hear_what(library: Archive, visitors: Visitors, statuses: dict[Title, int]) -> None:
    with visiting(library, visitors) as visit:
        for title, status in statuses.items():
            path = f"stream/{hash_of(library, title)}"
            for query in ("", "?download=1"):
                answer = visit.ask(path + query)
                assert answer.status == status, title
                assert (answer.data[:4] in (b"fLaC", b"OggS")) == (status == 200)
            if status == 451:
                assert 'rel="blocked-by"' in answer.headers["link"]


def test_a_visitor_may_say_where_they_are(library: Archive) -> None:
    path = f"stream/{hash_of(library, Title.FRANCE)}"
    with visiting(library) as visit:
        assert visit.ask(path, headers={"Phonotheque-Country": "FR"}).status == 200
        assert visit.ask(path, headers={"Phonotheque-Country": "DE"}).status == 451


def test_refusals_say_why_and_nothing_private(library: Archive) -> None:
    with visiting(library, GERMANY) as visit:
        gone = visit.ask(f"stream/{hash_of(library, Title.TAKEN_BACK)}").data.decode()
        barred = visit.ask(f"stream/{hash_of(library, Title.ONLY_KEPT)}").data.decode()
    assert PUBLIC_REASON.rstrip(".") in gone
    assert "no recorded basis" in barred
    assert not [secret for secret in SECRETS if secret in gone + barred]


def test_everything_else_is_not_there(library: Archive) -> None:
    with visiting(library) as visit:
        for name in ("x", "0" * 64, "A" * 64, "..%2f..%2fphonotheque.toml", ""):
            assert visit.ask(f"stream/{name}").status == 404


def test_what_is_no_music_is_not_streamed(library: Archive) -> None:
    with library.ledger.connect() as ledger:
        cover = ledger.execute(select(files.c.sha256).where(files.c.kind == "sidecar")).scalar_one()
    with visiting(library) as visit:
        assert visit.ask(f"stream/{cover}").status == 404


def test_a_download_has_a_name_that_does_no_harm(library: Archive) -> None:
    with visiting(library) as visit:
        answer = visit.ask(f"stream/{hash_of(library, Title.HOSTILE)}?download=1")
    said = answer.headers["content-disposition"]
    assert said.startswith('attachment; filename="Ensemble Aurore')
    assert said.endswith(".flac")
    assert not {"<", ">", "/", "\\", "\u202e", "\r", "\n"} & set(said.partition("filename*")[0])
    assert "%2F" not in said
    assert "%E2%80%AE" not in said  # what turns letters around


def test_names_of_downloads_stay_in_their_quotation_marks() -> None:
    said = attachment('a"; filename="b.exe\r\nX: y\\é.flac')
    assert said.count('"') == 2
    assert not {"\r", "\n", "\\"} & set(said)
    assert "%C3%A9.flac" in said


def test_a_mirror_gives_what_its_edition_and_its_bags_allow(library: Archive, twin: Archive) -> None:
    for visitors, title, status in (
        (ANYBODY, Title.OPENING, 200),
        (GERMANY, Title.OLD_WAX, 200),
        (AMERICA, Title.OLD_WAX, 451),
        (GERMANY, Title.FRANCE, 404),  # it may not hold that
        (GERMANY, Title.TAKEN_BACK, 410),
        (GERMANY, Title.ONLY_KEPT, 404),
    ):
        codec = "flac" if title is Title.OPENING else "%"
        with visiting(twin, visitors) as visit:
            assert visit.ask(f"stream/{hash_of(library, title, codec=codec)}").status == status, title


def test_a_mirror_decides_anew_by_what_lies_in_the_bag(
    library: Archive, twin: Archive, tmp_path: Path
) -> None:
    """Whatever a bag says was decided: without a statement that allows it nothing is sent."""
    copy_tree(twin.folder, tmp_path / "mirror")
    sha256 = hash_of(library, Title.OPENING, codec="flac")
    for lines in (tmp_path / "mirror/vault/bags").glob("*/recordings.jsonl"):
        text = lines.read_text()
        lines.chmod(0o644)
        lines.write_text(text.replace("CC-BY-4.0", "LicenseRef-Mine"))
    mirror = open_archive(tmp_path / "mirror")
    with visiting(mirror) as visit:
        assert visit.ask(f"stream/{sha256}").status == 451
    mirror.close()


@pytest.fixture
def changed(library: Archive, tmp_path: Path, own_settings: Path) -> Archive:
    """A copy of the library, to be changed."""
    copy_tree(library.folder, tmp_path / "copy")
    return open_archive(tmp_path / "copy")


def take_back(archive: Archive, title: Title) -> None:
    asked = Asked("Somebody", "because", (hash_of(archive, title, codec="flac"),))
    one = request(archive, asked, covered_by(archive, asked.words), at="2026-11-25T09:00:00Z")
    accept(archive, one.id, by="tests", note=None, at="2026-11-25T09:00:00Z")


def test_a_copy_of_what_was_taken_back_is_not_sent_before_that_is_stated_of_it(changed: Archive) -> None:
    """While things are being added, a copy by its bytes or its sound is known, and nothing stated of it."""
    sha256 = hash_of(changed, Title.OPENING, codec="flac")
    take_back(changed, Title.OPENING)
    with changed.ledger.begin() as ledger:
        (row,) = ledger.execute(select(files).where(files.c.sha256 == sha256)).all()
        for one in all_withdrawals(ledger):
            end_denials(ledger, [row.id], one.origin, at="2026-11-25T09:00:00Z", because="it is a test")
    with visiting(changed) as visit:
        assert visit.ask(f"stream/{sha256}").status == 410
        ledger_only = update(files).where(files.c.id == row.id).values(sha256="a" * 64)
        with changed.ledger.begin() as ledger:
            ledger.execute(ledger_only)
        assert visit.ask(f"stream/{'a' * 64}").status == 410
    changed.close()


def test_no_old_decision_is_trusted(changed: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the day before it became free, old wax may not be heard, whatever was decided since."""
    path = f"stream/{hash_of(changed, Title.OLD_WAX)}"
    with visiting(changed, FRANCE) as visit:
        assert visit.ask(path).status == 200
        monkeypatch.setattr(Room, "today", lambda _: date(1999, 12, 31))
        assert visit.ask(path).status == 451
    changed.close()


def test_what_may_only_be_heard_is_not_to_be_kept(changed: Archive) -> None:
    agreed = Statement(
        kind=Kind.DEPOSIT,
        licence=None,
        evidence="an agreement",
        evidence_origin="grant",
        asserted_by="tests",
        acts=(Act.PRESERVE, Act.STREAM),
    )
    sha256 = hash_of(changed, Title.ONLY_KEPT)
    with changed.ledger.begin() as ledger:
        (row,) = ledger.execute(select(files.c.id).where(files.c.sha256 == sha256)).all()
        record_grant(ledger, [row.id], agreed, at="2026-11-25T09:00:00Z")
    with visiting(changed) as visit:
        assert visit.ask(f"stream/{sha256}").status == 200  # what was decided before does not count
        assert visit.ask(f"stream/{sha256}?download=1").status == 451
    changed.close()


def test_what_is_withdrawn_while_it_is_sent_is_cut_off(
    changed: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_LOOK", 0.0)
    monkeypatch.setattr(sending, "_LOOK", 0.0)
    sha256 = hash_of(changed, Title.OPENING, codec="flac")
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body") and len(sent) == 2:
            take_back(changed, Title.OPENING)

    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "GET",
        "path": f"/stream/{sha256}",
        "raw_path": f"/stream/{sha256}".encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.1", 1),
        "server": ("localhost", 80),
        "scheme": "http",
    }
    asyncio.run(reading_room(changed, ANYBODY)(scope, receive, send))
    size = int(dict(sent[0]["headers"])[b"content-length"])
    assert sent[0]["status"] == 200
    assert 0 < sum(len(message["body"]) for message in sent[1:]) < size
    with visiting(changed) as visit:
        assert visit.ask(f"stream/{sha256}").status == 410
    changed.close()


def test_what_lies_in_a_storage_is_streamed_from_there(changed: Archive, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    storage = StorageSettings(bags=str(tmp_path / "elsewhere"))
    moved = replace(changed, settings=replace(changed.settings, storage=storage))
    settle_bags(moved, QUIET)
    sha256 = hash_of(moved, Title.SECOND_AIR)
    with visiting(moved) as visit:
        whole = visit.ask(f"stream/{sha256}")
        assert whole.status == 200
        assert hashlib.sha256(whole.data).hexdigest() == sha256
        assert (whole.headers["etag"], whole.headers["content-type"]) == (f'"{sha256}"', "audio/ogg")
        part = visit.ask(f"stream/{sha256}", headers={"Range": "bytes=10-19"})
        assert (part.status, part.data) == (206, whole.data[10:20])
        assert visit.ask(f"stream/{sha256}", headers={"Range": "bytes=999999999-"}).status == 416
        assert visit.ask(f"stream/{sha256}", headers={"If-None-Match": f'"{sha256}"'}).status == 304
        assert visit.ask(f"stream/{hash_of(moved, Title.FRANCE)}").status == 451
    moved.close()
    changed.close()


def test_lost_bytes_are_not_there(changed: Archive) -> None:
    sha256 = hash_of(changed, Title.SECOND_AIR)
    with changed.ledger.connect() as ledger:
        (row,) = ledger.execute(select(files.c.id).where(files.c.sha256 == sha256)).all()
        bag, path = where_bagged(ledger, [row.id])[row.id]
    (changed.bags / bag / path).unlink()
    with visiting(changed) as visit:
        assert visit.ask(f"stream/{sha256}").status == 404
        (changed.bags / bag / path).symlink_to(changed.folder / "phonotheque.toml")
        assert visit.ask(f"stream/{sha256}").status == 404
    changed.close()


def test_more_than_a_listener_hears_has_to_wait(library: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    quota = Quota(10**6, 2, lambda: now[0], lambda host: host)
    monkeypatch.setattr("phonotheque.web.room.state.Quota", lambda *_: quota)
    first, second, third = (
        f"stream/{hash_of(library, title)}" for title in (Title.SECOND_AIR, Title.OLD_WAX, Title.HOSTILE)
    )
    with visiting(library, GERMANY) as visit:
        assert visit.ask(first).status == 200
        assert visit.ask(first, headers={"Range": "bytes=5-"}).status == 206  # it was begun already
        assert visit.ask(second).status == 200
        refused = visit.ask(third)
        assert refused.status == 429
        assert refused.headers["retry-after"] == "3600"
        assert b"/mirror" in refused.data
        assert visit.ask(third, "HEAD").status == 200
        known = visit.ask(third, "HEAD").headers["etag"]
        assert visit.ask(third, headers={"If-None-Match": known}).status == 304
        assert visit.ask(third, headers={"If-None-Match": f"x{known}"}).status == 429
        now[0] = HOUR
        assert visit.ask(third).status == 200


def test_bytes_count_as_they_are_sent() -> None:
    now = [100.0]
    quota = Quota(1000, 0, lambda: now[0], lambda host: host)
    assert quota.wait("a", "x") == 0
    quota.sent("a", 999)
    assert quota.wait("a", "x") == 0
    quota.sent("a", 1)
    now[0] += 10
    assert quota.wait("a", "x") == 3590
    assert quota.wait("b", "x") == 0
    assert quota.wait("", "x") == 0


def test_this_machine_is_not_counted() -> None:
    quota = Quota(1, 1)
    for _ in range(3):
        assert quota.wait(quota._place("127.0.0.1"), "x") == 0
        quota.sent(quota._place("127.0.0.1"), 100)
