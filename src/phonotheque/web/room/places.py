"""The pages of places: where recordings come from, where they are kept, and how to keep them, too."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from phonotheque.web.room import bags, editions, mirror_door

ROUTES: Final = APIRouter()
for part in (bags.ROUTES, editions.ROUTES, mirror_door.ROUTES):
    ROUTES.include_router(part)
