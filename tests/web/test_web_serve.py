from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from phonotheque.model.errors import NotFoundError, PhonothequeError
from phonotheque.model.media import media_type
from phonotheque.model.settings import Settings
from phonotheque.vault.archive import Archive
from phonotheque.web.guard import ANYBODY, Visitors
from phonotheque.web.room.serving import serve
from phonotheque.web.serve import locate, public_application

SONG = bytes(range(256)) * 40
SONG_PATH = "/bags/one-0001/data/Artiste é/01 A & B.ogg"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    folder = tmp_path / "archive"
    song = folder / "vault/bags/one-0001/data/Artiste é/01 A & B.ogg"
    song.parent.mkdir(parents=True)
    song.write_bytes(SONG)
    (folder / "vault/bags/one-0001/data/page.html").write_text("<script>alert(1)</script>")
    (folder / "vault/bags/unpublished/data").mkdir(parents=True)
    (folder / "vault/bags/unpublished/data/a.txt").write_text("secret")
    (folder / "keys").mkdir()
    (folder / "keys/root.pem").write_text("secret")
    (folder / "ledger.sqlite").write_text("secret")
    public = folder / "public"
    (public / "bags").mkdir(parents=True)
    (public / "bags/one-0001").symlink_to("../../vault/bags/one-0001")
    (public / "index.html").write_text("<!doctype html><title>Ours</title>")
    (public / ".well-known").mkdir()
    (public / ".well-known/tdmrep.json").write_text("[]")
    (public / ".index.html.tmp").write_text("unfinished")
    (public / "metadata").mkdir()
    (public / "metadata/timestamp.json").write_text("{}")
    return Archive(folder, Settings())


def ask(archive: Archive, path: str, method: str = "GET", **headers: str) -> Answer:
    return ask_as(ANYBODY, archive, path, method, headers)


def ask_as(
    visitors: Visitors, archive: Archive, path: str, method: str, headers: Mapping[str, str]
) -> Answer:
    """One request, straight to the application."""
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(public_application(archive, visitors)(scope, receive, send))
    received = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], received, b"".join(message.get("body", b"") for message in sent[1:]))


def test_the_root_is_the_index_page(archive: Archive) -> None:
    answer = ask(archive, "/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"Ours" in answer.body


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/.well-known/tdmrep.json", "application/json"),
        ("/metadata/timestamp.json", "application/json"),
        (SONG_PATH, "audio/ogg"),
    ],
)
def test_published_files_are_served_with_their_types(archive: Archive, path: str, kind: str) -> None:
    answer = ask(archive, path)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)


def test_a_page_in_a_bag_is_no_page(archive: Archive) -> None:
    answer = ask(archive, "/bags/one-0001/data/page.html")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert media_type("bags/x/data/a.SVG") == "application/octet-stream"


@pytest.mark.parametrize("path", ["/", "/nothing", SONG_PATH, "/../ledger.sqlite"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_every_answer_has_the_security_headers(archive: Archive, path: str, method: str) -> None:
    headers = ask(archive, path, method).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert "script" not in headers["content-security-policy"]


def test_only_pages_of_the_room_may_run_what_lies_beside_them(archive: Archive) -> None:
    for path in ("/en/index.html", "/fr/look-up/index.html"):
        policy = ask(archive, path).headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("asked", "status", "body", "said"),
    [
        ("bytes=0-0", 206, SONG[:1], f"bytes 0-0/{len(SONG)}"),
        ("bytes=100-299", 206, SONG[100:300], f"bytes 100-299/{len(SONG)}"),
        ("bytes=10000-", 206, SONG[10000:], f"bytes 10000-10239/{len(SONG)}"),
        ("bytes=-5", 206, SONG[-5:], f"bytes 10235-10239/{len(SONG)}"),
        ("bytes=10000-99999999", 206, SONG[10000:], f"bytes 10000-10239/{len(SONG)}"),
        ("bytes=10240-", 416, b"", f"bytes */{len(SONG)}"),
    ],
)
def test_ranges(archive: Archive, asked: str, status: int, body: bytes, said: str) -> None:
    answer = ask(archive, SONG_PATH, range=asked)
    assert (answer.status, answer.body, answer.headers["content-range"]) == (status, body, said)
    head = ask(archive, SONG_PATH, "HEAD", range=asked)
    assert (head.status, head.body, head.headers["content-length"]) == (status, b"", str(len(body)))


def test_several_ranges_and_too_many(archive: Archive) -> None:
    answer = ask(archive, SONG_PATH, range="bytes=0-1,100-101")
    assert answer.status == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges")
    assert SONG[100:102] in answer.body
    many = "bytes=" + ",".join(f"{i}-{i}" for i in range(0, 10000, 2))
    assert ask(archive, SONG_PATH, range=many).status == 200


def test_head_tells_the_size_and_sends_nothing(archive: Archive) -> None:
    answer = ask(archive, SONG_PATH, "HEAD")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", str(len(SONG)))
    assert answer.headers["accept-ranges"] == "bytes"


def test_what_the_client_has_is_not_sent_again(archive: Archive) -> None:
    first = ask(archive, SONG_PATH).headers
    for headers in (
        {"if_none_match": first["etag"]},
        {"if_none_match": f'"other", W/{first["etag"]}'},
        {"if_modified_since": first["last-modified"]},
    ):
        answer = ask(archive, SONG_PATH, **headers)
        assert (answer.status, answer.body) == (304, b"")
    changed = ask(archive, SONG_PATH, if_none_match='"other"', if_modified_since=first["last-modified"])
    assert changed.status == 200
    assert ask(archive, SONG_PATH, range="bytes=0-1", if_range='"other"').status == 200
    assert ask(archive, SONG_PATH, range="bytes=0-1", if_range=first["etag"]).status == 206


@pytest.mark.parametrize(
    "path",
    [
        "/keys/root.pem",
        "/ledger.sqlite",
        "/../ledger.sqlite",
        "/bags/../../keys/root.pem",
        "/bags/one-0001/../../../keys/root.pem",
        "/bags/one-0001/data/../../unpublished/data/a.txt",
        "/bags/unpublished/data/a.txt",
        "//etc/passwd",
        "/./index.html",
        "/.index.html.tmp",
        "/.well-known/../../ledger.sqlite",
        "/.well-known/.hidden",
        "/.well-known",
        "/metadata",
        "/metadata/",
        "/bags",
        "/bags/one-0001",
        "/index.html/",
        "/index.html/x",
        "/a\0b",
        "/\ud800".encode("utf-8", "replace").decode(),
        "/" + "x" * 5000,
        "/" + "x/" * 5000,
    ],
)
def test_nothing_else_exists(archive: Archive, path: str) -> None:
    assert ask(archive, path).status == 404


def test_links_lead_only_into_the_bag_of_their_name(archive: Archive) -> None:
    public = archive.public
    (public / "ledger").symlink_to("../ledger.sqlite")
    (public / "keys").symlink_to("../keys")
    (public / "loop").symlink_to("loop")
    (public / "bags/evil").symlink_to("../../keys")
    (public / "bags/other").symlink_to("../../vault/bags/unpublished")
    (archive.bags / "one-0001/data/way-out.txt").symlink_to("../../../../ledger.sqlite")
    (archive.bags / "one-0001/data/next.txt").symlink_to("../../unpublished/data/a.txt")
    for path in (
        "/ledger",
        "/keys/root.pem",
        "/loop",
        "/bags/evil/root.pem",
        "/bags/other/data/a.txt",
        "/bags/one-0001/data/way-out.txt",
        "/bags/one-0001/data/next.txt",
    ):
        assert ask(archive, path).status == 404, path


def test_a_pipe_is_not_opened(archive: Archive) -> None:
    os.mkfifo(archive.public / "pipe")
    assert ask(archive, "/pipe").status == 404


def test_only_reading_is_possible(archive: Archive) -> None:
    for method in ("POST", "PUT", "DELETE", "PROPFIND"):
        assert ask(archive, "/", method).status == 405


@given(st.text(alphabet=st.sampled_from("./abgskey\\%\0é-01:"), max_size=60))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_path_leads_out(archive: Archive, path: str) -> None:
    found = locate(archive.public, archive.bags, path)
    assert found is None or found.is_relative_to(archive.public.resolve())


def test_nothing_published_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing was published"):
        serve(Archive(tmp_path, Settings()), "127.0.0.1", 0, ready=lambda port: None)


def test_a_taken_address_is_said(archive: Archive) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PhonothequeError, match=f"127.0.0.1:{port} cannot be listened on"):
            serve(archive, "127.0.0.1", port, ready=lambda port: None)
    with pytest.raises(PhonothequeError, match="cannot be listened on"):
        serve(archive, "no such host", 1, ready=lambda port: None)


@pytest.fixture
def running(archive: Archive) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server in a process of its own, as the command runs it."""
    code = (
        "import sys; from pathlib import Path\n"
        "from phonotheque.model.settings import Settings\n"
        "from phonotheque.vault.archive import Archive\n"
        "from phonotheque.web.room.serving import serve\n"
        "ready = lambda port: print(port, flush=True)\n"
        "serve(Archive(Path(sys.argv[1]), Settings()), '127.0.0.1', 0, ready=ready)\n"
        "print('ended', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(archive.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield process, f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def test_over_the_wire_until_interrupted(running: tuple[subprocess.Popen[str], str]) -> None:
    process, url = running
    with urllib3.PoolManager() as http:
        whole = http.request("GET", url + SONG_PATH.replace(" ", "%20"))
        part = http.request("GET", url + SONG_PATH.replace(" ", "%20"), headers={"Range": "bytes=5-9"})
        out = http.request("GET", url + "/bags/%2e%2e/%2e%2e/keys/root.pem")
    assert (whole.status, whole.data) == (200, SONG)
    assert (part.status, part.data) == (206, SONG[5:10])
    assert out.status == 404
    process.send_signal(signal.SIGINT)
    printed, complaints = process.communicate(timeout=20)
    assert (process.returncode, printed, complaints) == (0, "ended\n", "")
