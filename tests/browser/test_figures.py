"""Plots in a browser: drawings for each theme and width, their numbers, and all of it without script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import OpenWindow
from tests.web.room.drawn_figures import drawn_archive
from tests.web.room.visits import Visit, visiting

pytestmark = [pytest.mark.ledger, pytest.mark.once("about what is drawn")]


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    with visiting(drawn_archive(tmp_path_factory.mktemp("figures") / "archive")) as opened:
        yield opened


def drawing(page: Page) -> tuple[str, int]:
    """Return the address of the drawing that is shown first, and its width as it came."""
    image = page.locator("picture img").first
    image.evaluate("async image => { image.loading = 'eager'; await image.decode(); }")
    return image.evaluate("image => image.currentSrc"), image.evaluate("image => image.naturalWidth")


@pytest.mark.parametrize(
    ("theme", "width", "drawn"),
    [("light", 1280, 720), ("dark", 1280, 720), ("light", 320, 350), ("dark", 320, 350)],
)
def test_a_plot_is_shown_for_the_theme_and_the_width(
    visit: Visit, window: OpenWindow, theme: str, width: int, drawn: int
) -> None:
    page = window(f"{visit.url}fr/figures/copies-over-time", width=width, theme=theme).page
    address, natural = drawing(page)
    assert address.endswith(f"-{theme}.svg")
    assert natural == drawn
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    for path in ("fr/figures/copies-over-time", "en/figures"):
        page.goto(visit.url + path)
        assert Axe().run(page).violations_count == 0


def test_plots_are_seen_and_taken_away_without_script(visit: Visit, window: OpenWindow) -> None:
    page = window(f"{visit.url}en/figures", script=False).page
    page.get_by_role("link", name="Countries").click()
    assert page.get_by_role("img", name="Releases by country").is_visible()
    assert page.get_by_role("row", name="France 1,234").is_visible()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Countries, CSV").click()
    assert coming.value.suggested_filename == "countries.csv"
    assert "FR,1234" in coming.value.path().read_text()
