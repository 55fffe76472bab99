"""Making a page: templates, the language of the visitor, and what all pages have around them."""

from __future__ import annotations

from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote, urlencode

from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse

from phonotheque import __version__
from phonotheque.web import words
from phonotheque.web.looking.voice import voice
from phonotheque.web.room.languages import LANGUAGES, locale, translations
from phonotheque.web.room.state import Room

_NAMES: Final = {"en": "English", "fr": "Français"}


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **content: Any,
) -> HTMLResponse:
    """Return a page in the language of its address, made of a template and what it shows.

    A request of htmx's gets the template's block ``answer`` alone, where there is one.
    """
    language = language_of(request)
    found = environment(language).get_template(template)
    told = {
        "request": request,
        "room": room_of(request),
        "language": language,
        "country": room_of(request).country(request),
        **content,
    }
    if request.headers.get("hx-request") and "answer" in found.blocks:
        text = "".join(found.blocks["answer"](found.new_context(told)))
    else:
        text = found.render(told)
    vary = {"Vary": "HX-Request", "Content-Language": language}
    return HTMLResponse(text, status_code=status, headers=vary | (headers or {}))


def _(sentence: str) -> str:
    """Mark a sentence in code, for those who translate; :func:`told` says it."""
    return sentence


def told(request: Request, sentence: str, **values: Any) -> str:
    """Return a sentence in the language of the page asked for, with ``%(name)s`` filled in."""
    text = translations(language_of(request)).gettext(sentence)
    return text % values if values else text


def refusal(
    request: Request, status: int, sentence: str, *, headers: dict[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """Return a page that says in words why something cannot be had or done."""
    said = told(request, sentence, **values)
    return page(request, "error.html.j2", status=status, number=status, error=said, headers=headers)


def room_of(request: Request) -> Room:
    """Return the room that a request is made in."""
    room: Room = request.app.state.room
    return room


def language_of(request: Request) -> str:
    """Return the language of the address asked for; English where it has none."""
    first = request.url.path.split("/", 2)[1]
    return first if first in LANGUAGES else LANGUAGES[0]


@cache
def environment(language: str) -> Environment:
    """Return the templates of the room in a language."""
    made = Environment(
        loader=PackageLoader("phonotheque", "web/room/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    here = locale(language)
    made.filters.update(
        number=lambda value: format_decimal(value, locale=here),
        percent=lambda value: format_percent(value, "#,##0.#\u00a0%", locale=here),
        day=lambda value: voice(language).day(str(value)),
        dated=lambda value: dated(str(value), language),
        length=length,
        size=lambda value: size(value, language),
        shown=words.shown,
    )
    made.globals.update(
        version=__version__,
        languages=_NAMES,
        static=static,
        to=to,
        other_language=other_language,
        voice=voice(language),
    )
    return made


@pass_context
def to(context: Context, path: str, **query: Any) -> str:
    """Return the address of a page of the room, in the language of the page it is written on.

    ``path`` is without a slash at its beginning; values that are None are left out of the query.
    """
    kept = {name: value for name, value in query.items() if value is not None}
    asked = f"?{urlencode(kept, doseq=True)}" if kept else ""
    return f"/{context['language']}/{quote(path)}{asked}"


@pass_context
def other_language(context: Context, language: str) -> str:
    """Return the address of the page it is written on in another language."""
    url = context["request"].url
    rest = url.path.split("/", 2)[2:] or [""]
    return f"/{language}/{rest[0]}" + (f"?{url.query}" if url.query else "")


def static(name: str) -> str:
    """Return the address of a file in ``static/``, with which browsers may keep it for a year."""
    return f"/static/{_fingerprint(name)}/{name}"


@cache
def _fingerprint(name: str) -> str:
    return sha256((files("phonotheque.web.room") / "static" / name).read_bytes()).hexdigest()[:12]


def dated(text: str, language: str) -> str:
    """Return a date that is known to the day as people write it; another, such as "2024-05", as it is."""
    try:
        return voice(language).day(date.fromisoformat(text).isoformat())
    except ValueError:
        return words.shown(text)


def length(milliseconds: int) -> str:
    """Return "3:07", or "1:02:07"."""
    seconds = milliseconds // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"


def size(number: float, language: str) -> str:
    """Return bytes in decimal units: "1.5 GB", "1,5 Go"."""
    divisor, name = words.unit(round(number))
    if language == "fr":
        name = "octets" if name == "bytes" else name.removesuffix("B") + "o"
    places = "#,##0" if divisor == 1 or number / divisor >= 100 else "#,##0.0"
    return f"{format_decimal(number / divisor, places, locale=locale(language))}\u00a0{name}"
