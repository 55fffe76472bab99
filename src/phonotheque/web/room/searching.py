"""Search as you type; without JavaScript, by a form."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.catalogue.search import Found
from phonotheque.web.room.pages import page, room_of

ROUTES: Final = APIRouter()
_SHOWN: Final = 20


@ROUTES.api_route("/search", methods=["GET", "HEAD"])
def search(request: Request, q: Annotated[str, Query(max_length=1000)] = "") -> Response:
    """Answer what was found."""
    catalogue = room_of(request).catalogue
    found = catalogue.find(q, _SHOWN) if catalogue and q.strip() else Found(())
    return page(request, "search.html.j2", q=q, found=found)
