"""The page of a recording: what is known, from whom, what may be done with it, and how it is kept."""

from __future__ import annotations

import pytest

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.vault.archive import Archive
from phonotheque.web.guard import Visitors
from tests.web.room.archives import ARTIST_MBID, ISRCS, PUBLIC_REASON, RELEASE_MBID, SECRETS, SITE, Title
from tests.web.room.looking_at import described, head, links, words
from tests.web.room.visits import Visit, visiting

OPENING = "00000000-0000-4000-8000-0000000f0101"


@pytest.fixture(scope="module")
def ids(library: Archive) -> dict[Title, str]:
    """The ids of the recordings by title; of two with one title, that of the one with a file."""
    with Catalogue.open(library.catalogue) as catalogue:
        bearing = {title: catalogue.by_isrc(ISRCS[title]) for title in Title}
    return {title: max(hits, key=lambda hit: hit.files).id for title, hits in bearing.items()}


def page(visit: Visit, ids: dict[Title, str], title: Title, query: str = "", language: str = "en") -> str:
    return visit.text(f"{language}/recording/{ids[title]}{query}")


def test_it_says_what_is_known_and_who_says_so(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit:
        shown = page(visit, ids, Title.OPENING)
    told = words(shown)
    assert told.startswith("Recording Opening Ensemble Aurore")
    for fact in ("Length 0:12", "Composer Anne Exemple", f"ISRC {ISRCS[Title.OPENING]}", "Listens 48,211"):
        assert fact in told
    assert "counted by listens.csv, 21 November 2026" in told
    assert "This archive keeps 2 masters of it." in told
    found = links(shown)
    assert {f"/en/release/{RELEASE_MBID}", f"/en/artist/{ARTIST_MBID}", "/en/source/musicbrainz"} <= found
    assert sum(link.startswith("/en/accession/") for link in found) == 2  # of the folder, and of MusicBrainz


def test_other_names_lead_to_its_own_address(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit, Catalogue.open(library.catalogue) as catalogue:
        own = f"/fr/recording/{ids[Title.SECOND_AIR]}"
        sha256 = catalogue.show(ids[Title.SECOND_AIR]).files[0]  # type: ignore[union-attr]
        for name in (ids[Title.SECOND_AIR].upper(), sha256, sha256[:12]):
            answer = visit.ask(f"fr/recording/{name}")
            assert (answer.status, answer.headers["location"]) == (308, own)
        asked = visit.ask(f"en/recording/{ISRCS[Title.OPENING].lower()}?in=FR")
        assert asked.headers["location"] == f"/en/recording/{OPENING}?in=FR"
        other = visit.ask(f"en/recording/{RELEASE_MBID}")
        assert (other.status, other.headers["location"]) == (308, f"/en/release/{RELEASE_MBID}")


def test_what_there_is_not_is_said_in_words(library: Archive) -> None:
    with visiting(library) as visit:
        for path, status, said in (
            ("en/recording/none", 404, "There is no recording “none”."),
            ("fr/recording/none", 404, "Il n’y a pas d’enregistrement « none »."),
            (f"en/recording/{OPENING}?in=XX", 400, "“XX” names no country."),
            (f"en/recording/{OPENING}?on=tomorrow", 400, "“tomorrow” is no day."),
            (f"en/recording/{OPENING}?on=9999-12-31", 400, "is no day."),
            ("en/recording/%00", 404, "There is no recording"),
            (f"en/recording/{'x' * 2000}", 404, "There is no recording"),
        ):
            answer = visit.ask(path)
            assert answer.status == status, path
            assert said in words(answer.data.decode())


def test_rights_are_told_for_a_place_and_a_day(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit:
        world = words(page(visit, ids, Title.OLD_WAX))
        assert "Decided for: Worldwide" in world
        assert "A sound recording published in 1954 has 95 years and 15 more (17 USC 1401" in world
        france = page(visit, ids, Title.OLD_WAX, "?in=fr")
        assert "May it be heard? France: yes . It has been free in" in words(france)
        assert "/en/rights/eu-phonogram-published-before-1963" in links(france)
        early = words(page(visit, ids, Title.OLD_WAX, "?in=FR&on=2001-01-01", "fr"))
        assert "Décidé pour : France, le 1er janvier 2001" in early
        assert "Peut-on l’écouter ? France : non" in early
        assert "la réponse devient « oui » le" in early
        later = words(page(visit, ids, Title.OLD_WAX, "?in=US&on=2065-01-01"))
        assert "May it be passed on? United States: yes" in later


def test_a_visitor_is_told_of_their_own_country_first(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library, Visitors(all_in="FR")) as visit:
        told = page(visit, ids, Title.FRANCE)
        assert "Decided for: France" in words(told)
        assert "(attribution, non-commercial, no-derivatives)" in words(told)
        (link,) = [one for one in links(told) if one.startswith("/restricted/FR/bags/")]
        assert visit.ask(link[1:]).status == 200
    with visiting(library) as visit:
        told = page(visit, ids, Title.FRANCE)
        assert "not from where you are, today" in words(told)
        assert not [one for one in links(told) if "/bags/" in one]


def test_what_may_be_taken_has_its_credit_and_its_files(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit:
        told = page(visit, ids, Title.OPENING)
        credit = (
            "“Opening” by Ensemble Aurore. Creative Commons Attribution 4.0 "
            "(https://creativecommons.org/licenses/by/4.0/). 2024 Ensemble Aurore. "
            f"Source: {SITE}en/recording/{OPENING}. Unchanged."
        )
        assert credit in words(told)
        french = words(page(visit, ids, Title.OPENING, language="fr"))
        assert "« Opening », par Ensemble Aurore. Creative Commons Attribution 4.0" in french
        (link,) = [one for one in links(told) if one.startswith("/bags/")]
        answer = visit.ask(link[1:])
        assert (answer.status, answer.headers["content-type"]) == (200, "audio/flac")
        both = words(page(visit, ids, Title.HOSTILE))
        assert "This archive keeps 1 master and 1 access copy of it." in both
        assert "Re-encoded to Ogg Opus from the master." in both
        bag = link.split("/")[2]
        kept = f"{bag} : kept here, every byte of it verified since 24 November 2026."
        assert kept in words(told) or kept.replace(" :", ":") in words(told)
        assert "No mirror has proved that it holds it." in words(told)


def test_what_is_withdrawn_says_so_and_stays_a_page(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit:
        told = page(visit, ids, Title.TAKEN_BACK)
        assert "This recording was withdrawn on" in words(told)
        assert f"The reason: {PUBLIC_REASON}" in words(told)
        assert "Composer Anne Exemple" in words(told)
        assert not [one for one in links(told) if one.startswith(("/bags/", "/stream/"))]
        assert "/stream/" not in told
        assert "encoding" not in described(told)
        french = words(page(visit, ids, Title.TAKEN_BACK, language="fr"))
        assert "Cet enregistrement a été retiré le" in french


def test_what_nobody_allows_is_kept_and_not_shown(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit:
        told = page(visit, ids, Title.ONLY_KEPT)
        assert "kept, not published" in words(told)
        assert "May it be kept? Worldwide: yes" in words(told)
        assert "What it would take" in words(told)
        assert not [one for one in links(told) if one.startswith(("/bags/", "/restricted/"))]
        known = page(visit, ids, Title.NEVER_HELD)
        assert "It is known, and not held: no file of it was ever taken in here." in words(known)
        assert "Nothing of it is held here, so nothing had to be decided." in words(known)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nothing_private_is_on_any_page(library: Archive, ids: dict[Title, str], language: str) -> None:
    private = (*SECRETS, str(library.folder), "Loose/", "only-kept.flac", "Tests keep everything")
    with visiting(library) as visit:
        for title in Title:
            told = page(visit, ids, title, language=language)
            assert not [one for one in private if one in told], title


def test_titles_do_no_harm(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit:
        told = page(visit, ids, Title.HOSTILE)
    assert "<script>alert" not in told
    assert "\u202e" not in words(told)
    assert described(told)["name"] == Title.HOSTILE


def test_conflicts_are_told_in_words(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit:
        told = page(visit, ids, Title.SECOND_AIR)
        code = ISRCS[Title.SECOND_AIR]
        assert f"The ISRC {code} is on “Second Air” by Ensemble Aurore (0:08)" in words(told)
        assert "They are kept as two recordings." in words(told)
        assert "/en/recording/00000000-0000-4000-8000-0000000f0102" in links(told)
        french = words(page(visit, ids, Title.SECOND_AIR, language="fr"))
        assert f"L’ISRC {code} figure sur « Second Air », par Ensemble Aurore (0:08)" in french
        assert "La durée diffère. Ils restent deux enregistrements distincts." in french


def test_machines_are_told_what_it_is_and_where(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit:
        told = page(visit, ids, Title.OPENING)
        address = f"{SITE}en/recording/{OPENING}"
        assert f'<link rel="canonical" href="{address}">' in told
        assert f'hreflang="fr" href="/fr/recording/{OPENING}"' in told
        assert head(told, "og:title") == "Opening · Ensemble Aurore"
        assert head(told, "og:url") == address
        said = described(told)
        assert (said["@type"], said["url"], said["isrcCode"]) == (
            "MusicRecording",
            address,
            [ISRCS[Title.OPENING]],
        )
        (file,) = said["encoding"]
        assert file["contentUrl"].startswith(f"{SITE}bags/")
        assert file["license"] == ["https://creativecommons.org/licenses/by/4.0/"]
        (limited,) = described(page(visit, ids, Title.FRANCE))["encoding"]
        assert "/restricted/FR/" in limited["contentUrl"]


def test_an_archive_without_a_catalogue_has_no_recordings(archive: Archive) -> None:
    with visiting(archive) as visit:
        for kind in ("recording", "release", "artist"):
            assert visit.ask(f"en/{kind}/{OPENING}").status == 404


def test_every_rule_that_a_reason_names_has_a_page(library: Archive, ids: dict[Title, str]) -> None:
    with visiting(library) as visit:
        named = {
            link
            for title in Title
            for query in ("?in=FR", "?in=US", "?in=JP&on=2001-01-01")
            for link in links(page(visit, ids, title, query))
            if link.startswith("/en/rights/")
        }
        assert len(named) > 6
        assert {visit.ask(link[1:]).status for link in named} == {200}
