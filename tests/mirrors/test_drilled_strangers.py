"""Drills of mirrors of which nothing is known but what they reported: where they may be, and who they are."""

from __future__ import annotations

import http.server
import ipaddress
import socket
import ssl
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from phonotheque.ledger.mirrors import all_mirrors
from phonotheque.ledger.proofs import Outcome, proofs_of_bag
from phonotheque.mirrors import reach
from phonotheque.mirrors.asking import Respondent
from phonotheque.mirrors.drilling import Asked, Terms, drill
from phonotheque.mirrors.drills import mirrors_to_ask, own_tree, record_drill
from phonotheque.mirrors.health import look
from phonotheque.mirrors.reach import Reach, is_public, literal, resolve
from phonotheque.mirrors.report import ReportedBag
from phonotheque.model.errors import NetworkError
from phonotheque.model.settings import HealthSettings, PublishSettings
from phonotheque.vault.archive import Archive, timestamp
from tests.conftest import MakeArchive
from tests.mirrors.mirror_publisher import Publisher, served
from tests.mirrors.reported import Somebody, ago, publishing

BAGS = frozenset(("audio-1", "audio-2", "catalogue-1"))
TERMS = Terms("a seed", bags=3, blocks=2, files=0)
OUT_THERE = "198.41.0.4"


@pytest.fixture
def archive(published: Publisher, make_archive: MakeArchive) -> Archive:
    """A publisher with a ledger, and mirrors in one room."""
    made = make_archive(folder=published.folder)
    settings = replace(made.settings, health=HealthSettings(private_addresses=True))
    return publishing(replace(made, settings=settings), {bag.id: bag.bytes for bag in published.bags})


def names(monkeypatch: pytest.MonkeyPatch, **known: str) -> None:
    """Resolve these names so (dots are underscores); numbers as ever, others not at all."""
    by_name = {name.replace("_", "."): address for name, address in known.items()}
    resolved = socket.getaddrinfo

    def answer(host: str, port: int | None, *more: object, **named: object) -> object:
        try:
            number = str(ipaddress.ip_address(host))
        except ValueError:
            if host not in by_name:
                raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
            number = by_name[host]
        return resolved(number, port, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def test_many_names_for_one_machine_are_one_copy(
    archive: Archive, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, one_example="127.0.0.1", two_example="127.0.0.1")
    mirrors = [Somebody(name) for name in ("one", "two", "three")]
    with served(published.public) as web:
        port = web.url.rpartition(":")[2]
        for mirror, host in zip(mirrors, ("one.example", "two.example", "127.0.0.1"), strict=True):
            mirror.tells(archive, [], web=f"http://{host}:{port}/")
        with own_tree(str(archive.folder)) as own:
            own = replace(own, archive=archive)
            asked = [replace(mirror, claims=BAGS) for mirror in mirrors_to_ask(own, [])]
            results = drill(asked, own.bags, own.torrent, TERMS)
    assert {bag.outcome for found in results for bag in found.bags} == {Outcome.PROVED}
    assert {found.answered_at for found in results} == {f"127.0.0.1:{port}"}
    record_drill(archive, results, TERMS, at=ago(days=-1))
    with archive.ledger.connect() as ledger:
        assert len(proofs_of_bag(ledger, "audio-1")) == 3
    assert {bag.count.proven for bag in look(archive, at=ago(days=-1)).bags} == {1}


def test_the_host_that_was_named_is_asked_for(published: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, one_example="127.0.0.1")
    with served(published.public) as web, own_tree(str(published.public)) as own:
        port = web.url.rpartition(":")[2]
        (found,) = drill([Asked("one", f"http://one.example:{port}/")], own.bags, own.torrent, TERMS)
        (gone,) = drill(
            [Asked("two", f"http://two.example:{port}/", None, BAGS)], own.bags, own.torrent, TERMS
        )
    assert {bag.outcome for bag in found.bags} == {Outcome.PROVED}
    assert {bag.outcome for bag in gone.bags} == {Outcome.UNREACHABLE}
    assert "could not be resolved" in gone.bags[0].why
    assert gone.answered_at == ""


def certificate(host: str, folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for this host, by nobody but itself, and what a server needs to show it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    begins = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    shown, own = folder / "shown.pem", folder / "key.pem"
    shown.write_bytes(made.public_bytes(Encoding.PEM))
    own.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, own)
    return shown, context


def test_a_certificate_must_be_of_the_host_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, one_example="127.0.0.1", two_example="127.0.0.1")
    shown, context = certificate("one.example", tmp_path)
    hosts = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

        def do_GET(self) -> None:
            hosts.append((self.headers["Host"], self.path))
            self.send_response(200)
            self.send_header("Content-Length", "1")
            self.end_headers()
            self.wfile.write(b"x")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            one, two = (
                Respondent(f"https://{host}.example:{port}/m/", limit=10.0) for host in ("one", "two")
            )
            with pytest.raises(NetworkError, match="CERTIFICATE_VERIFY_FAILED"):
                one.shows("a b")
            monkeypatch.setenv("SSL_CERT_FILE", str(shown))
            assert one.shows("a b")
            with pytest.raises(NetworkError, match=r"two\.example"):
                two.shows("a b")
        finally:
            server.shutdown()
            thread.join()
    assert hosts == [(f"one.example:{port}", "/m/a%20b")]
    assert (one.answered_at, two.answered_at) == (f"127.0.0.1:{port}", "")


def test_a_name_that_leads_into_our_own_network_or_to_ourselves_is_not_asked(
    archive: Archive, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, inside_example="127.0.0.1", ours_example=OUT_THERE, archive_example=OUT_THERE)
    published_at = PublishSettings(url="https://archive.example/")
    settings = replace(archive.settings, health=HealthSettings(), publish=published_at)
    shut = replace(archive, settings=settings)
    with served(published.public) as web:
        port = web.url.rpartition(":")[2]
        for host in ("inside.example", "ours.example"):
            Somebody(host).tells(shut, [], web=f"http://{host}:{port}/")
        with own_tree(str(archive.folder)) as opened:
            own = replace(opened, archive=shut)
            asked = [replace(mirror, claims=BAGS) for mirror in mirrors_to_ask(own, [])]
            results = drill(asked, own.bags, own.torrent, TERMS)
            by_hand = [
                replace(mirror, claims=BAGS)
                for mirror in mirrors_to_ask(own, [f"http://inside.example:{port}"])
            ]
            (named,) = drill(by_hand, own.bags, own.torrent, TERMS)
    assert web.bag_bytes > 0
    assert {bag.outcome for found in results for bag in found.bags} == {Outcome.UNREACHABLE}
    whys = [found.bags[0].why for found in results]
    assert "inside somebody's own network" in whys[0]
    assert "where this archive is itself" in whys[1]
    assert {bag.outcome for bag in named.bags} == {Outcome.PROVED}  # who names it knows whose it is


def test_without_its_own_address_known_an_archive_asks_no_strangers(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch)
    published_at = PublishSettings(url="https://archive.example/")
    settings = replace(archive.settings, health=HealthSettings(), publish=published_at)
    shut = replace(archive, settings=settings)
    Somebody("one").tells(shut, [], web="https://one.example/")
    with own_tree(str(archive.folder)) as own, pytest.raises(NetworkError, match="could not be resolved"):
        mirrors_to_ask(replace(own, archive=shut), [])


def test_who_names_anothers_address_does_not_take_its_place(archive: Archive, published: Publisher) -> None:
    honest, thief = Somebody("honest"), Somebody("thief")
    (entry,) = (bag for bag in published.bags if bag.id == "audio-1")
    held = (ReportedBag("audio-1", entry.bytes, timestamp(ago(days=3)), whole=True),)
    honest.tells(archive, bags=held, web="https://honest.example/m", at=ago(days=2))
    thief.tells(archive, [], web="https://honest.example/m/", at=ago(days=1))
    for number in range(10):
        Somebody(f"more-{number}").tells(archive, [], web="https://honest.example/m/")
    with own_tree(str(archive.folder)) as own:
        own = replace(own, archive=archive)
        asked = mirrors_to_ask(own, [])
        named = mirrors_to_ask(own, ["https://honest.example/m"])
    assert [mirror.mirror for mirror in asked][:2] == [honest.id, thief.id]
    assert len(asked) == 3  # whoever says so makes us ask no more often than that
    assert asked[0].claims == frozenset({"audio-1"})
    assert [mirror.mirror for mirror in named] == [honest.id]
    with archive.ledger.connect() as ledger:
        assert len(all_mirrors(ledger)) == 12


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("8.8.8.8", True),
        ("2a00:1450::1", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True),
        ("239.1.1.1", False),
        ("::", False),
    ],
)
def test_what_is_out_in_the_internet(host: str, public: bool) -> None:
    number = literal(host)
    assert number is not None
    assert is_public(number) is public


def test_this_machine_is_known_by_any_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "is_public", lambda _address: True)
    with pytest.raises(NetworkError, match="where this archive is itself"):
        resolve("127.0.0.1", 80, Reach(anywhere=False))
    assert resolve(OUT_THERE, 80, Reach(anywhere=False)) == [OUT_THERE]
