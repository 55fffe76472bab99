"""A proxy in one's own settings: no command that asks somebody else's servers goes around it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Phono
from tests.mirrors.mirror_publisher import Publisher, served

TO_FETCH = "ab" * 32


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The address of a proxy that does not answer."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        yield f"socks5://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    "words",
    [
        ("fetch", "URL", TO_FETCH, "--no-discovery"),
        ("restore", "URL", "archive", "--no-discovery"),
        ("mirror", "URL", "mirror", "--budget", "1GB", "--once", "--no-discovery"),
        ("mirror", "list", "URL"),
        ("audit", "URL"),
        ("drill", "URL", "--mirror", "URL"),
    ],
    ids=lambda words: " ".join(words[:2]).replace(" URL", ""),
)
def test_nothing_goes_around_the_proxy_of_ones_settings(
    phono: Phono,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    nowhere: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    if words[:2] == ("mirror", "list"):
        file = tmp_path / "config" / "phonotheque" / "config.toml"
        file.parent.mkdir(parents=True)
        file.write_text(f'[mirror]\nproxy = "{nowhere}"\n')
    else:
        monkeypatch.setenv("PHONOTHEQUE_MIRROR_PROXY", nowhere)
    publisher = Publisher(tmp_path / "publisher")
    publisher.bag("audio-1")
    publisher.publish(1)
    with served(publisher.public) as web:
        ran = phono(*(web.url if word == "URL" else word for word in words))
        assert not web.sent
    assert ran.code in (2, 5), ran.err
    assert "SOCKS" in ran.err or "proxy" in ran.err
