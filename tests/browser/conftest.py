"""A real browser, Debian's Chromium, in front of a reading room that a test opens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from tests.tools import tool
from tests.web.conftest import library, twin  # noqa: F401

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
_ENDED = "net::ERR_CONNECTION_REFUSED"  # a test has closed its server while the page was still asking
_PATIENCE = 20_000  # milliseconds until something must have come about


@dataclass
class Window:
    """A page in a browser, and what it should not have done: other sites asked, errors in the console."""

    page: Page
    elsewhere: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    meant: list[str] = field(default_factory=lambda: [_ENDED])  # parts of errors that are none


OpenWindow: TypeAlias = Callable[..., Window]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return Chromium without a window, which writes nowhere but in a folder of its own.

    As long as it is there, Playwright's event loop runs in this thread, and no other can.
    """
    program = tool("chromium", "chromium")
    home = tmp_path_factory.mktemp("chromium")
    places = {name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")}
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=_ARGUMENTS, env={**os.environ, **places}
        )
        yield started
        started.close()


@pytest.fixture
def window(browser: Browser, tmp_path: Path) -> Iterator[OpenWindow]:
    """A function that opens a page at an address: ``window(url, width=320, theme="dark", script=False)``.

    Afterwards no window may have asked another site for anything, nor have said an error.
    """
    opened: list[tuple[BrowserContext, Window]] = []

    def make(
        url: str, *, width: int = 1280, theme: str = "light", language: str = "en", script: bool = True
    ) -> Window:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if theme == "dark" else "light",
            locale=language,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        context.set_default_timeout(_PATIENCE)
        made = Window(context.new_page())
        opened.append((context, made))
        here = urlsplit(url).netloc

        def asked(request: Request) -> None:
            if urlsplit(request.url).netloc not in (here, ""):
                made.elsewhere.append(request.url)

        context.on("request", asked)
        made.page.on("console", lambda said: made.errors.append(said.text) if said.type == "error" else None)
        made.page.on("pageerror", lambda error: made.errors.append(str(error)))
        made.page.goto(url)
        return made

    yield make
    for context, _ in opened:
        context.close()
    for _, made in opened:
        assert not made.elsewhere
        assert not [error for error in made.errors if not any(part in error for part in made.meant)]
