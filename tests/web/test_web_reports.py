"""Reports over HTTP, from mirrors and from those who only want to be a nuisance."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
import urllib3

from phonotheque.ledger.mirrors import all_mirrors
from phonotheque.mirrors.copies import COPIES, read_copies
from phonotheque.mirrors.report import MAX_REPORT_BYTES
from phonotheque.mirrors.reporting import send_report
from phonotheque.model.errors import BusyError, NetworkError, VerificationError
from phonotheque.model.settings import HealthSettings, MirrorSettings
from phonotheque.vault.archive import Archive, now
from phonotheque.web.reports import Rate
from phonotheque.web.serve import public_application
from phonotheque.web.server import Beside
from tests.conftest import MakeArchive
from tests.mirrors.reported import Somebody, publishing

A, B = Somebody("a"), Somebody("b")


@pytest.fixture
def archive(archive: Archive) -> Archive:
    return publishing(archive)


@contextmanager
def serving(archive: Archive) -> Iterator[str]:
    with Beside(public_application(archive), "127.0.0.1", 0) as server:
        yield f"{server.url}reports"


def mirrors_of(archive: Archive) -> list[str]:
    with archive.ledger.connect() as ledger:
        return [mirror.id for mirror in all_mirrors(ledger)]


def test_a_report_is_taken_and_copies_are_counted(archive: Archive) -> None:
    with serving(archive) as address:
        again = A.report(["bag-1"], at=now())
        said = json.loads(send_report(address, again))
        assert (said["mirror"], said["bags"], said["first"]) == (A.id, 1, True)
        send_report(address, B.report(["bag-1", "bag-2"], at=now()))
        assert json.loads(send_report(address, again))["mirror"] == A.id
        shown = urllib3.request("GET", address.replace("reports", COPIES)).data
    copies = read_copies(shown)
    assert [copies.of(bag).claimed for bag in ("bag-1", "bag-2", "bag-3")] == [2, 1, 0]
    assert {copies.of(bag).proven for bag in copies.bags} == {0}


def test_what_is_refused_is_refused_with_its_reason_and_leaves_nothing(archive: Archive) -> None:
    forged = A.report(["bag-1"], at=now()).replace(b'"bag-1"', b'"bag-2"')
    with serving(archive) as address:
        for data, said in (
            (forged, "signature does not fit"),
            (b"{}", "not of the format"),
            (A.report(archive="0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c", at=now()), "another archive"),
        ):
            with pytest.raises(VerificationError, match=said):
                send_report(address, data)
        assert mirrors_of(archive) == []
        send_report(address, A.report([], at=now()))
        with pytest.raises(VerificationError, match="409: The report is of 2026-01-01"):
            send_report(address, A.report([], time="2026-01-01T00:00:00Z"))


def test_an_archive_that_is_busy_is_asked_again_later(archive: Archive) -> None:
    with serving(archive) as address, archive.writing("add"):
        with pytest.raises(BusyError, match="503: The archive is being changed just now"):
            send_report(address, A.report(at=now()))
        answer = urllib3.request("POST", address, body=A.report(at=now()))
        assert (answer.status, answer.headers["retry-after"]) == (503, "600")
        assert str(archive.folder) not in answer.data.decode()
    assert mirrors_of(archive) == []


def test_a_ledger_that_cannot_be_read_is_nobodys_business(make_archive: MakeArchive) -> None:
    archive = make_archive("damaged")
    archive.public.mkdir()
    (archive.folder / "ledger.sqlite").write_bytes(b"no ledger at all" * 100)
    with serving(archive) as address, pytest.raises(BusyError, match="cannot record anything") as told:
        send_report(address, A.report(at=now()))
    assert str(archive.folder) not in told.value.message


@pytest.mark.parametrize(("reports", "refused"), [("nobody", "takes no reports"), ("known", "that it knows")])
def test_the_settings_say_whose_are_taken(archive: Archive, reports: str, refused: str) -> None:
    settings = replace(archive.settings, health=HealthSettings(reports=reports))
    with (
        serving(replace(archive, settings=settings)) as address,
        pytest.raises(VerificationError, match=f"403: .*{refused}"),
    ):
        send_report(address, A.report(at=now()))


def test_a_mirror_and_a_plain_server_take_none(archive: Archive) -> None:
    settings = replace(archive.settings, mirror=MirrorSettings(origin="https://example.org/"))
    with (
        serving(replace(archive, settings=settings)) as address,
        pytest.raises(NetworkError, match="takes no reports"),
    ):
        send_report(address, A.report(at=now()))


def test_nobody_listens_and_nothing_breaks() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NetworkError, match="did not take the report"):
        send_report(f"http://127.0.0.1:{port}/reports", b"{}")


def test_what_is_too_much_is_not_read_to_its_end(archive: Archive) -> None:
    with serving(archive) as address:
        too_long = {"Content-Length": str(MAX_REPORT_BYTES + 1)}
        answer = urllib3.PoolManager().request("POST", address, body=b"x", headers=too_long)
        assert answer.status == 413

        def endless() -> Iterator[bytes]:
            for _ in range(MAX_REPORT_BYTES // 65536 + 2):
                yield b"x" * 65536

        with suppress(urllib3.exceptions.HTTPError):  # it hangs up on who goes on
            assert urllib3.request("POST", address, body=endless()).status == 413
        assert urllib3.request("GET", address).status == 404
        assert urllib3.request("PUT", address, body=b"x").status == 405


def test_who_sends_too_often_waits(archive: Archive) -> None:
    with serving(archive) as address:
        pool = urllib3.PoolManager()
        answers = [pool.request("POST", address, body=b"{}", retries=False) for _ in range(62)]
    assert {answer.status for answer in answers[:60]} == {422}
    assert {answer.status for answer in answers[61:]} == {429}
    assert answers[-1].headers["retry-after"] == "600"


def test_a_bucket_fills_again_and_addresses_do_not_pile_up() -> None:
    rate = Rate(per_hour=2)
    assert [rate.allows("a", 0), rate.allows("a", 0), rate.allows("a", 0)] == [True, True, False]
    assert rate.allows("b", 0)
    assert [rate.allows("a", 1800), rate.allows("a", 1800)] == [True, False]
    for number in range(20_000):
        rate.allows(str(number), 1801)
    assert len(rate._left) == 10_000
