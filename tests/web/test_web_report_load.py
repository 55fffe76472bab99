"""What reports may cost a server: no lock while they are read, few counts, a place for each sender."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import urllib3

from phonotheque.ledger.mirrors import all_mirrors
from phonotheque.mirrors.copies import COPIES, read_copies
from phonotheque.mirrors.report import SignedReport, read_report
from phonotheque.mirrors.reporting import send_report
from phonotheque.model.errors import BusyError
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.web import reports
from phonotheque.web.reports import Counting, most_bytes
from phonotheque.web.serve import public_application
from phonotheque.web.server import Beside
from tests.mirrors.reported import Somebody, publishing

A, B = Somebody("a"), Somebody("b")


@pytest.fixture
def archive(archive: Archive) -> Archive:
    return publishing(archive)


def test_others_change_the_archive_while_a_report_is_read(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slowly(data: bytes) -> SignedReport:
        reading.set()
        assert go_on.wait(20)
        return read_report(data)

    monkeypatch.setattr("phonotheque.mirrors.taking_reports.read_report", slowly)
    with Beside(public_application(archive), "127.0.0.1", 0) as server:
        sent = threading.Thread(target=send_report, args=(f"{server.url}reports", A.report(at=now())))
        sent.start()
        try:
            assert reading.wait(20)
            with archive.writing("publish"):  # refused, if the report had it
                pass
        finally:
            go_on.set()
            sent.join()
    with archive.ledger.connect() as ledger:
        assert [mirror.id for mirror in all_mirrors(ledger)] == [A.id]


def test_a_report_is_no_larger_than_one_of_all_bags_can_be(archive: Archive) -> None:
    most = most_bytes(archive)
    assert most < 100_000
    with Beside(public_application(archive), "127.0.0.1", 0) as server:
        for body, status in ((b"x" * most, 422), (b"x" * (most + 1), 413)):
            assert urllib3.request("POST", f"{server.url}reports", body=body).status == status


def test_who_reports_again_at_once_is_told_to_wait(archive: Archive) -> None:
    with Beside(public_application(archive), "127.0.0.1", 0) as server:
        send_report(f"{server.url}reports", A.report(["bag-1"], at=now()))
        again = A.report(["bag-2"], at=now(), time=timestamp(now() + timedelta(minutes=1)))
        with pytest.raises(BusyError, match=r"429: .*once in ten minutes"):
            send_report(f"{server.url}reports", again)


def test_counting_takes_a_small_share_of_the_time() -> None:
    counting = Counting()
    assert counting.due_in(0) == 0
    counting.took(begun=0, ended=0.2)
    assert counting.due_in(0.3) == 0  # a small archive is counted at once
    counting.took(begun=1, ended=11)
    assert counting.due_in(11) == pytest.approx(300)
    assert counting.due_in(111) == pytest.approx(200)
    assert counting.due_in(400) == 0


def test_what_is_not_counted_at_once_is_counted_later(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = iter((0.0, 0.01, 0.0))
    monkeypatch.setattr(Counting, "due_in", lambda self, at: next(waits, 0.0))
    with Beside(public_application(archive), "127.0.0.1", 0) as server:
        for mirror in (A, B):
            send_report(f"{server.url}reports", mirror.report(["bag-1"], at=now()))
        _until(lambda: read_copies((archive.public / COPIES).read_bytes()).of("bag-1").claimed == 2)


def _until(condition: Callable[[], bool]) -> None:
    stop = threading.Event()
    for _ in range(2000):
        if condition():
            return
        stop.wait(0.01)
    raise AssertionError("it never came true")


def test_one_that_trickles_takes_one_place_only(archive: Archive) -> None:
    with Beside(public_application(archive), "127.0.0.1", 0) as server:
        parts = urlsplit(server.url)
        with ExitStack() as stack:
            answers = []
            for _ in range(2):
                line = stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=20))
                line.sendall(b"POST /reports HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
                answers.append(line)
            assert answers[1].recv(12) == b"HTTP/1.1 503"
    assert reports._AT_ONCE > 1
