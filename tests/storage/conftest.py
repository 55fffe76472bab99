from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.storage.proxy import Proxy, proxying
from tests.storage.server import CREDENTIALS, Server, swift


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real S3 server, shared by the tests of one process: each makes buckets of its own."""
    with swift(tmp_path_factory.mktemp("swift")) as running:
        yield running


@pytest.fixture
def proxy(server: Server, credentials: None) -> Iterator[Proxy]:
    """A proxy in front of the server, of this test alone."""
    with proxying(server.port) as passing:
        yield passing


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let only the server's credentials be found, and none of whoever runs the tests."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    nothing = str(tmp_path_factory.mktemp("aws") / "nothing")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, nothing)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
