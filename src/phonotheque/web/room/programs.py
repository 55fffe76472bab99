"""All that is for programs rather than for people: interfaces, at addresses that stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter

from phonotheque.web.oai import routes as oai

PROGRAMS: Final[Sequence[APIRouter]] = (oai.ROUTES,)
