"""All that is for programs rather than for people: interfaces, at addresses that stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter

from phonotheque.web.api import routes as api
from phonotheque.web.oai import routes as oai
from phonotheque.web.room import feeds, robots, sitemap

PROGRAMS: Final[Sequence[APIRouter]] = (
    oai.ROUTES,
    feeds.ROUTES,
    sitemap.ROUTES,
    robots.ROUTES,
    api.ROUTES,
)
PROGRAMS_EXPLAINED: Final[Sequence[APIRouter]] = (api.PAGES,)
