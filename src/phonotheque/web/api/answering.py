"""How the API answers: JSON with a validator, lists in parts, problems in words; readable from any site."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.web.api.models import Model, Page, Problem
from phonotheque.web.room.addresses import site
from phonotheque.web.room.things import bounded

MOST: Final = 500  # items of a part
USUAL: Final = 100
Item = TypeVar("Item", bound=Model)
Endpoint = TypeVar("Endpoint", bound=Callable[..., Response])
AtMost = Annotated[int, Query(ge=1, le=MOST, description="How many items a part has at most")]
_PROBLEM: Final = {"application/problem+json": {"schema": Problem.model_json_schema()}}
_WHY: Final = {
    308: "It has this other id now",
    400: "It makes no sense",
    404: "There is no such thing",
    414: "The address is too long",
    422: "A parameter is not as it must be",
    429: "Too many requests came from there: Retry-After says when to ask again",
    503: "It cannot be answered just now",
}


def reading(
    routes: APIRouter, path: str, shape: Any, *more: int, tags: Sequence[str] = ()
) -> Callable[[Endpoint], Endpoint]:
    """Register an endpoint for GET, which the description of the API has, and for HEAD.

    ``more`` are the statuses that it may have besides 200, 304, 414, 422, 429 and 503.
    """
    told: dict[int | str, dict[str, Any]] = {304: {"description": "What you have is current"}}
    for status in sorted({414, 422, 429, 503, *more}):
        told[status] = {"description": _WHY[status]} | ({} if status == 308 else {"content": _PROBLEM})

    def register(endpoint: Endpoint) -> Endpoint:
        named = endpoint.__name__.rstrip("_")
        routes.get(path, response_model=shape, responses=told, tags=list(tags), operation_id=named)(endpoint)
        routes.head(path, include_in_schema=False)(endpoint)
        return endpoint

    return register


def answer(request: Request, model: Model) -> Response:
    """Return a model as JSON; 304 to who has it (RFC 9110 §13.1.2)."""
    value = bounded(model.model_dump(mode="json"))
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    tag = f'W/"{hashlib.sha256(data).hexdigest()[:32]}"'  # weak: compressed it is other bytes
    known = {one.strip() for one in request.headers.get("if-none-match", "").split(",")}
    if known & {tag, tag.removeprefix("W/"), "*"}:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(data, media_type="application/json", headers={"ETag": tag})


def part(request: Request, found: Sequence[Item], most: int, after: Callable[[Item], str]) -> Page[Item]:
    """Return a part of a list of which one item more than ``most`` was looked up, if there is one.

    ``after`` says of an item by which value of the parameter “after” the list goes on behind it.
    """
    following = address_after(request, after(found[most - 1])) if len(found) > most else None
    return Page(items=list(found[:most]), next=following)


def address_after(request: Request, after: str) -> str:
    """Return the address of the part of a list that begins behind something."""
    asked: Mapping[str, str] = {**request.query_params, "after": after}
    return f"{site(request).rstrip('/')}{request.url.path}?{urlencode(asked)}"
