"""What was acknowledged to a visitor is never lost, however a run ends, and is filed once."""

from __future__ import annotations

import io
import json
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from phonotheque.editions import inbox
from phonotheque.ledger.requests import (
    Request,
    RequestKind,
    RequestStep,
    record_request,
    request_with,
    undecided,
)
from phonotheque.ledger.withdrawals import all_withdrawals
from phonotheque.model.errors import VerificationError
from phonotheque.vault.archive import Archive
from phonotheque.vault.evidence import read_evidence
from tests.catalogue.catalogue_facts import track, write

AT = "2026-11-26T10:00:00Z"
ISRC = "FRZ039800212"


def asked(kind: RequestKind = RequestKind.WITHDRAWAL, **more: object) -> Request:
    """Return a request that names a recording by its ISRC."""
    made = Request(
        id=str(uuid.uuid4()),
        kind=kind,
        received_at=AT,
        language="en",
        named=(ISRC,),
        asked_by="Somebody",
        contact=None,
        public_name=False,
        reason="It is mine.",
        public_reason=None,
        document_sha256=None,
        territory="WORLD",
        erase=False,
    )
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.fixture
def known(archive: Archive) -> Archive:
    """Return an archive whose catalogue knows one recording."""
    write(archive.catalogue, [track("1", title="Song", isrcs=[ISRC])])
    return archive


def test_a_request_lies_in_the_inbox_for_its_owner_alone(archive: Archive) -> None:
    one = asked()
    inbox.put(archive, one, io.BytesIO(b"a letter"))
    inbox.put(archive, one, io.BytesIO(b"a letter"))  # sent twice
    assert inbox.waiting(archive) == [one.id]
    found, in_ledger = inbox.find(archive, one.id)
    assert found is not None
    assert not in_ledger
    assert replace(found, document_sha256=None) == one
    home = archive.folder / "inbox"
    assert [oct(path.stat().st_mode)[-3:] for path in (home, home / one.id)] == ["700", "700"]
    assert inbox.find(archive, str(uuid.uuid4())) == (None, False)
    assert inbox.read(archive, "../keys") is None


def test_what_lies_there_is_taken_in_and_filed_once(known: Archive) -> None:
    first, second = asked(), asked(RequestKind.CORRECTION, statement="It is wrong.", evidence=None)
    inbox.put(known, first, io.BytesIO(b"a letter"))
    inbox.put(known, second, None)
    with known.writing("test"):
        settled = inbox.settle(known, at=AT)
        assert (settled.taken, settled.filed, settled.unreadable) == (2, 1, ())
        again = inbox.settle(known, at=AT)
    assert (again.taken, again.filed) == (0, 0)
    assert inbox.waiting(known) == []
    with known.ledger.connect() as ledger:
        (one,) = all_withdrawals(ledger)
        kept = request_with(ledger, first.id)
        listed = undecided(ledger, after=None, most=10)
    assert kept is not None
    assert kept.withdrawal_id == one.id != first.id
    assert read_evidence(known, str(one.document_sha256)) == b"a letter"
    assert {each.id for each in listed} == {one.id, second.id}


@pytest.mark.parametrize("step", ["record_request", "_remove", "_withdraw", "add_request_step"])
def test_a_run_that_is_killed_is_completed_by_the_next(
    known: Archive, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    one = asked()
    inbox.put(known, one, io.BytesIO(b"a letter"))

    class KilledError(BaseException):
        pass

    def killed(*_args: object, **_more: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(inbox, step, killed)
        with pytest.raises(KilledError), known.writing("test"):
            inbox.settle(known, at=AT)
    with known.writing("test"):
        inbox.settle(known, at=AT)
    with known.ledger.connect() as ledger:
        kept = request_with(ledger, one.id)
        assert kept is not None
        assert [each.step for each in kept.steps] == [RequestStep.RECEIVED, RequestStep.FILED]
        assert [each.id for each in all_withdrawals(ledger)] == [kept.withdrawal_id]


def test_half_a_folder_is_no_request(archive: Archive) -> None:
    one = asked()

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        inbox.put(archive, one, Broken())
    assert inbox.waiting(archive) == []
    assert list((archive.folder / "inbox").iterdir()) == []
    (archive.folder / "inbox" / one.id).mkdir()  # taken in, and half removed
    with archive.writing("test"):
        assert inbox.settle(archive, at=AT).taken == 0
    assert inbox.waiting(archive) == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"id": 1}', json.dumps({"kind": "x", "named": []})])
def test_what_makes_no_sense_stays_and_is_named_and_the_rest_goes_on(archive: Archive, text: str) -> None:
    odd, good = str(uuid.uuid4()), asked(RequestKind.CORRECTION, statement="It is wrong.")
    inbox.put(archive, good, None)
    (archive.folder / "inbox" / odd).mkdir()
    (archive.folder / "inbox" / odd / "request.json").write_text(text)
    with archive.writing("test"):
        settled = inbox.settle(archive, at=AT)
    assert settled.taken == 1
    assert odd in settled.unreadable[0]
    assert inbox.waiting(archive) == [odd]
    with pytest.raises(VerificationError, match="makes no sense"):
        inbox.read(archive, odd)


def test_an_error_of_the_ledger_does_not_tell_what_somebody_wrote(archive: Archive) -> None:
    one = asked(contact="secret@example.org")
    with archive.ledger.begin() as ledger:
        record_request(ledger, one)
    with pytest.raises(SQLAlchemyError) as caught, archive.ledger.begin() as ledger:
        record_request(ledger, one)  # there is one of that id
    assert "secret@example.org" not in str(caught.value)


@pytest.mark.parametrize("left", [b"another letter", None])
def test_a_document_that_is_damaged_keeps_no_other_request_waiting(
    archive: Archive, left: bytes | None
) -> None:
    first, second = asked(received_at="2026-11-26T09:00:00Z"), asked()
    inbox.put(archive, first, io.BytesIO(b"a letter"))
    inbox.put(archive, second, None)
    document = archive.folder / "inbox" / first.id / "document"
    document.unlink() if left is None else document.write_bytes(left)
    with archive.writing("test"):
        settled = inbox.take_in(archive)
    assert (settled.taken, len(settled.unreadable)) == (1, 1)
    assert first.id in settled.unreadable[0]
    assert inbox.waiting(archive) == [first.id]


def test_what_somebody_wrote_does_not_stay_where_a_server_was_killed(archive: Archive) -> None:
    home = archive.folder / "inbox"
    old, young = home / f".{uuid.uuid4()}-{uuid.uuid4()}", home / f".{uuid.uuid4()}-{uuid.uuid4()}"
    for one in (old, young):
        one.mkdir(parents=True)
        (one / "document").write_bytes(b"half a letter")
    os.utime(old, (1.7e9, 1.7e9))
    with archive.writing("test"):
        inbox.take_in(archive)
    assert list(home.iterdir()) == [young]  # it may be on its way


def test_the_same_request_again_is_acknowledged_when_it_is_durable(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = asked()
    inbox.put(archive, one, None)
    synced: list[Path] = []
    monkeypatch.setattr(inbox, "fsync_dir", synced.append)
    inbox.put(archive, one, None)
    assert synced == [archive.folder / "inbox"]
