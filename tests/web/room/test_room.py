"""What all pages of the room have in common."""

from __future__ import annotations

from importlib.resources import files

import pytest
from babel.messages.extract import extract_from_dir

from phonotheque.vault.archive import Archive
from phonotheque.web.palette import DARK, LIGHT, variables
from phonotheque.web.room.headers import POLICY
from phonotheque.web.room.languages import catalogs, preferred, translations
from tests.web.room.visits import visiting

_METHODS = [("**.py", "python"), ("**.html.j2", "jinja2.ext:babel_extract")]
_OPTIONS = {"**.html.j2": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}}


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("de, en;q=0.4, fr;q=0.6", "fr"),
        ("fr;q=0, en;q=0.1", "en"),
        ("fr;q=x, *", "en"),
        ("ja", "en"),
    ],
)
def test_the_language_a_browser_prefers_is_taken(accepted: str, language: str) -> None:
    assert preferred(accepted) == language


def test_the_door_leads_to_the_visitors_language(archive: Archive) -> None:
    with visiting(archive) as visit:
        answer = visit.ask("", headers={"Accept-Language": "fr"})
        assert (answer.status, answer.headers["location"]) == (303, "/fr/")
        assert answer.headers["vary"] == "Accept-Language"
        assert '<html lang="fr">' in visit.text("fr/")
        assert '<html lang="en">' in visit.text("en/")


def test_every_page_forbids_what_it_does_not_need(archive: Archive) -> None:
    with visiting(archive) as visit:
        for path in ("en/", "en/search?q=a", "en/there-is-none", "fr/recording/none"):
            assert visit.ask(path).headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY


def test_the_public_tree_is_behind_the_room(archive: Archive) -> None:
    with visiting(archive) as visit:
        assert visit.ask("healthz").data == b"ok\n"
        assert visit.ask("bags/none").status == 404


def test_files_of_the_program_never_change_at_their_address(archive: Archive) -> None:
    with visiting(archive) as visit:
        address = visit.text("en/").partition('rel="stylesheet" href="/')[2].partition('"')[0]
        answer = visit.ask(address)
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/css; charset=utf-8"
        assert "immutable" in answer.headers["cache-control"]
        for path in (
            "static/x/../state.py",
            "static/x/%2e%2e/state.py",
            "static/x/none.js",
            "static/x/vendor",
        ):
            assert visit.ask(path).status == 404


def test_pages_have_the_colours_that_plots_have() -> None:
    style = (files("phonotheque.web.room") / "static" / "room.css").read_text()
    assert variables(LIGHT) in style
    assert variables(DARK) in style


def _written() -> set[str | tuple[str, ...]]:
    """Return every sentence of templates and code that is to be told in the visitor's language."""
    found: set[str | tuple[str, ...]] = set()
    for folder in ("room", "looking", "staff"):
        place = str(files("phonotheque.web") / folder)
        keywords = {"_": None, "gettext": None, "ngettext": (1, 2), "_n": (1, 2)}
        for _, _, message, _, _ in extract_from_dir(place, _METHODS, _OPTIONS, keywords=keywords):
            found.add(message)
    return found


def test_every_sentence_is_told_in_french() -> None:
    told = {message.id for catalog in catalogs("fr") for message in catalog if message.id and message.string}
    written = _written()
    missing = {each for each in written if each not in told and each != ""}
    assert not missing, missing
    unused = {each for each in told if each not in written}
    assert not unused, unused


def test_french_counts_none_as_one() -> None:
    french = translations("fr")
    assert [french.plural(number) for number in (0, 1, 2)] == [0, 0, 1]
