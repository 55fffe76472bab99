"""The pages of releases and artists, and of the rules of rights."""

from __future__ import annotations

import pytest

from phonotheque.rights.listed import LISTED
from phonotheque.vault.archive import Archive
from tests.web.room.archives import ARTIST_MBID, BARCODE, RELEASE_MBID, SITE
from tests.web.room.looking_at import described, links, words
from tests.web.room.visits import visiting


def test_a_release_has_its_tracks_in_order_on_their_discs(library: Archive) -> None:
    with visiting(library) as visit:
        shown = visit.text(f"en/release/{RELEASE_MBID}")
        answer = visit.ask(f"en/release/{BARCODE}")
    assert (answer.status, answer.headers["location"]) == (308, f"/en/release/{RELEASE_MBID}")
    told = words(shown)
    assert told.startswith("Release First Light Ensemble Aurore")
    assert f"Label Aurore Records AUR 1 Barcode {BARCODE}" in told
    order = [told.index(text) for text in ("Disc 1", "Opening", "Second Air", "Disc 2", "Never Held")]
    assert order == sorted(order)
    assert {"/en/label/Aurore%20Records", "/en/source/musicbrainz"} <= links(shown)
    said = described(shown)
    assert said["@type"] == "MusicRelease"
    assert said["url"] == f"{SITE}en/release/{RELEASE_MBID}"
    assert said["track"]["itemListElement"][0]["item"]["name"] == "Opening"


def test_a_release_can_be_played(library: Archive) -> None:
    with visiting(library) as visit:
        shown = visit.text(f"fr/release/{RELEASE_MBID}")
    assert "data-play-all" in shown
    assert shown.count("/stream/") >= 3


def test_an_artist_has_recordings_names_and_identifiers(library: Archive) -> None:
    with visiting(library) as visit:
        shown = visit.text(f"fr/artist/{ARTIST_MBID}")
        answer = visit.ask("en/artist/isni:0000000121032683")
    assert (answer.status, answer.headers["location"]) == (308, f"/en/artist/{ARTIST_MBID}")
    told = words(shown)
    assert told.startswith("Artiste Ensemble Aurore Type Groupe Pays France Autres noms Aurora Ensemble")
    assert "https://isni.org/isni/0000000121032683" in links(shown)
    assert told.index("Opening") < told.index("Second Air")  # the most listened first
    assert described(shown)["sameAs"] == ["https://isni.org/isni/0000000121032683"]


def test_what_is_something_else_is_led_to(library: Archive) -> None:
    with visiting(library) as visit:
        answer = visit.ask(f"en/release/{ARTIST_MBID}")
        assert (answer.status, answer.headers["location"]) == (308, f"/en/artist/{ARTIST_MBID}")
        for path in ("en/release/none", "fr/artist/none", "en/rights/none"):
            assert visit.ask(path).status == 404


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_rule_has_a_page(archive: Archive, language: str) -> None:
    with visiting(archive) as visit:
        listed = links(visit.text(f"{language}/rights"))
        assert {f"/{language}/rights/{name}" for name in LISTED} <= listed
        for name, rule in LISTED.items():
            told = words(visit.text(f"{language}/rights/{name}"))
            assert rule.title[language == "fr"] in told, name


def test_a_rule_says_what_it_answers_and_by_which_law(archive: Archive) -> None:
    with visiting(archive) as visit:
        licence = words(visit.text("en/rights/cc-by-nc"))
        assert "Where it comes from: the licence itself" in licence
        assert "to let it be heard yes attribution, non-commercial" in licence
        term = words(visit.text("fr/rights/us-recording-1923-1946"))
        assert "États-Unis : libre dès le 1er janvier 2047" in term
        assert "17 USC 1401(a)(2)(B)(ii)" in term
