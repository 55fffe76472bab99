"""phono staff, and what other commands say and do about requests of visitors."""

from __future__ import annotations

import io
import uuid
from dataclasses import replace

import pytest

from phonotheque.editions import inbox
from phonotheque.ledger.requests import Request, RequestKind
from phonotheque.vault.archive import Archive
from tests.cli.conftest import Phono
from tests.web.room.desks import cheap_passwords

PASSWORD = "a long pass phrase"


@pytest.fixture(autouse=True)
def cheap() -> object:
    """Let hashes take less memory than they do, and so less time."""
    with cheap_passwords():
        yield


def typing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let a command read this on its standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_staff_are_added_listed_changed_and_removed(
    archive: Archive, phono: Phono, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = archive.folder
    assert phono("staff", "list", folder).out == "Nobody may log in.\n"
    typing(monkeypatch, f"{PASSWORD}\n")
    assert phono("staff", "add", folder, "Anna").out == "anna may log in.\n"
    typing(monkeypatch, f"{PASSWORD}\n")
    assert phono("staff", "add", folder, "anna").code == 2
    (one,) = phono("staff", "list", folder, "--json").data
    assert (one["name"], one["sessions"]) == ("anna", 0)
    assert "argon2" not in phono("staff", "list", folder, "--json").out
    typing(monkeypatch, "short\n")
    ran = phono("staff", "password", folder, "anna")
    assert ran.code == 2
    assert "short" not in ran.out + ran.err
    typing(monkeypatch, "another pass phrase")
    assert phono("staff", "password", folder, "anna").code == 0
    assert phono("staff", "remove", folder, "anna").out == "anna may log in no more.\n"
    assert phono("staff", "remove", folder, "anna").code == 3
    assert phono("staff", "list", folder, "--json").data == []


def test_a_mirror_has_no_staff_and_takes_no_requests(
    archive: Archive, phono: Phono, monkeypatch: pytest.MonkeyPatch
) -> None:
    (archive.folder / "phonotheque.toml").write_text('[mirror]\norigin = "https://example.org/"\n')
    typing(monkeypatch, PASSWORD)
    assert phono("staff", "add", archive.folder, "anna").code == 2
    for option in ("--staff", "--requests"):
        ran = phono("serve", archive.folder, option)
        assert ran.code == 2
        assert "takes in no requests" in ran.err


def test_other_commands_take_in_what_lies_in_the_inbox(archive: Archive, phono: Phono) -> None:
    one = Request(
        id=str(uuid.uuid4()),
        kind=RequestKind.WITHDRAWAL,
        received_at="2026-11-26T10:00:00Z",
        language="en",
        named=("a tune",),
        asked_by="Somebody",
        contact=None,
        public_name=False,
        reason="It is mine.",
        public_reason=None,
        document_sha256=None,
        territory="WORLD",
        erase=False,
    )
    inbox.put(archive, one, None)
    told = phono("status", archive.folder, "--json").data["requests_waiting"]
    assert told == {"in_inbox": 1, "to_be_looked_up": 0}
    assert "1 request of visitors to correct" in phono("status", archive.folder).out
    with archive.writing("publish"):
        ran = phono("withdraw", "list", archive.folder)
        assert ran.code == 0
        assert "1 request in the inbox cannot be taken in yet" in ran.err
    assert phono("withdraw", "list", archive.folder).code == 0
    told = phono("status", archive.folder, "--json").data["requests_waiting"]
    assert told == {"in_inbox": 0, "to_be_looked_up": 1}
    inbox.put(archive, replace(one, id=str(uuid.uuid4())), None)
    assert phono("withdraw", "accept", archive.folder, "12345678").code == 3  # there is none; it took it in
    assert inbox.waiting(archive) == []
