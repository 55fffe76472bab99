"""``/oai``: OAI-PMH over GET and POST."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from phonotheque.web.oai.asking import OaiError, read_question
from phonotheque.web.oai.protocol import Repository, answer, refusal
from phonotheque.web.oai.records import NotReadyError
from phonotheque.web.room.addresses import site
from phonotheque.web.room.contact import mail_address
from phonotheque.web.room.pages import room_of

ROUTES: Final = APIRouter(include_in_schema=False)
_MOST: Final = 16 * 1024  # bytes of a form
_LATER: Final = "120"  # seconds


@ROUTES.api_route("/oai", methods=["GET", "HEAD", "POST"])
async def oai(request: Request) -> Response:
    """Answer a harvester."""
    query = request.url.query
    if request.method == "POST":
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST:
                return PlainTextResponse("This is too long.\n", status_code=413)
        query = body.decode("ascii", "replace")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            words = "Send arguments as application/x-www-form-urlencoded.\n"
            return PlainTextResponse(words, status_code=415)
    return await run_in_threadpool(_answer, request, query)


def _answer(request: Request, query: str) -> Response:
    room = room_of(request)
    current = room.published.current()
    repository = Repository(
        archive=room.archive,
        records=room.records,
        catalogue=room.catalogue,
        editions=tuple(range(1, current.edition.number + 1)) if current else (),
        site=site(request),
        contact=mail_address(room.archive.settings.serve.contact),
        today=room.today(),
    )
    try:
        data = answer(repository, read_question(query))
    except OaiError as error:
        data = refusal(repository, error)
    except NotReadyError as error:
        return PlainTextResponse(f"{error}\n", status_code=503, headers={"Retry-After": _LATER})
    return Response(data, media_type="text/xml; charset=utf-8")
