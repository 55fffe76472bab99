"""The pages of places: where recordings come from, where they are kept, and how to keep them, too."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from phonotheque.web.room import about, bags, editions, labels, mirror_door, origins

ROUTES: Final = APIRouter()
for part in (about, bags, editions, labels, mirror_door, origins):
    ROUTES.include_router(part.ROUTES)
