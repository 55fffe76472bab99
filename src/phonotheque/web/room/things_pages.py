"""The pages of what the catalogue knows: recordings, releases, artists; and the rules that decide on them."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from phonotheque.web.room import artist, recording, release, rules

ROUTES: Final = APIRouter()
for each in (recording, release, artist, rules):
    ROUTES.include_router(each.ROUTES)
