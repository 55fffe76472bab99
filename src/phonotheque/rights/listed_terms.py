"""The rules of terms of protection: what each is about, and examples of what it decides.

They are part of rights/listed.py.
"""

from __future__ import annotations

from typing import Final

from phonotheque.model.rights import NEVER, Covers, Dates, Kind
from phonotheque.rights.listing import Example, Group, ListedRule, stating


def _term(
    name: str, english: str, french: str, *dates: Dates, work: Covers = Covers.RECORDING, country: str = ""
) -> ListedRule:
    where = country or ("US" if name.startswith("us-") else "DE")
    group = Group.US if name.startswith("us-") else Group.EU
    examples = tuple(Example(stating(Kind.DATES, dates=one, covers=work), work, where) for one in dates)
    return ListedRule(name, group, (english, french), examples)


_MUSIC: Final = Covers.COMPOSITION
US: Final = (
    _term(
        "us-recording-before-1923",
        "Recordings published before 1923",
        "Enregistrements publiés avant 1923",
        Dates(published="1922-12-31"),
    ),
    _term(
        "us-recording-1923-1946",
        "Recordings published from 1923 to 1946",
        "Enregistrements publiés de 1923 à 1946",
        Dates(published="1923-01-01"),
        Dates(published="1946-12-31"),
    ),
    _term(
        "us-recording-1947-1956",
        "Recordings published from 1947 to 1956",
        "Enregistrements publiés de 1947 à 1956",
        Dates(published="1947-01-01"),
        Dates(published="1956-12-31"),
    ),
    _term(
        "us-recording-before-1972",
        "Other recordings fixed before 15 February 1972",
        "Autres enregistrements fixés avant le 15 février 1972",
        Dates(published="1957-01-01"),
        Dates(fixed="1972-02-14", published=NEVER),
    ),
    _term(
        "us-recording",
        "Recordings of which a publication is not known",
        "Enregistrements dont la publication est inconnue",
        Dates(fixed="1930"),
    ),
    _term(
        "us-published-before-1923",
        "Compositions published before 1923",
        "Compositions publiées avant 1923",
        Dates(published="1922-12-31"),
        work=_MUSIC,
    ),
    _term(
        "us-published-before-1978",
        "What was published from 1923 to 1977",
        "Ce qui fut publié de 1923 à 1977",
        Dates(published="1930"),
        Dates(published="1977-12-31"),
        work=_MUSIC,
    ),
    _term(
        "us-life",
        "What was made from 1978 on: its makers’ lives",
        "Ce qui fut créé à partir de 1978 : la vie des auteurs",
        Dates(published="1978-01-01", fixed="1978", for_hire=False, deaths=(1979,), all_deaths=True),
        work=_MUSIC,
    ),
    _term(
        "us-for-hire",
        "Works made for hire, or anonymous",
        "Œuvres faites sur commande, ou anonymes",
        Dates(published="2010", fixed="1985", for_hire=True),
        Dates(published="2011", fixed="1985", anonymous=True),
        work=_MUSIC,
    ),
    _term(
        "us-303",
        "What was made before 1978 and not published by then",
        "Ce qui fut créé avant 1978 et non publié jusque-là",
        Dates(fixed="1900", published=NEVER, for_hire=False, deaths=(1931,), all_deaths=True),
        Dates(fixed="1900", published="2002", for_hire=False, deaths=(1931,), all_deaths=True),
        work=_MUSIC,
    ),
    _term(
        "us-composition",
        "Compositions of which a publication is not known",
        "Compositions dont la publication est inconnue",
        Dates(deaths=(1750,), all_deaths=True),
        work=_MUSIC,
    ),
)
EU: Final = (
    _term(
        "eu-phonogram-published-before-1963",
        "Recordings published before 1963",
        "Enregistrements publiés avant 1963",
        Dates(published="1962-12-31", country="FR"),
    ),
    _term(
        "eu-phonogram-published",
        "Recordings published from 1963 on",
        "Enregistrements publiés à partir de 1963",
        Dates(published="1963-01-01", country="FR"),
        Dates(published="1963-01-01", country="US"),
    ),
    _term(
        "eu-phonogram-communicated-before-1963",
        "Recordings broadcast before 1963, never published",
        "Enregistrements diffusés avant 1963, jamais publiés",
        Dates(fixed="1960", communicated="1962", published=NEVER, country="FR"),
    ),
    _term(
        "eu-phonogram-communicated",
        "Recordings broadcast from 1963 on, never published",
        "Enregistrements diffusés à partir de 1963, jamais publiés",
        Dates(fixed="1960", communicated="1963", published=NEVER, country="FR"),
    ),
    _term(
        "eu-phonogram-unreleased",
        "Recordings neither published nor broadcast in time",
        "Enregistrements ni publiés ni diffusés à temps",
        Dates(fixed="1975", communicated=NEVER, published=NEVER, country="FR"),
    ),
    _term(
        "eu-phonogram-fixed",
        "Recordings of which only the fixation is known",
        "Enregistrements dont seule la fixation est connue",
        Dates(fixed="1912"),
        Dates(fixed="1913"),
    ),
    _term(
        "eu-phonogram",
        "Recordings of which a publication is not known",
        "Enregistrements dont la publication est inconnue",
        Dates(communicated="1950"),
    ),
    _term(
        "eu-life",
        "Compositions: 70 years after the authors’ deaths",
        "Compositions : 70 ans après la mort des auteurs",
        Dates(deaths=(1955,), all_deaths=True, country="DE"),
        Dates(deaths=(1937, 1956), all_deaths=True, with_words=True, country="DE"),
        work=_MUSIC,
    ),
    _term(
        "eu-first-published",
        "Compositions first published after their term",
        "Compositions publiées pour la première fois après leur terme",
        Dates(deaths=(1930,), all_deaths=True, published="2001", country="DE"),
        work=_MUSIC,
    ),
    _term(
        "eu-anonymous",
        "Compositions of nobody known",
        "Compositions anonymes",
        Dates(anonymous=True, published="1955", country="DE"),
        work=_MUSIC,
    ),
    _term(
        "eu-anonymous-unreleased",
        "Compositions of nobody known, never made available",
        "Compositions anonymes, jamais rendues accessibles",
        Dates(anonymous=True, fixed="1956", published=NEVER, communicated=NEVER, country="DE"),
        work=_MUSIC,
    ),
    _term(
        "eu-anonymous-fixed",
        "Compositions of nobody known, of which only the creation is known",
        "Compositions anonymes dont seule la création est connue",
        Dates(anonymous=True, fixed="1900", country="DE"),
        work=_MUSIC,
    ),
    _term(
        "fr-wars",
        "France: years added for the wars",
        "France : prorogations de guerre",
        Dates(deaths=(1937,), all_deaths=True, published="1920", communicated="1920"),
        work=_MUSIC,
        country="FR",
    ),
    _term(
        "es-80-years",
        "Spain: 80 years for those who died by 6 December 1987",
        "Espagne : 80 ans pour qui est mort au plus tard le 6 décembre 1987",
        Dates(deaths=(1945,), all_deaths=True, country="ES"),
        work=_MUSIC,
        country="ES",
    ),
)
