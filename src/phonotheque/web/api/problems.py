"""What went wrong, for programs: RFC 9457's application/problem+json."""

from __future__ import annotations

import json
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

_MOST = 500  # characters of an explanation


def for_programs(request: Request) -> bool:
    """Tell whether who asks is a program that reads problems."""
    return request.url.path.startswith("/api/")


def problem(request: Request, status: int, detail: str, *, headers: dict[str, str] | None = None) -> Response:
    """Return a problem: its status, the status in words, and what was wrong."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail[:_MOST]}
    told["instance"] = request.url.path[:_MOST]
    data = json.dumps(told, ensure_ascii=True).encode()
    return Response(data, status_code=status, media_type="application/problem+json", headers=headers)
