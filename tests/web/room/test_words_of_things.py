"""Sentences of the pages of things: how bags are kept, what is in doubt, what is on hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phonotheque.catalogue.conflicts import KINDS, explain
from phonotheque.catalogue.views import Conflict, Fact, Provenance
from phonotheque.editions.covering import covered_by
from phonotheque.editions.withdrawing import Asked, hold, request
from phonotheque.model.errors import VerificationError
from phonotheque.model.territory import NOWHERE, parse_territory
from phonotheque.vault.archive import Archive, open_archive, timestamp
from phonotheque.web.looking.voice import voice
from phonotheque.web.room.doubts import doubt
from phonotheque.web.room.keeping_words import held, kept_bag
from phonotheque.web.room.sounds import Kept
from phonotheque.web.room.standing import place
from phonotheque.web.room.things import by_field
from tests.postgresql import copy_tree
from tests.web.room.archives import SECOND, SECRETS
from tests.web.room.looking_at import links, words
from tests.web.room.visits import visiting

OPENING = "00000000-0000-4000-8000-0000000f0101"
BAG = Kept("b-1", "WORLD", True, "2026-11-24T09:00:00Z", 0, 0, 0, None)


HERE = (
    "kept here, every byte of it verified since 24 November 2026.",
    "conservé ici, chaque octet vérifié depuis le 24 novembre 2026.",
)
WRONG = (
    "kept here; when it was read last, something in it was wrong.",
    "conservé ici ; à la dernière lecture, quelque chose y était faux.",
)
STORED = "kept in storage.", "conservé dans un stockage."
UNPROVED = "No mirror has proved that it holds it.", "Aucun miroir n’a prouvé qu’il le détient."
COPIES = (
    "The archive has 2 more whole copies of it elsewhere.",
    "L’archive en a 2 autres copies entières ailleurs.",
)
PROVED = (
    "1 mirror has proved that it holds it, the last time on 1 November 2026.",
    "1 miroir a prouvé qu’il le détient, la dernière fois le 1er novembre 2026.",
)
SEVERAL = (
    "2 mirrors have proved that they hold it, the oldest of these proofs being of 2 November 2026.",
    "2 miroirs ont prouvé qu’ils le détiennent, la plus ancienne de ces preuves étant du 2 novembre 2026.",
)
CLAIMED = "3 mirrors say that they hold it.", "3 miroirs disent le détenir."


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, [HERE, UNPROVED]),
        (
            {"elsewhere": 2, "claimed": 3, "proven": 1, "proven_since": "2026-11-01T00:00:00Z"},
            [HERE, COPIES, PROVED, CLAIMED],
        ),
        (
            {"here": False, "elsewhere": 1, "claimed": 2, "proven": 2, "proven_since": "2026-11-02"},
            [STORED, SEVERAL],
        ),
        ({"checked_at": None}, [WRONG, UNPROVED]),
    ],
)
def test_how_a_bag_is_kept(changes: dict[str, Any], sentences: list[tuple[str, str]]) -> None:
    for index, language in enumerate(("en", "fr")):
        told = kept_bag(replace(BAG, **changes), voice(language), mirror=False)
        assert " ".join(told.split()) == " ".join(sentence[index] for sentence in sentences)


def test_what_a_mirror_holds_of_nothing() -> None:
    assert held([], voice("en"), mirror=True) == "This mirror holds no file of it."
    assert kept_bag(replace(BAG, here=False, counted=False), voice("en"), mirror=True) == (
        "not held by this mirror. How many mirrors hold it is not known here."
    )


DETAIL = {
    "titles": ["One", "Two"],
    "artists": ["Ann", "Bob"],
    "durations_ms": [180_000, 200_000],
    "disagree": ["duration", "artist", "speed"],
    "uncorroborated": True,
    "sources": ["a", "b"],
    "merged": False,
}


@pytest.mark.parametrize("kind", [*KINDS, "something-new"])
def test_a_doubt_is_told_in_both_languages(kind: str) -> None:
    for detail in (DETAIL, DETAIL | {"merged": True, "disagree": ["artist"]}, {}):
        conflict = Conflict(kind, "FRZ039800212", None, json.dumps(detail))
        assert doubt(conflict, "en") == explain(conflict)
        french = doubt(conflict, "fr")
        assert not french[0].islower()
        assert french.endswith(".")
        assert french.count(". ") == explain(conflict).count(". ")
        assert ("«\u00a0One\u00a0»" in french) == bool(detail)


def test_a_doubt_without_sense_is_damage() -> None:
    for language in ("en", "fr"):
        with pytest.raises(VerificationError):
            doubt(Conflict("isrc", "", None, "[]"), language)


@pytest.mark.parametrize(
    ("territory", "english", "french"),
    [
        ("WORLD", "Worldwide", "Monde entier"),
        ("DE FR", "France, Germany", "Allemagne, France"),
        ("EU US", "European Union, United States", "Union européenne, États-Unis"),
        ("WORLD -DE", "Everywhere but: Germany", "Partout sauf : Allemagne"),
    ],
)
def test_places_by_their_names(territory: str, english: str, french: str) -> None:
    assert place(parse_territory(territory), "en") == english
    assert " ".join(place(parse_territory(territory), "fr").split()) == french
    assert place(NOWHERE, "fr") == "Nulle part"


def test_what_is_reviewed_says_so_and_no_more(library: Archive, tmp_path: Path) -> None:
    copy_tree(library.folder, tmp_path / "archive")
    archive = open_archive(tmp_path / "archive")
    asked = Asked(SECRETS[0], SECRETS[2], (OPENING,), SECRETS[1], "a public sentence")
    one = request(archive, asked, covered_by(archive, asked.words), at=timestamp(SECOND))
    hold(archive, one.id, by=SECRETS[3], note=SECRETS[2], at=timestamp(SECOND))
    with visiting(archive) as visit:
        shown = visit.text(f"en/recording/{OPENING}")
    assert "A request to withdraw this recording is being reviewed since" in words(shown)
    assert "a public sentence" not in shown
    assert not [secret for secret in SECRETS if secret in shown]
    assert not [link for link in links(shown) if link.startswith(("/bags/", "/stream/"))]
    archive.close()


def test_long_lists_of_facts_are_cut() -> None:
    by = tuple(Provenance("mill", f"{number}", f"{number}") for number in range(3))
    facts = [Fact("date", f"{1900 + number}", by) for number in range(60)] + [Fact("title", "One", by[:1])]
    (date, dates, more), (title, titles, none) = by_field(facts)
    assert (date, len(dates), more, title, len(titles), none) == ("date", 50, 10, "title", 1, 0)
    assert [sayer.accession for sayer in dates[0].sayers] == ["0", "1", "2"]
