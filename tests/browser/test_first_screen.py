from __future__ import annotations

from phonotheque.vault.archive import Archive
from tests.browser.conftest import OpenWindow
from tests.web.room.visits import visiting


def test_the_language_is_switched(archive: Archive, window: OpenWindow) -> None:
    with visiting(archive) as visit:
        page = window(f"{visit.url}", language="fr").page
        assert page.url == f"{visit.url}fr/"
        page.get_by_role("link", name="English").click()
        page.wait_for_url(f"{visit.url}en/")
