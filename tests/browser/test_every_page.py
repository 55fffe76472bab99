"""Every kind of page in a browser: for people who cannot see it, on a phone, in the dark."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from phonotheque.vault.archive import Archive
from tests.browser.conftest import OpenWindow
from tests.browser.kinds import KINDS, pages_by_kind
from tests.web.room.visits import visiting

_RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


@pytest.mark.parametrize(("theme", "language", "width"), [("light", "en", 1280), ("dark", "fr", 320)])
def test_pages_are_for_everybody(
    library: Archive, window: OpenWindow, theme: str, language: str, width: int
) -> None:
    """No violation that axe knows of, no scrolling sideways, no error, nothing asked of other sites."""
    with visiting(library) as visit:
        pages = pages_by_kind(visit, language)
        assert pages.keys() >= KINDS
        opened = window(visit.url + f"{language}/", width=width, theme=theme, language=language)
        wrong = {}
        for kind, path in sorted(pages.items()):
            opened.page.goto(visit.url + path.removeprefix("/"))
            found = Axe().run(opened.page, options=_RULES)
            told = [
                f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
                for one in found.response["violations"]
                for node in one["nodes"]
            ]
            if opened.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                told.append("it is wider than the screen")
            if told:
                wrong[kind] = told
        assert not wrong, "\n".join(f"{kind}: {line}" for kind, lines in wrong.items() for line in lines)
