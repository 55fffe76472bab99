"""Logging in and out."""

from __future__ import annotations

import math
import re
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.ledger.staff import account
from phonotheque.model.errors import UsageError
from phonotheque.web.room import forms
from phonotheque.web.room.correcting import PRIVATE, desk_of
from phonotheque.web.room.pages import _, language_of, page, refusal, room_of, told
from phonotheque.web.staff import sessions
from phonotheque.web.staff.passwords import fits, parse_name

ROUTES: Final = APIRouter(prefix="/staff")
_OURS: Final = re.compile(r"/(?:en|fr)/staff/[A-Za-z0-9/-]{0,200}")


@ROUTES.api_route("/login", methods=["GET", "HEAD"])
def login(request: Request, goal: Annotated[str, Query(max_length=300, alias="next")] = "") -> Response:
    """Answer the form to log in."""
    if not sessions.served(request):
        raise HTTPException(404)
    if not sessions.is_safe(request):
        return _unsafe(request)
    return _form(request, goal)


def _log_in(request: Request, form: FormData) -> Response:
    """Log in; whether the name or the password is wrong is not told, nor takes another time."""
    if not sessions.served(request):
        raise HTTPException(404)
    if not sessions.is_safe(request):
        return _unsafe(request)
    goal, typed = str(form.get("next", "")), str(form.get("name", ""))[:200]
    try:
        desk_of(request).tokens.check(str(form.get("token", "")))
    except forms.TokenError:
        return _form(request, goal, _("This page lay open for long. Type it again."), 422)
    name = _name(typed)
    attempts = desk_of(request).attempts
    if wait := attempts.begin(name, forms.asker(request)):
        later = math.ceil(wait)
        said = _("There were too many attempts. The next one is possible in %(seconds)s seconds.")
        again = {"Retry-After": str(later)}
        return _form(request, goal, said, 429, headers=again, seconds=later)
    with room_of(request).archive.ledger.connect() as ledger:
        known = account(ledger, name)
    right = fits(str(form.get("password", "")), known.password if known else None)
    goal = goal if _OURS.fullmatch(goal) else ""
    answer = RedirectResponse(goal or f"/{language_of(request)}/staff/", status_code=303, headers=PRIVATE)
    if not right or known is None or not sessions.begin(request, answer, known):
        return _form(request, goal, _("The name or the password is not right."), 403)
    attempts.succeeded(name, forms.asker(request))
    return answer


def _name(typed: str) -> str:
    """Return the name of an account, or something else that is no name of any."""
    try:
        return parse_name(typed)
    except UsageError:
        return ascii(typed.strip().lower())


def _log_out(request: Request, form: FormData) -> Response:
    who = sessions.required(request)
    if not sessions.check_form(who, form.get("token")):
        return refusal(request, 403, _("This form was not sent from a page of this site."), headers=PRIVATE)
    answer = RedirectResponse(f"/{language_of(request)}/staff/login", status_code=303, headers=PRIVATE)
    sessions.end(request, answer, who, everywhere=form.get("do") == "everywhere")
    return answer


ROUTES.add_api_route("/login", forms.posted(_log_in), methods=["POST"])
ROUTES.add_api_route("/logout", forms.posted(_log_out), methods=["POST"])


def _form(
    request: Request,
    goal: str,
    wrong: str = "",
    status: int = 200,
    *,
    headers: dict[str, str] | None = None,
    **values: object,
) -> Response:
    return page(
        request,
        "staff/login.html.j2",
        status=status,
        headers=PRIVATE | (headers or {}),
        wrong=told(request, wrong, **values) if wrong else "",
        goal=goal if _OURS.fullmatch(goal) else "",
        token=desk_of(request).tokens.make(),
    )


def _unsafe(request: Request) -> Response:
    said = _("Over this connection others could read a password. Reach this page by https.")
    return refusal(request, 403, said, headers=PRIVATE)
