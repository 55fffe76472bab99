"""The how-to for hosting, followed: the room behind nginx and behind Caddy, as the page configures them."""

from __future__ import annotations

import re
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from phonotheque.vault.archive import Archive
from phonotheque.web.guard import ANYBODY
from phonotheque.web.room.app import reading_room
from phonotheque.web.server import Beside, listen
from tests.conftest import ROOT
from tests.tools import client

pytestmark = pytest.mark.once("about web servers")

NAME = "archive.example.org"
PAGE = (ROOT / "docs" / "how-to" / "host-the-reading-room.md").read_text()
PATIENCE = 30.0  # seconds


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture
def proxied(archive: Archive) -> Archive:
    """An archive with the settings that the page asks for."""
    serve = replace(archive.settings.serve, trusted_proxies=("127.0.0.1",))
    return replace(archive, settings=replace(archive.settings, serve=serve))


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate and its key for NAME, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    kind = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()))
    return public, private


def free_port() -> int:
    with listen("127.0.0.1", 0) as socket:
        return int(socket.getsockname()[1])


@contextmanager
def nginx(folder: Path, room: int, port: int, public: Path, private: Path) -> Iterator[None]:
    """Run nginx with the page's server, on another port and with another certificate."""
    server = block("nginx")
    for there, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"/etc/ssl/{NAME}.pem", str(public)),
        (f"/etc/ssl/private/{NAME}.key", str(private)),
        ("127.0.0.1:8750", f"127.0.0.1:{room}"),
    ):
        assert there in server
        server = server.replace(there, here)
    kept = "".join(
        f"{what}_temp_path {folder}/{what};\n"
        for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/log;\nevents {{}}\n"
        f"http {{ access_log off;\n{kept}{server} }}\n"
    )
    with running(client("nginx", must=True), "-e", folder / "log", "-c", config, "-p", folder):
        yield


@contextmanager
def caddy(folder: Path, room: int, port: int, public: Path, private: Path) -> Iterator[None]:
    """Run Caddy with the page's site, on another port and with a certificate that it need not fetch."""
    site = block("caddyfile")
    assert site.startswith(f"{NAME} {{\n")
    assert "127.0.0.1:8750" in site
    site = site.replace(f"{NAME} {{\n", f"https://{NAME}:{port} {{\n\ttls {public} {private}\n")
    site = site.replace("127.0.0.1:8750", f"127.0.0.1:{room}")
    config = folder / "Caddyfile"
    config.write_text(f"{{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}}\n{site}")
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    words = ("run", "--config", config, "--adapter", "caddyfile")
    with running(client("caddy", must=True), *words, env=home):
        yield


@contextmanager
def running(*words: object, env: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(
        [*map(str, words)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield
        assert process.poll() is None, process.communicate()[0]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("server", [nginx, caddy], ids=["nginx", "caddy"])
def test_the_room_behind_a_web_server(
    proxied: Archive, tmp_path: Path, server: Callable[..., AbstractContextManager[None]]
) -> None:
    public, private = certificate(tmp_path)
    (proxied.public / "targets").mkdir(parents=True, exist_ok=True)
    (proxied.public / "targets" / "sample.json").write_bytes(b"1" * 1000)
    port = free_port()
    with (
        Beside(reading_room(proxied, ANYBODY), "127.0.0.1", 0) as room,
        server(tmp_path, room.port, port, public, private),
    ):
        pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            port,
            ca_certs=str(public),
            assert_hostname=NAME,
            server_hostname=NAME,
            headers={"Host": NAME},
            retries=False,
        )
        page = once(pool, "/")
        assert (page.status, page.headers["location"]) == (303, "/en/")
        page = pool.request("GET", "/fr/")
        assert page.status == 200
        assert b'<html lang="fr">' in page.data
        assert page.headers["content-security-policy"].count("default-src") == 1
        assert page.headers["cache-control"] == "no-cache"
        part = pool.request("GET", "/targets/sample.json", headers={"Host": NAME, "Range": "bytes=0-99"})
        assert (part.status, len(part.data)) == (206, 100)


def once(pool: urllib3.HTTPSConnectionPool, path: str) -> urllib3.BaseHTTPResponse:
    """Ask until the server answers at all."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return pool.request("GET", path, redirect=False)
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ProtocolError, ssl.SSLError):
            assert time.monotonic() < end
            time.sleep(0.05)
