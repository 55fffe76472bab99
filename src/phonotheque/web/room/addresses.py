"""Whole addresses, for feeds, sitemaps and harvesters: where the room says that it is."""

from __future__ import annotations

from starlette.requests import Request

from phonotheque.web.room.pages import room_of


def site(request: Request) -> str:
    """Return the address of the room, with its last slash: as the settings say, else as it was asked for."""
    told = room_of(request).archive.settings.publish.url
    return f"{told.rstrip('/')}/" if told else str(request.base_url)
