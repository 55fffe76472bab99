"""The address of a proxy: read strictly, and never shown with its password."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.errors import UsageError
from phonotheque.model.proxies import Proxy, parse_proxy


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("", None),
        ("socks5://127.0.0.1:9050", Proxy("socks5", "127.0.0.1", 9050)),
        ("socks5h://proxy.example", Proxy("socks5", "proxy.example", 1080)),
        ("http://proxy.example/", Proxy("http", "proxy.example", 3128)),
        ("http://me:p%40ss@[2001:db8::1]:80", Proxy("http", "2001:db8::1", 80, "me", "p@ss")),
    ],
)
def test_proxies_are_read(text: str, proxy: Proxy | None) -> None:
    assert parse_proxy(text) == proxy


def test_names_are_left_to_the_proxy_and_the_password_is_shown_to_nobody() -> None:
    proxy = parse_proxy("socks5://me:p%40ss@proxy.example:99")
    assert proxy
    assert proxy.url == "socks5h://me:p%40ss@proxy.example:99"
    assert proxy.where == "socks5://proxy.example:99"


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:9050",
        "socks4://a:1",
        "https://secret@a:1",
        "http://",
        "http://a:0",
        "http://secret:x@a:99999",
        "http://[::1",
        "http://a/secret",
        "http://a?secret",
        f"socks5://{'u' * 256}:secret@a",
    ],
)
def test_what_is_no_proxy_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_proxy(text)
    assert "secret" not in str(refused.value)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(UsageError):
        parse_proxy(text)
