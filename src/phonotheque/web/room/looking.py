"""Looking: plots with their numbers, in tables and to take away. Nothing is counted or drawn here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from phonotheque.model.media import media_type
from phonotheque.vault.archive import Archive
from phonotheque.web.charts import Chart
from phonotheque.web.looking.catalogue_counts import CATALOGUE
from phonotheque.web.looking.counts import to_csv
from phonotheque.web.looking.drawings import drawing_of, drawn
from phonotheque.web.looking.kept import Kept
from phonotheque.web.looking.telling import GROUPS, tell
from phonotheque.web.looking.voice import Voice, voice
from phonotheque.web.room.pages import language_of, page, room_of

ROUTES: Final = APIRouter()
_FOR_GOOD: Final = "public, max-age=31536000, immutable"  # what a drawing shows is in its name
# Whoever opens a drawing by itself sees a picture: nothing in it can act, or load anything.
_PICTURE: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_SIZE: Final = re.compile(r'<svg [^>]*?width="(\d{1,5})[.\d]*" height="(\d{1,5})[.\d]*"')
_HEAD: Final = 500  # bytes of a drawing that tell its size


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing for a page: its name, without theme and ending, and its size in pixels."""

    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A chart and, as far as they are drawn by now, its pictures and files to take away."""

    chart: Chart
    wide: Picture | None
    narrow: Picture | None
    files: tuple[str, ...]  # endings


@ROUTES.api_route("/figures", methods=["GET", "HEAD"])
def figures(request: Request) -> Response:
    """Answer the page of all plots, small."""
    room, told = room_of(request), voice(language_of(request))
    kept = room.looking.kept()
    groups = [
        (told.gettext(title), [_shown(room.archive, kept, key, told) for key in keys if key in kept.counts])
        for title, keys in GROUPS
        if kept
    ]
    return page(request, "figures.html.j2", kept=kept, groups=[group for group in groups if group[1]])


@ROUTES.api_route("/figures/drawn/{name}", methods=["GET", "HEAD"])
def drawing(request: Request, name: str) -> Response:
    """Answer a drawing that a page shows."""
    path = drawn(room_of(request).archive, name)
    if path is None:
        raise HTTPException(404)
    return _file(path, _FOR_GOOD)


@ROUTES.api_route("/figures/{name}", methods=["GET", "HEAD"])
def figure(request: Request, name: str) -> Response:
    """Answer the page of a plot, or with an ending (svg, png, csv) the plot or its numbers to take away."""
    room, told = room_of(request), voice(language_of(request))
    kept = room.looking.kept()
    key, _dot, ending = name.partition(".")
    if kept is None or key not in kept.counts:
        raise HTTPException(404)
    if ending == "csv":
        return Response(to_csv(kept.counts[key]), media_type="text/csv; charset=utf-8; header=present")
    if ending in ("svg", "png"):
        found = drawing_of(room.archive, tell(kept.counts[key], told), told)
        path = drawn(room.archive, f"{found.alone}.{ending}") if found else None
        if path is None:
            raise HTTPException(404)
        return _file(path, "no-cache")
    if _dot:
        raise HTTPException(404)
    shown = _shown(room.archive, kept, key, told)
    return page(request, "figure.html.j2", kept=kept, shown=shown, of_catalogue=key in CATALOGUE)


def _shown(archive: Archive, kept: Kept, key: str, told: Voice) -> Shown:
    chart = tell(kept.counts[key], told)
    found = drawing_of(archive, chart, told)
    if found is None:
        return Shown(chart, None, None, ("csv",) if chart.data else ())
    wide, narrow = (_picture(archive, name) for name in (found.wide, found.narrow))
    endings = tuple(end for end in ("svg", "png") if drawn(archive, f"{found.alone}.{end}"))
    return Shown(chart, wide, narrow, (*endings, "csv"))


def _picture(archive: Archive, name: str) -> Picture | None:
    path = drawn(archive, f"{name}-light.svg")
    return Picture(name, *_size(path)) if path else None


@lru_cache(maxsize=1000)
def _size(path: Path) -> tuple[int, int]:
    """Return width and height of a drawing, whose file never changes under its name."""
    with path.open("rb") as stream:
        found = _SIZE.search(stream.read(_HEAD).decode("utf-8", "replace"))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _file(path: Path, keep: str) -> Response:
    headers = {"Cache-Control": keep, "Content-Security-Policy": _PICTURE}
    return FileResponse(path, media_type=media_type(path.name), headers=headers)
