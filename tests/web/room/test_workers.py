"""Pages made by other processes: the same as the server's own, whatever becomes of those processes."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phonotheque.vault.archive import Archive
from phonotheque.web.guard import ANYBODY, Visitors
from phonotheque.web.room import workers as workers_module
from phonotheque.web.room.app import reading_room
from phonotheque.web.room.workers import Workers, is_shared
from phonotheque.web.server import Beside
from tests.endtoend.commands import session_members, start, wait_for
from tests.web.room.visits import Visit, visiting

pytestmark = pytest.mark.once("about processes; what pages ask the ledger is read beside it")
_DIES = "__import__('os')._exit(3)"
_HANGS = "__import__('time').sleep(600)"
_WORKER = """
import asyncio, socket, sys
from phonotheque.web.room.answering import work

async def app(scope, receive, send):
    if scope["path"].startswith("/en/bad"):
        {what}
    if scope["path"] == "/en/wrong":
        raise LookupError("nobody foresaw it")
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"of a worker"}})

sys.stdin.buffer.read()
asyncio.run(work(app, socket.socket(fileno=int(sys.argv[1]))))
"""


@contextmanager
def working(archive: Archive, workers: Workers, visitors: Visitors = ANYBODY) -> Iterator[Visit]:
    """Open a room whose pages are made by workers, once all of these can be asked."""
    with workers, Beside(reading_room(archive, visitors, workers=workers), "127.0.0.1", 0) as server:
        visit = Visit(server.url)
        visit.text("en/rights")  # from then on they are listened to
        wait_for(lambda: workers.ready == 2, "two workers are ready")
        yield visit


def standing_in(archive: Archive, folder: Path, what: str, patience: float = 60) -> Workers:
    """Return workers that do this where a page is bad."""
    script = folder / "worker.py"
    script.write_text(_WORKER.format(what=what), encoding="utf-8")
    return Workers(archive, ANYBODY, 2, command=(sys.executable, str(script)), patience=patience)


def test_pages_of_workers_are_those_of_the_server(library: Archive) -> None:
    visitors = Visitors("FR")
    with (
        visiting(library, visitors) as alone,
        working(library, Workers(library, visitors, 2), visitors) as shared,
    ):
        recording = re.search(r"/en/recording/[0-9a-f-]+", alone.text("en/search?q=opening"))
        assert recording is not None
        paths = ("en/", "fr/search?q=opening", recording[0][1:], "en/listen?by=listens", "en/nothing-here")
        for path in (*paths, "api/v1/search?q=opening", "en/search?q=x&after=forged", "en/edition/1"):
            told = {"Accept-Encoding": "gzip"}
            mine, theirs = alone.ask(path, headers=told), shared.ask(path, headers=told)
            assert theirs.status == mine.status, path
            assert theirs.data.replace(shared.url.encode(), alone.url.encode()) == mine.data, path
            assert theirs.headers.keys() == mine.headers.keys(), path
            assert shared.ask(path, "HEAD").status == mine.status


def test_a_worker_that_dies_is_replaced(
    library: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workers = standing_in(library, tmp_path, _DIES)
    with working(library, workers) as visit:
        before = {worker.pid for worker in workers.processes}
        assert visit.text("en/rights") == "of a worker"
        answer = visit.ask("en/bad")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
        wait_for(lambda: workers.ready == 2, "there are two again")
        assert before.isdisjoint(worker.pid for worker in workers.processes)
    assert "A process that makes pages ended (3)." in caplog.text


def test_the_server_makes_pages_while_there_is_no_worker(
    library: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "_AGAIN", (600.0, 600.0))
    workers = standing_in(library, tmp_path, _DIES)
    with working(library, workers) as visit:
        for process in workers.processes:
            process.send_signal(signal.SIGKILL)
        wait_for(lambda: workers.ready == 0, "nobody is ready")
        assert "<h1" in visit.text("en/rights")


def test_who_does_not_answer_is_ended(
    library: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with working(library, standing_in(library, tmp_path, _HANGS, patience=0.2)) as visit:
        assert visit.ask("en/bad").status == 503
    assert "/en/bad took more than 0 s" in caplog.text


def test_what_goes_wrong_in_a_worker_is_in_the_log_of_the_server(
    library: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with working(library, standing_in(library, tmp_path, _DIES)) as visit, caplog.at_level(logging.ERROR):
        assert visit.ask("en/wrong").status == 500
        wait_for(lambda: "nobody foresaw it" in caplog.text, "it is logged")


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("/en/", True),
        ("/fr/search", True),
        ("/api/v1/recordings", True),
        ("/en/corrections", True),
        ("/en/correct", False),
        ("/en/request/7", False),
        ("/fr/staff/", False),
        ("/en/mirror/torrents.zip", False),
        ("/en/figures/drawn/x-light.svg", False),
        ("/stream/00", False),
        ("/rest/ping", False),
        ("/oai", False),
        ("/", False),
    ],
)
def test_what_only_the_server_can_answer_stays_with_it(path: str, *, shared: bool) -> None:
    assert is_shared({"method": "GET", "path": path}) is shared
    assert not is_shared({"method": "POST", "path": path})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_server(library: Archive, number: int) -> None:
    with start("serve", library.folder, "--port", "0", "--processes", "2") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://")

        def workers() -> list[int]:
            members = session_members(os.getsid(process.pid)) if process.poll() is None else {}
            return [pid for pid in members if pid != process.pid]

        pids = workers()
        assert len(pids) == 2
        process.send_signal(number)
        wait_for(lambda: not any(Path(f"/proc/{pid}/cwd").exists() for pid in pids), "they ended")
        process.wait(60)
