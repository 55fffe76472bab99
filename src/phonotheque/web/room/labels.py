"""The pages of labels: all in the order of their names, and one with its releases by date."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.catalogue.index_labels import LONGEST
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.web.room.pages import language_of, room_of
from phonotheque.web.room.place_words import cursor, number, place_page

ROUTES: Final = APIRouter()
_LISTED: Final = 50


@ROUTES.api_route("/labels", methods=["GET", "HEAD"])
def labels(request: Request) -> Response:
    """Answer labels in the order of their names: all, or those that begin as was typed."""
    catalogue = room_of(request).catalogue
    beginning, after = cursor(request, "begin"), cursor(request)
    found = catalogue.labels(beginning, after, _LISTED + 1) if catalogue else []
    return place_page(
        request,
        "labels.html.j2",
        beginning=beginning,
        begun=bool(after),
        listed=[(label, address(request, label.name)) for label in found[:_LISTED]],
        more=found[_LISTED - 1].name if len(found) > _LISTED else None,
    )


@ROUTES.api_route("/label", methods=["GET", "HEAD"])
def label_named(request: Request) -> Response:
    """Answer the page of a label whose name cannot stand in a path."""
    return _label(request, cursor(request, "name"))


@ROUTES.api_route("/label/{name:path}", methods=["GET", "HEAD"])
def label(request: Request, name: str) -> Response:
    """Answer the page of a label; whoever writes it otherwise is led to its own address."""
    if len(name) > LONGEST:
        raise UsageError("This name is too long for a label.", "See the list of labels.")
    return _label(request, name)


def _label(request: Request, name: str) -> Response:
    catalogue = room_of(request).catalogue
    begin = number(cursor(request, "from") or "0", "a release")
    if catalogue is None:
        raise NotFoundError("There is no catalogue here that would know labels.")
    page = catalogue.label(name, begin, _LISTED)
    if page.label.name != name:
        place = address(request, page.label.name, **({"from": str(begin)} if begin else {}))
        return RedirectResponse(place, status_code=308)
    return place_page(
        request,
        "label.html.j2",
        label=page.label,
        releases=page.releases,
        begin=begin,
        first=address(request, name),
        more=address(request, name, **{"from": str(page.following)}) if page.following else None,
    )


def address(request: Request, name: str, **query: str) -> str:
    """Return the address of a label's page. What browsers would take for a way up stands in the query."""
    if any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name or not name.isprintable():
        return f"/{language_of(request)}/label?{urlencode({'name': name} | query)}"
    return f"/{language_of(request)}/label/{quote(name)}" + (f"?{urlencode(query)}" if query else "")
