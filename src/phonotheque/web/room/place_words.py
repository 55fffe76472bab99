"""What pages of places have in common: whom something is for, in words, and what addresses may ask."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from babel.lists import format_list
from starlette.requests import Request
from starlette.responses import HTMLResponse

from phonotheque.model.errors import UsageError
from phonotheque.model.territory import EU, Territory, parse_territory
from phonotheque.web.room.languages import locale
from phonotheque.web.room.pages import language_of, page

_LONGEST: Final = 500  # characters of a cursor
_MOST_NUMBER: Final = 10**9
_NAMED: Final = 12  # countries of a longer list


def place_page(request: Request, template: str, **content: Any) -> HTMLResponse:
    """Return a page, in whose template ``countries`` and ``territory`` are functions."""
    language = language_of(request)
    told: dict[str, Any] = {
        "countries": lambda codes: countries(codes, language),
        "country_name": lambda code: locale(language).territories.get(code, code),
        "territory": territory,
    }
    return page(request, template, **told, **content)


def territory(text: str) -> Territory:
    """Return the territory that an audience names."""
    return parse_territory(text)


def countries(codes: Iterable[str], language: str) -> str:
    """Return "Belgium, France and the United States", at most so many by name."""
    left = set(codes)
    names = locale(language).territories
    listed = [names["EU"]] if left >= EU else []
    left -= EU if listed else set()
    listed += sorted(names.get(code, code) for code in left)
    if len(listed) > _NAMED:
        return ", ".join(listed[:_NAMED]) + " …"
    return format_list(listed, locale=locale(language))


def cursor(request: Request, name: str = "after") -> str:
    """Return what an address says of where a list goes on; "" where it says nothing.

    Raises UsageError for what no page of ours has led to.
    """
    text = request.query_params.get(name, "")
    if len(text) > _LONGEST or "\0" in text:
        raise UsageError(f"“{name}” in the address is too long.", "Begin at the first page of the list.")
    return text


def number(text: str, what: str) -> int:
    """Return a number from an address. Raises UsageError naming what it should be the number of."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_MOST_NUMBER)):
        raise UsageError(f"“{text:.40}” is no number of {what}.", "Write it with digits only.")
    return int(text)
