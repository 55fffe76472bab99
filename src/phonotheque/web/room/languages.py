"""The languages of pages: which one a visitor reads, and every sentence in it.

English is written in templates and code (gettext); ``locale/fr/*.po`` have the French, one file for each part
of the room. They are read at the start: nothing has to be compiled.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES: Final = ("en", "fr")
_ACCEPTED = 200  # characters of Accept-Language that are looked at


@cache
def locale(language: str) -> Locale:
    """Return Babel's locale of one of LANGUAGES."""
    return Locale.parse(language)


@cache
def translations(language: str) -> NullTranslations:
    """Return the sentences of one of LANGUAGES."""
    if language == "en":
        return NullTranslations()
    told = Translations()
    told.plural = lambda number: int(number > 1)  # French: 0 piste, 1 piste, 2 pistes
    for catalog in catalogs(language):
        for message in catalog:
            if not message.id or not message.string or message.fuzzy:
                continue
            if isinstance(message.id, tuple):
                for number, text in enumerate(message.string):
                    told._catalog[message.id[0], number] = text
            elif isinstance(message.id, str):
                told._catalog[message.id] = str(message.string)
    return told


def catalogs(language: str) -> list[Catalog]:
    """Return the catalogues of a language as they are written."""
    folder = files("phonotheque.web.room") / "locale" / language
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".po"):
            with file.open("rb") as opened:
                found.append(read_po(opened, locale=language, abort_invalid=True))
    return found


def preferred(accepted: str) -> str:
    """Return the language that a header Accept-Language (RFC 9110 §12.5.4) likes best; English if none."""
    best, language = 0.0, LANGUAGES[0]
    for item in accepted[:_ACCEPTED].split(","):
        name, _, weight = item.partition(";q=")
        code = name.strip().lower()[:2]
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if code in LANGUAGES and quality > best:
            best, language = quality, code
    return language
