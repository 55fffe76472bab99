"""The first screen: what this is, how it stands, where to begin."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.web.room.pages import page

ROUTES: Final = APIRouter()


@ROUTES.api_route("/", methods=["GET", "HEAD"])
def front(request: Request) -> Response:
    """Answer the first screen."""
    return page(request, "front.html.j2")
