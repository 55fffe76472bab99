"""Servers beside other work: addresses, health, what is counted, and what is cut off on its way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from starlette.types import ASGIApp, Message

from phonotheque.editions.edition import Withdrawal, write_edition
from phonotheque.model.errors import PhonothequeError, UsageError
from phonotheque.model.settings import MirrorSettings, Settings
from phonotheque.vault.archive import Archive
from phonotheque.web import sending
from phonotheque.web.counting import Traffic
from phonotheque.web.serve import public_application
from phonotheque.web.server import Beside, parse_address, url_of
from tests.mirrors.mirror_publisher import Publisher

SONG = "Song.ogg"
BYTES = bytes(range(256)) * 4096  # four pieces
PATH = f"/bags/audio-1/data/{SONG}"


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    folder = tmp_path / "archive"
    folder.mkdir()
    made = Publisher(folder)
    made.bag("catalogue-1", {"catalogue.parquet": b"c" * 500})
    made.bag("audio-1", {SONG: BYTES})
    made.publish(1)
    (made.public / "targets" / "edition.json").write_bytes((folder / "edition-1.json").read_bytes())
    return made


@pytest.fixture
def archive(publisher: Publisher) -> Archive:
    return Archive(publisher.folder, Settings())


def ask(
    application: ASGIApp,
    path: str,
    method: str = "GET",
    *,
    before: Callable[[Message], None] | None = None,
    **headers: str,
) -> list[Message]:
    """One request, straight to the application; ``before`` is told of each message before it is sent."""
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if before:
            before(message)
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(application(scope, receive, send))  # type: ignore[arg-type]
    return sent


def body(sent: list[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8750", "127.0.0.1", 8750),
        ("0.0.0.0:8750", "0.0.0.0", 8750),
        ("localhost:0", "localhost", 0),
        ("[::]:8750", "::", 8750),
    ],
)
def test_an_address_to_listen_on(text: str, host: str, port: int) -> None:
    assert parse_address(text, "--serve") == (host, port)


@pytest.mark.parametrize(
    "text", ["", ":8750", "::1", "::1:8750", "host", "host:", "host:65536", "host:-1", "host:８７"]
)
def test_what_is_no_address_to_listen_on_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--serve: .* is no address to listen on"):
        parse_address(text, "--serve")


def test_how_an_address_is_shown() -> None:
    assert url_of("::", 80) == "http://[::]:80/"
    assert url_of("127.0.0.1", 8750) == "http://127.0.0.1:8750/"


@pytest.fixture
def looked_at_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_LOOK", 0.0)


@pytest.mark.usefixtures("looked_at_all_the_time")
def test_what_is_hidden_while_it_is_sent_is_cut_off(archive: Archive) -> None:
    """As a mirror does first with a bag that was withdrawn: it removes the link."""
    link, seen = archive.public / "bags" / "audio-1", list[int]()

    def hide(message: Message) -> None:
        seen.append(len(message.get("body", b"")))
        if sum(seen) > 0:
            link.unlink(missing_ok=True)

    sent = ask(public_application(archive), PATH, before=hide)
    assert sent[0]["status"] == 200
    assert 0 < len(body(sent)) < len(BYTES)
    assert body(sent) == BYTES[: len(body(sent))]
    assert sent[-1]["more_body"]  # it never said that this was all
    assert ask(public_application(archive), PATH)[0]["status"] == 404


def test_what_stays_is_sent_whole(archive: Archive) -> None:
    sent = ask(public_application(archive), PATH)
    assert body(sent) == BYTES
    assert not sent[-1].get("more_body")


@pytest.mark.usefixtures("looked_at_all_the_time")
def test_who_is_cut_off_sees_that_bytes_lack(archive: Archive, capfd: pytest.CaptureFixture[str]) -> None:
    """Over the wire: the connection ends before the bytes that were announced, and nobody logs an error."""
    traffic = Traffic()
    with (
        Beside(public_application(archive, traffic=traffic), "127.0.0.1", 0) as server,
        socket.create_connection((server.host, server.port), timeout=20) as connection,
    ):
        # Small buffers on the way, so that most of it is still to be read when it is hidden.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        got = connection.recv(1000)
        (archive.public / "bags" / "audio-1").unlink()
        while more := connection.recv(65536):
            got += more
    head, _, content = got.partition(b"\r\n\r\n")
    assert f"content-length: {len(BYTES)}".encode() in head
    assert content == BYTES[: len(content)]
    assert len(content) < len(BYTES)
    assert capfd.readouterr().err == ""


def test_a_mirror_gives_nothing_that_the_edition_takes_back_which_it_has_accepted(
    publisher: Publisher,
) -> None:
    """Also where it was killed before it could hide the bag, and shows the edition before still."""
    mirror = Archive(publisher.folder, Settings(mirror=MirrorSettings(origin="https://archive.example.org")))
    assert ask(public_application(mirror), PATH)[0]["status"] == 200
    publisher.bags = [bag for bag in publisher.bags if bag.id != "audio-1"]
    gone = (Withdrawal("audio-1", "2026-11-22T00:00:00Z", "asked for", None),)
    (mirror.folder / "trust").mkdir()
    (mirror.folder / "trust" / "edition.json").write_bytes(
        write_edition(publisher.edition(2, withdrawals=gone))
    )
    answer = ask(public_application(mirror), PATH)
    assert (answer[0]["status"], body(answer)) == (410, b"This was withdrawn on 2026-11-22: asked for\n")
    assert body(ask(public_application(mirror), "/withdrawals.json")).startswith(b'{\n "edition": 2')


def test_health_is_told_and_nothing_else(archive: Archive) -> None:
    well = ask(public_application(archive), "/healthz")
    ill = ask(public_application(archive, trouble=lambda: "asleep"), "/healthz")
    assert [(answer[0]["status"], body(answer)) for answer in (well, ill)] == [
        (200, b"ok\n"),
        (503, b"asleep\n"),
    ]
    assert ask(public_application(archive), "/healthz", "HEAD")[0]["status"] == 200


def test_what_is_sent_is_counted_without_who_asked(archive: Archive) -> None:
    traffic = Traffic()
    application = public_application(archive, traffic=traffic)
    ask(application, PATH)
    ask(application, PATH, "HEAD")
    ask(application, "/nothing")
    ask(application, "/nothing", "HEAD")  # its body is not sent
    answers, sent = traffic.totals()
    assert answers == {200: 2, 404: 2}
    assert sent == {"bags": len(BYTES), "other": len(b"There is nothing here.\n")}


def test_two_servers_beside_each_other_until_closed(archive: Archive) -> None:
    with urllib3.PoolManager(retries=False, timeout=20) as http:
        with (
            Beside(public_application(archive), "127.0.0.1", 0) as first,
            Beside(public_application(archive), "127.0.0.1", 0) as second,
        ):
            assert first.port != second.port
            for server in (first, second):
                assert http.request("GET", f"{server.url}targets/edition.json").status == 200
                assert server.running
        assert not first.running
        with pytest.raises(urllib3.exceptions.HTTPError):
            http.request("GET", f"{first.url}targets/edition.json")


def test_an_address_that_is_taken_is_said(archive: Archive) -> None:
    with (
        Beside(public_application(archive), "127.0.0.1", 0) as first,
        pytest.raises(PhonothequeError, match=f"127.0.0.1:{first.port} cannot be listened on"),
    ):
        Beside(public_application(archive), "127.0.0.1", first.port)
