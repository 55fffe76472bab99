"""The page of a recording: what is known of it, and from whom."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.catalogue.views import RecordingView
from phonotheque.model.errors import NotFoundError
from phonotheque.web.room.pages import language_of, page, room_of

ROUTES: Final = APIRouter()


@ROUTES.api_route("/recording/{key}", methods=["GET", "HEAD"])
def recording(request: Request, key: str) -> Response:
    """Answer the page of a recording; whoever asks by another of its names is led to its own address."""
    catalogue = room_of(request).catalogue
    view = catalogue.show(key) if catalogue else None
    if not isinstance(view, RecordingView):
        raise NotFoundError(f"There is no recording “{key}”.", "Search for it by its title.")
    if view.id != key:
        return RedirectResponse(f"/{language_of(request)}/recording/{view.id}", status_code=308)
    return page(request, "recording.html.j2", view=view)
